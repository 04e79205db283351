//! The built-in fault-proof programs: what a transfer costs in the machine, and the largest segments that anyone can
//! make. Native execution and the machine are compared on the way.

#[path = "../../../plasma-exec/tests/guest/chain.rs"]
#[allow(dead_code)]
mod chain;
#[path = "../../../plasma-exec/tests/guest/dearest.rs"]
mod dearest;

use alloy_primitives::{TxKind, hex};
use plasma_core::{
    Address, B256, Bytes, Ed25519Signer, P256Signer, Proof, Prover, PublicKey, U256,
};
use plasma_exec::{
    Bank, EvmExecution, EvmGenesis, EvmGenesisAccount, IBank, IKeys, Interface, Keys,
    MACHINE_TRANSACTION_GAS, ModuleRuntime, NativeCall, SolCall as _, SolValue as _, XPL, sol,
};

use crate::{Failure, Figure, Options};
use chain::{CHAIN, Chain, block, program, sign, signer};

pub(crate) const NAMES: &[&str] = &[
    "guest.native_transfer_instructions",
    "guest.ed25519_transfer_instructions",
    "guest.secp256r1_transfer_instructions",
    "guest.passkey_transfer_instructions",
    "guest.added_key_transfer_instructions",
    "guest.erc20_transfer_instructions",
    "guest.largest_segment_instructions",
];

/// Transfers in one block.
const TRANSFERS: u64 = 100;
/// The bound on a segment.
const BOUND: u64 = 1 << 28;
const TEST_TOKEN: &str = include_str!("../../../plasma-bridge/contracts/artifacts/TestToken.json");

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let on = [
        "the transition's own reads and writes",
        "accelerated hashes and signatures",
    ];
    let mut figures = Vec::new();
    for (name, key) in NAMES.iter().zip(Key::ALL) {
        if options.wants(name) {
            figures.push(Figure::new(name, native(key)?, "instructions", &on));
        }
    }
    let [.., erc20_name, largest_name] = NAMES else {
        return Err("there are names".into());
    };
    if options.wants(erc20_name) {
        figures.push(Figure::new(erc20_name, erc20()?, "instructions", &on));
    }
    if options.wants(largest_name) {
        let (instructions, name) = largest(options)?;
        let detail = format!(
            "{name}; {:.0}% of the bound of 2^28",
            100.0 * instructions as f64 / BOUND as f64
        );
        figures.push(
            Figure::new(largest_name, instructions as f64, "instructions", &on).detail(detail),
        );
    }
    Ok(figures)
}

/// Instructions for each of these transactions in a block of their own, without opening it.
fn each(chain: &mut Chain<'_>, transactions: Vec<Bytes>) -> Result<f64, Failure> {
    let count = transactions.len() as u64;
    let (known, before) = (chain.instructions.len(), chain.statuses[0]);
    let block = block(&chain.head(), transactions, 0);
    chain.append(&[block]);
    // The block's begin and end are steps, too.
    if chain.statuses[0] - before != count + 2 {
        return Err("a transfer failed".into());
    }
    let executed: u64 = chain.instructions[known + 1..].iter().sum();
    Ok(executed as f64 / count as f64)
}

/// What signs native transfers, in the order of the names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Secp256k1,
    Ed25519,
    P256,
    Passkey,
    /// Of ed25519, for another account.
    Added,
}

impl Key {
    const ALL: [Self; 5] = [
        Self::Secp256k1,
        Self::Ed25519,
        Self::P256,
        Self::Passkey,
        Self::Added,
    ];

    fn prover(self, number: u64) -> Box<dyn Prover> {
        let secret = B256::repeat_byte(number as u8 + 1);
        let p256 = || P256Signer::from_bytes(&secret).expect("a scalar");
        match self {
            Self::Secp256k1 => Box::new(signer(number as u8)),
            Self::Ed25519 | Self::Added => Box::new(Ed25519Signer::from_bytes(&secret)),
            Self::P256 => Box::new(p256()),
            Self::Passkey => Box::new(Passkey(p256())),
        }
    }
}

/// A passkey in software.
struct Passkey(P256Signer);

impl Prover for Passkey {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn prove(&self, digest: B256) -> Proof {
        Proof::WebAuthn(self.0.assert(digest, "wallet.example"))
    }
}

/// Transfers by a hundred accounts, to one another.
fn native(key: Key) -> Result<f64, Failure> {
    let (program, runtime) = (program("modules"), ModuleRuntime::new());
    let provers: Vec<Box<dyn Prover>> = (0..TRANSFERS).map(|n| key.prover(n)).collect();
    let account = |n: u64| match key {
        Key::Added => signer(n as u8).address(),
        _ => provers[n as usize].public_key().address(),
    };
    let balances: Vec<String> = (0..TRANSFERS)
        .map(|n| format!("\"{}\":\"1000000000000000000000\"", account(n)))
        .collect();
    let genesis = format!("{{\"balances\":{{{}}}}}", balances.join(","));
    let mut chain = Chain::new(&runtime, &program, genesis.as_bytes());
    let (bank, keys) = (Interface::of(&Bank), Interface::of(&Keys));
    let (expires_at, genesis) = (chain.now().seconds().0 + 6_000, chain.genesis());
    let call = |module, call: Vec<u8>, nonce| NativeCall {
        module,
        call: call.into(),
        nonce,
        expires_at,
        max_fee: U256::from(1_000_000_000_000_000_u64),
    };
    if key == Key::Added {
        let add = |n: u64| -> Result<Bytes, Failure> {
            let public = provers[n as usize].public_key();
            let add = IKeys::addCall {
                scheme: public.scheme() as u8,
                key: Bytes::copy_from_slice(public.as_bytes()),
                expiresAt: expires_at,
                modules: vec![bank.address()],
                functions: vec![IBank::transferCall::SELECTOR.into()],
                assets: vec![XPL],
                limits: vec![U256::from(10).pow(U256::from(18))],
                period: 0,
            };
            let signed = call(&keys, add.abi_encode(), 0).sign(&signer(n as u8), CHAIN, genesis)?;
            Ok(signed.to_bytes())
        };
        each(
            &mut chain,
            (0..TRANSFERS).map(add).collect::<Result<_, _>>()?,
        )?;
    }
    let transfer = |n: u64| -> Result<Bytes, Failure> {
        let transfer = IBank::transferCall {
            asset: XPL,
            to: account(n * 7 % TRANSFERS),
            amount: U256::from(n + 1),
        };
        let call = call(&bank, transfer.abi_encode(), u64::from(key == Key::Added));
        let prover = &provers[n as usize];
        let signed = match key {
            Key::Added => call.sign_for(account(n), prover, CHAIN, genesis)?,
            _ => call.sign(prover, CHAIN, genesis)?,
        };
        Ok(signed.to_bytes())
    };
    let transactions: Result<_, _> = (0..TRANSFERS).map(transfer).collect();
    each(&mut chain, transactions?)
}

fn erc20() -> Result<f64, Failure> {
    let (program, execution) = (program("evm"), EvmExecution::new());
    let genesis = (0..100).fold(EvmGenesis::default(), |genesis, n| {
        genesis.with_balance(signer(n).address(), U256::from(10).pow(U256::from(21)))
    });
    let mut chain = Chain::new(&execution, &program, &genesis.to_json());
    let artifact: serde_json::Value = serde_json::from_str(TEST_TOKEN)?;
    let mut code = hex::decode(artifact["bytecode"].as_str().unwrap_or_default())?;
    let supply = U256::from(10).pow(U256::from(24));
    code.extend(("Token", "TKN", U256::from(18), supply).abi_encode_params());
    let gas = MACHINE_TRANSACTION_GAS;
    let create = sign(0, 0, TxKind::Create, U256::ZERO, code, gas);
    each(&mut chain, vec![create])?;
    let token = signer(0).address().create(0);
    // Everybody gets some first; then everybody sends some on.
    let call = |from: u8, nonce: u64, to: Address, amount: u64| {
        let amount = U256::from(amount);
        let input = transferCall { to, amount }.abi_encode();
        let to = TxKind::Call(token);
        sign(from, nonce, to, U256::ZERO, input, 100_000)
    };
    let spread = (1..100).map(|n| call(0, n, signer(n as u8).address(), 1_000));
    each(&mut chain, spread.collect())?;
    let transfers = (0..TRANSFERS).map(|n| {
        let from = (n % 99 + 1) as u8;
        let to = signer((n * 7 % 100) as u8).address();
        call(from, n / 99, to, n + 1)
    });
    each(&mut chain, transfers.collect())
}

/// The segment of the dearest transaction.
fn largest(options: &Options) -> Result<(u64, String), Failure> {
    let (program, execution) = (program("evm"), EvmExecution::new());
    let mut worst = (0, String::new());
    let gas = if options.quick {
        400_000
    } else {
        MACHINE_TRANSACTION_GAS
    };
    for dear in dearest::programs(gas) {
        let at = Address::repeat_byte(0xcc);
        let mut genesis = EvmGenesis::default().with_balance(signer(0).address(), U256::MAX >> 8);
        for (at, code) in dear.others.into_iter().chain([(at, dear.code)]) {
            let account = EvmGenesisAccount {
                code: code.into(),
                ..EvmGenesisAccount::default()
            };
            genesis.alloc.insert(at, account);
        }
        let mut chain = Chain::new(&execution, &program, &genesis.to_json());
        let transaction = sign(0, 0, TxKind::Call(at), U256::ZERO, dear.input, gas);
        let block = block(&chain.head(), vec![transaction], 0);
        chain.append(&[block]);
        let instructions = chain.instructions.iter().copied().max().unwrap_or(0);
        if instructions > worst.0 {
            worst = (instructions, format!("{}, {gas} gas", dear.name));
        }
    }
    if worst.0 >= BOUND {
        return Err(format!("{}: {} instructions are over 2^28", worst.1, worst.0).into());
    }
    Ok(worst)
}
