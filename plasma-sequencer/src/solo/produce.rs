//! The one task that makes blocks.

use std::{
    pin::pin,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use futures::future::select;
use plasma_core::{
    Block, Certificate, CertifiedBlock, MAX_BODY_BYTES, SequencerError, Timestamp, TransactionHash,
};
use tokio::sync::Notify;

use super::{Order, Shared, blocking, journal_failed};
use crate::feed::{Source as _, give_way};

/// How far the clock may be behind the last block for the sequencer to wait for it. A clock that
/// was set back further is not waited for: blocks then follow their parents by a millisecond.
const PATIENCE_MS: u64 = 1_000;

/// How often to look whether execution caught up, when nobody says so.
const STALL_CHECK: Duration = Duration::from_millis(250);
/// How long to wait for execution before a block is made nevertheless, so that a report that never
/// comes does not stop the chain.
const STALL_MS: u64 = 2_000;
/// How many times the bound it may thereby go beyond it.
const MAX_STALLED: usize = 8;

/// How many blocks are made ahead of execution at once: one that is executed, and one that is next. Any more would be
/// executed no sooner, and would have to share what comes meanwhile.
const AHEAD: usize = 2;
/// How long to wait with a block beyond that, if nobody says what was executed.
const LINGER_MS: u64 = 100;

/// How long to wait for batches that are being admitted: under load some share a block then, and with it what every block
/// takes, whatever is in it. Who submits one transaction to an idle door waits for nobody.
const GATHER_MS: u64 = 40;

/// What came of an attempt.
enum Outcome {
    Made,
    /// For so many milliseconds yet execution has enough to do, or others are on their way in: what comes meanwhile shares
    /// the block.
    Later(u64),
    /// There is nothing to say.
    Idle,
    /// Execution is too far behind.
    Stalled,
}

/// Makes blocks until the sequencer is gone.
pub(super) async fn run(shared: Weak<Shared>, work: Arc<Notify>) {
    loop {
        work.notified().await;
        loop {
            let Some(pause) = shared.upgrade().map(|shared| shared.pause()) else {
                return;
            };
            if !pause.is_zero() {
                let Some(sleep) = shared.upgrade().map(|shared| shared.env.sleep(pause)) else {
                    return;
                };
                sleep.await;
                continue;
            }
            // Whoever is about to submit right now comes in too.
            give_way().await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            match shared.produce() {
                Ok(Outcome::Made) => {}
                Ok(Outcome::Idle) => break,
                Ok(Outcome::Later(rest)) => {
                    let sleep = shared.env.sleep(Duration::from_millis(rest));
                    drop(shared);
                    select(sleep, pin!(work.notified())).await;
                }
                Ok(Outcome::Stalled) => {
                    let sleep = shared.env.sleep(STALL_CHECK);
                    drop(shared);
                    select(sleep, pin!(work.notified())).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the sequencer stops");
                    shared.fail(error);
                    return;
                }
            }
        }
    }
}

impl Shared {
    /// How long to wait before the next block.
    fn pause(&self) -> Duration {
        let (now, last) = (self.env.now(), self.feed().head.timestamp);
        if last.0 > now.0 + PATIENCE_MS {
            return Duration::ZERO;
        }
        let pace = u64::try_from(self.config.block_time.as_millis()).unwrap_or(u64::MAX);
        // Two blocks in a millisecond would drive the chain's time ahead of the clock.
        let due = Timestamp(last.0.saturating_add(pace.max(1)));
        Duration::from_millis(due.0.saturating_sub(now.0))
    }

    /// Makes the next block if there is something to say.
    fn produce(&self) -> Result<Outcome, SequencerError> {
        let mut order = self.order();
        if order.journal.is_none() {
            return Ok(Outcome::Idle);
        }
        let now = self.env.now();
        if self.stalls(&mut order, now) {
            return Ok(Outcome::Stalled);
        }
        let order = &mut *order;
        let busy = order.unexecuted.len() >= AHEAD;
        if let Some(rest) = left(&mut order.lingering, busy, now, LINGER_MS) {
            return Ok(Outcome::Later(rest));
        }
        let admitting = self.admitting.load(Ordering::Relaxed) > 0;
        if let Some(rest) = left(&mut order.gathering, admitting, now, GATHER_MS) {
            return Ok(Outcome::Later(rest));
        }
        let timestamp = order.builder.timestamp(now);
        let byte_limit = self.config.byte_limit.min(MAX_BODY_BYTES);
        let picked = self
            .pool()
            .take(self.config.gas_limit, byte_limit, timestamp);
        let hashes: Vec<TransactionHash> = picked.iter().map(|picked| picked.hash).collect();
        let Some(block) = order.builder.build_picked(now, picked) else {
            return Ok(Outcome::Idle);
        };
        self.certify(order, block, hashes)?;
        Ok(Outcome::Made)
    }

    /// Whether execution is so far behind that it is better to wait.
    fn stalls(&self, order: &mut Order, now: Timestamp) -> bool {
        let (ahead, bound) = (order.unexecuted.len(), self.config.max_unexecuted);
        if ahead < bound {
            order.stalled = None;
            return false;
        }
        let since = *order.stalled.get_or_insert(now);
        let patient = now.0.saturating_sub(since.0) < STALL_MS;
        if patient || ahead >= bound.saturating_mul(MAX_STALLED) {
            return true;
        }
        tracing::warn!(blocks = ahead, "no report of execution; going on slowly");
        order.stalled = Some(now);
        false
    }

    fn certify(
        &self,
        order: &mut Order,
        block: Block,
        hashes: Vec<TransactionHash>,
    ) -> Result<(), SequencerError> {
        let certificate = Certificate::solo(&self.signer, &block.header);
        let certified = CertifiedBlock { block, certificate };
        let header = &certified.block.header;
        let began = self.env.now();
        let journal = order.journal.as_mut().ok_or(SequencerError::Stopped)?;
        blocking(|| journal.append(&certified)).map_err(journal_failed)?;
        let journal_ms = self.env.now().0.saturating_sub(began.0);
        order.builder.commit(header);
        order.unexecuted.push_back((header.height, hashes));
        self.meters
            .block(&certified.block, journal_ms, order.unexecuted.len());
        self.feed().push(Arc::new(certified));
        self.changes.send_replace(());
        Ok(())
    }
}

/// What is left of so many milliseconds `since` when there was a reason to wait, if there still is one.
fn left(
    since: &mut Option<Timestamp>,
    waits: bool,
    now: Timestamp,
    milliseconds: u64,
) -> Option<u64> {
    if waits {
        let began = *since.get_or_insert(now);
        // A clock that was set back says nothing.
        let waited = now.0.checked_sub(began.0).unwrap_or(milliseconds);
        let rest = milliseconds.checked_sub(waited).filter(|rest| *rest > 0);
        if rest.is_some() {
            return rest;
        }
    }
    *since = None;
    None
}
