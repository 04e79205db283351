// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {
    ReentrancyGuardTransient
} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { Hashing } from "./Hashing.sol";
import { IMessageReceiver } from "./IMessageReceiver.sol";
import { Inbox } from "./Inbox.sol";
import { MerkleTrees } from "./MerkleTrees.sol";
import { Tournament } from "./Tournament.sol";
import { OutboxMessage } from "./Types.sol";

/// @title One escrow for all chains
/// @notice What a chain may withdraw of a token is what entered the escrow for it and has not left:
/// whatever a chain's state claims, it cannot touch another chain's deposits. XPL is asset 0 in
/// messages, and the token's address at this contract's own surface.
///
/// Invariants: for each token, the escrow holds at least the sum of all chains' balances, and a
/// balance is what came in minus what went out; no message pays twice.
///
/// Reentrancy: `deposit` and `endow` measure what arrives, so nothing may move the escrow while
/// they do; they hold the lock and `withdraw` respects it. `withdraw` itself changes its state
/// before it calls anyone, so a receiver may deposit onwards or withdraw more in its call.
contract Bridge is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    error Miswired(address expected, address got);
    error ZeroAddress();
    error UnknownChain(uint64 chainId);
    error NotAToken(address token);
    error NothingReceived(address token);
    error WrongVersion(uint8 expected, uint8 got);
    error WrongDestination(uint256 expected, uint64 got);
    error PayloadMismatch(bytes32 expected, bytes32 got);
    error WrongLeaf(uint64 nonce, uint64 leafIndex);
    error OutboxNotSettled(uint64 chainId, bytes32 outboxRoot);
    error WrongOutboxProof(bytes32 expected, bytes32 got);
    error AlreadyWithdrawn(bytes32 id);
    error InsufficientBalance(uint64 chainId, address token, uint256 balance, uint256 amount);
    error InsufficientGas(uint256 required, uint256 available);
    error CallFailed(bytes reason);
    error NotSelf(address caller);

    event Deposited(
        uint64 indexed chainId,
        address indexed token,
        address indexed sender,
        address to,
        uint256 amount,
        uint64 index
    );
    event Endowed(
        uint64 indexed chainId, address indexed token, address indexed sender, uint256 amount
    );
    event Withdrawn(
        bytes32 indexed id,
        uint64 indexed chainId,
        address indexed paidTo,
        address token,
        uint256 amount,
        address sender,
        uint64 nonce
    );
    /// @notice The message was not delivered as meant, and its value went to the refund address.
    event MessageFailed(bytes32 indexed id, bytes reason);

    /// @notice The receiver of a message gets at most this much gas, whatever the message says.
    uint64 public constant MAX_CALL_GAS = 5_000_000;
    /// @notice A receiver's revert reason is kept up to this many bytes.
    uint256 public constant MAX_REASON = 256;
    uint8 public constant MESSAGE_VERSION = 1;

    IERC20 public immutable xpl;
    Inbox public immutable inbox;
    Tournament public immutable tournament;

    /// @notice What a chain may withdraw of a token.
    mapping(uint64 chainId => mapping(address token => uint256)) public balance;
    /// @notice Messages already paid.
    mapping(bytes32 id => bool) public nullified;

    /// @dev See the deployment order at ChainRegistry: this is the last one, so it checks the rest.
    constructor(IERC20 xpl_, Inbox inbox_, Tournament tournament_) {
        xpl = xpl_;
        inbox = inbox_;
        tournament = tournament_;
        _checkWire(address(this), inbox_.bridge());
        _checkWire(address(inbox_), address(tournament_.inbox()));
        _checkWire(address(inbox_), address(inbox_.registry().inbox()));
        _checkWire(address(inbox_.registry()), address(tournament_.registry()));
    }

    // ---- in

    /// @notice Locks tokens and credits what arrived to `to` on the chain, by the inbox's deadline.
    /// @param data Handed to the chain with the deposit, at most 3072 bytes.
    /// @return index The inbox message's index.
    function deposit(uint64 chainId, address token, address to, uint256 amount, bytes calldata data)
        external
        nonReentrant
        returns (uint64 index)
    {
        if (to == address(0)) revert ZeroAddress();
        uint256 received = _receive(chainId, token, amount);
        index = inbox.enqueueDeposit(chainId, msg.sender, to, assetOf(token), received, data);
        emit Deposited(chainId, token, msg.sender, to, received, index);
    }

    /// @notice Backs balances that a chain has from its genesis. A gift: nobody is credited.
    function endow(uint64 chainId, address token, uint256 amount) external nonReentrant {
        if (!inbox.registry().exists(chainId)) revert UnknownChain(chainId);
        uint256 received = _receive(chainId, token, amount);
        emit Endowed(chainId, token, msg.sender, received);
    }

    // ---- out

    /// @notice Pays a message of a chain's outbox, proven against a settled checkpoint. Anyone may
    /// call. With a payload, a recipient that is a contract is called with it, in one piece with
    /// the payment. An expired message, or one whose call fails, pays its refund address (or the
    /// recipient if there is none).
    function withdraw(
        OutboxMessage calldata message,
        bytes calldata payload,
        bytes32 outboxRoot,
        uint64 leafIndex,
        bytes32[32] calldata proof
    ) external nonReentrantView {
        bytes32 id = _checkMessage(message, payload, outboxRoot, leafIndex, proof);
        nullified[id] = true;
        address token = tokenOf(message.asset);
        _debit(message.source, token, message.amount);
        _pay(id, message, token, payload);
    }

    /// @notice The part of a withdrawal that is undone as one when the receiver reverts. Only this
    /// contract calls it.
    function deliver(
        bytes32 id,
        OutboxMessage calldata message,
        address token,
        bytes calldata payload
    ) external {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        _transfer(token, message.recipient, message.amount);
        bytes memory call = abi.encodeCall(
            IMessageReceiver.onMessage,
            (id, message.source, message.sender, token, message.amount, payload)
        );
        uint256 callGas = message.gas < MAX_CALL_GAS ? message.gas : MAX_CALL_GAS;
        // The EVM forwards at most 63/64. Whoever delivers must not be able to make the call fail
        // by being stingy.
        uint256 available = gasleft() - gasleft() / 64;
        if (available < callGas + 5_000) revert InsufficientGas(callGas + 5_000, available);
        (bool ok, bytes memory reason) = _boundedCall(message.recipient, callGas, call);
        if (!ok) revert CallFailed(reason);
    }

    // ---- views

    /// @notice The token on the root that an asset in a message means.
    function tokenOf(address asset) public view returns (address) {
        return asset == address(0) ? address(xpl) : asset;
    }

    /// @notice The asset in messages that a token on the root is.
    function assetOf(address token) public view returns (address) {
        return token == address(xpl) ? address(0) : token;
    }

    function messageId(OutboxMessage calldata message) external pure returns (bytes32) {
        return Hashing.outboxId(message);
    }

    // ---- internals

    function _receive(uint64 chainId, address token, uint256 amount)
        private
        returns (uint256 received)
    {
        if (token.code.length == 0) revert NotAToken(token);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        // Tokens that take a fee deliver less than was sent.
        received = IERC20(token).balanceOf(address(this)) - before;
        if (received == 0) revert NothingReceived(token);
        balance[chainId][token] += received;
    }

    function _checkMessage(
        OutboxMessage calldata message,
        bytes calldata payload,
        bytes32 outboxRoot,
        uint64 leafIndex,
        bytes32[32] calldata proof
    ) private view returns (bytes32 id) {
        if (message.version != MESSAGE_VERSION) {
            revert WrongVersion(MESSAGE_VERSION, message.version);
        }
        if (message.destination != 0 && message.destination != block.chainid) {
            revert WrongDestination(block.chainid, message.destination);
        }
        bytes32 payloadHash = keccak256(payload);
        if (payloadHash != message.payloadHash) {
            revert PayloadMismatch(message.payloadHash, payloadHash);
        }
        if (leafIndex != message.nonce) revert WrongLeaf(message.nonce, leafIndex);
        if (!tournament.isSettledOutbox(message.source, outboxRoot)) {
            revert OutboxNotSettled(message.source, outboxRoot);
        }
        id = Hashing.outboxId(message);
        bytes32 root = MerkleTrees.outboxRoot(id, leafIndex, proof);
        if (root != outboxRoot) revert WrongOutboxProof(outboxRoot, root);
        if (nullified[id]) revert AlreadyWithdrawn(id);
    }

    function _debit(uint64 chainId, address token, uint256 amount) private {
        uint256 available = balance[chainId][token];
        if (amount > available) revert InsufficientBalance(chainId, token, available, amount);
        balance[chainId][token] = available - amount;
    }

    function _pay(bytes32 id, OutboxMessage calldata message, address token, bytes calldata payload)
        private
    {
        bool delivered;
        bytes memory reason;
        if (message.expiry != 0 && block.timestamp > message.expiry) {
            reason = "expired";
        } else if (payload.length != 0 && message.recipient.code.length != 0) {
            (delivered, reason) = _tryDeliver(id, message, token, payload);
        }
        address paidTo = reason.length == 0 ? message.recipient : _refundTo(message);
        if (!delivered) _transfer(token, paidTo, message.amount);
        if (reason.length != 0) emit MessageFailed(id, reason);
        emit Withdrawn(
            id, message.source, paidTo, token, message.amount, message.sender, message.nonce
        );
    }

    /// @dev `reason` is empty if and only if the message was delivered.
    function _tryDeliver(
        bytes32 id,
        OutboxMessage calldata message,
        address token,
        bytes calldata payload
    ) private returns (bool delivered, bytes memory reason) {
        try this.deliver(id, message, token, payload) {
            delivered = true;
        } catch (bytes memory error_) {
            if (bytes4(error_) == InsufficientGas.selector) {
                assembly ("memory-safe") {
                    revert(add(error_, 0x20), mload(error_))
                }
            }
            // A token's transfer that runs out of gas fails without a reason.
            reason = error_.length == 0 ? bytes("failed") : error_;
        }
    }

    function _refundTo(OutboxMessage calldata message) private pure returns (address) {
        return message.refund == address(0) ? message.recipient : message.refund;
    }

    function _transfer(address token, address to, uint256 amount) private {
        if (amount != 0) IERC20(token).safeTransfer(to, amount);
    }

    /// @dev Copies a bounded part of what the callee returns: it could be megabytes at our cost.
    function _boundedCall(address to, uint256 callGas, bytes memory data)
        private
        returns (bool ok, bytes memory reason)
    {
        uint256 limit = MAX_REASON;
        assembly ("memory-safe") {
            ok := call(callGas, to, 0, add(data, 0x20), mload(data), 0, 0)
            let size := returndatasize()
            if gt(size, limit) { size := limit }
            reason := mload(0x40)
            mstore(0x40, add(reason, add(0x20, limit)))
            mstore(reason, size)
            returndatacopy(add(reason, 0x20), 0, size)
        }
    }

    function _checkWire(address expected, address got) private pure {
        if (expected != got) revert Miswired(expected, got);
    }
}
