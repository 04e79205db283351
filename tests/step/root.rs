//! The contract in an EVM in process.

use alloy_sol_types::{SolCall as _, sol};
use plasma_bridge::RootContract;
use plasma_core::{Address, B256};
use revm::{
    Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    MainnetEvm,
    context::{
        TxEnv,
        result::{ExecutionResult, Output},
    },
    database::{CacheDB, EmptyDB},
    handler::MainnetContext,
    primitives::{TxKind, hardfork::SpecId},
};

use super::Step;

sol! {
    function step(bytes32 agreed, bytes32 romRoot, uint64 romBase, bytes proof) external view
        returns (bytes32 next);
}

/// The most that a transaction may take since EIP-7825.
const GAS_LIMIT: u64 = 1 << 24;

/// A root chain with nothing on it but `RiscvStep`.
pub(crate) struct Root {
    evm: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    contract: Address,
}

impl Root {
    pub(crate) fn new() -> Self {
        let mut context = Context::mainnet().with_db(CacheDB::new(EmptyDB::new()));
        context.cfg.set_spec_and_mainnet_gas_params(SpecId::OSAKA);
        // Steps are calls that nothing remembers: each is its sender's first.
        context.cfg.disable_nonce_check = true;
        let mut evm = context.build_mainnet();
        let creation = transaction(TxKind::Create, RootContract::RiscvStep.bytecode().to_vec());
        let result = evm
            .transact_commit(creation)
            .expect("the database cannot fail");
        let ExecutionResult::Success {
            output: Output::Create(_, Some(contract)),
            ..
        } = result
        else {
            panic!("the artifact cannot be deployed: {result:?}");
        };
        Self { evm, contract }
    }

    /// The next state's hash, or nothing when the proof is refused, and the whole transaction's gas.
    pub(crate) fn step(&mut self, agreed: B256, step: &Step) -> (Option<B256>, u64) {
        let call = stepCall {
            agreed,
            romRoot: step.rom_root,
            romBase: step.rom_base,
            proof: step.proof.clone().into(),
        };
        let call = transaction(TxKind::Call(self.contract), call.abi_encode());
        let result = self
            .evm
            .transact(call)
            .expect("the database cannot fail")
            .result;
        let gas = result.tx_gas_used();
        match result {
            ExecutionResult::Success { output, .. } => {
                let next = stepCall::abi_decode_returns(output.data());
                (Some(next.expect("a step returns one word")), gas)
            }
            ExecutionResult::Revert { output, .. } => {
                // A selector and at least one value: nothing is refused without a reason.
                assert!(output.len() >= 36, "a refusal without a reason: {output}");
                (None, gas)
            }
            ExecutionResult::Halt { reason, .. } => panic!("a step ended in {reason:?}"),
        }
    }
}

fn transaction(kind: TxKind, data: Vec<u8>) -> TxEnv {
    TxEnv {
        caller: Address::repeat_byte(0xca),
        kind,
        data: data.into(),
        gas_limit: GAS_LIMIT,
        ..TxEnv::default()
    }
}
