//! Cases by themselves.

use plasma_core::{Admission, B256, Bytes, Gas, NonceRule, U256, transaction_hash};

use super::{BLOCK_GAS, LIMITS, Made, Mempool, NOW, account};
use crate::mempool::{MempoolLimits, block::MAX_MISFITS};

/// One that an account with sequential nonces made, whose bytes begin with `mark`.
fn made(nonce: u64, mark: u8) -> Made {
    let bytes = Bytes::from([&[mark][..], &nonce.to_be_bytes()].concat());
    let hash = transaction_hash(&bytes);
    let admission = Admission {
        hash,
        sender: account(0),
        nonce,
        nonce_rule: NonceRule::Sequential { next: 0 },
        gas_limit: Gas(1),
        max_fee_per_gas: 1,
        priority_fee_per_gas: 1,
        max_cost: U256::ONE,
        balance: U256::from(100),
        expires_at: None,
    };
    (hash, bytes, admission)
}

fn insert(pool: &mut Mempool, (hash, bytes, admission): &Made) -> bool {
    let taken = pool.insert(*hash, bytes.clone(), admission, NOW);
    taken.expect("it is taken in")
}

fn ask_nobody() -> Option<Admission> {
    panic!("it is here")
}

#[test]
fn what_others_ordered_waits_no_more_and_takes_the_place_of_a_rival() {
    let mut pool = Mempool::new(LIMITS, BLOCK_GAS);
    let mine: Vec<Made> = (0..4).map(|nonce| made(nonce, 0)).collect();
    // The first is not here yet, so the others wait for it.
    for waits in &mine[1..] {
        assert!(!insert(&mut pool, waits));
    }
    // A block has it, the second, and another in the place of the third.
    let rival = made(2, 9);
    pool.ordered(mine[0].0, &mine[0].1, || Some(mine[0].2.clone()));
    pool.ordered(mine[1].0, &mine[1].1, ask_nobody);
    pool.ordered(rival.0, &rival.1, || Some(rival.2.clone()));
    assert!(!pool.contains(&mine[2].0), "its nonce is used");
    assert_eq!(pool.pending(10), [mine[3].1.clone()]);
    assert!(pool.has_ready());
    assert_eq!(pool.gas_limit(&rival.0), Some(Gas(1)));
    let statistics = pool.statistics();
    assert_eq!((statistics.in_flight, statistics.ready), (3, 1));
    pool.ordered(mine[1].0, &mine[1].1, ask_nobody);
    assert_eq!(pool.statistics().in_flight, 3, "told twice");
    let taken = pool.take(BLOCK_GAS, 1_000, NOW);
    assert_eq!(taken.len(), 1);
    pool.executed(&[mine[0].0, mine[1].0, rival.0, mine[3].0]);
    assert_eq!(pool.statistics().in_flight, 0);
    // One that cannot be told is known until it is executed.
    let unknown = made(7, 7);
    pool.ordered(unknown.0, &unknown.1, || None);
    assert!(pool.contains(&unknown.0));
    pool.executed(&[unknown.0]);
    assert!(!pool.contains(&unknown.0));
}

#[test]
fn a_nonce_that_blocks_have_twice_counts_once() {
    let mut pool = Mempool::new(LIMITS, BLOCK_GAS);
    let (one, other) = (made(0, 1), made(0, 2));
    for (hash, bytes, admission) in [&one, &other] {
        pool.ordered(*hash, bytes, || Some(admission.clone()));
        assert!(pool.contains(hash));
    }
    assert_eq!(pool.statistics().in_flight, 1);
    assert_eq!(pool.get(&one.0), Some(&one.1), "each by its name");
    assert_eq!(pool.get(&other.0), None);
    // Whichever it is that a block could use.
    pool.executed(&[one.0]);
    assert_eq!(pool.statistics().in_flight, 0);
    assert!(pool.contains(&other.0));
    pool.executed(&[other.0]);
    assert!(!pool.contains(&other.0));
    assert_eq!(
        pool.statistics().senders,
        0,
        "nothing is left of the sender"
    );
}

#[test]
fn the_last_nonce_of_all_is_known_and_counts_for_nobody() {
    let mut pool = Mempool::new(LIMITS, BLOCK_GAS);
    let (hash, bytes, admission) = made(u64::MAX, 0);
    pool.ordered(hash, &bytes, || Some(admission.clone()));
    assert!(pool.contains(&hash));
    assert_eq!(pool.next_nonce(&account(0)), None);
    assert!(
        pool.insert(B256::ZERO, bytes, &admission, NOW).is_err(),
        "there is none after it"
    );
}

#[test]
fn a_block_passes_over_so_many_that_do_not_fit() {
    let limits = MempoolLimits::default();
    for (large, taken) in [(MAX_MISFITS - 1, 1), (MAX_MISFITS, 0)] {
        let mut pool = Mempool::new(limits, BLOCK_GAS);
        let of = |index: usize, gas| {
            let (hash, bytes, mut admission) = made(0, index as u8);
            admission.sender = account(2 * index as u8);
            admission.gas_limit = Gas(gas);
            (hash, bytes, admission)
        };
        for index in 0..large {
            insert(&mut pool, &of(index, 2));
        }
        insert(&mut pool, &of(large, 1));
        assert_eq!(pool.take(Gas(1), 1_000, NOW).len(), taken);
    }
}
