// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20Burnable } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import { ERC20Permit } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import { ERC20Votes } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import { Nonces } from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title XPL
/// @notice Fuel, security and governance of all plasma chains. Ten billion exist at genesis; the
/// only later source is one minter, the reward schedule, which is appointed once and for ever.
contract Xpl is ERC20Burnable, ERC20Permit, ERC20Votes {
    error NotAppointer(address caller, address appointer);
    error NotMinter(address caller, address minter);
    error MinterAlreadyAppointed(address minter);
    error ZeroAddress();

    event MinterAppointed(address indexed minter);

    uint256 public constant GENESIS_SUPPLY = 10_000_000_000 ether;

    /// @notice May appoint the minter, once, and nothing else.
    address public immutable appointer;
    /// @notice The reward schedule; 0 until appointed.
    address public minter;
    /// @notice All that was ever minted after genesis. What was burned is genesis + minted - total supply.
    uint256 public minted;

    constructor(address holder, address appointer_) ERC20("Plasma", "XPL") ERC20Permit("Plasma") {
        if (holder == address(0) || appointer_ == address(0)) revert ZeroAddress();
        appointer = appointer_;
        _mint(holder, GENESIS_SUPPLY);
    }

    function appointMinter(address minter_) external {
        if (msg.sender != appointer) revert NotAppointer(msg.sender, appointer);
        if (minter != address(0)) revert MinterAlreadyAppointed(minter);
        if (minter_ == address(0)) revert ZeroAddress();
        minter = minter_;
        emit MinterAppointed(minter_);
    }

    function mint(address to, uint256 amount) external {
        if (msg.sender != minter) revert NotMinter(msg.sender, minter);
        minted += amount;
        _mint(to, amount);
    }

    /// @notice Votes are counted by time: a root that is itself a plasma chain makes no blocks
    /// while idle, so that block numbers measure nothing.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
