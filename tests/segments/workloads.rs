//! Random blocks, on modules and on the EVM, in segments of every size.

use alloy_primitives::TxKind;
use alloy_sol_types::{SolCall as _, sol};
use plasma_core::{Address, Bytes, Execution, Gas, MAX_ENTRY_MESSAGES, MessageKind, U256, hex};
use plasma_exec::{EvmExecution, ModuleRuntime, module_address};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng, seq::IndexedRandom as _};

use crate::world::{Cut, World, signed, signer};

sol! {
    function withdraw(address asset, address recipient, uint256 amount) external;
}

const PEOPLE: u8 = 6;
const RICH: &str = "1000000000000000000000";
/// Segment gas: every step alone, a few steps, most of a block, the execution's own.
const SIZES: [Option<u64>; 4] = [Some(0), Some(300_000), None, Some(160_000_000)];

fn balances() -> String {
    let one = |number| format!("\"{}\": \"{RICH}\"", signer(number).address());
    (0..PEOPLE).map(one).collect::<Vec<_>>().join(", ")
}

pub(crate) fn module_config() -> String {
    format!("{{ \"balances\": {{ {} }} }}", balances())
}

pub(crate) fn evm_config() -> String {
    let one = |number| {
        format!(
            "\"{}\": {{ \"balance\": \"{RICH}\" }}",
            signer(number).address()
        )
    };
    let alloc = (0..PEOPLE).map(one).collect::<Vec<_>>().join(", ");
    format!("{{ \"alloc\": {{ {alloc} }} }}")
}

/// Who has sent how many transactions.
#[derive(Default)]
struct Nonces([u64; PEOPLE as usize]);

impl Nonces {
    fn next(&mut self, number: u8) -> u64 {
        let nonce = &mut self.0[usize::from(number)];
        *nonce += 1;
        *nonce - 1
    }
}

fn noise(random: &mut SmallRng, length: usize) -> Bytes {
    (0..length)
        .map(|_| random.random())
        .collect::<Vec<u8>>()
        .into()
}

/// A module chain's transaction: a transfer, a withdrawal, something refused, something long.
fn module_transaction(random: &mut SmallRng, nonces: &mut Nonces) -> Bytes {
    let who = random.random_range(0..PEOPLE);
    match random.random_range(0..10) {
        0..=5 => {
            let nonce = nonces.next(who);
            signed(who, |tx| {
                (tx.nonce, tx.value) = (nonce, U256::from(random.random::<u32>()));
            })
        }
        6 | 7 => {
            let call = withdrawCall {
                asset: Address::ZERO,
                recipient: signer(who).address(),
                amount: U256::from(random.random::<u16>()),
            };
            let nonce = nonces.next(who);
            signed(who, |tx| {
                tx.nonce = nonce;
                tx.to = TxKind::Call(module_address("bridge"));
                tx.input = call.abi_encode().into();
            })
        }
        // A used nonce, with calldata over a chunk.
        8 => signed(who, |tx| {
            (tx.gas_limit, tx.input) = (1 << 20, vec![7; random.random_range(4_000..9_000)].into());
        }),
        _ => {
            let length = random.random_range(0..200);
            noise(random, length)
        }
    }
}

/// An EVM chain's transaction: a transfer, a contract of some size, a call that writes or reverts, something refused.
fn evm_transaction(random: &mut SmallRng, nonces: &mut Nonces, made: &mut Vec<Address>) -> Bytes {
    let who = random.random_range(0..PEOPLE);
    match random.random_range(0..10) {
        0..=3 => {
            let nonce = nonces.next(who);
            signed(who, |tx| {
                (tx.nonce, tx.value) = (nonce, U256::from(random.random::<u32>()));
            })
        }
        4 => {
            let nonce = nonces.next(who);
            made.push(signer(who).address().create(nonce));
            // Slot 0 counts up when called with nothing; called with something, it reverts. Padded to some length.
            let runtime = hex!("366018575f54600101805f555f52600160205fa160205ff35b365f5f37365ffd");
            let length: u16 = *[32, 4_092, 4_093, 24_576]
                .choose(random)
                .expect("there are some");
            let mut code = vec![0x61];
            code.extend(length.to_be_bytes());
            code.extend(hex!("80600a5f395ff3")); // length; DUP1; PUSH1 10; PUSH0; CODECOPY; PUSH0; RETURN
            code.extend(runtime);
            code.resize(10 + usize::from(length), 0xfe);
            signed(who, |tx| {
                (tx.nonce, tx.to, tx.gas_limit) = (nonce, TxKind::Create, 6_000_000);
                tx.input = code.into();
            })
        }
        5..=7 if !made.is_empty() => {
            let nonce = nonces.next(who);
            let to = *made.choose(random).expect("not empty");
            let input = if random.random_bool(0.3) {
                vec![1, 2]
            } else {
                vec![]
            };
            signed(who, |tx| {
                (tx.nonce, tx.to, tx.input) = (nonce, TxKind::Call(to), input.into());
            })
        }
        8 => signed(who, |tx| {
            (tx.gas_limit, tx.input) = (1 << 20, vec![7; random.random_range(4_000..9_000)].into());
        }),
        _ => {
            let length = random.random_range(0..200);
            noise(random, length)
        }
    }
}

/// Sends deposits and forced transactions, and publishes or forces, a few times over.
fn play(world: &mut World, seed: u64, mut transaction: impl FnMut(&mut SmallRng) -> Bytes) {
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..5 {
        for _ in 0..random.random_range(0..4) {
            let to = signer(random.random_range(0..PEOPLE)).address();
            if random.random_bool(0.5) {
                let length = random.random_range(0..60);
                let data = noise(&mut random, length);
                world.send(MessageKind::Deposit, to, random.random(), data);
            } else {
                let bytes = transaction(&mut random);
                let bytes = bytes.slice(..bytes.len().min(3_072));
                world.send(MessageKind::Transaction, Address::ZERO, 0, bytes);
            }
        }
        let (from, to) = (world.head().messages, world.messages());
        if random.random_bool(0.25) {
            world.force(random.random_range(from..=to));
            continue;
        }
        let mut consumed = from;
        let blocks = (0..random.random_range(1..4)).map(|_| {
            consumed = random.random_range(consumed..=to);
            let count = random.random_range(0..7);
            (
                consumed,
                (0..count).map(|_| transaction(&mut random)).collect(),
            )
        });
        let blocks: Vec<_> = blocks.collect();
        world.publish(blocks);
        assert_eq!(world.defect(), None);
    }
}

/// The same workload in segments of every size: each leaf follows from the one before, and the chain is the same.
fn check(
    seed: u64,
    config: &str,
    execution: impl Fn() -> Box<dyn Execution>,
    mut workload: impl FnMut(&mut World, u64),
) {
    println!("seed {seed}");
    let mut ends = Vec::new();
    let mut leaves = Vec::new();
    for size in SIZES {
        let gas = size.map_or_else(|| execution().segment_gas(), Gas);
        let mut world = World::new(Cut(execution(), gas), config);
        workload(&mut world, seed);
        let trace = world.check();
        leaves.push(trace.leaves.len());
        ends.push(trace.last());
    }
    assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{ends:?}");
    assert!(
        leaves[0] > leaves[3],
        "smaller segments are more: {leaves:?}"
    );
    assert!(leaves.is_sorted_by(|more, less| more >= less), "{leaves:?}");
}

#[test]
fn module_blocks_come_to_the_same_natively_and_over_their_inputs() {
    for seed in 0..4 {
        check(
            seed,
            &module_config(),
            || Box::new(ModuleRuntime::new()),
            |world, seed| {
                let mut nonces = Nonces::default();
                play(world, seed, |random| {
                    module_transaction(random, &mut nonces)
                });
            },
        );
    }
}

#[test]
fn evm_blocks_come_to_the_same_natively_and_over_their_inputs() {
    for seed in 0..4 {
        check(
            seed,
            &evm_config(),
            || Box::new(EvmExecution::new()),
            |world, seed| {
                let (mut nonces, mut made) = (Nonces::default(), Vec::new());
                play(world, seed, |random| {
                    evm_transaction(random, &mut nonces, &mut made)
                });
            },
        );
    }
}

#[test]
fn an_entry_may_consume_as_many_messages_as_the_limit_says() {
    let mut world = World::new(ModuleRuntime::new(), &module_config());
    for number in 0..MAX_ENTRY_MESSAGES {
        let to = signer((number % 6) as u8).address();
        world.send(MessageKind::Deposit, to, number, Bytes::new());
    }
    world.force(MAX_ENTRY_MESSAGES);
    let trace = world.check();
    assert_eq!(trace.last().messages, MAX_ENTRY_MESSAGES);
    assert!(trace.leaves.len() > 3, "the block is cut");
}
