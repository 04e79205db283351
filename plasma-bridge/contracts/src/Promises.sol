// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier } from "./CertificateVerifier.sol";
import { Evidence, Signature } from "./Evidence.sol";
import { Hashing } from "./Hashing.sol";
import { SequencerRegistry } from "./SequencerRegistry.sol";
import { BlockHeader, Certificate, Seat } from "./Types.sol";

/// @notice A sequencer's signed word that a transaction is in a block in time.
struct SignedPromise {
    uint64 chainId;
    bytes32 transaction;
    /// The highest block that may be the first to have it.
    uint64 deadline;
    Signature signature;
}

/// @notice Somebody says that a promise was broken.
struct Accusation {
    address operator;
    /// The second until which it can be answered; 0: there is none, or it is over.
    uint64 until;
    bool known;
    address accuser;
    uint64 chainId;
    bytes32 transaction;
    uint64 deadline;
}

/// @title Promises, and what becomes of broken ones
/// @notice That a transaction is in a block, the root can see: a certified header commits to the hashes of the block's
/// transactions. That it is in none, it cannot, for it has no bodies. So the burden is turned round:
///
///     accuse: the promise, and a certified block at or after the deadline | answer: a certified block at or before the
///     deadline, and the hashes of its transactions, the promised one among them | conclude: nobody could answer
///
/// Anyone may accuse, with a deposit; anyone may answer, and earns it. A promise is judged once. What a broken one costs
/// is the network's parameter `fine`, out of the operator's own bond.
///
/// A block's commitment is flat, so that an answer lists all of its transactions. A node takes about 4,000 hashes in one
/// transaction, and a block may have four times as many: while a chain makes larger blocks the fine must be 0, and what is left
/// is the verdict.
contract Promises {
    error WrongDeposit(uint256 expected, uint256 got);
    error NotASequencer(address signer);
    error AlreadyAccused(bytes32 id);
    error NotDue(uint64 deadline, uint64 height);
    error NoAccusation(bytes32 id);
    error TooLate(uint64 until, uint256 now_);
    error TooEarly(uint64 until, uint256 now_);
    error AfterTheDeadline(uint64 deadline, uint64 height);
    error WrongChain(uint64 expected, uint64 got);
    error WrongCertificate(bytes32 expectedHash, bytes32 gotHash, uint64 epoch, uint64 height);
    error WrongBody(bytes32 expected, bytes32 got);
    error NotThere(bytes32 transaction, uint256 place);
    error NothingToWithdraw(address account);
    error PaymentFailed(address to, uint256 amount);

    event Accused(
        bytes32 indexed id,
        address indexed operator,
        uint64 indexed chainId,
        bytes32 transaction,
        uint64 deadline,
        uint64 until
    );
    event Answered(bytes32 indexed id, uint64 height);
    event Broken(bytes32 indexed id, address indexed operator, uint256 lost);

    SequencerRegistry public immutable registry;
    /// @notice Wei that an accusation costs, and an answer earns.
    uint256 public immutable deposit;
    /// @notice Seconds in which an accusation can be answered.
    uint64 public immutable window;

    /// @notice Promises that an operator was found to have broken.
    mapping(address operator => uint256) public broken;
    mapping(address account => uint256) public credit;
    mapping(bytes32 id => Accusation) private _accusations;

    constructor(SequencerRegistry registry_, uint256 deposit_, uint64 window_) {
        registry = registry_;
        deposit = deposit_;
        window = window_;
    }

    /// @notice Says that a promise was broken.
    /// @param later A certified block at or after the deadline, of an epoch whose stake is still liable.
    /// @return id Of the accusation: one for each promise of each operator.
    function accuse(
        SignedPromise calldata p,
        BlockHeader calldata later,
        Seat[] calldata seats,
        Certificate calldata certificate
    ) external payable returns (bytes32 id) {
        if (msg.value != deposit) {
            revert WrongDeposit(deposit, msg.value);
        }
        bytes32 digest = Evidence.promiseDigest(p.chainId, p.transaction, p.deadline);
        address signer = Evidence.recover(digest, p.signature);
        address operator = registry.operatorOf(signer);
        if (operator == address(0)) revert NotASequencer(signer);
        id = keccak256(abi.encode(digest, operator));
        if (_accusations[id].known) revert AlreadyAccused(id);
        if (later.height < p.deadline) revert NotDue(p.deadline, later.height);
        bytes32 committee = registry.committee(p.chainId, later.epoch);
        _checkCertified(p.chainId, committee, later, seats, certificate);
        uint64 until = uint64(block.timestamp) + window;
        _accusations[id] =
            Accusation(operator, until, true, msg.sender, p.chainId, p.transaction, p.deadline);
        emit Accused(id, operator, p.chainId, p.transaction, p.deadline, until);
    }

    /// @notice Shows that the promise was kept.
    /// @param h A certified block at or before the deadline.
    /// @param transactions The hashes of all its transactions, in order.
    /// @param place Where among them the promised one is.
    function answer(
        bytes32 id,
        BlockHeader calldata h,
        Seat[] calldata seats,
        Certificate calldata certificate,
        bytes32[] calldata transactions,
        uint256 place
    ) external {
        Accusation memory a = _open(id);
        if (block.timestamp >= a.until) revert TooLate(a.until, block.timestamp);
        if (h.height > a.deadline) revert AfterTheDeadline(a.deadline, h.height);
        // However old: the block may be of an earlier epoch than the accusation's.
        bytes32 committee = registry.committeeOf(h.epoch);
        _checkCertified(a.chainId, committee, h, seats, certificate);
        bytes32 body = keccak256(abi.encodePacked(transactions));
        if (body != h.body) revert WrongBody(h.body, body);
        if (place >= transactions.length || transactions[place] != a.transaction) {
            revert NotThere(a.transaction, place);
        }
        _accusations[id].until = 0;
        credit[msg.sender] += deposit;
        emit Answered(id, h.height);
    }

    /// @notice Once nobody can answer any more: the promise was broken. Anyone may call.
    function conclude(bytes32 id) external {
        Accusation memory a = _open(id);
        if (block.timestamp < a.until) revert TooEarly(a.until, block.timestamp);
        _accusations[id].until = 0;
        broken[a.operator] += 1;
        credit[a.accuser] += deposit;
        emit Broken(id, a.operator, registry.fineFor(a.operator));
    }

    /// @notice Pays out the caller's credit.
    function withdraw(address payable to) external {
        uint256 amount = credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        credit[msg.sender] = 0;
        (bool ok,) = to.call{ value: amount }("");
        if (!ok) revert PaymentFailed(to, amount);
    }

    function accusation(bytes32 id) external view returns (Accusation memory) {
        return _accusations[id];
    }

    function _open(bytes32 id) private view returns (Accusation memory a) {
        a = _accusations[id];
        if (a.until == 0) revert NoAccusation(id);
    }

    function _checkCertified(
        uint64 chainId,
        bytes32 committee,
        BlockHeader calldata h,
        Seat[] calldata seats,
        Certificate calldata c
    ) private pure {
        if (h.chainId != chainId) revert WrongChain(chainId, h.chainId);
        bytes32 hash = Hashing.header(h);
        if (c.blockHash != hash || c.epoch != h.epoch || c.height != h.height) {
            revert WrongCertificate(hash, c.blockHash, c.epoch, c.height);
        }
        CertificateVerifier.verify(chainId, committee, seats, c);
    }
}
