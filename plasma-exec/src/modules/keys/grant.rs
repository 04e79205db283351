//! What an added key may do, and what it has spent.

use alloc::{format, vec::Vec};

use alloy_primitives::{Address, FixedBytes, U256};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Map, PublicKey, Rejection, State, StateRead};

use super::{NAME, over_limit};
use crate::modules::{CallError, XPL, module_address};

/// The keys that were added to an account, in the order in which they were.
pub(super) const KEYS: Map<Address, Vec<Address>> = Map::new("accounts/keys/list");
/// What a key of an account may do, by account and key.
pub(super) const GRANTS: Map<(Address, Address), Grant> = Map::new("accounts/keys");
/// What a key of an account has spent, by account and key. Apart from what it may do, which is longer and stays.
pub(super) const SPENT: Map<(Address, Address), Spent> = Map::new("accounts/keys/spent");

/// The longest grant: a key, two numbers, 16 functions, 8 limits, and their counts.
pub(super) const MAX_GRANT_BYTES: usize = 34 + 2 * 8 + (4 + 16 * 24) + (4 + 8 * 52);

/// What a key may do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Grant {
    pub(super) key: PublicKey,
    /// The last second in which it may sign; 0 for no end.
    pub(super) expires_at: u64,
    /// Modules and functions; zero for all.
    pub(super) scope: Vec<(Address, FixedBytes<4>)>,
    /// Assets, and how much of each it may spend; the highest number for no limit.
    pub(super) limits: Vec<(Address, U256)>,
    /// After so many seconds the limits begin anew; 0 for never.
    pub(super) period: u64,
}

/// What a key has spent.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Spent {
    /// When the period began.
    since: u64,
    /// Of each asset that has a limit.
    pub(super) amounts: Vec<U256>,
}

impl Grant {
    pub(super) fn is_over(&self, now: u64) -> bool {
        self.expires_at != 0 && self.expires_at < now
    }

    fn allows(&self, module: Address, function: FixedBytes<4>) -> bool {
        self.scope
            .iter()
            .any(|(of, one)| (of.is_zero() || *of == module) && (one.is_zero() || *one == function))
    }

    /// Where an asset's limit stands, and the limit; 0 for what is not listed.
    fn limit(&self, asset: Address) -> (Option<usize>, U256) {
        let place = self.limits.iter().position(|(of, _)| *of == asset);
        let limit = place.map_or(U256::ZERO, |place| self.limits[place].1);
        (place, limit)
    }
}

impl Spent {
    pub(super) fn none(grant: &Grant, now: u64) -> Self {
        Self {
            since: now,
            amounts: alloc::vec![U256::ZERO; grant.limits.len()],
        }
    }

    /// What was spent in the period that it is now: periods follow one another without gaps from when the key was
    /// limited.
    pub(super) fn load(
        state: &(impl StateRead + ?Sized),
        account: Address,
        grant: &Grant,
        now: u64,
    ) -> Self {
        let Some(spent) = SPENT.get(state, &(account, grant.key.address())) else {
            return Self::none(grant, now);
        };
        let gone = now.saturating_sub(spent.since);
        match gone.checked_div(grant.period) {
            None | Some(0) => spent,
            Some(periods) => Self::none(grant, spent.since + periods * grant.period),
        }
    }

    fn of(&self, place: Option<usize>) -> U256 {
        let amount = place.and_then(|place| self.amounts.get(place));
        amount.copied().unwrap_or_default()
    }
}

/// An added key that signs for its account.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    account: Address,
    key: Address,
    grant: Grant,
    /// The block's time, in seconds.
    now: u64,
}

impl Session {
    /// The key's, if the account has it, its time is not over, and it may call this function.
    pub(crate) fn open(
        state: &(impl StateRead + ?Sized),
        (account, key): (Address, Address),
        (module, input): (Address, &[u8]),
        now: u64,
    ) -> Result<Self, Rejection> {
        let grant = GRANTS.get(state, &(account, key)).ok_or_else(|| {
            Rejection::Key(format!(
                "{key} is none of {account}; add it with the account's own key, or sign for the key's own account"
            ))
        })?;
        if grant.is_over(now) {
            let expires_at = grant.expires_at;
            return Err(Rejection::Key(format!(
                "{key} of {account} expired at {expires_at}, and it is {now} (Unix seconds); give it a later expiry \
                 with the account's own key"
            )));
        }
        let function = input
            .first_chunk::<4>()
            .map_or(FixedBytes::ZERO, FixedBytes::from);
        if module == module_address(NAME) {
            return Err(Rejection::Key(format!(
                "{key} was added to {account}, and keys are managed with the account's own key alone; sign with that"
            )));
        }
        if !grant.allows(module, function) {
            return Err(Rejection::Key(format!(
                "{key} of {account} may not call {function} of {module}; widen its scope with the account's own key"
            )));
        }
        Ok(Self {
            account,
            key,
            grant,
            now,
        })
    }

    /// The address of the key.
    pub(crate) fn key(&self) -> Address {
        self.key
    }

    /// Whether it is this account for which the key signs.
    pub(crate) fn is_for(&self, account: Address) -> bool {
        self.account == account
    }

    /// Whether the key may spend a fee of so much, at most.
    pub(crate) fn check_fee(
        &self,
        state: &(impl StateRead + ?Sized),
        most: U256,
    ) -> Result<(), Rejection> {
        let (place, limit) = self.grant.limit(XPL);
        if limit == U256::MAX {
            return Ok(());
        }
        let spent = self.spent(state).of(place);
        let left = limit.saturating_sub(spent);
        if most <= left {
            return Ok(());
        }
        let Self { account, key, .. } = self;
        Err(Rejection::Key(format!(
            "{key} of {account} has {left} wei of XPL left to spend (limit {limit}, spent {spent}), and the fee is up to \
             {most}; offer less or raise the limit"
        )))
    }

    fn spent(&self, state: &(impl StateRead + ?Sized)) -> Spent {
        Spent::load(state, self.account, &self.grant, self.now)
    }

    /// Counts what leaves the account.
    pub(crate) fn spend(
        &self,
        state: &mut (impl State + ?Sized),
        asset: Address,
        amount: U256,
    ) -> Result<(), CallError> {
        let (place, limit) = self.grant.limit(asset);
        if amount.is_zero() || limit == U256::MAX {
            return Ok(());
        }
        let mut spent = self.spent(state);
        let known = spent.of(place);
        let sum = known.checked_add(amount).filter(|sum| *sum <= limit);
        let (Some(sum), Some(place)) = (sum, place) else {
            return Err(over_limit(asset, limit, known, amount));
        };
        spent.amounts[place] = sum;
        SPENT.set(state, &(self.account, self.key), &spent);
        Ok(())
    }

    /// Counts no more what came back of a fee.
    pub(crate) fn give_back(&self, state: &mut (impl State + ?Sized), amount: U256) {
        let (Some(place), limit) = self.grant.limit(XPL) else {
            return;
        };
        if amount.is_zero() || limit == U256::MAX {
            return;
        }
        let mut spent = self.spent(state);
        spent.amounts[place] = spent.amounts[place].saturating_sub(amount);
        SPENT.set(state, &(self.account, self.key), &spent);
    }
}
