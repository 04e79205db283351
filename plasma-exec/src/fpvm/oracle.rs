//! What a machine asks of the world: preimages of hashes, and nothing else.

use plasma_core::{B256, Bytes, MAX_PREIMAGE_BYTES, PreimageKind, PreimageMap, Preimages};

/// The bytes of a trie node's preimage.
pub const TRIE_NODE_BYTES: usize = 64;
/// The field elements of an EIP-4844 blob.
pub const BLOB_ELEMENTS: u64 = 4096;
/// The bytes of an EIP-4844 blob.
pub const BLOB_BYTES: usize = 32 * BLOB_ELEMENTS as usize;

/// Whether these bytes can be proven to be the key's preimage. A blob is checked by its length here, and by the opening
/// of each field element when a step over it is proven.
pub(super) fn binds(kind: PreimageKind, key: &B256, preimage: &[u8]) -> bool {
    match kind {
        PreimageKind::Blob => preimage.len() == BLOB_BYTES,
        _ => kind.names(key, preimage),
    }
}

/// A field element of a blob with its KZG proof, as the point-evaluation precompile takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobOpening {
    /// The blob's KZG commitment.
    pub commitment: [u8; 48],
    /// The proof that the polynomial has this value there.
    pub proof: [u8; 48],
    /// The field element, big-endian.
    pub value: B256,
}

/// Knows preimages.
///
/// Its answers are checked against their keys before a program sees them, so it need not be trusted; it may be asked
/// for the same key again, from several threads, and must then give the same answer.
pub trait Oracle: Send + Sync {
    /// The preimage of a key; `None` when it is not known. Of a blob, all 131,072 bytes.
    fn preimage(&self, kind: PreimageKind, key: &B256) -> Option<Bytes>;

    /// The opening of a blob's field element; `None` when it is not known. Only proofs of steps need it.
    fn blob_opening(&self, versioned_hash: &B256, index: u64) -> Option<BlobOpening> {
        let _ = (versioned_hash, index);
        None
    }
}

/// What was collected natively for a segment.
impl Oracle for PreimageMap {
    fn preimage(&self, kind: PreimageKind, key: &B256) -> Option<Bytes> {
        Preimages::get(self, kind, key)
    }
}

/// Knows nothing: the oracle of programs that read no input.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOracle;

impl Oracle for NoOracle {
    fn preimage(&self, _: PreimageKind, _: &B256) -> Option<Bytes> {
        None
    }
}

/// Why a machine could not go on, though its program did nothing wrong. A trap is no such error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The oracle does not know a preimage that the program reads.
    #[error(
        "the preimage of {kind:?} key {key} is not known; record all that the program reads and give it to the oracle"
    )]
    UnknownPreimage {
        /// How the key is made.
        kind: PreimageKind,
        /// The key.
        key: B256,
    },
    /// The oracle's answer is not the key's preimage, or longer than anyone can prove.
    #[error(
        "the oracle gave {length} bytes that are no provable preimage of {kind:?} key {key} (limit {MAX_PREIMAGE_BYTES}); repair its store"
    )]
    WrongPreimage {
        /// How the key is made.
        kind: PreimageKind,
        /// The key.
        key: B256,
        /// The length of the answer.
        length: usize,
    },
    /// The oracle has a blob but not the opening of one of its field elements.
    #[error(
        "the opening of field element {index} of blob {key} is not known or not the blob's; give the oracle the commitment and the proof"
    )]
    UnknownOpening {
        /// The blob's versioned hash.
        key: B256,
        /// The field element.
        index: u64,
    },
}
