//! Where those meet who submit one transaction each: what waits while others are admitted is admitted together.
//!
//! ```text
//!   submit ──► somebody is free to admit?  yes ──► admits at once, it and all that wait ──► passes the baton on
//!                                          no ───► waits for an answer, or for the baton
//! ```
//! Invariants:
//! - Who comes to an idle door waits for nobody.
//! - As many admit at once as there are cores, and each one batch: nobody works for others without end.
//! - What waits is bounded; beyond that each is admitted by itself.
//! - A baton is never lost: dropped anywhere, with whoever gave up, it goes to the next one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use plasma_core::{Bytes, SubmitError, TransactionHash};
use tokio::sync::oneshot;

use super::{Shared, blocking, lock};

/// What a transaction is called and whether a block could take it now; or why it was not taken.
pub(super) type Answer = Result<(TransactionHash, bool), SubmitError>;

/// The most that are admitted together: so many are checked in some milliseconds, on one core.
const MOST_AT_ONCE: usize = 256;
/// The most that wait.
const MOST_WAITING: usize = 4_096;

/// The door's queue.
pub(super) struct Entrance {
    queue: Mutex<Queue>,
    /// How many may admit at once.
    doors: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many admit now.
    admitting: usize,
}

struct Waiting {
    transaction: Bytes,
    turn: oneshot::Sender<Turn>,
}

/// What becomes of one that waits.
enum Turn {
    Answer(Answer),
    /// It admits itself, and others.
    Admit(Baton),
}

/// The right to admit.
struct Baton(Option<Arc<Shared>>);

impl Entrance {
    pub(super) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            doors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl Drop for Baton {
    fn drop(&mut self) {
        let Some(shared) = self.0.take() else {
            return;
        };
        loop {
            let next = {
                let mut queue = lock(&shared.entrance.queue);
                let next = queue.waiting.pop_front();
                if next.is_none() {
                    queue.admitting -= 1;
                }
                next
            };
            let Some(Waiting { turn, .. }) = next else {
                return;
            };
            // Who gave up is passed over.
            match turn.send(Turn::Admit(Self(Some(Arc::clone(&shared))))) {
                Err(Turn::Admit(mut baton)) => drop(baton.0.take()),
                Ok(()) | Err(Turn::Answer(_)) => return,
            }
        }
    }
}

impl Shared {
    /// Takes one transaction, together with those that wait as well.
    pub(super) async fn enter_one(self: &Arc<Self>, transaction: Bytes) -> Answer {
        let turn = {
            let mut queue = lock(&self.entrance.queue);
            if queue.admitting < self.entrance.doors {
                queue.admitting += 1;
                Ok(Baton(Some(Arc::clone(self))))
            } else if queue.waiting.len() >= MOST_WAITING {
                Ok(Baton(None))
            } else {
                let (turn, turned) = oneshot::channel();
                let transaction = transaction.clone();
                queue.waiting.push_back(Waiting { transaction, turn });
                Err(turned)
            }
        };
        let baton = match turn {
            Ok(baton) => baton,
            Err(turned) => match turned.await {
                Ok(Turn::Admit(baton)) => baton,
                Ok(Turn::Answer(answer)) => return answer,
                Err(_) => {
                    let lost = "whoever was to admit it stopped; send it again".to_owned();
                    return Err(SubmitError::Unavailable(lost));
                }
            },
        };
        self.admit_with(baton, transaction)
    }

    fn admit_with(&self, baton: Baton, transaction: Bytes) -> Answer {
        let (mut batch, mut turns) = (vec![transaction], Vec::new());
        if baton.0.is_some() {
            let mut queue = lock(&self.entrance.queue);
            let count = queue.waiting.len().min(MOST_AT_ONCE - 1);
            for Waiting { transaction, turn } in queue.waiting.drain(..count) {
                batch.push(transaction);
                turns.push(turn);
            }
        }
        let mut answers = if turns.is_empty() {
            self.enter(batch)
        } else {
            blocking(|| self.enter(batch))
        }
        .into_iter();
        let silent = || {
            Err(SubmitError::Unavailable(
                "nobody answered for it".to_owned(),
            ))
        };
        let own = answers.next().unwrap_or_else(silent);
        // The next ones begin while the answers are told.
        drop(baton);
        for turn in turns {
            let answer = answers.next().unwrap_or_else(silent);
            // Who gave up hears nothing of it, as whoever is cut off.
            let _ = turn.send(Turn::Answer(answer));
        }
        own
    }
}
