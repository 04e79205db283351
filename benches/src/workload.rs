//! Signed transfers as wallets make them.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Signature, TxKind};
use plasma_core::{
    Address, B256, Bytes, ChainId, Ed25519Signer, Prover as _, Signer, U256, keccak256,
};
use plasma_exec::{Bank, IBank, Interface, NativeCall, SolCall as _, XPL};
use plasma_sdk::bench::in_parallel;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use crate::Failure;

pub(crate) const CHAIN: ChainId = ChainId(4_242);
/// The base fee at genesis, and the least there is: what a transfer offers means the same in every
/// block.
pub(crate) const BASE_FEE: u64 = 1_000_000_000;
/// What every account begins with, in wei.
pub(crate) const FUNDS: u128 = 10_u128.pow(27);
/// What a native transfer may use: what it does, under any scheme of signatures, and some more.
const NATIVE_GAS: u64 = 100_000;

/// The keys of so many people.
pub(crate) fn signers(people: usize) -> Vec<Signer> {
    let key = |n: usize| keccak256([b"plasma bench".as_slice(), &n.to_be_bytes()].concat());
    let keys: Vec<B256> = (0..people).map(key).collect();
    let signers = in_parallel(&keys, Signer::from_bytes);
    signers.into_iter().flatten().collect()
}

/// Signs as a wallet does.
pub(crate) fn signed(signer: &Signer, transaction: TxEip1559) -> Bytes {
    let signature = signer.sign(transaction.signature_hash());
    let signature = Signature::new(signature.r.into(), signature.s.into(), signature.v == 28);
    EthereumTxEnvelope::<TxEip4844>::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// How a transfer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// XPL, by an EIP-1559 transaction.
    Ethereum,
    /// XPL, by a native call of the bank module, signed as EIP-712 typed data.
    Native,
    /// The same, signed by keys of ed25519 for their own accounts.
    Ed25519,
}

impl Kind {
    /// How many of them a client sends at once: the larger a batch of ed25519, the less time each signature in it takes.
    pub(crate) fn batch(self) -> usize {
        match self {
            Self::Ethereum | Self::Native => 250,
            Self::Ed25519 => 1_000,
        }
    }
}

/// People who send each other XPL, each as likely to send and to receive as any other.
pub(crate) struct Crowd {
    signers: Vec<Signer>,
    /// The accounts of ed25519 of the same people.
    others: Vec<Ed25519Signer>,
    /// The next nonce of each.
    nonces: Vec<u64>,
    random: SmallRng,
}

pub(crate) struct Transfer<'a> {
    pub(crate) from: &'a Signer,
    /// The sender's key of ed25519.
    pub(crate) other: Option<&'a Ed25519Signer>,
    pub(crate) nonce: u64,
    pub(crate) to: Address,
    pub(crate) amount: U256,
    pub(crate) tip: u64,
    pub(crate) base_fee: u64,
    pub(crate) expires_at: u64,
}

impl Crowd {
    /// So many, with new accounts.
    pub(crate) fn new(people: usize) -> Self {
        Self {
            signers: signers(people),
            others: Vec::new(),
            nonces: vec![0; people],
            random: SmallRng::seed_from_u64(1),
        }
    }

    /// So many, with accounts of ed25519 as well.
    pub(crate) fn with_ed25519(people: usize) -> Self {
        let mut crowd = Self::new(people);
        let key = |n: usize| keccak256([b"plasma bench 2".as_slice(), &n.to_be_bytes()].concat());
        let keys: Vec<B256> = (0..people).map(key).collect();
        crowd.others = in_parallel(&keys, Ed25519Signer::from_bytes);
        crowd
    }

    /// So many, most young and some who sent up to a thousand transactions before.
    pub(crate) fn aged(people: usize) -> Self {
        let mut crowd = Self::new(people);
        for nonce in &mut crowd.nonces {
            let most = 1 << crowd.random.random_range(0..10_u32);
            *nonce = crowd.random.random_range(0..most);
        }
        crowd
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        let others = self.others.iter().map(|key| key.public_key().address());
        self.signers.iter().map(Signer::address).chain(others)
    }

    /// Their next `count` transfers, in an order in which a chain with strict nonces takes them too.
    pub(crate) fn transfers(
        &mut self,
        kind: Kind,
        count: usize,
        base_fee: u64,
        now: u64,
        genesis: B256,
    ) -> Result<Vec<Bytes>, Failure> {
        let Self {
            signers,
            others,
            nonces,
            random,
        } = self;
        let transfers: Vec<Transfer<'_>> = (0..count)
            .map(|_| {
                let sender = random.random_range(0..signers.len());
                let nonce = nonces[sender];
                nonces[sender] += 1;
                Transfer {
                    from: &signers[sender],
                    other: others.get(sender),
                    nonce,
                    to: signers[random.random_range(0..signers.len())].address(),
                    amount: amount(random),
                    tip: BASE_FEE * [1, 1, 1, 1, 2, 3][random.random_range(0..6)] / 2,
                    base_fee,
                    // Signed some seconds ago, for ten minutes.
                    expires_at: now + 600 - random.random_range(0..4),
                }
            })
            .collect();
        let bank = Interface::of(&Bank);
        in_parallel(&transfers, |transfer| match kind {
            Kind::Ethereum => Ok(transfer.ethereum()),
            Kind::Native | Kind::Ed25519 => transfer.native(&bank, genesis, kind),
        })
        .into_iter()
        .collect()
    }
}

impl Transfer<'_> {
    pub(crate) fn ethereum(&self) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: CHAIN.0,
            nonce: self.nonce,
            gas_limit: 21_000,
            // Wallets offer twice the base fee.
            max_fee_per_gas: u128::from(2 * self.base_fee + self.tip),
            max_priority_fee_per_gas: self.tip.into(),
            to: TxKind::Call(self.to),
            value: self.amount,
            ..TxEip1559::default()
        };
        signed(self.from, transaction)
    }

    fn native(&self, bank: &Interface, genesis: B256, kind: Kind) -> Result<Bytes, Failure> {
        let call = IBank::transferCall {
            asset: XPL,
            to: self.to,
            amount: self.amount,
        };
        let call = NativeCall {
            module: bank,
            call: call.abi_encode().into(),
            nonce: self.nonce,
            expires_at: self.expires_at,
            max_fee: U256::from(self.base_fee) * U256::from(NATIVE_GAS),
        };
        let signed = match kind {
            Kind::Ed25519 => {
                let other = self.other.ok_or("a crowd without keys of ed25519")?;
                call.sign(other, CHAIN, genesis)?
            }
            _ => call.sign(self.from, CHAIN, genesis)?,
        };
        Ok(signed.to_bytes())
    }
}

/// What people send: mostly a few digits, now and then some odd number; never so much that somebody
/// runs out of [`FUNDS`].
fn amount(random: &mut SmallRng) -> U256 {
    let digits: u64 = match random.random_range(0..20) {
        0..10 => random.random_range(1..100),
        10..16 => random.random_range(1..1_000),
        16..19 => random.random_range(1..100_000),
        _ => return U256::from(random.random_range(1..u64::MAX)),
    };
    U256::from(digits) * U256::from(10).pow(U256::from(random.random_range(14..19)))
}
