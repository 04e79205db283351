//! Payments, which count for less than their gas when a block is cut into segments: the dearest that anyone can make take
//! no more than that.

use alloy_primitives::TxKind;
use plasma_core::*;
use plasma_exec::{
    Bank, IBank, INSTRUCTIONS_PER_GAS, Interface, ModuleRuntime, NativeCall, SolCall, XPL, gas,
    module_address,
};

use super::chain::{CHAIN, Chain, Dice, block, program, sign, signer};

/// Payments in a block.
const COUNT: u8 = 24;
/// How deep each account stands in the state: a segment full of such takes 2^56 hashes to find.
const DEPTH: usize = 96;
/// What a block takes by itself.
const BLOCK: u64 = 3_000_000;

/// An account's key in the state, with others beside it, so that it stands so deep; nobody has to find them here.
fn deep(key: StateKey, dice: &mut Dice) -> Changes {
    let beside = |level: usize| {
        let mut other = key;
        other[level / 8] ^= 0x80 >> (level % 8);
        for byte in &mut other[level / 8 + 1..] {
            *byte = dice.below(256) as u8;
        }
        (other, Some(Bytes::from_static(b"beside")))
    };
    (0..DEPTH).map(beside).collect()
}

/// The state in which all that payments touch stands deep.
fn neighbours(accounts: &[Address]) -> Changes {
    let mut dice = Dice::new(7);
    let place: Map<Address, u8> = Map::new("accounts");
    let keys = accounts.iter().map(|address| place.key(address));
    let market: Item<u8> = Item::new("fees/market");
    let mut all = Changes::new();
    for key in keys.chain([market.key()]) {
        all.extend(deep(key, &mut dice));
    }
    all
}

fn ed25519(n: u8) -> Ed25519Signer {
    Ed25519Signer::from_bytes(&B256::repeat_byte(n + 1))
}

fn p256(n: u8) -> P256Signer {
    P256Signer::from_bytes(&B256::repeat_byte(n + 1)).expect("a scalar")
}

fn payee(n: u8) -> Address {
    Address::repeat_byte(n + 100)
}

/// All that anybody has, so that numbers are long.
fn config(accounts: &[Address]) -> Vec<u8> {
    let funds = (U256::MAX >> 9_usize).to_string();
    let balances: Vec<String> = accounts
        .iter()
        .map(|address| format!("\"{address}\":\"{funds}\""))
        .collect();
    format!("{{\"balances\":{{{}}}}}", balances.join(",")).into_bytes()
}

/// A call of the bank, signed.
fn native(key: &impl Prover, genesis: B256, to: Address, amount: U256, nonce: u64) -> Bytes {
    let call = IBank::transferCall {
        asset: XPL,
        to,
        amount,
    };
    NativeCall {
        module: &Interface::of(&Bank),
        call: call.abi_encode().into(),
        nonce,
        expires_at: u64::MAX,
        max_fee: U256::from(u64::MAX),
    }
    .sign(key, CHAIN, genesis)
    .expect("the bank has the function")
    .to_bytes()
}

/// Makes somebody's payment, on the chain with this genesis.
type Make<'a> = Box<dyn Fn(u8, B256) -> Bytes + 'a>;

#[test]
fn a_payment_takes_no_more_instructions_than_its_work_allows() {
    const PER_WORK: u64 = INSTRUCTIONS_PER_GAS / gas::WORK;
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    let everybody: Vec<Address> = (0..COUNT)
        .flat_map(|n| {
            let keys = [ed25519(n).public_key(), p256(n).public_key()];
            let own = keys.map(|key| key.address());
            [signer(n).address(), own[0], own[1], payee(n)]
        })
        .collect();
    let neighbours = neighbours(&everybody);
    // Long numbers are dear to write and to read.
    let amount = U256::MAX >> 12_usize;
    let pay = |n: u8, to: Address, nonce: u64, amount: U256, input: Vec<u8>| {
        sign(n, nonce, TxKind::Call(to), amount, input, 100_000)
    };
    let transfer = |n: u8, amount| {
        let to = payee(n);
        let asset = XPL;
        IBank::transferCall { asset, to, amount }.abi_encode()
    };
    let forms: [(&str, Make<'_>); 8] = [
        (
            "of Ethereum's",
            Box::new(|n, _| pay(n, payee(n), 0, amount, vec![])),
        ),
        (
            "that nobody can pay for",
            Box::new(|n, _| pay(n, payee(n), 0, U256::MAX, vec![])),
        ),
        (
            "whose nonce is far away",
            Box::new(|n, _| pay(n, payee(n), 1 << 60, amount, vec![])),
        ),
        (
            "by a call of the bank",
            Box::new(|n, _| {
                pay(
                    n,
                    module_address("bank"),
                    0,
                    U256::ZERO,
                    transfer(n, amount),
                )
            }),
        ),
        (
            "by a call of the bank that fails",
            Box::new(|n, _| {
                pay(
                    n,
                    module_address("bank"),
                    0,
                    U256::ZERO,
                    transfer(n, U256::MAX),
                )
            }),
        ),
        (
            "native",
            Box::new(|n, genesis| native(&signer(n), genesis, payee(n), amount, 0)),
        ),
        (
            "native, by Ed25519",
            Box::new(|n, genesis| native(&ed25519(n), genesis, payee(n), amount, 0)),
        ),
        (
            "native, by P-256",
            Box::new(|n, genesis| native(&p256(n), genesis, payee(n), amount, 0)),
        ),
    ];
    let mut over = Vec::new();
    for (name, make) in &forms {
        let mut chain = Chain::beside(&runtime, &program, &config(&everybody), &neighbours);
        let genesis = chain.genesis();
        let transactions: Vec<Bytes> = (0..COUNT).map(|n| make(n, genesis)).collect();
        let work: Vec<u64> = transactions
            .iter()
            .map(|bytes| chain.work(&Step::Transaction(bytes.clone())))
            .collect();
        let block = block(&chain.head(), transactions, 0);
        chain.append(&[block]);
        let taken = chain.instructions[1..].iter().sum::<u64>();
        let each = taken.saturating_sub(BLOCK) / u64::from(COUNT);
        let foretold = work[0] * PER_WORK;
        println!(
            "{each:>9} instructions each of {foretold:>9} foretold, {taken} in all: payments {name}"
        );
        assert!(work.iter().all(|one| *one == work[0]), "{name}: {work:?}");
        assert!(
            work[0] < gas::WORK * 100_000,
            "{name} counts for less than it declares"
        );
        let all = BLOCK + PER_WORK * work.iter().sum::<u64>();
        if taken > all {
            over.push(format!("{name}: {taken} instructions over {all}"));
        }
    }
    assert!(over.is_empty(), "{over:#?}");
}
