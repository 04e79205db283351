// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { TimelockController } from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title Where what the governor decided waits
/// @notice The governor alone proposes, anyone executes, and nobody administers: even the delay changes by a proposal
/// that has waited for the old one.
contract XplTimelock is TimelockController {
    /// @param delay Seconds.
    /// @param governor May not be there yet.
    constructor(uint256 delay, address governor)
        TimelockController(delay, _alone(governor), _alone(address(0)), address(0))
    { }

    function _alone(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
