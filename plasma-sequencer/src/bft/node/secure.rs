//! Messages over an encrypted stream.
//!
//! ```text
//!   record    length u16 BE │ ciphertext, at most 65,535 bytes
//!   message   length u32 LE │ bytes, over as many records as it takes
//! ```
//! A message of no bytes is a sign of life: whoever opened the link asks by it, and the other side answers.

use std::io;

use plasma_core::Address;
use snow::TransportState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::handshake::AsyncStream;

/// The longest record that Noise allows.
pub(super) const MAX_RECORD_BYTES: usize = 65_535;
/// What a record is longer than what it says.
const TAG_BYTES: usize = 16;
/// How much is read at once, at least.
const READ_BYTES: usize = 16 * 1024;

/// Why a link is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("it does not speak our protocol, or the bytes were changed: {0}")]
    Noise(#[from] snow::Error),
    #[error("a message of {length} bytes; the limit is {limit}")]
    TooLong { length: usize, limit: usize },
    #[error("it gives no sign of life")]
    Lifeless,
    #[error("it does not prove its key for this chain")]
    Unproven,
    #[error("{0} is not whom we expect here; check the keys and addresses of the peers")]
    Stranger(Address),
}

/// An encrypted stream.
pub(super) struct Secure<S> {
    stream: S,
    noise: TransportState,
    /// As it came, and less than a record.
    raw: Vec<u8>,
    /// Decrypted, and not read yet.
    rest: Vec<u8>,
}

impl<S: AsyncStream> Secure<S> {
    pub(super) fn new(stream: S, noise: TransportState) -> Self {
        Self {
            stream,
            noise,
            raw: Vec::new(),
            rest: Vec::new(),
        }
    }

    /// Sends one message.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let mut plain = Vec::with_capacity(4 + message.len());
        plain.extend_from_slice(&(message.len() as u32).to_le_bytes());
        plain.extend_from_slice(message);
        let mut out = Vec::with_capacity(plain.len() + 64);
        let mut record = vec![0; MAX_RECORD_BYTES];
        for chunk in plain.chunks(MAX_RECORD_BYTES - TAG_BYTES) {
            let length = self.noise.write_message(chunk, &mut record)?;
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&record[..length]);
        }
        self.stream.write_all(&out).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Waits for one message of at most `limit` bytes. Cancelled, it goes on where it was when called again.
    pub(super) async fn receive(&mut self, limit: usize) -> Result<Vec<u8>, LinkError> {
        while self.rest.len() < 4 {
            self.fill().await?;
        }
        let head = self.rest[..4].try_into().expect("four bytes");
        let length = u32::from_le_bytes(head) as usize;
        if length > limit {
            return Err(LinkError::TooLong { length, limit });
        }
        // Grows by what arrives, not by what is announced.
        while self.rest.len() < 4 + length {
            self.fill().await?;
        }
        let message = self.rest[4..4 + length].to_vec();
        self.rest.drain(..4 + length);
        Ok(message)
    }

    /// Reads one record.
    async fn fill(&mut self) -> Result<(), LinkError> {
        let end = loop {
            if let Some(head) = self.raw.first_chunk::<2>() {
                let end = 2 + usize::from(u16::from_be_bytes(*head));
                if self.raw.len() >= end {
                    break end;
                }
            }
            self.raw.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.raw).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        };
        let mut plain = vec![0; end];
        let length = self.noise.read_message(&self.raw[2..end], &mut plain)?;
        self.raw.drain(..end);
        self.rest.extend_from_slice(&plain[..length]);
        Ok(())
    }

    /// Waits for the other side's sign of life. It sends nothing else on a link that was opened to it.
    pub(super) async fn sign_of_life(&mut self) -> Result<(), LinkError> {
        self.receive(0).await.map(drop)
    }
}
