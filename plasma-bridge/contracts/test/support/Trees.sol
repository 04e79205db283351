// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { MerkleTrees } from "../../src/MerkleTrees.sol";

/// @notice Whole trees, built the plain way: level by level, with a padding node per level.
library Trees {
    function outboxRoot(bytes32[] memory leaves) internal pure returns (bytes32 root) {
        (root,) = _open(leaves, 0, 32, 0);
    }

    function outboxProof(bytes32[] memory leaves, uint256 index)
        internal
        pure
        returns (bytes32[32] memory proof)
    {
        (, bytes32[] memory siblings) = _open(leaves, 0, 32, index);
        for (uint256 i = 0; i < 32; ++i) {
            proof[i] = siblings[i];
        }
    }

    /// @return root Of the trace, its last leaf repeated as padding.
    /// @return proof Of the last leaf.
    function trace(bytes32[] memory leaves)
        internal
        pure
        returns (bytes32 root, bytes32[] memory proof)
    {
        return traceProof(leaves, 24, (1 << 24) - 1);
    }

    /// @notice A trace of any height, and the siblings of any of its leaves.
    function traceProof(bytes32[] memory leaves, uint256 height, uint256 index)
        internal
        pure
        returns (bytes32 root, bytes32[] memory proof)
    {
        return _open(leaves, leaves[leaves.length - 1], height, index);
    }

    /// @notice The node of a trace at a height above its leaves.
    function traceNode(bytes32[] memory leaves, uint256 height, uint256 index)
        internal
        pure
        returns (bytes32)
    {
        uint256 last = leaves.length - 1;
        if (index << height >= last) {
            // Nothing but padding below.
            bytes32 node = leaves[last];
            for (uint256 h = 0; h < height; ++h) {
                node = MerkleTrees.node(node, node);
            }
            return node;
        }
        if (height == 0) return leaves[index];
        return MerkleTrees.node(
            traceNode(leaves, height - 1, 2 * index), traceNode(leaves, height - 1, 2 * index + 1)
        );
    }

    function _open(bytes32[] memory leaves, bytes32 padding, uint256 height, uint256 index)
        private
        pure
        returns (bytes32 root, bytes32[] memory siblings)
    {
        siblings = new bytes32[](height);
        bytes32[] memory level = leaves;
        for (uint256 h = 0; h < height; ++h) {
            uint256 sibling = (index >> h) ^ 1;
            siblings[h] = sibling < level.length ? level[sibling] : padding;
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < above.length; ++i) {
                bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : padding;
                above[i] = MerkleTrees.node(level[2 * i], right);
            }
            padding = MerkleTrees.node(padding, padding);
            level = above;
        }
        root = level.length == 0 ? padding : level[0];
    }
}
