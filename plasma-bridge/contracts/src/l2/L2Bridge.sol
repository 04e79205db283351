// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { BridgedToken } from "./BridgedToken.sol";
import { IDepositReceiver } from "./IDepositReceiver.sol";

/// @title The bridge's end on an EVM plasma chain
/// @notice A predeploy: its runtime code is put at `ADDRESS` by the chain's genesis, so it has no
/// constructor, no immutables and no storage. The node credits XPL (asset 0) natively and calls
/// `deposit` for ERC-20 assets; it turns each `MessageSent` into a leaf of the chain's outbox, and
/// burns the XPL that such a message left here.
contract L2Bridge {
    error NotSystem(address caller, address system);
    error WrongValue(uint256 expected, uint256 got);
    error ZeroAddress();
    error NotNative();
    error UnknownAsset(address asset);
    error WrongDestination(uint64 got);
    error PayloadTooLong(uint256 length, uint256 limit);

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
    event TokenCreated(address indexed asset, address indexed token);
    event DepositCallFailed(address indexed asset, address indexed to);

    address public constant ADDRESS = 0x0000000000000000000000000000000000706C61;
    address public constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    /// @notice Destination of a message to the chain's own root, whatever its chain id.
    uint64 public constant ROOT = 0;
    uint256 public constant MAX_PAYLOAD = 3072;
    /// @dev Kept back from the receiver's call, so that the deposit itself always completes.
    uint256 private constant RESERVED_GAS = 30_000;

    /// @notice Credits an ERC-20 deposit of the root; a system call by the node.
    function deposit(address asset, address sender, address to, uint256 amount, bytes calldata data)
        external
    {
        if (msg.sender != SYSTEM) revert NotSystem(msg.sender, SYSTEM);
        if (asset == address(0)) revert NotNative();
        address token = tokenOf(asset);
        if (token.code.length == 0) {
            new BridgedToken{ salt: _salt(asset) }(asset);
            emit TokenCreated(asset, token);
        }
        BridgedToken(token).mint(to, amount);
        emit DepositFinalized(asset, to, sender, token, amount);
        if (data.length != 0 && to.code.length != 0) {
            _notify(asset, token, sender, to, amount, data);
        }
    }

    /// @notice Burns here, to be paid on the root once this block is settled.
    /// @param asset The token on the root; 0 is XPL, sent as value.
    function withdraw(address asset, address recipient, uint256 amount) external payable {
        if (recipient == address(0)) revert ZeroAddress();
        _burn(asset, amount);
        emit MessageSent(ROOT, msg.sender, recipient, asset, amount, 0, 0, address(0), 0, "");
    }

    /// @notice Sends value and a payload, with which the recipient is called.
    /// @param destination A chain's id, or 0: the root.
    /// @param gas For the call of the recipient.
    /// @param expiry On the destination's clock; 0 is never.
    /// @param refund Who gets the value if the message cannot be delivered.
    function sendMessage(
        uint64 destination,
        address recipient,
        address asset,
        uint256 amount,
        uint64 gas,
        uint64 expiry,
        address refund,
        bytes calldata payload
    ) external payable {
        if (destination == block.chainid) {
            revert WrongDestination(destination);
        }
        if (recipient == address(0)) revert ZeroAddress();
        if (payload.length > MAX_PAYLOAD) revert PayloadTooLong(payload.length, MAX_PAYLOAD);
        _burn(asset, amount);
        emit MessageSent(
            destination, msg.sender, recipient, asset, amount, gas, expiry, refund, 0, payload
        );
    }

    /// @notice Where a root token's counterpart is, or will be with its first deposit.
    function tokenOf(address asset) public view returns (address) {
        bytes32 codeHash =
            keccak256(abi.encodePacked(type(BridgedToken).creationCode, abi.encode(asset)));
        bytes32 hash =
            keccak256(abi.encodePacked(bytes1(0xff), address(this), _salt(asset), codeHash));
        return address(uint160(uint256(hash)));
    }

    function _burn(address asset, uint256 amount) private {
        if (asset == address(0)) {
            if (msg.value != amount) revert WrongValue(amount, msg.value);
            return;
        }
        if (msg.value != 0) revert WrongValue(0, msg.value);
        if (amount == 0) return;
        address token = tokenOf(asset);
        if (token.code.length == 0) revert UnknownAsset(asset);
        BridgedToken(token).burn(msg.sender, amount);
    }

    /// @dev A receiver that fails keeps what it got: a deposit is never undone.
    function _notify(
        address asset,
        address token,
        address sender,
        address to,
        uint256 amount,
        bytes calldata data
    ) private {
        bytes memory input = abi.encodeCall(
            IDepositReceiver.onDeposit, (asset, token, sender, amount, data)
        );
        uint256 available = gasleft();
        uint256 callGas = available > RESERVED_GAS ? available - RESERVED_GAS : 0;
        bool ok;
        // Nothing of what the receiver returns is copied.
        assembly ("memory-safe") {
            ok := call(callGas, to, 0, add(input, 0x20), mload(input), 0, 0)
        }
        if (!ok) emit DepositCallFailed(asset, to);
    }

    function _salt(address asset) private pure returns (bytes32) {
        return bytes32(uint256(uint160(asset)));
    }
}
