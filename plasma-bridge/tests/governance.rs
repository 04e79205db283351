//! XPL governs: a proposal's way from the vote to the parameter that it changes, with liquid and with bonded XPL.

mod support;

use alloy::{
    network::{EthereumWallet, TransactionBuilder as _},
    primitives::Bytes,
    providers::{Provider as _, ProviderBuilder},
    rpc::types::{TransactionReceipt, TransactionRequest},
    signers::local::PrivateKeySigner,
    sol,
    sol_types::SolCall,
};
use plasma_bridge::{Contracts, Deployment, NetworkTerms, SequencerNetwork, fund};
use plasma_core::{Address, B256, Signer, U256, keccak256};
use support::{Anvil, account, signer};

sol! {
    struct Parameters {
        uint16 seats;
        uint32 epochLength;
        uint16 slash;
        uint16 saturation;
        uint128 minSelfBond;
        uint128 fine;
    }

    function setParameters(Parameters parameters) external;
    function delegate(address delegatee) external;
    function propose(address[] targets, uint256[] values, bytes[] calldatas, string description)
        external returns (uint256);
    function hashProposal(address[] targets, uint256[] values, bytes[] calldatas,
        bytes32 descriptionHash) external view returns (uint256);
    function castVote(uint256 proposalId, uint8 support) external returns (uint256);
    function queue(address[] targets, uint256[] values, bytes[] calldatas, bytes32 descriptionHash)
        external returns (uint256);
    function execute(address[] targets, uint256[] values, bytes[] calldatas, bytes32 descriptionHash)
        external payable returns (uint256);
    function state(uint256 proposalId) external view returns (uint8);
}

/// OpenZeppelin's states of a proposal.
const ACTIVE: u8 = 1;
const DEFEATED: u8 = 3;
const SUCCEEDED: u8 = 4;
const QUEUED: u8 = 5;
const EXECUTED: u8 = 7;

const FOR: u8 = 1;

fn xpl(amount: u64) -> U256 {
    U256::from(amount) * U256::from(10).pow(U256::from(18))
}

struct World {
    anvil: Anvil,
    contracts: Contracts,
    network: SequencerNetwork,
}

impl World {
    /// `staker` has bonded 300 million, `holder` has 200 million in its purse; a quorum is 400 million.
    async fn new() -> Self {
        let anvil = Anvil::start().await;
        let rich = account(&anvil).await;
        let holder = signer("holder").address();
        let deployed = Deployment::new(&rich)
            .sequencer(signer("staker"), xpl(300_000_000))
            .grant(holder, xpl(200_000_000))
            .deploy(&rich)
            .await
            .expect("deployed");
        fund(&rich, holder, xpl(1)).await.expect("funded");
        let registry = deployed.contracts.network.expect("a network").registry;
        let network = SequencerNetwork::new(rich.root().clone(), registry);
        Self {
            anvil,
            contracts: deployed.contracts,
            network,
        }
    }

    fn governor(&self) -> Address {
        self.contracts.network.expect("a network").governor
    }

    async fn send(&self, by: &str, to: Address, call: impl SolCall) -> TransactionReceipt {
        let key = PrivateKeySigner::from_bytes(&keccak256(by)).expect("a key");
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(key))
            .connect_http(self.anvil.url().parse().expect("a URL"));
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(call.abi_encode());
        let sent = provider.send_transaction(request).await.expect("sent");
        let receipt = sent.get_receipt().await.expect("in a block");
        assert!(receipt.status(), "{receipt:?}");
        receipt
    }

    async fn ask<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(call.abi_encode());
        let provider = self.network.root().provider();
        let answer = provider.call(request).await.expect("answered");
        C::abi_decode_returns(&answer).expect("an answer")
    }

    async fn state(&self, id: U256) -> u8 {
        self.ask(self.governor(), stateCall { proposalId: id })
            .await
    }
}

/// One call, decided on.
struct Proposal {
    targets: Vec<Address>,
    values: Vec<U256>,
    calls: Vec<Bytes>,
    description: &'static str,
}

impl Proposal {
    fn slash(world: &World, slash: u16, description: &'static str) -> Self {
        let terms = NetworkTerms::default();
        let parameters = Parameters {
            seats: terms.seats,
            epochLength: terms.epoch_length,
            slash,
            saturation: terms.saturation,
            minSelfBond: terms.min_self_bond,
            fine: terms.fine,
        };
        Self {
            targets: vec![world.network.registry()],
            values: vec![U256::ZERO],
            calls: vec![setParametersCall { parameters }.abi_encode().into()],
            description,
        }
    }

    fn hash(&self) -> B256 {
        keccak256(self.description)
    }

    /// Proposes, and waits until votes can be cast.
    async fn open(&self, world: &World, by: &str) -> U256 {
        let call = proposeCall {
            targets: self.targets.clone(),
            values: self.values.clone(),
            calldatas: self.calls.clone(),
            description: self.description.into(),
        };
        world.send(by, world.governor(), call).await;
        let call = hashProposalCall {
            targets: self.targets.clone(),
            values: self.values.clone(),
            calldatas: self.calls.clone(),
            descriptionHash: self.hash(),
        };
        let id = world.ask(world.governor(), call).await;
        world.anvil.pass(3).await;
        assert_eq!(world.state(id).await, ACTIVE);
        id
    }
}

#[tokio::test]
async fn liquid_and_bonded_xpl_change_a_parameter_together_and_not_alone() {
    let world = World::new().await;
    let (staker, holder) = ("staker", "holder");
    assert_eq!(world.network.terms().await.expect("read").slash, 1_000);
    let own = Signer::from_bytes(&keccak256(holder)).expect("a key");
    let delegatee = own.address();
    world
        .send(holder, world.contracts.xpl, delegateCall { delegatee })
        .await;
    world.anvil.pass(2).await;
    let vote = |proposal| castVoteCall {
        proposalId: proposal,
        support: FOR,
    };

    // What is bonded is no quorum by itself.
    let alone = Proposal::slash(&world, 1, "bonded XPL alone");
    let id = alone.open(&world, staker).await;
    world.send(staker, world.governor(), vote(id)).await;
    world.anvil.pass(31).await;
    assert_eq!(world.state(id).await, DEFEATED);

    let together = Proposal::slash(&world, 500, "bonded and liquid XPL");
    let id = together.open(&world, staker).await;
    world.send(staker, world.governor(), vote(id)).await;
    world.send(holder, world.governor(), vote(id)).await;
    world.anvil.pass(31).await;
    assert_eq!(world.state(id).await, SUCCEEDED);
    // Anyone may do the rest.
    let Proposal {
        targets,
        values,
        calls,
        ..
    } = &together;
    let queue = queueCall {
        targets: targets.clone(),
        values: values.clone(),
        calldatas: calls.clone(),
        descriptionHash: together.hash(),
    };
    world.send(holder, world.governor(), queue).await;
    assert_eq!(world.state(id).await, QUEUED);
    assert_eq!(
        world.network.terms().await.expect("read").slash,
        1_000,
        "it waits in the timelock"
    );
    world.anvil.pass(6).await;
    let execute = executeCall {
        targets: targets.clone(),
        values: values.clone(),
        calldatas: calls.clone(),
        descriptionHash: together.hash(),
    };
    world.send(holder, world.governor(), execute).await;
    assert_eq!(world.state(id).await, EXECUTED);
    assert_eq!(world.network.terms().await.expect("read").slash, 500);
}
