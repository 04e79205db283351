//! What comes in from the root, and what goes out.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use alloy_sol_types::{SolCall, SolEvent, sol};
use plasma_core::{OutgoingMessage, Status};

use super::*;
use crate::evm::predeploys::{
    DepositCallFailed, DepositFinalized, L2_BRIDGE, MessageSent, SYSTEM, SYSTEM_CALL_GAS,
};

sol! {
    function balanceOf(address account) returns (uint256);
    function tokenOf(address asset) returns (address);
    function sendMessage(
        uint64 destination,
        address recipient,
        address asset,
        uint256 amount,
        uint64 gas,
        uint64 expiry,
        address refund,
        bytes payload
    );
    function deposit(address asset, address sender, address to, uint256 amount, bytes data);
}

const XPL: Address = Address::ZERO;
const GOLD: Address = Address::repeat_byte(0x60);
const DEPOSITOR: Address = Address::repeat_byte(0x5e);

/// Keeps what it is called with: the caller in slot 0, the first words in slots 1 to 6.
fn recorder() -> Vec<u8> {
    let mut code = hex!("335f55").to_vec();
    for word in 0..6_u8 {
        // PUSH1 offset CALLDATALOAD PUSH1 slot SSTORE
        code.extend([0x60, 4 + 32 * word, 0x35, 0x60, word + 1, 0x55]);
    }
    code
}

impl Chain {
    fn token(&self, asset: Address) -> Address {
        let outcome = self.ask(L2_BRIDGE, tokenOfCall { asset }.abi_encode());
        tokenOfCall::abi_decode_returns(&outcome.output).expect("an address")
    }

    fn held(&self, asset: Address, account: Address) -> U256 {
        let outcome = self.ask(self.token(asset), balanceOfCall { account }.abi_encode());
        if outcome.output.is_empty() {
            return U256::ZERO;
        }
        balanceOfCall::abi_decode_returns(&outcome.output).expect("a number")
    }
}

#[test]
fn the_predeploys_of_the_contracts_sources_are_those_here() {
    let here = include_str!("../predeploys/L2Bridge.json");
    let there = include_str!("../../../../plasma-bridge/contracts/artifacts/L2Bridge.json");
    let code = |json: &str| {
        let artifact: serde_json::Value = serde_json::from_str(json).expect("an artifact");
        artifact["deployedBytecode"].clone()
    };
    assert_eq!(code(here), code(there));
    // What it emits is what is read here.
    let artifact: serde_json::Value = serde_json::from_str(here).expect("an artifact");
    let abi: alloy_json_abi::JsonAbi =
        serde_json::from_value(artifact["abi"].clone()).expect("an ABI");
    let emitted = abi.event("MessageSent").expect("the event")[0].selector();
    assert_eq!(emitted, MessageSent::SIGNATURE_HASH);
}

#[test]
fn xpl_is_credited_whoever_gets_it() {
    let mut chain = Chain::new();
    let nobody = Address::repeat_byte(0xaa);
    let receipts = chain.block([
        deposit(
            0,
            XPL,
            nobody,
            ether(5),
            b"ignored by an account without code",
        ),
        deposit(1, XPL, user(0), ether(1), b""),
        deposit(2, XPL, nobody, U256::MAX, b""),
        deposit(3, XPL, Address::repeat_byte(0xbb), U256::ZERO, b""),
    ]);
    let statuses: Vec<Status> = receipts.iter().map(|receipt| receipt.status).collect();
    assert_eq!(
        statuses,
        [
            Status::Success,
            Status::Success,
            Status::Invalid,
            Status::Success
        ]
    );
    assert!(receipts[2].reason.contains("2^256"));
    assert_eq!(
        (chain.balance(nobody), chain.balance(user(0))),
        (ether(5), ether(1_001))
    );
    assert_eq!(receipts[0].gas_used.0, 0);
    let log = &receipts[0].logs[0];
    let event =
        DepositFinalized::decode_raw_log(log.topics.iter().copied(), &log.data).expect("an event");
    assert_eq!(
        (log.address, event.to, event.amount),
        (L2_BRIDGE, nobody, ether(5))
    );
    assert_eq!(
        (event.asset, event.sender, event.token),
        (XPL, DEPOSITOR, Address::ZERO)
    );
    // It can be spent in the same block.
    let rich = deposit(4, XPL, user(20), ether(2), b"");
    let spend = sign(20, ordinary(0, nobody.into(), ether(1), []));
    let receipts = chain.block([rich, Step::Transaction(spend)]);
    assert!(receipts[1].succeeded());
    assert_eq!(chain.balance(nobody), ether(6));
}

#[test]
fn a_contract_is_called_with_what_came_with_xpl() {
    let mut chain = Chain::new();
    let contract = chain.deploy(&recorder());
    let receipt = chain
        .block([deposit(0, XPL, contract, ether(5), b"hello")])
        .remove(0);
    assert!(receipt.succeeded() && receipt.gas_used.0 > 0, "{receipt:?}");
    assert_eq!(chain.balance(contract), ether(5));
    let word = |address: Address| U256::from_be_slice(address.as_slice());
    let seen: Vec<U256> = (0..7).map(|slot| chain.slot(contract, slot)).collect();
    let expected = [
        word(L2_BRIDGE),
        word(XPL),
        U256::ZERO,
        word(DEPOSITOR),
        ether(5),
        U256::from(0xa0),
        U256::from(5),
    ];
    assert_eq!(seen, expected);
    // Without data nobody is called.
    let other = chain.deploy(&recorder());
    chain.block([deposit(1, XPL, other, ether(1), b"")]);
    assert_eq!(
        (chain.balance(other), chain.slot(other, 0)),
        (ether(1), U256::ZERO)
    );
}

#[test]
fn a_receiver_that_fails_keeps_what_it_got() {
    let mut chain = Chain::new();
    // Reverts; loops for ever; is no code at all.
    let receivers = [&hex!("5f5ffd")[..], &hex!("5b5f56"), &hex!("fe")];
    for (code, index) in receivers.into_iter().zip(0..) {
        let contract = chain.deploy(code);
        for asset in [XPL, GOLD] {
            let amount = U256::from(70 + index);
            let receipt = chain
                .block([deposit(index, asset, contract, amount, b"x")])
                .remove(0);
            assert!(receipt.succeeded(), "{receipt:?}");
            assert!(receipt.gas_used.0 <= SYSTEM_CALL_GAS);
            let log = receipt.logs.last().expect("a log");
            let failed = DepositCallFailed::decode_raw_log(log.topics.iter().copied(), &log.data);
            assert_eq!(failed.expect("the event").to, contract);
        }
        assert_eq!(chain.balance(contract), U256::from(70 + index));
        assert_eq!(chain.held(GOLD, contract), U256::from(70 + index));
    }
}

#[test]
fn a_token_is_created_with_its_first_deposit_and_withdrawn() {
    let mut chain = Chain::new();
    let receipts = chain.block([
        deposit(0, GOLD, user(1), U256::from(100), b""),
        deposit(1, GOLD, user(1), U256::from(11), b""),
        deposit(2, GOLD, user(2), U256::from(5), b"no code, no call"),
    ]);
    assert!(receipts.iter().all(Receipt::succeeded), "{receipts:?}");
    let [first, second] = [receipts[0].gas_used.0, receipts[1].gas_used.0];
    assert!(
        first > 4 * second && first < SYSTEM_CALL_GAS - 500_000,
        "{first}, {second}"
    );
    assert_eq!(chain.held(GOLD, user(1)), U256::from(111));
    assert_eq!(chain.held(GOLD, user(2)), U256::from(5));

    let amount = U256::from(41);
    let withdraw = |recipient, amount| withdrawal(GOLD, recipient, amount);
    let receipt = chain.call(1, L2_BRIDGE, withdraw(user(8), amount));
    assert!(receipt.succeeded(), "{receipt:?}");
    let message = OutgoingMessage {
        destination: ChainId(0),
        sender: user(1),
        recipient: user(8),
        asset: GOLD,
        amount,
        gas: 0,
        expiry: 0,
        refund: Address::ZERO,
        bundle: B256::ZERO,
        payload: Bytes::new(),
    };
    assert_eq!(receipt.messages, [message]);
    assert_eq!(chain.held(GOLD, user(1)), U256::from(70));

    let too_much = chain.call(1, L2_BRIDGE, withdraw(user(8), U256::from(71)));
    assert_eq!(
        (too_much.status, too_much.messages.len()),
        (Status::Reverted, 0)
    );
    // Only the node deposits.
    let forged = depositCall {
        asset: GOLD,
        sender: user(1),
        to: user(1),
        amount,
        data: Bytes::new(),
    };
    assert_eq!(
        chain.call(1, L2_BRIDGE, forged.abi_encode()).status,
        Status::Reverted
    );
    assert_eq!(chain.nonce(SYSTEM), 0);
}

#[test]
fn xpl_that_leaves_is_burned() {
    let mut chain = Chain::new();
    let (amount, before) = (ether(7), chain.balance(user(0)));
    let input = withdrawal(XPL, user(9), amount);
    let receipt = chain.send(0, L2_BRIDGE.into(), amount, input.clone());
    assert!(receipt.succeeded(), "{receipt:?}");
    assert_eq!(
        (receipt.messages[0].amount, receipt.messages[0].asset),
        (amount, XPL)
    );
    assert_eq!(chain.balance(L2_BRIDGE), U256::ZERO);
    let fee = U256::from(u128::from(receipt.gas_used.0) * receipt.gas_price);
    assert_eq!(chain.balance(user(0)), before - amount - fee);

    // Less than it says is refused, and so is XPL with no message.
    let poor = chain.send(0, L2_BRIDGE.into(), amount - U256::from(1), input);
    assert_eq!((poor.status, poor.messages.len()), (Status::Reverted, 0));
    assert_eq!(
        chain.send(0, L2_BRIDGE.into(), amount, []).status,
        Status::Reverted
    );

    let message = sendMessageCall {
        destination: 5,
        recipient: user(3),
        asset: XPL,
        amount: U256::from(3),
        gas: 100_000,
        expiry: 99,
        refund: user(4),
        payload: Bytes::from_static(b"payload"),
    };
    let receipt = chain.send(0, L2_BRIDGE.into(), U256::from(3), message.abi_encode());
    let sent = &receipt.messages[0];
    assert_eq!(
        (sent.destination, sent.gas, sent.expiry),
        (ChainId(5), 100_000, 99)
    );
    assert_eq!(
        (sent.sender, sent.recipient, sent.refund),
        (user(0), user(3), user(4))
    );
    assert_eq!(sent.payload, Bytes::from_static(b"payload"));
}

#[test]
fn xpl_that_the_bridge_gets_otherwise_is_burned_too() {
    let mut chain = Chain::new();
    // Creates a contract that destroys itself in favour of the bridge.
    let suicide = [push(L2_BRIDGE), vec![0xff]].concat();
    let nothing = withdrawal(XPL, user(1), U256::ZERO);
    let receipts = chain.block([
        deposit(0, XPL, L2_BRIDGE, ether(1), b""),
        deposit(1, XPL, L2_BRIDGE, ether(1), b"data"),
        Step::Transaction(sign(0, ordinary(0, TxKind::Create, ether(2), suicide))),
        Step::Transaction(sign(0, ordinary(1, L2_BRIDGE.into(), U256::ZERO, nothing))),
    ]);
    assert!(receipts.iter().all(Receipt::succeeded), "{receipts:?}");
    assert_eq!(chain.balance(L2_BRIDGE), U256::ZERO);
    let messages: Vec<usize> = receipts
        .iter()
        .map(|receipt| receipt.messages.len())
        .collect();
    assert_eq!(messages, [0, 0, 0, 1]);
}

#[test]
fn only_the_bridge_sends_messages() {
    let mut chain = Chain::new();
    // LOG3 with the event's signature, from another contract.
    let code = [
        &hex!("5f5f7f")[..],
        MessageSent::SIGNATURE_HASH.as_slice(),
        &hex!("5f5fa3"),
    ]
    .concat();
    let forger = chain.deploy(&code);
    let receipt = chain.call(0, forger, []);
    assert_eq!((receipt.status, receipt.logs.len()), (Status::Success, 1));
    assert_eq!(receipt.logs[0].topics[0], MessageSent::SIGNATURE_HASH);
    assert!(receipt.messages.is_empty());
    // A message that is undone is not sent: the call of the bridge, then REVERT.
    let input = withdrawal(XPL, user(1), U256::ZERO);
    // CALLDATACOPY all, CALL the bridge with it and the value, then REVERT if the last byte of input is not zero.
    let forward = |end: &[u8]| {
        [
            &hex!("365f5f375f5f365f34")[..],
            &push(L2_BRIDGE),
            &hex!("5af1"),
            end,
        ]
        .concat()
    };
    let (passes, undoes) = (forward(&hex!("00")), forward(&hex!("5f5ffd")));
    let (passes, undoes) = (chain.deploy(&passes), chain.deploy(&undoes));
    let sent = chain.call(0, passes, input.clone());
    assert_eq!((sent.messages.len(), sent.messages[0].sender), (1, passes));
    let undone = chain.call(0, undoes, input);
    assert_eq!(
        (undone.status, undone.messages.len()),
        (Status::Reverted, 0)
    );
}

#[test]
fn a_receiver_may_answer_with_a_message() {
    let mut chain = Chain::new();
    // Called with a deposit, it withdraws 9 wei of its XPL: the call's data follows the code.
    let recipient = user(2);
    let input = withdrawal(XPL, recipient, U256::from(9));
    let length = u8::try_from(input.len()).expect("short");
    let call = [
        &[0x5f, 0x5f, 0x60, length, 0x5f, 0x60, 9][..],
        &push(L2_BRIDGE),
        &hex!("5af100"),
    ]
    .concat();
    let offset = u8::try_from(call.len() + 6).expect("short");
    // PUSH1 length, PUSH1 offset, PUSH0, CODECOPY
    let code = [&[0x60, length, 0x60, offset, 0x5f, 0x39][..], &call, &input].concat();
    let contract = chain.deploy(&code);
    let receipt = chain
        .block([deposit(0, XPL, contract, U256::from(50), b"go")])
        .remove(0);
    assert_eq!(receipt.messages.len(), 1, "{receipt:?}");
    assert_eq!(
        (receipt.messages[0].sender, receipt.messages[0].recipient),
        (contract, recipient)
    );
    assert_eq!(
        (chain.balance(contract), chain.balance(L2_BRIDGE)),
        (U256::from(41), U256::ZERO)
    );
}
