// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a contract on an EVM plasma chain implements to be called with a deposit's data.
interface IDepositReceiver {
    /// @notice Called by the L2Bridge after `amount` of `token` was minted to the receiver; a
    /// revert leaves the tokens there. Check that `msg.sender` is the L2Bridge.
    /// @param asset The token on the root.
    /// @param token The token on this chain.
    /// @param sender Who deposited on the root.
    function onDeposit(
        address asset,
        address token,
        address sender,
        uint256 amount,
        bytes calldata data
    ) external;
}
