// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    BatchHeader,
    BlockHeader,
    Checkpoint,
    InboxMessage,
    OutboxMessage,
    Seat
} from "./Types.sol";

/// @notice Every hash that Rust and Solidity share: keccak-256 of 32-byte words.
library Hashing {
    uint256 internal constant ENTRY_BATCH = 0;
    uint256 internal constant ENTRY_FORCE = 1;

    bytes32 internal constant CERTIFICATE_TAG = keccak256("plasma.certificate.v1");
    bytes32 internal constant MESSAGE_TAG = keccak256("plasma.message.v1");

    function header(BlockHeader memory h) internal pure returns (bytes32) {
        return keccak256(abi.encode(h));
    }

    function batch(BatchHeader memory b) internal pure returns (bytes32) {
        return keccak256(abi.encode(b));
    }

    function committee(Seat[] memory seats) internal pure returns (bytes32) {
        return keccak256(abi.encode(seats));
    }

    /// @notice The same hash, straight from the calldata. Words that are no seat's, because their upper bits are
    /// set, are hashed as they are, so that they match no committee.
    function committeeInCalldata(Seat[] calldata seats) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let head := mload(0x40)
            let size := shl(6, seats.length)
            mstore(head, 0x20)
            mstore(add(head, 0x20), seats.length)
            calldatacopy(add(head, 0x40), seats.offset, size)
            hash := keccak256(head, add(size, 0x40))
        }
    }

    /// @notice What each sequencer signs. Widened to full words, so that no field can be packed
    /// into its neighbour.
    function vote(uint64 chainId, uint64 epoch, uint64 height, uint32 round, bytes32 blockHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(CERTIFICATE_TAG, chainId, epoch, height, round, blockHash));
    }

    /// @notice The data enters by its hash, so that a message's hash has a fixed length.
    function message(InboxMessage memory m) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                m.kind,
                m.index,
                m.sender,
                m.to,
                m.asset,
                m.amount,
                m.timestamp,
                m.deadline,
                keccak256(m.data)
            )
        );
    }

    /// @notice The accumulator over all messages of a chain; 0 before the first.
    function accumulate(bytes32 acc, bytes32 messageHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(acc, messageHash));
    }

    /// @notice The chain of inbox entries; 0 before the first.
    function entry(
        bytes32 previous,
        uint256 kind,
        bytes32 payload,
        uint64 messages,
        bytes32 messageAcc,
        uint64 rootTimestamp
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(previous, kind, payload, messages, messageAcc, rootTimestamp));
    }

    function checkpoint(Checkpoint memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(c));
    }

    function outboxId(OutboxMessage memory m) internal pure returns (bytes32) {
        return keccak256(abi.encode(MESSAGE_TAG, m));
    }
}
