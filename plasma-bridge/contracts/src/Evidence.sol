// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Hashing } from "./Hashing.sol";

/// @notice A signature as `ecrecover` takes it.
struct Signature {
    bytes32 r;
    bytes32 s;
    uint8 v;
}

/// @notice Two votes of one key in one round, for different blocks.
struct DoubleVote {
    uint64 chainId;
    uint64 epoch;
    uint64 height;
    uint32 round;
    bytes32 first;
    bytes32 second;
    Signature firstSignature;
    Signature secondSignature;
}

/// @title What proves that a sequencer lied
/// @notice Whoever has the key can make evidence, and nobody else.
library Evidence {
    error SameBlock(bytes32 blockHash);
    error NoBlock();
    error NoSigner(bytes32 digest);
    error DifferentSigners(address first, address second);

    bytes32 internal constant KEY_TAG = keccak256("plasma.sequencer.key.v1");
    bytes32 internal constant PROMISE_TAG = keccak256("plasma.promise.v1");

    /// @notice The key that signed both.
    function signerOf(DoubleVote calldata d) internal pure returns (address key) {
        if (d.first == d.second) revert SameBlock(d.first);
        // A vote for nothing is no vote for a block.
        if (d.first == 0 || d.second == 0) revert NoBlock();
        key = recover(
            Hashing.vote(d.chainId, d.epoch, d.height, d.round, d.first), d.firstSignature
        );
        address other = recover(
            Hashing.vote(d.chainId, d.epoch, d.height, d.round, d.second), d.secondSignature
        );
        if (key != other) revert DifferentSigners(key, other);
    }

    /// @notice What a key signs to say that it is the operator's, at one registry alone.
    function keyDigest(address registry, address operator) internal view returns (bytes32) {
        return keccak256(abi.encode(KEY_TAG, block.chainid, registry, operator));
    }

    /// @notice What a sequencer signs to promise that a transaction is in a block in time.
    function promiseDigest(uint64 chainId, bytes32 transaction, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(PROMISE_TAG, chainId, transaction, deadline));
    }

    /// @notice Who signed. Its twin with the other `s` says the same: what is proven is who, not which bytes.
    function recover(bytes32 digest, Signature calldata signature) internal pure returns (address) {
        address signer = ecrecover(digest, signature.v, signature.r, signature.s);
        if (signer == address(0)) revert NoSigner(digest);
        return signer;
    }
}
