//! Native calls, and the typed data by which they are signed.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

use alloy_primitives::{Address, B256, Bytes, FixedBytes, I256, U256, address, b256, hex};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain};
use plasma_core::Status;
use serde_json::{Value, json};

use super::chain::*;
use crate::{Bank, IBank, Interface, JsonAbi, NativeCall, NativeCallError, SolCall, XPL, sol};

/// The typed data, written out as a wallet's developer would, and hashed by alloy: knows nothing of ABIs.
mod oracle {
    alloy_sol_types::sol! {
        struct Transfer {
            address asset;
            address to;
            uint256 amount;
            uint64 nonce;
            uint64 expires_at;
            uint256 max_fee;
            bytes32 genesis_hash;
        }
        struct PutAll {
            bytes data;
            string text;
            uint64[] numbers;
            string[] texts;
            bool[2] flags;
            bytes[2] pairs;
            int8 small;
            bytes4 tag;
            uint64 nonce;
            uint64 expires_at;
            uint256 max_fee;
            bytes32 genesis_hash;
        }
    }
}

sol! {
    interface IShelf {
        function put_all(
            bytes data,
            string text,
            uint64[] numbers,
            string[] texts,
            bool[2] flags,
            bytes[2] pairs,
            int8 small,
            bytes4 tag
        ) external;
        function nested(uint64[][] numbers) external;
        function unnamed(uint64) external;
        function shadowing(uint64 nonce) external;
    }
}

fn domain(module: Address) -> Eip712Domain {
    eip712_domain! { name: "Plasma", version: "1", chain_id: CHAIN.0, verifying_contract: module, }
}

#[test]
fn the_digest_of_a_transfer_is_the_one_that_alloy_computes() {
    let bank = Interface::of(&Bank);
    let (to, amount) = (Address::repeat_byte(0x22), U256::from(1_234_567));
    let call = native(
        &bank,
        9,
        &IBank::transferCall {
            asset: DOLLAR,
            to,
            amount,
        },
    );
    let expected = oracle::Transfer {
        asset: DOLLAR,
        to,
        amount,
        nonce: call.nonce,
        expires_at: call.expires_at,
        max_fee: call.max_fee,
        genesis_hash: GENESIS,
    };
    let digest = call.digest(CHAIN, GENESIS).expect("it can be signed");
    assert_eq!(
        digest,
        expected.eip712_signing_hash(&domain(bank.address()))
    );
    // Golden: a wallet that signed before an upgrade signs the same after it.
    assert_eq!(digest, GOLDEN_DIGEST);
}

const GOLDEN_DIGEST: B256 =
    b256!("d856a96b9e8aacb8dcf5df64ba1ff9669f2f5cbd2d7818555fa76afcf26c9520");

fn shelf() -> Interface {
    let abi: JsonAbi = IShelf::abi::contract();
    Interface::new("shelf", abi)
}

fn full() -> IShelf::put_allCall {
    IShelf::put_allCall {
        data: Bytes::from_static(&hex!("00ff")),
        text: "a text that is longer than thirty-two bytes, ü".into(),
        numbers: vec![0, 1, u64::MAX],
        texts: vec![String::new(), "b".into()],
        flags: [true, false],
        pairs: [Bytes::new(), Bytes::from_static(&[7; 33])],
        small: -1,
        tag: FixedBytes([1, 2, 3, 4]),
    }
}

#[test]
fn the_digest_of_every_kind_of_argument_is_the_one_that_alloy_computes() {
    let shelf = shelf();
    for empty in [false, true] {
        let mut put = full();
        if empty {
            (put.data, put.text) = (Bytes::new(), String::new());
            (put.numbers, put.texts) = (Vec::new(), Vec::new());
        }
        let call = native(&shelf, 1, &put);
        let expected = oracle::PutAll {
            data: put.data,
            text: put.text,
            numbers: put.numbers,
            texts: put.texts,
            flags: put.flags,
            pairs: put.pairs,
            small: put.small,
            tag: put.tag,
            nonce: call.nonce,
            expires_at: call.expires_at,
            max_fee: call.max_fee,
            genesis_hash: GENESIS,
        };
        let digest = call.digest(CHAIN, GENESIS).expect("it can be signed");
        assert_eq!(
            digest,
            expected.eip712_signing_hash(&domain(shelf.address())),
            "{empty}"
        );
    }
}

#[test]
fn a_wallet_is_asked_in_its_own_words() {
    let shelf = shelf();
    let call = native(&shelf, 1, &full());
    let data: Value = call.typed_data(CHAIN, GENESIS).expect("it can be signed");
    assert_eq!(data["primaryType"], "PutAll");
    assert_eq!(data["domain"]["chainId"], 4242);
    assert_eq!(
        data["types"]["EIP712Domain"][3],
        json!({ "name": "verifyingContract", "type": "address" })
    );
    assert_eq!(
        data["types"]["PutAll"][5],
        json!({ "name": "pairs", "type": "bytes[2]" })
    );
    assert_eq!(
        data["types"]["PutAll"][11],
        json!({ "name": "genesis_hash", "type": "bytes32" })
    );
    let message = &data["message"];
    assert_eq!(message["numbers"], json!(["0", "1", u64::MAX.to_string()]));
    assert_eq!(
        (&message["small"], &message["tag"]),
        (&json!("-1"), &json!("0x01020304"))
    );
    assert_eq!(message["small"], json!(I256::MINUS_ONE.to_string()));
    assert_eq!(message["genesis_hash"], json!(GENESIS));
    let text = call
        .typed_data_json(CHAIN, GENESIS)
        .expect("it can be signed");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), data);
}

#[test]
fn what_typed_data_does_not_carry_is_named() {
    let shelf = shelf();
    let refused = |call: &NativeCall<'_>| call.digest(CHAIN, GENESIS).expect_err("refused");
    let cases: [Vec<u8>; 4] = [
        IShelf::nestedCall { numbers: vec![] }.abi_encode(),
        IShelf::unnamedCall(1).abi_encode(),
        IShelf::shadowingCall { nonce: 1 }.abi_encode(),
        vec![1, 2],
    ];
    let good = native(&shelf, 0, &full());
    for call in cases {
        let error = refused(&NativeCall {
            call: call.into(),
            ..good.clone()
        });
        assert!(matches!(error, NativeCallError::Function { .. }), "{error}");
    }
    let long = [&good.call[..], &[0; 32]].concat().into();
    let error = refused(&NativeCall {
        call: long,
        ..good.clone()
    });
    assert!(
        matches!(error, NativeCallError::Arguments { .. }),
        "{error}"
    );
}

#[test]
fn a_signed_call_pays_at_the_base_fee_and_no_more_than_it_said() {
    let mut chain = Chain::new();
    let bank = Interface::of(&Bank);
    let amount = U256::from(400);
    let call = native(
        &bank,
        5,
        &IBank::transferCall {
            asset: DOLLAR,
            to: who(1),
            amount,
        },
    );
    let bytes = call
        .sign(&signer(0), CHAIN, GENESIS)
        .expect("it can be signed")
        .to_bytes();
    let admission = chain.admit(&bytes).expect("admitted");
    assert_eq!((admission.sender, admission.nonce), (who(0), 5));
    assert_eq!(admission.gas_limit.0, 500_000);
    assert_eq!(admission.expires_at, Some(call.expires_at));
    let receipt = chain.run(bytes.clone());
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(receipt.gas_price, u128::from(BASE_FEE));
    let fee = U256::from(receipt.gas_used.0) * U256::from(BASE_FEE);
    assert!(fee < call.max_fee);
    assert_eq!(chain.balance(XPL, who(0)), U256::from(FUNDS) - fee);
    assert_eq!(chain.balance(DOLLAR, who(1)), U256::from(1_400));
    assert_eq!(chain.run(bytes).status, Status::Invalid, "once");
    chain.audit();
}

#[test]
fn a_call_whose_max_fee_runs_out_reverts_and_pays() {
    let mut chain = Chain::new();
    let module = Interface::of(&Trouble);
    let work = ITrouble::burn_gasCall { gas: u64::MAX };
    let call = native(&module, 0, &work);
    let bytes = call
        .sign(&signer(0), CHAIN, GENESIS)
        .expect("it can be signed")
        .to_bytes();
    let receipt = chain.run(bytes);
    assert_eq!(
        (receipt.status, receipt.gas_used.0),
        (Status::Reverted, 500_000)
    );
    assert!(receipt.reason.contains("out of gas"));
    assert_eq!(chain.balance(XPL, who(0)), U256::from(FUNDS) - call.max_fee);
    chain.audit();
}

#[test]
fn the_bytes_that_travel_are_golden() {
    let bank = Interface::of(&Bank);
    let call = native(
        &bank,
        1,
        &IBank::transferCall {
            asset: XPL,
            to: who(1),
            amount: U256::from(2),
        },
    );
    let bytes = call
        .sign(&signer(0), CHAIN, GENESIS)
        .expect("it can be signed")
        .to_bytes();
    assert_eq!(plasma_core::transaction_hash(&bytes), GOLDEN_TRANSACTION);
    assert_eq!(bank.address(), GOLDEN_BANK);
}

const GOLDEN_TRANSACTION: B256 =
    b256!("c8e1d2f57cfcbc3a633d10aa92c301d6f1bbfb942a958b5648736438290680e8");
const GOLDEN_BANK: Address = address!("64968ec42dcf1d04c7747cecef3ce7c0a01fef72");
