// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { RiscvStep } from "../src/RiscvStep.sol";
import { vm } from "./support/Vm.sol";

/// @notice The vectors that the machine's Rust twin writes and is held to as well.
contract RiscvStepTest {
    struct Accepted {
        string name;
        bytes32 romRoot;
        uint64 romBase;
        bytes proof;
        bytes32 next;
    }

    struct Refused {
        string name;
        bytes32 romRoot;
        uint64 romBase;
        bytes proof;
    }

    string private constant FILE = "vectors/steps.json";

    RiscvStep private verifier;

    function setUp() public {
        verifier = new RiscvStep();
    }

    function test_every_vector_gives_the_next_state() public view {
        Accepted[] memory vectors = accepted();
        vm.assertGt(vectors.length, 300);
        for (uint256 i = 0; i < vectors.length; ++i) {
            Accepted memory v = vectors[i];
            bytes32 next = verifier.step(stateHash(v.proof), v.romRoot, v.romBase, v.proof);
            vm.assertEq(vm.toString(next), vm.toString(v.next), v.name);
        }
    }

    function test_every_wrong_vector_is_refused() public view {
        bytes memory encoded = vm.parseJsonTypeArray(
            vm.readFile(FILE),
            ".refused",
            "Refused(string name,bytes32 romRoot,uint64 romBase,bytes proof)"
        );
        Refused[] memory vectors = abi.decode(encoded, (Refused[]));
        vm.assertGt(vectors.length, 50);
        for (uint256 i = 0; i < vectors.length; ++i) {
            Refused memory v = vectors[i];
            bytes32 agreed = stateHash(v.proof);
            // A wrong opening of a blob takes all the gas that it is given.
            try verifier.step{ gas: 1_000_000 }(agreed, v.romRoot, v.romBase, v.proof) {
                revert(v.name);
            } catch (bytes memory reason) {
                vm.assertGt(reason.length, 4 + 31);
            }
        }
    }

    function test_no_vector_passes_for_another_state() public {
        Accepted[] memory vectors = accepted();
        for (uint256 i = 0; i < vectors.length; i += 20) {
            Accepted memory v = vectors[i];
            bytes32 agreed = stateHash(v.proof);
            bytes32 other = agreed ^ bytes32(uint256(1));
            vm.expectRevert(
                abi.encodeWithSelector(RiscvStep.WrongAgreedState.selector, other, agreed)
            );
            verifier.step(other, v.romRoot, v.romBase, v.proof);
        }
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_gas() public {
        // Of whole transactions, in snapshots/Gas.json.
        Accepted[] memory all = accepted();
        gas(all, "add 0x8000000080000000, 0xffffffffffffffff");
        gas(all, "mulhsu 0x8000000080000000, 0xffffffffffffffff");
        gas(all, "remw 0x123456789abcdef0, 0xfedcba900000025");
        gas(all, "beq 0x1, 0x1");
        gas(all, "ld at 0x100008");
        gas(all, "sd at 0x100008");
        gas(all, "amomaxu of 8 bytes, 0xffffffffffffffff");
        gas(all, "sc that stores, 8 bytes");
        gas(all, "ebreak");
        gas(all, "halt 0");
        gas(all, "set_key of kind 4");
        gas(all, "commit");
        gas(all, "keccak of 136 bytes");
        gas(all, "keccak of 4096 bytes");
        gas(all, "sha256 of 4096 bytes");
        gas(all, "ecrecover, valid");
        gas(all, "read Keccak of 100 bytes from 0x0");
        gas(all, "read Keccak of 4096 bytes from 0xfe0");
        gas(all, "read Sha256 of 4096 bytes from 0xfe0");
        gas(all, "read a trie node of first bit 0x80");
        gas(all, "read field element 2047 of a blob");
    }

    function gas(Accepted[] memory vectors, string memory name) private {
        for (uint256 i = 0; i < vectors.length; ++i) {
            Accepted memory v = vectors[i];
            if (keccak256(bytes(v.name)) != keccak256(bytes(name))) continue;
            // Not a static call, which would be no transaction of its own.
            (bool taken,) = address(verifier)
                .call(
                    abi.encodeCall(
                        verifier.step, (stateHash(v.proof), v.romRoot, v.romBase, v.proof)
                    )
                );
            vm.snapshotGasLastCall("Gas", string.concat("step, ", name));
            vm.assertTrue(taken);
            return;
        }
        revert(name);
    }

    function accepted() private view returns (Accepted[] memory) {
        bytes memory encoded = vm.parseJsonTypeArray(
            vm.readFile(FILE),
            ".steps",
            "Accepted(string name,bytes32 romRoot,uint64 romBase,bytes proof,bytes32 next)"
        );
        return abi.decode(encoded, (Accepted[]));
    }

    /// @dev Of the proof's first 378 bytes, or of all that there is.
    function stateHash(bytes memory proof) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let length := mload(proof)
            if gt(length, 378) { length := 378 }
            hash := keccak256(add(proof, 32), length)
        }
    }
}
