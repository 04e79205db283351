//! Proofs of state.
//!
//! The answer has the shape of EIP-1186, but the proofs are of our one binary trie over hashed
//! keys, not of Ethereum's: `accountProof` and each `proof` hold one element, the borsh encoding of
//! [`StateProof`](plasma_core::StateProof) for the key that `plasma.accountKey`, or the slot's
//! `plasmaKey`, gives. Verify it with `StateProof::verify(stateRoot, key)`, with the block's
//! `stateRoot`.

use alloy_primitives::U64;
use plasma_core::{Address, B256, Bytes, Query, QueryError, Reply, U256, encode, keccak256};
use serde::Serialize;
use serde_json::{Value, json};

use super::state::{code, storage};
use crate::rpc::{
    arguments::Arguments,
    error::{Outcome, Refusal},
    methods::Methods,
    node::Node,
};

/// Slots in one request.
const MAX_SLOTS: usize = 1_024;

pub(super) fn register(methods: &mut Methods) {
    methods.work("eth_getProof", 3, prove);
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of EIP-1186")]
struct AccountProof {
    address: Address,
    balance: U256,
    nonce: U64,
    code_hash: B256,
    /// Zero: accounts have no tries of their own.
    storage_hash: B256,
    account_proof: [Bytes; 1],
    storage_proof: Vec<StorageProof>,
    plasma: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StorageProof {
    key: U256,
    value: U256,
    proof: [Bytes; 1],
    plasma_key: B256,
}

fn prove(node: &Node, arguments: &Arguments) -> Outcome<AccountProof> {
    let address: Address = arguments.required(0, "address")?;
    let slots: Vec<U256> = arguments.optional(1, "slots")?.unwrap_or_default();
    if slots.len() > MAX_SLOTS {
        let got = slots.len();
        return Err(Refusal::limit(format!(
            "{got} slots are over the limit of {MAX_SLOTS}; ask in parts"
        )));
    }
    let at = node.at(arguments, 2)?;
    let keys = match at.ask(&Query::Keys(address, slots.clone())) {
        Ok(Reply::Keys(keys)) if keys.len() == slots.len() + 1 => keys,
        Ok(_) => {
            return Err(Refusal::internal(
                "the chain's execution named other keys than were asked for",
            ));
        }
        Err(QueryError::Unsupported(what)) => return Err(QueryError::Unsupported(what).into()),
        Err(error) => return Err(error.into()),
    };
    let height = at.block.height();
    let store = node.context.chain.store();
    let proof =
        |key: &B256| -> Outcome<[Bytes; 1]> { Ok([encode(&store.prove(height.0, key)?).into()]) };
    let slot = |(slot, key): (&U256, &B256)| -> Outcome<StorageProof> {
        let value = storage(&at, address, *slot)?;
        Ok(StorageProof {
            key: *slot,
            value,
            proof: proof(key)?,
            plasma_key: *key,
        })
    };
    Ok(AccountProof {
        address,
        balance: at.word(&Query::Balance(address))?,
        nonce: U64::from(at.nonce(address)?),
        code_hash: keccak256(code(&at, address)?),
        storage_hash: B256::ZERO,
        account_proof: proof(&keys[0])?,
        storage_proof: slots
            .iter()
            .zip(&keys[1..])
            .map(slot)
            .collect::<Outcome<_>>()?,
        plasma: json!({ "stateRoot": at.block.state_root, "height": height, "accountKey": keys[0] }),
    })
}
