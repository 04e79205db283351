//! The real contracts on a virtual root, with one chain whose entries are known.

use std::sync::Arc;

use alloy_sol_types::{SolCall, SolValue as _, sol};
use futures::FutureExt as _;
use plasma_bridge::{Contracts, Registration, RootContract, move_call, read_view};
use plasma_core::{
    Address, B256, Bytes, ChainId, Checkpoint, DisputeView, Move, U256, address, keccak256,
};

use crate::{
    root::{Head, Outcome, Snapshot, VirtualRoot},
    truth::{Chain, Truth, program},
};

/// Seconds in which claims may join.
pub(crate) const WINDOW: u64 = 3_600;
/// Wei that a claim puts up; odd, so that halves do not come out even.
pub(crate) const BOND: u64 = 1_000_001;

const CHAIN: u64 = 4_242;
const ENTRIES: u64 = 5;
const DEPLOYER: Address = address!("00000000000000000000000000000000000d3b10");

sol! {
    function sendTransaction(uint64 chainId, bytes rawSignedTx) external returns (uint64 index);
    function force(uint64 chainId) external;
    function entryHash(uint64 chainId, uint64 count) external view returns (bytes32);
    function credit(address account) external view returns (uint256);
    function held() external view returns (uint256);
    function burned() external view returns (uint256);
}

/// A root with everything that disputes need, before the first claim.
pub(crate) struct Base {
    pub(crate) truth: Arc<Truth>,
    pub(crate) heights: Vec<u8>,
    contracts: Contracts,
    snapshot: Snapshot,
}

/// A root of one's own, from a base on.
pub(crate) struct World {
    pub(crate) base: Arc<Base>,
    pub(crate) root: VirtualRoot,
}

impl Base {
    pub(crate) fn new(heights: &[u8]) -> Arc<Self> {
        let mut root = VirtualRoot::new(1_800_000_000);
        let contracts = deploy(&mut root, heights);
        let genesis = Checkpoint {
            state_root: keccak256("genesis state"),
            block: keccak256("genesis"),
            ..Checkpoint::default()
        };
        register(&mut root, &contracts, genesis);
        let chain = Chain {
            id: CHAIN,
            genesis_hash: genesis.block,
            genesis,
            entries: entries(&mut root, &contracts),
        };
        Arc::new(Self {
            truth: Truth::new(&chain),
            heights: heights.to_vec(),
            contracts,
            snapshot: root.snapshot(),
        })
    }
}

fn deploy(root: &mut VirtualRoot, heights: &[u8]) -> Contracts {
    let first = root.nonce(DEPLOYER);
    let contracts = Contracts::predicted(DEPLOYER, first);
    let verifier = Contracts::predicted_verifier(DEPLOYER, first);
    let Contracts {
        xpl,
        chain_registry,
        inbox,
        bridge,
        tournament,
        ..
    } = contracts;
    // Where a list of fixed-size numbers begins, then its length and its members.
    let mut terms = (
        chain_registry,
        inbox,
        verifier,
        U256::from(128),
        U256::from(heights.len()),
    )
        .abi_encode();
    for height in heights {
        terms.extend(U256::from(*height).abi_encode());
    }
    let created = [
        (RootContract::Xpl, (DEPLOYER, DEPLOYER).abi_encode(), xpl),
        (
            RootContract::ChainRegistry,
            inbox.abi_encode(),
            chain_registry,
        ),
        (
            RootContract::Inbox,
            (chain_registry, bridge).abi_encode(),
            inbox,
        ),
        (RootContract::Tournament, terms, tournament),
        (
            RootContract::Bridge,
            (xpl, inbox, tournament).abi_encode(),
            bridge,
        ),
        (RootContract::RiscvStep, Vec::new(), verifier),
    ];
    for (contract, arguments, expected) in created {
        let code = [contract.bytecode(), arguments.as_slice()].concat();
        let outcome = root.send(DEPLOYER, None, U256::ZERO, code.into());
        let Outcome::Done { created, .. } = outcome else {
            panic!("{contract:?}: {outcome:?}");
        };
        assert_eq!(created, Some(expected), "{contract:?}");
    }
    contracts
}

fn register(root: &mut VirtualRoot, contracts: &Contracts, genesis: Checkpoint) {
    let registration = Registration {
        chain_id: ChainId(CHAIN),
        name: "disputed".into(),
        uri: String::new(),
        program: crate::truth::identity(&program()).hash(),
        genesis_hash: genesis.block,
        genesis,
        committee: keccak256("committee"),
        challenge_window: WINDOW,
        forced_delay: 60,
        silence: 60,
        exit_window: 2 * WINDOW,
        bond: U256::from(BOND),
        owner: Address::ZERO,
    };
    let data = registration.call_data();
    assert!(
        root.send(DEPLOYER, Some(contracts.chain_registry), U256::ZERO, data)
            .is_done()
    );
}

/// Fills the inbox with forced entries, and gives its hash after each.
fn entries(root: &mut VirtualRoot, contracts: &Contracts) -> Vec<B256> {
    let mut hashes = Vec::new();
    for count in 1..=ENTRIES {
        let message = sendTransactionCall {
            chainId: CHAIN,
            rawSignedTx: Bytes::from(vec![count as u8]),
        };
        send(root, contracts.inbox, &message);
        root.mine(root.now() + 61);
        send(root, contracts.inbox, &forceCall { chainId: CHAIN });
        let hash = entryHashCall {
            chainId: CHAIN,
            count,
        };
        hashes.push(root.call(contracts.inbox, &hash));
    }
    hashes
}

fn send(root: &mut VirtualRoot, to: Address, call: &impl SolCall) {
    let outcome = root.send(DEPLOYER, Some(to), U256::ZERO, call.abi_encode().into());
    assert!(outcome.is_done(), "{outcome:?}");
}

impl World {
    pub(crate) fn new(base: &Arc<Base>) -> Self {
        Self {
            base: base.clone(),
            root: VirtualRoot::fork(&base.snapshot),
        }
    }

    /// What the real client reads.
    pub(crate) fn view(&mut self, account: Address) -> DisputeView {
        let head = Head::of(&mut self.root);
        read_view(&head, &self.base.contracts, ChainId(CHAIN), Some(account))
            .now_or_never()
            .expect("nothing to wait for")
            .expect("the contracts answer")
    }

    /// Sends what the real client sends for a move.
    pub(crate) fn play(&mut self, view: &DisputeView, account: Address, action: &Move) -> Outcome {
        let contracts = &self.base.contracts;
        let call = match move_call(contracts, ChainId(CHAIN), account, view, action) {
            Ok(call) => call,
            Err(error) => {
                let data = error.to_string().into_bytes().into();
                return Outcome::Reverted { data };
            }
        };
        self.root
            .send(account, Some(call.to), call.value, call.data)
    }

    pub(crate) fn credit(&mut self, account: Address) -> U256 {
        self.root
            .call(self.base.contracts.tournament, &creditCall { account })
    }

    /// Wei in claims and credits, wei burned, and all wei that the tournament has.
    pub(crate) fn held(&mut self) -> [U256; 3] {
        let tournament = self.base.contracts.tournament;
        let held = self.root.call(tournament, &heldCall {});
        let burned = self.root.call(tournament, &burnedCall {});
        [held, burned, self.root.balance(tournament)]
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.root.snapshot()
    }

    pub(crate) fn reorganise(&mut self, to: &Snapshot) {
        self.root.reorganise(to);
    }
}
