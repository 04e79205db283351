// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a program's identity is the hash of.
struct Program {
    /// The root of the table of its instructions.
    bytes32 romRoot;
    /// The address of the table's first half-word.
    uint64 romBase;
    /// The root of the memory that it starts with.
    bytes32 memoryRoot;
    /// Where it starts.
    uint64 entry;
}

/// @title The fault-proof machine's states, as a tournament sees them
/// @notice A state is packed, big-endian, and hashed in one go:
///
///       0 memory root | 32 pc | 40 x1..x31 | 288 reservation | 296 status | 297 code
///     305 key kind | 306 key | 338 key offset | 346 output          378 bytes
library Machine {
    error WrongStateLength(uint256 expected, uint256 got);

    uint256 internal constant STATE_BYTES = 378;
    /// @notice The outcome of a run that did not end well: no checkpoint has this hash.
    bytes32 internal constant FAILED = 0;

    uint8 private constant HALTED = 1;
    uint8 private constant KEY_KECCAK = 1;
    /// @notice The stack begins at the end of memory.
    uint64 private constant MEMORY_END = 1 << 28;

    function identity(Program memory program) internal pure returns (bytes32) {
        return keccak256(abi.encode(program));
    }

    /// @notice What the machine is told: where the segment starts, and what is in the inbox.
    function input(uint64 chainId, bytes32 genesisHash, bytes32 agreedCheckpoint, bytes32 entryHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(chainId, genesisHash, agreedCheckpoint, entryHash));
    }

    /// @notice The hash of a program's first state, whose first key names the input. Built here, so
    /// that nobody can start from elsewhere.
    function firstState(Program memory program, bytes32 inputHash) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                program.memoryRoot,
                bytes8(program.entry),
                bytes8(0), // x1
                bytes8(MEMORY_END), // x2, the stack pointer
                new bytes(29 * 8), // x3 to x31
                bytes8(type(uint64).max), // no reservation
                new bytes(1 + 8), // running
                bytes1(KEY_KECCAK),
                inputHash,
                new bytes(8 + 32) // nothing read, nothing committed
            )
        );
    }

    /// @notice What a run that ends in this state says: the committed output, or FAILED.
    function outcome(bytes calldata state) internal pure returns (bytes32) {
        if (state.length != STATE_BYTES) revert WrongStateLength(STATE_BYTES, state.length);
        bool well = uint8(state[296]) == HALTED && bytes8(state[297:305]) == 0;
        return well ? bytes32(state[346:378]) : FAILED;
    }
}
