// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Program } from "../../src/Machine.sol";
import { MerkleTrees } from "../../src/MerkleTrees.sol";

/// @notice The smallest program that says something: it commits to the first leaf of its memory, and halts.
///
///     li a7, 0x502    ecall    li a7, 93    ecall
///
/// Its states are written down here as the specification has them, not taken from a machine.
library TinyProgram {
    uint64 internal constant TEXT = 0x10000;
    uint256 internal constant ROM_HEIGHT = 18;
    uint256 internal constant MEMORY_HEIGHT = 23;
    uint64 internal constant COMMIT = 0x502;
    uint64 internal constant HALT = 93;
    uint256 internal constant STEPS = 4;

    /// @dev Eight slots, little-endian; those of half-words in the middle of instructions begin none.
    bytes32 internal constant ROM_LEAF =
        hex"930820500000000073000000000000009308d005000000007300000000000000";

    function program(bytes32 says) internal pure returns (Program memory p) {
        p.romRoot = firstLeafRoot(ROM_LEAF, ROM_HEIGHT);
        p.romBase = TEXT;
        p.memoryRoot = firstLeafRoot(says, MEMORY_HEIGHT);
        p.entry = TEXT;
    }

    /// @notice The state after so many steps of a machine that says `output`; halted from the fourth on.
    function state(Program memory p, bytes32 input, uint256 steps, bytes32 output)
        internal
        pure
        returns (bytes memory)
    {
        uint64 a7 = steps == 0 ? 0 : steps < 3 ? COMMIT : HALT;
        uint64 pc = TEXT + 4 * uint64(steps < 3 ? steps : 3);
        bytes memory low =
            bytes.concat(p.memoryRoot, bytes8(pc), bytes8(0), bytes8(uint64(1 << 28)));
        low = bytes.concat(low, new bytes(14 * 8), bytes8(a7), new bytes(14 * 8));
        low = bytes.concat(low, bytes8(type(uint64).max), bytes1(steps < STEPS ? 0 : 1), bytes8(0));
        return bytes.concat(low, bytes1(0x01), input, bytes8(0), output);
    }

    /// @notice What the step from a state needs: the instruction's leaf, and memory's where it is read.
    function proof(bytes memory state_, uint256 steps, bytes32 says)
        internal
        pure
        returns (bytes memory)
    {
        if (steps >= STEPS) return state_;
        bytes memory all = bytes.concat(state_, ROM_LEAF, emptySiblings(ROM_HEIGHT));
        return steps == 1 ? bytes.concat(all, says, emptySiblings(MEMORY_HEIGHT)) : all;
    }

    /// @notice The root of a tree in which all leaves but the first are zero.
    function firstLeafRoot(bytes32 leaf, uint256 height) internal pure returns (bytes32 root) {
        root = leaf;
        bytes32 empty;
        for (uint256 i = 0; i < height; ++i) {
            root = MerkleTrees.node(root, empty);
            empty = MerkleTrees.node(empty, empty);
        }
    }

    function emptySiblings(uint256 height) internal pure returns (bytes memory siblings) {
        bytes32 empty;
        for (uint256 i = 0; i < height; ++i) {
            siblings = bytes.concat(siblings, empty);
            empty = MerkleTrees.node(empty, empty);
        }
    }
}
