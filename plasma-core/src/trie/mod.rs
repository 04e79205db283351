//! The state trie: a binary Merkle trie over hashed keys, its nodes fetched by hash.
//!
//! Root and nodes equal NOMT's with SHA-256, byte for byte, so that `nomt-core` is an independent oracle:
//!
//! | node | hash | first bit |
//! |---|---|---|
//! | terminator: no key below | 32 zero bytes | 0 |
//! | leaf: one key below | SHA-256(key ++ SHA-256(value)) | set to 1 |
//! | internal: two keys or more below | SHA-256(left ++ right) | set to 0 |
//!
//! Invariants. A key's bits, first bit first, are its path. A subtree with one key is its leaf, wherever it
//! stands; so an internal node never has two terminators, nor a leaf beside a terminator, as its children.
//! A leaf's hash does not depend on its depth, and a hash shows which kind of node it names: that is why
//! changing a key needs the nodes of that key's path and no others, even when a deletion lifts a sibling.
//!
//! Everything here is pure and works over [`Preimages`](crate::Preimages): the same code runs in the node, in
//! a verifier that holds a [`StateWitness`], and in the fault-proof machine. The native stores of `plasma-exec`
//! are proven equal to it.

mod error;
mod node;
mod preimages;
mod proof;
mod pruned;
mod witness;

#[cfg(test)]
mod tests;

pub use error::TrieError;
pub use node::{EMPTY_ROOT, MAX_VALUE_LEN, NodeKind, TrieNode};
pub use preimages::PreimageMap;
#[cfg(feature = "std")]
pub use preimages::PreimageRecorder;
pub use proof::StateProof;
pub use pruned::Trie;
pub use witness::StateWitness;
