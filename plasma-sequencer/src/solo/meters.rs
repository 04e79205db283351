//! What is measured.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use plasma_core::{Block, SubmitError};

use crate::MempoolStatistics;

/// Handles of all metrics, looked up once: install the recorder before making a sequencer.
pub(super) struct Meters {
    pool_transactions: Gauge,
    pool_gapped: Gauge,
    pool_in_flight: Gauge,
    pool_bytes: Gauge,
    pool_senders: Gauge,
    replaced: Counter,
    evicted: Counter,
    expired: Counter,
    invalidated: Counter,
    accepted: Counter,
    height: Gauge,
    unexecuted: Gauge,
    blocks: Counter,
    transactions: Counter,
    body_bytes: Histogram,
    journal_seconds: Histogram,
    overrides: Counter,
}

impl Meters {
    pub(super) fn new() -> Self {
        Self {
            pool_transactions: gauge!("plasma_mempool_ready_transactions"),
            pool_gapped: gauge!("plasma_mempool_gapped_transactions"),
            pool_in_flight: gauge!("plasma_mempool_in_flight_transactions"),
            pool_bytes: gauge!("plasma_mempool_bytes"),
            pool_senders: gauge!("plasma_mempool_senders"),
            replaced: counter!("plasma_mempool_replaced_total"),
            evicted: counter!("plasma_mempool_evicted_total"),
            expired: counter!("plasma_mempool_expired_total"),
            invalidated: counter!("plasma_mempool_invalidated_total"),
            accepted: counter!("plasma_mempool_accepted_total"),
            height: gauge!("plasma_sequencer_height"),
            unexecuted: gauge!("plasma_sequencer_unexecuted_blocks"),
            blocks: counter!("plasma_sequencer_blocks_total"),
            transactions: counter!("plasma_sequencer_transactions_total"),
            body_bytes: histogram!("plasma_sequencer_body_bytes"),
            journal_seconds: histogram!("plasma_sequencer_journal_seconds"),
            overrides: counter!("plasma_sequencer_overrides_total"),
        }
    }

    pub(super) fn submitted<T>(results: &[Result<T, SubmitError>]) {
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            let reason = match error {
                SubmitError::Rejected(_) => "rejected",
                SubmitError::AlreadyKnown(_) => "known",
                SubmitError::Underpriced { .. } => "underpriced",
                SubmitError::SenderFull { .. } => "sender_full",
                SubmitError::PoolFull { .. } => "pool_full",
                _ => "unavailable",
            };
            counter!("plasma_mempool_refused_total", "reason" => reason).increment(1);
        }
    }

    pub(super) fn pool(&self, now: &MempoolStatistics) {
        self.pool_transactions.set(now.ready as f64);
        self.pool_gapped.set(now.gapped as f64);
        self.pool_in_flight.set(now.in_flight as f64);
        self.pool_bytes.set(now.bytes as f64);
        self.pool_senders.set(now.senders as f64);
        self.accepted.absolute(now.accepted);
        self.replaced.absolute(now.replaced);
        self.evicted.absolute(now.evicted);
        self.expired.absolute(now.expired);
        self.invalidated.absolute(now.invalidated);
    }

    pub(super) fn block(&self, block: &Block, journal_ms: u64, unexecuted: usize) {
        let bytes: usize = block.transactions.iter().map(|bytes| bytes.len()).sum();
        self.height.set(block.header.height.0 as f64);
        self.blocks.increment(1);
        self.transactions.increment(block.transactions.len() as u64);
        self.body_bytes.record(bytes as f64);
        self.journal_seconds.record(journal_ms as f64 / 1_000.0);
        self.unexecuted.set(unexecuted as f64);
    }

    pub(super) fn overridden(&self) {
        self.overrides.increment(1);
    }

    pub(super) fn unexecuted(&self, blocks: usize) {
        self.unexecuted.set(blocks as f64);
    }
}
