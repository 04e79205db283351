// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IMessageReceiver } from "./IMessageReceiver.sol";
import { Xpl } from "./Xpl.sol";

/// @title Where base fees end
/// @notice Whatever XPL comes here is burned. A chain's base fees are gone on the chain when they are paid, but their
/// XPL still lies in the escrow: a withdrawal to this contract takes it out of the supply as well. Anyone may burn what
/// came without a call.
contract FeeBurner is IMessageReceiver {
    error NothingToBurn();

    event Burned(uint256 amount);

    Xpl public immutable xpl;

    constructor(Xpl xpl_) {
        xpl = xpl_;
    }

    /// @inheritdoc IMessageReceiver
    /// @dev Whoever calls, and whatever it says: all that it brings about is a burn.
    function onMessage(bytes32, uint64, address, address, uint256, bytes calldata) external {
        burn();
    }

    function burn() public {
        uint256 amount = xpl.balanceOf(address(this));
        if (amount == 0) revert NothingToBurn();
        emit Burned(amount);
        xpl.burn(amount);
    }
}
