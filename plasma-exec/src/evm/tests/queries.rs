//! Questions about state, and admission to a mempool.

use alloc::vec;

use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use plasma_core::{
    Admission, Call, Execution, Gas, NonceRule, Query, QueryError, Rejection, Reply, StateRead,
    transaction_hash,
};

use super::*;

fn estimate(chain: &Chain, call: Call) -> CallOutcome {
    chain.outcome(&Query::Estimate(call))
}

#[test]
fn a_call_changes_nothing_and_says_what_happened() {
    let mut chain = Chain::new();
    // Adds one to slot 0 and returns it, with the caller: ... MSTORE, CALLER, PUSH1 32, MSTORE, RETURN 64.
    let contract = chain.deploy(&hex!("5f54600101805f555f523360205260405ff3"));
    let before = chain.state.clone();
    let outcome = chain.outcome(&Query::Call(Call {
        from: user(7),
        to: Some(contract),
        ..Call::default()
    }));
    let words = [U256::from(1).to_be_bytes::<32>(), user(7).into_word().0].concat();
    assert!(outcome.success && outcome.reason.is_empty(), "{outcome:?}");
    assert_eq!(outcome.output, Bytes::from(words));
    assert_eq!(chain.state, before);

    let reverts = chain.deploy(&hex!("5f5ffd"));
    let outcome = chain.ask(reverts, []);
    assert_eq!(
        (outcome.success, outcome.reason.as_str()),
        (false, "execution reverted")
    );

    // A creation returns the code.
    let create = Call {
        input: init_code(&hex!("6001")).into(),
        ..Call::default()
    };
    assert_eq!(
        chain.outcome(&Query::Call(create)).output,
        Bytes::from(hex!("6001"))
    );

    // Contracts may be the caller, with whatever nonce and no fee.
    let from_contract = Call {
        from: contract,
        to: Some(contract),
        gas_limit: Some(Gas(100_000)),
        ..Call::default()
    };
    assert!(chain.outcome(&Query::Call(from_contract)).success);
}

#[test]
fn a_call_may_use_a_block_of_gas_and_no_more() {
    let mut chain = Chain::new();
    // Returns the gas it has.
    let contract = chain.deploy(&hex!("5a5f5260205ff3"));
    let gas = |limit: Option<u64>| {
        let call = Call {
            to: Some(contract),
            gas_limit: limit.map(Gas),
            ..Call::default()
        };
        U256::from_be_slice(&chain.outcome(&Query::Call(call)).output).to::<u64>()
    };
    assert_eq!(gas(Some(50_000)), 50_000 - 21_000 - 2);
    assert_eq!(gas(None), 60_000_000 - 21_000 - 2);
    assert_eq!(gas(Some(u64::MAX)), gas(None));
}

#[test]
fn value_and_fees_are_asked_for_when_offered() {
    let chain = Chain::new();
    let call = |from, value, gas_price| Call {
        from,
        to: Some(Address::repeat_byte(0xaa)),
        value,
        gas_price,
        ..Call::default()
    };
    let run = |call| chain.outcome(&Query::Call(call));
    assert!(run(call(user(0), ether(1_000), None)).success);
    assert!(!run(call(user(50), ether(1), None)).success);
    let base_fee = chain.base_fee();
    assert!(
        run(Call {
            gas_limit: Some(Gas(21_000)),
            ..call(user(0), ether(1), Some(base_fee))
        })
        .success
    );
    let cheap = run(call(user(0), ether(1), Some(1)));
    assert!(
        cheap.reason.contains("less than the block base fee"),
        "{cheap:?}"
    );
    let poor = run(call(user(50), U256::ZERO, Some(base_fee)));
    assert!(poor.reason.contains("insufficient funds"), "{poor:?}");
}

#[test]
fn an_estimate_is_the_least_limit_that_works() {
    let mut chain = Chain::new();
    // A counter; one that clears its slot, for a refund.
    let counter = chain.deploy(&hex!("5f546001015f5500"));
    let clearer = chain.deploy(&hex!("5f5f5500"));
    // Fails unless it has 500,000 gas left: GAS PUSH3 500,000 LT PUSH1 10 JUMPI PUSH0 PUSH0 REVERT JUMPDEST
    let greedy = chain.deploy(&hex!("5a6207a12010600c575f5ffd5b00"));
    // Hands on all it may (63 of 64 parts) to `greedy`, and fails if that fails.
    // PUSH0 x5, PUSH20, GAS, CALL, PUSH1 dest, JUMPI, PUSH0 PUSH0 REVERT, JUMPDEST
    let outer = {
        let call = [&hex!("5f5f5f5f5f")[..], &push(greedy), &hex!("5af1")].concat();
        let dest = u8::try_from(call.len() + 6).expect("short");
        chain.deploy(&[&call[..], &[0x60, dest, 0x57, 0x5f, 0x5f, 0xfd, 0x5b]].concat())
    };
    for (to, input) in [
        (Address::repeat_byte(0xaa), vec![]),
        (Address::repeat_byte(0xaa), vec![1; 1_000]),
        (counter, vec![]),
        (clearer, vec![]),
        (greedy, vec![]),
        (outer, vec![]),
        (Address::with_last_byte(2), vec![7; 100]),
    ] {
        let call = Call {
            from: user(0),
            to: Some(to),
            input: input.into(),
            ..Call::default()
        };
        let outcome = estimate(&chain, call.clone());
        assert!(outcome.success, "{to}: {outcome:?}");
        let with = |gas| Call {
            gas_limit: Some(Gas(gas)),
            ..call.clone()
        };
        let works = |gas| chain.outcome(&Query::Call(with(gas))).success;
        assert!(
            works(outcome.gas_used.0) && !works(outcome.gas_used.0 - 1),
            "{to}: {outcome:?}"
        );
        // As a transaction too.
        let transaction = TxEip1559 {
            gas_limit: outcome.gas_used.0,
            ..ordinary(chain.nonce(user(0)), to.into(), U256::ZERO, call.input)
        };
        assert!(
            chain.transactions([sign(0, transaction)])[0].succeeded(),
            "{to}"
        );
    }
    let transfer = Call {
        to: Some(user(5)),
        from: user(0),
        value: ether(1),
        ..Call::default()
    };
    assert_eq!(estimate(&chain, transfer).gas_used, Gas(21_000));
    let create = Call {
        input: init_code(&hex!("00")).into(),
        ..Call::default()
    };
    assert_eq!(estimate(&chain, create.clone()).gas_used, {
        chain.outcome(&Query::Call(create)).gas_used
    });
}

#[test]
fn an_estimate_of_what_never_works_says_why() {
    let mut chain = Chain::new();
    let reverts = chain.deploy(&hex!("5f5ffd"));
    let endless = chain.deploy(&hex!("5b5f56"));
    let call = |to| Call {
        from: user(0),
        to: Some(to),
        ..Call::default()
    };
    assert_eq!(estimate(&chain, call(reverts)).reason, "execution reverted");
    let outcome = estimate(&chain, call(endless));
    assert_eq!(
        (outcome.reason.as_str(), outcome.success),
        ("out of gas", false)
    );
    let poor = estimate(
        &chain,
        Call {
            from: user(50),
            value: ether(1),
            ..call(user(1))
        },
    );
    assert!(!poor.success && !poor.reason.is_empty(), "{poor:?}");
    // What the caller can pay for is a limit too.
    let gas_price = Some(10 * GWEI);
    let value = ether(1_000) - U256::from(20_000 * 10 * GWEI);
    let outcome = estimate(
        &chain,
        Call {
            from: user(3),
            value,
            gas_price,
            ..call(user(1))
        },
    );
    assert!(
        outcome.reason.contains("gas limit 20000 is outside 21000"),
        "{outcome:?}"
    );
}

#[test]
fn keys_are_where_things_are() {
    let mut chain = Chain::new();
    let counter = chain.deploy(&hex!("5f546001015f5500"));
    chain.call(0, counter, []);
    let slots = vec![U256::ZERO, U256::from(1)];
    let Reply::Keys(keys) = chain.reply(&Query::Keys(counter, slots)) else {
        panic!("not keys");
    };
    let there: Vec<bool> = keys
        .iter()
        .map(|key| chain.state.get(key).is_some())
        .collect();
    assert_eq!(there, [true, true, false]);
    assert_eq!(chain.state.get(&keys[1]), Some(Bytes::from_static(&[1, 1])));
}

#[test]
fn what_only_modules_know_is_not_answered() {
    let chain = Chain::new();
    let module = Query::Module {
        module: "bank".into(),
        input: Bytes::new(),
    };
    for query in [module, Query::Schema] {
        let answer = chain.execution.query(&chain.state, &chain.block, &query);
        assert!(matches!(answer, Err(QueryError::Unsupported(_))));
    }
}

#[test]
fn fees_are_those_of_the_next_block() {
    let mut chain = Chain::new();
    chain.send(0, user(1).into(), ether(1), []);
    let Reply::Fees(fees) = chain.reply(&Query::Fees) else {
        panic!("not fees")
    };
    assert_eq!(
        (fees.gas_limit, fees.gas_used),
        (Gas(60_000_000), Gas(21_000))
    );
    assert_eq!(fees.blob_base_fee, Some(1));
    let receipt = chain.send(0, user(1).into(), ether(1), []);
    assert_eq!(receipt.gas_price, fees.base_fee + GWEI);
}

#[test]
fn an_admission_tells_what_a_mempool_has_to_know() {
    let mut chain = Chain::new();
    chain.send(0, user(1).into(), ether(1), []);
    let admit = |bytes: &Bytes| chain.execution.admit(&chain.state, &chain.block, bytes);
    let of = |nonce| sign(0, ordinary(nonce, user(1).into(), ether(2), []));
    let admission = Admission {
        hash: transaction_hash(&of(1)),
        sender: user(0),
        nonce: 1,
        nonce_rule: NonceRule::Sequential { next: 1 },
        gas_limit: Gas(3_000_000),
        max_fee_per_gas: 100 * GWEI,
        priority_fee_per_gas: GWEI,
        max_cost: ether(2) + U256::from(3_000_000 * 100 * GWEI),
        balance: chain.balance(user(0)),
        expires_at: None,
    };
    assert_eq!(admit(&of(1)), Ok(admission.clone()));
    // One further on waits in the mempool; one that is used never comes in.
    let later = admit(&of(9)).expect("to wait");
    assert_eq!((later.nonce, later.nonce_rule), (9, admission.nonce_rule));
    let low = Rejection::NonceTooLow {
        sender: user(0),
        next: 1,
        got: 0,
    };
    assert_eq!(admit(&of(0)), Err(low));
    let poor = sign(50, ordinary(0, user(1).into(), ether(1), []));
    assert!(matches!(admit(&poor), Err(Rejection::Funds { .. })));
}

#[test]
fn a_view_shows_what_a_transaction_says() {
    let chain = Chain::new();
    let bytes = sign(4, ordinary(3, TxKind::Create, ether(1), vec![1, 2]));
    let view = chain.execution.view(&chain.block, &bytes).expect("a view");
    assert_eq!(
        (view.sender, view.to, view.nonce, view.kind),
        (user(4), None, 3, 2)
    );
    assert_eq!(
        (view.value, view.input),
        (ether(1), Bytes::from_static(&[1, 2]))
    );
    assert_eq!(chain.execution.view(&chain.block, b"nothing"), None);
    // What was prepared gives the same results.
    chain
        .execution
        .prepare(&[bytes.clone(), Bytes::from_static(b"nothing")]);
    assert_eq!(
        chain
            .execution
            .view(&chain.block, &bytes)
            .map(|view| view.sender),
        Some(user(4))
    );
}
