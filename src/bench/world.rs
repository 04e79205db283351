//! Who takes part, and how they sign.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction as _, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718 as _;
use plasma_core::{Address, B256, Bytes, ChainId, Signer, Timestamp, U256, keccak256};

use super::{Workload, times::in_parallel};

/// The XPL that everybody begins with, in wei.
pub const FUNDS: u128 = 10_u128.pow(27);
/// What everybody begins with of each token.
pub(super) const TOKENS: u128 = 10_u128.pow(18);
/// What each pool begins with of each token.
pub(super) const RESERVE: u128 = 10_u128.pow(18);
/// What everybody puts into their order book of each token, out of [`TOKENS`].
pub(super) const DEPOSIT: u128 = 10_u128.pow(15);
/// The base fee at genesis, and the least there is, in wei.
pub(super) const BASE_FEE: u64 = 1_000_000_000;
/// The gas of a block: more than any uses.
pub(super) const BLOCK_GAS: u64 = 1 << 40;
/// When the chain begins: always the same, so that a seed gives the same state roots everywhere.
pub(super) const BIRTH: Timestamp = Timestamp(1_800_000_000_000);
const CHAIN: ChainId = ChainId(4_242);

/// The most pools and order books; where there are fewer people, one for each.
const MOST_POOLS: usize = 64;
const MOST_BOOKS: usize = 16;

/// People, and what they share.
pub struct World {
    workload: Workload,
    signers: Vec<Signer>,
}

impl World {
    /// So many people, at least two, always the same.
    pub fn new(workload: Workload, people: usize) -> Self {
        let key = |n: usize| keccak256([b"plasma bench".as_slice(), &n.to_be_bytes()].concat());
        let keys: Vec<B256> = (0..people.max(2)).map(key).collect();
        let signers = in_parallel(&keys, Signer::from_bytes);
        Self {
            workload,
            signers: signers.into_iter().flatten().collect(),
        }
    }

    /// What they are going to do.
    pub fn workload(&self) -> Workload {
        self.workload
    }

    /// The chain that they sign for.
    pub fn chain(&self) -> ChainId {
        CHAIN
    }

    /// How many they are.
    pub fn people(&self) -> usize {
        self.signers.len()
    }

    /// Somebody's key.
    pub fn signer(&self, person: usize) -> &Signer {
        &self.signers[person]
    }

    /// Somebody's account.
    pub fn address(&self, person: usize) -> Address {
        self.signers[person].address()
    }

    /// Everybody's account, in order.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.signers.iter().map(Signer::address)
    }

    /// How many pools there are.
    pub fn pools(&self) -> usize {
        self.people().min(MOST_POOLS)
    }

    /// How many order books there are.
    pub fn books(&self) -> usize {
        self.people().min(MOST_BOOKS)
    }

    /// The pool in which somebody swaps.
    pub fn pool_of(&self, person: usize) -> usize {
        person % self.pools()
    }

    /// The order book in which somebody trades.
    pub fn book_of(&self, person: usize) -> usize {
        person % self.books()
    }

    /// Signs an EIP-1559 transaction, as a wallet does.
    pub fn sign(&self, person: usize, nonce: u64, call: EthereumCall) -> Bytes {
        let transaction = TxEip1559 {
            chain_id: CHAIN.0,
            nonce,
            gas_limit: call.gas_limit,
            // Wallets offer twice the base fee.
            max_fee_per_gas: u128::from(2 * BASE_FEE),
            max_priority_fee_per_gas: 1_000,
            to: call.to.map_or(alloy_primitives::TxKind::Create, Into::into),
            value: call.value,
            input: call.input,
            ..TxEip1559::default()
        };
        let signature = self.signers[person].sign(transaction.signature_hash());
        let signature = alloy_primitives::Signature::new(
            signature.r.into(),
            signature.s.into(),
            signature.v == 28,
        );
        EthereumTxEnvelope::<TxEip4844>::from(transaction.into_signed(signature))
            .encoded_2718()
            .into()
    }
}

/// What an Ethereum transaction does.
#[derive(Clone, Debug, Default)]
pub struct EthereumCall {
    /// Whom it calls; `None` to create a contract.
    pub to: Option<Address>,
    /// XPL sent along, in wei.
    pub value: U256,
    /// The most gas.
    pub gas_limit: u64,
    /// What with.
    pub input: Bytes,
}

/// Everybody's next nonce.
#[derive(Clone, Debug)]
pub struct Nonces(Vec<u64>);

impl Nonces {
    pub(super) fn new(people: usize) -> Self {
        Self(vec![0; people])
    }

    /// Somebody's next one, which is used by this.
    pub fn next(&mut self, person: usize) -> u64 {
        let nonce = self.0[person];
        self.0[person] += 1;
        nonce
    }
}
