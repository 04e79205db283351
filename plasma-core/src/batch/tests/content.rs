//! Blocks of all kinds, plausible and hostile.

use alloc::{vec, vec::Vec};

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2718::Encodable2718 as _,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Address, B256, Bytes, Signature as EthereumSignature, TxKind, U256};
use proptest::prelude::*;

use crate::{
    Authorization, Block, BlockHeader, ChainHead, ChainId, Ed25519Proof, Epoch, Height,
    NativeTransaction, P256Proof, Proof, Signature, Timestamp, WebAuthnProof, body_commitment,
};

/// The chain of all content.
const CHAIN: u64 = 4_242;

/// What the content's first block follows.
pub(super) fn head() -> ChainHead {
    ChainHead {
        chain_id: ChainId(CHAIN),
        height: Height(41),
        hash: B256::repeat_byte(1),
        ..ChainHead::default()
    }
}

fn number() -> BoxedStrategy<U256> {
    prop_oneof![
        Just(U256::ZERO),
        Just(U256::MAX),
        (0_u64..500).prop_map(U256::from),
        (1_u64..1_000, 0_u64..70)
            .prop_map(|(digits, power)| U256::from(digits) * U256::from(10).pow(U256::from(power))),
        any::<u128>().prop_map(U256::from),
        any::<[u8; 32]>().prop_map(U256::from_be_bytes),
    ]
    .boxed()
}

fn small() -> BoxedStrategy<u64> {
    prop_oneof![0_u64..300, Just(21_000), any::<u64>()].boxed()
}

/// Few addresses, so that they repeat, and some that nobody has.
fn address() -> BoxedStrategy<Address> {
    prop_oneof![
        (0_u8..20).prop_map(Address::repeat_byte),
        any::<[u8; 20]>().prop_map(Address::from)
    ]
    .boxed()
}

fn word() -> BoxedStrategy<B256> {
    prop_oneof![
        Just(B256::ZERO),
        address().prop_map(|address| address.into_word()),
        number().prop_map(B256::from)
    ]
    .boxed()
}

fn calldata() -> BoxedStrategy<Bytes> {
    let call = (0_u8..4, prop::collection::vec(word(), 0..70)).prop_map(|(selector, words)| {
        let mut data = vec![selector; 4];
        data.extend(words.iter().flatten());
        data
    });
    prop_oneof![
        Just(Vec::new()),
        call,
        prop::collection::vec(any::<u8>(), 0..300)
    ]
    .prop_map(Bytes::from)
    .boxed()
}

fn access_list() -> BoxedStrategy<AccessList> {
    let item =
        (address(), prop::collection::vec(word(), 0..3)).prop_map(|(address, storage_keys)| {
            AccessListItem {
                address,
                storage_keys,
            }
        });
    prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(item, 0..3)]
        .prop_map(AccessList)
        .boxed()
}

fn signature() -> BoxedStrategy<EthereumSignature> {
    let scalar = prop_oneof![8 => any::<[u8; 32]>().prop_map(U256::from_be_bytes), 1 => number()];
    let low = prop_oneof![8 => Just(true), 1 => Just(false)];
    (scalar.clone(), scalar, any::<bool>(), low)
        .prop_map(|(r, s, odd, low)| {
            let s: U256 = if low { s >> 1 } else { s };
            EthereumSignature::new(r, s, odd)
        })
        .boxed()
}

fn to() -> BoxedStrategy<TxKind> {
    prop_oneof![5 => address().prop_map(TxKind::Call), 1 => Just(TxKind::Create)].boxed()
}

fn chain() -> BoxedStrategy<u64> {
    prop_oneof![5 => Just(CHAIN), 1 => Just(1_u64), 1 => any::<u64>()].boxed()
}

/// Transactions as wallets send them, of the types whose fields go into columns.
pub(super) fn signed() -> BoxedStrategy<Bytes> {
    let scalar =
        || any::<[u8; 32]>().prop_map(|bytes| U256::from_be_bytes(bytes) >> 1 | U256::ONE << 240);
    let signature = (scalar(), scalar(), any::<bool>())
        .prop_map(|(r, s, odd)| EthereumSignature::new(r, s, odd));
    ethereum((0_u8..4).boxed(), signature.boxed())
}

/// Transactions of some types; of their numbers, nothing is plausible.
fn ethereum(
    kinds: BoxedStrategy<u8>,
    signatures: BoxedStrategy<EthereumSignature>,
) -> BoxedStrategy<Bytes> {
    let common = (
        chain(),
        small(),
        small(),
        any::<u128>(),
        any::<u128>(),
        to(),
        number(),
        calldata(),
    );
    (kinds, common, access_list(), signatures)
        .prop_map(|(kind, common, access_list, signature)| {
            let (chain_id, nonce, gas_limit, fee, tip, to, value, input) = common;
            let (max_fee_per_gas, max_priority_fee_per_gas) = (fee, tip);
            match kind {
                0 => TxLegacy {
                    chain_id: None,
                    nonce,
                    gas_price: fee,
                    gas_limit,
                    to,
                    value,
                    input,
                }
                .into_signed(signature)
                .encoded_2718(),
                1 => {
                    // A chain id above this has no `v` of 64 bits, and alloy does not write it.
                    let chain_id = Some(chain_id.min(u64::MAX / 2 - 36));
                    TxLegacy {
                        chain_id,
                        nonce,
                        gas_price: fee,
                        gas_limit,
                        to,
                        value,
                        input,
                    }
                    .into_signed(signature)
                    .encoded_2718()
                }
                2 => TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price: fee,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                }
                .into_signed(signature)
                .encoded_2718(),
                3 => TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to,
                    value,
                    access_list,
                    input,
                }
                .into_signed(signature)
                .encoded_2718(),
                _ => TxEip7702 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas,
                    to: to.to().copied().unwrap_or_default(),
                    value,
                    access_list,
                    authorization_list: Vec::new(),
                    input,
                }
                .into_signed(signature)
                .encoded_2718(),
            }
            .into()
        })
        .boxed()
}

/// By keys of every scheme, for their own accounts and for others. Keys are few, as on a chain, and numbers any.
fn authorization() -> impl Strategy<Value = Authorization> {
    let v = prop_oneof![8 => 27_u8..29, 1 => any::<u8>()];
    let key = prop_oneof![
        3 => (0..3_u8).prop_map(B256::repeat_byte),
        1 => any::<[u8; 32]>().prop_map(B256::from)
    ];
    let bytes = || prop::collection::vec(any::<u8>(), 0..80).prop_map(Bytes::from);
    let numbers = any::<[[u8; 32]; 2]>();
    let proof = (0..5_u8, key, v, numbers, signature(), bytes(), bytes());
    let proof = proof.prop_map(|(kind, key, v, [r, s], signature, one, two)| {
        let [r, s] = [r, s].map(B256::from);
        let p256 = P256Proof {
            key_is_odd: v == 28,
            key_x: key,
            r,
            s,
        };
        match kind {
            0 => Proof::Ed25519(Ed25519Proof { key, r, s }),
            1 => Proof::P256(p256),
            2 => Proof::WebAuthn(WebAuthnProof {
                proof: p256,
                authenticator_data: one,
                client_data_rest: two,
            }),
            _ => Proof::Secp256k1(Signature {
                r: signature.r().into(),
                s: signature.s().into(),
                v,
            }),
        }
    });
    let account = prop_oneof![2 => Just(None), 1 => address().prop_map(Some)];
    (account, proof).prop_map(|(account, proof)| Authorization { account, proof })
}

fn native() -> BoxedStrategy<Bytes> {
    (
        address(),
        calldata(),
        small(),
        small(),
        number(),
        authorization(),
    )
        .prop_map(
            |(module, call, nonce, expires_at, max_fee, authorization)| {
                NativeTransaction {
                    module,
                    call,
                    nonce,
                    expires_at,
                    max_fee,
                    authorization,
                }
                .to_bytes()
            },
        )
        .boxed()
}

/// Transactions, and bytes that nearly are.
pub(super) fn transaction() -> BoxedStrategy<Bytes> {
    let ethereum = ethereum((0_u8..5).boxed(), signature());
    let spoiled = (
        prop_oneof![ethereum.clone(), native()],
        any::<prop::sample::Index>(),
        any::<u8>(),
        0..3,
    )
        .prop_map(|(bytes, at, byte, how)| {
            let (mut bytes, at) = (bytes.to_vec(), at.index(bytes.len()));
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
            Bytes::from(bytes)
        });
    prop_oneof![
        6 => ethereum,
        3 => native(),
        2 => spoiled,
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from),
    ]
    .boxed()
}

/// Headers whose free fields are anything at all.
fn header() -> BoxedStrategy<BlockHeader> {
    (
        small(),
        any::<u64>(),
        address(),
        small(),
        small(),
        word(),
        word(),
    )
        .prop_map(
            |(epoch, timestamp, proposer, messages, executed, executed_root, seal)| BlockHeader {
                epoch: Epoch(epoch),
                timestamp: Timestamp(timestamp),
                proposer,
                messages,
                executed_height: Height(executed),
                executed_root,
                seal,
                ..BlockHeader::default()
            },
        )
        .boxed()
}

/// Makes the fields that follow from others what they must be.
pub(super) fn chained(contents: Vec<(BlockHeader, Vec<Bytes>)>) -> Vec<Block> {
    let mut before = head();
    let chained = contents.into_iter().map(|(header, transactions)| {
        let header = BlockHeader {
            chain_id: before.chain_id,
            height: before.height.next(),
            parent: before.hash,
            body: body_commitment(&transactions),
            ..header
        };
        before = ChainHead::of(&header, 0);
        Block {
            header,
            transactions,
        }
    });
    chained.collect()
}

/// Blocks that follow [`head`].
pub(super) fn blocks() -> BoxedStrategy<Vec<Block>> {
    prop::collection::vec(
        (header(), prop::collection::vec(transaction(), 0..30)),
        0..6,
    )
    .prop_map(chained)
    .boxed()
}
