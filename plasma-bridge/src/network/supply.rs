//! Where all XPL is, and whether it adds up.

use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use plasma_core::{Address, SettlementError, U256};

use super::client::SequencerNetwork;
use crate::contracts::{Contracts, abi};

/// Requests under way at once.
const CONCURRENT: usize = 8;
/// More chains than this are not asked for one by one.
const MAX_CHAINS: u64 = 100_000;

/// Where all XPL is, in wei, at one block of the root.
///
/// Each term is read where it is kept: the token's books, the stakes' books, the balances of both escrows, and what each chain
/// may withdraw. `liquid` is what is left of the token's supply: nobody lists its holders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XplSupply {
    /// What there was at first.
    pub genesis: U256,
    /// All rewards since.
    pub minted: U256,
    /// All that was burned since: fees, slashed stake, and whatever a holder burned.
    pub burned: U256,
    /// What the token says there is.
    pub total: U256,
    /// What holders have: all that neither escrow has, and gifts to them, which nobody can take out.
    pub liquid: U256,
    /// Bonded, or on its way out.
    pub staked: U256,
    /// In the bridge, behind the chains.
    pub escrowed: U256,
    /// Rewards to be claimed, and what is forfeited and not burned yet.
    pub pending: U256,
    /// What the contract of the stakes holds: at least `staked` and `pending`.
    pub stakes_hold: U256,
    /// What all chains together may withdraw: at most `escrowed`.
    pub chains_may_withdraw: U256,
}

/// Where the books of XPL contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SupplyError {
    /// The sum is another one.
    #[error(
        "genesis + minted - burned is {issued}, but liquid + staked + escrowed + pending is {found}"
    )]
    Sum {
        /// The one side.
        issued: U256,
        /// The other.
        found: U256,
    },
    /// Less is there than is owed to those who staked.
    #[error("the stakes hold {held}, but owe {owed} to those who staked and earned")]
    Stakes {
        /// What is there.
        held: U256,
        /// What is owed.
        owed: U256,
    },
    /// Less is there than the chains may withdraw.
    #[error("the bridge holds {held}, but the chains may withdraw {owed}")]
    Bridge {
        /// What is there.
        held: U256,
        /// What is owed.
        owed: U256,
    },
}

impl XplSupply {
    /// Whether genesis + minted - burned = liquid + staked + escrowed + pending, with each escrow holding what it owes.
    pub fn check(&self) -> Result<(), SupplyError> {
        let owed = self.staked.saturating_add(self.pending);
        if self.stakes_hold < owed {
            let held = self.stakes_hold;
            return Err(SupplyError::Stakes { held, owed });
        }
        if self.escrowed < self.chains_may_withdraw {
            let (held, owed) = (self.escrowed, self.chains_may_withdraw);
            return Err(SupplyError::Bridge { held, owed });
        }
        let issued = (self.genesis.saturating_add(self.minted)).saturating_sub(self.burned);
        let found = [self.staked, self.escrowed, self.pending]
            .into_iter()
            .fold(self.liquid, U256::saturating_add);
        if issued != found || issued != self.total {
            return Err(SupplyError::Sum { issued, found });
        }
        Ok(())
    }
}

impl SequencerNetwork {
    /// Where all XPL is. `contracts` are the root's, of which this network's token and the bridge must be.
    pub async fn supply(&self, contracts: &Contracts) -> Result<XplSupply, SettlementError> {
        let at = self.root().head().await?.hash;
        let addresses = self.addresses().await?;
        let (token, bridge) = (addresses.xpl, contracts.bridge);
        if token != contracts.xpl {
            let other = contracts.xpl;
            return Err(SettlementError::Contract(format!(
                "the registry stakes {token}, but the bridge's XPL is {other}; check the contracts' addresses"
            )));
        }
        let root = self.root();
        let balance = |account| abi::Token::balanceOfCall { account };
        let (at_first, since) = (abi::Xpl::GENESIS_SUPPLYCall {}, abi::Xpl::mintedCall {});
        let all = abi::Xpl::totalSupplyCall {};
        let (in_stakes, in_bridge) = (balance(addresses.stakes), balance(bridge));
        let (told, genesis, minted, total, stakes_hold, escrowed) = try_join!(
            self.stakes_at(abi::Stakes::supplyCall { escrow: bridge }, at),
            root.call(token, &at_first, at),
            root.call(token, &since, at),
            root.call(token, &all, at),
            root.call(token, &in_stakes, at),
            root.call(token, &in_bridge, at),
        )?;
        let (staked, unbonding, rewards, forfeited) = try_join!(
            self.stakes_at(abi::Stakes::totalStakedCall {}, at),
            self.stakes_at(abi::Stakes::totalUnbondingCall {}, at),
            self.stakes_at(abi::Stakes::totalPendingCall {}, at),
            self.stakes_at(abi::Stakes::forfeitedCall {}, at),
        )?;
        let supply = XplSupply {
            genesis,
            minted,
            burned: told.burned,
            total,
            liquid: told.liquid,
            staked: U256::from(staked).saturating_add(U256::from(unbonding)),
            escrowed,
            pending: U256::from(rewards).saturating_add(U256::from(forfeited)),
            stakes_hold,
            chains_may_withdraw: self.withdrawable(contracts, token, at).await?,
        };
        Ok(supply)
    }

    /// What all registered chains together may withdraw of a token.
    async fn withdrawable(
        &self,
        contracts: &Contracts,
        token: Address,
        at: plasma_core::B256,
    ) -> Result<U256, SettlementError> {
        let (registry, bridge, root) = (contracts.chain_registry, contracts.bridge, self.root());
        let count = root
            .call(registry, &abi::ChainRegistry::chainCountCall {}, at)
            .await?;
        let count: u64 = count.saturating_to();
        let asked = (0..count.min(MAX_CHAINS)).map(|index| async move {
            let index = U256::from(index);
            let id = abi::ChainRegistry::chainIdAtCall { index };
            let chain = root.call(registry, &id, at).await?;
            let balance = abi::Bridge::balanceCall {
                chainId: chain,
                token,
            };
            root.call(bridge, &balance, at).await
        });
        let asked: Vec<_> = asked.collect();
        let balances: Vec<U256> = stream::iter(asked)
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(balances.into_iter().fold(U256::ZERO, U256::saturating_add))
    }
}
