//! Data availability for the Plasma SDK: durable, content-addressed bytes that the root can open by itself.
//!
//! [`EmbeddedDa`] keeps blobs in a directory (or in memory), [`RemoteDa`] reads them from whoever
//! has them, and [`FallbackDa`] asks one after the other. None of them is trusted: bytes are
//! checked against their commitment.
//!
//! ```
//! use plasma_core::{Bytes, DataAvailability};
//! use plasma_da::EmbeddedDa;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), plasma_core::DaError> {
//! let da = EmbeddedDa::in_memory();
//! let blob = da.publish(Bytes::from_static(b"a batch of blocks")).await?;
//! assert_eq!(da.fetch(&blob).await?, Bytes::from_static(b"a batch of blocks"));
//! # Ok(())
//! # }
//! ```

mod embedded;
mod fallback;
mod remote;

pub use embedded::{EmbeddedDa, Pruned};
pub use fallback::FallbackDa;
pub use remote::{BlobSource, RemoteDa};
