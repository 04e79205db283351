// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

// The structs that Rust and Solidity both hash. Their fields and order are the encoding: a change
// here changes every hash in vectors/hashes.json and must be made on both sides at once.

/// @notice What the sequencers certify. Its hash commits to every block before it.
struct BlockHeader {
    uint64 chainId;
    uint64 height;
    uint64 epoch;
    bytes32 parent;
    /// Milliseconds since the Unix epoch.
    uint64 timestamp;
    address proposer;
    /// Inbox messages consumed up to and including this block.
    uint64 messages;
    /// Commitment to the block's transactions.
    bytes32 body;
    /// Execution follows ordering: the state root is that of an earlier block.
    uint64 executedHeight;
    bytes32 executedRoot;
    /// Hash of the BatchHeader that this block seals, or 0.
    bytes32 seal;
}

/// @notice The blocks `firstHeight..=lastHeight`, published on DA under (scheme, root, length).
struct BatchHeader {
    uint64 chainId;
    /// The inbox entry that it must land on, so that no batch can land twice or out of order.
    uint64 entry;
    uint64 firstHeight;
    uint64 lastHeight;
    bytes32 lastHash;
    /// Inbox messages consumed up to and including `lastHeight`.
    uint64 messages;
    /// 1: keccak chunk tree.
    uint8 scheme;
    bytes32 root;
    uint64 length;
}

struct Seat {
    address key;
    uint64 weight;
}

/// @notice Signatures of more than two thirds of the committee's weight over one block.
struct Certificate {
    uint64 epoch;
    uint64 height;
    uint32 round;
    bytes32 blockHash;
    /// Bit i set: seat i signed.
    uint256 signers;
    /// 65 bytes r, s, v each, in seat order, v 27 or 28.
    bytes signatures;
}

/// @notice Something that the root puts into a chain, whatever its sequencers want.
struct InboxMessage {
    /// 0: deposit, 1: forced transaction.
    uint8 kind;
    uint64 index;
    address sender;
    address to;
    /// Token on the root; 0 is XPL.
    address asset;
    uint256 amount;
    /// Seconds, as all times of the root.
    uint64 timestamp;
    uint64 deadline;
    bytes data;
}

/// @notice A leaf of the outer trace: everything that the next segment needs.
struct Checkpoint {
    bytes32 stateRoot;
    bytes32 outboxRoot;
    uint64 height;
    bytes32 blockHash;
    /// Milliseconds, the last block's.
    uint64 timestamp;
    uint64 messages;
    /// Next inbox entry to process.
    uint64 entry;
    /// The cursor into a batch; all three are 0 between entries.
    bytes32 stepsRoot;
    uint32 stepsCount;
    uint32 nextStep;
}

/// @notice What a chain says to another; for the root, a withdrawal.
struct OutboxMessage {
    uint8 version;
    uint64 source;
    /// 0 or the root's own chain id: the root.
    uint64 destination;
    /// The leaf's index in the source's outbox.
    uint64 nonce;
    address sender;
    address recipient;
    /// Token on the root; 0 is XPL.
    address asset;
    uint256 amount;
    /// For the call of the recipient with the payload.
    uint64 gas;
    /// On the destination's clock (the root: seconds); 0 is never.
    uint64 expiry;
    address refund;
    bytes32 bundle;
    bytes32 payloadHash;
}
