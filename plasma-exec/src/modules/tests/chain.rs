//! A small chain to try things on: five accounts, XPL, one other asset, and a module for trouble.

use alloc::{format, string::String, vec::Vec};

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use plasma_core::{
    Admission, BlockContext, ChainId, Execution, MemoryState, Query, Receipt, Rejection, Reply,
    Signer, Step, conformance::execution::Suite,
};

use crate::{
    Answer, Bank, CallError, CallResult, Context, Interface, JsonAbi, Module, ModuleRuntime,
    NativeCall, XPL, ethereum::Envelope, issued_asset, module_address, sol,
};

pub(super) const CHAIN: ChainId = ChainId(4242);
pub(super) const GENESIS: B256 = Suite::GENESIS;
/// What every account begins with.
pub(super) const FUNDS: u64 = 10_u64.pow(18);
pub(super) const BASE_FEE: u64 = 1_000_000_000;
pub(super) const DOLLAR: Address = address!("00000000000000000000000000000000000d011a");

sol! {
    #[derive(Debug, PartialEq, Eq)]
    interface ITrouble {
        function write(uint64 key, bytes value) external payable;
        function fail(uint64 key) external;
        function refuse(string reason) external;
        function burn_gas(uint64 gas) external;
        function recurse(uint64 depth) external returns (uint64 deepest);
        function tryFail() external returns (bool failed);
        function spend(address asset, uint256 amount) external;
        function issue(address to, uint256 amount) external;
        function shaped(Shape shape) external;
        function addKey(bytes input) external;
        function send(uint64 destination, address recipient, bytes payload) external;
        struct Shape { uint64 a; uint64[] b; }
        event Written(uint64 indexed key, bytes value);
        error Failed(uint64 key);
    }
}

/// Does what goes wrong elsewhere.
pub(super) struct Trouble;

const VALUES: plasma_core::Map<u64, Vec<u8>> = plasma_core::Map::new("values");

impl Module for Trouble {
    const NAME: &'static str = "trouble";
    type Calls = ITrouble::ITroubleCalls;
    type Genesis = ();

    fn abi(&self) -> JsonAbi {
        ITrouble::abi::contract()
    }

    fn call(&self, context: &mut Context<'_>, call: ITrouble::ITroubleCalls) -> CallResult {
        use ITrouble::ITroubleCalls as Calls;
        match call {
            Calls::write(call) => {
                context.set(&VALUES, &call.key, &call.value.to_vec())?;
                context.emit(&ITrouble::Written {
                    key: call.key,
                    value: call.value.clone(),
                })?;
                call.done()
            }
            Calls::fail(call) => {
                context.set(&VALUES, &call.key, &Vec::new())?;
                context.emit(&ITrouble::Written {
                    key: call.key,
                    value: Bytes::new(),
                })?;
                context.send(ChainId(1), Address::repeat_byte(1), Bytes::new(), 0, 0)?;
                Err(ITrouble::Failed { key: call.key }.into())
            }
            Calls::refuse(call) => Err(CallError::message(call.reason)),
            Calls::burn_gas(call) => {
                context.charge(call.gas)?;
                call.done()
            }
            Calls::recurse(call) => {
                let inner = ITrouble::recurseCall {
                    depth: call.depth + 1,
                };
                match context.call::<Self, _>(&inner, U256::ZERO) {
                    Ok(deepest) => call.answer(&deepest),
                    Err(_) => call.answer(&call.depth),
                }
            }
            Calls::tryFail(call) => {
                let inner = ITrouble::failCall { key: 1 };
                let failed = context.call::<Self, _>(&inner, U256::ZERO).is_err();
                call.answer(&failed)
            }
            Calls::spend(call) => {
                context.take(call.asset, call.amount)?;
                call.done()
            }
            Calls::issue(call) => {
                context.mint(7, call.to, call.amount)?;
                call.done()
            }
            Calls::shaped(call) => call.done(),
            Calls::addKey(call) => {
                let inner =
                    <crate::IKeys::addCall as alloy_sol_types::SolCall>::abi_decode(&call.input)
                        .map_err(|error| CallError::message(format!("{error}")))?;
                context.call::<crate::Keys, _>(&inner, U256::ZERO)?;
                call.done()
            }
            Calls::send(call) => {
                let destination = ChainId(call.destination);
                context.send(destination, call.recipient, call.payload.clone(), 1, 2)?;
                call.done()
            }
        }
    }
}

pub(super) fn trouble() -> Address {
    module_address(Trouble::NAME)
}

pub(super) fn bank() -> Address {
    module_address(Bank::NAME)
}

pub(super) fn signer(n: u8) -> Signer {
    Signer::from_bytes(&B256::repeat_byte(n + 1)).expect("a valid scalar")
}

pub(super) fn who(n: u8) -> Address {
    signer(n).address()
}

pub(super) fn genesis() -> String {
    let list = |amount: u64| -> String {
        let entries: Vec<String> = (0..5)
            .map(|n| format!("\"{}\": \"{amount}\"", who(n)))
            .collect();
        format!("{{ {} }}", entries.join(", "))
    };
    format!(
        r#"{{ "balances": {}, "baseFee": "{BASE_FEE}", "gasLimit": 40000000,
             "assets": [ {{ "address": "{DOLLAR}", "name": "Dollar", "symbol": "USD", "decimals": 6, "balances": {} }} ],
             "modules": {{ "fees": {{ "floor": "7" }}, "trouble": {{}} }} }}"#,
        list(FUNDS),
        list(1_000),
    )
}

/// A transaction of a wallet, to be changed and signed.
pub(super) fn to(to: Address) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN.0,
        nonce: 0,
        gas_limit: 21_000,
        max_fee_per_gas: u128::from(BASE_FEE) * 2,
        max_priority_fee_per_gas: 3,
        to: TxKind::Call(to),
        ..TxEip1559::default()
    }
}

/// A call of a module by a wallet.
pub(super) fn call(module: Address, call: &impl alloy_sol_types::SolCall) -> TxEip1559 {
    TxEip1559 {
        gas_limit: 400_000,
        input: call.abi_encode().into(),
        ..to(module)
    }
}

pub(super) fn sign<T>(signer: &Signer, transaction: T) -> Bytes
where
    T: SignableTransaction<alloy_primitives::Signature>,
    Envelope: From<alloy_consensus::Signed<T>>,
{
    let signature = signer.sign(transaction.signature_hash());
    let signature =
        alloy_primitives::Signature::new(signature.r.into(), signature.s.into(), signature.v == 28);
    Envelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// A native call, with enough to pay for it.
pub(super) fn native<'a>(
    module: &'a Interface,
    nonce: u64,
    call: &impl alloy_sol_types::SolCall,
) -> NativeCall<'a> {
    NativeCall {
        module,
        call: call.abi_encode().into(),
        nonce,
        expires_at: Suite::TIME.0 + 3_600,
        max_fee: U256::from(BASE_FEE) * U256::from(500_000),
    }
}

pub(super) fn runtime() -> ModuleRuntime {
    ModuleRuntime::new().module(Trouble)
}

/// A chain in the middle of its first block.
pub(super) struct Chain {
    pub(super) runtime: ModuleRuntime,
    pub(super) state: MemoryState,
    pub(super) block: BlockContext,
}

impl Chain {
    pub(super) fn new() -> Self {
        let runtime = runtime();
        let mut state = MemoryState::default();
        runtime
            .genesis(&mut state, genesis().as_bytes())
            .expect("a valid genesis");
        let block = BlockContext {
            chain_id: CHAIN,
            genesis: GENESIS,
            timestamp: Suite::TIME.timestamp(),
            proposer: Suite::PROPOSER,
            ..BlockContext::default()
        };
        Self {
            runtime,
            state,
            block,
        }
    }

    pub(super) fn step(&mut self, step: &Step) -> Receipt {
        self.runtime.apply(&mut self.state, &self.block, step)
    }

    pub(super) fn run(&mut self, transaction: Bytes) -> Receipt {
        self.step(&Step::Transaction(transaction))
    }

    pub(super) fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        self.runtime.admit(&self.state, &self.block, transaction)
    }

    pub(super) fn ask(&self, query: &Query) -> Reply {
        self.runtime
            .query(&self.state, &self.block, query)
            .expect("it is answered")
    }

    pub(super) fn balance(&self, asset: Address, holder: Address) -> U256 {
        super::super::ledger::balance(&self.state, asset, holder)
    }

    /// Everything adds up, and every module's invariants hold.
    pub(super) fn audit(&self) {
        audit(&self.runtime, &self.state).expect("everything adds up");
    }
}

/// All who can hold anything on this chain.
pub(super) fn holders() -> Vec<Address> {
    let modules = ["bank", "fees", "bridge", "keys", "trouble"].map(module_address);
    let others = [
        Suite::PROPOSER,
        Address::ZERO,
        DOLLAR,
        Address::repeat_byte(9),
    ];
    (0..6).map(who).chain(modules).chain(others).collect()
}

pub(super) fn audit(
    runtime: &ModuleRuntime,
    state: &dyn plasma_core::StateRead,
) -> Result<(), String> {
    for asset in [XPL, DOLLAR, issued_asset(trouble(), 7)] {
        Bank::audit(state, asset, holders())?;
    }
    match runtime.violations(state).pop() {
        Some((module, wrong)) => Err(format!("{module}: {wrong}")),
        None => Ok(()),
    }
}
