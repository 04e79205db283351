//! Blocks of transfers as a busy chain has them, to measure batches with.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, Bytes, U256};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use super::fields::{self, Fields, Kind};
use crate::{
    Block, BlockHeader, ChainHead, ChainId, Height, Timestamp, body_commitment, keccak256,
};

/// How the transfers of a sample are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// XPL, by an EIP-1559 transaction.
    Ethereum,
    /// An asset of the bank module, by a native transaction.
    Native,
}

/// What a sample is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How the transfers are made.
    pub kind: SampleKind,
    /// How many there are.
    pub transfers: usize,
    /// Among how many accounts, each as likely to send and to receive as any other.
    pub accounts: usize,
    /// How many transfers a block has.
    pub block: usize,
    /// Where its randomness starts.
    pub seed: u64,
}

const GWEI: u64 = 1_000_000_000;

impl Sample {
    /// 6,000 transfers among 1,000 accounts, 500 in a block: nearly as many as a batch holds.
    pub fn transfers(kind: SampleKind) -> Self {
        Self {
            kind,
            transfers: 6_000,
            accounts: 1_000,
            block: 500,
            seed: 1,
        }
    }

    /// The head that [`Self::blocks`] continue.
    pub fn head() -> ChainHead {
        ChainHead {
            chain_id: ChainId(4_242),
            height: Height(1_000),
            hash: B256::repeat_byte(7),
            timestamp: Timestamp(1_760_000_000_000),
            ..ChainHead::default()
        }
    }

    /// The blocks. Signatures are random, and so as hard to compress as true ones, but prove
    /// nothing.
    pub fn blocks(&self) -> Vec<Block> {
        let mut random = SmallRng::seed_from_u64(self.seed);
        let account = |n: usize| Address::from_slice(&keccak256(n.to_le_bytes())[12..]);
        let accounts: Vec<Address> = (0..self.accounts).map(account).collect();
        // Most accounts are young and some are old.
        let mut age = || 1 << random.random_range(0..10_u32);
        let ages: Vec<u64> = accounts.iter().map(|_| age()).collect();
        let mut nonces: Vec<u64> = ages
            .into_iter()
            .map(|age| random.random_range(0..age))
            .collect();
        let (mut head, mut blocks, mut left, mut base_fee) =
            (Self::head(), Vec::new(), self.transfers, GWEI);
        while left > 0 {
            let count = left.min(self.block);
            left -= count;
            // A block's base fee is within an eighth of the one before (EIP-1559).
            base_fee = base_fee * random.random_range(875..1_125) / 1_000;
            let timestamp = head.timestamp + 1_000 + random.random_range(0..8);
            let transactions: Vec<Bytes> = (0..count)
                .map(|_| {
                    let sender = random.random_range(0..accounts.len());
                    nonces[sender] += 1;
                    let to = accounts[random.random_range(0..accounts.len())];
                    self.transfer(&mut random, to, nonces[sender], base_fee, timestamp)
                })
                .collect();
            let header = BlockHeader {
                chain_id: head.chain_id,
                height: head.height.next(),
                epoch: head.epoch,
                parent: head.hash,
                timestamp,
                proposer: account(usize::MAX),
                messages: head.messages + u64::from(random.random_bool(0.2)),
                body: body_commitment(&transactions),
                executed_height: head.height,
                executed_root: B256::from(random.random::<[u8; 32]>()),
                seal: if blocks.len() % 30 == 29 {
                    B256::from(random.random::<[u8; 32]>())
                } else {
                    B256::ZERO
                },
            };
            head = ChainHead::of(&header, head.entry);
            blocks.push(Block {
                header,
                transactions,
            });
        }
        blocks
    }

    fn transfer(
        &self,
        random: &mut SmallRng,
        to: Address,
        nonce: u64,
        base_fee: u64,
        time: Timestamp,
    ) -> Bytes {
        let mut signature = [0; 64];
        random.fill(&mut signature[..]);
        // `s` is in the lower half of the curve's order (EIP-2).
        signature[32] &= 0x7f;
        let amount = amount(random);
        let tip = GWEI * [1, 1, 1, 1, 2, 3][random.random_range(0..6)] / 2;
        let native = self.kind == SampleKind::Native;
        let data = if native {
            bank_transfer(to, amount)
        } else {
            Vec::new()
        };
        let fields = Fields {
            kind: if native {
                Kind::Native
            } else {
                Kind::DynamicFee
            },
            chain_id: Self::head().chain_id.0,
            nonce: U256::from(nonce),
            gas: U256::from(if native { 0 } else { 21_000 }),
            // Wallets offer twice the base fee.
            fee: if native {
                U256::from(2 * base_fee) * U256::from(100_000)
            } else {
                U256::from(2 * base_fee + tip)
            },
            tip: U256::from(if native { 0 } else { tip }),
            to: Some(if native { BANK } else { to }),
            value: if native { U256::ZERO } else { amount },
            data: &data,
            access: &[],
            // Signed some seconds ago, for two minutes.
            expires_at: if native {
                time.seconds().0 + 120 - random.random_range(0..4)
            } else {
                0
            },
            odd: random.random(),
            signature,
        };
        let mut bytes = Vec::new();
        fields::write(&fields, &mut bytes);
        bytes.into()
    }
}

/// Where the bank of a sample is.
const BANK: Address = Address::with_last_byte(0x10);

/// `transfer(address asset, address to, uint256 amount)` of XPL.
fn bank_transfer(to: Address, amount: U256) -> Vec<u8> {
    let selector = &keccak256(b"transfer(address,address,uint256)")[..4];
    let words = [B256::ZERO, to.into_word(), B256::from(amount)];
    [selector, words.map(|word| word.0).as_flattened()].concat()
}

/// What people send: mostly a few digits, sometimes all they have.
fn amount(random: &mut SmallRng) -> U256 {
    let digits = match random.random_range(0..20) {
        0..10 => random.random_range(1..100),
        10..16 => random.random_range(1..1_000),
        16..19 => random.random_range(1..100_000),
        _ => return U256::from(random.random_range(1..u64::MAX)),
    };
    U256::from(digits) * U256::from(10).pow(U256::from(random.random_range(14..19)))
}
