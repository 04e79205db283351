//! Transactions that the root forces.

use alloc::vec;

use alloy_primitives::{Address, TxKind, U256, hex};
use plasma_core::{Status, Step};

use super::*;

#[test]
fn a_forced_transaction_is_executed_or_says_why_not() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0xaa);
    let good = sign(0, ordinary(0, to.into(), ether(1), []));
    let revert = chain_with_reverter(&mut chain);
    let reverting = sign(1, ordinary(0, revert.into(), U256::ZERO, []));
    let poor = sign(50, ordinary(0, to.into(), ether(1), []));
    let receipts = chain.block([
        forced(0, &good),
        forced(1, &good),
        forced(2, &reverting),
        forced(3, &poor),
        forced(4, b"garbage"),
        forced(5, b""),
        forced(6, &vec![0xff; 3_072]),
        forced(7, &sign(2, ordinary(1, to.into(), ether(1), []))),
    ]);
    let seen: Vec<_> = receipts
        .iter()
        .map(|r| (r.status, r.reason.as_str()))
        .collect();
    let reasons = [
        (Status::Success, ""),
        (Status::Invalid, "nonce too low: 0 is used"),
        (Status::Reverted, "execution reverted"),
        (Status::Invalid, "insufficient funds"),
        (Status::Invalid, "unsupported transaction"),
        (Status::Invalid, "malformed transaction"),
        (Status::Invalid, "malformed transaction"),
        (Status::Invalid, "nonce too high: 1"),
    ];
    for ((status, reason), (expected, start)) in seen.iter().zip(reasons) {
        assert!(
            *status == expected && reason.starts_with(start),
            "{status:?} {reason:?}"
        );
    }
    assert_eq!(chain.balance(to), ether(1));
    assert_eq!(chain.nonce(user(1)), 1);
}

/// Deployed by an account that the test does not count on.
fn chain_with_reverter(chain: &mut Chain) -> Address {
    let receipt = chain.send(9, TxKind::Create, U256::ZERO, init_code(&hex!("5f5ffd")));
    receipt.created.expect("a contract")
}

#[test]
fn a_full_block_still_takes_forced_transactions() {
    let mut chain = Chain::with(&EvmGenesis {
        gas_limit: 1_000_000,
        ..Chain::config()
    });
    let to: TxKind = Address::repeat_byte(0xaa).into();
    let of = |number: u8, nonce, gas_limit, to| {
        sign(
            number,
            TxEip1559 {
                gas_limit,
                ..ordinary(nonce, to, U256::from(1), [])
            },
        )
    };
    let deploy = TxEip1559 {
        gas_limit: 100_000,
        ..ordinary(0, TxKind::Create, U256::ZERO, init_code(&hex!("5b5f56")))
    };
    let endless = chain.transactions([sign(9, deploy)])[0]
        .created
        .expect("a contract");
    let receipts = chain.block([
        forced(0, &of(0, 0, 1_000_000, endless.into())),
        forced(1, &of(1, 0, 1_000_000, endless.into())),
        forced(2, &of(2, 0, 21_000, to)),
        Step::Transaction(of(3, 0, 21_000, to)),
    ]);
    let used: Vec<u64> = receipts.iter().map(|receipt| receipt.gas_used.0).collect();
    assert_eq!(used, [1_000_000, 1_000_000, 21_000, 0]);
    assert_eq!(receipts[3].reason, "gas limit 21000 is outside 21000 to 0");
    // But none may ask for more than a block.
    let greedy = forced(3, &of(3, 0, 1_000_001, to));
    assert_eq!(chain.block([greedy])[0].status, Status::Invalid);
}
