//! What a step counts for when a block is cut into segments.

use alloc::vec::Vec;

use alloy_consensus::{TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{Ed25519Signer, Execution, P256Signer, Step};
use proptest::prelude::*;

use super::chain::*;
use crate::{
    Bank, CallResult, Context, IBank, Interface, JsonAbi, Module, ModuleRuntime, SolCall, XPL, gas,
    module_address,
};

fn work(runtime: &ModuleRuntime, bytes: &Bytes) -> u64 {
    let step = Step::Transaction(bytes.clone());
    runtime.work(&Chain::new().state, &step).0
}

fn transfer(asset: Address) -> IBank::transferCall {
    IBank::transferCall {
        asset,
        to: who(1),
        amount: U256::from(5),
    }
}

/// Every form of a payment, with what it counts for.
fn payments() -> Vec<(&'static str, Bytes, u64)> {
    let bank_module = Interface::of(&Bank);
    let secret = alloy_primitives::B256::repeat_byte(9);
    let pay = native(&bank_module, 0, &transfer(XPL));
    let native = |signed: Result<plasma_core::NativeTransaction, _>| -> Bytes {
        let signed: Result<_, crate::NativeCallError> = signed;
        signed.expect("the bank has it").to_bytes()
    };
    let legacy = TxLegacy {
        chain_id: Some(CHAIN.0),
        gas_limit: 90_000,
        gas_price: u128::from(BASE_FEE) * 2,
        to: who(1).into(),
        value: U256::from(5),
        ..TxLegacy::default()
    };
    let by_call = gas::PAYMENT_WORK + gas::TRANSFER_WORK;
    [
        ("legacy", sign(&signer(0), legacy), gas::PAYMENT_WORK),
        (
            "a wallet's",
            sign(
                &signer(0),
                TxEip1559 {
                    gas_limit: 4_000_000,
                    value: U256::MAX,
                    ..to(who(1))
                },
            ),
            gas::PAYMENT_WORK,
        ),
        (
            "a wallet's call of the bank",
            sign(&signer(0), call(bank(), &transfer(XPL))),
            by_call,
        ),
        (
            "native",
            native(pay.sign(&signer(0), CHAIN, GENESIS)),
            by_call,
        ),
        (
            "by ed25519",
            native(pay.sign(&Ed25519Signer::from_bytes(&secret), CHAIN, GENESIS)),
            by_call + gas::WORK * gas::ED25519,
        ),
        (
            "by P-256",
            native(pay.sign(
                &P256Signer::from_bytes(&secret).expect("a scalar"),
                CHAIN,
                GENESIS,
            )),
            by_call + gas::WORK * gas::P256,
        ),
    ]
    .into()
}

#[test]
fn a_payment_counts_for_what_one_takes_and_no_more() {
    let runtime = runtime();
    for (what, bytes, expected) in payments() {
        assert_eq!(work(&runtime, &bytes), expected, "{what}");
    }
}

#[test]
fn what_is_no_payment_counts_for_what_it_declares() {
    let runtime = runtime();
    let bank_module = Interface::of(&Bank);
    let listed = AccessList(Vec::from([AccessListItem {
        address: who(3),
        storage_keys: Vec::new(),
    }]));
    let declared = |gas_limit| TxEip1559 {
        gas_limit,
        ..to(who(1))
    };
    let cases = [
        (
            "an access list",
            sign(
                &signer(0),
                TxEip1559 {
                    access_list: listed.clone(),
                    ..declared(90_000)
                },
            ),
            90_000,
        ),
        (
            "another kind with an access list",
            sign(
                &signer(0),
                TxEip2930 {
                    chain_id: CHAIN.0,
                    gas_limit: 90_000,
                    to: who(1).into(),
                    access_list: listed,
                    ..TxEip2930::default()
                },
            ),
            90_000,
        ),
        (
            "input",
            sign(
                &signer(0),
                TxEip1559 {
                    input: Bytes::from_static(b"hello"),
                    ..declared(90_000)
                },
            ),
            90_000,
        ),
        (
            "another asset",
            sign(&signer(0), call(bank(), &transfer(who(9)))),
            400_000,
        ),
        (
            "another module",
            sign(&signer(0), call(trouble(), &ITrouble::tryFailCall {})),
            400_000,
        ),
        (
            "bytes behind the call",
            sign(
                &signer(0),
                TxEip1559 {
                    gas_limit: 400_000,
                    input: [&transfer(XPL).abi_encode()[..], &[7]].concat().into(),
                    ..to(bank())
                },
            ),
            400_000,
        ),
        (
            "an added key",
            native(&bank_module, 0, &transfer(XPL))
                .sign_for(who(4), &signer(0), CHAIN, GENESIS)
                .expect("the bank has it")
                .to_bytes(),
            500_000,
        ),
    ];
    for (what, bytes, gas) in cases {
        assert_eq!(work(&runtime, &bytes), gas::WORK * gas, "{what}");
    }
}

/// A module in the bank's place, which says nothing of what its calls take.
struct OtherBank;

impl Module for OtherBank {
    const NAME: &'static str = Bank::NAME;
    type Calls = IBank::IBankCalls;
    type Genesis = ();

    fn abi(&self) -> JsonAbi {
        IBank::abi::contract()
    }

    fn call(&self, context: &mut Context<'_>, _: IBank::IBankCalls) -> CallResult {
        context.charge(u64::MAX)?;
        Ok(Vec::new())
    }
}

#[test]
fn a_module_in_the_place_of_the_bank_is_not_taken_for_it() {
    let runtime = ModuleRuntime::new().module(OtherBank);
    assert_eq!(bank(), module_address(OtherBank::NAME));
    for (what, bytes, known) in payments() {
        let work = work(&runtime, &bytes);
        let calls_it = known != gas::PAYMENT_WORK;
        assert_eq!(work > known, calls_it, "{what}: {work}");
    }
}

proptest! {
    #[test]
    fn whatever_becomes_of_a_payments_bytes_no_more_gas_is_used_than_was_foretold(
        which in 0_usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (what, bytes, _) = payments().swap_remove(which);
        let mut bytes = bytes.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut chain = Chain::new();
        let foretold = work(&chain.runtime, &bytes.clone().into());
        let receipt = chain.run(bytes.into());
        prop_assert!(receipt.gas_used.0 <= foretold, "{} of {}: {}", what, foretold, receipt.gas_used.0);
    }
}
