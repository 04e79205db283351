//! Questions, and genesis.

use alloc::{format, string::ToString, vec::Vec};

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use plasma_core::{Call, Execution, MemoryState, Query, Reply, StateRead};
use serde_json::Value;

use super::chain::*;
use crate::{Amount, IBank, IFees, ModuleGenesis, XPL, module_address};

#[test]
fn accounts_and_modules_are_told_apart() {
    let mut chain = Chain::new();
    assert_eq!(
        chain.ask(&Query::Balance(who(0))),
        Reply::Word(U256::from(FUNDS))
    );
    assert_eq!(chain.ask(&Query::Nonce(who(0))), Reply::Word(U256::ZERO));
    assert!(chain.run(sign(&signer(0), to(who(1)))).succeeded());
    assert_eq!(chain.ask(&Query::Nonce(who(0))), Reply::Word(U256::from(1)));
    let code = |address| chain.ask(&Query::Code(address));
    assert_eq!(code(bank()), Reply::Bytes(Bytes::from_static(&[0xfe])));
    assert_eq!(code(who(0)), Reply::Bytes(Bytes::new()));
    assert_eq!(
        chain.ask(&Query::Storage(bank(), U256::ZERO)),
        Reply::Word(U256::ZERO)
    );
    let Reply::Keys(keys) = chain.ask(&Query::Keys(who(0), alloc::vec![U256::from(5)])) else {
        panic!("keys")
    };
    assert!(
        chain.state.get(&keys[0]).is_some(),
        "the account's own key leads to it"
    );
    assert_eq!((keys.len(), keys[1]), (2, U256::from(5).into()));
}

#[test]
fn a_call_changes_nothing_and_an_estimate_is_exact() {
    let mut chain = Chain::new();
    let transfer = IBank::transferCall {
        asset: DOLLAR,
        to: who(1),
        amount: U256::from(4),
    };
    let ask = Call {
        from: who(0),
        to: Some(bank()),
        input: transfer.abi_encode().into(),
        ..Call::default()
    };
    let before = chain.state.clone();
    let Reply::Call(outcome) = chain.ask(&Query::Estimate(ask.clone())) else {
        panic!("a call")
    };
    assert!(outcome.success, "{}", outcome.reason);
    assert_eq!(chain.state, before);
    let receipt = chain.run(sign(&signer(0), call(bank(), &transfer)));
    assert_eq!(receipt.gas_used, outcome.gas_used);

    let nobody = Call {
        from: Address::repeat_byte(1),
        ..ask.clone()
    };
    let Reply::Call(outcome) = chain.ask(&Query::Call(nobody)) else {
        panic!("a call")
    };
    assert!(!outcome.success && outcome.reason.starts_with("InsufficientBalance("));
    let plain = Call {
        to: Some(who(1)),
        input: Bytes::new(),
        ..ask.clone()
    };
    let Reply::Call(outcome) = chain.ask(&Query::Estimate(plain.clone())) else {
        panic!("a call")
    };
    assert_eq!((outcome.success, outcome.gas_used.0), (true, 21_000));
    for (name, bad) in [
        (
            "creation",
            Call {
                to: None,
                ..ask.clone()
            },
        ),
        (
            "value",
            Call {
                value: U256::MAX,
                ..plain.clone()
            },
        ),
        (
            "price",
            Call {
                gas_price: Some(u128::MAX),
                ..plain.clone()
            },
        ),
        (
            "gas",
            Call {
                gas_limit: Some(plasma_core::Gas(20_999)),
                ..plain
            },
        ),
        (
            "selector",
            Call {
                input: Bytes::from_static(&[1]),
                ..ask
            },
        ),
    ] {
        let Reply::Call(outcome) = chain.ask(&Query::Call(bad)) else {
            panic!("a call")
        };
        assert!(!outcome.success && !outcome.reason.is_empty(), "{name}");
    }
}

#[test]
fn modules_answer_by_name() {
    let chain = Chain::new();
    let ask = |module: &str, input: Vec<u8>| {
        let query = Query::Module {
            module: module.into(),
            input: input.into(),
        };
        chain.runtime.query(&chain.state, &chain.block, &query)
    };
    let bytes = |reply| match reply {
        Ok(Reply::Bytes(bytes)) => bytes,
        other => panic!("{other:?}"),
    };
    let fee = bytes(ask("fees", IFees::baseFeeCall {}.abi_encode()));
    assert_eq!(
        IFees::baseFeeCall::abi_decode_returns(&fee),
        Ok(U256::from(BASE_FEE))
    );
    let supply = bytes(ask("bank", IBank::supplyOfCall { asset: XPL }.abi_encode()));
    let expected = U256::from(FUNDS) * U256::from(5);
    assert_eq!(
        IBank::supplyOfCall::abi_decode_returns(&supply),
        Ok(expected)
    );
    let info = bytes(ask(
        "bank",
        IBank::assetInfoCall { asset: DOLLAR }.abi_encode(),
    ));
    let info = IBank::assetInfoCall::abi_decode_returns(&info).expect("it is known");
    assert_eq!(
        (&*info.name, &*info.symbol, info.decimals),
        ("Dollar", "USD", 6)
    );
    let unknown = ask("nothing", alloc::vec![])
        .expect_err("there is none")
        .to_string();
    assert!(
        unknown.contains("bank, fees, bridge, keys, trouble"),
        "{unknown}"
    );
}

#[test]
fn the_schema_tells_a_client_all_it_needs() {
    let chain = Chain::new();
    let Reply::Bytes(json) = chain.ask(&Query::Schema) else {
        panic!("bytes")
    };
    let schema: Value = serde_json::from_slice(&json).expect("JSON");
    let bank = &schema["modules"]["bank"];
    assert_eq!(bank["address"], format!("{:#x}", module_address("bank")));
    let transfer = &bank["native"]["transfer(address,address,uint256)"];
    assert_eq!(transfer["primaryType"], "Transfer");
    assert_eq!(transfer["types"]["Transfer"][2]["name"], "amount");
    let abi: crate::JsonAbi = serde_json::from_value(bank["abi"].clone()).expect("an ABI");
    assert_eq!(abi.functions().count(), 5);
    // A struct argument has no typed data of one level; the function is there all the same.
    let trouble = &schema["modules"]["trouble"];
    assert_eq!(trouble["native"]["shaped((uint64,uint64[]))"], Value::Null);
    assert!(trouble["abi"].to_string().contains("shaped"));
}

#[test]
fn a_genesis_that_is_none_says_what_is_wrong() {
    let cases = [
        ("{", "EOF"),
        (r#"{ "balancez": {} }"#, "unknown field `balancez`"),
        (r#"{ "balances": { "0x01": 1 } }"#, "balances"),
        (
            r#"{ "balances": { "0x0000000000000000000000000000000000000001": "1e18" } }"#,
            "amount below 2^256",
        ),
        (r#"{ "gasLimit": 5 }"#, "gasLimit 5 is below 21000"),
        (
            r#"{ "baseFee": "0x100000000000000000000000000000000" }"#,
            "baseFee is at most",
        ),
        (
            r#"{ "modules": { "nothing": {} } }"#,
            "no module \"nothing\"; this chain has bank, fees, bridge",
        ),
        (
            r#"{ "modules": { "fees": { "flor": 1 } } }"#,
            "modules.fees: unknown field `flor`",
        ),
        (
            r#"{ "modules": { "fees": { "elasticity": 0 } } }"#,
            "at least 1",
        ),
        (r#"{ "modules": { "bank": { "x": 1 } } }"#, "modules.bank"),
        (
            r#"{ "assets": [ { "address": "0x0000000000000000000000000000000000000000", "name": "", "symbol": "", "decimals": 0 } ] }"#,
            "address zero is XPL",
        ),
    ];
    for (config, text) in cases {
        let mut state = MemoryState::default();
        let error = runtime()
            .genesis(&mut state, config.as_bytes())
            .expect_err(config)
            .to_string();
        let said =
            error.contains(text) || (text == "balances" && error.contains("invalid genesis"));
        assert!(said, "{config}: {error:?} does not say {text:?}");
    }
    let most = format!("{:#x}", U256::MAX);
    let two = format!(
        r#"{{ "balances": {{ "{}": "{most}", "{}": "1" }} }}"#,
        who(0),
        who(1)
    );
    let error = runtime()
        .genesis(&mut MemoryState::default(), two.as_bytes())
        .expect_err("too much");
    assert!(error.to_string().contains("2^256 - 1"), "{error}");
}

#[test]
fn an_empty_genesis_is_a_chain_of_nobody() {
    for config in ["", "{}"] {
        let mut state = MemoryState::default();
        runtime()
            .genesis(&mut state, config.as_bytes())
            .expect("it is valid");
        audit(&runtime(), &state).expect("nothing adds up to nothing");
    }
}

#[test]
fn a_genesis_is_built_and_read_as_what_it_says() {
    let config: ModuleGenesis = serde_json::from_str(&genesis()).expect("it is valid");
    assert_eq!(config.balances[&who(0)], Amount(U256::from(FUNDS)));
    assert_eq!(config.assets[0].symbol, "USD");
    let again: ModuleGenesis = serde_json::from_str(&config.to_json()).expect("it is valid");
    assert_eq!(again, config);
    let states = [genesis(), config.to_json()].map(|json| {
        let mut state = MemoryState::default();
        runtime()
            .genesis(&mut state, json.as_bytes())
            .expect("it is valid");
        state
    });
    assert_eq!(states[0], states[1]);
    assert_eq!(
        ModuleGenesis::default().to_json(),
        r#"{"assets":[],"balances":{},"modules":{}}"#
    );
}
