//! Transactions.
//!
//! Those of Ethereum's types show all their fields. A native module call shows as type 0x70 with
//! the module as `to` and the ABI-encoded call as `input`. A deposit shows as type 0x7e, signed by
//! nobody: `from` is who sent it on the root, `to` who is credited, `value` the amount where that
//! is XPL.

use alloy::rpc::types::Transaction;
use alloy_consensus::{TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{U64, U128};
use plasma_core::{
    Address, B256, BlockContext, Bytes, Execution, InboxMessage, NATIVE_TRANSACTION_TYPE,
    NativeTransaction, Proof, TransactionView, U256,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Body, Entry};
use crate::Chain;

/// The type under which deposits show.
pub(crate) const DEPOSIT_TYPE: u8 = 0x7e;
/// Added to a deposit's index where a wallet expects a nonce. Wallets take a transaction with the sender and nonce
/// of one that they wait for as its replacement, so that no account may ever come to this number; and JavaScript
/// reads nonces as doubles, so that it must stay below 2^53.
const DEPOSIT_NONCES: u64 = 1 << 52;

/// Where a transaction is in the chain.
#[derive(Clone, Copy, Debug)]
struct Place {
    block_hash: B256,
    block_number: u64,
    block_timestamp: u64,
    index: u64,
    gas_price: u128,
}

/// A transaction in the form of our own types.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    #[serde(rename = "type")]
    kind: U64,
    hash: B256,
    from: Address,
    to: Option<Address>,
    nonce: U64,
    value: U256,
    input: Bytes,
    gas: U64,
    gas_price: U128,
    max_fee_per_gas: U128,
    max_priority_fee_per_gas: U128,
    chain_id: U64,
    r: U256,
    s: U256,
    v: U64,
    y_parity: U64,
    block_hash: Option<B256>,
    block_number: Option<U64>,
    block_timestamp: Option<U64>,
    transaction_index: Option<U64>,
    plasma: Value,
}

/// The transaction of an entry.
pub(crate) fn mined(chain: &Chain, entry: &Entry<'_>) -> Value {
    let header = &entry.block.block.header;
    let place = Place {
        block_hash: entry.block.hash,
        block_number: header.height.0,
        block_timestamp: header.timestamp.seconds().0,
        index: entry.index,
        gas_price: entry.receipt.gas_price,
    };
    let context = chain.context_of(entry.block);
    match entry.body {
        Body::Deposit(message) => deposit(
            &context,
            message,
            entry.hash(),
            entry.receipt.gas_used.0,
            place,
        ),
        Body::Forced(message) => {
            let mut object = signed(&**chain.execution(), &context, &message.data, Some(place));
            object["plasma"]["forced"] =
                json!({ "index": message.index, "sender": message.sender });
            object
        }
        Body::Transaction(bytes) => signed(&**chain.execution(), &context, bytes, Some(place)),
    }
}

/// A transaction that waits for its block.
pub(crate) fn waiting(execution: &dyn Execution, context: &BlockContext, bytes: &Bytes) -> Value {
    signed(execution, context, bytes, None)
}

fn signed(
    execution: &dyn Execution,
    context: &BlockContext,
    bytes: &Bytes,
    place: Option<Place>,
) -> Value {
    let view = execution.view(context, bytes);
    let envelope = match (&view, bytes.first()) {
        (Some(_), Some(&first)) if first != NATIVE_TRANSACTION_TYPE => decode(bytes),
        _ => None,
    };
    let object = match (view, envelope) {
        (Some(view), Some(envelope)) => {
            let fees = view.max_fee_per_gas;
            serde_json::to_value(Transaction {
                inner: Recovered::new_unchecked(envelope, view.sender),
                block_hash: place.map(|place| place.block_hash),
                block_number: place.map(|place| place.block_number),
                transaction_index: place.map(|place| place.index),
                effective_gas_price: Some(place.map_or(fees, |place| place.gas_price)),
                block_timestamp: place.map(|place| place.block_timestamp),
            })
        }
        (view, _) => serde_json::to_value(own(context, bytes, view, place)),
    };
    // Maps with string keys and numbers in hex always have a JSON form.
    object.unwrap_or_default()
}

fn decode(bytes: &[u8]) -> Option<TxEnvelope> {
    let mut rest = bytes;
    TxEnvelope::decode_2718(&mut rest)
        .ok()
        .filter(|_| rest.is_empty())
}

fn own(
    context: &BlockContext,
    bytes: &Bytes,
    view: Option<TransactionView>,
    place: Option<Place>,
) -> Own {
    let native = NativeTransaction::from_bytes(bytes).ok();
    let plasma = match &native {
        Some(native) => json!({
            "expiresAt": native.expires_at,
            "maxFee": native.max_fee,
            "authorization": authorization(&native.authorization.proof, view.as_ref()),
        }),
        None => json!({}),
    };
    // Bytes that are no transaction, which only the root's inbox can have brought in.
    let malformed = || TransactionView {
        hash: plasma_core::transaction_hash(bytes),
        kind: 0,
        sender: Address::ZERO,
        to: Some(Address::ZERO),
        nonce: 0,
        value: U256::ZERO,
        input: bytes.clone(),
        gas_limit: 0.into(),
        max_fee_per_gas: 0,
        priority_fee_per_gas: 0,
        signature: (U256::ZERO, U256::ZERO, false),
        key: None,
    };
    let view = view.unwrap_or_else(malformed);
    let (r, s, odd) = view.signature;
    let parity = U64::from(u8::from(odd));
    Own {
        kind: U64::from(view.kind),
        hash: view.hash,
        from: view.sender,
        to: view.to,
        nonce: U64::from(view.nonce),
        value: view.value,
        input: view.input,
        gas: U64::from(view.gas_limit.0),
        gas_price: U128::from(place.map_or(view.max_fee_per_gas, |place| place.gas_price)),
        max_fee_per_gas: U128::from(view.max_fee_per_gas),
        max_priority_fee_per_gas: U128::from(view.priority_fee_per_gas),
        chain_id: U64::from(context.chain_id.0),
        r,
        s,
        v: parity,
        y_parity: parity,
        block_hash: place.map(|place| place.block_hash),
        block_number: place.map(|place| U64::from(place.block_number)),
        block_timestamp: place.map(|place| U64::from(place.block_timestamp)),
        transaction_index: place.map(|place| U64::from(place.index)),
        plasma,
    }
}

/// Which key signed: its scheme, its name, and itself where it does not follow from the signature.
fn authorization(proof: &Proof, view: Option<&TransactionView>) -> Value {
    let scheme = match proof {
        Proof::Secp256k1(_) => "secp256k1",
        Proof::Ed25519(_) => "ed25519",
        Proof::P256(_) => "secp256r1",
        Proof::WebAuthn(_) => "webauthn",
        _ => "unknown",
    };
    let key = proof.public_key();
    json!({
        "scheme": scheme,
        "key": view.map(|view| view.key.unwrap_or(view.sender)),
        "publicKey": key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        // Added to the account, and not its own.
        "added": view.is_some_and(|view| view.key.is_some()),
    })
}

fn deposit(
    context: &BlockContext,
    message: &InboxMessage,
    hash: B256,
    gas_used: u64,
    place: Place,
) -> Value {
    let xpl = message.asset == Address::ZERO;
    let object = serde_json::to_value(Own {
        kind: U64::from(DEPOSIT_TYPE),
        hash,
        from: message.sender,
        to: Some(message.to),
        nonce: U64::from(DEPOSIT_NONCES + message.index),
        value: if xpl { message.amount } else { U256::ZERO },
        input: message.data.clone(),
        gas: U64::from(gas_used),
        gas_price: U128::ZERO,
        max_fee_per_gas: U128::ZERO,
        max_priority_fee_per_gas: U128::ZERO,
        chain_id: U64::from(context.chain_id.0),
        r: U256::ZERO,
        s: U256::ZERO,
        v: U64::ZERO,
        y_parity: U64::ZERO,
        block_hash: Some(place.block_hash),
        block_number: Some(U64::from(place.block_number)),
        block_timestamp: Some(U64::from(place.block_timestamp)),
        transaction_index: Some(U64::from(place.index)),
        plasma: json!({ "deposit": {
            "index": message.index,
            "asset": message.asset,
            "amount": message.amount,
            "timestamp": message.timestamp,
            "deadline": message.deadline,
        } }),
    });
    object.unwrap_or_default()
}
