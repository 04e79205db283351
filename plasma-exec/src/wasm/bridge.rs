//! The bridge's end on a chain of WebAssembly: a contract to whoever calls it, and written in Rust.
//!
//! Tokens of the root have no contract here: the bridge keeps who has how much of which. `withdraw` and `sendMessage`
//! are those of the bridge on a chain of the EVM, so that wallets need no other.

use alloc::{string::ToString, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{Revert, SolCall, SolError, SolEvent, SolInterface, sol};
use plasma_core::{ChainId, InboxMessage, Log, MAX_MESSAGE_DATA_BYTES, OutgoingMessage};

use super::{
    account::{ALLOWANCES, ASSETS},
    host::Frame,
    prices::{self, Meter, OutOfGas},
    runner::{Outcome, World},
};
use crate::ethereum::bridge::{L2_BRIDGE, MessageSent};

sol! {
    #![sol(abi)]

    /// The bridge, and the ledger of the root's tokens.
    interface IWasmBridge {
        /// Some of a holder's moved to another; from or to 0 where it came in or left.
        event AssetTransfer(address indexed asset, address indexed from, address indexed to, uint256 amount);
        /// A holder lets somebody take so much.
        event AssetApproval(address indexed asset, address indexed owner, address indexed spender, uint256 amount);

        /// Pays on the root once this block is settled; of XPL (asset 0) what is sent along.
        function withdraw(address asset, address recipient, uint256 amount) external payable;
        /// The same with a payload, and to any chain; 0 is the root.
        function sendMessage(
            uint64 destination,
            address recipient,
            address asset,
            uint256 amount,
            uint64 gas,
            uint64 expiry,
            address refund,
            bytes payload
        ) external payable;
        /// Moves some of the caller's.
        function transfer(address asset, address to, uint256 amount) external;
        /// Moves some of another's who approved of it.
        function transferFrom(address asset, address from, address to, uint256 amount) external;
        /// Lets somebody take so much of the caller's; the maximum for any amount.
        function approve(address asset, address spender, uint256 amount) external;
        /// What somebody has.
        function balanceOf(address asset, address holder) external view returns (uint256);
        /// What somebody may take of another's.
        function allowance(address asset, address owner, address spender) external view returns (uint256);
    }
}

use IWasmBridge::IWasmBridgeCalls as Calls;

/// Its ABI.
pub(super) fn abi() -> alloy_json_abi::JsonAbi {
    IWasmBridge::abi::contract()
}

/// For any call, before what it reads and writes.
const BASE: u64 = 2_000;
/// For a message in the outbox.
const MESSAGE: u64 = 20_000;

/// Why a call failed.
enum Failure {
    OutOfGas,
    Says(&'static str),
}

impl From<OutOfGas> for Failure {
    fn from(_: OutOfGas) -> Self {
        Self::OutOfGas
    }
}

/// Does a call; what it carries has been paid to the bridge.
pub(super) fn call(world: &mut World<'_>, frame: &Frame, mut meter: Meter) -> Outcome {
    match dispatch(world, frame, &mut meter) {
        Ok(output) => Outcome::returned(output.into(), meter.0),
        Err(Failure::OutOfGas) => OutOfGas.into(),
        Err(Failure::Says(reason)) => {
            let output = Revert::from(reason.to_string()).abi_encode();
            Outcome::reverted(output.into(), meter.0)
        }
    }
}

fn dispatch(world: &mut World<'_>, frame: &Frame, meter: &mut Meter) -> Result<Vec<u8>, Failure> {
    meter.charge(BASE + prices::copying(frame.input.len()))?;
    let call = Calls::abi_decode_validate(&frame.input)
        .map_err(|_| Failure::Says("the bridge has no such call"))?;
    let reads = matches!(call, Calls::balanceOf(_) | Calls::allowance(_));
    if frame.read_only && !reads {
        return Err(Failure::Says("a static call may not change anything"));
    }
    let pays = matches!(call, Calls::withdraw(_) | Calls::sendMessage(_));
    if !frame.value.is_zero() && !pays {
        return Err(Failure::Says("this call takes no XPL"));
    }
    let caller = frame.caller;
    match call {
        Calls::withdraw(call) => {
            let message = OutgoingMessage {
                destination: ChainId(0),
                sender: caller,
                recipient: call.recipient,
                asset: call.asset,
                amount: call.amount,
                gas: 0,
                expiry: 0,
                refund: Address::ZERO,
                bundle: B256::ZERO,
                payload: Bytes::new(),
            };
            send(world, frame, message, meter)?;
        }
        Calls::sendMessage(call) => {
            if call.destination == world.block.chain_id.0 {
                return Err(Failure::Says("a message to the chain that it is from"));
            }
            if call.payload.len() > MAX_MESSAGE_DATA_BYTES {
                return Err(Failure::Says(
                    "the payload is over the limit of 3,072 bytes",
                ));
            }
            let message = OutgoingMessage {
                destination: ChainId(call.destination),
                sender: caller,
                recipient: call.recipient,
                asset: call.asset,
                amount: call.amount,
                gas: call.gas,
                expiry: call.expiry,
                refund: call.refund,
                bundle: B256::ZERO,
                payload: call.payload,
            };
            send(world, frame, message, meter)?;
        }
        Calls::transfer(call) => {
            movement(world, call.asset, caller, call.to, call.amount, meter)?;
            return Ok(Vec::new());
        }
        Calls::transferFrom(call) => {
            let at = (call.asset, call.from, caller);
            let allowed = world.journal.word(&ALLOWANCES, &at, meter)?;
            if allowed != U256::MAX {
                let left = allowed
                    .checked_sub(call.amount)
                    .ok_or(Failure::Says("it is more than the holder approved of"))?;
                world.journal.set_word(&ALLOWANCES, &at, left, meter)?;
            }
            movement(world, call.asset, call.from, call.to, call.amount, meter)?;
        }
        Calls::approve(call) => {
            let at = (call.asset, caller, call.spender);
            world.journal.word(&ALLOWANCES, &at, meter)?;
            world
                .journal
                .set_word(&ALLOWANCES, &at, call.amount, meter)?;
            emit(
                world,
                &IWasmBridge::AssetApproval {
                    asset: call.asset,
                    owner: caller,
                    spender: call.spender,
                    amount: call.amount,
                },
                meter,
            )?;
        }
        Calls::balanceOf(call) => {
            let balance = world
                .journal
                .word(&ASSETS, &(call.asset, call.holder), meter)?;
            return Ok(IWasmBridge::balanceOfCall::abi_encode_returns(&balance));
        }
        Calls::allowance(call) => {
            let at = (call.asset, call.owner, call.spender);
            let allowed = world.journal.word(&ALLOWANCES, &at, meter)?;
            return Ok(IWasmBridge::allowanceCall::abi_encode_returns(&allowed));
        }
    }
    Ok(Vec::new())
}

/// Credits a deposit of a token of the root. The node does, for free.
pub(super) fn deposit(world: &mut World<'_>, message: &InboxMessage) -> bool {
    let mut meter = Meter(u64::MAX);
    let at = (message.asset, message.to);
    let Ok(balance) = world.journal.word(&ASSETS, &at, &mut meter) else {
        return false;
    };
    let Some(balance) = balance.checked_add(message.amount) else {
        return false;
    };
    world
        .journal
        .set_word(&ASSETS, &at, balance, &mut meter)
        .is_ok()
}

fn movement(
    world: &mut World<'_>,
    asset: Address,
    from: Address,
    to: Address,
    amount: U256,
    meter: &mut Meter,
) -> Result<(), Failure> {
    take(world, asset, from, amount, meter)?;
    let at = (asset, to);
    let balance = world.journal.word(&ASSETS, &at, meter)?;
    let balance = balance
        .checked_add(amount)
        .ok_or(Failure::Says("it is more than anybody can have"))?;
    world.journal.set_word(&ASSETS, &at, balance, meter)?;
    let event = IWasmBridge::AssetTransfer {
        asset,
        from,
        to,
        amount,
    };
    emit(world, &event, meter)
}

fn take(
    world: &mut World<'_>,
    asset: Address,
    from: Address,
    amount: U256,
    meter: &mut Meter,
) -> Result<(), Failure> {
    let at = (asset, from);
    let balance = world.journal.word(&ASSETS, &at, meter)?;
    let left = balance
        .checked_sub(amount)
        .ok_or(Failure::Says("it is more than the holder has"))?;
    world.journal.set_word(&ASSETS, &at, left, meter)?;
    Ok(())
}

/// Takes what leaves, and puts the message into the outbox.
fn send(
    world: &mut World<'_>,
    frame: &Frame,
    message: OutgoingMessage,
    meter: &mut Meter,
) -> Result<(), Failure> {
    meter.charge(MESSAGE + prices::LOG_BYTE * message.payload.len() as u64)?;
    if message.recipient.is_zero() {
        return Err(Failure::Says("a message to nobody"));
    }
    let expected = if message.asset.is_zero() {
        message.amount
    } else {
        U256::ZERO
    };
    if frame.value != expected {
        return Err(Failure::Says("the XPL sent along is not the amount"));
    }
    if message.asset.is_zero() {
        // What was paid to the bridge leaves the chain.
        if !world.journal.debit(L2_BRIDGE, message.amount) {
            return Err(Failure::Says("it is more than the bridge was paid"));
        }
    } else if !message.amount.is_zero() {
        take(world, message.asset, frame.caller, message.amount, meter)?;
        let event = IWasmBridge::AssetTransfer {
            asset: message.asset,
            from: frame.caller,
            to: Address::ZERO,
            amount: message.amount,
        };
        emit(world, &event, meter)?;
    }
    let event = MessageSent {
        destination: message.destination.0,
        sender: message.sender,
        recipient: message.recipient,
        asset: message.asset,
        amount: message.amount,
        gas: message.gas,
        expiry: message.expiry,
        refund: message.refund,
        bundle: message.bundle,
        payload: message.payload.clone(),
    };
    emit(world, &event, meter)?;
    world.messages.push(message);
    Ok(())
}

fn emit(world: &mut World<'_>, event: &impl SolEvent, meter: &mut Meter) -> Result<(), Failure> {
    let (topics, data) = event.encode_log_data().split();
    let words = prices::LOG * (1 + topics.len() as u64);
    meter.charge(words + prices::LOG_BYTE * data.len() as u64)?;
    world.logs.push(Log {
        address: L2_BRIDGE,
        topics,
        data,
    });
    Ok(())
}
