// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { Bridge } from "../../src/Bridge.sol";
import { IMessageReceiver } from "../../src/IMessageReceiver.sol";
import { IDepositReceiver } from "../../src/l2/IDepositReceiver.sol";

/// @notice Burns one in a hundred of each transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {
        _mint(msg.sender, 1e24);
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : value / 100;
        if (fee != 0) super._update(from, address(0), fee);
        super._update(from, to, value - fee);
    }
}

/// @notice Calls somebody in the middle of a transfer, as ERC-777 does.
contract HookToken is ERC20 {
    address private target;
    bytes private data;
    bool public called;

    constructor() ERC20("Hook", "HOOK") {
        _mint(msg.sender, 1e24);
    }

    function hook(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        address callee = target;
        if (callee == address(0)) return;
        target = address(0);
        (bool ok, bytes memory reason) = callee.call(data);
        called = ok;
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
    }
}

/// @notice A token without return values, as some old ones are.
contract SilentToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    constructor() {
        balanceOf[msg.sender] = 1e24;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

enum Behaviour {
    Accept,
    Revert,
    EatGas,
    Bomb,
    Forward
}

/// @notice Receives messages and deposits, in whatever way the test wants.
contract Receiver is IMessageReceiver, IDepositReceiver {
    error Refused(uint256 value);

    Behaviour public behaviour;
    uint64 public forwardTo;
    uint256 public calls;
    bytes32 public lastCall;
    uint256 public seenBalance;

    function set(Behaviour behaviour_, uint64 forwardTo_) external {
        behaviour = behaviour_;
        forwardTo = forwardTo_;
    }

    function onMessage(
        bytes32 id,
        uint64 source,
        address sender,
        address token,
        uint256 amount,
        bytes calldata payload
    ) external {
        calls += 1;
        lastCall = keccak256(abi.encode(id, source, sender, token, amount, payload));
        seenBalance = IERC20(token).balanceOf(address(this));
        if (behaviour == Behaviour.Forward) {
            IERC20(token).approve(msg.sender, amount);
            Bridge(msg.sender).deposit(forwardTo, token, sender, amount, "");
        }
        misbehave();
    }

    function onDeposit(
        address asset,
        address token,
        address sender,
        uint256 amount,
        bytes calldata data
    ) external {
        calls += 1;
        lastCall = keccak256(abi.encode(asset, token, sender, amount, data));
        seenBalance = IERC20(token).balanceOf(address(this));
        misbehave();
    }

    function misbehave() private view {
        if (behaviour == Behaviour.Revert) revert Refused(42);
        if (behaviour == Behaviour.EatGas) {
            while (true) { }
        }
        if (behaviour == Behaviour.Bomb) {
            assembly ("memory-safe") {
                revert(0, 200000)
            }
        }
    }
}
