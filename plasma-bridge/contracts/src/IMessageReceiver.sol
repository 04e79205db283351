// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a contract on the root implements to be called with a withdrawal's payload.
interface IMessageReceiver {
    /// @notice Called by the Bridge after `amount` of `token` has arrived; a revert sends it to
    /// the message's refund address instead. Check that `msg.sender` is the Bridge.
    /// @param id The message's id, unique for ever.
    /// @param source The chain it comes from.
    /// @param sender Who sent it there.
    /// @param token The token on the root; meaningless if `amount` is 0.
    function onMessage(
        bytes32 id,
        uint64 source,
        address sender,
        address token,
        uint256 amount,
        bytes calldata payload
    ) external;
}
