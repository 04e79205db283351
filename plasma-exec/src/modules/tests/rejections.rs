//! Why a transaction may not enter, with the numbers in it.

use alloc::{format, string::ToString};

use alloy_consensus::{TxEip1559, TxEip7702, TxLegacy};
use alloy_primitives::{Bytes, TxKind, U256};
use plasma_core::{Rejection, Signature, Status, conformance::execution::Suite};

use super::chain::*;
use crate::{Bank, IBank, Interface, SolCall, XPL};

/// Refused by the mempool for this reason, and without effect in a block.
fn check(name: &str, transaction: Bytes, expected: impl FnOnce(Rejection)) {
    let mut chain = Chain::new();
    let before = chain.state.clone();
    let rejection = chain.admit(&transaction).expect_err(name);
    let receipt = chain.run(transaction);
    assert_eq!(receipt.status, Status::Invalid, "{name}");
    assert_eq!(receipt.reason, rejection.to_string(), "{name}");
    assert_eq!(chain.state, before, "{name}");
    expected(rejection);
}

fn check_is(name: &str, transaction: Bytes, expected: Rejection) {
    check(name, transaction, |got| assert_eq!(got, expected, "{name}"));
}

fn plain(change: impl FnOnce(&mut TxEip1559)) -> Bytes {
    let mut transaction = to(who(1));
    change(&mut transaction);
    sign(&signer(0), transaction)
}

#[test]
fn wallets_transactions_are_refused_with_values_and_limits() {
    let sender = who(0);
    let balance = U256::from(FUNDS);
    let needed = U256::from(FUNDS) + U256::from(21_000 * BASE_FEE * 2);
    let cases = [
        (
            "chain",
            plain(|t| t.chain_id = 1),
            Rejection::ChainId {
                expected: CHAIN.0,
                got: 1,
            },
        ),
        (
            "no chain",
            sign(
                &signer(0),
                TxLegacy {
                    to: who(1).into(),
                    gas_limit: 21_000,
                    gas_price: 1 << 40,
                    ..TxLegacy::default()
                },
            ),
            Rejection::ChainId {
                expected: CHAIN.0,
                got: 0,
            },
        ),
        (
            "nonce too high",
            plain(|t| t.nonce = 256),
            Rejection::NonceTooHigh {
                sender,
                next: 0,
                last: 255,
                got: 256,
            },
        ),
        (
            "the highest nonce of all",
            plain(|t| t.nonce = u64::MAX),
            Rejection::NonceTooHigh {
                sender,
                next: 0,
                last: 255,
                got: u64::MAX,
            },
        ),
        (
            "funds",
            plain(|t| t.value = U256::from(FUNDS)),
            Rejection::Funds {
                sender,
                balance,
                needed,
            },
        ),
        (
            "more than there are numbers",
            plain(|t| t.value = U256::MAX),
            Rejection::Funds {
                sender,
                balance,
                needed: U256::MAX,
            },
        ),
        (
            "fee",
            plain(|t| (t.max_fee_per_gas, t.max_priority_fee_per_gas) = (5, 5)),
            Rejection::FeeTooLow {
                offered: 5,
                base_fee: u128::from(BASE_FEE),
            },
        ),
        (
            "too little gas",
            plain(|t| t.gas_limit = 20_999),
            Rejection::GasLimit {
                offered: 20_999,
                least: 21_000,
                most: 4_000_000,
            },
        ),
        (
            "too little gas for the input",
            plain(|t| t.input = Bytes::from_static(&[1])),
            Rejection::GasLimit {
                offered: 21_000,
                least: 21_016,
                most: 4_000_000,
            },
        ),
        (
            "too much gas",
            plain(|t| t.gas_limit = u64::MAX),
            Rejection::GasLimit {
                offered: u64::MAX,
                least: 21_000,
                most: 4_000_000,
            },
        ),
    ];
    for (name, transaction, expected) in cases {
        check_is(name, transaction, expected);
    }
}

#[test]
fn a_used_nonce_is_named() {
    let mut chain = Chain::new();
    let transaction = plain(|_| ());
    assert!(chain.run(transaction.clone()).succeeded());
    let expected = Rejection::NonceTooLow {
        sender: who(0),
        next: 1,
        got: 0,
    };
    assert_eq!(chain.admit(&transaction), Err(expected));
}

#[test]
fn what_this_chain_does_not_take_is_refused_in_words() {
    let says = |text: &'static str| {
        move |rejection: Rejection| {
            let said = rejection.to_string();
            assert!(said.contains(text), "{said:?} does not say {text:?}");
        }
    };
    let delegating = TxEip7702 {
        chain_id: CHAIN.0,
        to: who(1),
        ..TxEip7702::default()
    };
    check("delegation", sign(&signer(0), delegating), says("0x04"));
    check(
        "creation",
        plain(|t| t.to = TxKind::Create),
        says("contracts cannot be created"),
    );
    check(
        "tip over fee",
        plain(|t| t.max_priority_fee_per_gas = u128::MAX),
        says("above max fee per gas"),
    );
    let refused = |change: fn(&mut TxEip1559)| {
        let mut transaction = call(bank(), &IBank::supplyOfCall { asset: XPL });
        change(&mut transaction);
        sign(&signer(0), transaction)
    };
    check(
        "selector",
        refused(|t| t.input = Bytes::from_static(&[1, 2, 3, 4])),
        says("has no function 0x01020304"),
    );
    check(
        "no selector",
        refused(|t| t.input = Bytes::new()),
        says("selector"),
    );
    check("empty", Bytes::new(), says("empty"));
    check(
        "noise",
        Bytes::from_static(&[0x70, 1, 2]),
        says("malformed"),
    );
    check(
        "long",
        alloc::vec![0x70; 200_000].into(),
        says("over the limit of 131072"),
    );
    check(
        "long",
        alloc::vec![2; 200_000].into(),
        says("over the limit of 131072"),
    );
}

#[test]
fn native_calls_are_refused_with_values_and_limits() {
    let bank = Interface::of(&Bank);
    let transfer = IBank::transferCall {
        asset: XPL,
        to: who(1),
        amount: U256::from(1),
    };
    let good = native(&bank, 0, &transfer);
    let signed = |call: &crate::NativeCall<'_>| {
        call.sign(&signer(0), CHAIN, GENESIS)
            .expect("it can be signed")
    };
    let now = Suite::TIME.0;
    let late = signed(&crate::NativeCall {
        expires_at: now - 1,
        ..good.clone()
    });
    check_is(
        "expired",
        late.to_bytes(),
        Rejection::Expired {
            expires_at: now - 1,
            now,
        },
    );

    let intrinsic = super::super::gas::intrinsic(&good.call);
    let most = U256::from(BASE_FEE) * U256::from(intrinsic);
    let cheap = signed(&crate::NativeCall {
        max_fee: most - U256::from(1),
        ..good.clone()
    });
    let fee = Rejection::FeeTooLow {
        offered: u128::from(BASE_FEE) - 1,
        base_fee: u128::from(BASE_FEE),
    };
    check_is("fee", cheap.to_bytes(), fee);

    let greedy = U256::from(FUNDS) + U256::from(1);
    let poor = signed(&crate::NativeCall {
        max_fee: greedy,
        ..good.clone()
    });
    check_is(
        "funds",
        poor.to_bytes(),
        Rejection::Funds {
            sender: who(0),
            balance: U256::from(FUNDS),
            needed: greedy,
        },
    );
    let endless = signed(&crate::NativeCall {
        max_fee: U256::MAX,
        ..good.clone()
    });
    check("all numbers", endless.to_bytes(), |got| {
        assert!(matches!(got, Rejection::Funds { .. }));
    });

    let nowhere = plasma_core::NativeTransaction {
        module: who(1),
        ..signed(&good)
    };
    check("module", nowhere.to_bytes(), |got| {
        assert!(matches!(got, Rejection::UnknownCall(_)));
    });
    let unknown = plasma_core::NativeTransaction {
        call: Bytes::from_static(&[1; 4]),
        ..signed(&good)
    };
    check("function", unknown.to_bytes(), |got| {
        assert!(matches!(got, Rejection::UnknownCall(_)));
    });
    let padded = [&transfer.abi_encode()[..], &[0]].concat().into();
    let padded = plasma_core::NativeTransaction {
        call: padded,
        ..signed(&good)
    };
    check("padding", padded.to_bytes(), |got| {
        assert!(got.to_string().contains("canonical"));
    });
}

#[test]
fn a_native_call_changed_or_signed_for_another_chain_is_nobodys() {
    let bank = Interface::of(&Bank);
    let transfer = IBank::transferCall {
        asset: XPL,
        to: who(1),
        amount: U256::from(1),
    };
    let call = native(&bank, 0, &transfer);
    let good = call
        .sign(&signer(0), CHAIN, GENESIS)
        .expect("it can be signed");
    let nobody = |got: Rejection| {
        assert!(
            format!("{got}").contains("an account that holds nothing"),
            "{got}"
        );
    };
    let more = IBank::transferCall {
        amount: U256::from(2),
        ..transfer
    };
    let cases = [
        plasma_core::NativeTransaction {
            nonce: 1,
            ..good.clone()
        },
        plasma_core::NativeTransaction {
            max_fee: good.max_fee + U256::from(1),
            ..good.clone()
        },
        plasma_core::NativeTransaction {
            expires_at: good.expires_at + 1,
            ..good.clone()
        },
        plasma_core::NativeTransaction {
            call: more.abi_encode().into(),
            ..good.clone()
        },
        call.sign(&signer(0), plasma_core::ChainId(1), GENESIS)
            .expect("it can be signed"),
        call.sign(&signer(0), CHAIN, alloy_primitives::B256::ZERO)
            .expect("it can be signed"),
    ];
    for tampered in cases {
        check("tampered", tampered.to_bytes(), nobody);
    }
    let high = Signature {
        s: alloy_primitives::B256::repeat_byte(0xf0),
        ..signer(0).sign(GENESIS)
    };
    check("signature", call.signed_with(high).to_bytes(), |got| {
        assert!(matches!(got, Rejection::Signature(_)), "{got}");
    });
}
