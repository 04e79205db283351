//! How chains begin.

use alloc::format;

use alloy_primitives::{Bytes, U256, address, hex};
use plasma_core::{Execution, MemoryState};

use super::*;
use crate::evm::predeploys::{FACTORY, HISTORY, L2_BRIDGE};

fn begin(config: &str) -> Result<Chain, String> {
    let mut chain = Chain::new();
    chain.state = MemoryState::default();
    chain
        .execution
        .genesis(&mut chain.state, config.as_bytes())
        .map(|()| chain)
        .map_err(|error| format!("{error}"))
}

#[test]
fn accounts_begin_as_configured() {
    let chain = begin(
        r#"{
            "alloc": {
                "0x00000000000000000000000000000000000000aa": {
                    "balance": "0xde0b6b3a7640000", "nonce": 7, "code": "0x6001", "storage": { "0x01": "0x2", "3": "0" }
                },
                "0x00000000000000000000000000000000000000bb": { "balance": "1000" },
                "0x00000000000000000000000000000000000000cc": {
                    "nonce": "0x1", "code": "0xef010000000000000000000000000000000000000000bb"
                },
                "0x00000000000000000000000000000000000000dd": {}
            },
            "gasLimit": "0x1c9c380", "baseFee": 10, "spec": "prague"
        }"#,
    )
    .expect("a genesis");
    let a = address!("0x00000000000000000000000000000000000000aa");
    assert_eq!((chain.balance(a), chain.nonce(a)), (ether(1), 7));
    assert_eq!(chain.code(a), Bytes::from(hex!("6001")));
    assert_eq!(
        (chain.slot(a, 1), chain.slot(a, 3)),
        (U256::from(2), U256::ZERO)
    );
    let b = address!("0x00000000000000000000000000000000000000bb");
    assert_eq!(chain.balance(b), U256::from(1_000));
    let c = address!("0x00000000000000000000000000000000000000cc");
    assert_eq!(chain.code(c)[..3], hex!("ef0100"));
    assert_eq!(chain.base_fee(), 10);
    for predeploy in [L2_BRIDGE, HISTORY, FACTORY] {
        assert_eq!(chain.nonce(predeploy), 1);
        assert!(!chain.code(predeploy).is_empty());
    }
    // Config, market; a, its code and slot; b; c; three predeploys with code, the bridge's in several parts. For each code
    // its jump table. Nothing for dd.
    let bridge_parts = (chain.code(L2_BRIDGE).len() + 4).div_ceil(plasma_core::MAX_VALUE_LEN);
    assert!(bridge_parts > 1);
    assert_eq!(
        chain.state.entries().len(),
        2 + 3 + 1 + 1 + 3 + 2 + bridge_parts + 4
    );
}

#[test]
fn a_default_is_usable() {
    let chain = begin("{}").expect("a genesis");
    assert_eq!(chain.base_fee(), GWEI);
    assert_eq!(EvmGenesis::from_json(b"{}"), Ok(EvmGenesis::default()));
    let genesis = Chain::config();
    assert_eq!(EvmGenesis::from_json(&genesis.to_json()), Ok(genesis));
}

#[test]
fn what_is_wrong_is_said() {
    let account = |fields: &str| {
        format!(r#"{{"alloc": {{"0x00000000000000000000000000000000000000aa": {{{fields}}}}}}}"#)
    };
    let cases = [
        (String::new(), "expected JSON like"),
        ("[".into(), "EOF"),
        (
            r#"{"gaslimit": 1}"#.into(),
            "unknown field `gaslimit`, expected",
        ),
        (
            r#"{"gasLimit": 5}"#.into(),
            "gasLimit 5 is outside 1000000 to",
        ),
        (
            r#"{"gasLimit": "0x10000000000000000"}"#.into(),
            "over 64 bits",
        ),
        (
            r#"{"baseFee": 5, "minBaseFee": 6}"#.into(),
            "baseFee 5 is below minBaseFee 6",
        ),
        (r#"{"baseFeeDenominator": 0}"#.into(), "at least 1"),
        (
            r#"{"spec": "frontier"}"#.into(),
            "unknown variant `frontier`",
        ),
        (r#"{"alloc": {"0xaa": {}}}"#.into(), "line 1"),
        (account(r#""balance": "ten""#), "line 1"),
        (account(r#""code": "0xef""#), "EIP-3541"),
        (account(r#""storage": {"1": "1"}"#), "give it a nonce"),
        (
            r#"{"alloc": {"0x0000000000000000000000000000000000706C61": {"balance": 5}}}"#.into(),
            "contract of every chain",
        ),
    ];
    for (config, reason) in cases {
        let error = begin(&config).err().unwrap_or_default();
        assert!(
            error.contains(reason),
            "{config}: {error:?} does not say {reason:?}"
        );
        assert!(error.starts_with("invalid genesis configuration: "));
    }
}

#[test]
fn rules_are_those_of_the_configuration() {
    // CLZ of 1 (0x1e) came with Osaka.
    let clz = hex!("60011e5f5260205ff3");
    for (spec, known) in [(EvmSpec::Prague, false), (EvmSpec::Osaka, true)] {
        let mut chain = Chain::with(&EvmGenesis {
            spec,
            ..Chain::config()
        });
        let contract = chain.deploy(&clz);
        let outcome = chain.ask(contract, []);
        assert_eq!(outcome.success, known);
        if known {
            assert_eq!(U256::from_be_slice(&outcome.output), U256::from(255));
        }
    }
}
