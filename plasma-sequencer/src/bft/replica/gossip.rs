//! Transactions on their way to whose turn comes.
//!
//! A small committee tells everybody. A large one tells the next leaders, and tells the next ones again as long as no
//! block has the transaction: who took it in keeps its promise, however rarely it is on turn itself.

use std::collections::VecDeque;

use arc_malachitebft_core_types::Round;
use plasma_core::{Address, Bytes, Height, SubmitError, Timestamp, TransactionHash};

use super::Replica;
use crate::bft::{app::Entered, wire::Message};

/// Seats up to which everybody is told.
const SMALL_COMMITTEE: usize = 16;
/// The leaders that are told in a larger one, and after how many heights the next ones are.
const LEADERS: u64 = 8;
/// Bytes of transactions in one message, but for the last of them.
const MESSAGE_BYTES: usize = 256 * 1024;
/// Transactions of own users that are told again.
const MAX_OWN: usize = 65_536;

/// What users gave to this member.
#[derive(Debug, Default)]
pub(super) struct Gossip {
    /// Not told to anybody yet.
    fresh: Vec<Bytes>,
    bytes: usize,
    /// When they were told, the longest ago first.
    own: VecDeque<(Height, TransactionHash)>,
}

impl Replica {
    /// Takes transactions from users. The others are told, and a block of them is made, by [`Self::tick`], so that many
    /// share a message and a block.
    pub fn enter(
        &mut self,
        transactions: Vec<Bytes>,
        now: Timestamp,
    ) -> Vec<Result<Entered, SubmitError>> {
        if let Some(failure) = &self.failure {
            let failure = failure.to_string();
            return vec![Err(SubmitError::Unavailable(failure)); transactions.len()];
        }
        let answers = self.app.enter(&transactions, now);
        let at = self.app.head().height;
        for (transaction, answer) in transactions.into_iter().zip(&answers) {
            let Ok(entered) = answer else {
                continue;
            };
            let gossip = &mut self.gossip;
            gossip.bytes += transaction.len();
            gossip.fresh.push(transaction);
            if gossip.own.len() < MAX_OWN {
                gossip.own.push_back((at, entered.hash));
            }
            if gossip.bytes >= MESSAGE_BYTES {
                self.tell_fresh();
                self.flush();
            }
        }
        answers
    }

    /// Tells of what is new.
    pub(super) fn tell_fresh(&mut self) {
        if self.gossip.fresh.is_empty() {
            return;
        }
        self.gossip.bytes = 0;
        let fresh = std::mem::take(&mut self.gossip.fresh);
        self.tell(fresh);
    }

    /// Tells the next leaders of what no block has although others were told.
    pub(super) fn tell_again(&mut self) {
        let head = self.app.head().height;
        let (mut again, mut bytes) = (Vec::new(), 0);
        while let Some((told, hash)) = self.gossip.own.front().copied() {
            if head.0 < told.0 + LEADERS || bytes >= MESSAGE_BYTES {
                break;
            }
            self.gossip.own.pop_front();
            if let Some(transaction) = self.app.pool().get(&hash) {
                bytes += transaction.len();
                again.push(transaction.clone());
                self.gossip.own.push_back((head, hash));
            }
        }
        if !again.is_empty() {
            self.tell(again);
        }
    }

    fn tell(&mut self, transactions: Vec<Bytes>) {
        let seats = self.seats.committee().seats.len();
        if seats <= SMALL_COMMITTEE {
            self.send(None, Message::Transactions(transactions));
            return;
        }
        for leader in self.app.leaders(LEADERS) {
            self.send(Some(leader), Message::Transactions(transactions.clone()));
        }
    }

    /// Sends what waits to whose turn it is, once a round failed: perhaps it knows of nothing.
    pub(super) fn remind(&mut self, round: Round, proposer: Address) {
        if round.as_u32().is_none_or(|round| round == 0) || proposer == self.app.address() {
            return;
        }
        let mut room = MESSAGE_BYTES;
        let pending = self.app.pool().pending(1_024);
        let waiting: Vec<Bytes> = pending
            .into_iter()
            .take_while(|bytes| {
                let fits = bytes.len() <= room;
                room = room.saturating_sub(bytes.len());
                fits
            })
            .collect();
        if !waiting.is_empty() {
            self.send(Some(proposer), Message::Transactions(waiting));
        }
    }
}
