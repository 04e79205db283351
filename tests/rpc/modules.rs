//! The same methods on a chain of modules, and those that only such a chain answers.

use std::sync::Arc;

use plasma_core::{
    Address, B256, Bytes, Height, OutboxProof, Signer, StateProof, U256, decode, keccak256,
};
use plasma_exec::{
    Bank, BridgeModule, IBank, IBridge, Interface, ModuleRuntime, NativeCall, SolCall, XPL,
};
use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, ETHER, Harness, Options, alice, deposit, signed, start};

const DOLLAR: Address = Address::repeat_byte(0xbb);

fn modules() -> Options {
    let config = json!({
        "balances": { (ALICE.to_string()): (U256::from(1_000) * U256::from(ETHER)).to_string() },
        "assets": [{
            "address": DOLLAR, "name": "Dollar", "symbol": "USD", "decimals": 6,
            "balances": { (ALICE.to_string()): "5000000" },
        }],
    });
    let config = config.to_string().into_bytes().into();
    Options {
        execution: Arc::new(ModuleRuntime::new()),
        config,
        ..Options::evm()
    }
}

fn bank() -> Interface {
    Interface::of(&Bank)
}

fn transfer(amount: u64) -> Bytes {
    IBank::transferCall {
        asset: DOLLAR,
        to: BOB,
        amount: U256::from(amount),
    }
    .abi_encode()
    .into()
}

fn dollars_of(account: Address) -> Bytes {
    IBank::balanceOfCall {
        asset: DOLLAR,
        account,
    }
    .abi_encode()
    .into()
}

fn word(number: u64) -> Value {
    json!(format!("0x{number:064x}"))
}

pub(crate) async fn receipt(harness: &Harness, hash: &Value) -> Value {
    for _ in 0..200 {
        let receipt = harness
            .call("eth_getTransactionReceipt", json!([hash]))
            .await;
        if !receipt.is_null() {
            return receipt;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no receipt of {hash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_find_an_ethereum_chain() {
    let harness = start(modules());
    let plain = harness
        .send(&signed(0, Some(BOB), ETHER / 1_000, Bytes::new()))
        .await;
    assert_eq!(
        (&plain["status"], &plain["gasUsed"]),
        (&json!("0x1"), &json!("0x5208"))
    );
    let called = harness
        .send(&signed(1, Some(bank().address()), 0, transfer(7)))
        .await;
    assert_eq!(
        (&called["status"], &called["logs"][0]["address"]),
        (&json!("0x1"), &json!(bank().address()))
    );
    let logs = harness
        .call(
            "eth_getLogs",
            json!([{ "fromBlock": "0x0", "address": bank().address() }]),
        )
        .await;
    assert_eq!(logs[0], called["logs"][0]);
    let cases = [
        (
            "eth_getBalance",
            json!([BOB, "latest"]),
            json!(format!("{:#x}", ETHER / 1_000)),
        ),
        (
            "eth_getCode",
            json!([bank().address(), "latest"]),
            json!("0xfe"),
        ),
        ("eth_getCode", json!([ALICE, "latest"]), json!("0x")),
        (
            "eth_getStorageAt",
            json!([bank().address(), "0x0", "latest"]),
            word(0),
        ),
        (
            "eth_getTransactionCount",
            json!([ALICE, "latest"]),
            json!("0x2"),
        ),
        (
            "eth_call",
            json!([{ "to": bank().address(), "data": dollars_of(BOB) }, "latest"]),
            word(7),
        ),
        (
            "eth_call",
            json!([{ "to": bank().address(), "data": dollars_of(BOB) }, "0x0"]),
            word(0),
        ),
        ("plasma_query", json!(["bank", dollars_of(BOB)]), word(7)),
        (
            "plasma_query",
            json!(["bank", dollars_of(BOB), "earliest"]),
            word(0),
        ),
        ("eth_blobBaseFee", json!([]), json!("0x0")),
        // An account that can pay for a little is estimated for a little, whatever price it offers.
        (
            "eth_estimateGas",
            json!([{ "from": BOB, "to": ALICE, "value": "0x1", "maxFeePerGas": "0x77359400" }]),
            json!("0x5208"),
        ),
    ];
    for (method, params, expected) in cases {
        assert_eq!(
            harness.call(method, params.clone()).await,
            expected,
            "{method} {params}"
        );
    }
    let failing = json!([{ "from": BOB, "to": bank().address(), "data": transfer(8) }, "latest"]);
    let answer = harness.raw("eth_call", failing).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(
        answer["error"]["code"] == 3 && text.starts_with("execution reverted"),
        "{answer}"
    );
    assert!(text.contains("InsufficientBalance"), "{answer}");

    let proof = harness
        .call("eth_getProof", json!([BOB, [], "latest"]))
        .await;
    let bytes: Bytes = serde_json::from_value(proof["accountProof"][0].clone()).expect("bytes");
    let key: B256 = serde_json::from_value(proof["plasma"]["accountKey"].clone()).expect("a key");
    let proof: StateProof = decode(&bytes, StateProof::MAX_LEN).expect("a proof");
    assert!(
        proof
            .verify(harness.chain.head().state_root, &key)
            .expect("verifies")
            .is_some()
    );
    for (method, params, code, text) in [
        (
            "plasma_query",
            json!(["nonsense", "0x"]),
            -32_602,
            "no module",
        ),
        (
            "plasma_query",
            json!(["bank", "0x12345678"]),
            -32_602,
            "malformed query",
        ),
        (
            "eth_estimateGas",
            json!([{ "from": BOB, "value": "0x1" }]),
            -32_000,
            "contracts cannot be created",
        ),
        (
            "eth_estimateGas",
            json!([{ "from": ALICE.with_last_byte(1), "to": BOB, "gasPrice": "0x1" }]),
            -32_000,
            "insufficient funds",
        ),
    ] {
        let (got, message) = harness.refusal(method, params.clone()).await;
        assert!(
            got == code && message.contains(text),
            "{method} {params}: {got} {message}"
        );
    }
}

trait LastByte {
    fn with_last_byte(self, byte: u8) -> Address;
}

impl LastByte for Address {
    fn with_last_byte(mut self, byte: u8) -> Address {
        self.0[19] = byte;
        self
    }
}

/// What a wallet would sign, and Alice's signature of it.
async fn sign(harness: &Harness, call: Value, options: Value) -> (Value, Bytes) {
    let data = harness
        .call("plasma_typedData", json!(["bank", call, ALICE, options]))
        .await;
    let field = |name: &str| -> U256 {
        serde_json::from_value(data["message"][name].clone())
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let amount = field("amount");
    let bank = bank();
    let native = NativeCall {
        module: &bank,
        call: transfer(amount.to()),
        nonce: field("nonce").to(),
        expires_at: field("expires_at").to(),
        max_fee: field("max_fee"),
    };
    let (chain_id, genesis) = (
        harness.chain.genesis().chain_id,
        harness.chain.genesis_hash(),
    );
    // The node's question is the very one that whoever knows the module asks.
    assert_eq!(
        data,
        native.typed_data(chain_id, genesis).expect("typed data")
    );
    let key = Signer::from_bytes(&alice().to_bytes()).expect("a key");
    let signature = key.sign(native.digest(chain_id, genesis).expect("a digest"));
    (data, signature.to_bytes().into())
}

#[tokio::test(flavor = "multi_thread")]
async fn module_calls_are_signed_as_typed_data() {
    let harness = start(modules());
    let named = json!({ "function": "transfer", "args": [DOLLAR, BOB, "5"] });
    let signature =
        json!({ "function": "transfer(address,address,uint256)", "args": [DOLLAR, BOB, 6] });
    let choices = json!({ "nonce": 9, "expiresAt": 4_000_000_000_u64, "maxFee": "0xffffffffffff" });
    let mut moved = 0;
    for (call, options, amount) in [
        (named, Value::Null, 5),
        (signature, choices, 6),
        (json!(transfer(7)), json!({}), 7),
    ] {
        let (data, signature) = sign(&harness, call, options.clone()).await;
        if let Some(nonce) = options.get("nonce") {
            assert_eq!(
                (&data["message"]["nonce"], &data["message"]["expires_at"]),
                (&json!(nonce.to_string()), &json!("4000000000"))
            );
            assert_eq!(
                data["message"]["max_fee"],
                json!(0xffff_ffff_ffff_u64.to_string())
            );
        }
        // As an object, or as the text that wallets' own methods take.
        let sent = if amount == 7 {
            json!(data.to_string())
        } else {
            data.clone()
        };
        let hash = harness
            .call("plasma_sendTypedData", json!([sent, signature]))
            .await;
        let receipt = receipt(&harness, &hash).await;
        assert_eq!(
            (&receipt["status"], &receipt["type"]),
            (&json!("0x1"), &json!("0x70")),
            "{receipt}"
        );
        moved += amount;
        assert_eq!(
            harness
                .call("plasma_query", json!(["bank", dollars_of(BOB)]))
                .await,
            word(moved)
        );
        let shown = harness
            .call("eth_getTransactionByHash", json!([hash]))
            .await;
        for (field, expected) in [
            ("type", json!("0x70")),
            ("from", json!(ALICE)),
            ("to", json!(bank().address())),
            ("input", json!(transfer(amount))),
            ("value", json!("0x0")),
            ("transactionIndex", json!("0x0")),
        ] {
            assert_eq!(shown[field], expected, "{field} of {shown}");
        }
        assert_eq!(
            shown["plasma"]["expiresAt"].to_string(),
            data["message"]["expires_at"].as_str().unwrap_or_default()
        );
        let raw: Bytes = serde_json::from_value(
            harness
                .call("eth_getRawTransactionByHash", json!([hash]))
                .await,
        )
        .expect("bytes");
        assert_eq!((raw[0], json!(keccak256(&raw))), (0x70, hash));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_data_that_was_changed_is_refused() {
    let harness = start(modules());
    let call = json!({ "function": "transfer", "args": [DOLLAR, BOB, "5"] });
    let (data, signature) = sign(&harness, call.clone(), Value::Null).await;
    let changed = |path: &[&str], value: Value| {
        let mut data = data.clone();
        let place = path.iter().fold(&mut data, |at, name| &mut at[*name]);
        *place = value;
        data
    };
    let cases = [
        (changed(&["message", "amount"], json!("50")), -32_000, ""),
        (changed(&["message", "nonce"], json!("1")), -32_000, ""),
        (
            changed(&["message", "genesis_hash"], json!(B256::ZERO)),
            -32_000,
            "signed for genesis",
        ),
        (
            changed(&["message", "amount"], json!("much")),
            -32_602,
            "argument amount of transfer",
        ),
        (
            changed(&["message", "nonce"], json!("0x1ffffffffffffffff")),
            -32_602,
            "nonce",
        ),
        (
            changed(&["message", "extra"], json!(1)),
            -32_001,
            "module bank has no Transfer with these members",
        ),
        (
            changed(&["domain", "chainId"], json!(1)),
            -32_000,
            "wrong chain id 1; this chain is 4242",
        ),
        (
            changed(&["domain", "verifyingContract"], json!(BOB)),
            -32_001,
            "no module at",
        ),
        (
            changed(&["primaryType"], json!("Steal")),
            -32_001,
            "module bank has no Steal",
        ),
        (
            changed(&["domain"], json!({})),
            -32_602,
            "invalid argument 0 (typed data)",
        ),
        (json!("{"), -32_602, "invalid argument 0 (typed data)"),
    ];
    for (data, code, opening) in cases {
        let (got, text) = harness
            .refusal("plasma_sendTypedData", json!([data, signature]))
            .await;
        assert!(
            got == code && text.starts_with(opening),
            "{data}: {got} {text}"
        );
    }
    let short = json!([data, "0x1234"]);
    let (code, text) = harness.refusal("plasma_sendTypedData", short).await;
    assert!(
        code == -32_602 && text.starts_with("a signature is 65 bytes"),
        "{text}"
    );
    // None of that moved anything, and the real one still does.
    assert_eq!(
        harness
            .call("plasma_query", json!(["bank", dollars_of(BOB)]))
            .await,
        word(0)
    );
    let hash = harness
        .call("plasma_sendTypedData", json!([data, signature]))
        .await;
    assert_eq!(receipt(&harness, &hash).await["status"], "0x1");

    let (old, signature) = sign(&harness, call, json!({ "expiresAt": 1_700_000_000 })).await;
    let (code, text) = harness
        .refusal("plasma_sendTypedData", json!([old, signature]))
        .await;
    assert!(
        code == -32_000 && text.starts_with("expired at 1700000000"),
        "{code} {text}"
    );
    for (params, code, text) in [
        (
            json!(["nonsense", "0x", ALICE]),
            -32_001,
            "no module nonsense",
        ),
        (
            json!(["bank", { "function": "steal", "args": [] }, ALICE]),
            -32_001,
            "has no function steal",
        ),
        (
            json!(["bank", { "function": "transfer", "args": [DOLLAR] }, ALICE]),
            -32_602,
            "1 arguments for transfer",
        ),
        (
            json!(["bank", { "function": "transfer", "args": [DOLLAR, BOB, "-5"] }, ALICE]),
            -32_602,
            "is no uint256",
        ),
        (
            json!(["bank", { "function": "transfer", "args": [DOLLAR, BOB, "9000000"] }, ALICE]),
            3,
            "the call would fail",
        ),
        (
            json!(["bank", transfer(1), ALICE, { "fee": 1 }]),
            -32_602,
            "unknown field",
        ),
        (
            json!(["bank", "0x12345678", ALICE, { "maxFee": 1 }]),
            -32_602,
            "no function",
        ),
    ] {
        let (got, message) = harness.refusal("plasma_typedData", params.clone()).await;
        assert!(
            got == code && message.contains(text),
            "{params}: {got} {message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_has_all_that_a_client_needs() {
    let harness = start(modules());
    let schema = harness.call("plasma_schema", json!([])).await;
    for interface in [bank(), Interface::of(&BridgeModule)] {
        let module = &schema["modules"][interface.name()];
        assert_eq!(module["address"], json!(interface.address()));
        assert_eq!(module["abi"], json!(interface.abi()));
    }
    // By address as well as by name.
    let by_address =
        json!([bank().address(), transfer(1), ALICE, { "nonce": 1, "expiresAt": 2, "maxFee": 3 }]);
    let by_name =
        json!(["bank", transfer(1), ALICE, { "nonce": "1", "expiresAt": "0x2", "maxFee": "3" }]);
    assert_eq!(
        harness.call("plasma_typedData", by_address).await,
        harness.call("plasma_typedData", by_name).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deposits_come_in_and_withdrawals_go_out_with_proofs() {
    let harness = start(modules());
    harness.inbox(&[deposit(0, 1_000)]).await;
    assert_eq!(
        harness.call("eth_getBalance", json!([BOB, "latest"])).await,
        "0x3e8"
    );
    let block = harness
        .call("eth_getBlockByNumber", json!(["latest", true]))
        .await;
    assert_eq!(
        (
            &block["transactions"][0]["type"],
            &block["transactions"][0]["to"]
        ),
        (&json!("0x7e"), &json!(BOB))
    );
    let bridge = Interface::of(&BridgeModule);
    let withdraw = IBridge::withdrawCall {
        asset: XPL,
        recipient: BOB,
        amount: U256::from(400),
    };
    let receipt = harness
        .send(&signed(0, Some(bridge.address()), 0, withdraw.abi_encode()))
        .await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let head = harness.chain.head().height();
    harness.publish(head);
    harness.settle(head);
    let proven = harness
        .call("plasma_outboxProof", json!([receipt["transactionHash"]]))
        .await;
    assert_eq!(
        (&proven["stage"], &proven["message"]["amount"]),
        (&json!("settled"), &json!("0x190"))
    );
    let proof: OutboxProof = serde_json::from_value(proven["proof"].clone()).expect("a proof");
    let id: B256 = serde_json::from_value(proven["id"].clone()).expect("an id");
    let root = harness
        .chain
        .block(Height(head.0))
        .expect("here")
        .outbox_root;
    assert_eq!(proof.root(id), Some(root));
}
