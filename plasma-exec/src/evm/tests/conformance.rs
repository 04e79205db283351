//! What every execution keeps to.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, TxKind, U256, hex};
use plasma_core::{Status, Step};

use super::*;
use crate::evm::predeploys::L2_BRIDGE;

/// A bit of everything, in blocks.
fn blocks() -> Vec<Vec<Step>> {
    let (to, gold) = (Address::repeat_byte(0xaa), Address::repeat_byte(0x60));
    let of = |from: u8, nonce, to: TxKind, value: u64, input: &[u8]| {
        sign(from, ordinary(nonce, to, U256::from(value), input.to_vec()))
    };
    let contract = user(1).create(0);
    let counter = init_code(&hex!("5f546001015f5500"));
    let seven = withdrawal(Address::ZERO, to, U256::from(7));
    vec![
        vec![
            deposit(0, Address::ZERO, to, ether(1), b""),
            deposit(1, gold, user(1), U256::from(9), b"data"),
            deposit(
                2,
                Address::ZERO,
                contract,
                U256::from(3),
                b"before there is code",
            ),
            forced(3, &of(0, 0, to.into(), 1, &[])),
            forced(4, b"garbage"),
            Step::Transaction(of(0, 1, to.into(), 2, &[])),
            Step::Transaction(of(1, 0, TxKind::Create, 0, &counter)),
            Step::Transaction(of(1, 1, contract.into(), 0, &[])),
        ],
        vec![],
        vec![
            deposit(5, Address::ZERO, contract, U256::from(3), b"called now"),
            Step::Transaction(of(2, 0, contract.into(), 1, &[])),
            // Reverts, creates what cannot be, runs out of gas.
            Step::Transaction(of(2, 1, L2_BRIDGE.into(), 5, &[])),
            Step::Transaction(of(2, 2, TxKind::Create, 0, &hex!("fe"))),
            Step::Transaction(of(2, 3, TxKind::Create, 0, &hex!("5b5f56"))),
            Step::Transaction(of(2, 4, L2_BRIDGE.into(), 7, &seven)),
            // Used, and from nobody.
            Step::Transaction(of(2, 4, to.into(), 0, &[])),
            Step::Transaction(of(60, 0, to.into(), 0, &[])),
            Step::Transaction(vec![0xff; 300].into()),
        ],
    ]
}

#[test]
fn the_suite_passes() {
    use Status::{Invalid as I, Reverted as R, Success as S};
    let genesis = Chain::config().to_json();
    let statuses = conform(&EvmExecution::new(), &genesis, &blocks(), 64);
    assert_eq!(statuses[0], [S, S, S, S, S, I, S, S, S, S]);
    assert_eq!(statuses[2], [S, S, S, R, R, R, S, I, I, I, S]);
}
