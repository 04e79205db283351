// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice A step that is being taken: the state in memory, changed in place, and the rest of its
/// proof in calldata. Everything else of a step is a 64-bit number in a word, or a leaf.
struct Step {
    /// Where the packed state begins in memory.
    uint256 state;
    /// Where the proof begins in calldata.
    uint256 start;
    /// The first byte of the proof that is not read yet.
    uint256 cursor;
    /// Where the proof ends.
    uint256 end;
    /// Where the open block of memory begins in calldata.
    uint256 blockAt;
    /// The block's address in the machine, or one in it.
    uint256 blockAddress;
    /// The block has 2^blockHeight leaves.
    uint256 blockHeight;
}

/// @title The fault-proof machine's packed state
/// @notice
///       0 memory root | 32 pc | 40 x1..x31 | 288 reservation | 296 status | 297 code
///     305 key kind | 306 key | 338 key offset | 346 output          378 bytes, big-endian
library RiscvState {
    uint256 internal constant STATE_BYTES = 378;

    uint256 internal constant MEMORY_ROOT = 0;
    uint256 internal constant PC = 32;
    uint256 internal constant RESERVATION = 288;
    uint256 internal constant STATUS = 296;
    uint256 internal constant CODE = 297;
    uint256 internal constant KEY_KIND = 305;
    uint256 internal constant KEY = 306;
    uint256 internal constant KEY_OFFSET = 338;
    uint256 internal constant OUTPUT = 346;

    uint256 internal constant HALTED = 1;
    uint256 internal constant TRAPPED = 2;

    // Why a program trapped; 0 stands for no trap.
    uint256 internal constant FETCH = 1;
    uint256 internal constant ILLEGAL = 2;
    uint256 internal constant MISALIGNED_LOAD = 3;
    uint256 internal constant LOAD_FAULT = 4;
    uint256 internal constant MISALIGNED_STORE = 5;
    uint256 internal constant STORE_FAULT = 6;
    uint256 internal constant ECALL_UNKNOWN = 7;
    uint256 internal constant ECALL_ARGUMENT = 8;
    uint256 internal constant PREIMAGE = 9;

    uint256 private constant X1 = 40;

    /// @notice The 8-byte number of this field.
    function word(Step memory step, uint256 field) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(192, mload(add(mload(step), field)))
        }
    }

    /// @notice Writes the number modulo 2^64.
    function setWord(Step memory step, uint256 field, uint256 value) internal pure {
        assembly ("memory-safe") {
            let place := add(mload(step), field)
            mstore(place, or(shl(192, value), shr(64, shl(64, mload(place)))))
        }
    }

    function byteAt(Step memory step, uint256 field) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(add(mload(step), field)))
        }
    }

    function setByte(Step memory step, uint256 field, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore8(add(mload(step), field), value)
        }
    }

    /// @notice The 32 bytes of this field.
    function leaf(Step memory step, uint256 field) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := mload(add(mload(step), field))
        }
    }

    function setLeaf(Step memory step, uint256 field, bytes32 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(mload(step), field), value)
        }
    }

    /// @notice A register; x0 is 0.
    function x(Step memory step, uint256 register) internal pure returns (uint256) {
        unchecked {
            return register == 0 ? 0 : word(step, X1 - 8 + 8 * register);
        }
    }

    /// @notice Writes the number modulo 2^64; nothing to x0.
    function setX(Step memory step, uint256 register, uint256 value) internal pure {
        unchecked {
            if (register != 0) setWord(step, X1 - 8 + 8 * register, value);
        }
    }

    /// @notice Goes to the next instruction.
    function advance(Step memory step, uint256 length) internal pure {
        unchecked {
            setWord(step, PC, word(step, PC) + length);
        }
    }

    /// @notice No step after this one changes anything.
    function stop(Step memory step, uint256 status, uint256 code) internal pure {
        setByte(step, STATUS, status);
        setWord(step, CODE, code);
    }

    function hash(Step memory step) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := keccak256(mload(step), STATE_BYTES)
        }
    }
}
