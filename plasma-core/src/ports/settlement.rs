//! The port of settlement: who decides what is final?

use alloc::{boxed::Box, format, string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;

use super::{BoxStream, DisputeTerms, MatchKey, ProgramIdentity, TournamentView};
use crate::{
    BatchHeader, BlockHeader, Certificate, Checkpoint, Committee, Epoch, InboxEntry, InboxMessage,
    Seconds, Severe, Severity, TraceCommitment, TraceProof,
};

/// A block of the root layer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize,
)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct RootBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub timestamp: Seconds,
}

/// Something that happened on the root, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootEvent {
    /// A deposit or forced transaction entered.
    Message(InboxMessage),
    /// A batch was appended, or messages were forced.
    Entry(InboxEntry),
    /// A batch was appended that nobody certified. The root carries its bytes, and they are those that it commits to.
    OpenEntry {
        /// The entry.
        entry: InboxEntry,
        /// The batch's bytes.
        bytes: Bytes,
    },
    /// A claim was made.
    Claimed {
        /// Who claims.
        claimant: Address,
        /// The state after all entries below this one.
        entries: u64,
        /// The trace's root.
        commitment: B256,
        /// The claimed state's checkpoint hash.
        checkpoint: B256,
    },
    /// Two claims differ, and nothing settles before that is decided.
    Contested {
        /// The entries claimed.
        entries: u64,
    },
    /// No claim survived, and the next round may begin.
    Restarted {
        /// The round that is over.
        round: u64,
    },
    /// A claim stood, and is final.
    Settled(Checkpoint),
    /// A withdrawal was paid.
    Withdrawn {
        /// The message's id.
        id: B256,
    },
}

/// News from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootUpdate {
    /// A block, after all before it. Blocks without events may be left out, the newest never.
    Block {
        /// The block.
        block: RootBlock,
        /// What happened in it.
        events: Vec<RootEvent>,
    },
    /// The root reorganised: everything after this block is undone.
    Reorg {
        /// The last block that stands.
        to: RootBlock,
    },
}

/// The transaction on the root that did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct RootReceipt {
    /// Its hash.
    pub transaction: B256,
    /// The block it is in.
    pub block: u64,
    /// The gas it used.
    pub gas_used: u64,
}

/// A claim that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct ClaimView {
    /// Who made it.
    pub claimant: Address,
    /// The state after all entries below this one.
    pub entries: u64,
    /// The trace's root.
    pub commitment: B256,
    /// The claimed checkpoint's hash.
    pub checkpoint: B256,
    /// When it can be settled, by the root's clock.
    pub deadline: Seconds,
    /// Whether another claim contradicts it.
    pub contested: bool,
}

/// What the root knows of a chain, at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct DisputeView {
    /// At this block.
    pub at: RootBlock,
    /// Entries in the inbox.
    pub entries: u64,
    /// Messages in the inbox.
    pub messages: u64,
    /// Messages that the entries consume.
    pub consumed: u64,
    /// When the oldest unconsumed message may be forced.
    pub overdue_at: Option<Seconds>,
    /// The hash of the settled checkpoint.
    pub settled: B256,
    /// The entries that it has behind it.
    pub settled_entries: u64,
    /// The claim that waits.
    pub claim: Option<ClaimView>,
    /// What a claim must put up, in wei of the root's coin.
    pub bond: U256,
    /// How long a claim must stand, in seconds.
    pub challenge_window: u64,
    /// Bonds that this client may take back, in wei.
    pub withdrawable: U256,
    /// Rounds of claims that are over.
    pub round: u64,
    /// The entries that a new claim may cover at most: the inbox's, up to where another program begins.
    pub claimable: u64,
    /// The program that decides about the next entries to settle; zero for none.
    pub program: B256,
    /// The shape of its disputes.
    pub terms: DisputeTerms,
    /// All tournaments of this round that are not resolved, each after the one that opened it; none while no
    /// claim waits.
    pub tournaments: Vec<TournamentView>,
}

impl DisputeView {
    /// The outer tournament, while claims wait.
    pub fn outer(&self) -> Option<&TournamentView> {
        self.tournaments.iter().find(|found| found.level == 0)
    }

    /// A tournament by its id.
    pub fn tournament(&self, id: B256) -> Option<&TournamentView> {
        self.tournaments.iter().find(|found| found.id == id)
    }
}

/// Who orders a chain, as the root sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct RootOrdering {
    /// At this block.
    pub at: RootBlock,
    /// Nobody certifies: the root orders, always.
    pub based: bool,
    /// For how many seconds a message may stay without an answer that the committee certified.
    pub silence: u64,
    /// The last second before anyone may append in the committee's place; `None` while nothing waits for its answer.
    pub opens_after: Option<Seconds>,
    /// A certified block that has consumed more messages than this answers the one that waits.
    pub awaited: u64,
    /// The highest epoch of a batch that nobody certified: what certificates have shown.
    pub epoch: Epoch,
}

impl RootOrdering {
    /// Whether anyone may append at this second.
    pub fn is_open(&self, now: Seconds) -> bool {
        self.based || self.opens_after.is_some_and(|last| now > last)
    }
}

/// The leaf before the first one that differs, with what the root needs to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedLeaf {
    /// The node's left child, as the side that seals has it: the leaf on the left.
    pub left: B256,
    /// The leaf on the right.
    pub right: B256,
    /// The leaf before the first one that differs; what the tournament starts from when that is the first of all.
    pub agreed: B256,
    /// Its siblings in the sealing side's trace, bottom up; none when it is the tournament's start.
    pub proof: TraceProof,
}

/// What a player may do on the root. Anyone may make any move; a move that was made already is
/// [`SettlementError::Stale`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Move {
    /// Claim the state after all entries below `entries`.
    Join {
        /// The first entry that is not covered.
        entries: u64,
        /// The trace, and the proof that it ends in `checkpoint`.
        trace: TraceCommitment,
        /// The state claimed.
        checkpoint: Checkpoint,
    },
    /// Claim how the machine ran, in an inner tournament.
    JoinInner {
        /// The tournament.
        tournament: B256,
        /// The trace, and the proof that it ends in `state`.
        trace: TraceCommitment,
        /// The last machine state, packed.
        state: Bytes,
    },
    /// Open the node on turn, and the one of its children that differs.
    Advance {
        /// The match.
        key: MatchKey,
        /// The node's left child.
        left: B256,
        /// The node's right child.
        right: B256,
        /// The left child of the child that differs.
        new_left: B256,
        /// The right child of the child that differs.
        new_right: B256,
    },
    /// Open the node on turn, whose children are leaves, and with it an inner tournament about the one that differs.
    SealInner {
        /// The match.
        key: MatchKey,
        /// The leaves.
        leaf: SealedLeaf,
        /// In the outer tournament: the agreed checkpoint, and the program that the machine is to run.
        start: Option<(Checkpoint, ProgramIdentity)>,
    },
    /// Open the node on turn, whose children are leaves, on the last level.
    SealLeaf {
        /// The match.
        key: MatchKey,
        /// The leaves.
        leaf: SealedLeaf,
    },
    /// Let the root take the step in dispute.
    Step {
        /// The match.
        key: MatchKey,
        /// The program that takes it.
        program: ProgramIdentity,
        /// All else that the root must know to take it.
        proof: Bytes,
    },
    /// Take note that a match's time is over.
    Timeout {
        /// The match.
        key: MatchKey,
    },
    /// Take note of how an inner tournament ended.
    ResolveInner {
        /// The match one level up that waits for it.
        key: MatchKey,
    },
    /// Settle the claim that is left when the time is over.
    Settle,
    /// Begin anew where no claim is left.
    Restart,
    /// Force the overdue messages.
    Force,
    /// Take back what is owed.
    WithdrawBond,
}

impl Move {
    /// A short name, for people and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Join { .. } => "claim",
            Self::JoinInner { .. } => "join-inner",
            Self::Advance { .. } => "advance",
            Self::SealInner { .. } => "seal-inner",
            Self::SealLeaf { .. } => "seal-leaf",
            Self::Step { .. } => "step",
            Self::Timeout { .. } => "timeout",
            Self::ResolveInner { .. } => "resolve-inner",
            Self::Settle => "settle",
            Self::Restart => "restart",
            Self::Force => "force",
            Self::WithdrawBond => "withdraw-bond",
        }
    }
}

/// Why the root did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettlementError {
    /// The root node is away.
    #[error("the root node is away: {0}; it will be asked again")]
    Unavailable(String),
    /// The call lost a race or came too early: look again.
    #[error("the root refused for now: {0}")]
    Stale(String),
    /// The call can never succeed.
    #[error("the root refused: {0}")]
    Refused(String),
    /// The account that pays cannot.
    #[error("{account} has {balance} wei on the root and needs {needed}; fund it")]
    Funds {
        /// The account.
        account: Address,
        /// What it has.
        balance: U256,
        /// What it needs.
        needed: U256,
    },
    /// The root reorganised deeper than is kept.
    #[error("the root reorganised below block {0}, deeper than is kept; derive anew from genesis")]
    DeepReorg(u64),
    /// This client only watches.
    #[error("no key is configured for the root; set one to send transactions")]
    ReadOnly,
    /// The contracts are not what was expected.
    #[error("the root's contracts are not as expected: {0}")]
    Contract(String),
}

impl Severe for SettlementError {
    fn severity(&self) -> Severity {
        match self {
            Self::Unavailable(_) => Severity::Transient,
            Self::Stale(_) | Self::DeepReorg(_) => Severity::Reset,
            Self::Refused(_) | Self::Funds { .. } | Self::ReadOnly | Self::Contract(_) => {
                Severity::Fatal
            }
        }
    }
}

/// Speaks with the root layer on behalf of one chain.
///
/// What it reports is only as true as the root node it asks; everything that matters is bound by the inbox's
/// hash chains.
#[async_trait]
pub trait Settlement: Send + Sync {
    /// All that happens, from the block `from` (inclusive) on; endless, resumable, reorg-aware. When `from` is no
    /// longer on the root, the first item is the reorg.
    fn events(&self, from: RootBlock) -> BoxStream<'static, Result<RootUpdate, SettlementError>>;

    /// The block from which a new node reads.
    async fn origin(&self) -> Result<RootBlock, SettlementError>;

    /// Appends a sealed batch. Returns once it is in a block. A second append of the same batch is `Stale`.
    async fn append(
        &self,
        batch: &BatchHeader,
        sealing: &BlockHeader,
        committee: &Committee,
        certificate: &Certificate,
    ) -> Result<RootReceipt, SettlementError>;

    /// Who may append now; `None` where there is no order but the committee's.
    async fn ordering(&self) -> Result<Option<RootOrdering>, SettlementError> {
        Ok(None)
    }

    /// Appends a batch that nobody certified, with its bytes, while the root orders ([`RootOrdering::is_open`]).
    /// `last` is its last block. Returns once it is in a block. Of two for one entry the second is `Stale`.
    async fn append_open(
        &self,
        batch: &BatchHeader,
        last: &BlockHeader,
        bytes: &Bytes,
    ) -> Result<RootReceipt, SettlementError> {
        let _ = (last, bytes);
        Err(SettlementError::Refused(format!(
            "no batch of chain {} is taken without a certificate",
            batch.chain_id
        )))
    }

    /// Shows that the committee is back: a certificate over a block that has consumed more messages than
    /// [`RootOrdering::awaited`]. Needed only where somebody appends before every certified batch; one of those does
    /// the same. `Stale` where it is no news.
    async fn resume(
        &self,
        header: &BlockHeader,
        committee: &Committee,
        certificate: &Certificate,
    ) -> Result<RootReceipt, SettlementError> {
        let _ = (committee, certificate);
        Err(SettlementError::Refused(format!(
            "the order of chain {} never leaves its committee",
            header.chain_id
        )))
    }

    /// Puts a signed transaction of the chain into the inbox, as anyone may: the chain consumes it by the deadline,
    /// and a committee that does not answer is silent from now on.
    async fn send_transaction(&self, transaction: &Bytes) -> Result<RootReceipt, SettlementError> {
        let length = transaction.len();
        Err(SettlementError::Refused(format!(
            "there is no inbox for a transaction of {length} bytes"
        )))
    }

    /// What the root knows now.
    async fn view(&self) -> Result<DisputeView, SettlementError>;

    /// Makes a move. Returns once it is in a block.
    async fn play(&self, action: &Move) -> Result<RootReceipt, SettlementError>;
}
