// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier } from "./CertificateVerifier.sol";
import { ChainRegistry } from "./ChainRegistry.sol";
import { ChunkTree } from "./ChunkTree.sol";
import { Hashing } from "./Hashing.sol";
import { ICommittees } from "./ICommittees.sol";
import { BatchHeader, BlockHeader, Certificate, InboxMessage, Seat } from "./Types.sol";

/// @title What each chain must process, in order
/// @notice Two append-only lists per chain. *Messages* (deposits and forced transactions) come from
/// anyone and carry a deadline. *Entries* say what to process: a certified batch; while the root orders, a batch of
/// anyone's, with its bytes; or, once a message is overdue, a force entry that consumes the messages enqueued so far.
/// An entry consumes at most MAX_MESSAGES.
///
///     messages   m0 m1 m2 | m3 m4 .. enqueued      consumed <= enqueued
///                         consumed
///     entries    e0 e1 .. | next                   each commits to the one before, and to the
///                                                  messages consumed after it
///
/// *The root orders* a chain that is registered as based, always; and a chain with a committee, while that is silent.
/// Silence is counted from the first message that no certified entry has answered: a chain without traffic is not
/// silent, whoever is not heard sends one message, and what others append or force meanwhile does not make the
/// committee less silent. A certified entry ends it. Where somebody appends before every such entry, `resume` ends
/// it: a certificate over any block that has consumed the message.
///
///     message            no certified entry               anyone appends        append or resume
///     |------------------- silence ----------------------|--------------------->|
///     silentSince                                         opens after           closed
///
/// Invariants: counts only grow; after every append no overdue message is left unconsumed, unless the
/// entry consumed as many as it may; the bytes of what nobody certified are in a log of the root.
contract Inbox {
    error NotBridge(address caller, address bridge);
    error StaleBatch(uint64 expected, uint64 got);
    error WrongChain(uint64 expected, uint64 got);
    error NotSealed(bytes32 batchHash, bytes32 seal);
    error SealMisplaced(uint64 lastHeight, uint64 height);
    error WrongCertificate(bytes32 expectedHash, bytes32 gotHash, uint64 epoch, uint64 height);
    error EmptyBatch(uint64 firstHeight, uint64 lastHeight, uint64 length);
    error UnknownScheme(uint8 got);
    error MessagesOutOfRange(uint64 consumed, uint64 most, uint64 got);
    error MessageOverdue(uint64 index, uint64 deadline);
    error NothingOverdue(uint64 consumed, uint64 enqueued, uint64 deadline);
    error DataTooLong(uint256 length, uint256 limit);
    error EmptyTransaction();
    error NoSuchEntry(uint64 count, uint64 entries);
    error NoSuchMessage(uint64 index, uint64 enqueued);
    error NotOpen(uint64 chainId, uint64 opensAfter, uint256 now_);
    error NotLastBlock(bytes32 expectedHash, bytes32 gotHash);
    error EpochAhead(uint64 most, uint64 got);
    error WrongBytes(
        bytes32 expectedRoot, bytes32 gotRoot, uint64 expectedLength, uint256 gotLength
    );
    error TooManyBytes(uint256 length, uint256 limit);
    error NotSilent(uint64 chainId);
    error NoAnswer(uint64 awaited, uint64 enqueued, uint64 got);

    event BatchAppended(
        uint64 indexed chainId,
        uint64 indexed entry,
        bytes32 indexed batchHash,
        BatchHeader header,
        bytes32 entryHash,
        uint64 timestamp
    );
    /// @param data The batch's bytes: nobody else has vouched that they can be had.
    event OpenBatchAppended(
        uint64 indexed chainId,
        uint64 indexed entry,
        bytes32 indexed batchHash,
        BatchHeader header,
        bytes32 entryHash,
        uint64 timestamp,
        bytes data
    );
    event Resumed(uint64 indexed chainId, bytes32 indexed blockHash, uint64 height);
    event ForceAppended(
        uint64 indexed chainId,
        uint64 indexed entry,
        uint64 messages,
        bytes32 entryHash,
        uint64 timestamp
    );
    event MessageEnqueued(
        uint64 indexed chainId, uint64 indexed index, InboxMessage message, bytes32 acc
    );

    uint8 public constant KIND_DEPOSIT = 0;
    uint8 public constant KIND_TRANSACTION = 1;
    /// @notice So that a message and its framing fit one preimage of 4 KiB in a dispute.
    uint256 public constant MAX_DATA = 3072;
    /// @notice Messages that one entry consumes at most, so that a dispute about it stays bounded.
    uint64 public constant MAX_MESSAGES = 1024;
    /// @notice DA scheme: keccak chunk tree.
    uint8 public constant SCHEME_KECCAK = 1;
    /// @notice Bytes of a batch that nobody certified: 30 chunks, so that the call fits the 128 KiB that nodes take.
    uint256 public constant MAX_OPEN_BYTES = 30 * ChunkTree.CHUNK;

    struct Queue {
        uint64 consumed;
        /// The highest epoch of a certificate that was accepted.
        uint64 certifiedEpoch;
        /// When the first message came that no certificate has answered; 0: there is none.
        uint64 silentSince;
        /// A certified block that has consumed more messages than this answers it.
        uint64 awaited;
        /// After entry i.
        bytes32[] entries;
        /// After message i.
        bytes32[] accs;
        uint64[] deadlines;
    }

    ChainRegistry public immutable registry;
    address public immutable bridge;

    mapping(uint64 chainId => Queue) private _queues;

    constructor(ChainRegistry registry_, address bridge_) {
        registry = registry_;
        bridge = bridge_;
    }

    // ---- entries

    /// @notice Appends a certified batch. Anyone may call: the certificate is what authorises.
    /// @param sealing A later block, whose header commits to the batch.
    /// @param seats The committee of the certificate's epoch, opened from its hash.
    function append(
        BatchHeader calldata batch,
        BlockHeader calldata sealing,
        Seat[] calldata seats,
        Certificate calldata certificate
    ) external {
        Queue storage queue = _queues[batch.chainId];
        bytes32 batchHash = Hashing.batch(batch);
        _checkBatch(queue, batch);
        _checkSeal(batch, batchHash, sealing);
        _checkCertificate(sealing, certificate);
        (ICommittees source, bytes32 vote) = _checkQuorum(batch.chainId, seats, certificate);
        bytes32 hash = _appendEntry(queue, Hashing.ENTRY_BATCH, batchHash, batch.messages);
        _answered(queue, batch.messages, certificate.epoch);
        emit BatchAppended(
            batch.chainId, batch.entry, batchHash, batch, hash, uint64(block.timestamp)
        );
        // Last, for the chain's owner chose whom it calls.
        if (address(source) != address(0)) {
            source.noteCertificate(batch.chainId, certificate.epoch, certificate.signers, vote);
        }
    }

    /// @notice Appends a batch that nobody certified, while the root orders. Anyone may call.
    /// @param last The batch's last block. Its epoch is the highest in the batch, and none may be above what a
    /// certificate has shown: else whoever appends could take the chain to an epoch that has no committee.
    /// @param data The batch's bytes. They come with the call, for else whoever appends could keep them back, and the
    /// chain would wait for them for ever.
    function appendOpen(BatchHeader calldata batch, BlockHeader calldata last, bytes calldata data)
        external
    {
        Queue storage queue = _queues[batch.chainId];
        _checkOpen(queue, batch.chainId);
        _checkBatch(queue, batch);
        _checkLast(queue, batch, last);
        _checkData(batch, data);
        bytes32 batchHash = Hashing.batch(batch);
        bytes32 hash = _appendEntry(queue, Hashing.ENTRY_BATCH, batchHash, batch.messages);
        emit OpenBatchAppended(
            batch.chainId, batch.entry, batchHash, batch, hash, uint64(block.timestamp), data
        );
    }

    /// @notice The committee is back: a certificate over a block that has consumed the message which was not answered.
    /// Nobody can come before it, as it is for no entry; and as each one asks for a later message than the one before,
    /// an old certificate does nothing.
    function resume(
        BlockHeader calldata header,
        Seat[] calldata seats,
        Certificate calldata certificate
    ) external {
        Queue storage queue = _queues[header.chainId];
        if (queue.silentSince == 0) revert NotSilent(header.chainId);
        uint64 enqueued = uint64(queue.accs.length);
        if (header.messages <= queue.awaited || header.messages > enqueued) {
            revert NoAnswer(queue.awaited, enqueued, header.messages);
        }
        _checkCertificate(header, certificate);
        _checkQuorum(header.chainId, seats, certificate);
        _answered(queue, header.messages, certificate.epoch);
        emit Resumed(header.chainId, certificate.blockHash, header.height);
    }

    /// @notice Once a message's deadline has passed, anyone makes the chain consume what waits, up to
    /// MAX_MESSAGES.
    function force(uint64 chainId) external {
        Queue storage queue = _queues[chainId];
        uint64 consumed = queue.consumed;
        uint64 enqueued = uint64(queue.accs.length);
        uint64 deadline = consumed < enqueued ? queue.deadlines[consumed] : 0;
        if (deadline == 0 || block.timestamp <= deadline) {
            revert NothingOverdue(consumed, enqueued, deadline);
        }
        uint64 entry = uint64(queue.entries.length);
        uint64 messages = _most(consumed, enqueued);
        bytes32 hash = _appendEntry(queue, Hashing.ENTRY_FORCE, 0, messages);
        emit ForceAppended(chainId, entry, messages, hash, uint64(block.timestamp));
    }

    // ---- messages

    /// @notice Forces a signed transaction of the chain into it. Whether it is valid there is the
    /// chain's to say; it will answer with a receipt by the deadline.
    /// @return index The message's index.
    function sendTransaction(uint64 chainId, bytes calldata rawSignedTx)
        external
        returns (uint64 index)
    {
        if (rawSignedTx.length == 0) revert EmptyTransaction();
        return
            _enqueue(chainId, KIND_TRANSACTION, msg.sender, address(0), address(0), 0, rawSignedTx);
    }

    /// @notice A deposit whose tokens the Bridge already holds.
    function enqueueDeposit(
        uint64 chainId,
        address sender,
        address to,
        address asset,
        uint256 amount,
        bytes calldata data
    ) external returns (uint64 index) {
        if (msg.sender != bridge) revert NotBridge(msg.sender, bridge);
        return _enqueue(chainId, KIND_DEPOSIT, sender, to, asset, amount, data);
    }

    // ---- views

    /// @return entries Entries so far.
    /// @return enqueued Messages so far.
    /// @return consumed Messages consumed by the entries so far.
    function counts(uint64 chainId)
        external
        view
        returns (uint64 entries, uint64 enqueued, uint64 consumed)
    {
        Queue storage queue = _queues[chainId];
        return (uint64(queue.entries.length), uint64(queue.accs.length), queue.consumed);
    }

    function entryCount(uint64 chainId) external view returns (uint64) {
        return uint64(_queues[chainId].entries.length);
    }

    /// @notice The hash over the first `count` entries.
    function entryHash(uint64 chainId, uint64 count) external view returns (bytes32) {
        bytes32[] storage entries = _queues[chainId].entries;
        if (count > entries.length) revert NoSuchEntry(count, uint64(entries.length));
        return count == 0 ? bytes32(0) : entries[count - 1];
    }

    /// @notice The accumulator over the first `count` messages.
    function messageAcc(uint64 chainId, uint64 count) external view returns (bytes32) {
        Queue storage queue = _queues[chainId];
        uint64 enqueued = uint64(queue.accs.length);
        if (count > enqueued) revert NoSuchMessage(count, enqueued);
        return _messageAcc(queue, count);
    }

    /// @notice The root's second until which message `index` may wait.
    function messageDeadline(uint64 chainId, uint64 index) external view returns (uint64) {
        uint64[] storage deadlines = _queues[chainId].deadlines;
        if (index >= deadlines.length) revert NoSuchMessage(index, uint64(deadlines.length));
        return deadlines[index];
    }

    /// @notice Whether `force` would succeed, and since when (0: nothing waits).
    function overdue(uint64 chainId) external view returns (bool isOverdue, uint64 deadline) {
        Queue storage queue = _queues[chainId];
        if (queue.consumed == queue.accs.length) return (false, 0);
        deadline = queue.deadlines[queue.consumed];
        return (block.timestamp > deadline, deadline);
    }

    /// @return based Whether the root orders always.
    /// @return silence Seconds of silence after which it orders in the committee's place.
    /// @return opensAfter The last second before it does; 0: the committee is not silent.
    /// @return awaited A certified block that has consumed more messages than this answers the one that waits.
    /// @return epoch The highest epoch of a batch that nobody certified.
    function ordering(uint64 chainId)
        external
        view
        returns (bool based, uint64 silence, uint64 opensAfter, uint64 awaited, uint64 epoch)
    {
        Queue storage queue = _queues[chainId];
        (based, silence) = registry.ordering(chainId);
        opensAfter = queue.silentSince == 0 ? 0 : queue.silentSince + silence;
        return (based, silence, opensAfter, queue.awaited, queue.certifiedEpoch);
    }

    // ---- internals

    function _checkOpen(Queue storage queue, uint64 chainId) private view {
        (bool based, uint64 silence) = registry.ordering(chainId);
        if (based) return;
        uint64 since = queue.silentSince;
        uint64 opensAfter = since == 0 ? 0 : since + silence;
        if (since == 0 || block.timestamp <= opensAfter) {
            revert NotOpen(chainId, opensAfter, block.timestamp);
        }
    }

    function _checkLast(Queue storage queue, BatchHeader calldata batch, BlockHeader calldata last)
        private
        view
    {
        bytes32 hash = Hashing.header(last);
        if (hash != batch.lastHash) revert NotLastBlock(batch.lastHash, hash);
        if (last.epoch > queue.certifiedEpoch) revert EpochAhead(queue.certifiedEpoch, last.epoch);
    }

    function _checkData(BatchHeader calldata batch, bytes calldata data) private pure {
        if (data.length > MAX_OPEN_BYTES) revert TooManyBytes(data.length, MAX_OPEN_BYTES);
        bytes32 root = ChunkTree.root(data);
        if (root != batch.root || data.length != batch.length) {
            revert WrongBytes(batch.root, root, batch.length, data.length);
        }
    }

    /// @notice The committee spoke, having consumed `messages`. What is left is counted from now on: it was not silent
    /// until here.
    function _answered(Queue storage queue, uint64 messages, uint64 epoch) private {
        bool waits = messages < queue.accs.length;
        queue.silentSince = waits ? uint64(block.timestamp) : 0;
        if (messages > queue.awaited) queue.awaited = messages;
        if (epoch > queue.certifiedEpoch) queue.certifiedEpoch = epoch;
    }

    function _checkBatch(Queue storage queue, BatchHeader calldata batch) private view {
        uint64 expected = uint64(queue.entries.length);
        if (batch.entry != expected) revert StaleBatch(expected, batch.entry);
        if (batch.firstHeight > batch.lastHeight || batch.length == 0) {
            revert EmptyBatch(batch.firstHeight, batch.lastHeight, batch.length);
        }
        if (batch.scheme != SCHEME_KECCAK) revert UnknownScheme(batch.scheme);
        uint64 consumed = queue.consumed;
        uint64 most = _most(consumed, uint64(queue.accs.length));
        if (batch.messages < consumed || batch.messages > most) {
            revert MessagesOutOfRange(consumed, most, batch.messages);
        }
        // Deadlines grow with the index, so the first one left decides.
        if (batch.messages < most) {
            uint64 deadline = queue.deadlines[batch.messages];
            if (block.timestamp > deadline) revert MessageOverdue(batch.messages, deadline);
        }
    }

    function _checkSeal(BatchHeader calldata batch, bytes32 batchHash, BlockHeader calldata sealing)
        private
        pure
    {
        if (sealing.chainId != batch.chainId) revert WrongChain(batch.chainId, sealing.chainId);
        if (sealing.seal != batchHash) revert NotSealed(batchHash, sealing.seal);
        // Blocks go on while a batch is published, so the seal need not be in the very next one.
        if (sealing.height <= batch.lastHeight) {
            revert SealMisplaced(batch.lastHeight, sealing.height);
        }
    }

    function _checkCertificate(BlockHeader calldata sealing, Certificate calldata certificate)
        private
        pure
    {
        bytes32 hash = Hashing.header(sealing);
        bool same = certificate.blockHash == hash && certificate.epoch == sealing.epoch
            && certificate.height == sealing.height;
        if (!same) {
            revert WrongCertificate(
                hash, certificate.blockHash, certificate.epoch, certificate.height
            );
        }
    }

    /// @return source Whom the committee comes from; 0: it is fixed.
    /// @return vote What it signed.
    function _checkQuorum(uint64 chainId, Seat[] calldata seats, Certificate calldata certificate)
        private
        view
        returns (ICommittees source, bytes32 vote)
    {
        bytes32 committee;
        (committee, source) = registry.committeeAndSource(chainId, certificate.epoch);
        vote = CertificateVerifier.verify(chainId, committee, seats, certificate);
    }

    function _appendEntry(Queue storage queue, uint256 kind, bytes32 payload, uint64 messages)
        private
        returns (bytes32 hash)
    {
        uint256 count = queue.entries.length;
        hash = Hashing.entry(
            count == 0 ? bytes32(0) : queue.entries[count - 1],
            kind,
            payload,
            messages,
            _messageAcc(queue, messages),
            uint64(block.timestamp)
        );
        queue.entries.push(hash);
        queue.consumed = messages;
    }

    function _enqueue(
        uint64 chainId,
        uint8 kind,
        address sender,
        address to,
        address asset,
        uint256 amount,
        bytes calldata data
    ) private returns (uint64) {
        if (data.length > MAX_DATA) revert DataTooLong(data.length, MAX_DATA);
        // Reverts for a chain that nobody registered.
        uint64 delay = registry.forcedDelay(chainId);
        Queue storage queue = _queues[chainId];
        InboxMessage memory message = InboxMessage({
            kind: kind,
            index: uint64(queue.accs.length),
            sender: sender,
            to: to,
            asset: asset,
            amount: amount,
            timestamp: uint64(block.timestamp),
            deadline: uint64(block.timestamp) + delay,
            data: data
        });
        bytes32 acc =
            Hashing.accumulate(_messageAcc(queue, message.index), Hashing.message(message));
        queue.accs.push(acc);
        queue.deadlines.push(message.deadline);
        if (queue.silentSince == 0) {
            queue.silentSince = uint64(block.timestamp);
            queue.awaited = message.index;
        }
        emit MessageEnqueued(chainId, message.index, message, acc);
        return message.index;
    }

    /// @notice The message count that the next entry can come to.
    function _most(uint64 consumed, uint64 enqueued) private pure returns (uint64) {
        return enqueued - consumed > MAX_MESSAGES ? consumed + MAX_MESSAGES : enqueued;
    }

    function _messageAcc(Queue storage queue, uint64 count) private view returns (bytes32) {
        return count == 0 ? bytes32(0) : queue.accs[count - 1];
    }
}
