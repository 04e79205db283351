//! Chains on the EVM: random blocks of payments, contract calls, reverts, precompiles, creations and what runs out of
//! gas, deposits and forced transactions among them.

use alloy_primitives::TxKind;
use plasma_core::*;
use plasma_exec::{EvmExecution, EvmGenesis, EvmGenesisAccount};

use super::{
    chain::{Dice, signer},
    people::{People, Wallets, check_segments},
};

/// Contracts, each one short program.
fn contracts() -> Vec<(Address, Vec<u8>)> {
    let programs: [&[u8]; 7] = [
        // Counts in slot 0, and writes what it was called with to the slot of that number.
        &[
            0x5f, 0x54, 0x60, 1, 0x01, 0x80, 0x5f, 0x55, 0x5f, 0x35, 0x80, 0x55, 0x00,
        ],
        // Writes, and reverts with 32 bytes.
        &[0x5f, 0x35, 0x5f, 0x55, 0x60, 32, 0x5f, 0xfd],
        // Loops until there is no gas.
        &[0x5b, 0x5f, 0x56],
        // Calls the precompile of the number in the first word with the rest, keeps the hash of what it returns.
        &[
            0x60, 32, 0x36, 0x03, 0x60, 32, 0x5f, 0x37, // CALLDATACOPY(0, 32, size - 32)
            0x61, 1, 0, 0x61, 0x10, 0, 0x60, 32, 0x36, 0x03, 0x5f, 0x5f, 0x35, 0x5a, 0xfa, 0x5f,
            0x55, // STATICCALL(gas, word, 0, size - 32, 4096, 256), SSTORE(0)
            0x61, 1, 0, 0x61, 0x10, 0, 0x20, 0x60, 1, 0x55, 0x00,
        ],
        // Creates a contract of what it was called with, and logs its address.
        &[
            0x36, 0x5f, 0x5f, 0x37, 0x36, 0x5f, 0x5f, 0xf0, 0x5f, 0x52, 0x60, 42, 0x60, 32, 0x5f,
            0xa1, 0x00,
        ],
        // Logs what the block says.
        &[
            0x43, 0x5f, 0x52, 0x42, 0x60, 32, 0x52, 0x44, 0x60, 64, 0x52, 0x48, 0x60, 96, 0x52,
            0x60, 1, 0x43, 0x03, 0x40, 0x60, 128, 0x52, 0x60, 160, 0x5f, 0xa0, 0x00,
        ],
        // Calls the contract 0x…c1, which reverts, and the counter behind it, with a hash of 5,000 bytes.
        &[
            0x61, 0x13, 0x88, 0x5f, 0x20, 0x5f, 0x52, 0x5f, 0x5f, 0x60, 32, 0x5f, 0x5f, 0x60, 0xc1,
            0x5a, 0xf1, 0x5f, 0x5f, 0x60, 32, 0x5f, 0x5f, 0x60, 0xc0, 0x5a, 0xf1, 0x00,
        ],
    ];
    (0xc0..)
        .map(Address::with_last_byte)
        .zip(programs.map(<[u8]>::to_vec))
        .collect()
}

fn config() -> Vec<u8> {
    let mut genesis = EvmGenesis::default();
    for address in Wallets::addresses() {
        genesis = genesis.with_balance(address, U256::from(10).pow(U256::from(21)));
    }
    for (address, code) in contracts() {
        let account = EvmGenesisAccount {
            code: code.into(),
            ..EvmGenesisAccount::default()
        };
        genesis.alloc.insert(address, account);
    }
    genesis.to_json()
}

struct Users(Wallets);

impl People for Users {
    fn new(_: B256) -> Self {
        Self(Wallets::default())
    }

    fn payee(dice: &mut Dice) -> Address {
        match dice.below(3) {
            0 => contracts()[dice.below(7) as usize].0,
            _ => signer(dice.below(20) as u8).address(),
        }
    }

    fn act(&mut self, dice: &mut Dice, _: Timestamp) -> Bytes {
        let from = Wallets::any(dice);
        let contracts = contracts();
        let word = |n: u64| B256::from(U256::from(n)).to_vec();
        let mut gas = 30_000 + dice.below(400_000);
        let does = match dice.below(8) {
            0 => Wallets::payment(dice),
            1 => (TxKind::Create, 0, init_code(dice)),
            2 => {
                gas += 300_000;
                let mut input = word(1 + dice.below(18));
                input.extend((0..dice.below(400)).map(|_| dice_byte(from)));
                (TxKind::Call(contracts[3].0), 0, input)
            }
            3 => {
                gas += 300_000;
                let mut input = word(0x0100 * dice.below(2) + 1 + dice.below(10));
                input.resize(32 + 213 + dice.below(200) as usize, 0);
                (TxKind::Call(contracts[3].0), 0, input)
            }
            4 => (TxKind::Call(contracts[4].0), 0, init_code(dice)),
            _ => {
                let contract = contracts[dice.below(7) as usize].0;
                (TxKind::Call(contract), 0, word(dice.below(1 << 20)))
            }
        };
        self.0.send(dice, from, does, gas)
    }
}

fn dice_byte(seed: u8) -> u8 {
    seed.wrapping_mul(37).wrapping_add(11)
}

/// Init code that leaves up to 200 random bytes as code, or fails in the middle.
fn init_code(dice: &mut Dice) -> Vec<u8> {
    let runtime: Vec<u8> = (0..dice.below(200))
        .map(|_| dice.below(256) as u8)
        .collect();
    let length = runtime.len() as u8;
    [
        &[0x60, length, 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3],
        &runtime[..],
    ]
    .concat()
}

#[test]
fn every_segment_of_a_chain_on_the_evm_is_the_same_in_the_machine() {
    check_segments::<Users>(&EvmExecution::new(), "evm", &config());
}
