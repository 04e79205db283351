//! In from the root layer, and out.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolEvent;
use plasma_core::{
    ChainId, OutgoingMessage, Status,
    conformance::execution::{deposit, force},
};

use super::chain::*;
use crate::{IBridge, XPL, issued_asset, module_address};

fn bridge() -> Address {
    module_address("bridge")
}

#[test]
fn a_deposit_is_credited_and_told() {
    for asset in [XPL, DOLLAR] {
        let mut chain = Chain::new();
        let before = chain.balance(asset, who(3));
        let receipt = chain.step(&deposit(4, who(3), asset, U256::from(500)));
        assert!(receipt.succeeded(), "{}", receipt.reason);
        assert_eq!(chain.balance(asset, who(3)), before + U256::from(500));
        let log = receipt.logs.last().expect("it is told");
        let event = IBridge::Deposited::decode_raw_log(log.topics.iter().copied(), &log.data);
        let event = event.expect("it is a deposit");
        assert_eq!(
            (event.index, event.to, event.amount),
            (4, who(3), U256::from(500))
        );
        chain.audit();
    }
}

#[test]
fn a_deposit_beyond_all_numbers_has_a_receipt_and_no_effect() {
    let mut chain = Chain::new();
    let before = chain.balance(DOLLAR, who(3));
    let receipt = chain.step(&deposit(0, who(3), DOLLAR, U256::MAX));
    assert_eq!(receipt.status, Status::Reverted);
    assert_eq!(chain.balance(DOLLAR, who(3)), before);
    assert!(chain.step(&deposit(1, who(3), XPL, U256::ZERO)).succeeded());
    chain.audit();
}

#[test]
fn a_withdrawal_burns_and_leaves_as_a_message_to_the_root() {
    for asset in [XPL, DOLLAR] {
        let mut chain = Chain::new();
        let (recipient, amount) = (who(2), U256::from(300));
        let before = chain.balance(asset, who(0));
        let withdraw = IBridge::withdrawCall {
            asset,
            recipient,
            amount,
        };
        let receipt = chain.run(sign(&signer(0), call(bridge(), &withdraw)));
        assert!(receipt.succeeded(), "{}", receipt.reason);
        let expected = OutgoingMessage {
            destination: ChainId(0),
            sender: who(0),
            recipient,
            asset,
            amount,
            gas: 0,
            expiry: 0,
            refund: who(0),
            bundle: B256::ZERO,
            payload: Bytes::new(),
        };
        assert_eq!(receipt.messages, [expected]);
        assert!(chain.balance(asset, who(0)) <= before - amount);
        chain.audit();
    }
}

#[test]
fn nothing_leaves_that_did_not_enter() {
    let mut chain = Chain::new();
    let issue = ITrouble::issueCall {
        to: who(0),
        amount: U256::from(50),
    };
    assert!(
        chain
            .run(sign(&signer(0), call(trouble(), &issue)))
            .succeeded()
    );
    let own = issued_asset(trouble(), 7);
    let cases = [
        (own, who(1), 1, "NotBacked("),
        (DOLLAR, who(1), 1_001, "InsufficientBalance("),
        (DOLLAR, who(1), 5_001, "NotBacked("),
        (DOLLAR, Address::ZERO, 1, "ZeroRecipient("),
    ];
    for (nonce, (asset, recipient, amount, reason)) in (1..).zip(cases) {
        let withdraw = IBridge::withdrawCall {
            asset,
            recipient,
            amount: U256::from(amount),
        };
        let transaction = TxEip1559 {
            nonce,
            ..call(bridge(), &withdraw)
        };
        let receipt = chain.run(sign(&signer(0), transaction));
        assert_eq!(receipt.status, Status::Reverted);
        assert!(receipt.reason.starts_with(reason), "{}", receipt.reason);
        assert!(receipt.messages.is_empty());
        chain.audit();
    }
}

#[test]
fn a_message_goes_where_it_is_sent_with_what_it_carries() {
    let mut chain = Chain::new();
    let message = IBridge::sendMessageCall {
        destination: 77,
        recipient: who(1),
        asset: XPL,
        amount: U256::from(5),
        gas: 100_000,
        expiry: 1_800_000_000,
        payload: Bytes::from_static(b"call me"),
    };
    let receipt = chain.run(sign(&signer(0), call(bridge(), &message)));
    assert!(receipt.succeeded(), "{}", receipt.reason);
    let sent = &receipt.messages[0];
    assert_eq!(
        (sent.destination, sent.gas, sent.expiry),
        (ChainId(77), 100_000, 1_800_000_000)
    );
    assert_eq!(sent.payload, Bytes::from_static(b"call me"));
    chain.audit();
}

#[test]
fn a_forced_transaction_is_executed_even_in_a_full_block() {
    let mut chain = Chain::new();
    for nonce in 0..10 {
        let gas_limit = 4_000_000;
        let work = ITrouble::burn_gasCall {
            gas: gas_limit - 30_000,
        };
        let hungry = TxEip1559 {
            nonce,
            gas_limit,
            ..call(trouble(), &work)
        };
        assert!(chain.run(sign(&signer(0), hungry)).succeeded());
    }
    let gas_limit = 1_000_000;
    let transfer = TxEip1559 {
        gas_limit,
        value: U256::from(8),
        ..to(who(2))
    };
    let transfer = sign(&signer(1), transfer);
    assert_eq!(
        chain.run(transfer.clone()).status,
        Status::Invalid,
        "the block is full"
    );
    let receipt = chain.step(&force(transfer.clone()));
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(chain.balance(XPL, who(2)), U256::from(FUNDS + 8));
    assert_eq!(chain.step(&force(transfer)).status, Status::Invalid, "once");
    let noise = chain.step(&force(Bytes::from_static(b"noise")));
    assert_eq!(noise.status, Status::Invalid);
    assert!(!noise.reason.is_empty());
    chain.audit();
}
