//! How many submissions a second the pool, and the whole sequencer, take: `cargo run --release
//! --example submit_rate`.

use std::{sync::Arc, time::Instant};

use plasma_core::{
    Admission, B256, Bytes, Env as _, Gas, Gate, NonceRule, Rejection, Sequencer as _, Signer,
    TokioEnv, U256,
    conformance::sequencer::{sequential, toy_genesis, windowed},
    transaction_hash,
};
use plasma_sequencer::{MemoryJournal, Mempool, MempoolLimits, SoloConfig, SoloSequencer};

const COUNT: u32 = 200_000;

/// Believes everything: the sender is in the bytes.
struct Open;

fn admission(bytes: &[u8]) -> Admission {
    let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let (account, nonce) = (number / 16, u64::from(number % 16));
    let even = account.is_multiple_of(2);
    Admission {
        hash: B256::ZERO,
        sender: if even {
            sequential(account)
        } else {
            windowed(account)
        },
        nonce,
        nonce_rule: if even {
            NonceRule::Sequential { next: 0 }
        } else {
            NonceRule::Window { base: 0 }
        },
        gas_limit: Gas(21_000),
        max_fee_per_gas: 1_000,
        priority_fee_per_gas: u128::from(number.wrapping_mul(2_654_435_761) % 1_000),
        max_cost: U256::ONE,
        balance: U256::from(1_000),
        expires_at: None,
    }
}

impl Gate for Open {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let hash = transaction_hash(transaction);
        Ok(Admission {
            hash,
            ..admission(transaction)
        })
    }
}

fn transactions() -> Vec<Bytes> {
    let bytes = |number: u32| [&number.to_be_bytes()[..], &[7; 116]].concat().into();
    (0..COUNT).map(bytes).collect()
}

fn print(what: &str, began: Instant, count: u32) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{what}: {:.0} a second", f64::from(count) / seconds);
}

#[tokio::main]
async fn main() {
    let (transactions, now) = (transactions(), TokioEnv.now());
    let mut pool = Mempool::new(MempoolLimits::default(), Gas(u64::MAX));
    let began = Instant::now();
    for bytes in &transactions {
        let taken = pool.insert(
            transaction_hash(bytes),
            bytes.clone(),
            &admission(bytes),
            now,
        );
        taken.expect("there is room");
    }
    print("into the pool, on one core", began, COUNT);
    let began = Instant::now();
    let mut taken = 0;
    while let picked @ 1.. = pool.take(Gas(u64::MAX), 4 << 20, now).len() {
        taken += picked;
    }
    print("into blocks of 4 MiB, on one core", began, taken as u32);

    let signer = Signer::from_bytes(&B256::repeat_byte(1)).expect("a key");
    let config = SoloConfig::new(toy_genesis().chain_id, toy_genesis());
    let (env, gate) = (Arc::new(TokioEnv), Arc::new(Open));
    let sequencer = SoloSequencer::start(config, signer, env, gate, Box::new(MemoryJournal::new()));
    let sequencer = Arc::new(sequencer.expect("started"));
    let began = Instant::now();
    let count = COUNT / 4;
    let halves = transactions[..count as usize]
        .chunks(count as usize / 2)
        .map(|half| {
            let (sequencer, half) = (Arc::clone(&sequencer), half.to_vec());
            tokio::spawn(async move {
                for bytes in half {
                    sequencer.submit(bytes).await.expect("taken");
                }
            })
        });
    futures::future::join_all(halves).await;
    print("submitted with signed promises, by two tasks", began, count);
}
