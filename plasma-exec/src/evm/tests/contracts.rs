//! What contracts do.

use alloc::{vec, vec::Vec};

use alloy_consensus::TxEip7702;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use alloy_sol_types::{SolCall, SolEvent, SolValue, sol};
use plasma_core::Status;

use super::*;
use crate::evm::predeploys::FACTORY;

sol! {
    function transfer(address to, uint256 amount) returns (bool);
    function balanceOf(address account) returns (uint256);
    event Transfer(address indexed from, address indexed to, uint256 value);
}

pub(super) const TEST_TOKEN: &str =
    include_str!("../../../../plasma-bridge/contracts/artifacts/TestToken.json");

#[test]
fn a_token_is_deployed_and_used() {
    let mut chain = Chain::new();
    let supply = U256::from(1_000);
    let code = [
        artifact(TEST_TOKEN),
        ("Gold", "GLD", U256::from(6), supply).abi_encode_params(),
    ]
    .concat();
    let receipt = chain.send(0, TxKind::Create, U256::ZERO, code);
    assert!(receipt.succeeded(), "{receipt:?}");
    let token = receipt.created.expect("a contract");
    assert_eq!(token, user(0).create(0));
    assert_eq!(chain.code(token), receipt.output);

    let (to, amount) = (user(5), U256::from(40));
    let receipt = chain.call(0, token, transferCall { to, amount }.abi_encode());
    assert!(receipt.succeeded(), "{receipt:?}");
    assert_eq!(receipt.logs.len(), 1);
    let log = &receipt.logs[0];
    let event = Transfer::decode_raw_log(log.topics.iter().copied(), &log.data).expect("an event");
    assert_eq!(
        (log.address, event.from, event.to, event.value),
        (token, user(0), to, amount)
    );

    let held = |account| {
        let outcome = chain.ask(token, balanceOfCall { account }.abi_encode());
        balanceOfCall::abi_decode_returns(&outcome.output).expect("a number")
    };
    assert_eq!((held(user(0)), held(to)), (U256::from(960), amount));

    // More than there is: paid for, undone, and the contract's own error given.
    let too_much = transferCall {
        to: user(1),
        amount: U256::from(41),
    }
    .abi_encode();
    let receipt = chain.call(5, token, too_much);
    assert_eq!(receipt.status, Status::Reverted);
    assert!(receipt.gas_used.0 > 21_000 && receipt.logs.is_empty());
    // ERC20InsufficientBalance(address,uint256,uint256)
    assert!(
        receipt
            .reason
            .starts_with("execution reverted: custom error 0xe450d38c")
    );
    assert_eq!(receipt.output.len(), 100);
    assert_eq!(chain.nonce(user(5)), 1);
}

#[test]
fn out_of_gas_takes_all_gas_and_leaves_nothing() {
    let mut chain = Chain::new();
    // JUMPDEST, PUSH0, JUMP
    let endless = chain.deploy(&hex!("5b5f56"));
    let mut transaction = ordinary(1, endless.into(), U256::from(5), []);
    transaction.gas_limit = 100_000;
    let receipt = chain.transactions([sign(0, transaction)]).remove(0);
    assert_eq!(
        (receipt.status, receipt.gas_used.0),
        (Status::Reverted, 100_000)
    );
    assert_eq!(receipt.reason, "out of gas");
    assert_eq!(chain.balance(endless), U256::ZERO);
}

#[test]
fn storage_is_set_changed_and_cleared() {
    let mut chain = Chain::new();
    // Slot CALLDATA[0..32] takes CALLDATA[32..64]: PUSH1 32 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE
    let contract = chain.deploy(&hex!("6020355f3555"));
    let entries = chain.state.entries().len();
    let input = |slot: u64, value: u64| (U256::from(slot), U256::from(value)).abi_encode();
    let mut gas = Vec::new();
    for (slot, value) in [(1, 5), (1, 6), (1, 0), (2, 7)] {
        let receipt = chain.call(0, contract, input(slot, value));
        assert_eq!(chain.slot(contract, slot), U256::from(value));
        gas.push(receipt.gas_used.0);
    }
    // A cleared slot has no entry.
    assert_eq!(chain.state.entries().len(), entries + 1 + /* history */ 4);
    let set = gas[0];
    assert!(
        set > gas[1] && gas[1] > gas[2],
        "set, change, clear with a refund: {gas:?}"
    );
    // Within one block each transaction's first access is cold, and refunds are those of its own changes.
    let nonce = chain.nonce(user(0));
    let same_block =
        [(3, 5), (3, 6), (3, 0), (2, 0)]
            .iter()
            .zip(nonce..)
            .map(|((slot, value), nonce)| {
                sign(
                    0,
                    ordinary(nonce, contract.into(), U256::ZERO, input(*slot, *value)),
                )
            });
    let receipts = chain.transactions(same_block.collect::<Vec<_>>());
    let seen: Vec<u64> = receipts.iter().map(|receipt| receipt.gas_used.0).collect();
    assert_eq!(seen[..3], gas[..3]);
    assert_eq!(
        (chain.slot(contract, 2), chain.slot(contract, 3)),
        (U256::ZERO, U256::ZERO)
    );
}

#[test]
fn create2_puts_a_contract_where_everyone_expects_it() {
    let mut chain = Chain::new();
    let (salt, code) = (B256::repeat_byte(5), init_code(&hex!("5f546001015f5500")));
    let input: Bytes = [salt.as_slice(), &code].concat().into();
    let receipt = chain.call(0, FACTORY, input.clone());
    let created = FACTORY.create2_from_code(salt, &code);
    assert_eq!(receipt.output, Bytes::copy_from_slice(created.as_slice()));
    assert_eq!(
        chain.code(created),
        Bytes::from_static(&hex!("5f546001015f5500"))
    );
    assert_eq!(chain.nonce(created), 1);
    let again = chain.call(0, FACTORY, input);
    assert_eq!(again.status, Status::Reverted);
    chain.call(0, created, []);
    assert_eq!(chain.slot(created, 0), U256::from(1));
}

#[test]
fn self_destruct_ends_only_what_the_same_transaction_created() {
    let mut chain = Chain::new();
    let heir = Address::repeat_byte(0xcc);
    let suicide = [push(heir), vec![0xff]].concat();
    let old = chain.deploy(&suicide);
    chain.send(0, old.into(), ether(2), []);
    let receipt = chain.call(0, old, []);
    assert!(receipt.succeeded());
    // Its XPL has gone with the first call already; the contract stays (EIP-6780).
    assert_eq!(
        (chain.balance(heir), chain.balance(old)),
        (ether(2), U256::ZERO)
    );
    assert_eq!(chain.code(old), Bytes::from(suicide.clone()));

    // Init code that writes a slot, then destroys itself: PUSH1 1 PUSH0 SSTORE, SELFDESTRUCT.
    let entries = chain.state.entries().len();
    let code = [hex!("60015f55").to_vec(), suicide].concat();
    let receipt = chain.send(0, TxKind::Create, ether(1), code);
    let gone = receipt.created.expect("an address");
    assert_eq!(chain.balance(heir), ether(3));
    assert_eq!((chain.nonce(gone), chain.slot(gone, 0)), (0, U256::ZERO));
    assert_eq!(chain.state.entries().len(), entries + /* history */ 1);
}

#[test]
fn an_address_destroyed_is_created_anew_in_the_same_block() {
    let mut chain = Chain::new();
    // Init code: slot 0 += 1; if the value sent is zero, self-destruct, else leave one byte of code.
    // PUSH0 SLOAD PUSH1 1 ADD PUSH0 SSTORE CALLVALUE PUSH1 0x0f JUMPI PUSH0 SELFDESTRUCT(...) JUMPDEST PUSH1 1 PUSH0 RETURN
    let code = hex!("5f546001015f5534600e575fff005b60015ff3");
    let created = FACTORY.create2_from_code(B256::ZERO, code);
    let input: Bytes = [B256::ZERO.as_slice(), &code].concat().into();
    let values = [0_u64, 0, 9, 0];
    let receipts = chain.transactions(values.iter().zip(0..).map(|(value, nonce)| {
        sign(
            0,
            ordinary(nonce, FACTORY.into(), U256::from(*value), input.clone()),
        )
    }));
    let done: Vec<bool> = receipts.iter().map(Receipt::succeeded).collect();
    assert_eq!(done, [true, true, true, false], "{receipts:?}");
    assert_eq!(
        chain.slot(created, 0),
        U256::from(1),
        "it found nothing of its predecessors"
    );
    assert_eq!(
        (chain.balance(created), chain.code(created).len()),
        (U256::from(9), 1)
    );
}

#[test]
fn an_account_delegates_replaces_and_ends_it() {
    let mut chain = Chain::new();
    let count = chain.deploy(&hex!("5f546001015f5500"));
    let stop = chain.deploy(&hex!("00"));
    let entries = chain.state.entries().len();
    let authority = user(3);
    let authorize = |chain: &mut Chain, to: Address, nonce: u64, chain_id: u64| {
        let authorization = Authorization {
            chain_id: U256::from(chain_id),
            address: to,
            nonce,
        };
        let transaction = TxEip7702 {
            chain_id: CHAIN.0,
            nonce: chain.nonce(user(0)),
            gas_limit: 200_000,
            max_fee_per_gas: 100 * GWEI,
            to: authority,
            authorization_list: vec![authorize(3, authorization)],
            ..TxEip7702::default()
        };
        let receipt = chain.transactions([sign(0, transaction)]).remove(0);
        assert!(receipt.succeeded(), "{receipt:?}");
        (
            chain.code(authority),
            chain.slot(authority, 0).to::<u64>(),
            chain.nonce(authority),
        )
    };
    let designator = |to: Address| Bytes::from([&hex!("ef0100"), to.as_slice()].concat());
    // Delegates, and the call of the same transaction runs the code in the account's own storage.
    assert_eq!(
        authorize(&mut chain, count, 0, CHAIN.0),
        (designator(count), 1, 1)
    );
    // Of another chain, or with a used nonce: ignored, while the transaction goes on.
    assert_eq!(authorize(&mut chain, stop, 1, 1), (designator(count), 2, 1));
    assert_eq!(authorize(&mut chain, stop, 0, 0), (designator(count), 3, 1));
    // For all chains.
    assert_eq!(authorize(&mut chain, stop, 1, 0), (designator(stop), 3, 2));
    // To the zero address: ended.
    assert_eq!(
        authorize(&mut chain, Address::ZERO, 2, CHAIN.0),
        (Bytes::new(), 3, 3)
    );
    // Delegations are part of the account: all that is left is its slot, and the history of five blocks.
    assert_eq!(chain.state.entries().len(), entries + 1 + 5);
    // A delegated account may still send (EIP-3607 is about contracts).
    assert_eq!(
        authorize(&mut chain, count, 3, CHAIN.0),
        (designator(count), 4, 4)
    );
    assert!(chain.send(3, user(1).into(), U256::from(1), []).succeeded());
}
