//! The bridge's end on a chain with contracts: what of it is the same whatever they are written in.

use alloy_primitives::{Address, Bytes, address};
use alloy_sol_types::{SolCall, SolEvent, sol};
use plasma_core::{InboxMessage, Log};

/// The bridge's end on this chain: deposits come in through it, messages go out.
pub const L2_BRIDGE: Address = address!("0x0000000000000000000000000000000000706C61");

/// The gas of a call by the node itself: enough for a token's first deposit, which creates the token on a chain of
/// the EVM. A deposit's call is free on this chain (the depositor paid on the root for the room in the inbox), so the
/// bound is what a hostile receiver can make everyone compute.
pub(crate) const SYSTEM_CALL_GAS: u64 = 3_000_000;

sol! {
    event MessageSent(
        uint64 indexed destination,
        address indexed sender,
        address recipient,
        address asset,
        uint256 amount,
        uint64 gas,
        uint64 expiry,
        address refund,
        bytes32 bundle,
        bytes payload
    );
    event DepositFinalized(
        address indexed asset,
        address indexed to,
        address indexed sender,
        address token,
        uint256 amount
    );
    event DepositCallFailed(address indexed asset, address indexed to);

    function onDeposit(address asset, address token, address sender, uint256 amount, bytes data);
}

/// The call of a receiver of XPL. It is the one that `L2Bridge` makes for tokens: with a selector of its own,
/// so that a depositor's data cannot make the bridge call something else.
pub(crate) fn on_deposit_call(message: &InboxMessage) -> Bytes {
    let InboxMessage {
        asset,
        sender,
        amount,
        data,
        ..
    } = message.clone();
    onDepositCall {
        asset,
        token: Address::ZERO,
        sender,
        amount,
        data,
    }
    .abi_encode()
    .into()
}

/// The event of a deposit of XPL, as `L2Bridge` emits it for tokens.
pub(crate) fn deposit_finalized(message: &InboxMessage) -> Log {
    log(&DepositFinalized {
        asset: message.asset,
        to: message.to,
        sender: message.sender,
        token: Address::ZERO,
        amount: message.amount,
    })
}

/// The event of a receiver that failed, and keeps what it got.
pub(crate) fn deposit_call_failed(message: &InboxMessage) -> Log {
    log(&DepositCallFailed {
        asset: message.asset,
        to: message.to,
    })
}

fn log(event: &impl SolEvent) -> Log {
    let data = event.encode_log_data();
    let (topics, data) = data.split();
    Log {
        address: L2_BRIDGE,
        topics,
        data,
    }
}
