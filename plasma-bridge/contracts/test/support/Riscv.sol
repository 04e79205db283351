// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { RiscvStep } from "../../src/RiscvStep.sol";
import { vm } from "./Vm.sol";

/// @notice A state of the machine, and what is around it: one leaf of code and one of memory, whose
/// siblings are all zero words, which any root can stand over.
struct Setting {
    uint64[32] x;
    uint64 pc;
    uint64 reservation;
    uint8 status;
    uint64 code;
    uint8 keyKind;
    bytes32 key;
    uint64 keyOffset;
    bytes32 output;
    /// The slot that pc is at.
    uint32 slot;
    /// Where the leaf is, and the leaf.
    uint64 place;
    bytes32 leaf;
}

/// @notice Writes the proof of a step as it is to be, and says what the state after it must be.
abstract contract Riscv {
    uint64 internal constant TEXT = 0x10000;
    uint64 internal constant DATA = 0x100000;
    uint64 internal constant TOP = 1 << 28;
    uint64 internal constant NONE = type(uint64).max;

    uint8 internal constant TRAPPED = 2;
    uint64 internal constant FETCH = 1;
    uint64 internal constant ILLEGAL = 2;
    uint64 internal constant MISALIGNED_LOAD = 3;
    uint64 internal constant LOAD_FAULT = 4;
    uint64 internal constant MISALIGNED_STORE = 5;
    uint64 internal constant STORE_FAULT = 6;
    uint64 internal constant ECALL_UNKNOWN = 7;
    uint64 internal constant ECALL_ARGUMENT = 8;

    // Tables speak of rd = x5, rs1 = x6 and rs2 = x7.
    uint256 internal constant RD = 5;
    uint256 internal constant RS1 = 6;
    uint256 internal constant RS2 = 7;

    RiscvStep internal verifier = new RiscvStep();

    /// @dev A running machine before this instruction, with rs1 and rs2.
    function setting(uint32 slot, uint64 a, uint64 b) internal pure returns (Setting memory s) {
        s.pc = TEXT + 6;
        s.slot = slot;
        s.reservation = NONE;
        s.keyKind = 1;
        s.key = keccak256("a key");
        for (uint256 i = 1; i < 32; ++i) {
            s.x[i] = uint64(0x0101010101010101 * i);
        }
        (s.x[RS1], s.x[RS2]) = (a, b);
        s.place = DATA;
        s.leaf = keccak256("a leaf");
    }

    function climb(bytes32 node, uint256 index, uint256 height) internal pure returns (bytes32) {
        for (uint256 i = 0; i < height; ++i) {
            node = index >> i & 1 == 0
                ? keccak256(abi.encode(node, bytes32(0)))
                : keccak256(abi.encode(bytes32(0), node));
        }
        return node;
    }

    function encode(Setting memory s) internal pure returns (bytes memory out) {
        out = abi.encodePacked(climb(s.leaf, s.place / 32, 23), s.pc);
        for (uint256 i = 1; i < 32; ++i) {
            out = abi.encodePacked(out, s.x[i]);
        }
        out = abi.encodePacked(out, s.reservation, s.status, s.code, s.keyKind, s.key);
        return abi.encodePacked(out, s.keyOffset, s.output);
    }

    /// @dev The code: the slot at its place in a leaf of other slots.
    function romLeaf(Setting memory s) internal pure returns (bytes32) {
        uint256 slot = uint256(s.slot);
        uint256 swapped =
            (slot >> 24) | (slot >> 8 & 0xff00) | (slot << 8 & 0xff0000) | (slot & 0xff) << 24;
        uint256 shift = 224 - 32 * ((s.pc - TEXT) / 2 % 8);
        uint256 others = uint256(keccak256("other slots")) & ~(uint256(0xffffffff) << shift);
        return bytes32(others | swapped << shift);
    }

    function romRoot(Setting memory s) internal pure returns (bytes32) {
        return climb(romLeaf(s), (s.pc - TEXT) / 16, 18);
    }

    function fetched(Setting memory s) internal pure returns (bytes memory) {
        return bytes.concat(encode(s), romLeaf(s), new bytes(18 * 32));
    }

    function withMemory(Setting memory s) internal pure returns (bytes memory) {
        return bytes.concat(fetched(s), s.leaf, new bytes(23 * 32));
    }

    function take(Setting memory s, bytes memory proof) internal view returns (bytes32) {
        return verifier.step(keccak256(encode(s)), romRoot(s), TEXT, proof);
    }

    function check(string memory name, Setting memory s, bytes memory proof, Setting memory next)
        internal
        view
    {
        bytes32 expected = keccak256(encode(next));
        vm.assertEq(vm.toString(take(s, proof)), vm.toString(expected), name);
    }

    /// @dev A step that traps with this cause, over a proof without memory.
    function checkTrap(string memory name, Setting memory s, uint64 cause) internal view {
        Setting memory next = copy(s);
        (next.status, next.code) = (TRAPPED, cause);
        check(name, s, fetched(s), next);
    }

    function copy(Setting memory s) internal pure returns (Setting memory) {
        return abi.decode(abi.encode(s), (Setting));
    }

    // Encodings of instructions over x5, x6 and x7.

    function register(uint32 opcode, uint32 funct3, uint32 funct7) internal pure returns (uint32) {
        return funct7 << 25 | 7 << 20 | 6 << 15 | funct3 << 12 | 5 << 7 | opcode;
    }

    function immediate(uint32 opcode, uint32 funct3, uint32 value) internal pure returns (uint32) {
        return value << 20 | 6 << 15 | funct3 << 12 | 5 << 7 | opcode;
    }

    /// @dev A store at rs1 itself.
    function storing(uint32 funct3) internal pure returns (uint32) {
        return 7 << 20 | 6 << 15 | funct3 << 12 | 0x23;
    }

    function amo(uint32 funct5, uint32 funct3) internal pure returns (uint32) {
        return register(0x2f, funct3, funct5 << 2);
    }
}
