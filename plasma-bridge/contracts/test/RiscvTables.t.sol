// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { RiscvMemory } from "../src/RiscvMemory.sol";
import { Riscv, Setting } from "./support/Riscv.sol";
import { vm } from "./support/Vm.sol";

/// @notice Steps written by hand: the order of traps, and bugs that other machines had.
contract RiscvTablesTest is Riscv {
    uint32 private constant ECALL = 0x73;

    function trap(string memory name, uint32 slot, uint64 a, uint64 cause) private view {
        checkTrap(name, setting(slot, a, 1), cause);
    }

    /// @dev A value for rd, from no memory.
    function gives(string memory name, uint32 slot, uint64 a, uint64 b, uint64 rd) private view {
        Setting memory s = setting(slot, a, b);
        Setting memory next = copy(s);
        next.x[RD] = rd;
        next.pc += 4;
        check(name, s, fetched(s), next);
    }

    function test_alignment_comes_before_range_and_encoding_before_both() public view {
        uint64 odd = TOP + 1;
        for (uint32 width = 1; width < 4; ++width) {
            trap("load: misaligned and out of range", immediate(3, width, 0), odd, MISALIGNED_LOAD);
            trap("load: out of range", immediate(3, width, 0), TOP, LOAD_FAULT);
            trap("store: misaligned and out of range", storing(width), odd, MISALIGNED_STORE);
            trap("store: out of range", storing(width), TOP, STORE_FAULT);
        }
        trap("lb out of range", immediate(3, 0, 0), TOP, LOAD_FAULT);
        trap("lbu one below zero", immediate(3, 4, 0xfff), 0, LOAD_FAULT);
        trap("ld at the last address", immediate(3, 3, 0), type(uint64).max - 7, LOAD_FAULT);
        trap("load of function 7", immediate(3, 7, 0), odd, ILLEGAL);
        trap("store of function 4", storing(4), odd, ILLEGAL);
        for (uint32 width = 2; width < 4; ++width) {
            trap("lr with rs2, misaligned", amo(2, width), odd, ILLEGAL);
            trap("lr: misaligned", amo(2, width) & ~uint32(31 << 20), odd, MISALIGNED_LOAD);
            trap("lr: out of range", amo(2, width) & ~uint32(31 << 20), TOP, LOAD_FAULT);
            trap("sc without lr: misaligned", amo(3, width), odd, MISALIGNED_STORE);
            trap("sc without lr: out of range", amo(3, width), TOP, STORE_FAULT);
            trap("amoadd: misaligned", amo(0, width), odd, MISALIGNED_STORE);
            trap("amoadd: out of range", amo(0, width), TOP, STORE_FAULT);
            trap("amo of no function: misaligned", amo(5, width), odd, ILLEGAL);
        }
        for (uint32 width = 0; width < 8; ++width) {
            if (width != 2 && width != 3) trap("amo width", amo(0, width), odd, ILLEGAL);
        }
    }

    function test_calls_are_checked_number_first() public view {
        ecall("no number", 0, 9, TOP + 1, ECALL_UNKNOWN);
        ecall("linux's write", 64, 1, DATA, ECALL_UNKNOWN);
        ecall("linux's mmap", 222, 0, 0, ECALL_UNKNOWN);
        ecall("one before the first", 0x4ff, 1, DATA, ECALL_UNKNOWN);
        ecall("one after the last", 0x506, DATA, 1, ECALL_UNKNOWN);
        ecall("halt with an upper bit", 1 << 32 | 93, 0, 0, ECALL_UNKNOWN);
        ecall("key of no kind", 0x500, 0, DATA, ECALL_ARGUMENT);
        ecall("key of kind 5", 0x500, 5, DATA, ECALL_ARGUMENT);
        ecall("key kind with an upper bit", 0x500, 1 << 32 | 1, DATA, ECALL_ARGUMENT);
        ecall("key misaligned", 0x500, 1, DATA + 16, ECALL_ARGUMENT);
        ecall("key out of range", 0x500, 1, TOP, ECALL_ARGUMENT);
        ecall("read of the last leaf before zero", 0x501, type(uint64).max - 31, 0, ECALL_ARGUMENT);
        ecall("commit misaligned", 0x502, DATA + 1, 0, ECALL_ARGUMENT);
        for (uint64 hash = 0x503; hash < 0x505; ++hash) {
            ecall("a message that is too long", hash, DATA, 4097, ECALL_ARGUMENT);
            ecall("a block across its size", hash, DATA + 32, 33, ECALL_ARGUMENT);
            ecall("a block of 4096 at 2048", hash, DATA + 2048, 2049, ECALL_ARGUMENT);
            ecall("no message out of range", hash, TOP, 0, ECALL_ARGUMENT);
        }
        ecall("a signature at half a block", 0x505, DATA + 64, 0, ECALL_ARGUMENT);
    }

    function ecall(string memory name, uint64 a7, uint64 a0, uint64 a1, uint64 cause) private view {
        Setting memory s = setting(ECALL, 0, 0);
        (s.x[17], s.x[10], s.x[11]) = (a7, a0, a1);
        checkTrap(name, s, cause);
    }

    function test_a_read_of_no_kind_of_key_traps_after_its_arguments() public view {
        Setting memory s = setting(ECALL, 0, 0);
        (s.x[17], s.x[10], s.keyKind) = (0x501, DATA, 5);
        checkTrap("no kind", s, 9);
        s.x[10] = DATA + 1;
        checkTrap("no kind and misaligned", s, ECALL_ARGUMENT);
    }

    function test_code_outside_the_window_is_not_fetched() public view {
        uint64[6] memory places =
            [TEXT - 2, TEXT + (1 << 22), TEXT + 1, TEXT + 7, type(uint64).max - 1, 0];
        for (uint256 k = 0; k < places.length; ++k) {
            Setting memory s = setting(ECALL, 0, 0);
            bytes32 root = romRoot(s);
            s.pc = places[k];
            Setting memory next = copy(s);
            (next.status, next.code) = (TRAPPED, FETCH);
            bytes32 got = verifier.step(keccak256(encode(s)), root, TEXT, encode(s));
            vm.assertEq(got, keccak256(encode(next)));
        }
    }

    function test_reserved_encodings_are_no_instructions() public view {
        trap("slot 0", 0, 0, ILLEGAL);
        trap("low bits 00", 0x12, 0, ILLEGAL);
        trap("low bits 10", 0x6, 0, ILLEGAL);
        trap("all ones", type(uint32).max, 0, ILLEGAL);
        trap("slliw by 32", immediate(0x1b, 1, 32), 1, ILLEGAL);
        trap("srliw by 32", immediate(0x1b, 5, 32), 1, ILLEGAL);
        trap("sraiw by 32", immediate(0x1b, 5, 0x420), 1, ILLEGAL);
        trap("slli with the bit of srai", immediate(0x13, 1, 0x400), 1, ILLEGAL);
        trap("srai with a bit more", immediate(0x13, 5, 0xc00), 1, ILLEGAL);
        trap("op-imm-32 of function 2", immediate(0x1b, 2, 0), 1, ILLEGAL);
        trap("sll with the bit of sra", register(0x33, 1, 0x20), 1, ILLEGAL);
        trap("and with the bit of sub", register(0x33, 7, 0x20), 1, ILLEGAL);
        trap("op of function 7 = 2", register(0x33, 0, 2), 1, ILLEGAL);
        trap("mulh of words", register(0x3b, 1, 1), 1, ILLEGAL);
        trap("sltu of words", register(0x3b, 3, 0), 1, ILLEGAL);
        trap("branch of function 2", register(0x63, 2, 0), 1, ILLEGAL);
        trap("branch of function 3", register(0x63, 3, 0), 1, ILLEGAL);
        trap("jalr of function 1", immediate(0x67, 1, 0), 1, ILLEGAL);
        trap("fence.i", 0x100f, 1, ILLEGAL);
        trap("ebreak", 0x00100073, 1, ILLEGAL);
        trap("ecall with rd", 0xf3, 1, ILLEGAL);
        trap("csrrw", 0x34029073, 1, ILLEGAL);
        trap("flw", immediate(7, 2, 0), DATA, ILLEGAL);
    }

    function test_divisions_of_words_take_no_upper_bits() public view {
        uint64 rest = 0xdeadbeef00000000;
        gives("divw", register(0x3b, 4, 1), rest | 7, rest | 2, 3);
        gives(
            "divw by zero with upper bits", register(0x3b, 4, 1), rest | 7, rest, type(uint64).max
        );
        gives("divuw", register(0x3b, 5, 1), rest | 0xfffffffe, rest | 1, type(uint64).max - 1);
        gives("remw", register(0x3b, 6, 1), rest | 0xfffffff9, rest | 2, type(uint64).max);
        gives("remuw by zero", register(0x3b, 7, 1), rest | 0x80000000, rest, 0xffffffff80000000);
        gives(
            "divw, the one overflow",
            register(0x3b, 4, 1),
            0x80000000,
            type(uint64).max,
            0xffffffff80000000
        );
        gives("remw, the one overflow", register(0x3b, 6, 1), 0x80000000, type(uint64).max, 0);
        gives("div, the one overflow", register(0x33, 4, 1), 1 << 63, type(uint64).max, 1 << 63);
        gives("rem, the one overflow", register(0x33, 6, 1), 1 << 63, type(uint64).max, 0);
        gives("div by zero", register(0x33, 4, 1), 5, 0, type(uint64).max);
        gives("rem by zero", register(0x33, 6, 1), 5, 0, 5);
    }

    function test_shifts_of_words_have_the_words_sign() public view {
        uint64 a = 0x7fffffff80000000;
        gives("sraiw", immediate(0x1b, 5, 0x404), a, 0, 0xfffffffff8000000);
        gives("srliw", immediate(0x1b, 5, 4), a, 0, 0x08000000);
        gives("srliw by 0", immediate(0x1b, 5, 0), a, 0, 0xffffffff80000000);
        gives("slliw", immediate(0x1b, 1, 31), 1, 0, 0xffffffff80000000);
        gives("sraw by 36 is by 4", register(0x3b, 5, 0x20), a, 36, 0xfffffffff8000000);
        gives("srl by 64 is by 0", register(0x33, 5, 0), a, 64, a);
        gives("mulhsu", register(0x33, 2, 1), type(uint64).max, type(uint64).max, type(uint64).max);
        gives(
            "mulhu", register(0x33, 3, 1), type(uint64).max, type(uint64).max, type(uint64).max - 1
        );
        gives("mulh", register(0x33, 1, 1), type(uint64).max, type(uint64).max, 0);
    }

    function test_jumps_go_to_half_words_and_never_to_odd_addresses() public view {
        Setting memory s = setting(immediate(0x67, 0, 3), TEXT, 0);
        Setting memory next = copy(s);
        (next.x[RD], next.pc) = (s.pc + 4, TEXT + 2);
        check("jalr", s, fetched(s), next);
        // The same instruction from two bytes: the link is after those.
        s.slot ^= 2;
        next.slot = s.slot;
        next.x[RD] = s.pc + 2;
        check("c.jalr", s, fetched(s), next);
        // A branch two bytes back.
        s = setting(0xfe730fe3, 4, 4);
        next = copy(s);
        next.pc -= 2;
        check("beq", s, fetched(s), next);
    }

    function test_a_store_changes_its_bytes_and_nothing_beside_them() public view {
        for (uint32 width = 0; width < 4; ++width) {
            uint64 size = uint64(1) << width;
            uint64 value = 0x1122334455667788;
            for (uint64 offset = 0; offset < 32; offset += size) {
                Setting memory s = setting(storing(width), DATA + offset, value);
                Setting memory next = copy(s);
                next.pc += 4;
                bytes memory leaf = bytes.concat(s.leaf);
                for (uint256 k = 0; k < size; ++k) {
                    leaf[offset + k] = bytes1(uint8(value >> 8 * k));
                }
                next.leaf = bytes32(leaf);
                check("store", s, withMemory(s), next);
            }
        }
    }

    function test_what_is_stored_over_code_is_not_executed() public view {
        Setting memory s = setting(storing(2), TEXT, ECALL);
        s.pc = TEXT;
        s.place = TEXT;
        Setting memory next = copy(s);
        next.pc += 4;
        next.leaf = bytes32(bytes.concat(hex"73000000", bytes28(s.leaf << 32)));
        check("store over code", s, withMemory(s), next);
        // Back at the same place, the ROM still says to store.
        next.pc = TEXT;
        Setting memory again = copy(next);
        again.pc += 4;
        check("the same again", next, withMemory(next), again);
    }

    function test_a_proof_has_one_length() public {
        Setting memory s = setting(immediate(3, 3, 0), DATA, 0);
        bytes memory whole = withMemory(s);
        for (uint256 length = 0; length < whole.length; length += 31) {
            refuses(s, cut(whole, length));
        }
        refuses(s, cut(whole, whole.length - 1));
        refuses(s, bytes.concat(whole, hex"00"));
        refuses(s, bytes.concat(whole, new bytes(32)));
        vm.expectRevert(
            abi.encodeWithSelector(
                RiscvMemory.ProofTooLong.selector, whole.length, whole.length + 32
            )
        );
        take(s, bytes.concat(whole, new bytes(32)));
        // Where no memory is touched, none is shown; a state that ended needs the state alone.
        s.slot = register(0x33, 0, 0);
        refuses(s, withMemory(s));
        s.status = 1;
        refuses(s, fetched(s));
        check("a halted state", s, encode(s), s);
        s.status = 200;
        check("a state of no status", s, encode(s), s);
    }

    function refuses(Setting memory s, bytes memory proof) private view {
        try verifier.step(keccak256(encode(s)), romRoot(s), TEXT, proof) {
            revert("a wrong proof was taken");
        } catch { }
    }

    function cut(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 k = 0; k < length; ++k) {
            part[k] = whole[k];
        }
    }

    function test_a_wrong_bit_anywhere_in_a_proof_is_refused() public view {
        Setting memory s = setting(amo(0, 3), DATA, 3);
        bytes memory whole = withMemory(s);
        for (uint256 k = 0; k < whole.length; k += 7) {
            whole[k] ^= bytes1(uint8(1 << (k % 8)));
            refuses(s, whole);
            whole[k] ^= bytes1(uint8(1 << (k % 8)));
        }
    }

    function test_too_little_gas_gives_no_other_state() public view {
        // Every call of a precompile, and all of the gas that matters to it.
        for (uint64 number = 0x504; number < 0x506; ++number) {
            Setting memory s = setting(ECALL, 0, 0);
            (s.x[17], s.x[10], s.x[11]) = (number, DATA, 128);
            bytes memory block_ = signature();
            bytes32 node = climb(fold(block_), DATA / 128, 21);
            bytes memory state = encode(s);
            for (uint256 k = 0; k < 32; ++k) {
                state[k] = node[k];
            }
            bytes memory proof =
                bytes.concat(state, romLeaf(s), new bytes(18 * 32), block_, new bytes(21 * 32));
            bytes32 right = verifier.step(keccak256(state), romRoot(s), TEXT, proof);
            uint256 taken;
            for (uint256 gas_ = 10_000; gas_ < 60_000; gas_ += 97) {
                try verifier.step{ gas: gas_ }(keccak256(state), romRoot(s), TEXT, proof) returns (
                    bytes32 got
                ) {
                    vm.assertEq(got, right);
                    ++taken;
                } catch { }
            }
            vm.assertGt(taken, 10);
        }
    }

    /// @dev A valid input of ECRECOVER.
    function signature() private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(7, keccak256("a digest"));
        return abi.encode(keccak256("a digest"), uint256(v), r, s);
    }

    function fold(bytes memory four) private pure returns (bytes32) {
        (bytes32 a, bytes32 b, bytes32 c, bytes32 d) =
            abi.decode(four, (bytes32, bytes32, bytes32, bytes32));
        return keccak256(abi.encode(keccak256(abi.encode(a, b)), keccak256(abi.encode(c, d))));
    }
}
