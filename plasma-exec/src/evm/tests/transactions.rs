//! What transactions do, and which are refused.

use alloc::{format, vec, vec::Vec};

use alloy_consensus::{TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use plasma_core::Status;

use super::*;

#[test]
fn a_transfer_moves_value_burns_the_base_fee_and_tips_the_proposer() {
    let mut chain = Chain::new();
    let (to, base_fee) = (Address::repeat_byte(0xaa), chain.base_fee());
    assert_eq!(base_fee, GWEI);
    let receipt = chain.send(0, to.into(), ether(3), []);
    assert_eq!(
        (receipt.status, receipt.gas_used.0),
        (Status::Success, 21_000)
    );
    assert_eq!(receipt.gas_price, base_fee + GWEI);
    let fee = U256::from(21_000 * receipt.gas_price);
    assert_eq!(chain.balance(to), ether(3));
    assert_eq!(chain.balance(user(0)), ether(997) - fee);
    assert_eq!(chain.balance(PROPOSER), U256::from(21_000 * GWEI));
    assert_eq!(chain.nonce(user(0)), 1);
}

#[test]
fn every_kind_of_transaction_is_executed() {
    let mut chain = Chain::new();
    let (to, target) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
    let legacy = TxLegacy {
        chain_id: Some(CHAIN.0),
        gas_price: 5 * GWEI,
        gas_limit: 21_000,
        to: to.into(),
        value: U256::from(1),
        ..TxLegacy::default()
    };
    let item = AccessListItem {
        address: target,
        storage_keys: vec![B256::ZERO, B256::ZERO],
    };
    let listed = TxEip2930 {
        chain_id: CHAIN.0,
        nonce: 1,
        gas_price: 5 * GWEI,
        gas_limit: 50_000,
        to: to.into(),
        value: U256::from(2),
        access_list: AccessList(vec![item]),
        ..TxEip2930::default()
    };
    let ordinary = ordinary(2, to.into(), U256::from(4), []);
    let receipts = chain.transactions([sign(0, legacy), sign(0, listed), sign(0, ordinary)]);
    let seen: Vec<_> = receipts
        .iter()
        .map(|r| (r.status, r.gas_used.0, r.gas_price))
        .collect();
    let expected = [
        (Status::Success, 21_000, 5 * GWEI),
        (Status::Success, 21_000 + 2_400 + 2 * 1_900, 5 * GWEI),
        (Status::Success, 21_000, 2 * GWEI),
    ];
    assert_eq!(seen, expected);
    assert_eq!(chain.balance(to), U256::from(7));
}

#[test]
fn at_the_machines_prices_strangers_are_dearer_and_transactions_shorter() {
    let genesis = EvmGenesis {
        prices: Prices::Machine,
        ..Chain::config()
    };
    let to = Address::repeat_byte(0xaa);
    let listed = |from, gas_limit| {
        let item = AccessListItem {
            address: to,
            storage_keys: vec![B256::ZERO],
        };
        let listed = TxEip2930 {
            chain_id: CHAIN.0,
            gas_price: 5 * GWEI,
            gas_limit,
            to: to.into(),
            access_list: AccessList(vec![item]),
            ..TxEip2930::default()
        };
        sign(from, listed)
    };
    let mut chain = Chain::with(&genesis);
    let receipt = &chain.transactions([listed(0, 4_000_000)])[0];
    let cold = super::super::prices::MACHINE_COLD_ACCOUNT_GAS;
    assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    assert_eq!(receipt.gas_used.0, 21_000 + cold + 1_900);
    let over = chain
        .execution
        .admit(&chain.state, &chain.block, &listed(1, 4_000_001));
    let said = over.expect_err("over the cap").to_string();
    let limits = format!("is outside {} to 4000000", 21_000 + cold + 1_900);
    assert!(said.contains(&limits), "{said}");
}

#[test]
fn what_cannot_be_executed_has_no_effect_and_says_why() {
    let mut chain = Chain::new();
    let to: TxKind = Address::repeat_byte(0xaa).into();
    let good = || ordinary(0, to, U256::ZERO, []);
    let mut foreign = good();
    foreign.chain_id = 1;
    let mut cheap = good();
    (cheap.max_fee_per_gas, cheap.max_priority_fee_per_gas) = (7, 7);
    let mut upside_down = good();
    upside_down.max_priority_fee_per_gas = upside_down.max_fee_per_gas + 1;
    let mut starved = good();
    starved.gas_limit = 20_999;
    let mut over_cap = good();
    over_cap.gas_limit = (1 << 24) + 1;
    let mut absurd = good();
    (absurd.max_fee_per_gas, absurd.gas_limit) = (u128::MAX, 1 << 24);
    let zeros_floor = {
        // 1,000 bytes other than zero: 16 gas each, but 40 at the least (EIP-7623).
        let mut transaction = ordinary(0, to, U256::ZERO, vec![1; 1_000]);
        transaction.gas_limit = 40_000;
        transaction
    };
    let unprotected = TxLegacy {
        to,
        gas_limit: 21_000,
        ..TxLegacy::default()
    };
    let nobody = TxEip7702 {
        chain_id: CHAIN.0,
        gas_limit: 100_000,
        max_fee_per_gas: 100 * GWEI,
        to: Address::ZERO,
        ..TxEip7702::default()
    };
    let mut high_s = sign(0, good()).to_vec();
    let last = high_s.len();
    high_s[last - 32..].fill(0xff);
    let cases: Vec<(Bytes, &str)> = vec![
        (sign(0, foreign), "wrong chain id 1; this chain is 77"),
        (sign(0, unprotected), "wrong chain id 0; this chain is 77"),
        (
            sign(0, ordinary(1, to, U256::ZERO, [])),
            "nonce too high: 1",
        ),
        (sign(0, ordinary(u64::MAX, to, U256::ZERO, [])), "EIP-2681"),
        (
            sign(0, cheap),
            "max fee per gas 7 wei is less than the block base fee of 1000000000 wei",
        ),
        (sign(0, upside_down), "priority fee"),
        (
            sign(0, starved),
            "gas limit 20999 is outside 21000 to 16777216",
        ),
        (
            sign(0, over_cap),
            "gas limit 16777217 is outside 21000 to 16777216",
        ),
        (sign(0, zeros_floor), "gas limit 40000 is outside 61000"),
        (sign(0, absurd), "more than there can be"),
        (
            sign(0, ordinary(0, to, ether(1_000), [])),
            "insufficient funds",
        ),
        (sign(99, good()), "insufficient funds"),
        (
            sign(0, ordinary(0, TxKind::Create, U256::ZERO, vec![0; 49_153])),
            "EIP-3860",
        ),
        (sign(0, nobody), "EIP-7702"),
        (high_s.into(), "invalid signature"),
        (Bytes::new(), "malformed"),
        (Bytes::from_static(&[3, 0xc0]), "blobs"),
        (Bytes::from_static(&[0x70, 1, 2, 3]), "0x70"),
        (vec![2; 200_000].into(), "over the limit"),
    ];
    for (bytes, reason) in &cases {
        let (state, block) = (chain.state.clone(), chain.block.clone());
        let admission = chain.execution.admit(&state, &block, bytes);
        if !reason.contains("nonce too high") {
            let said = format!("{}", admission.expect_err("not to be admitted"));
            assert!(
                said.contains(reason),
                "admission: {said:?} does not say {reason:?}"
            );
        }
        let receipt = chain.transactions([bytes.clone()]).remove(0);
        assert_eq!(receipt.status, Status::Invalid, "{reason}");
        assert!(
            receipt.reason.contains(reason),
            "{:?} does not say {reason:?}",
            receipt.reason
        );
        assert!(receipt.reason.len() < 400);
        let untouched = (
            chain.balance(user(0)),
            chain.nonce(user(0)),
            chain.balance(PROPOSER),
        );
        assert_eq!(untouched, (ether(1_000), 0, U256::ZERO));
        (chain.state, chain.block) = (state, block);
    }
}

#[test]
fn nonces_are_used_one_after_the_other() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0xaa);
    let nonces = [0, 0, 2, 1, 2, 1];
    let bytes = nonces.map(|nonce| sign(0, ordinary(nonce, to.into(), U256::from(1), [])));
    let receipts = chain.transactions(bytes);
    let done: Vec<bool> = receipts.iter().map(Receipt::succeeded).collect();
    assert_eq!(done, [true, false, false, true, true, false]);
    assert!(
        receipts[1].reason.contains("nonce too low: 0"),
        "{}",
        receipts[1].reason
    );
    assert_eq!(chain.balance(to), U256::from(3));
}
