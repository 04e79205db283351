// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The commitment to bytes under scheme 1
/// @notice Leaves are the keccak of each chunk; a node is the keccak of its two children; the last node of a level
/// with an odd count moves up as it is. The shape follows from the length, which travels beside the root.
library ChunkTree {
    uint256 internal constant CHUNK = 4096;

    /// @return The root over `data`; 0 for none.
    function root(bytes calldata data) internal pure returns (bytes32) {
        uint256 count = (data.length + CHUNK - 1) / CHUNK;
        if (count == 0) return 0;
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 start = i * CHUNK;
            uint256 left = data.length - start;
            level[i] = _hash(data, start, left < CHUNK ? left : CHUNK);
        }
        while (count > 1) {
            uint256 pairs = count / 2;
            for (uint256 i = 0; i < pairs; ++i) {
                level[i] = _node(level[2 * i], level[2 * i + 1]);
            }
            if (count % 2 == 1) level[pairs] = level[count - 1];
            count = (count + 1) / 2;
        }
        return level[0];
    }

    /// @dev Over the same piece of free memory each time.
    function _hash(bytes calldata data, uint256 start, uint256 length)
        private
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, add(data.offset, start), length)
            hash := keccak256(free, length)
        }
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            hash := keccak256(0x00, 0x40)
        }
    }
}
