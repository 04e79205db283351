//! What tests of executions of Ethereum's transactions share: signers, transactions, a chain, and blocks of any kind that on
//! many threads must be their folds.

mod chain;
mod world;

use alloc::vec::Vec;

use alloy_consensus::{SignableTransaction, Signed, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use alloy_sol_types::{SolCall, sol};
use plasma_core::{
    ChainId, Execution, InboxMessage, MessageKind, Receipt, Seconds, Signer, Status, Step,
    conformance::execution::Suite,
};

pub(crate) use chain::{Chain, PROPOSER, Tested};
pub(crate) use world::{Action, Case, World, any_action, by, withdraw};

use super::Envelope;

sol! {
    function transfer(address to, uint256 amount) returns (bool);
    function withdraw(address asset, address recipient, uint256 amount);
}

pub(crate) const CHAIN: ChainId = ChainId(77);
pub(crate) const GWEI: u128 = 1_000_000_000;

pub(crate) fn ether(count: u64) -> U256 {
    U256::from(count) * U256::from(10_u64.pow(18))
}

/// The signer of this number; at genesis the first ten have 1,000 XPL each.
pub(crate) fn signer(number: u8) -> Signer {
    Signer::from_bytes(&B256::with_last_byte(number + 1)).expect("a valid scalar")
}

pub(crate) fn user(number: u8) -> Address {
    signer(number).address()
}

/// The signature of this number's signer.
pub(crate) fn signature(number: u8, hash: B256) -> Signature {
    let signature = signer(number).sign(hash);
    Signature::new(signature.r.into(), signature.s.into(), signature.v == 28)
}

pub(crate) fn sign<T: SignableTransaction<Signature>>(number: u8, transaction: T) -> Bytes
where
    Envelope: From<Signed<T>>,
{
    let signature = signature(number, transaction.signature_hash());
    Envelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// A transaction of EIP-1559 with plenty of everything.
pub(crate) fn ordinary(nonce: u64, to: TxKind, value: U256, input: impl Into<Bytes>) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN.0,
        nonce,
        gas_limit: 3_000_000,
        max_fee_per_gas: 100 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to,
        value,
        access_list: Vec::new().into(),
        input: input.into(),
    }
}

pub(crate) fn deposit(index: u64, asset: Address, to: Address, amount: U256, data: &[u8]) -> Step {
    Step::Message(InboxMessage {
        kind: MessageKind::Deposit,
        index,
        sender: Address::repeat_byte(0x5e),
        to,
        asset,
        amount,
        timestamp: Seconds(1),
        deadline: Seconds(2),
        data: data.to_vec().into(),
    })
}

pub(crate) fn forced(index: u64, transaction: &[u8]) -> Step {
    let Step::Message(message) =
        deposit(index, Address::ZERO, Address::ZERO, U256::ZERO, transaction)
    else {
        unreachable!("a deposit is a message")
    };
    Step::Message(InboxMessage {
        kind: MessageKind::Transaction,
        ..message
    })
}

/// Somebody who is not there yet.
pub(crate) fn stranger(n: u64) -> Address {
    Address::left_padding_from(&(n + 1_000_000).to_be_bytes())
}

pub(crate) fn words(one: u64, other: u64) -> Vec<u8> {
    [one, other]
        .map(|word| U256::from(word).to_be_bytes::<32>())
        .concat()
}

/// A call of an ERC-20 that gives somebody so much.
pub(crate) fn tokens(to: Address, amount: u64) -> Vec<u8> {
    let amount = U256::from(amount);
    transferCall { to, amount }.abi_encode()
}

/// A call of the bridge that sends so much to the root.
pub(crate) fn withdrawal(asset: Address, recipient: Address, amount: U256) -> Vec<u8> {
    let call = withdrawCall {
        asset,
        recipient,
        amount,
    };
    call.abi_encode()
}

/// Between a block's beginning and its end.
pub(crate) fn block(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    core::iter::once(Step::Begin)
        .chain(steps)
        .chain([Step::End])
        .collect()
}

/// Holds an execution to what all of them keep to, over these blocks and so much noise: how each of their steps ended.
pub(crate) fn conform(
    execution: &dyn Execution,
    genesis: &[u8],
    blocks: &[Vec<Step>],
    noise: u32,
) -> Vec<Vec<Status>> {
    let suite = Suite::new(execution, CHAIN, genesis);
    let receipts = suite.check(blocks);
    suite.check_noise(blocks, noise);
    let of_block = |receipts: &Vec<Receipt>| receipts.iter().map(|one| one.status).collect();
    receipts.iter().map(of_block).collect()
}
