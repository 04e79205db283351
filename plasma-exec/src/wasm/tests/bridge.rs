//! Deposits, the root's tokens and what leaves.

use alloc::vec;

use alloy_sol_types::SolCall;
use plasma_core::Status;

use super::*;
use crate::{
    L2_BRIDGE,
    wasm::bridge::IWasmBridge::{
        allowanceCall, approveCall, balanceOfCall, sendMessageCall, transferCall, transferFromCall,
        withdrawCall,
    },
};

const GOLD: Address = Address::repeat_byte(0x60);

fn gold(chain: &Chain, holder: Address) -> U256 {
    let call = balanceOfCall {
        asset: GOLD,
        holder,
    };
    let outcome = chain.ask(L2_BRIDGE, call.abi_encode());
    balanceOfCall::abi_decode_returns(&outcome.output).expect("a number")
}

fn three() -> U256 {
    U256::from(3)
}

#[test]
fn xpl_comes_in_and_leaves() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0xaa);
    let receipt = chain
        .block([deposit(0, Address::ZERO, to, ether(1), b"")])
        .remove(0);
    assert_eq!((receipt.logs.len(), chain.balance(to)), (1, ether(1)));
    let call = withdrawCall {
        asset: Address::ZERO,
        recipient: to,
        amount: three(),
    };
    let receipt = chain.send(1, L2_BRIDGE.into(), three(), call.abi_encode());
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(receipt.messages.len(), 1);
    let message = &receipt.messages[0];
    assert_eq!(
        (
            message.sender,
            message.recipient,
            message.amount,
            message.asset
        ),
        (user(1), to, three(), Address::ZERO)
    );
    assert_eq!(
        chain.balance(L2_BRIDGE),
        U256::ZERO,
        "what leaves is burned"
    );
    // Too little, too much, or to nobody.
    for (value, recipient) in [(2, to), (4, to), (3, Address::ZERO)] {
        let call = withdrawCall {
            recipient,
            ..call.clone()
        };
        let receipt = chain.send(1, L2_BRIDGE.into(), U256::from(value), call.abi_encode());
        assert_eq!(receipt.status, Status::Reverted);
        assert_eq!(chain.balance(L2_BRIDGE), U256::ZERO);
    }
}

#[test]
fn tokens_of_the_root_move_and_leave() {
    let mut chain = Chain::new();
    chain.block([deposit(0, GOLD, user(1), U256::from(10), b"")]);
    assert_eq!(gold(&chain, user(1)), U256::from(10));
    let call = transferCall {
        asset: GOLD,
        to: user(2),
        amount: three(),
    };
    assert!(chain.call(1, L2_BRIDGE, call.abi_encode()).succeeded());
    let take = transferFromCall {
        asset: GOLD,
        from: user(1),
        to: user(3),
        amount: U256::from(2),
    };
    let receipt = chain.call(3, L2_BRIDGE, take.abi_encode());
    assert!(receipt.reason.contains("approved"), "{}", receipt.reason);
    let approve = approveCall {
        asset: GOLD,
        spender: user(3),
        amount: three(),
    };
    assert!(chain.call(1, L2_BRIDGE, approve.abi_encode()).succeeded());
    assert!(chain.call(3, L2_BRIDGE, take.abi_encode()).succeeded());
    assert!(!chain.call(3, L2_BRIDGE, take.abi_encode()).succeeded());
    let call = allowanceCall {
        asset: GOLD,
        owner: user(1),
        spender: user(3),
    };
    let left = chain.ask(L2_BRIDGE, call.abi_encode()).output;
    assert_eq!(allowanceCall::abi_decode_returns(&left), Ok(U256::ONE));
    let held = [1, 2, 3].map(|n| gold(&chain, user(n)));
    assert_eq!(held, [5, 3, 2].map(U256::from));
    let message = sendMessageCall {
        destination: 0,
        recipient: user(9),
        asset: GOLD,
        amount: U256::from(5),
        gas: 1,
        expiry: 2,
        refund: user(8),
        payload: vec![7; 3_072].into(),
    };
    let receipt = chain.call(1, L2_BRIDGE, message.abi_encode());
    assert_eq!(
        receipt.messages[0].payload.len(),
        3_072,
        "{}",
        receipt.reason
    );
    assert_eq!(gold(&chain, user(1)), U256::ZERO);
    for message in [
        sendMessageCall {
            destination: CHAIN.0,
            ..message.clone()
        },
        sendMessageCall {
            payload: vec![7; 3_073].into(),
            ..message.clone()
        },
        message,
    ] {
        let receipt = chain.call(1, L2_BRIDGE, message.abi_encode());
        assert_eq!(receipt.status, Status::Reverted);
    }
}

#[test]
fn a_contract_holds_tokens_and_sends_messages() {
    let mut chain = Chain::new();
    let proxy = chain.deploy(&proxy());
    chain.block([deposit(0, GOLD, proxy, U256::from(10), b"")]);
    let call = withdrawCall {
        asset: GOLD,
        recipient: user(1),
        amount: three(),
    };
    let input = [L2_BRIDGE.as_slice(), &call.abi_encode()].concat();
    let receipt = chain.call(1, proxy, input);
    assert_eq!(receipt.messages[0].sender, proxy, "{}", receipt.reason);
    let call = withdrawCall {
        asset: Address::ZERO,
        ..call
    };
    let input = [L2_BRIDGE.as_slice(), &call.abi_encode()].concat();
    let receipt = chain.send(1, proxy.into(), three(), input);
    assert_eq!(receipt.messages[0].amount, three(), "{}", receipt.reason);
    assert_eq!(chain.balance(L2_BRIDGE), U256::ZERO);
}

#[test]
fn a_contract_that_gets_data_is_called_and_keeps_what_it_got() {
    let mut chain = Chain::new();
    let (counter, fails) = (
        chain.deploy(&counter()),
        chain.deploy(&contract("(unreachable)")),
    );
    let receipts = chain.block([
        deposit(0, Address::ZERO, counter, three(), b"data"),
        deposit(1, GOLD, counter, three(), b""),
        deposit(2, Address::ZERO, fails, three(), b"data"),
    ]);
    assert!(receipts[0].gas_used.0 > 0 && receipts[1].gas_used.0 == 0);
    assert_eq!(receipts[2].logs.len(), 2, "it says that the call failed");
    assert!(receipts[2].succeeded());
    let counted = chain.word(&Query::Storage(counter, U256::ZERO));
    assert_eq!(counted, U256::ONE << 56);
    assert_eq!(chain.balance(fails), three());
}
