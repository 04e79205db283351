//! People who do things at random, good and bad: whatever they do, a chain is the same in the machine.

use alloy_primitives::TxKind;
use plasma_core::*;

use super::chain::{Chain, Dice, block, deposit, forced, program, rounds, sign, signer};

/// Who lives on random chains of an execution.
pub(crate) trait People {
    /// On a chain with this genesis.
    fn new(genesis: B256) -> Self;

    /// Who gets a deposit.
    fn payee(dice: &mut Dice) -> Address;

    /// What somebody does at this time.
    fn act(&mut self, dice: &mut Dice, now: Timestamp) -> Bytes;
}

/// Natively and in this program, every segment of random chains is the same: blocks of what people do, deposits and forced
/// transactions among it.
pub(crate) fn check_segments<P: People>(execution: &dyn Execution, name: &str, config: &[u8]) {
    let program = program(name);
    for seed in 0..rounds(2, 40) {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut chain = Chain::new(execution, &program, config);
        let mut people = P::new(chain.genesis());
        for _ in 0..rounds(3, 12) {
            for _ in 0..dice.below(4) {
                let to = P::payee(&mut dice);
                let amount = U256::from(dice.below(1 << 50));
                let asset = [Address::ZERO, Address::repeat_byte(0x70)][dice.below(2) as usize];
                let data = vec![7; dice.below(100) as usize].into();
                let message = match dice.below(3) {
                    0 => forced(people.act(&mut dice, chain.now())),
                    _ => deposit(to, asset, amount, data),
                };
                chain.send(message);
            }
            let mut blocks = Vec::new();
            let mut parent = chain.head();
            for n in 0..=dice.below(2) {
                let now = chain.now();
                let transactions = (0..dice.below(12))
                    .map(|_| people.act(&mut dice, now))
                    .collect();
                let messages = if n == 0 { chain.waiting() } else { 0 };
                let block = block(&parent, transactions, messages);
                parent = block.header.clone();
                blocks.push(block);
            }
            chain.append(&blocks);
        }
        println!(
            "{} segments, the longest {} instructions; {:?} succeeded, reverted, invalid",
            chain.instructions.len(),
            chain.instructions.iter().max().expect("there are some"),
            chain.statuses
        );
    }
}

/// People with wallets for Ethereum's transactions.
#[derive(Default)]
pub(crate) struct Wallets([u64; Self::COUNT as usize]);

impl Wallets {
    pub(crate) const COUNT: u8 = 6;

    pub(crate) fn addresses() -> impl Iterator<Item = Address> {
        (0..Self::COUNT).map(|n| signer(n).address())
    }

    /// One of them.
    pub(crate) fn any(dice: &mut Dice) -> u8 {
        dice.below(Self::COUNT.into()) as u8
    }

    /// A payment to somebody, who need not be one of them.
    pub(crate) fn payment(dice: &mut Dice) -> (TxKind, u64, Vec<u8>) {
        let to = signer(dice.below(60) as u8).address();
        (TxKind::Call(to), dice.below(1 << 50), vec![])
    }

    /// Signs what one of them does; now and then it is damaged, or its nonce is used once more.
    pub(crate) fn send(
        &mut self,
        dice: &mut Dice,
        from: u8,
        (to, value, input): (TxKind, u64, Vec<u8>),
        gas: u64,
    ) -> Bytes {
        let nonce = &mut self.0[from as usize];
        let mut bytes = sign(from, *nonce, to, U256::from(value), input, gas).to_vec();
        match dice.below(16) {
            0 => dice.flip(&mut bytes),
            // The same nonce once more, and then a gap.
            1 => {}
            _ => *nonce += 1,
        }
        bytes.into()
    }
}
