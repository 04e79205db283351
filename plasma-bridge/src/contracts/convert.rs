//! Between core's types and the ABI's.

use alloy::sol_types::SolCall as _;
use plasma_core::{
    Address, B256, BatchHeader, BlockHeader, Bytes, Certificate, ChainId, Checkpoint,
    CommitmentScheme, DaCommitment, Height, InboxMessage, MAX_MESSAGE_DATA_BYTES, MatchKey,
    MessageKind, OutboxMessage, ProgramIdentity, Seat, Seconds, SettlementError, Timestamp, U256,
    keccak256,
};

use super::abi;

/// What a chain is registered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The chain.
    pub chain_id: ChainId,
    /// What people call it, at most 64 bytes.
    pub name: String,
    /// Where genesis and bytes can be asked for, at most 256 bytes; may be empty, and binds nobody.
    pub uri: String,
    /// The identity of the program that decides disputes.
    pub program: B256,
    /// The genesis block's hash.
    pub genesis_hash: B256,
    /// The state that the chain starts from.
    pub genesis: Checkpoint,
    /// The hash of the committee's seats, [`Committee::hash`](plasma_core::Committee::hash); the address of a contract
    /// that has one for each epoch; or [`BASED_COMMITTEE`](plasma_core::BASED_COMMITTEE): the root orders.
    pub committee: B256,
    /// Seconds for which a claim can be contested.
    pub challenge_window: u64,
    /// Seconds within which the sequencers must consume an inbox message.
    pub forced_delay: u64,
    /// Seconds between an upgrade's announcement and its start; at least the other two together.
    pub exit_window: u64,
    /// Seconds for which a message may stay without an answer that the committee certified; then the root orders
    /// until it is back. At least 3.
    pub silence: u64,
    /// Wei that a claim puts up.
    pub bond: U256,
    /// Who may announce upgrades; zero for nobody, ever.
    pub owner: Address,
}

impl Registration {
    /// The call of the registry that registers the chain.
    pub fn call_data(&self) -> Bytes {
        abi::ChainRegistry::registerCall { r: self.into() }
            .abi_encode()
            .into()
    }
}

impl From<&Registration> for abi::RegistrationData {
    fn from(from: &Registration) -> Self {
        Self {
            chainId: from.chain_id.0,
            name: from.name.clone(),
            uri: from.uri.clone(),
            program: from.program,
            genesisHash: from.genesis_hash,
            genesis: (&from.genesis).into(),
            committee: from.committee,
            challengeWindow: from.challenge_window,
            forcedDelay: from.forced_delay,
            exitWindow: from.exit_window,
            silence: from.silence,
            bond: from.bond,
            owner: from.owner,
        }
    }
}

impl From<&BlockHeader> for abi::BlockHeader {
    fn from(from: &BlockHeader) -> Self {
        Self {
            chainId: from.chain_id.0,
            height: from.height.0,
            epoch: from.epoch.0,
            parent: from.parent,
            timestamp: from.timestamp.0,
            proposer: from.proposer,
            messages: from.messages,
            body: from.body,
            executedHeight: from.executed_height.0,
            executedRoot: from.executed_root,
            seal: from.seal,
        }
    }
}

impl From<&BatchHeader> for abi::BatchHeader {
    fn from(from: &BatchHeader) -> Self {
        Self {
            chainId: from.chain_id.0,
            entry: from.entry,
            firstHeight: from.first_height.0,
            lastHeight: from.last_height.0,
            lastHash: from.last_hash,
            messages: from.messages,
            scheme: from.commitment.scheme.number(),
            root: from.commitment.root,
            length: from.commitment.length,
        }
    }
}

impl From<&Seat> for abi::Seat {
    fn from(from: &Seat) -> Self {
        Self {
            key: from.key,
            weight: from.weight,
        }
    }
}

impl From<&Certificate> for abi::Certificate {
    fn from(from: &Certificate) -> Self {
        let signatures: Vec<u8> = from
            .signatures
            .iter()
            .flat_map(plasma_core::Signature::to_bytes)
            .collect();
        Self {
            epoch: from.epoch.0,
            height: from.height.0,
            round: from.round,
            blockHash: from.block,
            signers: from.signers,
            signatures: signatures.into(),
        }
    }
}

impl From<&Checkpoint> for abi::Checkpoint {
    fn from(from: &Checkpoint) -> Self {
        Self {
            stateRoot: from.state_root,
            outboxRoot: from.outbox_root,
            height: from.height.0,
            blockHash: from.block,
            timestamp: from.timestamp.0,
            messages: from.messages,
            entry: from.entry,
            stepsRoot: from.steps_root,
            stepsCount: from.steps_count,
            nextStep: from.next_step,
        }
    }
}

impl From<&abi::Checkpoint> for Checkpoint {
    fn from(from: &abi::Checkpoint) -> Self {
        Self {
            state_root: from.stateRoot,
            outbox_root: from.outboxRoot,
            height: Height(from.height),
            block: from.blockHash,
            timestamp: Timestamp(from.timestamp),
            messages: from.messages,
            entry: from.entry,
            steps_root: from.stepsRoot,
            steps_count: from.stepsCount,
            next_step: from.nextStep,
        }
    }
}

impl From<&MatchKey> for abi::MatchKey {
    fn from(from: &MatchKey) -> Self {
        Self {
            tournament: from.tournament,
            one: from.one,
            two: from.two,
        }
    }
}

impl From<&ProgramIdentity> for abi::Program {
    fn from(from: &ProgramIdentity) -> Self {
        Self {
            romRoot: from.rom_root,
            romBase: from.rom_base,
            memoryRoot: from.memory_root,
            entry: from.entry,
        }
    }
}

impl From<&OutboxMessage> for abi::OutboxMessage {
    fn from(from: &OutboxMessage) -> Self {
        let message = &from.message;
        Self {
            version: OutboxMessage::VERSION,
            source: from.source.0,
            destination: message.destination.0,
            nonce: from.nonce,
            sender: message.sender,
            recipient: message.recipient,
            asset: message.asset,
            amount: message.amount,
            gas: message.gas,
            expiry: message.expiry,
            refund: message.refund,
            bundle: message.bundle,
            payloadHash: keccak256(&message.payload),
        }
    }
}

/// A value in an event that the contracts could not have emitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unreadable {
    /// An unknown kind of message.
    #[error(
        "inbox message {index} is of kind {kind}, which this version does not know; upgrade it"
    )]
    Kind { index: u64, kind: u8 },
    /// An unknown commitment scheme.
    #[error(
        "entry {entry} has commitment scheme {scheme}, which this version does not know; upgrade it"
    )]
    Scheme { entry: u64, scheme: u8 },
    /// More data than the inbox takes.
    #[error(
        "inbox message {index} has {length} bytes; the inbox takes at most {MAX_MESSAGE_DATA_BYTES}"
    )]
    Data { index: u64, length: usize },
}

impl From<Unreadable> for SettlementError {
    fn from(from: Unreadable) -> Self {
        Self::Contract(from.to_string())
    }
}

impl TryFrom<abi::InboxMessage> for InboxMessage {
    type Error = SettlementError;

    fn try_from(from: abi::InboxMessage) -> Result<Self, SettlementError> {
        let (index, length) = (from.index, from.data.len());
        if length > MAX_MESSAGE_DATA_BYTES {
            return Err(Unreadable::Data { index, length }.into());
        }
        let kind = MessageKind::from_number(from.kind).ok_or(Unreadable::Kind {
            index,
            kind: from.kind,
        })?;
        Ok(Self {
            kind,
            index,
            sender: from.sender,
            to: from.to,
            asset: from.asset,
            amount: from.amount,
            timestamp: Seconds(from.timestamp),
            deadline: Seconds(from.deadline),
            data: from.data,
        })
    }
}

impl TryFrom<&abi::BatchHeader> for BatchHeader {
    type Error = SettlementError;

    fn try_from(from: &abi::BatchHeader) -> Result<Self, SettlementError> {
        let scheme = CommitmentScheme::from_number(from.scheme).ok_or(Unreadable::Scheme {
            entry: from.entry,
            scheme: from.scheme,
        })?;
        Ok(Self {
            chain_id: ChainId(from.chainId),
            entry: from.entry,
            first_height: Height(from.firstHeight),
            last_height: Height(from.lastHeight),
            last_hash: from.lastHash,
            messages: from.messages,
            commitment: DaCommitment {
                scheme,
                root: from.root,
                length: from.length,
            },
        })
    }
}
