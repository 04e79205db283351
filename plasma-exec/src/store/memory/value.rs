use alloy_primitives::Bytes;

/// Longest value that is kept in its leaf: with it a leaf takes 72 bytes, and most values need no allocation.
const INLINE: usize = 38;

/// Longest value that is copied when it comes in.
const COPIED: usize = 1024;

/// A value as the trie keeps it.
#[derive(Clone)]
pub(super) enum Value {
    Inline { length: u8, bytes: [u8; INLINE] },
    Shared(Bytes),
}

impl Value {
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Self::Shared(bytes) => bytes,
        }
    }

    /// A byte of where the value is kept.
    pub(super) fn first_byte(&self) -> u8 {
        match self {
            Self::Inline { length, .. } => *length,
            Self::Shared(bytes) => bytes.len() as u8,
        }
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        match self {
            Self::Inline { .. } => Bytes::copy_from_slice(self.as_slice()),
            Self::Shared(bytes) => bytes.clone(),
        }
    }
}

impl From<&Bytes> for Value {
    fn from(value: &Bytes) -> Self {
        if value.len() > COPIED {
            return Self::Shared(value.clone());
        }
        if value.len() > INLINE {
            // A clone would keep alive the whole buffer that the value may be a slice of.
            return Self::Shared(Bytes::copy_from_slice(value));
        }
        let mut bytes = [0; INLINE];
        bytes[..value.len()].copy_from_slice(value);
        Self::Inline {
            length: value.len() as u8,
            bytes,
        }
    }
}
