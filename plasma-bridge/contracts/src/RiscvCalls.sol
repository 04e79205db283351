// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { RiscvMemory } from "./RiscvMemory.sol";
import { RiscvState, Step } from "./RiscvState.sol";

/// @title The fault-proof machine's calls: preimages, hashes, signatures, its output and its end
/// @notice a7 says which; arguments are in a0 and a1.
library RiscvCalls {
    using RiscvState for Step;
    using RiscvMemory for Step;

    error WrongPreimage(uint256 kind, bytes32 key, uint256 length);
    error WrongOpening(bytes32 key, uint256 index);
    /// @notice The root's precompile did not answer: most likely there was too little gas.
    error NoAnswer(uint256 precompile, uint256 gas);

    uint256 private constant HALT = 93;
    uint256 private constant SET_KEY = 0x500;
    uint256 private constant READ = 0x501;
    uint256 private constant COMMIT = 0x502;
    uint256 private constant KECCAK = 0x503;
    uint256 private constant SHA256 = 0x504;
    uint256 private constant ECRECOVER = 0x505;

    uint256 private constant KEY_KECCAK = 1;
    uint256 private constant KEY_SHA256 = 2;
    uint256 private constant KEY_BLOB = 4;
    uint256 private constant LAST_KEY_KIND = 4;

    /// @dev Of a hashed message, and of a preimage.
    uint256 private constant MAX_BYTES = 4096;
    uint256 private constant TRIE_NODE_BYTES = 64;
    uint256 private constant BLOB_ELEMENTS = 4096;

    uint256 private constant PRECOMPILE_ECRECOVER = 1;
    uint256 private constant PRECOMPILE_SHA256 = 2;
    uint256 private constant PRECOMPILE_MODEXP = 5;
    uint256 private constant PRECOMPILE_POINT = 0x0a;

    /// @dev The order of BLS12-381's scalar field (EIP-4844).
    uint256 private constant BLS_MODULUS =
        0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;
    /// @dev 7^((BLS_MODULUS - 1) / 4096): its root of unity of order 4096.
    uint256 private constant ROOT_OF_UNITY =
        0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306;

    uint256 private constant A0 = 10;
    uint256 private constant A1 = 11;
    uint256 private constant A7 = 17;

    /// @notice Does what the registers ask for; the cause of a trap, or 0.
    function call(Step memory step, uint256 length) internal view returns (uint256 cause) {
        uint256 number = step.x(A7);
        uint256 a0 = step.x(A0);
        if (number == HALT) {
            step.stop(RiscvState.HALTED, a0);
            return 0;
        }
        if (number < SET_KEY || number > ECRECOVER) return RiscvState.ECALL_UNKNOWN;
        (uint256 place, uint256 height, bool valid) = argument(number, a0, step.x(A1));
        if (!valid) return RiscvState.ECALL_ARGUMENT;
        if (number == READ && !isKeyKind(step.byteAt(RiscvState.KEY_KIND))) {
            return RiscvState.PREIMAGE;
        }
        bytes32 leaf = step.open(place, height);
        if (number == SET_KEY) {
            step.setLeaf(RiscvState.KEY, leaf);
            step.setByte(RiscvState.KEY_KIND, a0);
            step.setWord(RiscvState.KEY_OFFSET, 0);
        } else if (number == COMMIT) {
            step.setLeaf(RiscvState.OUTPUT, leaf);
        } else {
            step.write(answer(step, number));
        }
        step.advance(length);
    }

    function isKeyKind(uint256 kind) private pure returns (bool) {
        return kind != 0 && kind <= LAST_KEY_KIND;
    }

    /// @dev The block that a call is about, and its height over the leaves.
    function argument(uint256 number, uint256 a0, uint256 a1)
        private
        pure
        returns (uint256 place, uint256 height, bool valid)
    {
        unchecked {
            place = a0;
            if (number == SET_KEY) {
                if (!isKeyKind(a0)) return (0, 0, false);
                place = a1;
            } else if (number == KECCAK || number == SHA256) {
                if (a1 > MAX_BYTES) return (0, 0, false);
                while (32 << height < a1) ++height;
            } else if (number == ECRECOVER) {
                height = 2;
            }
            valid = RiscvMemory.refused(place, 32 << height, 1, 1) == 0;
        }
    }

    /// @dev What READ and the accelerators write to their block's first leaf. Sets a0.
    function answer(Step memory step, uint256 number) private view returns (bytes32 leaf) {
        if (number == READ) return read(step);
        uint256 length = step.x(A1);
        if (number == KECCAK) return keccakOf(step.blockAt, length);
        if (number == SHA256) return sha256Of(step.blockAt, length);
        bool known;
        (known, leaf) = signerOf(step.blockAt);
        step.setX(A0, known ? 1 : 0);
    }

    /// @dev The next part of the key's preimage, and how far READ has come.
    function read(Step memory step) private view returns (bytes32 leaf) {
        unchecked {
            uint256 offset = step.word(RiscvState.KEY_OFFSET);
            uint256 count;
            (leaf, count) = step.byteAt(RiscvState.KEY_KIND) == KEY_BLOB
                ? element(step, offset >> 5)
                : part(step, offset);
            step.setX(A0, count);
            step.setWord(RiscvState.KEY_OFFSET, offset + count);
        }
    }

    /// @dev At most 32 bytes of a preimage, which the proof brings whole.
    function part(Step memory step, uint256 offset)
        private
        view
        returns (bytes32 leaf, uint256 count)
    {
        unchecked {
            uint256 length = uint256(RiscvMemory.load(step.take(2))) >> 240;
            uint256 place = step.take(length);
            uint256 kind = step.byteAt(RiscvState.KEY_KIND);
            bytes32 key = step.leaf(RiscvState.KEY);
            if (!isPreimage(kind, key, place, length)) revert WrongPreimage(kind, key, length);
            if (offset >= length) return (0, 0);
            count = length - offset;
            if (count > 32) count = 32;
            leaf = RiscvMemory.load(place + offset) & ~bytes32(type(uint256).max >> (8 * count));
        }
    }

    function isPreimage(uint256 kind, bytes32 key, uint256 place, uint256 length)
        private
        view
        returns (bool)
    {
        if (length > MAX_BYTES) return false;
        if (kind == KEY_KECCAK) return keccakOf(place, length) == key;
        if (kind == KEY_SHA256) return sha256Of(place, length) == key;
        // The highest bit of a trie node's hash says whether it is a leaf.
        return length == TRIE_NODE_BYTES && (sha256Of(place, length) ^ key) << 1 == 0;
    }

    /// @dev A blob's field element, with a proof that EIP-4844's precompile checks.
    function element(Step memory step, uint256 index)
        private
        view
        returns (bytes32 value, uint256 count)
    {
        unchecked {
            if (index >= BLOB_ELEMENTS) return (0, 0);
            uint256 place = step.take(48 + 48 + 32);
            bytes32 key = step.leaf(RiscvState.KEY);
            uint256 z = point(index);
            value = RiscvMemory.load(place + 96);
            bool opened;
            assembly ("memory-safe") {
                let input := mload(0x40)
                mstore(input, key)
                mstore(add(input, 32), z)
                mstore(add(input, 64), value)
                calldatacopy(add(input, 96), place, 96)
                opened := staticcall(gas(), PRECOMPILE_POINT, input, 192, 0, 64)
                opened := and(opened, eq(returndatasize(), 64))
            }
            if (!opened) revert WrongOpening(key, index);
            return (value, 32);
        }
    }

    /// @dev Where a blob's polynomial has this element: roots of unity in bit-reversed order.
    function point(uint256 index) private view returns (uint256 z) {
        uint256 exponent;
        for (uint256 bit = 1; bit < BLOB_ELEMENTS; bit <<= 1) {
            exponent = (exponent << 1) | (index & bit == 0 ? 0 : 1);
        }
        bool answered;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, 32)
            mstore(add(input, 32), 32)
            mstore(add(input, 64), 32)
            mstore(add(input, 96), ROOT_OF_UNITY)
            mstore(add(input, 128), exponent)
            mstore(add(input, 160), BLS_MODULUS)
            answered := staticcall(gas(), PRECOMPILE_MODEXP, input, 192, 0, 32)
            answered := and(answered, eq(returndatasize(), 32))
            z := mload(0)
        }
        if (!answered) revert NoAnswer(PRECOMPILE_MODEXP, gasleft());
    }

    function keccakOf(uint256 place, uint256 length) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            calldatacopy(input, place, length)
            hash := keccak256(input, length)
        }
    }

    function sha256Of(uint256 place, uint256 length) private view returns (bytes32 hash) {
        bool answered;
        assembly ("memory-safe") {
            let input := mload(0x40)
            calldatacopy(input, place, length)
            answered := staticcall(gas(), PRECOMPILE_SHA256, input, length, 0, 32)
            answered := and(answered, eq(returndatasize(), 32))
            hash := mload(0)
        }
        if (!answered) revert NoAnswer(PRECOMPILE_SHA256, gasleft());
    }

    /// @dev The signer as a word, or no one where the precompile returns nothing. A precompile that
    /// runs out of gas returns nothing too, but fails: that must not pass for a wrong signature.
    function signerOf(uint256 place) private view returns (bool known, bytes32 signer) {
        bool answered;
        assembly ("memory-safe") {
            let input := mload(0x40)
            calldatacopy(input, place, 128)
            mstore(0, 0)
            answered := staticcall(gas(), PRECOMPILE_ECRECOVER, input, 128, 0, 32)
            known := eq(returndatasize(), 32)
            signer := mload(0)
        }
        if (!answered) revert NoAnswer(PRECOMPILE_ECRECOVER, gasleft());
    }
}
