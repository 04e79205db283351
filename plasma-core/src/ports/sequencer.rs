//! The port of sequencing: in what order?

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};

use super::{BoxStream, Rejection};
use crate::{
    BatchHeader, BlockHeader, CertifiedBlock, ChainId, Committee, Epoch, Height, Severe, Severity,
    Signature, SignatureError, Signer, Timestamp, TransactionHash, Words,
};

/// A sequencer's signed word that a transaction will be in a block in time. A broken one is evidence.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Promise {
    /// The chain.
    pub chain_id: ChainId,
    /// The transaction.
    pub transaction: TransactionHash,
    /// The highest block that may be the first to have it.
    pub deadline: Height,
    /// Who promises.
    pub sequencer: Address,
    /// Its signature over the rest.
    pub signature: Signature,
}

impl Promise {
    fn digest(chain_id: ChainId, transaction: TransactionHash, deadline: Height) -> B256 {
        Words::new()
            .word(keccak256(b"plasma.promise.v1"))
            .uint(chain_id.0)
            .word(transaction)
            .uint(deadline.0)
            .keccak()
    }

    /// Promises.
    pub fn sign(
        signer: &Signer,
        chain_id: ChainId,
        transaction: TransactionHash,
        deadline: Height,
    ) -> Self {
        let signature = signer.sign(Self::digest(chain_id, transaction, deadline));
        Self {
            chain_id,
            transaction,
            deadline,
            sequencer: signer.address(),
            signature,
        }
    }

    /// Whether `sequencer` signed it.
    pub fn verify(&self) -> Result<bool, SignatureError> {
        let digest = Self::digest(self.chain_id, self.transaction, self.deadline);
        Ok(self.signature.recover(digest)? == self.sequencer)
    }
}

/// Why a transaction was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It cannot be executed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It is here already.
    #[error("already known: {0}")]
    AlreadyKnown(TransactionHash),
    /// Another with the same nonce is here, and pays too much to be replaced by this one.
    #[error(
        "replacement transaction underpriced: offer at least {needed} wei for each unit of gas, not {offered}"
    )]
    Underpriced {
        /// Offered.
        offered: u128,
        /// Needed.
        needed: u128,
    },
    /// The sender has too much waiting.
    #[error(
        "{sender} has {waiting} bytes waiting, and the limit for one sender is {limit}; wait for some to be included"
    )]
    SenderFull {
        /// The account.
        sender: Address,
        /// What waits, in bytes.
        waiting: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The pool is full of better-paying ones.
    #[error(
        "the pool is full ({limit} bytes) and everything in it pays more than {offered} wei for each unit of gas"
    )]
    PoolFull {
        /// Offered.
        offered: u128,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The sequencer is stopping or away.
    #[error("the sequencer is away: {0}")]
    Unavailable(String),
}

impl Severe for SubmitError {
    fn severity(&self) -> Severity {
        match self {
            Self::SenderFull { .. } | Self::PoolFull { .. } | Self::Unavailable(_) => {
                Severity::Transient
            }
            _ => Severity::Fatal,
        }
    }
}

/// Why the sequencer gives no more blocks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// Blocks from here on were overridden by the derived chain: read again from there.
    #[error("the derived chain overrides the sequencer from height {0}")]
    Overridden(Height),
    /// The journal of certified blocks cannot be written or read.
    #[error("the sequencer's journal failed: {0}")]
    Journal(String),
    /// What the node told it contradicts what it knows.
    #[error("the sequencer was told something impossible: {0}")]
    Inconsistent(String),
    /// It is stopping.
    #[error("the sequencer stopped")]
    Stopped,
}

impl Severe for SequencerError {
    fn severity(&self) -> Severity {
        match self {
            Self::Overridden(_) => Severity::Reset,
            Self::Stopped => Severity::Transient,
            Self::Journal(_) | Self::Inconsistent(_) => Severity::Fatal,
        }
    }
}

/// What the node tells its sequencer about the rest of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainUpdate {
    /// A block was executed; later headers carry its state root.
    Executed {
        /// The block.
        height: Height,
        /// The state root after it.
        state_root: B256,
    },
    /// So many messages are in the root's inbox; the next block should consume them.
    Messages {
        /// How many there are in all.
        count: u64,
    },
    /// A batch of published blocks is ready to be sealed by the next block.
    Seal(BatchHeader),
    /// The derived chain has certified blocks up to this one, beyond the sequencer's head. One that learns from others
    /// what was certified may do so in its own way; any other continues after this block.
    Derived(BlockHeader),
    /// The derived chain went another way: continue after this block, with what was ordered since waiting again.
    Override(BlockHeader),
}

/// Orders transactions into certified blocks; or, where the root orders, holds what waits for that.
///
/// Not trusted: certificates are checked against the committee by whoever reads them.
#[async_trait]
pub trait Sequencer: Send + Sync {
    /// Takes a transaction, and promises. Cancelled, it was taken or not; ask again with the same bytes.
    async fn submit(&self, transaction: Bytes) -> Result<Promise, SubmitError>;

    /// Takes transactions as [`Self::submit`] does, one answer for each in their order, and promises nothing: who asks
    /// for no promise does not pay for its signature, and what comes together is checked together. Cancelled, any of
    /// them were taken or not.
    async fn submit_all(
        &self,
        transactions: Vec<Bytes>,
    ) -> Vec<Result<TransactionHash, SubmitError>> {
        let mut answers = Vec::with_capacity(transactions.len());
        for transaction in transactions {
            let promise = self.submit(transaction).await;
            answers.push(promise.map(|promise| promise.transaction));
        }
        answers
    }

    /// Whether blocks come from here. If not, they come by the root alone: [`Self::blocks`] gives none, nobody is in
    /// a committee, promises promise nothing, and the head is the derived chain's, by [`ChainUpdate::Override`].
    fn certifies(&self) -> bool {
        true
    }

    /// Every block exactly once, in order, from `from` on; resumable, and endless. Each is durable before it is
    /// given: after a crash, the same heights have the same blocks.
    fn blocks(&self, from: Height) -> BoxStream<'static, Result<CertifiedBlock, SequencerError>>;

    /// The newest certified block's header; genesis when there is none yet.
    fn head(&self) -> BlockHeader;

    /// Who certifies in `epoch`; `None` when that is not known.
    fn committee(&self, epoch: Epoch) -> Option<Committee>;

    /// Takes news. Idempotent; may be repeated after a restart.
    async fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError>;

    /// The transactions that wait, best paying first, at most `limit`.
    fn pending(&self, limit: usize) -> Vec<Bytes>;

    /// What a block at `now` could take, at most so many bytes: best paying first, in an order in which all can be
    /// executed on the newest state. It goes on waiting until a block with it was executed. Nothing while what waits
    /// is not in step with that state.
    fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes>;

    /// A waiting transaction by its hash.
    fn pending_by_hash(&self, hash: &TransactionHash) -> Option<Bytes>;

    /// The next nonce to use for `account`, counting what waits; `None` when nothing of it waits.
    fn pending_nonce(&self, account: &Address) -> Option<u64>;

    /// Whether this node should publish the batch for inbox entry `entry`, whose oldest block waits for so long. Where
    /// several nodes have the blocks, this is how they share the work; it decides nothing but who pays.
    fn publishes(&self, entry: u64, waited: Duration) -> bool {
        let _ = (entry, waited);
        true
    }
}
