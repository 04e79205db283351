//! Added keys: what they may do, and all that they may not.

use alloc::{string::ToString, vec, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256};
use alloy_sol_types::{SolCall, SolError, SolEvent};
use plasma_core::{
    Ed25519Signer, Execution, NativeTransaction, Prover, PublicKey, Query, Receipt, Rejection,
    Reply, Status, Step,
};
use proptest::prelude::*;

use super::{chain::*, schemes::address};
use crate::{
    Bank, IBank, IBridge, IKeys, Interface, Keys, MAX_KEY_ASSETS, MAX_KEY_FUNCTIONS, MAX_KEYS,
    NativeCall, XPL, module_address,
};

const DAY: u64 = 86_400;
/// An XPL fee with room: what `native` offers.
const FEE: u64 = 500_000 * BASE_FEE;

fn key(n: u8) -> Ed25519Signer {
    Ed25519Signer::from_bytes(&B256::repeat_byte(n))
}

/// Everything of the bank for a day, with fees to pay and ten dollars to spend.
fn add(key: &impl Prover) -> IKeys::addCall {
    let public = key.public_key();
    IKeys::addCall {
        scheme: public.scheme() as u8,
        key: public.as_bytes().to_vec().into(),
        expiresAt: time() + DAY,
        modules: vec![bank()],
        functions: vec![FixedBytes::ZERO],
        assets: vec![XPL, DOLLAR],
        limits: vec![U256::from(100 * FEE), U256::from(10)],
        period: 0,
    }
}

fn time() -> u64 {
    plasma_core::conformance::execution::Suite::TIME.0
}

fn limit(key: &impl Prover, like: &IKeys::addCall) -> IKeys::limitCall {
    IKeys::limitCall {
        key: address(key),
        expiresAt: like.expiresAt,
        modules: like.modules.clone(),
        functions: like.functions.clone(),
        assets: like.assets.clone(),
        limits: like.limits.clone(),
        period: like.period,
    }
}

fn revoke(key: &impl Prover) -> IKeys::revokeCall {
    IKeys::revokeCall { key: address(key) }
}

fn dollars(amount: u64) -> IBank::transferCall {
    IBank::transferCall {
        asset: DOLLAR,
        to: who(1),
        amount: U256::from(amount),
    }
}

/// A chain whose account 0 has keys.
struct World {
    chain: Chain,
    nonce: u64,
}

impl World {
    fn new() -> Self {
        Self {
            chain: Chain::new(),
            nonce: 0,
        }
    }

    fn with(add: &IKeys::addCall) -> Self {
        let mut world = Self::new();
        let receipt = world.root("keys", add);
        assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
        world
    }

    fn next(&mut self) -> u64 {
        self.nonce += 1;
        self.nonce - 1
    }

    /// A call by the account's own key.
    fn root(&mut self, module: &str, call: &impl SolCall) -> Receipt {
        let nonce = self.next();
        let mut transaction = super::chain::call(module_address(module), call);
        transaction.nonce = nonce;
        transaction.gas_limit = 1_500_000;
        self.chain.run(sign(&signer(0), transaction))
    }

    /// A call of the bank by an added key, which the mempool took.
    fn by(&mut self, key: &impl Prover, call: &impl SolCall) -> Receipt {
        let nonce = self.next();
        let bytes = bank_call(key, nonce, call).to_bytes();
        let admission = self.chain.admit(&bytes).expect("it is admitted");
        assert_eq!(admission.sender, who(0));
        self.chain.run(bytes)
    }

    /// A call that is refused, by mempool and block alike; why.
    fn refused(&mut self, transaction: &NativeTransaction) -> Rejection {
        let (bytes, before) = (transaction.to_bytes(), self.chain.state.clone());
        let rejection = self.chain.admit(&bytes).expect_err("it is refused");
        let receipt = self.chain.run(bytes);
        assert_eq!(receipt.status, Status::Invalid);
        assert_eq!(receipt.reason, rejection.to_string());
        assert_eq!(self.chain.state, before);
        rejection
    }

    fn refused_for(&mut self, transaction: &NativeTransaction, words: &[&str]) {
        let rejection = self.refused(transaction);
        assert!(matches!(rejection, Rejection::Key(_)), "{rejection}");
        for word in words {
            assert!(rejection.to_string().contains(word), "{word}: {rejection}");
        }
    }

    fn ask<C: SolCall>(&self, call: &C) -> C::Return {
        let reply = self.chain.ask(&Query::Module {
            module: "keys".into(),
            input: call.abi_encode().into(),
        });
        let Reply::Bytes(bytes) = reply else {
            panic!("a module answers in bytes");
        };
        C::abi_decode_returns(&bytes).expect("it has the type")
    }

    fn of(&self, key: &impl Prover) -> IKeys::keyOfReturn {
        self.ask(&IKeys::keyOfCall {
            account: who(0),
            key: address(key),
        })
    }

    fn keys(&self) -> Vec<Address> {
        self.ask(&IKeys::keysOfCall { account: who(0) })
    }
}

fn call_of(
    interface: &Interface,
    key: &impl Prover,
    nonce: u64,
    call: &impl SolCall,
) -> NativeTransaction {
    native(interface, nonce, call)
        .sign_for(who(0), key, CHAIN, GENESIS)
        .expect("it can be signed")
}

fn bank_call(key: &impl Prover, nonce: u64, call: &impl SolCall) -> NativeTransaction {
    call_of(&Interface::of(&Bank), key, nonce, call)
}

#[test]
fn an_added_key_signs_as_the_account_within_its_limits() {
    let key = key(1);
    let mut world = World::with(&add(&key));
    assert_eq!(world.keys(), [address(&key)]);
    let before = world.chain.balance(XPL, who(0));
    let receipt = world.by(&key, &dollars(4));
    assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    // By the account, out of the account's holdings, at the account's cost.
    assert_eq!(receipt.logs[0].topics[2], who(0).into_word());
    assert_eq!(world.chain.balance(DOLLAR, who(0)), U256::from(996));
    let fee = U256::from(receipt.gas_used.0) * U256::from(receipt.gas_price);
    assert_eq!(world.chain.balance(XPL, who(0)), before - fee);
    let known = world.of(&key);
    assert_eq!(known.spent, [fee, U256::from(4)]);
    assert_eq!(known.publicKey, key.key().to_vec());
    assert_eq!((known.scheme, known.expiresAt), (1, time() + DAY));
    assert_eq!(known.limits, add(&key).limits);

    // Who shows it says which key it was.
    let bytes = bank_call(&key, 9, &dollars(1)).to_bytes();
    let view = world.chain.runtime.view(&world.chain.block, &bytes);
    let view = view.expect("it is a transaction");
    assert_eq!((view.sender, view.key), (who(0), Some(address(&key))));

    // Over the limit the call fails and is paid for; up to it, it does not.
    let receipt = world.by(&key, &dollars(7));
    assert_eq!(receipt.status, Status::Reverted);
    let expected = IKeys::OverLimit {
        asset: DOLLAR,
        limit: U256::from(10),
        spent: U256::from(4),
        amount: U256::from(7),
    };
    assert_eq!(receipt.output, expected.abi_encode());
    assert!(
        receipt.reason.contains("limit: 10, spent: 4, amount: 7"),
        "{}",
        receipt.reason
    );
    assert_eq!(world.by(&key, &dollars(6)).status, Status::Success);
    assert_eq!(world.by(&key, &dollars(1)).status, Status::Reverted);
    assert_eq!(world.chain.balance(DOLLAR, who(0)), U256::from(990));
    world.chain.audit();
}

#[test]
fn a_limit_counts_all_that_one_call_moves_and_what_is_undone_not_at_all() {
    let key = key(2);
    let mut world = World::with(&add(&key));
    let many = |amounts: &[u64]| IBank::transferManyCall {
        asset: DOLLAR,
        to: (0..amounts.len()).map(|n| who(n as u8 + 1)).collect(),
        amounts: amounts.iter().copied().map(U256::from).collect(),
    };
    assert_eq!(world.by(&key, &many(&[4, 4, 4])).status, Status::Reverted);
    assert_eq!(world.of(&key).spent[1], U256::ZERO);
    assert_eq!(world.by(&key, &many(&[4, 4, 2])).status, Status::Success);
    assert_eq!(world.of(&key).spent[1], U256::from(10));
    // To oneself nothing leaves.
    let own = IBank::transferCall {
        asset: DOLLAR,
        to: who(0),
        amount: U256::from(500),
    };
    assert_eq!(world.by(&key, &own).status, Status::Success);
    // What is not listed cannot be spent at all, and what has the highest limit without end.
    let mut other = add(&key);
    (other.assets, other.limits) = (vec![XPL], vec![U256::MAX]);
    assert_eq!(
        world.root("keys", &limit(&key, &other)).status,
        Status::Success
    );
    assert_eq!(world.by(&key, &dollars(1)).status, Status::Reverted);
    let xpl = IBank::transferCall {
        asset: XPL,
        to: who(1),
        amount: U256::from(FUNDS / 2),
    };
    assert_eq!(world.by(&key, &xpl).status, Status::Success);
    assert_eq!(world.of(&key).spent, [U256::ZERO]);
    world.chain.audit();
}

#[test]
fn what_a_module_takes_or_burns_counts_as_spent() {
    let key = key(3);
    let mut grant = add(&key);
    grant.modules = vec![Address::ZERO];
    let mut world = World::with(&grant);
    let trouble = Interface::of(&Trouble);
    let spend = |amount: u64| ITrouble::spendCall {
        asset: DOLLAR,
        amount: U256::from(amount),
    };
    let mut run = |interface: &Interface, call: &dyn Fn(&Interface, u64) -> NativeTransaction| {
        let nonce = world.next();
        world.chain.run(call(interface, nonce).to_bytes())
    };
    let taken = run(&trouble, &|it, nonce| call_of(it, &key, nonce, &spend(8)));
    assert_eq!(taken.status, Status::Success, "{}", taken.reason);
    let over = run(&trouble, &|it, nonce| call_of(it, &key, nonce, &spend(3)));
    assert!(over.reason.starts_with("OverLimit"), "{}", over.reason);
    let withdraw = IBridge::withdrawCall {
        asset: DOLLAR,
        recipient: who(1),
        amount: U256::from(3),
    };
    let bridge = Interface::of(&crate::BridgeModule);
    let over = run(&bridge, &|it, nonce| call_of(it, &key, nonce, &withdraw));
    assert!(over.reason.starts_with("OverLimit"), "{}", over.reason);
    world.chain.audit();
}

#[test]
fn fees_are_spent_too_and_an_empty_purse_signs_nothing() {
    let key = key(4);
    let mut grant = add(&key);
    grant.limits[0] = U256::from(FEE);
    let mut world = World::with(&grant);
    let receipt = world.by(&key, &dollars(1));
    let fee = U256::from(receipt.gas_used.0) * U256::from(receipt.gas_price);
    let nonce = world.next();
    let (left, most) = ((U256::from(FEE) - fee).to_string(), FEE.to_string());
    let words = [&*left, &*most, "raise the limit"];
    world.refused_for(&bank_call(&key, nonce, &dollars(1)), &words);
    // Offering no more than is left, it goes on.
    let bank = Interface::of(&Bank);
    let mut call = native(&bank, nonce, &dollars(1));
    call.max_fee = U256::from(FEE) - fee;
    let transaction = call.sign_for(who(0), &key, CHAIN, GENESIS).expect("signed");
    let receipt = world.chain.run(transaction.to_bytes());
    assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    // A key without a limit of XPL pays for nothing.
    let mut none = grant;
    (none.assets, none.limits) = (vec![DOLLAR], vec![U256::from(5)]);
    assert_eq!(
        world.root("keys", &limit(&key, &none)).status,
        Status::Success
    );
    let nonce = world.next();
    world.refused_for(&bank_call(&key, nonce, &dollars(1)), &["has 0 wei"]);
}

#[test]
fn limits_begin_anew_with_every_period() {
    let key = key(5);
    let mut grant = add(&key);
    (grant.expiresAt, grant.period) = (0, 100);
    let mut world = World::with(&grant);
    let begin = time();
    let at = |world: &mut World, seconds: u64| {
        world.chain.block.timestamp = plasma_core::Seconds(begin + seconds).timestamp();
    };
    assert_eq!(world.by(&key, &dollars(10)).status, Status::Success);
    at(&mut world, 99);
    assert_eq!(world.by(&key, &dollars(1)).status, Status::Reverted);
    at(&mut world, 100);
    assert_eq!(world.of(&key).spent, [U256::ZERO; 2]);
    assert_eq!(world.by(&key, &dollars(10)).status, Status::Success);
    assert_eq!(world.by(&key, &dollars(1)).status, Status::Reverted);
    // Periods follow one another without gaps: this one began at 300.
    at(&mut world, 399);
    assert_eq!(world.by(&key, &dollars(10)).status, Status::Success);
    at(&mut world, 400);
    assert_eq!(world.by(&key, &dollars(10)).status, Status::Success);
    // And without a period never.
    grant.period = 0;
    assert_eq!(
        world.root("keys", &limit(&key, &grant)).status,
        Status::Success
    );
    assert_eq!(world.by(&key, &dollars(10)).status, Status::Success);
    at(&mut world, 3_000);
    assert_eq!(world.by(&key, &dollars(1)).status, Status::Reverted);
}

#[test]
fn an_expired_key_signs_nothing() {
    let key = key(6);
    let mut world = World::with(&add(&key));
    world.chain.block.timestamp = plasma_core::Seconds(time() + DAY).timestamp();
    let mut call = native_lasting(&key, 1);
    assert!(world.chain.admit(&call.to_bytes()).is_ok());
    world.chain.block.timestamp = plasma_core::Seconds(time() + DAY + 1).timestamp();
    call = native_lasting(&key, 1);
    let (end, now) = ((time() + DAY).to_string(), (time() + DAY + 1).to_string());
    world.refused_for(&call, &["expired", &end, &now, "later expiry"]);
    // Nor can it be given a time that is over.
    let receipt = world.root("keys", &limit(&key, &add(&key)));
    assert!(
        receipt.reason.starts_with("ExpiredAlready"),
        "{}",
        receipt.reason
    );
}

fn native_lasting(key: &impl Prover, nonce: u64) -> NativeTransaction {
    let bank = Interface::of(&Bank);
    let mut call: NativeCall<'_> = native(&bank, nonce, &dollars(1));
    call.expires_at = u64::MAX;
    call.sign_for(who(0), key, CHAIN, GENESIS)
        .expect("it can be signed")
}

#[test]
fn a_key_calls_nothing_outside_its_scope() {
    let key = key(7);
    let mut grant = add(&key);
    grant.functions = vec![IBank::transferCall::SELECTOR.into()];
    let mut world = World::with(&grant);
    assert_eq!(world.by(&key, &dollars(1)).status, Status::Success);
    let many = IBank::transferManyCall {
        asset: DOLLAR,
        to: vec![who(1)],
        amounts: vec![U256::ONE],
    };
    let nonce = world.next();
    let selector = alloy_primitives::hex::encode_prefixed(IBank::transferManyCall::SELECTOR);
    world.refused_for(
        &bank_call(&key, nonce, &many),
        &[&selector, "widen its scope"],
    );
    let trouble = Interface::of(&Trouble);
    let write = ITrouble::writeCall {
        key: 1,
        value: Bytes::new(),
    };
    let transaction = call_of(&trouble, &key, nonce, &write);
    world.refused_for(&transaction, &[&trouble.address().to_string()]);
    // One that may call nothing is on hold.
    (grant.modules, grant.functions) = (Vec::new(), Vec::new());
    assert_eq!(
        world.root("keys", &limit(&key, &grant)).status,
        Status::Success
    );
    let nonce = world.next();
    world.refused_for(&bank_call(&key, nonce, &dollars(1)), &["may not call"]);
}

#[test]
fn a_key_that_may_call_everything_manages_no_keys() {
    let (key, other) = (key(8), key(9));
    let mut grant = add(&key);
    (grant.modules, grant.functions) = (
        vec![Address::ZERO, module_address("keys")],
        vec![FixedBytes::ZERO; 2],
    );
    (grant.expiresAt, grant.limits) = (0, vec![U256::MAX; 2]);
    let mut world = World::with(&grant);
    let keys = Interface::of(&Keys);
    let nonce = world.nonce;
    let words = ["the account's own key alone"];
    world.refused_for(&call_of(&keys, &key, nonce, &add(&other)), &words);
    world.refused_for(&call_of(&keys, &key, nonce, &limit(&key, &grant)), &words);
    world.refused_for(&call_of(&keys, &key, nonce, &revoke(&key)), &words);
    // Not through another module either: that calls in its own name, and modules have no keys.
    let mut as_module = add(&other);
    as_module.period = 1;
    let trouble = Interface::of(&Trouble);
    let through = ITrouble::addKeyCall {
        input: as_module.abi_encode().into(),
    };
    let receipt = world
        .chain
        .run(call_of(&trouble, &key, nonce, &through).to_bytes());
    assert_eq!(receipt.status, Status::Reverted);
    assert!(
        receipt.reason.starts_with("ModuleWithoutKeys"),
        "{}",
        receipt.reason
    );
    assert_eq!(world.keys(), [address(&key)]);
}

#[test]
fn a_revoked_key_signs_nothing_from_the_next_transaction_on() {
    let (one, two) = (key(10), key(11));
    let mut world = World::with(&add(&one));
    assert_eq!(world.root("keys", &add(&two)).status, Status::Success);
    let waiting = bank_call(&one, 9, &dollars(1));
    assert!(world.chain.admit(&waiting.to_bytes()).is_ok());
    let receipt = world.root("keys", &revoke(&one));
    let event =
        IKeys::Revoked::decode_raw_log(receipt.logs[0].topics.iter(), &receipt.logs[0].data);
    assert_eq!(event.map(|it| it.key), Ok(address(&one)));
    // In the same block.
    world.refused_for(&waiting, &["is none of", &who(0).to_string()]);
    assert_eq!(world.keys(), [address(&two)]);
    assert_eq!(world.by(&two, &dollars(1)).status, Status::Success);
    let receipt = world.root("keys", &revoke(&one));
    assert!(
        receipt.reason.starts_with("UnknownKey"),
        "{}",
        receipt.reason
    );
    // Nothing is left of keys that are gone, and they can come again, with nothing spent.
    let empty = world.chain.state.clone();
    assert_eq!(world.root("keys", &add(&one)).status, Status::Success);
    assert_eq!(world.of(&one).spent, [U256::ZERO; 2]);
    assert_eq!(world.root("keys", &revoke(&one)).status, Status::Success);
    let places = |state: &plasma_core::MemoryState| state.entries().len();
    assert_eq!(places(&world.chain.state), places(&empty));
}

#[test]
fn what_a_key_signed_counts_once_and_for_one_account() {
    let key = key(12);
    let mut world = World::with(&add(&key));
    // The same key is added to another account.
    let mut other = call(module_address("keys"), &add(&key));
    (other.nonce, other.gas_limit) = (0, 1_500_000);
    let receipt = world.chain.run(sign(&signer(2), other));
    assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    let transaction = bank_call(&key, 1, &dollars(1));
    assert_eq!(
        world.chain.run(transaction.to_bytes()).status,
        Status::Success
    );
    let again = world.refused(&transaction);
    assert!(matches!(again, Rejection::NonceTooLow { .. }), "{again}");
    // For the other account the digest is another: it is a signature of nobody's.
    let mut moved = bank_call(&key, 2, &dollars(1));
    moved.authorization.account = Some(who(2));
    assert!(matches!(world.refused(&moved), Rejection::Signature(_)));
    moved.authorization.account = None;
    assert!(matches!(world.refused(&moved), Rejection::Signature(_)));
    // The account's own key and its added ones take from one set of numbers.
    let mut taken = call(bank(), &dollars(1));
    taken.nonce = 1;
    let receipt = world.chain.run(sign(&signer(0), taken));
    assert!(
        receipt.reason.contains("nonce too low"),
        "{}",
        receipt.reason
    );
}

/// Whatever an added key does with the account's numbers, one is left for the account's own key.
#[test]
fn the_account_s_own_key_is_not_locked_out() {
    let key = key(13);
    let mut grant = add(&key);
    grant.limits[0] = U256::MAX;
    let mut world = World::with(&grant);
    for nonce in 2..257 {
        let receipt = world
            .chain
            .run(bank_call(&key, nonce, &dollars(0)).to_bytes());
        assert_eq!(
            receipt.status,
            Status::Success,
            "{nonce}: {}",
            receipt.reason
        );
    }
    let full = world.refused(&bank_call(&key, 257, &dollars(0)));
    assert!(matches!(full, Rejection::NonceTooHigh { .. }), "{full}");
    assert_eq!(world.root("keys", &revoke(&key)).status, Status::Success);
    assert_eq!(
        world.chain.ask(&Query::Nonce(who(0))),
        Reply::Word(U256::from(257))
    );
}

#[test]
fn keys_of_every_scheme_can_be_added() {
    let mut world = World::new();
    let provers = super::schemes::provers();
    for (name, prover, _) in &provers[1..] {
        // A passkey and a plain key of P-256 are keys of one scheme.
        let receipt = world.root("keys", &add(prover));
        assert_eq!(
            receipt.status,
            Status::Success,
            "{name}: {}",
            receipt.reason
        );
    }
    let wallet = signer(3);
    assert_eq!(world.root("keys", &add(&wallet)).status, Status::Success);
    for (name, prover, _) in &provers[1..] {
        let receipt = world.by(prover, &dollars(1));
        assert_eq!(
            receipt.status,
            Status::Success,
            "{name}: {}",
            receipt.reason
        );
    }
    assert_eq!(world.by(&wallet, &dollars(1)).status, Status::Success);
    assert_eq!(world.keys().len(), provers.len());
}

#[test]
fn what_is_no_key_or_too_much_is_refused_with_its_numbers() {
    let mut world = World::with(&add(&key(20)));
    let good = add(&key(21));
    let with = |change: &dyn Fn(&mut IKeys::addCall)| {
        let mut call = good.clone();
        change(&mut call);
        call
    };
    let own = PublicKey::Secp256k1(who(0));
    let too_many = MAX_KEY_FUNCTIONS + 1;
    let assets = MAX_KEY_ASSETS + 1;
    let mut long = [0x02; 33];
    long[1..].fill(0xff);
    let cases: Vec<(IKeys::addCall, &str)> = vec![
        (add(&key(20)), "KnownKey"),
        (with(&|it| it.scheme = 9), "scheme 9 is unknown"),
        (
            with(&|it| it.key = vec![1; 31].into()),
            "a key of 31 bytes is none of scheme 1; it has 32",
        ),
        (with(&|it| it.key = vec![0; 32].into()), "small order"),
        (
            with(&|it| it.key = B256::right_padding_from(&[2]).to_vec().into()),
            "InvalidKey",
        ),
        (
            with(&|it| (it.scheme, it.key) = (2, long.to_vec().into())),
            "no point of the curve",
        ),
        (
            with(&|it| (it.scheme, it.key) = (0, own.as_bytes().to_vec().into())),
            "RootKey",
        ),
        (with(&|it| it.expiresAt = 1), "ExpiredAlready(expiresAt: 1"),
        (
            with(&|it| it.functions.clear()),
            "LengthsDiffer(first: 1, second: 0",
        ),
        (
            with(&|it| it.limits.push(U256::ONE)),
            "LengthsDiffer(first: 2, second: 3",
        ),
        (with(&|it| it.assets[0] = DOLLAR), "AssetTwice"),
        (
            with(&|it| {
                it.modules = vec![bank(); too_many];
                it.functions = vec![FixedBytes::ZERO; too_many];
            }),
            "TooManyFunctions(functions: 17, most: 16)",
        ),
        (
            with(&|it| {
                it.assets = (0..assets)
                    .map(|n| Address::with_last_byte(n as u8))
                    .collect();
                it.limits = vec![U256::ONE; assets];
            }),
            "TooManyAssets(assets: 9, most: 8)",
        ),
    ];
    for (call, reason) in cases {
        let receipt = world.root("keys", &call);
        assert_eq!(receipt.status, Status::Reverted, "{reason}");
        assert!(
            receipt.reason.contains(reason),
            "{reason}: {}",
            receipt.reason
        );
    }
    let unknown = limit(&key(21), &good);
    assert!(
        world
            .root("keys", &unknown)
            .reason
            .starts_with("UnknownKey")
    );
    for n in 1..MAX_KEYS {
        let receipt = world.root("keys", &add(&key(20 + n as u8)));
        assert_eq!(receipt.status, Status::Success, "{}", receipt.reason);
    }
    let receipt = world.root("keys", &add(&key(99)));
    assert!(
        receipt.reason.contains("TooManyKeys(keys: 16, most: 16)"),
        "{}",
        receipt.reason
    );
    assert_eq!(world.keys().len(), MAX_KEYS);
}

/// What an added key does at random, and what the account does with its keys meanwhile.
#[derive(Clone, Debug)]
enum Act {
    Add(u8, u64),
    Limit(u8, u64),
    Revoke(u8),
    Spend(u8, u64),
    Many(u8, Vec<u64>),
    Own(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let (key, amount) = (0..3_u8, 0..12_u64);
    prop_oneof![
        2 => (key.clone(), amount.clone()).prop_map(|(key, limit)| Act::Add(key, limit)),
        1 => (key.clone(), amount.clone()).prop_map(|(key, limit)| Act::Limit(key, limit)),
        1 => key.clone().prop_map(Act::Revoke),
        6 => (key.clone(), amount.clone()).prop_map(|(key, amount)| Act::Spend(key, amount)),
        2 => (key, prop::collection::vec(amount.clone(), 0..4)).prop_map(|(key, amounts)| Act::Many(key, amounts)),
        1 => amount.prop_map(Act::Own),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: plasma_core::conformance::cases(24),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    /// Against a plain model of who may spend how much; and on many threads as in a fold.
    #[test]
    fn no_key_spends_more_than_its_limit(acts in prop::collection::vec(act(), 1..40)) {
        let mut world = World::new();
        let base = world.chain.state.clone();
        // What is left to each key; none where there is no such key.
        let mut left: [Option<u64>; 3] = [None; 3];
        let (mut sent, mut steps) = (0, Vec::new());
        for act in acts {
            let nonce = world.next();
            let root = |call: Vec<u8>, module: &str| {
                let mut transaction = to(module_address(module));
                (transaction.nonce, transaction.gas_limit) = (nonce, 1_500_000);
                transaction.input = call.into();
                sign(&signer(0), transaction)
            };
            let of = |key_: u8, limit: u64| {
                let mut call = add(&key(100 + key_));
                call.limits[1] = U256::from(limit);
                call
            };
            let (bytes, expected) = match act {
                Act::Add(n, limit) => {
                    let slot = &mut left[usize::from(n)];
                    let ok = slot.is_none();
                    if ok {
                        *slot = Some(limit);
                    }
                    let status = if ok { Status::Success } else { Status::Reverted };
                    (root(of(n, limit).abi_encode(), "keys"), status)
                }
                Act::Limit(n, to) => {
                    let slot = &mut left[usize::from(n)];
                    let status = if slot.is_some() { Status::Success } else { Status::Reverted };
                    *slot = slot.map(|_| to);
                    (root(limit(&key(100 + n), &of(n, to)).abi_encode(), "keys"), status)
                }
                Act::Revoke(n) => {
                    let known = left[usize::from(n)].take().is_some();
                    let status = if known { Status::Success } else { Status::Reverted };
                    (root(revoke(&key(100 + n)).abi_encode(), "keys"), status)
                }
                Act::Spend(..) | Act::Many(..) => {
                    let (n, amounts) = match act {
                        Act::Spend(n, amount) => (n, vec![amount]),
                        Act::Many(n, amounts) => (n, amounts),
                        _ => unreachable!("one of the two"),
                    };
                    let call = IBank::transferManyCall {
                        asset: DOLLAR,
                        to: vec![who(1); amounts.len()],
                        amounts: amounts.iter().copied().map(U256::from).collect(),
                    };
                    let sum: u64 = amounts.iter().sum();
                    let status = match &mut left[usize::from(n)] {
                        None => Status::Invalid,
                        Some(left) if *left < sum => Status::Reverted,
                        Some(left) => {
                            *left -= sum;
                            sent += sum;
                            Status::Success
                        }
                    };
                    (bank_call(&key(100 + n), nonce, &call).to_bytes(), status)
                }
                Act::Own(amount) => {
                    sent += amount;
                    (root(dollars(amount).abi_encode(), "bank"), Status::Success)
                }
            };
            let receipt = world.chain.run(bytes.clone());
            prop_assert_eq!(receipt.status, expected, "{}", receipt.reason);
            if expected == Status::Invalid {
                // Its number is still free.
                world.nonce -= 1;
            }
            steps.push(Step::Transaction(bytes));
        }
        prop_assert_eq!(world.chain.balance(DOLLAR, who(0)), U256::from(1_000 - sent));
        world.chain.audit();
        #[cfg(feature = "std")]
        super::spread::check(&base, &world.chain.block, &super::spread::block(steps));
    }
}
