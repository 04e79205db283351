//! Contracts in WebAssembly: what they say of themselves.

use std::sync::Arc;

use plasma_core::{Address, U256};
use plasma_exec::{JsonAbi, L2_BRIDGE, SolCall as _, WasmExecution, WasmGenesis, sol};
use serde_json::{Value, json};

use crate::harness::{ALICE, Harness, Options, start};

sol! {
    function totalSupply() returns (uint256);
}

const TOKEN: &[u8] = include_bytes!("../../examples/contracts/artifacts/token.wasm");
const ABI: &str = include_str!("../../examples/contracts/token/abi.json");
/// A module that exports `call`, and has this to say of itself.
fn saying(text: &[u8]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type, one function of it, exported, which does nothing.
    module.extend([1, 4, 1, 0x60, 0, 0]);
    module.extend([3, 2, 1, 0]);
    module.extend(b"\x07\x08\x01\x04call\0\0");
    module.extend([10, 4, 1, 2, 0, 0x0b]);
    let mut section = b"\x0aplasma.abi".to_vec();
    section.extend(text);
    module.push(0);
    module.push(u8::try_from(section.len()).expect("short"));
    module.extend(section);
    module
}

fn at(n: u8) -> Address {
    Address::repeat_byte(n)
}

fn chain() -> Harness {
    let genesis = WasmGenesis::default()
        .with_balance(ALICE, U256::from(10).pow(U256::from(20)))
        .with_contract(at(1), TOKEN)
        .with_contract(at(2), saying(b"[{\"type\":"))
        .with_contract(at(3), saying(b"[]"));
    start(Options {
        execution: Arc::new(WasmExecution::new()),
        config: genesis.to_json().into(),
        ..Options::evm()
    })
}

fn parsed(abi: Value) -> JsonAbi {
    serde_json::from_value(abi).expect("an ABI")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_says_how_it_is_called() {
    let harness = chain();
    let abi = parsed(harness.call("plasma_abi", json!([at(1)])).await);
    assert_eq!(abi, serde_json::from_str(ABI).expect("an ABI"));
    // What it says is enough to call it, and of an earlier block it is the same.
    let function = &abi.functions["totalSupply"][0];
    assert_eq!(function.selector().0, totalSupplyCall::SELECTOR);
    let input = json!(format!("{}", function.selector()));
    let call = json!([{ "to": at(1), "input": input }, "latest"]);
    let answer = harness.call("eth_call", call).await;
    assert_eq!(answer, json!(plasma_core::B256::ZERO));
    let earlier = harness.call("plasma_abi", json!([at(1), "earliest"])).await;
    assert_eq!(parsed(earlier), abi);
    let bridge = parsed(harness.call("plasma_abi", json!([L2_BRIDGE])).await);
    assert!(bridge.functions.contains_key("withdraw"));
    let empty = parsed(harness.call("plasma_abi", json!([at(3)])).await);
    assert!(empty.functions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_is_refused() {
    let harness = chain();
    for (params, code, words) in [
        (json!([]), -32_602, "address"),
        (json!([ALICE]), -32_004, "there is none in its module"),
        (json!([at(9)]), -32_004, "there is none in its module"),
        (json!([at(2)]), -32_000, "is no ABI"),
        (json!(["0x12"]), -32_602, ""),
    ] {
        let (got, text) = harness.refusal("plasma_abi", params.clone()).await;
        assert!(
            got == code && text.contains(words),
            "{params}: {got} {text}"
        );
    }
    let evm = start(Options::evm());
    let (code, _) = evm.refusal("plasma_abi", json!([ALICE])).await;
    assert_eq!(code, -32_004);
}
