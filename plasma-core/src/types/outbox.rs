//! The outbox: an append-only tree of the messages that a chain sends.

use alloc::{string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::ChainId;
use crate::{
    Words,
    ports::{State, StateRead},
    state::Item,
};

/// The height of the outbox tree.
pub const OUTBOX_DEPTH: usize = 32;

/// A message as an execution sends it; its place in the outbox is given when the step ends.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct OutgoingMessage {
    /// The chain that it is for; a withdrawal is for the root.
    pub destination: ChainId,
    /// Who sends it.
    pub sender: Address,
    /// Who is to receive it.
    pub recipient: Address,
    /// The asset that moves: the root token's address, or zero for XPL.
    pub asset: Address,
    /// How much of it.
    pub amount: U256,
    /// The gas that the recipient's call may use; zero for no call.
    pub gas: u64,
    /// The last second, by the destination's clock, in which it may be delivered; zero for no end.
    pub expiry: u64,
    /// Who is refunded when it expires.
    pub refund: Address,
    /// The bundle it belongs to; zero for none.
    pub bundle: B256,
    /// What the recipient is called with.
    pub payload: Bytes,
}

/// A message in its place.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct OutboxMessage {
    /// The chain that sent it.
    pub source: ChainId,
    /// Its place in that chain's outbox.
    pub nonce: u64,
    /// What it says.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub message: OutgoingMessage,
}

impl OutboxMessage {
    /// The version of the message's form.
    pub const VERSION: u8 = 1;

    /// The message's name, and its leaf: a tagged keccak-256 over its fields as 32-byte words.
    pub fn id(&self) -> B256 {
        let message = &self.message;
        Words::new()
            .word(keccak256(b"plasma.message.v1"))
            .uint(Self::VERSION)
            .uint(self.source.0)
            .uint(message.destination.0)
            .uint(self.nonce)
            .address(message.sender)
            .address(message.recipient)
            .address(message.asset)
            .uint(message.amount)
            .uint(message.gas)
            .uint(message.expiry)
            .address(message.refund)
            .word(message.bundle)
            .word(keccak256(&message.payload))
            .keccak()
    }
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

/// The right edge of the tree: enough to append and to know the root.
///
/// A leaf is a message's id, an empty leaf is zero, a node is the keccak of its two children.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Outbox {
    /// How many messages there are.
    pub count: u64,
    /// For each set bit of `count`, from the lowest: the root of the full subtree of that size.
    frontier: Vec<B256>,
}

const OUTBOX: Item<Outbox> = Item::new("core/outbox");

impl Outbox {
    /// The outbox in a chain's state.
    pub fn load(state: &(impl StateRead + ?Sized)) -> Self {
        OUTBOX.get(state).unwrap_or_default()
    }

    /// Writes it back.
    pub fn store(&self, state: &mut (impl State + ?Sized)) {
        OUTBOX.set(state, self);
    }

    /// Appends a leaf. The tree holds 2^32 - 1 of them; more messages than any chain sends.
    pub fn push(&mut self, leaf: B256) {
        assert!(self.count < (1 << OUTBOX_DEPTH) - 1, "the outbox is full");
        let merged = self.count.trailing_ones() as usize;
        let subtree = self
            .frontier
            .drain(..merged)
            .fold(leaf, |right, left| node(left, right));
        self.frontier.insert(0, subtree);
        self.count += 1;
    }

    /// The root.
    pub fn root(&self) -> B256 {
        let (mut root, mut empty, mut full) = (B256::ZERO, B256::ZERO, self.frontier.iter());
        for level in 0..OUTBOX_DEPTH {
            root = match (self.count >> level & 1, full.as_slice().first()) {
                (1, Some(left)) => {
                    full.next();
                    node(*left, root)
                }
                _ => node(root, empty),
            };
            empty = node(empty, empty);
        }
        root
    }
}

/// The proof that a message stands in an outbox.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct OutboxProof {
    /// The leaf's place.
    pub index: u64,
    /// Its siblings, from the bottom up; [`OUTBOX_DEPTH`] of them.
    pub siblings: Vec<B256>,
}

impl OutboxProof {
    /// Proves leaf `index` of a tree of these leaves; says why not when there is no such leaf.
    pub fn of(leaves: &[B256], index: u64) -> Result<Self, String> {
        if index >= leaves.len() as u64 {
            return Err(alloc::format!(
                "no leaf {index} in an outbox of {}",
                leaves.len()
            ));
        }
        let (mut level, mut empty, mut at) = (leaves.to_vec(), B256::ZERO, index as usize);
        let mut siblings = Vec::with_capacity(OUTBOX_DEPTH);
        for _ in 0..OUTBOX_DEPTH {
            siblings.push(level.get(at ^ 1).copied().unwrap_or(empty));
            level = level
                .chunks(2)
                .map(|pair| node(pair[0], pair.get(1).copied().unwrap_or(empty)))
                .collect();
            empty = node(empty, empty);
            at /= 2;
        }
        Ok(Self { index, siblings })
    }

    /// The root that this proof gives `leaf`; the proof holds when it is the outbox's.
    pub fn root(&self, leaf: B256) -> Option<B256> {
        if self.siblings.len() != OUTBOX_DEPTH || self.index >> OUTBOX_DEPTH != 0 {
            return None;
        }
        Some(
            self.siblings
                .iter()
                .enumerate()
                .fold(leaf, |root, (level, sibling)| {
                    if self.index >> level & 1 == 1 {
                        node(*sibling, root)
                    } else {
                        node(root, *sibling)
                    }
                }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_size_is_proven_against_the_appended_root() {
        let mut outbox = Outbox::default();
        let mut leaves = Vec::new();
        for n in 0..20_u8 {
            let leaf = keccak256([n]);
            leaves.push(leaf);
            outbox.push(leaf);
            for (index, leaf) in leaves.iter().enumerate() {
                let proof = OutboxProof::of(&leaves, index as u64).expect("in range");
                assert_eq!(
                    proof.root(*leaf),
                    Some(outbox.root()),
                    "leaf {index} of {}",
                    leaves.len()
                );
                assert_ne!(proof.root(B256::ZERO), Some(outbox.root()));
            }
        }
        assert!(OutboxProof::of(&leaves, 20).is_err());
    }
}
