//! What every execution keeps to.

use alloc::{vec, vec::Vec};

use plasma_core::Status;

use super::*;
use crate::L2_BRIDGE;

/// A bit of everything, in blocks.
pub(super) fn blocks() -> Vec<Vec<Step>> {
    let (to, gold) = (Address::repeat_byte(0xaa), Address::repeat_byte(0x60));
    let of = |from: u8, nonce, to: TxKind, value: u64, input: Vec<u8>| {
        Step::Transaction(sign(from, ordinary(nonce, to, U256::from(value), input)))
    };
    let (counter_at, proxy_at) = (user(1).create(0), user(1).create(1));
    let through = [counter_at.as_slice(), b"x"].concat();
    let withdraw = |asset, amount: u64| withdrawal(asset, to, U256::from(amount));
    vec![
        vec![
            deposit(0, Address::ZERO, to, ether(1), b""),
            deposit(1, gold, user(1), U256::from(9), b"data"),
            deposit(
                2,
                Address::ZERO,
                counter_at,
                U256::from(3),
                b"before there is code",
            ),
            forced(3, &sign(0, ordinary(0, to.into(), U256::ONE, vec![]))),
            forced(4, b"garbage"),
            of(0, 1, to.into(), 2, vec![]),
            of(1, 0, TxKind::Create, 0, counter()),
            of(1, 1, TxKind::Create, 0, proxy()),
            of(1, 2, counter_at.into(), 0, vec![]),
        ],
        vec![],
        vec![
            deposit(5, Address::ZERO, counter_at, U256::from(3), b"called now"),
            of(2, 0, counter_at.into(), 1, vec![]),
            of(2, 1, proxy_at.into(), 0, through),
            // Reverts, creates what cannot be, runs out of gas.
            of(2, 2, L2_BRIDGE.into(), 5, vec![]),
            of(2, 3, TxKind::Create, 0, vec![0xfe]),
            of(2, 4, TxKind::Create, 0, contract("(loop (br 0))")),
            of(2, 5, user(2).create(4).into(), 0, vec![]),
            of(2, 6, L2_BRIDGE.into(), 7, withdraw(Address::ZERO, 7)),
            of(1, 3, L2_BRIDGE.into(), 0, withdraw(gold, 4)),
            of(1, 4, L2_BRIDGE.into(), 0, withdraw(gold, 6)),
            // Used, and from nobody.
            of(2, 4, to.into(), 0, vec![]),
            of(60, 0, to.into(), 0, vec![]),
            Step::Transaction(vec![0xff; 300].into()),
        ],
    ]
}

#[test]
fn the_suite_passes() {
    use Status::{Invalid as I, Reverted as R, Success as S};
    let genesis = Chain::config().to_json();
    let statuses = conform(&WasmExecution::new(), &genesis, &blocks(), 64);
    assert_eq!(statuses[0], [S, S, S, S, S, I, S, S, S, S, S]);
    assert_eq!(statuses[2], [S, S, S, S, R, R, S, R, S, S, R, I, I, I, S]);
}
