//! XPL from account to account, and what it costs.

use alloc::vec::Vec;

use alloy_consensus::{TxEip1559, TxEip2930, TxLegacy};
use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{Gas, Status, Step, conformance::execution::Suite};

use super::chain::*;
use crate::XPL;

fn wei(amount: u64) -> U256 {
    U256::from(amount)
}

#[test]
fn a_transfer_costs_21000_gas_and_every_wei_is_somewhere() {
    let mut chain = Chain::new();
    chain.step(&Step::Begin);
    let receipt = chain.run(sign(
        &signer(0),
        TxEip1559 {
            value: wei(500),
            ..to(who(1))
        },
    ));
    let price = BASE_FEE + 3;
    assert_eq!(
        (receipt.status, receipt.gas_used),
        (Status::Success, Gas(21_000))
    );
    assert_eq!(receipt.gas_price, u128::from(price));
    assert_eq!(
        chain.balance(XPL, who(0)),
        wei(FUNDS - 500 - 21_000 * price)
    );
    assert_eq!(chain.balance(XPL, who(1)), wei(FUNDS + 500));
    chain.audit();

    let settled = chain.step(&Step::End);
    assert_eq!(settled.logs.len(), 1, "what was burned and tipped is told");
    assert_eq!(chain.balance(XPL, Suite::PROPOSER), wei(21_000 * 3));
    chain.audit();
}

#[test]
fn special_amounts_and_recipients_add_up() {
    let everything = FUNDS - 21_000 * (BASE_FEE * 2);
    let cases = [
        ("nothing", who(1), 0, 0),
        ("nothing to a new account", Address::repeat_byte(9), 0, 0),
        ("to oneself", who(0), 700, 0),
        ("to the zero address", Address::ZERO, 700, 700),
        ("all that may be", who(1), everything, everything),
        ("all that may be, to oneself", who(0), everything, 0),
    ];
    for (name, recipient, value, gone) in cases {
        let mut chain = Chain::new();
        let receipt = chain.run(sign(
            &signer(0),
            TxEip1559 {
                value: wei(value),
                ..to(recipient)
            },
        ));
        assert!(receipt.succeeded(), "{name}: {}", receipt.reason);
        let fee = 21_000 * (BASE_FEE + 3);
        assert_eq!(
            chain.balance(XPL, who(0)),
            wei(FUNDS - gone - fee),
            "{name}"
        );
        chain.audit();
    }
}

#[test]
fn an_account_of_nothing_leaves_no_entry() {
    let mut chain = Chain::new();
    let before = chain.state.entries().len();
    let transfer = TxEip1559 {
        value: wei(0),
        ..to(Address::repeat_byte(9))
    };
    assert!(chain.run(sign(&signer(0), transfer)).succeeded());
    assert_eq!(chain.state.entries().len(), before);
}

#[test]
fn older_kinds_of_transactions_pay_their_price() {
    let mut chain = Chain::new();
    let legacy = TxLegacy {
        chain_id: Some(CHAIN.0),
        gas_limit: 30_000,
        gas_price: u128::from(BASE_FEE) + 10,
        to: who(1).into(),
        ..TxLegacy::default()
    };
    let receipt = chain.run(sign(&signer(0), legacy));
    assert_eq!(
        (receipt.gas_used, receipt.gas_price),
        (Gas(21_000), u128::from(BASE_FEE) + 10)
    );
    let listed = TxEip2930 {
        chain_id: CHAIN.0,
        nonce: 1,
        gas_limit: 30_000,
        gas_price: u128::from(BASE_FEE),
        to: who(1).into(),
        input: Bytes::from_static(&[0, 1]),
        access_list: alloy_eips::eip2930::AccessList(alloc::vec![
            alloy_eips::eip2930::AccessListItem {
                address: who(2),
                storage_keys: alloc::vec![alloy_primitives::B256::ZERO],
            }
        ]),
        ..TxEip2930::default()
    };
    let receipt = chain.run(sign(&signer(0), listed));
    assert_eq!(receipt.gas_used, Gas(21_000 + 4 + 16 + 2_400 + 1_900));
    chain.audit();
}

#[test]
fn one_account_has_many_in_flight_in_any_order() {
    let mut chain = Chain::new();
    let transfer = |nonce| {
        sign(
            &signer(0),
            TxEip1559 {
                nonce,
                value: wei(1),
                ..to(who(1))
            },
        )
    };
    let mut order: Vec<u64> = (0..256).collect();
    order.reverse();
    for nonce in order {
        let receipt = chain.run(transfer(nonce));
        assert!(receipt.succeeded(), "nonce {nonce}: {}", receipt.reason);
        assert_eq!(
            chain.run(transfer(nonce)).status,
            Status::Invalid,
            "nonce {nonce} again"
        );
    }
    assert!(chain.run(transfer(256)).succeeded());
    assert_eq!(chain.balance(XPL, who(1)), wei(FUNDS + 257));
    chain.audit();
}

#[test]
fn the_base_fee_follows_demand_and_the_block_has_an_end() {
    let mut chain = Chain::new();
    let fee = |chain: &Chain| match chain.ask(&plasma_core::Query::Fees) {
        plasma_core::Reply::Fees(fees) => fees,
        other => panic!("{other:?}"),
    };
    assert_eq!(fee(&chain).base_fee, u128::from(BASE_FEE));
    // The block holds 40 million gas: ten of 4 million fit, and then one of a million does not.
    let hungry = |nonce, gas_limit| {
        let work = ITrouble::burn_gasCall {
            gas: gas_limit - 30_000,
        };
        sign(
            &signer(0),
            TxEip1559 {
                nonce,
                gas_limit,
                ..call(trouble(), &work)
            },
        )
    };
    chain.step(&Step::Begin);
    for nonce in 0..10 {
        let receipt = chain.run(hungry(nonce, 4_000_000));
        assert!(receipt.succeeded(), "{}", receipt.reason);
    }
    let full = chain.run(hungry(10, 1_000_000));
    assert_eq!(full.status, Status::Invalid);
    assert!(
        full.reason.contains("this block has left"),
        "{}",
        full.reason
    );
    chain.step(&Step::End);
    let after = fee(&chain);
    assert!(after.gas_used.0 > 39_700_000, "{after:?}");
    // Twice the target of 20, nearly: an eighth.
    assert!(
        (1_123_000_000..=1_125_000_000).contains(&after.base_fee),
        "{after:?}"
    );
    for _ in 0..200 {
        chain.step(&Step::Begin);
        chain.step(&Step::End);
    }
    assert_eq!(fee(&chain).base_fee, 7, "an idle chain falls to its floor");
    chain.audit();
}

#[test]
fn tips_of_a_block_that_nobody_proposed_are_burned() {
    let mut chain = Chain::new();
    chain.block.proposer = Address::ZERO;
    chain.run(sign(&signer(0), to(who(1))));
    chain.step(&Step::End);
    assert_eq!(chain.balance(XPL, Address::ZERO), U256::ZERO);
    chain.audit();
}
