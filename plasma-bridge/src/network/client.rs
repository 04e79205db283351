//! Reading a network, and the epochs that it counts.

use std::sync::Arc;

use alloy::sol_types::SolCall;
use futures::try_join;
use plasma_core::{
    Address, B256, ChainId, Committee, Epoch, RootBlock, Seconds, SettlementError, U256,
};
use tokio::sync::OnceCell;

use super::{NetworkTerms, committees::Committees};
use crate::{
    contracts::abi,
    root::{RootAccount, RootClient},
};

/// The windows of an epoch, in each of which a seat has to sign once to have taken part.
pub const EPOCH_WINDOWS: u64 = 24;

/// A network of sequencers on a root: with an account it acts, without one it only looks.
///
/// Clones share what was read once. What a node of the root says of a committee is checked against the hash that the
/// registry holds; the rest is as true as the node.
#[derive(Clone, Debug)]
pub struct SequencerNetwork {
    root: RootClient,
    registry: Address,
    account: Option<RootAccount>,
    addresses: Arc<OnceCell<NetworkAddresses>>,
    committees: Arc<Committees>,
}

/// What belongs to a registry, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkAddresses {
    /// The token.
    pub xpl: Address,
    /// Bonded XPL.
    pub stakes: Address,
    /// The inbox whose certificates count as participation.
    pub inbox: Address,
}

/// When an epoch began, and when it may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochTimes {
    /// The epoch.
    pub epoch: Epoch,
    /// When it began, by the root's clock.
    pub started: Seconds,
    /// From when on anyone may begin the next one. If nobody does, it goes on.
    pub ends: Seconds,
}

/// A committee, and the block of the root that elected it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// Who certifies.
    pub committee: Committee,
    /// Where it was elected.
    pub block: RootBlock,
}

impl EpochTimes {
    /// The window that a second falls into. The last one lasts until somebody begins the next epoch.
    pub fn window_at(&self, now: Seconds) -> u64 {
        let length = self.ends.0.saturating_sub(self.started.0).max(1);
        let elapsed = now.0.saturating_sub(self.started.0).min(length);
        (elapsed * EPOCH_WINDOWS / length).min(EPOCH_WINDOWS - 1)
    }

    /// Whether the next epoch may begin.
    pub fn is_over(&self, now: Seconds) -> bool {
        now >= self.ends
    }
}

impl SequencerNetwork {
    /// Only looks.
    pub fn new(root: RootClient, registry: Address) -> Self {
        Self {
            root,
            registry,
            account: None,
            addresses: Arc::default(),
            committees: Arc::default(),
        }
    }

    /// Acts with this account, over the account's own connection.
    pub fn with_account(self, account: RootAccount) -> Self {
        Self {
            account: Some(account),
            ..self
        }
    }

    /// Whether it has an account to act with.
    pub fn acts(&self) -> bool {
        self.account.is_some()
    }

    /// The registry's address.
    pub fn registry(&self) -> Address {
        self.registry
    }

    /// The connection.
    pub fn root(&self) -> &RootClient {
        &self.root
    }

    /// The other contracts.
    pub async fn addresses(&self) -> Result<NetworkAddresses, SettlementError> {
        let read = || async {
            let (xpl, stakes, inbox) = try_join!(
                self.look(abi::SequencerRegistry::xplCall {}),
                self.look(abi::SequencerRegistry::stakesCall {}),
                self.look(abi::SequencerRegistry::inboxCall {}),
            )?;
            Ok(NetworkAddresses { xpl, stakes, inbox })
        };
        self.addresses.get_or_try_init(read).await.copied()
    }

    /// The current epoch. `Stale` before the first election.
    pub async fn epoch(&self) -> Result<Epoch, SettlementError> {
        match self.elections().await?.checked_sub(1) {
            Some(epoch) => Ok(Epoch(epoch)),
            None => Err(no_election(self.registry)),
        }
    }

    /// How many committees were elected.
    pub async fn elections(&self) -> Result<u64, SettlementError> {
        self.look(abi::SequencerRegistry::electionsCall {}).await
    }

    /// When the current epoch began and ends; `None` before the first election.
    pub async fn epoch_times(&self) -> Result<Option<EpochTimes>, SettlementError> {
        let head = self.root.head().await?;
        self.epoch_times_at(head).await
    }

    pub(super) async fn epoch_times_at(
        &self,
        at: RootBlock,
    ) -> Result<Option<EpochTimes>, SettlementError> {
        let (elections, started, parameters) = try_join!(
            self.look_at(abi::SequencerRegistry::electionsCall {}, at.hash),
            self.look_at(abi::SequencerRegistry::startedAtCall {}, at.hash),
            self.look_at(abi::SequencerRegistry::parametersCall {}, at.hash),
        )?;
        let times = |epoch| EpochTimes {
            epoch: Epoch(epoch),
            started: Seconds(started),
            ends: Seconds(started.saturating_add(parameters.epochLength.into())),
        };
        Ok(elections.checked_sub(1).map(times))
    }

    /// An epoch's committee, with the weights that the root counts. `None` for an epoch that has not begun, and for one in
    /// which nobody could be elected.
    pub async fn committee(&self, epoch: Epoch) -> Result<Option<Committee>, SettlementError> {
        let found = self.elected(epoch).await?;
        Ok(found.map(|(committee, _)| committee))
    }

    /// An epoch's committee, and when it was elected. `None` as in [`Self::committee`].
    pub async fn election(&self, epoch: Epoch) -> Result<Option<Election>, SettlementError> {
        let Some((committee, block)) = self.elected(epoch).await? else {
            return Ok(None);
        };
        let header = self.root.header_at(block).await?.ok_or_else(|| {
            SettlementError::Unavailable(format!("the root's node has no block {block}"))
        })?;
        Ok(Some(Election {
            committee,
            block: header.block(),
        }))
    }

    async fn elected(&self, epoch: Epoch) -> Result<Option<(Committee, u64)>, SettlementError> {
        if epoch.0 >= self.elections().await? {
            return Ok(None);
        }
        let hash = self
            .look(abi::SequencerRegistry::committeeOfCall { epoch: epoch.0 })
            .await?;
        if hash.is_zero() {
            return Ok(None);
        }
        self.committees
            .find(&self.root, self.registry, epoch, hash)
            .await
            .map(Some)
    }

    /// Whether this network's committee certifies a chain, as far as the registry is concerned.
    pub async fn serves(&self, chain_id: ChainId) -> Result<bool, SettlementError> {
        let chain_id = chain_id.0;
        self.look(abi::SequencerRegistry::servesCall { chainId: chain_id })
            .await
    }

    /// Who answers for a key; `None` for a key that nobody ever joined with.
    pub async fn operator_of(&self, key: Address) -> Result<Option<Address>, SettlementError> {
        let operator = self
            .look(abi::SequencerRegistry::operatorOfCall { key })
            .await?;
        Ok((!operator.is_zero()).then_some(operator))
    }

    /// Whose votes count for an operator from the next election on; `None` for who never joined.
    pub async fn key_of(&self, operator: Address) -> Result<Option<Address>, SettlementError> {
        let key = self
            .look(abi::SequencerRegistry::keyOfCall { operator })
            .await?;
        Ok((!key.is_zero()).then_some(key))
    }

    /// Who signed in a window of an epoch, as a bitmap over the seats.
    pub async fn signed_in(&self, epoch: Epoch, window: u64) -> Result<U256, SettlementError> {
        let call = abi::SequencerRegistry::signedInCall {
            epoch: epoch.0,
            window: U256::from(window),
        };
        self.look(call).await
    }

    /// The digest that the last certificate of a chain in a window signed; zero where there was none. Whoever voted for the
    /// same and was left out may [`attest`](Self::attest).
    pub async fn last_vote(
        &self,
        chain_id: ChainId,
        epoch: Epoch,
        window: u64,
    ) -> Result<B256, SettlementError> {
        let call = abi::SequencerRegistry::lastVoteCall {
            chainId: chain_id.0,
            epoch: epoch.0,
            window: U256::from(window),
        };
        self.look(call).await
    }

    /// The parameters as governance has them now, and the delay; what the registry does not know is the default's.
    pub async fn terms(&self) -> Result<NetworkTerms, SettlementError> {
        let (parameters, delay) = try_join!(
            self.look(abi::SequencerRegistry::parametersCall {}),
            self.look(abi::SequencerRegistry::delayCall {}),
        )?;
        Ok(NetworkTerms {
            seats: parameters.seats,
            epoch_length: parameters.epochLength,
            slash: parameters.slash,
            saturation: parameters.saturation,
            min_self_bond: parameters.minSelfBond,
            fine: parameters.fine,
            delay,
            ..NetworkTerms::default()
        })
    }

    pub(super) fn account(&self) -> Result<&RootAccount, SettlementError> {
        self.account.as_ref().ok_or(SettlementError::ReadOnly)
    }

    /// Asks the registry, at the newest block.
    pub(super) async fn look<C: SolCall>(&self, call: C) -> Result<C::Return, SettlementError> {
        self.root.call_latest(self.registry, &call).await
    }

    /// Asks the registry, at one block.
    pub(super) async fn look_at<C: SolCall>(
        &self,
        call: C,
        at: B256,
    ) -> Result<C::Return, SettlementError> {
        self.root.call(self.registry, &call, at).await
    }
}

pub(super) fn no_election(registry: Address) -> SettlementError {
    SettlementError::Stale(format!(
        "the network at {registry} has elected nobody yet; an epoch begins when an operator has joined and anyone advances"
    ))
}
