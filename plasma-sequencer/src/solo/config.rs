//! What a solo sequencer is told once.

use std::time::Duration;

use plasma_core::{BlockHeader, ChainId, Epoch, Gas, MAX_BODY_BYTES};

use crate::MempoolLimits;

/// How a [`SoloSequencer`](crate::SoloSequencer) works.
#[derive(Clone, Debug)]
pub struct SoloConfig {
    /// The chain.
    pub chain_id: ChainId,
    /// The term of its committee of one.
    pub epoch: Epoch,
    /// Where the chain begins.
    pub genesis: BlockHeader,
    /// The least time between two blocks. Zero for a block as soon as there is something to say;
    /// what arrives while one is written shares the next.
    pub block_time: Duration,
    /// The gas of one block: the sum of its transactions' limits.
    pub gas_limit: Gas,
    /// The bytes of one block's transactions; never above [`MAX_BODY_BYTES`].
    pub byte_limit: usize,
    /// How much may wait.
    pub limits: MempoolLimits,
    /// Within how many blocks a transaction is promised.
    pub promise_blocks: u64,
    /// How many blocks may be ahead of execution at full pace. Beyond, transactions wait, which
    /// makes blocks larger, and the chain goes on when the node reports what it executed, or slowly
    /// if it reports nothing.
    pub max_unexecuted: usize,
    /// Fault injection, for tests and devnets: never consume messages of the root's inbox, so that
    /// somebody has to force them.
    pub ignore_messages: bool,
}

impl SoloConfig {
    /// The defaults for a chain.
    pub fn new(chain_id: ChainId, genesis: BlockHeader) -> Self {
        Self {
            chain_id,
            epoch: Epoch(0),
            genesis,
            block_time: Duration::ZERO,
            gas_limit: Gas(1_000_000_000),
            byte_limit: MAX_BODY_BYTES,
            limits: MempoolLimits::default(),
            promise_blocks: 64,
            max_unexecuted: 32,
            ignore_messages: false,
        }
    }
}
