// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { RiscvState, Step } from "./RiscvState.sol";

/// @title A step's proof, and the memory that it opens
/// @notice The proof is read from its front, and no byte twice:
///
///     state 378 | ROM leaf, 18 siblings | block of 2^k leaves, 23 - k siblings | preimage
library RiscvMemory {
    using RiscvState for Step;

    error ProofTooShort(uint256 needed, uint256 length);
    error ProofTooLong(uint256 needed, uint256 length);
    error WrongMemoryRoot(bytes32 expected, bytes32 computed);

    uint256 internal constant MEMORY_END = 1 << 28;
    /// @dev Of the tree over memory, whose leaves are 32 bytes.
    uint256 private constant MEMORY_HEIGHT = 23;

    /// @notice Copies the state to memory and stands after it in the proof.
    function begin(bytes calldata proof) internal pure returns (Step memory step) {
        unchecked {
            uint256 state;
            uint256 start;
            assembly ("memory-safe") {
                start := proof.offset
            }
            step.start = start;
            step.end = start + proof.length;
            step.cursor = start;
            take(step, RiscvState.STATE_BYTES);
            assembly ("memory-safe") {
                state := mload(0x40)
                calldatacopy(state, start, 378)
                mstore(0x40, add(state, 384))
            }
            step.state = state;
        }
    }

    /// @notice The place in calldata of the proof's next bytes.
    function take(Step memory step, uint256 count) internal pure returns (uint256 place) {
        unchecked {
            place = step.cursor;
            uint256 next = place + count;
            if (next > step.end) {
                revert ProofTooShort(next - step.start, step.end - step.start);
            }
            step.cursor = next;
        }
    }

    /// @notice Nothing may be left.
    function finish(Step memory step) internal pure {
        unchecked {
            if (step.cursor != step.end) {
                revert ProofTooLong(step.cursor - step.start, step.end - step.start);
            }
        }
    }

    function load(uint256 place) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(place)
        }
    }

    /// @notice The root over a node at this place, with siblings in calldata, bottom up.
    function climb(bytes32 node, uint256 index, uint256 siblings, uint256 count)
        internal
        pure
        returns (bytes32 root)
    {
        assembly ("memory-safe") {
            for { let end := add(siblings, shl(5, count)) } lt(siblings, end) {
                siblings := add(siblings, 32)
            } {
                let side := shl(5, and(index, 1))
                mstore(side, node)
                mstore(xor(side, 32), calldataload(siblings))
                node := keccak256(0, 64)
                index := shr(1, index)
            }
            root := node
        }
    }

    /// @notice Reads the block of 2^height leaves around an address, and proves it; its first leaf.
    function open(Step memory step, uint256 place, uint256 height)
        internal
        pure
        returns (bytes32 leaf)
    {
        unchecked {
            step.blockAt = take(step, (32 << height) + 32 * (MEMORY_HEIGHT - height));
            step.blockAddress = place;
            step.blockHeight = height;
            leaf = load(step.blockAt);
            bytes32 computed = rootWith(step, leaf);
            bytes32 expected = step.leaf(RiscvState.MEMORY_ROOT);
            if (computed != expected) revert WrongMemoryRoot(expected, computed);
        }
    }

    /// @notice Writes the first leaf of the open block.
    function write(Step memory step, bytes32 leaf) internal pure {
        step.setLeaf(RiscvState.MEMORY_ROOT, rootWith(step, leaf));
    }

    /// @dev The root of memory with this leaf at the front of the open block.
    function rootWith(Step memory step, bytes32 leaf) private pure returns (bytes32) {
        unchecked {
            uint256 height = step.blockHeight;
            uint256 siblings = step.blockAt + (32 << height);
            bytes32 node = height == 0 ? leaf : fold(step.blockAt, leaf, 32 << height);
            return climb(node, step.blockAddress >> (5 + height), siblings, MEMORY_HEIGHT - height);
        }
    }

    /// @dev The node over a block of at least two leaves, in memory that nobody owns.
    function fold(uint256 place, bytes32 leaf, uint256 size) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            let level := mload(0x40)
            calldatacopy(level, place, size)
            mstore(level, leaf)
            for { } gt(size, 32) { size := shr(1, size) } {
                let to := level
                for { let from := level } lt(from, add(level, size)) { from := add(from, 64) } {
                    mstore(to, keccak256(from, 64))
                    to := add(to, 32)
                }
            }
            node := mload(level)
        }
    }

    /// @notice Why an access of `size` bytes, a power of two, is refused, or 0: alignment comes
    /// before range.
    function refused(uint256 place, uint256 size, uint256 misaligned, uint256 fault)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            if (place & (size - 1) != 0) return misaligned;
            // Addresses are below 2^64, so that the sum cannot wrap.
            return place + size > MEMORY_END ? fault : 0;
        }
    }

    /// @notice The little-endian number of `size` bytes at an address in this leaf.
    function number(bytes32 leaf, uint256 place, uint256 size) internal pure returns (uint256) {
        unchecked {
            uint256 bits = 8 * size;
            uint256 bytesOfIt = uint256(leaf) >> (256 - bits - 8 * (place & 31));
            return reverse(bytesOfIt & ((1 << bits) - 1)) >> (64 - bits);
        }
    }

    /// @notice The leaf with the lowest `size` bytes of a number at an address in it.
    function withNumber(bytes32 leaf, uint256 place, uint256 size, uint256 value)
        internal
        pure
        returns (bytes32)
    {
        unchecked {
            uint256 bits = 8 * size;
            uint256 shift = 256 - bits - 8 * (place & 31);
            uint256 mask = ((1 << bits) - 1) << shift;
            return bytes32((uint256(leaf) & ~mask) | ((reverse(value) >> (64 - bits)) << shift));
        }
    }

    /// @dev The eight bytes of a number in the opposite order.
    function reverse(uint256 v) private pure returns (uint256) {
        unchecked {
            v = ((v >> 8) & 0x00ff00ff00ff00ff) | ((v & 0x00ff00ff00ff00ff) << 8);
            v = ((v >> 16) & 0x0000ffff0000ffff) | ((v & 0x0000ffff0000ffff) << 16);
            return (v >> 32) | ((v & 0xffffffff) << 32);
        }
    }
}
