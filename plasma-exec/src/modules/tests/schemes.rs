//! Accounts of every scheme of signatures.

use alloc::{boxed::Box, format, string::ToString, vec, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256};
use plasma_core::{
    Ed25519Signer, Execution, NativeTransaction, P256Signer, Proof, Prover, PublicKey, Receipt,
    Rejection, Status, Step, WebAuthnProof,
};
use proptest::prelude::*;

use super::chain::*;
use crate::{Bank, IBank, Interface, XPL, gas};

/// A passkey in software.
pub(super) struct Passkey(pub(super) P256Signer);

impl Prover for Passkey {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn prove(&self, digest: B256) -> Proof {
        Proof::WebAuthn(self.0.assert(digest, "wallet.example"))
    }
}

fn p256(n: u8) -> P256Signer {
    P256Signer::from_bytes(&B256::repeat_byte(n)).expect("a valid scalar")
}

/// A key of each scheme, and what a proof by it costs beyond one of secp256k1.
pub(super) fn provers() -> Vec<(&'static str, Box<dyn Prover>, u64)> {
    let passkey = Passkey(p256(0x52));
    let Proof::WebAuthn(WebAuthnProof {
        authenticator_data,
        client_data_rest,
        ..
    }) = passkey.prove(B256::ZERO)
    else {
        panic!("a passkey asserts");
    };
    let bytes = (authenticator_data.len() + client_data_rest.len()) as u64;
    vec![
        ("secp256k1", Box::new(signer(0)), 0),
        (
            "ed25519",
            Box::new(Ed25519Signer::from_bytes(&B256::repeat_byte(0x51))),
            gas::ED25519,
        ),
        ("secp256r1", Box::new(p256(0x51)), gas::P256),
        (
            "a passkey",
            Box::new(passkey),
            gas::P256 + gas::ASSERTION_BYTE * bytes,
        ),
    ]
}

pub(super) fn address(prover: &impl Prover) -> Address {
    prover.public_key().address()
}

/// A transfer of XPL to account 4.
fn transfer(prover: &impl Prover, nonce: u64, amount: u64) -> NativeTransaction {
    let bank = Interface::of(&Bank);
    let call = IBank::transferCall {
        asset: XPL,
        to: who(4),
        amount: U256::from(amount),
    };
    native(&bank, nonce, &call)
        .sign(prover, CHAIN, GENESIS)
        .expect("the bank has the function")
}

/// A chain on which all the provers' accounts have something.
pub(super) fn funded() -> Chain {
    let mut chain = Chain::new();
    for (nonce, (_, prover, _)) in provers().iter().enumerate().skip(1) {
        let mut payment = to(address(prover));
        payment.nonce = nonce as u64 - 1;
        payment.value = U256::from(FUNDS / 10);
        let receipt = chain.run(sign(&signer(1), payment));
        assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    }
    chain
}

#[test]
fn every_scheme_pays_from_the_account_of_its_key() {
    let mut chain = funded();
    let mut used = Vec::new();
    for (name, prover, extra) in provers() {
        let transaction = transfer(&prover, 0, 7).to_bytes();
        let admission = chain.admit(&transaction).expect(name);
        assert_eq!(admission.sender, address(&prover), "{name}");
        let before = chain.balance(XPL, admission.sender);
        let receipt = chain.run(transaction.clone());
        assert_eq!(
            receipt.status,
            Status::Success,
            "{name}: {}",
            receipt.reason
        );
        let paid = U256::from(receipt.gas_used.0) * U256::from(receipt.gas_price);
        assert_eq!(
            chain.balance(XPL, admission.sender),
            before - paid - U256::from(7),
            "{name}"
        );
        used.push(receipt.gas_used.0 - extra);
        let again = chain.run(transaction.clone());
        assert!(
            again.reason.contains("nonce too low"),
            "{name}: {}",
            again.reason
        );
        let view = chain.runtime.view(&chain.block, &transaction).expect(name);
        assert_eq!((view.sender, view.key), (address(&prover), None), "{name}");
    }
    // The input differs in nothing, so the rest costs the same but for the first payment to account 4.
    assert!(used.windows(2).all(|pair| pair[0] == pair[1]), "{used:?}");
}

/// What was signed for one chain, account or purpose is of no use elsewhere.
#[test]
fn what_was_signed_elsewhere_is_nobodys() {
    let chain = funded();
    let bank = Interface::of(&Bank);
    let call = IBank::transferCall {
        asset: XPL,
        to: who(4),
        amount: U256::ONE,
    };
    let call = native(&bank, 0, &call);
    for (name, prover, _) in provers() {
        let other_chain = call.sign(&prover, plasma_core::ChainId(1), GENESIS);
        let other_genesis = call.sign(&prover, CHAIN, B256::ZERO);
        let own = address(&prover);
        let with_account = call.sign_for(own, &prover, CHAIN, GENESIS);
        for transaction in [other_chain, other_genesis] {
            let bytes = transaction.expect("it can be signed").to_bytes();
            let error = chain.admit(&bytes).expect_err(name);
            assert!(matches!(error, Rejection::Signature(_)), "{name}: {error}");
        }
        // A key signs for its own account in one way.
        let bytes = with_account.expect("it can be signed").to_bytes();
        let error = chain.admit(&bytes).expect_err(name);
        assert!(
            error.to_string().contains(&own.to_string()),
            "{name}: {error}"
        );
        // And what it signed for itself counts for nobody else, nor the other way round.
        let mut moved = transfer(&prover, 0, 1);
        moved.authorization.account = Some(who(2));
        assert!(chain.admit(&moved.to_bytes()).is_err(), "{name}");
    }
}

#[test]
fn proofs_that_hold_for_nothing_say_why() {
    let chain = funded();
    let all = provers();
    let proof = |n: usize| transfer(&all[n].1, 0, 1);
    let with = |n: usize, change: &dyn Fn(&mut Proof)| {
        let mut transaction = proof(n);
        change(&mut transaction.authorization.proof);
        let error = chain
            .admit(&transaction.to_bytes())
            .expect_err("it is hostile");
        assert!(matches!(error, Rejection::Signature(_)), "{error}");
        error.to_string()
    };
    let ed25519 = |change: &dyn Fn(&mut plasma_core::Ed25519Proof)| {
        with(1, &|proof| match proof {
            Proof::Ed25519(proof) => change(proof),
            _ => panic!("{proof:?}"),
        })
    };
    assert!(ed25519(&|it| it.s.0[0] ^= 1).contains("did not sign"));
    assert!(ed25519(&|it| it.key = B256::repeat_byte(0xfb)).contains("ed25519"));
    let p256 = |change: &dyn Fn(&mut plasma_core::P256Proof)| {
        with(2, &|proof| match proof {
            Proof::P256(proof) => change(proof),
            _ => panic!("{proof:?}"),
        })
    };
    assert!(p256(&|it| it.s.0[9] ^= 1).contains("did not sign"));
    assert!(p256(&|it| it.s.0[0] |= 0x80).contains("upper half"));
    assert!(p256(&|it| it.r = B256::ZERO).contains("no public key fits"));
    let passkey = |change: &dyn Fn(&mut WebAuthnProof)| {
        with(3, &|proof| match proof {
            Proof::WebAuthn(proof) => change(proof),
            _ => panic!("{proof:?}"),
        })
    };
    assert!(
        passkey(&|it| it.authenticator_data = Bytes::new())
            .contains("0 bytes is outside 37 to 256")
    );
    assert!(passkey(&|it| it.authenticator_data = vec![0; 37].into()).contains("present"));
    assert!(
        passkey(&|it| it.client_data_rest = vec![b'"'; 2_000].into()).contains("over the limit")
    );
}

/// An account of a key of small order is anybody's, as one whose private key is published: native and machine agree.
#[test]
fn a_key_of_small_order_is_an_account_for_which_anybody_signs() {
    let mut chain = funded();
    let mut one = B256::ZERO;
    one.0[0] = 1;
    let proof = plasma_core::Ed25519Proof {
        key: B256::ZERO,
        r: one,
        s: B256::ZERO,
    };
    let anybody = plasma_core::ed25519_address(proof.key);
    let mut payment = to(anybody);
    payment.value = U256::from(FUNDS / 10);
    let receipt = chain.run(sign(&signer(2), payment));
    assert_eq!(receipt.status, Status::Success);
    let mut transaction = transfer(&signer(0), 0, 5);
    transaction.authorization = Proof::Ed25519(proof).into();
    let receipt = chain.run(transaction.to_bytes());
    assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    assert_eq!(chain.balance(XPL, who(4)), U256::from(FUNDS + 5));
}

/// Blocks with and without signatures checked ahead: the same receipts and state.
fn prepared_or_not(transactions: &[Bytes]) -> Vec<Receipt> {
    let run = |prepare: bool| {
        let mut chain = funded();
        if prepare {
            chain.runtime.prepare(transactions);
        }
        let receipts: Vec<Receipt> = transactions
            .iter()
            .map(|bytes| chain.step(&Step::Transaction(bytes.clone())))
            .collect();
        (receipts, chain.state)
    };
    let (receipts, state) = run(false);
    assert_eq!(run(true), (receipts.clone(), state));
    receipts
}

#[test]
fn signatures_are_checked_ahead_in_batches_and_remembered() {
    let (chain, all) = (funded(), provers());
    let transactions: Vec<Bytes> = (0..200)
        .map(|n: u64| transfer(&all[(n % 4) as usize].1, n / 4, n + 1).to_bytes())
        .collect();
    let before = chain.runtime.known.count();
    // The chain is known from the transactions that funded the accounts.
    chain.admit(&transactions[0]).expect("it is good");
    chain.runtime.prepare(&transactions);
    assert_eq!(chain.runtime.known.count() - before, 200);
    let receipts = prepared_or_not(&transactions);
    let good = receipts.iter().filter(|it| it.status == Status::Success);
    assert_eq!(good.count(), 200);
}

#[test]
fn many_are_admitted_as_they_are_one_by_one() {
    let all = provers();
    let mut transactions: Vec<NativeTransaction> = (0..160)
        .map(|n: u64| transfer(&all[(n % 4) as usize].1, n / 4, n + 1))
        .collect();
    for (n, spoilt) in transactions.iter_mut().enumerate() {
        match n % 20 {
            3 => spoilt.expires_at = 1,
            7 => spoilt.max_fee = U256::ONE,
            9 => spoilt.call = Bytes::from_static(b"none"),
            11 => spoilt.nonce = 100_000,
            // Not what was signed.
            13..=15 => spoilt.nonce += 1,
            _ => {}
        }
    }
    let mut transactions: Vec<Bytes> = transactions
        .iter()
        .map(NativeTransaction::to_bytes)
        .collect();
    transactions.extend([Bytes::new(), Bytes::from_static(b"noise")]);
    let (together, apart) = (funded(), funded());
    for _ in 0..2 {
        let answers = together
            .runtime
            .admit_all(&together.state, &together.block, &transactions);
        let expected: Vec<_> = transactions.iter().map(|one| apart.admit(one)).collect();
        assert_eq!(answers, expected);
        let good = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!((80..160).contains(&good), "{good}");
    }
}

#[test]
fn bad_signatures_among_good_ones_are_found_and_not_remembered() {
    let (chain, all) = (funded(), provers());
    let mut transactions: Vec<NativeTransaction> =
        (0..120).map(|n| transfer(&all[1].1, n, n + 1)).collect();
    for n in [0, 33, 34, 119] {
        let Proof::Ed25519(proof) = &mut transactions[n].authorization.proof else {
            panic!("it is of ed25519");
        };
        proof.s.0[3] ^= 4;
    }
    let transactions: Vec<Bytes> = transactions
        .iter()
        .map(NativeTransaction::to_bytes)
        .collect();
    let _ = chain.admit(&transactions[0]);
    let before = chain.runtime.known.count();
    chain.runtime.prepare(&transactions);
    assert_eq!(chain.runtime.known.count() - before, 116);
    let receipts = prepared_or_not(&transactions);
    for (n, receipt) in receipts.iter().enumerate() {
        let bad = [0, 33, 34, 119].contains(&n);
        assert_eq!(
            receipt.status == Status::Success,
            !bad,
            "{n}: {}",
            receipt.reason
        );
    }
}

#[test]
fn gas_is_asked_for_before_a_signature_is_looked_at() {
    let chain = funded();
    for (name, prover, extra) in provers().into_iter().skip(1) {
        let bank = Interface::of(&Bank);
        let call = IBank::transferCall {
            asset: XPL,
            to: who(4),
            amount: U256::ONE,
        };
        let mut call = native(&bank, 0, &call);
        // Enough for a signature of secp256k1.
        call.max_fee = U256::from(BASE_FEE) * U256::from(gas::intrinsic(&call.call) + extra - 1);
        let mut transaction = call
            .sign(&prover, CHAIN, GENESIS)
            .expect("it can be signed");
        // Nobody's.
        transaction.nonce = 9;
        let error = chain.admit(&transaction.to_bytes()).expect_err(name);
        assert!(
            matches!(error, Rejection::FeeTooLow { .. }),
            "{name}: {error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: plasma_core::conformance::cases(12),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn checking_ahead_changes_nothing(
        picks in prop::collection::vec((0..4_usize, 0..40_u64, any::<prop::sample::Index>(), 0..6_u8), 0..60),
    ) {
        let all = provers();
        let transactions: Vec<Bytes> = picks
            .into_iter()
            .map(|(who, nonce, at, how)| {
                let mut bytes = transfer(&all[who].1, nonce, nonce + 1).to_bytes().to_vec();
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] ^= 1,
                    1 => bytes.truncate(at),
                    _ => {}
                }
                bytes.into()
            })
            .collect();
        prepared_or_not(&transactions);
    }
}

/// The digest is signed under a domain whose salt is the account, so that wallets show it.
#[test]
fn the_digest_for_an_account_is_the_one_that_alloy_computes() {
    use alloy_sol_types::SolStruct as _;

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
    }
    let bank = Interface::of(&Bank);
    let (to, amount, account) = (who(3), U256::from(9), who(2));
    let asset = DOLLAR;
    let call = native(&bank, 4, &IBank::transferCall { asset, to, amount });
    let expected = Transfer {
        asset,
        to,
        amount,
        nonce: 4,
        expires_at: call.expires_at,
        max_fee: call.max_fee,
        genesis_hash: GENESIS,
    };
    let domain = alloy_sol_types::eip712_domain! {
        name: "Plasma",
        version: "1",
        chain_id: CHAIN.0,
        verifying_contract: bank.address(),
        salt: account.into_word(),
    };
    let digest = call.digest_for(Some(account), CHAIN, GENESIS);
    assert_eq!(digest, Ok(expected.eip712_signing_hash(&domain)));
    let data = call
        .typed_data_for(Some(account), CHAIN, GENESIS)
        .expect("it can be signed");
    assert_eq!(data["domain"]["salt"], format!("{:?}", account.into_word()));
    assert_eq!(data["types"]["EIP712Domain"][4]["name"], "salt");
}
