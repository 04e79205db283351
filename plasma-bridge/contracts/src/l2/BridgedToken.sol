// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { Strings } from "@openzeppelin/contracts/utils/Strings.sol";

/// @title A root token on an EVM plasma chain
/// @notice One exists per token of the root that was ever deposited. It counts in the root token's
/// smallest unit; what that token calls itself, and how many decimals it shows, is not known here.
contract BridgedToken is ERC20 {
    error NotBridge(address caller, address bridge);

    /// @notice The token on the root.
    address public immutable asset;
    /// @notice The predeploy that created this, the only one to mint and burn.
    address public immutable bridge;

    constructor(address asset_)
        ERC20(
            string.concat("Bridged ", Strings.toChecksumHexString(asset_)),
            string.concat("b", Strings.toHexString(uint256(uint160(asset_) >> 136), 3))
        )
    {
        asset = asset_;
        bridge = msg.sender;
    }

    function mint(address to, uint256 amount) external {
        if (msg.sender != bridge) revert NotBridge(msg.sender, bridge);
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external {
        if (msg.sender != bridge) revert NotBridge(msg.sender, bridge);
        _burn(from, amount);
    }
}
