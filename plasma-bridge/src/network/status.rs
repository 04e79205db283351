//! Who is in a network, and how each of them stands.

use std::collections::BTreeSet;

use alloy::sol_types::SolCall;
use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use plasma_core::{Address, B256, Committee, Epoch, RootBlock, SettlementError, U256};

use super::client::{EPOCH_WINDOWS, EpochTimes, SequencerNetwork};
use crate::contracts::abi;

/// Requests under way at once.
const CONCURRENT: usize = 8;
/// What `SequencerRegistry.sol` allows.
const MAX_CANDIDATES: usize = 256;
/// Unbondings that are looked through, newest first: the root lists them by id alone.
const LOOKED_THROUGH: u64 = 2_048;

/// A network at one block of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStatus {
    /// The block that all of it is of.
    pub at: RootBlock,
    /// The current epoch; `None` before the first election.
    pub epoch: Option<EpochTimes>,
    /// Candidates, and who sits in the current or sat in the last committee; largest stake first.
    pub sequencers: Vec<SequencerStatus>,
}

/// How a sequencer stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequencerStatus {
    /// Whose it is, and its name for ever.
    pub operator: Address,
    /// Whose votes count from the next election on.
    pub key: Address,
    /// Wei that the operator has in the pool.
    pub bonded: U256,
    /// Wei that others have in the pool.
    pub delegated: U256,
    /// Hundredths of a percent of the rewards that the operator takes.
    pub commission: u16,
    /// Whether it can be elected, if it has bonded enough.
    pub candidate: bool,
    /// Its votes in the current committee; `None` if it is not in it.
    pub weight: Option<u64>,
    /// The current epoch so far; `None` if it has no seat.
    pub current: Option<Participation>,
    /// The epoch before; `None` if it had no seat.
    pub last: Option<Participation>,
    /// Wei that the operator can claim: its commission, and what its own stake earned here.
    pub pending: U256,
    /// Whether a double vote is proven: it is never elected again.
    pub slashed: bool,
}

/// In how many windows of an epoch a seat signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Participation {
    /// Windows in which it signed.
    pub signed: u64,
    /// Windows in which there was a certificate to sign.
    pub windows: u64,
}

/// What an account has with a sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakePosition {
    /// Shares of the pool: a wei each until the sequencer is slashed, and less afterwards.
    pub shares: U256,
    /// Of these, what was moved here and is still liable for where it came from.
    pub locked: U256,
    /// Wei that they are worth.
    pub value: U256,
    /// Wei of rewards since the position last changed.
    pub earned: U256,
}

/// Stake on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingUnbonding {
    /// By which it is withdrawn.
    pub id: U256,
    /// Whose pool it left.
    pub operator: Address,
    /// Wei, less what a double vote may still burn.
    pub amount: U256,
    /// Elections that must come before it can be withdrawn; 0: it can be now.
    pub elections_left: u64,
}

impl SequencerNetwork {
    /// The network as it stands.
    pub async fn status(&self) -> Result<NetworkStatus, SettlementError> {
        let at = self.root().head().await?;
        let view = View::read(self, at).await?;
        let candidates = self.candidates_at(at.hash).await?;
        let seated = [&view.current, &view.last].into_iter().flatten();
        let owners = seated.flat_map(|seated| &seated.operators);
        let operators: BTreeSet<Address> = candidates.iter().chain(owners).copied().collect();
        let asked = operators.into_iter().map(|operator| {
            let candidate = candidates.contains(&operator);
            view.sequencer(self, operator, candidate)
        });
        let asked: Vec<_> = asked.collect();
        let found = stream::iter(asked).buffered(CONCURRENT);
        let mut sequencers: Vec<SequencerStatus> = found.try_collect().await?;
        let stake = |one: &SequencerStatus| one.bonded.saturating_add(one.delegated);
        sequencers.sort_by(|one, other| {
            stake(other)
                .cmp(&stake(one))
                .then(one.operator.cmp(&other.operator))
        });
        Ok(NetworkStatus {
            at,
            epoch: view.epoch,
            sequencers,
        })
    }

    /// One sequencer, whether it is a candidate or not; `None` for who never joined.
    pub async fn sequencer(
        &self,
        operator: Address,
    ) -> Result<Option<SequencerStatus>, SettlementError> {
        if self.key_of(operator).await?.is_none() {
            return Ok(None);
        }
        let at = self.root().head().await?;
        let view = View::read(self, at).await?;
        let candidates = self.candidates_at(at.hash).await?;
        let candidate = candidates.contains(&operator);
        view.sequencer(self, operator, candidate).await.map(Some)
    }

    /// Who can be elected, if they have bonded enough.
    pub async fn candidates(&self) -> Result<Vec<Address>, SettlementError> {
        let at = self.root().head().await?.hash;
        self.candidates_at(at).await
    }

    async fn candidates_at(&self, at: B256) -> Result<Vec<Address>, SettlementError> {
        let found = self
            .look_at(abi::SequencerRegistry::candidatesCall {}, at)
            .await?;
        if found.len() > MAX_CANDIDATES {
            let (count, registry) = (found.len(), self.registry());
            return Err(SettlementError::Contract(format!(
                "{registry} has {count} candidates, more than the {MAX_CANDIDATES} that a registry allows; check its address"
            )));
        }
        Ok(found)
    }

    /// What an account has with a sequencer.
    pub async fn position(
        &self,
        operator: Address,
        account: Address,
    ) -> Result<StakePosition, SettlementError> {
        let at = self.root().head().await?.hash;
        let (position, value, earned) = try_join!(
            self.stakes_at(abi::Stakes::positionCall { operator, account }, at),
            self.stakes_at(abi::Stakes::valueOfCall { operator, account }, at),
            self.stakes_at(abi::Stakes::earnedCall { operator, account }, at),
        )?;
        Ok(StakePosition {
            shares: U256::from(position.shares),
            locked: U256::from(position.locked),
            value,
            earned,
        })
    }

    /// Wei of rewards that an account can claim beside what its positions [earned](StakePosition::earned) since they last
    /// changed.
    pub async fn credit(&self, account: Address) -> Result<U256, SettlementError> {
        let at = self.root().head().await?.hash;
        self.stakes_at(abi::Stakes::creditCall { account }, at)
            .await
    }

    /// An account's stake on its way out, among the newest 2,048 of all accounts; older ones are withdrawn by their id.
    pub async fn unbondings(
        &self,
        account: Address,
    ) -> Result<Vec<PendingUnbonding>, SettlementError> {
        let at = self.root().head().await?.hash;
        let (next, term, delay) = try_join!(
            self.stakes_at(abi::Stakes::nextIdCall {}, at),
            self.stakes_at(abi::Stakes::termCall {}, at),
            self.look_at(abi::SequencerRegistry::delayCall {}, at),
        )?;
        let next: u64 = next.saturating_to();
        let ids = (next.saturating_sub(LOOKED_THROUGH).max(1)..next).map(U256::from);
        let asked = ids.map(|id| async move {
            let found = self
                .stakes_at(abi::Stakes::unbondingCall { id }, at)
                .await?;
            Ok::<_, SettlementError>((id, found))
        });
        let asked: Vec<_> = asked.collect();
        let all: Vec<_> = stream::iter(asked)
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        let own = all
            .into_iter()
            .filter(|(_, found)| found.account == account);
        let pending = own.map(|(id, found)| PendingUnbonding {
            id,
            operator: found.operator,
            amount: U256::from(found.amount),
            elections_left: (found.term.saturating_add(delay) + 1).saturating_sub(term),
        });
        Ok(pending.collect())
    }

    pub(super) async fn stakes_at<C: SolCall>(
        &self,
        call: C,
        at: B256,
    ) -> Result<C::Return, SettlementError> {
        let stakes = self.addresses().await?.stakes;
        self.root().call(stakes, &call, at).await
    }

    async fn operator_at(&self, key: Address, at: RootBlock) -> Result<Address, SettlementError> {
        self.look_at(abi::SequencerRegistry::operatorOfCall { key }, at.hash)
            .await
    }
}

/// A committee, and who signed in each window.
struct Seated {
    committee: Committee,
    /// Whose the seats are: after a rotation a seat votes with the key that it was elected with.
    operators: Vec<Address>,
    windows: Vec<U256>,
}

impl Seated {
    fn of(&self, operator: Address) -> Option<(Participation, u64)> {
        let place = self.operators.iter().position(|one| *one == operator)?;
        Some((
            self.participation(place),
            self.committee.seats.get(place)?.weight,
        ))
    }

    fn participation(&self, place: usize) -> Participation {
        let held = self.windows.iter().filter(|signers| !signers.is_zero());
        Participation {
            signed: held.clone().filter(|signers| signers.bit(place)).count() as u64,
            windows: held.count() as u64,
        }
    }
}

/// What is common to all sequencers.
struct View {
    at: RootBlock,
    epoch: Option<EpochTimes>,
    current: Option<Seated>,
    last: Option<Seated>,
}

impl View {
    async fn read(network: &SequencerNetwork, at: RootBlock) -> Result<Self, SettlementError> {
        let epoch = network.epoch_times_at(at).await?;
        let (mut current, mut last) = (None, None);
        if let Some(times) = epoch {
            current = seated(network, times.epoch, at).await?;
            if let Some(before) = times.epoch.0.checked_sub(1) {
                last = seated(network, Epoch(before), at).await?;
            }
        }
        Ok(Self {
            at,
            epoch,
            current,
            last,
        })
    }

    async fn sequencer(
        &self,
        network: &SequencerNetwork,
        operator: Address,
        candidate: bool,
    ) -> Result<SequencerStatus, SettlementError> {
        let at = self.at.hash;
        let account = operator;
        let (key, pool, bonded, earned, credit) = try_join!(
            network.look_at(abi::SequencerRegistry::keyOfCall { operator }, at),
            network.stakes_at(abi::Stakes::poolCall { operator }, at),
            network.stakes_at(abi::Stakes::valueOfCall { operator, account }, at),
            network.stakes_at(abi::Stakes::earnedCall { operator, account }, at),
            network.stakes_at(abi::Stakes::creditCall { account }, at),
        )?;
        let current = self.current.as_ref().and_then(|seated| seated.of(operator));
        let last = self.last.as_ref().and_then(|seated| seated.of(operator));
        let stake = U256::from(pool.stake);
        Ok(SequencerStatus {
            operator,
            key,
            bonded,
            delegated: stake.saturating_sub(bonded),
            commission: pool.commission,
            candidate,
            weight: current.map(|(_, weight)| weight),
            current: current.map(|(participation, _)| participation),
            last: last.map(|(participation, _)| participation),
            pending: earned.saturating_add(credit),
            slashed: pool.offence != 0,
        })
    }
}

async fn seated(
    network: &SequencerNetwork,
    epoch: Epoch,
    at: RootBlock,
) -> Result<Option<Seated>, SettlementError> {
    let Some(committee) = network.committee(epoch).await? else {
        return Ok(None);
    };
    let asked = (0..EPOCH_WINDOWS).map(|window| {
        let call = abi::SequencerRegistry::signedInCall {
            epoch: epoch.0,
            window: U256::from(window),
        };
        async move { network.look_at(call, at.hash).await }
    });
    let asked: Vec<_> = asked.collect();
    let windows = stream::iter(asked)
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    let keys: Vec<Address> = committee.seats.iter().map(|seat| seat.key).collect();
    let owners = keys.into_iter().map(|key| network.operator_at(key, at));
    let owners: Vec<_> = owners.collect();
    let operators = stream::iter(owners)
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    Ok(Some(Seated {
        committee,
        operators,
        windows,
    }))
}
