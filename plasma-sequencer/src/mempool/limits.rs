//! How much may wait.

/// What a waiting transaction counts for beyond its own bytes: its place in the pool, its sender's, and its entries in
/// all indexes, with the room that these keep for more.
///
/// Measured where each is the only one of its sender, and no two pay or expire alike; others take half of it
/// (`tests/memory.rs`).
pub const TRANSACTION_OVERHEAD_BYTES: usize = 768;

/// How much may wait. Bytes count each transaction's length and [`TRANSACTION_OVERHEAD_BYTES`], so
/// that they bound memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MempoolLimits {
    /// Bytes in all.
    pub bytes: usize,
    /// Bytes of one sender.
    pub sender_bytes: usize,
    /// By how many percent a replacement must raise both fee caps.
    pub bump_percent: u8,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            sender_bytes: 4 << 20,
            bump_percent: 10,
        }
    }
}

impl MempoolLimits {
    /// The least that replaces a fee cap of `old` wei.
    pub(super) fn bumped(&self, old: u128) -> u128 {
        let percent = u128::from(self.bump_percent);
        // In two parts, so that no cap overflows; a bump of nothing would replace for nothing.
        let raise = (old / 100).saturating_mul(percent) + ((old % 100) * percent).div_ceil(100);
        old.saturating_add(raise.max(1))
    }
}

/// What waits, and what became of the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MempoolStatistics {
    /// Transactions that could be in the next block.
    pub ready: usize,
    /// Transactions that wait for an earlier nonce.
    pub gapped: usize,
    /// Transactions in blocks that are not executed yet.
    pub in_flight: usize,
    /// Senders with something here.
    pub senders: usize,
    /// Bytes that wait, as [`MempoolLimits`] counts them.
    pub bytes: usize,
    /// Taken in since the start.
    pub accepted: u64,
    /// Replaced by their senders.
    pub replaced: u64,
    /// Pushed out by better-paying ones.
    pub evicted: u64,
    /// Gone because their time was over.
    pub expired: u64,
    /// Gone because their sender's nonce or balance moved.
    pub invalidated: u64,
}
