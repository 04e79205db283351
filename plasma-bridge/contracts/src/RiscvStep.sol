// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IStepVerifier } from "./IStepVerifier.sol";
import { RiscvAlu } from "./RiscvAlu.sol";
import { RiscvCalls } from "./RiscvCalls.sol";
import { RiscvMemory } from "./RiscvMemory.sol";
import { RiscvState, Step } from "./RiscvState.sol";

/// @title One step of the fault-proof machine
/// @notice RV64IMAC at user level, one hart, 2^28 bytes of memory, code in a table of its own. The
/// step function is total: whatever a program does is an instruction, a halt or a trap, and only a
/// wrong proof reverts.
contract RiscvStep is IStepVerifier {
    using RiscvState for Step;
    using RiscvMemory for Step;

    error WrongAgreedState(bytes32 expected, bytes32 got);
    error WrongRomRoot(bytes32 expected, bytes32 computed);

    uint256 private constant ROM_HEIGHT = 18;
    /// @dev The bytes of text that the ROM stands for: eight half-words for each leaf.
    uint256 private constant WINDOW = 1 << 22;

    uint256 private constant LUI = 0x37;
    uint256 private constant AUIPC = 0x17;
    uint256 private constant JAL = 0x6f;
    uint256 private constant JALR = 0x67;
    uint256 private constant BRANCH = 0x63;
    uint256 private constant LOAD = 0x03;
    uint256 private constant STORE = 0x23;
    uint256 private constant OP_IMM = 0x13;
    uint256 private constant OP_IMM_32 = 0x1b;
    uint256 private constant OP = 0x33;
    uint256 private constant OP_32 = 0x3b;
    uint256 private constant FENCE = 0x0f;
    uint256 private constant ATOMIC = 0x2f;
    uint256 private constant ECALL = 0x73;

    uint256 private constant LR = 2;
    uint256 private constant SC = 3;
    uint256 private constant NO_RESERVATION = type(uint64).max;

    /// @inheritdoc IStepVerifier
    function step(bytes32 agreed, bytes32 romRoot, uint64 romBase, bytes calldata proof)
        external
        view
        returns (bytes32 next)
    {
        Step memory taken = RiscvMemory.begin(proof);
        bytes32 got = taken.hash();
        if (got != agreed) revert WrongAgreedState(agreed, got);
        if (taken.byteAt(RiscvState.STATUS) != 0) {
            taken.finish();
            return got;
        }
        uint256 cause = fetch(taken, romRoot, romBase);
        taken.finish();
        if (cause != 0) taken.stop(RiscvState.TRAPPED, cause);
        return taken.hash();
    }

    /// @dev As all that follow: the cause of a trap, before which nothing has been changed, or 0.
    function fetch(Step memory s, bytes32 romRoot, uint256 romBase)
        private
        view
        returns (uint256 cause)
    {
        unchecked {
            uint256 pc = s.word(RiscvState.PC);
            if (pc & 1 != 0 || pc < romBase || pc - romBase >= WINDOW) return RiscvState.FETCH;
            uint256 slot = (pc - romBase) >> 1;
            uint256 place = s.take(32 + 32 * ROM_HEIGHT);
            bytes32 leaf = RiscvMemory.load(place);
            bytes32 computed = RiscvMemory.climb(leaf, slot >> 3, place + 32, ROM_HEIGHT);
            if (computed != romRoot) revert WrongRomRoot(romRoot, computed);
            uint256 instruction = RiscvMemory.number(leaf, 4 * slot, 4);
            // The lowest bits say how long the instruction was before the loader expanded it.
            uint256 form = instruction & 3;
            if (form == 3) return execute(s, instruction, 4);
            return form == 1 ? execute(s, instruction | 3, 2) : RiscvState.ILLEGAL;
        }
    }

    function execute(Step memory s, uint256 word, uint256 length) private view returns (uint256) {
        uint256 opcode = word & 0x7f;
        if (opcode == LOAD) return load(s, word, length);
        if (opcode == STORE) return store(s, word, length);
        if (opcode == BRANCH) return branch(s, word, length);
        if (opcode == ATOMIC) return atomic(s, word, length);
        if (opcode == JAL || opcode == JALR) return jump(s, word, length);
        if (word == ECALL) return RiscvCalls.call(s, length);
        if (opcode == FENCE) {
            if (funct3Of(word) != 0) return RiscvState.ILLEGAL;
            s.advance(length);
            return 0;
        }
        (bool legal, uint256 value) = compute(s, word, opcode);
        if (!legal) return RiscvState.ILLEGAL;
        complete(s, word, value, length);
        return 0;
    }

    /// @dev Writes rd and goes on.
    function complete(Step memory s, uint256 word, uint256 value, uint256 length) private pure {
        s.setX((word >> 7) & 31, value);
        s.advance(length);
    }

    function funct3Of(uint256 word) private pure returns (uint256) {
        return (word >> 12) & 7;
    }

    function rs1(Step memory s, uint256 word) private pure returns (uint256) {
        return s.x((word >> 15) & 31);
    }

    function rs2(Step memory s, uint256 word) private pure returns (uint256) {
        return s.x((word >> 20) & 31);
    }

    /// @dev What changes nothing but rd.
    function compute(Step memory s, uint256 word, uint256 opcode)
        private
        pure
        returns (bool, uint256)
    {
        unchecked {
            if (opcode == OP_IMM || opcode == OP_IMM_32) {
                return RiscvAlu.immediateOperation(word, rs1(s, word), opcode == OP_IMM_32);
            }
            if (opcode == OP || opcode == OP_32) {
                return RiscvAlu.registerOperation(word, rs1(s, word), rs2(s, word), opcode == OP_32);
            }
            uint256 immediate = RiscvAlu.spread(word & 0xfffff000, 32);
            if (opcode == LUI) return (true, immediate);
            return (opcode == AUIPC, s.word(RiscvState.PC) + immediate);
        }
    }

    function jump(Step memory s, uint256 word, uint256 length) private pure returns (uint256) {
        unchecked {
            uint256 pc = s.word(RiscvState.PC);
            uint256 target;
            if (word & 0x7f == JAL) {
                uint256 offset = ((word >> 31) << 20) | (((word >> 12) & 0xff) << 12)
                    | (((word >> 20) & 1) << 11) | (((word >> 21) & 0x3ff) << 1);
                target = pc + RiscvAlu.spread(offset, 21);
            } else {
                if (funct3Of(word) != 0) return RiscvState.ILLEGAL;
                // Before rd is written, which may be the same register.
                target = (rs1(s, word) + RiscvAlu.spread(word >> 20, 12)) & ~uint256(1);
            }
            s.setX((word >> 7) & 31, pc + length);
            s.setWord(RiscvState.PC, target);
            return 0;
        }
    }

    function branch(Step memory s, uint256 word, uint256 length) private pure returns (uint256) {
        (bool legal, bool yes) = RiscvAlu.taken(funct3Of(word), rs1(s, word), rs2(s, word));
        if (!legal) return RiscvState.ILLEGAL;
        if (yes) {
            uint256 offset = ((word >> 31) << 12) | (((word >> 7) & 1) << 11)
                | (((word >> 25) & 0x3f) << 5) | (((word >> 8) & 15) << 1);
            length = RiscvAlu.spread(offset, 13);
        }
        s.advance(length);
        return 0;
    }

    function load(Step memory s, uint256 word, uint256 length) private pure returns (uint256) {
        unchecked {
            uint256 funct3 = funct3Of(word);
            if (funct3 == 7) return RiscvState.ILLEGAL;
            uint256 place = uint64(rs1(s, word) + RiscvAlu.spread(word >> 20, 12));
            uint256 size = 1 << (funct3 & 3);
            uint256 cause = RiscvMemory.refused(
                place, size, RiscvState.MISALIGNED_LOAD, RiscvState.LOAD_FAULT
            );
            if (cause != 0) return cause;
            uint256 value = RiscvMemory.number(s.open(place, 0), place, size);
            if (funct3 < 4) value = RiscvAlu.spread(value, 8 * size);
            complete(s, word, value, length);
            return 0;
        }
    }

    function store(Step memory s, uint256 word, uint256 length) private pure returns (uint256) {
        unchecked {
            uint256 funct3 = funct3Of(word);
            if (funct3 > 3) return RiscvState.ILLEGAL;
            uint256 offset = ((word >> 25) << 5) | ((word >> 7) & 31);
            uint256 place = uint64(rs1(s, word) + RiscvAlu.spread(offset, 12));
            uint256 size = 1 << funct3;
            uint256 cause = RiscvMemory.refused(
                place, size, RiscvState.MISALIGNED_STORE, RiscvState.STORE_FAULT
            );
            if (cause != 0) return cause;
            s.write(RiscvMemory.withNumber(s.open(place, 0), place, size, rs2(s, word)));
            s.advance(length);
            return 0;
        }
    }

    /// @dev LR, SC and AMO.
    function atomic(Step memory s, uint256 word, uint256 length) private pure returns (uint256) {
        unchecked {
            uint256 operation = word >> 27;
            uint256 size = 1 << funct3Of(word);
            if (size != 4 && size != 8) return RiscvState.ILLEGAL;
            if (operation == LR) return loadReserved(s, word, size, length);
            if (operation != SC) {
                (bool legal,) = RiscvAlu.atomicOperation(operation, 0, 0, 8 * size);
                if (!legal) return RiscvState.ILLEGAL;
            }
            uint256 place = rs1(s, word);
            uint256 cause = RiscvMemory.refused(
                place, size, RiscvState.MISALIGNED_STORE, RiscvState.STORE_FAULT
            );
            if (cause != 0) return cause;
            uint256 value = operation == SC
                ? storeConditional(s, word, place, size)
                : modify(s, word, place, size);
            complete(s, word, value, length);
            return 0;
        }
    }

    function loadReserved(Step memory s, uint256 word, uint256 size, uint256 length)
        private
        pure
        returns (uint256)
    {
        unchecked {
            if ((word >> 20) & 31 != 0) return RiscvState.ILLEGAL;
            uint256 place = rs1(s, word);
            uint256 cause = RiscvMemory.refused(
                place, size, RiscvState.MISALIGNED_LOAD, RiscvState.LOAD_FAULT
            );
            if (cause != 0) return cause;
            uint256 value = RiscvMemory.number(s.open(place, 0), place, size);
            s.setWord(RiscvState.RESERVATION, place);
            complete(s, word, RiscvAlu.spread(value, 8 * size), length);
            return 0;
        }
    }

    /// @dev 0 for rd when it stores; a failed one touches no memory.
    function storeConditional(Step memory s, uint256 word, uint256 place, uint256 size)
        private
        pure
        returns (uint256)
    {
        bool reserved = s.word(RiscvState.RESERVATION) == place;
        s.setWord(RiscvState.RESERVATION, NO_RESERVATION);
        if (!reserved) return 1;
        s.write(RiscvMemory.withNumber(s.open(place, 0), place, size, rs2(s, word)));
        return 0;
    }

    /// @dev The old value for rd.
    function modify(Step memory s, uint256 word, uint256 place, uint256 size)
        private
        pure
        returns (uint256)
    {
        unchecked {
            bytes32 leaf = s.open(place, 0);
            uint256 old = RiscvMemory.number(leaf, place, size);
            (, uint256 value) = RiscvAlu.atomicOperation(word >> 27, old, rs2(s, word), 8 * size);
            s.write(RiscvMemory.withNumber(leaf, place, size, value));
            return RiscvAlu.spread(old, 8 * size);
        }
    }
}
