//! Calls of modules: events, errors, undoing, gas, other modules.

use alloc::vec;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Bytes, U256};
use alloy_sol_types::{SolCall, SolError, SolEvent};
use plasma_core::{ChainId, Receipt, Status};

use super::chain::*;
use crate::{IBank, XPL, issued_asset};

fn run(chain: &mut Chain, nonce: u64, transaction: TxEip1559) -> Receipt {
    let receipt = chain.run(sign(
        &signer(0),
        TxEip1559 {
            nonce,
            ..transaction
        },
    ));
    chain.audit();
    receipt
}

#[test]
fn a_transfer_of_an_asset_moves_it_and_says_so() {
    let mut chain = Chain::new();
    let amount = U256::from(250);
    let transfer = IBank::transferCall {
        asset: DOLLAR,
        to: who(1),
        amount,
    };
    let receipt = run(&mut chain, 0, call(bank(), &transfer));
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(chain.balance(DOLLAR, who(0)), U256::from(750));
    assert_eq!(chain.balance(DOLLAR, who(1)), U256::from(1_250));
    let [log] = &receipt.logs[..] else {
        panic!("one log: {:?}", receipt.logs)
    };
    let event = IBank::Transfer::decode_raw_log(log.topics.iter().copied(), &log.data);
    let expected = IBank::Transfer {
        asset: DOLLAR,
        from: who(0),
        to: who(1),
        amount,
    };
    assert_eq!((log.address, event), (bank(), Ok(expected)));
    let used = receipt.gas_used.0;
    let fee = U256::from(used) * U256::from(BASE_FEE + 3);
    assert_eq!(
        chain.balance(XPL, who(0)),
        U256::from(FUNDS) - fee,
        "unused gas is given back"
    );
}

#[test]
fn a_refusal_carries_soliditys_data_and_undoes_everything() {
    let mut chain = Chain::new();
    let needed = U256::from(1_001);
    let transfer = IBank::transferCall {
        asset: DOLLAR,
        to: who(1),
        amount: needed,
    };
    let receipt = run(&mut chain, 0, call(bank(), &transfer));
    let expected = IBank::InsufficientBalance {
        asset: DOLLAR,
        account: who(0),
        balance: U256::from(1_000),
        needed,
    };
    assert_eq!(receipt.status, Status::Reverted);
    assert_eq!(receipt.output, expected.abi_encode());
    let said = alloc::format!(
        "InsufficientBalance(asset: {DOLLAR:#x}, account: {:#x}, balance: 1000, needed: 1001)",
        who(0)
    );
    assert_eq!(receipt.reason, said);

    let state = chain.state.entries().len();
    let receipt = run(
        &mut chain,
        1,
        call(trouble(), &ITrouble::failCall { key: 3 }),
    );
    assert_eq!(receipt.output, ITrouble::Failed { key: 3 }.abi_encode());
    assert!(receipt.logs.is_empty() && receipt.messages.is_empty());
    assert_eq!(chain.state.entries().len(), state, "what it wrote is gone");

    let reason = "it is Tuesday".into();
    let receipt = run(
        &mut chain,
        2,
        call(trouble(), &ITrouble::refuseCall { reason }),
    );
    assert_eq!(receipt.reason, "it is Tuesday");
    assert_eq!(
        receipt.output[..4],
        [0x08, 0xc3, 0x79, 0xa0],
        "Error(string)"
    );
    let reason = "ü".repeat(5_000);
    let receipt = run(
        &mut chain,
        3,
        call(trouble(), &ITrouble::refuseCall { reason }),
    );
    assert!(receipt.reason.len() <= 256 && receipt.output.len() < 400);
}

#[test]
fn several_are_paid_at_once_or_none() {
    let mut chain = Chain::new();
    let many = |amounts: &[u64]| IBank::transferManyCall {
        asset: DOLLAR,
        to: vec![who(1), who(2), who(0)],
        amounts: amounts.iter().map(|amount| U256::from(*amount)).collect(),
    };
    let receipt = run(&mut chain, 0, call(bank(), &many(&[100, 200, 300])));
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(chain.balance(DOLLAR, who(0)), U256::from(700));
    let receipt = run(&mut chain, 1, call(bank(), &many(&[100, 601, 0])));
    assert_eq!(receipt.status, Status::Reverted);
    assert_eq!(
        chain.balance(DOLLAR, who(1)),
        U256::from(1_100),
        "the first is undone as well"
    );
    let receipt = run(&mut chain, 2, call(bank(), &many(&[1])));
    assert!(
        receipt.reason.starts_with("UnequalLengths("),
        "{}",
        receipt.reason
    );
}

#[test]
fn hostile_calldata_reverts_or_is_invalid_and_never_more() {
    let mut chain = Chain::new();
    let many = IBank::transferManyCall {
        asset: DOLLAR,
        to: vec![who(1)],
        amounts: vec![U256::ZERO],
    };
    let good = many.abi_encode();
    let mut nonce = 0;
    for at in 0..good.len() {
        for byte in [0, 1, 0x80, 0xff] {
            let mut input = good.clone();
            input[at] = byte;
            let transaction = TxEip1559 {
                input: input.into(),
                ..call(bank(), &many)
            };
            let receipt = run(&mut chain, nonce, transaction);
            nonce += u64::from(receipt.status != Status::Invalid);
        }
        let cut = TxEip1559 {
            input: good[..at].to_vec().into(),
            ..call(bank(), &many)
        };
        let receipt = run(&mut chain, nonce, cut);
        assert_ne!(receipt.status, Status::Success, "cut to {at} bytes");
        nonce += u64::from(receipt.status != Status::Invalid);
    }
}

#[test]
fn xpl_comes_along_only_where_it_is_taken() {
    let mut chain = Chain::new();
    let value = U256::from(99);
    let write = ITrouble::writeCall {
        key: 1,
        value: Bytes::from_static(b"paid"),
    };
    let receipt = run(
        &mut chain,
        0,
        TxEip1559 {
            value,
            ..call(trouble(), &write)
        },
    );
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(chain.balance(XPL, trouble()), value);
    let fail = ITrouble::failCall { key: 1 };
    let receipt = run(
        &mut chain,
        1,
        TxEip1559 {
            value,
            ..call(trouble(), &fail)
        },
    );
    assert!(
        receipt.reason.contains("takes no XPL"),
        "{}",
        receipt.reason
    );
    assert_eq!(chain.balance(XPL, trouble()), value);
}

#[test]
fn a_value_that_no_proof_could_open_fails_the_call() {
    let mut chain = Chain::new();
    for (nonce, length, succeeds) in [(0, 4_092, true), (1, 4_093, false)] {
        let write = ITrouble::writeCall {
            key: 1,
            value: vec![1; length].into(),
        };
        let receipt = run(&mut chain, nonce, call(trouble(), &write));
        assert_eq!(receipt.succeeded(), succeeds, "{}", receipt.reason);
        assert!(succeeds || receipt.reason.contains("over the limit of 4096"));
    }
}

#[test]
fn gas_that_runs_out_is_paid_in_full() {
    let mut chain = Chain::new();
    let work = ITrouble::burn_gasCall { gas: u64::MAX };
    let receipt = run(&mut chain, 0, call(trouble(), &work));
    assert_eq!(
        (receipt.status, receipt.gas_used.0),
        (Status::Reverted, 400_000)
    );
    let write = ITrouble::writeCall {
        key: 1,
        value: vec![1; 4_000].into(),
    };
    let least = {
        let mut limit = 21_000;
        // The estimate is the least limit: one less fails.
        let call_of = |limit| plasma_core::Call {
            to: Some(trouble()),
            input: write.abi_encode().into(),
            gas_limit: limit,
            ..plasma_core::Call::default()
        };
        if let plasma_core::Reply::Call(outcome) =
            chain.ask(&plasma_core::Query::Estimate(call_of(None)))
        {
            assert!(outcome.success, "{}", outcome.reason);
            limit = outcome.gas_used.0;
        }
        limit
    };
    for (nonce, gas_limit, succeeds) in [(1, least - 1, false), (2, least, true)] {
        let receipt = run(
            &mut chain,
            nonce,
            TxEip1559 {
                gas_limit,
                ..call(trouble(), &write)
            },
        );
        assert_eq!(
            receipt.succeeded(),
            succeeds,
            "{gas_limit}: {}",
            receipt.reason
        );
        assert_eq!(receipt.gas_used.0, gas_limit);
    }
}

#[test]
fn modules_call_modules_up_to_a_depth_and_survive_their_failures() {
    let mut chain = Chain::new();
    let receipt = run(
        &mut chain,
        0,
        call(trouble(), &ITrouble::recurseCall { depth: 0 }),
    );
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(
        ITrouble::recurseCall::abi_decode_returns(&receipt.output),
        Ok(8)
    );
    let receipt = run(&mut chain, 1, call(trouble(), &ITrouble::tryFailCall {}));
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(
        ITrouble::tryFailCall::abi_decode_returns(&receipt.output),
        Ok(true)
    );
    assert!(
        receipt.logs.is_empty() && receipt.messages.is_empty(),
        "the failed call's are gone"
    );
}

#[test]
fn a_module_takes_from_its_caller_issues_its_own_asset_and_sends_messages() {
    let mut chain = Chain::new();
    let spend = ITrouble::spendCall {
        asset: DOLLAR,
        amount: U256::from(10),
    };
    assert!(run(&mut chain, 0, call(trouble(), &spend)).succeeded());
    assert_eq!(chain.balance(DOLLAR, trouble()), U256::from(10));
    let issue = ITrouble::issueCall {
        to: who(1),
        amount: U256::from(77),
    };
    assert!(run(&mut chain, 1, call(trouble(), &issue)).succeeded());
    assert_eq!(
        chain.balance(issued_asset(trouble(), 7), who(1)),
        U256::from(77)
    );
    let all = ITrouble::issueCall {
        to: who(1),
        amount: U256::MAX,
    };
    assert_eq!(
        run(&mut chain, 2, call(trouble(), &all)).status,
        Status::Reverted
    );
    let message = ITrouble::sendCall {
        destination: 5,
        recipient: who(2),
        payload: Bytes::from_static(b"hi"),
    };
    let receipt = run(&mut chain, 3, call(trouble(), &message));
    let [sent] = &receipt.messages[..] else {
        panic!("one message: {receipt:?}")
    };
    assert_eq!(
        (sent.destination, sent.sender, sent.amount),
        (ChainId(5), trouble(), U256::ZERO)
    );
    let long = ITrouble::sendCall {
        payload: vec![0; 3_073].into(),
        ..message
    };
    let receipt = run(&mut chain, 4, call(trouble(), &long));
    assert!(
        receipt.reason.contains("limit of 3072"),
        "{}",
        receipt.reason
    );
}

#[test]
fn a_struct_argument_comes_by_wallet_transaction() {
    let mut chain = Chain::new();
    let shaped = ITrouble::shapedCall {
        shape: ITrouble::Shape {
            a: 1,
            b: vec![2, 3],
        },
    };
    let receipt = run(&mut chain, 0, call(trouble(), &shaped));
    assert!(receipt.succeeded(), "{}", receipt.reason);
}
