//! Sequencing for the Plasma SDK: a bounded mempool and the orderers that certify blocks.
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures::StreamExt as _;
//! use plasma_core::{
//!     Committee, Height, Sequencer as _, Signer, TokioEnv, B256,
//!     conformance::sequencer::{ToyLedger, ToyTransaction, sequential, toy_genesis},
//! };
//! use plasma_sequencer::{MemoryJournal, SoloConfig, SoloSequencer};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! // What may enter is the gate's to say: a node answers from its newest state, this one from a toy ledger.
//! let gate = Arc::new(ToyLedger::default());
//! let signer = Signer::from_bytes(&B256::repeat_byte(1)).expect("a key");
//! let committee = Committee::solo(signer.address());
//! let config = SoloConfig::new(toy_genesis().chain_id, toy_genesis());
//! let (env, journal) = (Arc::new(TokioEnv), Box::new(MemoryJournal::new()));
//! let sequencer = SoloSequencer::start(config, signer, env, gate, journal)?;
//!
//! let transaction = ToyTransaction::new(sequential(1), 0).to_bytes();
//! let promise = sequencer.submit(transaction.clone()).await.expect("room for it");
//! let first = sequencer.blocks(Height(1)).next().await.expect("endless")?;
//! assert_eq!(first.block.transactions, [transaction]);
//! assert!(first.block.header.height <= promise.deadline);
//! first.certificate.verify(&committee, &first.block.header).expect("certified");
//! # Ok::<(), plasma_core::SequencerError>(())
//! # }).unwrap();
//! ```

mod based;
#[cfg(feature = "bft")]
mod bft;
mod builder;
mod feed;
mod frames;
mod journal;
mod mempool;
mod solo;

pub use based::{BasedConfig, BasedSequencer};
#[cfg(feature = "bft")]
pub use bft::*;
pub use builder::BlockBuilder;
pub use journal::{FileJournal, Journal, JournalError, MemoryJournal};
pub use mempool::{Mempool, MempoolLimits, MempoolStatistics, Picked, TRANSACTION_OVERHEAD_BYTES};
pub use solo::{SoloConfig, SoloSequencer};
