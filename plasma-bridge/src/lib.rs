//! Settlement for the Plasma SDK: the root layer's contracts and the client that speaks to them.
//!
//! A root is any EVM chain: the embedded one, a development node, Ethereum, another plasma chain.
//!
//! ```no_run
//! use std::sync::Arc;
//! use plasma_bridge::{Deployment, EvmSettlement, RootAccount, RootClient, RootConfig};
//! use plasma_core::{ChainId, Settlement, SettlementError, Signer, TokioEnv};
//!
//! # async fn example(key: Signer) -> Result<(), SettlementError> {
//! let env = Arc::new(TokioEnv);
//! let root = RootClient::connect("http://127.0.0.1:8545", env, RootConfig::local()).await?;
//! let account = RootAccount::new(root.clone(), key);
//! let deployed = Deployment::new(&account).deploy(&account).await?;
//! let settlement =
//!     EvmSettlement::new(root, deployed.contracts, ChainId(4242)).with_account(account);
//! println!("{:?}", settlement.view().await?);
//! # Ok(())
//! # }
//! ```

mod bridge;
mod contracts;
mod deploy;
mod evm;
mod network;
mod root;
mod sovereign;
mod tournament;

pub use bridge::{BridgeClient, Enqueued, InboxStatus, WithdrawalStatus};
pub use contracts::{Contracts, NetworkContracts, Refusal, Registration, RootContract};
pub use deploy::{
    DISPUTE_HEIGHTS, Deployed, Deployment, RegisteredChain, endow_chain, fund, register_chain,
};
pub use evm::EvmSettlement;
pub use network::{
    BlockVote, DoubleVote, EPOCH_WINDOWS, Election, EpochTimes, EvidenceError, MovedStake,
    NetworkAddresses, NetworkStatus, NetworkTerms, Participation, PendingUnbonding,
    SequencerNetwork, SequencerStatus, StakePosition, SupplyError, UnbondedStake, VotingTerms,
    XplSupply, possession_digest,
};
pub use root::{RootAccount, RootClient, RootConfig};
pub use sovereign::SovereignSettlement;
pub use tournament::{Event, MoveCall, Role, RootReader, move_call, next_move, read_view};
