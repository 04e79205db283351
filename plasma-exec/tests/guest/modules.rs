//! Chains of modules: random blocks of transfers, good and bad, deposits, withdrawals and forced calls.

use plasma_core::*;
use plasma_exec::{
    Bank, IBank, Interface, ModuleRuntime, NativeCall, SolCall as _, XPL, module_address,
};

use super::chain::{Chain, Dice, block, deposit, forced, program, rounds, signer};

const USERS: u8 = 8;

fn config() -> Vec<u8> {
    let balances: Vec<String> = (0..USERS)
        .map(|n| format!("\"{}\":\"1000000000000000000000\"", signer(n).address()))
        .collect();
    format!("{{\"balances\":{{{}}}}}", balances.join(",")).into_bytes()
}

struct Users {
    bank: Interface,
    genesis: B256,
    nonces: [u64; USERS as usize],
}

impl Users {
    fn transfer(&mut self, from: u8, to: Address, amount: U256, expires_at: u64) -> Bytes {
        let call = IBank::transferCall {
            asset: XPL,
            to,
            amount,
        };
        let nonce = self.nonces[from as usize];
        self.nonces[from as usize] += 1;
        let call = NativeCall {
            module: &self.bank,
            call: call.abi_encode().into(),
            nonce,
            expires_at,
            max_fee: U256::from(1_000_000_000_000_000_u64),
        };
        call.sign(&signer(from), super::chain::CHAIN, self.genesis)
            .expect("the bank has the function")
            .to_bytes()
    }

    /// Most often a good transfer; now and then one that is bad in one of several ways.
    fn any(&mut self, dice: &mut Dice, now: Timestamp) -> Bytes {
        let (from, to) = (dice.below(USERS.into()) as u8, dice.below(250) as u8);
        let later = now.seconds().0 + 600;
        let amount = U256::from(dice.below(1 << 40));
        match dice.below(12) {
            0 => {
                let bytes = self.transfer(from, signer(to).address(), amount, later);
                let mut bytes = bytes.to_vec();
                let at = dice.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << dice.below(8);
                bytes.into()
            }
            1 => self.transfer(from, signer(to).address(), U256::MAX, later),
            2 => self.transfer(from, signer(to).address(), amount, 1),
            3 => vec![dice.below(256) as u8; dice.below(300) as usize].into(),
            4 => self.transfer(from, module_address("bridge"), amount, later),
            _ => self.transfer(from, signer(to).address(), amount, later),
        }
    }
}

#[test]
fn every_segment_of_a_chain_of_modules_is_the_same_in_the_machine() {
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    for seed in 0..rounds(2, 40) {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut chain = Chain::new(&runtime, &program, &config());
        let mut users = Users {
            bank: Interface::of(&Bank),
            genesis: chain.genesis(),
            nonces: [0; USERS as usize],
        };
        for _ in 0..rounds(3, 12) {
            for _ in 0..dice.below(4) {
                let to = signer(dice.below(20) as u8).address();
                let amount = U256::from(dice.below(1 << 50));
                let asset = [XPL, Address::repeat_byte(0x70)][dice.below(2) as usize];
                let data = vec![7; dice.below(100) as usize].into();
                let message = match dice.below(3) {
                    0 => forced(users.any(&mut dice, chain.now())),
                    _ => deposit(to, asset, amount, data),
                };
                chain.send(message);
            }
            let mut blocks = Vec::new();
            let mut parent = chain.head();
            for n in 0..=dice.below(2) {
                let now = chain.now();
                let transactions = (0..dice.below(12))
                    .map(|_| users.any(&mut dice, now))
                    .collect();
                let messages = if n == 0 { chain.waiting() } else { 0 };
                let block = block(&parent, transactions, messages);
                parent = block.header.clone();
                blocks.push(block);
            }
            chain.append(&blocks);
        }
        println!(
            "{} segments, the longest {} instructions",
            chain.instructions.len(),
            chain.instructions.iter().max().expect("there are some")
        );
    }
}
