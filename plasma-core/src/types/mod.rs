//! The nouns of the SDK, and their hashes.

mod authorization;
mod block;
mod certificate;
mod checkpoint;
mod da;
mod finality;
mod identifiers;
mod inbox;
mod outbox;
mod receipt;
mod step;
mod trace;
mod transaction;

pub use authorization::{Authorization, KeyError, Proof, Prover, PublicKey, Scheme};
pub use block::{
    Block, BlockContext, BlockHeader, CertifiedBlock, MAX_BODY_BYTES, MAX_BODY_TRANSACTIONS,
    body_commitment, body_commitment_of,
};
pub use certificate::{
    BASED_COMMITTEE, Certificate, CertificateError, Committee, MAX_SEATS, Seat, Vote,
};
pub use checkpoint::Checkpoint;
pub use da::{
    BlobRef, CHUNK_BYTES, ChunkProof, CommitmentScheme, DaCommitment, chunk_proof, chunk_root,
    put_chunks, verify_chunk,
};
pub use finality::Stage;
pub use identifiers::{ChainId, Epoch, Gas, Height, Seconds, Timestamp};
pub use inbox::{
    EntryKind, EntryLink, Inbox, InboxEntry, InboxMessage, MAX_ENTRY_MESSAGES,
    MAX_MESSAGE_DATA_BYTES, MessageKind, put_message_links,
};
pub use outbox::{OUTBOX_DEPTH, Outbox, OutboxMessage, OutboxProof, OutgoingMessage};
pub use receipt::{Log, Receipt, Status};
pub use step::{
    StepKind, StepLeaf, put_message, put_steps, put_transaction, steps_height, steps_root,
};
pub use trace::{TRACE_HEIGHT, TraceCommitment, TraceProof};
pub use transaction::{
    MAX_TRANSACTION_BYTES, NATIVE_TRANSACTION_TYPE, NativeTransaction, TransactionHash,
    transaction_hash,
};
