//! What gas costs where a transaction may have to be executed once more, instruction by instruction.
//!
//! The root can check one segment of a chain only if the fault-proof machine executes it within 2^28 instructions, so
//! gas must bound instructions. Most of Ethereum's prices do by themselves; what has an instruction of its own in
//! hardware, or a library in assembly, is dearer in the machine. [`Prices::Machine`] raises those prices, so that a
//! unit of gas is at most [`INSTRUCTIONS_PER_GAS`] instructions, and caps what a transaction may take.
//!
//! Every number here is measured: `cargo xtask bench --filter guest` prints what the dearest programs cost.

use alloc::string::String;

use alloy_primitives::{Address, U256};
use borsh::{BorshDeserialize, BorshSerialize};
use revm::{
    bytecode::opcode,
    context::{Cfg, CfgEnv},
    context_interface::{ContextTr, cfg::GasId},
    handler::{EthPrecompiles, PrecompileProvider, instructions::EthInstructions},
    interpreter::{
        CallInput, CallInputs, Gas, Host, Instruction, InstructionContext, InstructionExecResult,
        InstructionResult, InterpreterResult,
        instructions::{contract, system},
        interpreter::EthInterpreter,
    },
    primitives::{AddressSet, hardfork::SpecId},
};
use serde::{Deserialize, Serialize};

/// The most instructions of the fault-proof machine for one unit of gas, at [`Prices::Machine`].
pub const INSTRUCTIONS_PER_GAS: u64 = 60;

/// The most gas of a transaction at [`Prices::Machine`]: with the state that it reads and writes, its segment stays
/// below 2^28 instructions.
pub const MACHINE_TRANSACTION_GAS: u64 = 4_000_000;

/// What a transaction's first access to an account costs on top of a later one, and so does naming it in an access
/// list: the account may have 24 KiB of code, whose parts are to be found deep in the state, and read.
pub(super) const MACHINE_COLD_ACCOUNT_GAS: u64 = 5_900;

/// The most bytes that the machine hashes in one instruction.
const MACHINE_HASH_BYTES: usize = 4_096;

/// What gas costs.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Prices {
    /// Ethereum's, and more for what is dear in the fault-proof machine: for chains whose claims can be disputed.
    #[default]
    Machine,
    /// Ethereum's, to the unit: for a chain that nobody claims anything about, such as a root.
    Ethereum,
}

impl Prices {
    /// The most gas of a transaction; `None` for what the rules of Ethereum say (EIP-7825).
    pub(super) fn transaction_gas(self) -> Option<u64> {
        (self == Self::Machine).then_some(MACHINE_TRANSACTION_GAS)
    }

    /// Puts into a configuration what costs no single instruction.
    pub(super) fn configure(self, cfg: &mut CfgEnv) {
        cfg.tx_gas_limit_cap = self.transaction_gas();
        if self == Self::Machine {
            let cold = GasId::cold_account_additional_cost();
            let listed = GasId::tx_access_list_address_cost();
            cfg.gas_params
                .override_gas([cold, listed].map(|id| (id, MACHINE_COLD_ACCOUNT_GAS)));
        }
    }

    /// The instructions at these prices.
    pub(super) fn instructions<H: Host>(self, spec: SpecId) -> EthInstructions<EthInterpreter, H> {
        let mut instructions = EthInstructions::new_mainnet_with_spec(spec);
        if self == Self::Ethereum {
            return instructions;
        }
        for (code, gas) in OPCODES {
            instructions.insert_gas(code, gas);
        }
        for code in opcode::PUSH23..=opcode::PUSH32 {
            instructions.insert_gas(code, 4);
        }
        instructions.insert_instruction(opcode::KECCAK256, Instruction::new(keccak256), 30);
        instructions.insert_instruction(opcode::CREATE2, Instruction::new(create2), 0);
        instructions
    }

    /// How many times Ethereum's price a precompile costs for this input.
    fn of_precompile(self, address: &Address, input: usize) -> u64 {
        if self == Self::Ethereum || address.0[..18] != [0; 18] {
            return 1;
        }
        match u16::from_be_bytes([address.0[18], address.0[19]]) {
            // SHA-256: one instruction for short ones.
            0x02 if input > MACHINE_HASH_BYTES => 3,
            // Modular exponentiation.
            0x05 => 2,
            // BN254: addition.
            0x06 => 6,
            // BN254: multiplication. BLS12-381: the map to its second group.
            0x07 | 0x11 => 4,
            // BN254: pairing. The compression function of BLAKE2b.
            0x08 | 0x09 => 3,
            // KZG point evaluation.
            0x0a => 12,
            // BLS12-381: additions, multiplications in the first group, pairing, the map to the first group.
            0x0b | 0x0c | 0x0d | 0x0f | 0x10 => 5,
            // BLS12-381: multiplications in the second group.
            0x0e => 7,
            // Verification over secp256r1.
            0x0100 => 9,
            _ => 1,
        }
    }
}

/// Prices of opcodes that are dear in the machine, instead of Ethereum's: division of 256 bits, and words that must
/// be put together from bytes.
const OPCODES: [(u8, u16); 10] = [
    (opcode::DIV, 10),
    (opcode::SDIV, 10),
    (opcode::MOD, 10),
    (opcode::SMOD, 10),
    (opcode::ADDMOD, 14),
    (opcode::MULMOD, 18),
    (opcode::CALLDATALOAD, 4),
    (opcode::DIFFICULTY, 5),
    (opcode::SELFBALANCE, 13),
    (opcode::MLOAD, 5),
];

/// `KECCAK256`: Ethereum's, and what a long hash costs on top.
fn keccak256<H: Host + ?Sized>(
    mut context: InstructionContext<'_, H, EthInterpreter>,
) -> InstructionExecResult {
    // Offset, length.
    charge_long_hash(&mut context, 1)?;
    system::keccak256(context)
}

/// `CREATE2`, which hashes the init code: Ethereum's, and what a long hash costs on top.
fn create2<H: Host + ?Sized>(
    mut context: InstructionContext<'_, H, EthInterpreter>,
) -> InstructionExecResult {
    // Value, offset, length, salt.
    charge_long_hash(&mut context, 2)?;
    contract::create::<true, _, _>(context)
}

/// What is longer than the machine hashes in one instruction is hashed by code, and costs for each word what that
/// takes. The length stands so deep in the stack.
fn charge_long_hash<H: ?Sized>(
    context: &mut InstructionContext<'_, H, EthInterpreter>,
    depth: usize,
) -> Result<(), InstructionResult> {
    /// On top of Ethereum's 6.
    const EXTRA_PER_WORD: u64 = 26;
    let interpreter = &mut *context.interpreter;
    let length = interpreter.stack.data().iter().nth_back(depth);
    // A length beyond 64 bits runs out of gas by itself.
    let length = length.map_or(0, U256::saturating_to::<u64>);
    if length <= MACHINE_HASH_BYTES as u64 {
        return Ok(());
    }
    let extra = length.div_ceil(32).saturating_mul(EXTRA_PER_WORD);
    if interpreter.gas.record_regular_cost(extra) {
        Ok(())
    } else {
        Err(InstructionResult::OutOfGas)
    }
}

/// Ethereum's precompiles at a chain's prices.
#[derive(Clone, Debug)]
pub(super) struct PricedPrecompiles {
    ethereum: EthPrecompiles,
    prices: Prices,
}

impl PricedPrecompiles {
    pub(super) fn new(spec: SpecId, prices: Prices) -> Self {
        Self {
            ethereum: EthPrecompiles::new(spec),
            prices,
        }
    }

    /// Whether there is a precompile at this address.
    pub(super) fn contains(&self, address: &Address) -> bool {
        self.ethereum.contains(address)
    }
}

impl<C: ContextTr<Cfg: Cfg<Spec = SpecId>>> PrecompileProvider<C> for PricedPrecompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: SpecId) -> bool {
        PrecompileProvider::<C>::set_spec(&mut self.ethereum, spec)
    }

    /// A precompile that costs `n` times as much has an `n`th of the gas to run with.
    fn run(
        &mut self,
        context: &mut C,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        let length = match &inputs.input {
            CallInput::Bytes(bytes) => bytes.len(),
            CallInput::SharedBuffer(range) => range.len(),
        };
        let times = self.prices.of_precompile(&inputs.bytecode_address, length);
        if times == 1 {
            return self.ethereum.run(context, inputs);
        }
        let priced = CallInputs {
            gas_limit: inputs.gas_limit / times,
            ..inputs.clone()
        };
        let result = self.ethereum.run(context, &priced)?;
        Ok(result.map(|result| {
            let mut gas = Gas::new(inputs.gas_limit);
            if result.result.is_ok_or_revert() {
                let spent = result.gas.total_gas_spent().saturating_mul(times);
                // At most the limit, of which it had an `n`th part.
                let _ = gas.record_regular_cost(spent);
            } else {
                gas.spend_all();
            }
            InterpreterResult { gas, ..result }
        }))
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.ethereum.warm_addresses()
    }
}
