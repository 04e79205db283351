//! That the pool's limits bound its memory: whatever waits, and however it came, takes no more than it counts for.
//!
//! The allocator counts, so it is our own and needs what the lints deny. It hands every call on to the system's with the
//! very arguments that it got, and gives back what that one gave.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use plasma_core::{
    Address, Admission, B256, Bytes, Gas, NonceRule, Timestamp, U256, transaction_hash,
};
use plasma_sequencer::{Mempool, MempoolLimits, TRANSACTION_OVERHEAD_BYTES};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// What every allocation costs the allocator besides.
const HEADER: usize = 16;

// SAFETY: each method is the system allocator's of the same name, called with the same arguments, so whoever keeps the
// contract towards this one keeps it towards that one, and has its promises. Counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() + HEADER, Relaxed);
        // SAFETY: the caller's, see above; so below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() + HEADER, Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

const NOW: Timestamp = Timestamp(1_000);
const COUNT: u64 = 20_000;

/// What is sent: of whom, with which nonce, fees and expiry.
type Shape = fn(u64) -> (u64, u64, u128, u128, Option<u64>);

const SHAPES: &[(&str, Shape)] = &[
    ("one of each, alike", |n| (n, 0, 9, 1, None)),
    ("one of each, all different", |n| {
        let fee = scattered(n);
        (n, 0, fee, fee / 3, Some(n + 2))
    }),
    ("one of each, each pays more", |n| {
        let fee = u128::from(n);
        (n, 0, 3 * fee, fee, Some(n + 2))
    }),
    ("one of each, each pays less", |n| {
        let fee = u128::from(COUNT - n);
        (n, 0, 3 * fee, fee, Some(COUNT - n + 2))
    }),
    ("two of each", |n| (n / 2, n % 2, 9, 1, Some(1))),
    ("many of few", |n| (n % 7, n / 7, 9, 1, None)),
    ("many of few, the last first, all different", |n| {
        (n % 7, 10_000 - n / 7, scattered(n), 1, Some(n + 2))
    }),
    ("behind gaps, in no order", |n| {
        let nonce = scattered(n / 64 * 64 + n % 64) as u64 >> 1;
        (n / 64, nonce, 9, 1, None)
    }),
];

fn scattered(number: u64) -> u128 {
    u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn made(number: u64, shape: Shape, sequential: bool) -> (Bytes, Admission) {
    let (sender, nonce, max_fee_per_gas, priority_fee_per_gas, expires_at) = shape(number);
    let mut bytes = vec![7; 110];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let bytes = Bytes::from(bytes);
    let admission = Admission {
        hash: transaction_hash(&bytes),
        sender: Address::from_word(B256::from(U256::from(sender))),
        nonce,
        nonce_rule: if sequential {
            NonceRule::Sequential { next: 0 }
        } else {
            NonceRule::Window { base: 0 }
        },
        gas_limit: Gas(1),
        max_fee_per_gas,
        priority_fee_per_gas,
        max_cost: U256::ONE,
        balance: U256::MAX,
        expires_at,
    };
    (bytes, admission)
}

fn limits() -> MempoolLimits {
    MempoolLimits {
        sender_bytes: usize::MAX,
        ..MempoolLimits::default()
    }
}

/// Fills a pool; gives the most that a transaction took besides its bytes.
fn fill(shape: Shape, sequential: bool) -> usize {
    let before = LIVE.load(Relaxed);
    let mut pool = Mempool::new(limits(), Gas(1_000));
    let mut most = 0;
    for number in 0..COUNT {
        let (bytes, admission) = made(number, shape, sequential);
        // As it is when a block has it as well.
        let block = bytes.clone();
        let taken = pool.insert(admission.hash, bytes, &admission, NOW);
        taken.expect("there is room");
        drop((block, admission));
        let count = number as usize + 1;
        if count > 1_000 {
            let live = LIVE.load(Relaxed) - before;
            most = most.max(live.div_ceil(count) - 110);
        }
    }
    most
}

#[test]
fn the_limits_bound_memory() {
    for (name, shape) in SHAPES {
        for sequential in [false, true] {
            let most = fill(*shape, sequential);
            println!("{name}, sequential {sequential}: {most} bytes");
            assert!(
                most <= TRANSACTION_OVERHEAD_BYTES,
                "{name}: {most} bytes beyond its own"
            );
        }
    }
    what_was_here_once_is_given_back();
}

/// Senders leave one of many behind, over and over.
fn what_was_here_once_is_given_back() {
    let before = LIVE.load(Relaxed);
    let mut pool = Mempool::new(limits(), Gas(1_000));
    let mut number = 0;
    for sender in 0..100 {
        for nonce in 0..1_000 {
            number += 1;
            let (bytes, mut admission) = made(number, |_| (0, 0, 9, 1, None), false);
            admission.sender = Address::from_word(B256::from(U256::from(sender)));
            admission.nonce = nonce;
            admission.expires_at = (nonce != 500).then_some(2);
            let taken = pool.insert(admission.hash, bytes, &admission, NOW);
            taken.expect("there is room");
        }
        pool.expire(Timestamp(3_000));
    }
    assert_eq!(pool.statistics().ready, 100);
    let live = LIVE.load(Relaxed) - before;
    // There were never more than 1,099.
    let bound = 1_100 * (110 + TRANSACTION_OVERHEAD_BYTES);
    assert!(live <= bound, "{live} bytes for 100 transactions");
}
