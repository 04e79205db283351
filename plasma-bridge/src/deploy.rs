//! Putting the contracts on a root, and chains into them.

mod network;

use std::sync::Arc;

use alloy::sol_types::SolValue as _;
use plasma_core::{
    Address, Bytes, ChainId, RootBlock, RootReceipt, Seconds, SettlementError, Signer, U256,
};

use crate::{
    contracts::{CREATED, Contracts, Registration, RootContract, abi},
    network::NetworkTerms,
    root::{Gas, RootAccount, RootCall, root_receipt},
};

/// A whole root in one go: contracts, the network of sequencers and XPL's governance, tokens for tests, chains, what backs
/// their genesis balances, grants, and the first sequencers.
///
/// All transactions are sent before the first receipt is awaited: each has a nonce and a gas limit
/// of its own, and the contracts' addresses follow from the nonces. So it takes as long as the root
/// takes for one block, or for as many as they fill.
#[derive(Clone, Debug)]
pub struct Deployment {
    holder: Address,
    terms: NetworkTerms,
    chains: Vec<NewChain>,
    sequencers: Vec<FirstSequencer>,
    tokens: Vec<TestToken>,
    endowments: Vec<(ChainId, U256)>,
    grants: Vec<(Address, U256)>,
    heights: Vec<u8>,
}

/// The heights of the levels of disputes: segments of a claim, then steps of the machine.
pub const DISPUTE_HEIGHTS: [u8; 2] = [24, 28];

/// A chain to register.
#[derive(Clone, Debug)]
struct NewChain {
    registration: Registration,
    /// Whether the network's committee certifies it, instead of the registration's.
    served: bool,
}

/// A sequencer that bonds as part of the deployment; its account and the key that votes are one.
#[derive(Clone, Debug)]
struct FirstSequencer {
    signer: Arc<Signer>,
    stake: U256,
}

/// An ERC-20 for development networks; its whole supply goes to the deployer.
#[derive(Clone, Debug)]
struct TestToken {
    name: String,
    symbol: String,
    decimals: u8,
    supply: U256,
}

/// What a deployment gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The contracts.
    pub contracts: Contracts,
    /// The test tokens, in the order they were asked for.
    pub tokens: Vec<Address>,
    /// The first block that holds any of it: where a node that follows the chains may start to
    /// read.
    pub origin: RootBlock,
    /// Gas used by all of it.
    pub gas_used: u64,
}

impl Deployment {
    /// The contracts alone; all XPL goes to the account that deploys.
    pub fn new(account: &RootAccount) -> Self {
        Self {
            holder: account.address(),
            terms: NetworkTerms::default(),
            chains: Vec::new(),
            sequencers: Vec::new(),
            tokens: Vec::new(),
            endowments: Vec::new(),
            grants: Vec::new(),
            heights: DISPUTE_HEIGHTS.to_vec(),
        }
    }

    /// Other heights of the levels of disputes, outermost first: three levels make cheaper claims of machine runs,
    /// low trees make quick tests. From 2 to 8 levels of 1 to 32 each.
    pub fn heights(mut self, heights: &[u8]) -> Self {
        self.heights = heights.to_vec();
        self
    }

    /// Other terms of the network of sequencers, and of governance.
    pub fn network(mut self, terms: NetworkTerms) -> Self {
        self.terms = terms;
        self
    }

    /// Registers a chain, whose committee is the registration's.
    pub fn chain(mut self, registration: Registration) -> Self {
        self.chains.push(NewChain {
            registration,
            served: false,
        });
        self
    }

    /// Registers a chain that the network's committee certifies; the registration's own committee counts for nothing.
    pub fn served_chain(mut self, registration: Registration) -> Self {
        self.chains.push(NewChain {
            registration,
            served: true,
        });
        self
    }

    /// Lets somebody join the network with this stake, which the deployer gives, and some of the root's coin for gas. The
    /// account and the key that votes are one. With at least one of them, the first committee is elected as well.
    pub fn sequencer(mut self, signer: Signer, stake: U256) -> Self {
        self.sequencers.push(FirstSequencer {
            signer: Arc::new(signer),
            stake,
        });
        self
    }

    /// Puts XPL into the escrow that backs a chain's genesis balances.
    pub fn endow(mut self, chain_id: ChainId, amount: U256) -> Self {
        self.endowments.push((chain_id, amount));
        self
    }

    /// Gives XPL to an account on the root.
    pub fn grant(mut self, to: Address, amount: U256) -> Self {
        self.grants.push((to, amount));
        self
    }

    /// Adds a plain ERC-20.
    pub fn token(mut self, name: &str, symbol: &str, decimals: u8, supply: U256) -> Self {
        let (name, symbol) = (name.to_owned(), symbol.to_owned());
        self.tokens.push(TestToken {
            name,
            symbol,
            decimals,
            supply,
        });
        self
    }

    /// Does it. The account must have nothing else under way.
    pub async fn deploy(self, account: &RootAccount) -> Result<Deployed, SettlementError> {
        let deployer = account.address();
        let mut first = None;
        let receipts = account
            .send_all(|nonce| {
                first = Some(nonce);
                let verifier = Contracts::predicted_verifier(deployer, nonce);
                self.calls(&Contracts::predicted(deployer, nonce), verifier, deployer)
            })
            .await?;
        let nonce = first.unwrap_or_default();
        let contracts = Contracts::predicted(deployer, nonce);
        let created = self.created(&contracts, deployer, nonce);
        for (receipt, expected) in receipts.iter().zip(&created) {
            if receipt.contract_address != Some(*expected) {
                return Err(SettlementError::Contract(format!(
                    "{} created {:?}, not {expected}; is the key used by another process?",
                    receipt.transaction_hash, receipt.contract_address
                )));
            }
        }
        let origin = receipts
            .iter()
            .filter_map(|receipt| receipt.block_number)
            .min();
        let origin = account.root().header_at(origin.unwrap_or_default()).await?;
        let gas_used: u64 = receipts.iter().map(|receipt| receipt.gas_used).sum();
        let gas_of_network = self.start_network(account, &contracts).await?;
        Ok(Deployed {
            contracts,
            tokens: created[CREATED..].to_vec(),
            origin: origin.map(|header| header.block()).unwrap_or_default(),
            gas_used: gas_used + gas_of_network,
        })
    }

    /// What the first transactions create, in order.
    fn created(&self, contracts: &Contracts, deployer: Address, nonce: u64) -> Vec<Address> {
        let Contracts {
            xpl,
            chain_registry,
            inbox,
            bridge,
            tournament,
            network,
        } = *contracts;
        let tokens = (nonce + CREATED as u64..)
            .take(self.tokens.len())
            .map(|nonce| deployer.create(nonce));
        let verifier = Contracts::predicted_verifier(deployer, nonce);
        [xpl, chain_registry, inbox, tournament, bridge, verifier]
            .into_iter()
            .chain(network.into_iter().flat_map(network::in_order))
            .chain(tokens)
            .collect()
    }

    /// Every transaction with its gas limit, in order.
    fn calls(
        &self,
        contracts: &Contracts,
        verifier: Address,
        deployer: Address,
    ) -> Vec<(RootCall, u64)> {
        let Contracts {
            xpl,
            chain_registry,
            inbox,
            bridge,
            tournament,
            ..
        } = *contracts;
        let mut calls = vec![
            create(RootContract::Xpl, (self.holder, self.holder).abi_encode()),
            create(RootContract::ChainRegistry, inbox.abi_encode()),
            create(RootContract::Inbox, (chain_registry, bridge).abi_encode()),
            create(
                RootContract::Tournament,
                abi::TournamentTerms {
                    registry: chain_registry,
                    inbox,
                    verifier,
                    heights: self.heights.clone(),
                }
                .abi_encode_params(),
            ),
            create(RootContract::Bridge, (xpl, inbox, tournament).abi_encode()),
            create(RootContract::RiscvStep, Vec::new()),
        ];
        calls.extend(self.network_creations(contracts, deployer));
        for token in &self.tokens {
            let TestToken {
                name,
                symbol,
                decimals,
                supply,
            } = token.clone();
            let arguments = (name, symbol, U256::from(decimals), supply).abi_encode_params();
            calls.push(create(RootContract::TestToken, arguments));
        }
        calls.extend(self.network_wiring(contracts));
        for chain in &self.chains {
            let mut registration = chain.registration.clone();
            if let Some(network) = contracts.network.filter(|_| chain.served) {
                registration.committee = network.committee();
            }
            calls.push((register(contracts, &registration), REGISTER_GAS));
        }
        let total = self
            .endowments
            .iter()
            .fold(U256::ZERO, |sum, (_, more)| sum.saturating_add(*more));
        if !total.is_zero() {
            let approve = abi::Token::approveCall {
                spender: bridge,
                value: total,
            };
            calls.push((RootCall::new(xpl, &approve), TOKEN_GAS));
        }
        for (chain_id, amount) in &self.endowments {
            calls.push((endow(contracts, *chain_id, xpl, *amount), ENDOW_GAS));
        }
        for (to, value) in &self.grants {
            let transfer = abi::Token::transferCall {
                to: *to,
                value: *value,
            };
            calls.push((RootCall::new(xpl, &transfer), TOKEN_GAS));
        }
        calls.extend(self.sequencer_grants(contracts));
        calls
    }
}

/// Registers a chain with contracts that exist.
pub async fn register_chain(
    account: &RootAccount,
    contracts: &Contracts,
    registration: &Registration,
) -> Result<RootReceipt, SettlementError> {
    let receipt = account
        .send(&register(contracts, registration), Gas::Estimate)
        .await?;
    Ok(root_receipt(&receipt))
}

/// Moves tokens of the account into the escrow that backs a chain's genesis balances. A gift:
/// nobody is credited on the chain.
pub async fn endow_chain(
    account: &RootAccount,
    contracts: &Contracts,
    chain_id: ChainId,
    token: Address,
    amount: U256,
) -> Result<RootReceipt, SettlementError> {
    crate::bridge::approve(account, token, contracts.bridge, amount).await?;
    let receipt = account
        .send(&endow(contracts, chain_id, token, amount), Gas::Estimate)
        .await?;
    Ok(root_receipt(&receipt))
}

/// Sends the root's coin to an account, such as one that is to publish and claim.
pub async fn fund(
    account: &RootAccount,
    to: Address,
    value: U256,
) -> Result<RootReceipt, SettlementError> {
    let transfer = RootCall {
        to: Some(to),
        value,
        data: Bytes::new(),
    };
    Ok(root_receipt(&account.send(&transfer, Gas::Estimate).await?))
}

/// What is registered of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredChain {
    /// What people call it.
    pub name: String,
    /// When it was registered, by the root's clock.
    pub registered_at: Seconds,
    /// The genesis block's hash.
    pub genesis_hash: plasma_core::B256,
    /// The hash of the checkpoint that it starts from.
    pub genesis_checkpoint: plasma_core::B256,
    /// The identity of the program that decides disputes now.
    pub program: plasma_core::B256,
    /// The hash of the committee's seats now, or what stands in its place.
    pub committee: plasma_core::B256,
    /// Seconds for which a claim can be contested.
    pub challenge_window: u64,
    /// Seconds within which the sequencers must consume an inbox message.
    pub forced_delay: u64,
    /// Seconds between an upgrade's announcement and its start.
    pub exit_window: u64,
    /// Seconds of the committee's silence after which the root orders.
    pub silence: u64,
    /// Wei that a claim puts up.
    pub bond: U256,
    /// Who may announce upgrades.
    pub owner: Address,
}

impl From<abi::Chain> for RegisteredChain {
    fn from(from: abi::Chain) -> Self {
        Self {
            name: from.name,
            registered_at: Seconds(from.registeredAt),
            genesis_hash: from.genesisHash,
            genesis_checkpoint: from.genesisCheckpoint,
            program: from.program,
            committee: from.committee,
            challenge_window: from.challengeWindow,
            forced_delay: from.forcedDelay,
            exit_window: from.exitWindow,
            silence: from.silence,
            bond: from.bond,
            owner: from.owner,
        }
    }
}

/// Twice what registration with the longest name and address takes.
const REGISTER_GAS: u64 = 1_400_000;
/// An ERC-20 approval or transfer with vote accounting on both sides.
const TOKEN_GAS: u64 = 200_000;
const ENDOW_GAS: u64 = 350_000;

fn register(contracts: &Contracts, registration: &Registration) -> RootCall {
    let call = abi::ChainRegistry::registerCall {
        r: registration.into(),
    };
    RootCall::new(contracts.chain_registry, &call)
}

fn endow(contracts: &Contracts, chain_id: ChainId, token: Address, amount: U256) -> RootCall {
    let call = abi::Bridge::endowCall {
        chainId: chain_id.0,
        token,
        amount,
    };
    RootCall::new(contracts.bridge, &call)
}

/// A creation with its gas limit.
fn create(contract: RootContract, arguments: Vec<u8>) -> (RootCall, u64) {
    let code = creation_code(contract, arguments);
    let gas = creation_gas(&code);
    (RootCall::create(code), gas)
}

fn creation_code(contract: RootContract, arguments: Vec<u8>) -> Bytes {
    [contract.bytecode().as_ref(), &arguments].concat().into()
}

/// A bound on what a creation takes: calldata at EIP-7623's floor, the deposit of its code, and
/// what a constructor of ours may store.
fn creation_gas(code: &Bytes) -> u64 {
    const BASE: u64 = 53_000;
    const CONSTRUCTOR: u64 = 600_000;
    const PER_BYTE: u64 = 40 + 200 + 2;
    BASE + CONSTRUCTOR + PER_BYTE * code.len() as u64
}
