//! A transaction in the pool.

use plasma_core::{Admission, Bytes, Gas, TransactionHash, U256};

use super::{
    account::Account,
    limits::TRANSACTION_OVERHEAD_BYTES,
    list::{Linked, Links},
    names::Named,
    ranking::Offer,
    slab::Id,
};

/// A transaction in the pool: waiting, if it is in a lane, or in a block.
#[derive(Debug)]
pub(super) struct Pooled {
    pub(super) bytes: Bytes,
    pub(super) hash: TransactionHash,
    /// Whose it is.
    pub(super) account: Id<Account>,
    pub(super) nonce: u64,
    pub(super) gas_limit: Gas,
    pub(super) max_cost: U256,
    pub(super) expires_at: Option<u64>,
    pub(super) offer: Offer,
    /// Where it is ranked; `None` while it is in a block.
    pub(super) lane: Option<Lane>,
    links: [Links<Self>; 2],
}

/// What a waiting transaction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// A block.
    Ready,
    /// The one before it in its sender's run, which may be in the same block.
    Following,
    /// A nonce that is not here.
    Gapped,
}

/// The list of those with one turning point.
pub(super) const TURN: usize = 0;
/// The list of those that expire in one second.
pub(super) const EXPIRY: usize = 1;

impl Pooled {
    /// One that is in no lane yet, of what was admitted.
    pub(super) fn new(
        hash: TransactionHash,
        bytes: Bytes,
        it: &Admission,
        account: Id<Account>,
        arrival: u64,
    ) -> Self {
        Self {
            bytes,
            hash,
            account,
            nonce: it.nonce,
            gas_limit: it.gas_limit,
            max_cost: it.max_cost,
            expires_at: it.expires_at,
            offer: Offer::new(it, arrival),
            lane: None,
            links: Default::default(),
        }
    }

    /// What it counts for against the limits.
    pub(super) fn size(&self) -> usize {
        size(&self.bytes)
    }
}

/// What a transaction of these bytes counts for against the limits.
pub(super) fn size(bytes: &Bytes) -> usize {
    bytes.len() + TRANSACTION_OVERHEAD_BYTES
}

impl Linked for Pooled {
    fn links(&self, kind: usize) -> &Links<Self> {
        &self.links[kind]
    }

    fn links_mut(&mut self, kind: usize) -> &mut Links<Self> {
        &mut self.links[kind]
    }
}

impl Named for Pooled {
    type Name = TransactionHash;

    fn name(&self) -> &TransactionHash {
        &self.hash
    }
}
