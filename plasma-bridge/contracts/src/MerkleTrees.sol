// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Roots recomputed from a leaf and its siblings, bottom up. Proof lengths are types, so
/// that a proof cannot be too short or carry surplus.
library MerkleTrees {
    /// @notice The outbox has depth 32; a larger index would alias a smaller one.
    error LeafIndexTooLarge(uint64 index, uint64 limit);

    uint64 internal constant OUTBOX_LEAVES = 1 << 32;

    function outboxRoot(bytes32 leaf, uint64 index, bytes32[32] calldata proof)
        internal
        pure
        returns (bytes32 root)
    {
        if (index >= OUTBOX_LEAVES) revert LeafIndexTooLarge(index, OUTBOX_LEAVES);
        root = leaf;
        for (uint256 level = 0; level < 32; ++level) {
            root = (index >> level) & 1 == 0 ? node(root, proof[level]) : node(proof[level], root);
        }
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            hash := keccak256(0x00, 0x40)
        }
    }
}
