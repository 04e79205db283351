//! Accounts of other schemes and added keys, as programs and browsers use them.

use std::sync::Arc;

use plasma_core::{Address, B256, Bytes, Ed25519Signer, P256Signer, Prover, Signer, U256, hex};
use plasma_exec::{Bank, IBank, IKeys, Interface, Keys, ModuleRuntime, NativeCall, SolCall, XPL};
use serde_json::{Value, json};

use crate::harness::{ALICE, BOB, ETHER, Harness, Options, alice, start};

fn passkey() -> P256Signer {
    P256Signer::from_bytes(&B256::repeat_byte(0x33)).expect("a key")
}

fn fast() -> Ed25519Signer {
    Ed25519Signer::from_bytes(&B256::repeat_byte(0x44))
}

fn chain() -> Options {
    let holders = [
        ALICE,
        passkey().public_key().address(),
        fast().public_key().address(),
    ];
    let balances: serde_json::Map<String, Value> = holders
        .iter()
        .map(|holder| {
            (
                holder.to_string(),
                (U256::from(100) * U256::from(ETHER)).to_string().into(),
            )
        })
        .collect();
    Options {
        execution: Arc::new(ModuleRuntime::new()),
        config: json!({ "balances": balances })
            .to_string()
            .into_bytes()
            .into(),
        ..Options::evm()
    }
}

/// What the node asks to be signed, and its digest, which whoever knows the module computes as well.
async fn question(
    harness: &Harness,
    module: &Interface,
    call: Bytes,
    from: Address,
    options: Value,
) -> (Value, B256) {
    let params = json!([module.name(), call, from, options]);
    let data = harness.call("plasma_typedData", params).await;
    let field = |name: &str| -> U256 {
        serde_json::from_value(data["message"][name].clone())
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let native = NativeCall {
        module,
        call,
        nonce: field("nonce").to(),
        expires_at: field("expires_at").to(),
        max_fee: field("max_fee"),
    };
    let account = options.get("key").map(|_| from);
    let (chain_id, genesis) = (
        harness.chain.genesis().chain_id,
        harness.chain.genesis_hash(),
    );
    let expected = native.typed_data_for(account, chain_id, genesis);
    assert_eq!(Ok(&data), expected.as_ref());
    let digest = native.digest_for(account, chain_id, genesis);
    (data, digest.expect("a digest"))
}

/// Sends it, waits for it, and gives the transaction as it shows.
async fn send(harness: &Harness, data: Value, signature: Value) -> Value {
    let hash = harness
        .call("plasma_sendTypedData", json!([data, signature]))
        .await;
    let receipt = crate::modules::receipt(harness, &hash).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    harness
        .call("eth_getTransactionByHash", json!([hash]))
        .await
}

fn pay(amount: u64) -> Bytes {
    IBank::transferCall {
        asset: XPL,
        to: BOB,
        amount: U256::from(amount),
    }
    .abi_encode()
    .into()
}

fn halves(r: B256, s: B256) -> String {
    hex::encode_prefixed([r.0, s.0].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_other_schemes_pay_by_typed_data() {
    let (harness, bank) = (start(chain()), Interface::of(&Bank));
    let (key, own) = (fast(), fast().public_key().address());
    let options = json!({ "scheme": "ed25519" });
    let (data, digest) = question(&harness, &bank, pay(1), own, options).await;
    let proof = key.sign(digest);
    let signature =
        json!({ "scheme": "ed25519", "key": key.key(), "signature": halves(proof.r, proof.s) });
    let shown = send(&harness, data, signature).await;
    assert_eq!(shown["from"], json!(own));
    let authorization = &shown["plasma"]["authorization"];
    assert_eq!(
        *authorization,
        json!({ "scheme": "ed25519", "key": own, "publicKey": key.key(), "added": false })
    );

    let (key, own) = (passkey(), passkey().public_key().address());
    let public = hex::encode_prefixed(key.key());
    let options = json!({ "scheme": "secp256r1" });
    let (data, digest) = question(&harness, &bank, pay(2), own, options).await;
    let proof = key.sign(digest);
    let signature =
        json!({ "scheme": "secp256r1", "key": public, "signature": halves(proof.r, proof.s) });
    let shown = send(&harness, data, signature).await;
    assert_eq!(shown["plasma"]["authorization"]["scheme"], "secp256r1");

    // As a browser has it: the client data whole, of which the transaction carries the end.
    let options = json!({ "scheme": "webauthn" });
    let (data, digest) = question(&harness, &bank, pay(3), own, options).await;
    let assertion = key.assert(digest, "wallet.example");
    let signature = json!({
        "scheme": "webauthn",
        "key": public,
        "signature": halves(assertion.proof.r, assertion.proof.s),
        "authenticatorData": assertion.authenticator_data,
        "clientDataJSON": Bytes::from(assertion.client_data(digest)),
    });
    let shown = send(&harness, data.clone(), signature.clone()).await;
    assert_eq!(
        (&shown["from"], &shown["plasma"]["authorization"]["scheme"]),
        (&json!(own), &json!("webauthn"))
    );

    // What does not fit is refused in words.
    let mut other = signature.clone();
    other["clientDataJSON"] = json!(Bytes::from(assertion.client_data(B256::ZERO)));
    let mut short = signature;
    short["signature"] = json!("0x00");
    for (signature, text) in [
        (other, "do not begin with"),
        (short, "no public key fits"),
        (
            json!({ "scheme": "ed25519", "key": B256::ZERO, "signature": "0x00" }),
            "64 bytes",
        ),
        (json!({ "scheme": "rsa" }), "argument 1"),
        (json!("0x00"), "65 bytes"),
    ] {
        let (code, message) = harness
            .refusal("plasma_sendTypedData", json!([data, signature]))
            .await;
        assert!(
            code == -32_602 && message.contains(text),
            "{text}: {code} {message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_added_and_signs_for_the_account() {
    let (harness, bank, keys) = (start(chain()), Interface::of(&Bank), Interface::of(&Keys));
    let session = Ed25519Signer::from_bytes(&B256::repeat_byte(0x55));
    let name = session.public_key().address();
    let add = IKeys::addCall {
        scheme: 1,
        key: session.key().to_vec().into(),
        expiresAt: 0,
        modules: vec![bank.address()],
        functions: vec![IBank::transferCall::SELECTOR.into()],
        assets: vec![XPL],
        limits: vec![U256::from(ETHER)],
        period: 60,
    };
    let root = Signer::from_bytes(&alice().to_bytes()).expect("a key");
    let (data, digest) = question(&harness, &keys, add.abi_encode().into(), ALICE, json!({})).await;
    let signature = Bytes::from(root.sign(digest).to_bytes());
    let shown = send(&harness, data, json!(signature)).await;
    assert_eq!(
        shown["plasma"]["authorization"],
        json!({ "scheme": "secp256k1", "key": ALICE, "publicKey": null, "added": false })
    );

    let options = json!({ "key": name, "scheme": "ed25519" });
    let (data, digest) = question(&harness, &bank, pay(5), ALICE, options.clone()).await;
    assert_eq!(data["domain"]["salt"], json!(ALICE.into_word()));
    let vouch = |digest: B256| {
        let proof = session.sign(digest);
        json!({ "scheme": "ed25519", "key": session.key(), "signature": halves(proof.r, proof.s) })
    };
    let shown = send(&harness, data, vouch(digest)).await;
    assert_eq!(
        (&shown["from"], &shown["plasma"]["authorization"]),
        (
            &json!(ALICE),
            &json!({ "scheme": "ed25519", "key": name, "publicKey": session.key(), "added": true })
        )
    );

    // Outside of its scope it is refused before anybody pays, with what would help.
    let many = IBank::transferManyCall {
        asset: XPL,
        to: vec![BOB],
        amounts: vec![U256::ONE],
    };
    let (data, digest) = question(&harness, &bank, many.abi_encode().into(), ALICE, options).await;
    let mut wrong = data.clone();
    wrong["domain"]["salt"] = json!(B256::repeat_byte(1));
    let (_, message) = harness
        .refusal("plasma_sendTypedData", json!([data, vouch(digest)]))
        .await;
    assert!(message.contains("widen its scope"), "{message}");
    let (_, message) = harness
        .refusal("plasma_sendTypedData", json!([wrong, vouch(digest)]))
        .await;
    assert!(message.contains("is no account"), "{message}");
}
