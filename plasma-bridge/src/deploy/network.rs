//! The network of sequencers, and XPL's governance, as part of a deployment.
//!
//! ```text
//!     Stakes | SequencerRegistry | XplTimelock | XplGovernor | Promises | FeeBurner     created, at consecutive nonces
//!     minter, governor, judge, chains                                                   appointed by the deployer
//!     governor of the registry = timelock                                               and then it is nobody's
//!     approve, join                                                                     by each of the first sequencers
//!     advance                                                                           the first committee
//! ```

use alloy::sol_types::SolValue as _;
use futures::future::try_join_all;
use plasma_core::{Address, Bytes, SettlementError, U256};

use super::{Deployment, TOKEN_GAS, create};
use crate::{
    contracts::{Contracts, NetworkContracts, RootContract, abi},
    network::SequencerNetwork,
    root::{RootAccount, RootCall},
};

/// Of the root's coin, for each of the first sequencers: one, for gas.
const SEQUENCER_COIN: u64 = 1_000_000_000_000_000_000;
/// A transfer of coin to an account without code.
const COIN_GAS: u64 = 21_000;
/// An appointment: a few slots and an event.
const WIRING_GAS: u64 = 200_000;

/// The contracts of a network in the order of their creation.
pub(super) fn in_order(network: NetworkContracts) -> [Address; 6] {
    let NetworkContracts {
        registry,
        stakes,
        timelock,
        governor,
        promises,
        fee_burner,
    } = network;
    [stakes, registry, timelock, governor, promises, fee_burner]
}

impl Deployment {
    /// The creations, in the order of [`in_order`].
    pub(super) fn network_creations(
        &self,
        contracts: &Contracts,
        deployer: Address,
    ) -> Vec<(RootCall, u64)> {
        let Some(network) = contracts.network else {
            return Vec::new();
        };
        let (xpl, terms) = (contracts.xpl, &self.terms);
        let stakes = (xpl, network.registry, terms.delay).abi_encode();
        let parameters = abi::Parameters::from(terms);
        // The deployer governs until all is wired.
        let registry = (network.stakes, contracts.inbox, deployer, parameters).abi_encode();
        let timelock = (U256::from(terms.timelock), network.governor).abi_encode();
        let voting = abi::Voting::from(&terms.voting);
        let governor = (xpl, network.stakes, network.timelock, voting).abi_encode();
        let promises = (
            network.registry,
            terms.promise_deposit,
            terms.promise_window,
        )
            .abi_encode();
        vec![
            create(RootContract::Stakes, stakes),
            create(RootContract::SequencerRegistry, registry),
            create(RootContract::XplTimelock, timelock),
            create(RootContract::XplGovernor, governor),
            create(RootContract::Promises, promises),
            create(RootContract::FeeBurner, xpl.abi_encode()),
        ]
    }

    /// Who may do what: the registry mints, the timelock governs.
    pub(super) fn network_wiring(&self, contracts: &Contracts) -> Vec<(RootCall, u64)> {
        let Some(network) = contracts.network else {
            return Vec::new();
        };
        let registry = network.registry;
        let minter = abi::Xpl::appointMinterCall { minter: registry };
        let governor = abi::ChainRegistry::appointGovernorCall {
            governor: network.timelock,
        };
        let judge = abi::SequencerRegistry::appointPromisesCall {
            judge: network.promises,
        };
        let mut calls = vec![
            RootCall::new(contracts.xpl, &minter),
            RootCall::new(contracts.chain_registry, &governor),
            RootCall::new(registry, &judge),
        ];
        for chain in self.chains.iter().filter(|chain| chain.served) {
            let serve = abi::SequencerRegistry::serveCall {
                chainId: chain.registration.chain_id.0,
            };
            calls.push(RootCall::new(registry, &serve));
        }
        let to = network.timelock;
        calls.push(RootCall::new(
            registry,
            &abi::SequencerRegistry::changeGovernorCall { to },
        ));
        calls.into_iter().map(|call| (call, WIRING_GAS)).collect()
    }

    /// What the first sequencers need to join.
    pub(super) fn sequencer_grants(&self, contracts: &Contracts) -> Vec<(RootCall, u64)> {
        let grants = self.sequencers.iter().flat_map(|sequencer| {
            let to = sequencer.signer.address();
            let coin = RootCall {
                to: Some(to),
                value: U256::from(SEQUENCER_COIN),
                data: Bytes::new(),
            };
            let value = sequencer.stake;
            let stake = RootCall::new(contracts.xpl, &abi::Token::transferCall { to, value });
            [(coin, COIN_GAS), (stake, TOKEN_GAS)]
        });
        grants.collect()
    }

    /// The first sequencers join, and the first committee is elected. Gives the gas that it took.
    pub(super) async fn start_network(
        &self,
        account: &RootAccount,
        contracts: &Contracts,
    ) -> Result<u64, SettlementError> {
        let (Some(network), false) = (contracts.network, self.sequencers.is_empty()) else {
            return Ok(0);
        };
        let joining = self.sequencers.iter().map(|sequencer| {
            let signer = &sequencer.signer;
            let account = RootAccount::shared(account.root().clone(), signer.clone());
            let network = SequencerNetwork::new(account.root().clone(), network.registry)
                .with_account(account);
            async move { network.join(signer, 0, sequencer.stake).await }
        });
        let mut gas = 0;
        for receipt in try_join_all(joining).await? {
            gas += receipt.gas_used;
        }
        let network = SequencerNetwork::new(account.root().clone(), network.registry)
            .with_account(account.clone());
        match network.advance().await? {
            Some(receipt) => Ok(gas + receipt.gas_used),
            None => Err(SettlementError::Stale(
                "somebody else elected the first committee while it was deployed".into(),
            )),
        }
    }
}
