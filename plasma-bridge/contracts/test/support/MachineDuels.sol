// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Disputes, MatchKey, Standing } from "../../src/Disputes.sol";
import { Hashing } from "../../src/Hashing.sol";
import { IStepVerifier } from "../../src/IStepVerifier.sol";
import { Machine, Program } from "../../src/Machine.sol";
import { Matches } from "../../src/Matches.sol";
import { RiscvStep } from "../../src/RiscvStep.sol";
import { Duels, Sealing } from "./Duels.sol";
import { TinyProgram } from "./TinyProgram.sol";
import { vm } from "./Vm.sol";

/// @notice Whole disputes about a program, down to one step that the machine's contract takes.
abstract contract MachineDuels is Duels {
    Program internal program;
    bytes32 internal truth;
    bytes32 internal lie;
    bytes32 internal input;

    function newMachine() internal override returns (IStepVerifier) {
        return new RiscvStep();
    }

    function programHash() internal pure override returns (bytes32) {
        return Machine.identity(TinyProgram.program(Hashing.checkpoint(finalState(1, "truth"))));
    }

    function setUp() public override {
        delete keys;
        delete seats;
        super.setUp();
        vm.deal(HONEST, 100 ether);
        vm.deal(LIAR, 100 ether);
        truth = Hashing.checkpoint(finalState(1, "truth"));
        lie = Hashing.checkpoint(finalState(1, "lie"));
        program = TinyProgram.program(truth);
        appendNext(CHAIN);
        input = Machine.input(
            CHAIN,
            keccak256("genesis"),
            registry.genesisCheckpoint(CHAIN),
            inbox.entryHash(CHAIN, 1)
        );
    }

    /// @notice The outer claims, and the match between them, sealed at the first leaf.
    function openRun() internal returns (MatchKey memory key, bytes32 inner) {
        key.tournament = Disputes.outerId(CHAIN, 0);
        key.one = claim(LIAR, 1, oneLeaf(lie), finalState(1, "lie"));
        key.two = claim(HONEST, 1, oneLeaf(truth), finalState(1, "truth"));
        halve(key, oneLeaf(lie), oneLeaf(truth));
        Sealing memory s = sealing(key, oneLeaf(lie), oneLeaf(truth));
        vm.assertEq(s.position, 0);
        sealInner(key, s, registration(CHAIN).genesis, program);
        inner = innerOf(key);
    }

    /// @notice The state after so many steps; a liar's says the lie from step `from` on.
    function state(uint256 steps, uint256 from) internal view returns (bytes memory) {
        bytes32 said = steps < 2 ? bytes32(0) : truth;
        return TinyProgram.state(program, input, steps, steps < from ? said : lie);
    }

    /// @notice `count` leaves, `stride` steps apart, after the first `before` steps.
    function run(uint256 before, uint256 stride, uint256 count, uint256 from)
        internal
        view
        returns (bytes32[] memory leaves)
    {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(state(before + (i + 1) * stride, from));
        }
    }

    /// @notice Plays both sides' runs in a dispute until they part in one leaf.
    function playRun(bytes32 id, uint256 before, uint256 stride, uint256 from)
        internal
        returns (MatchKey memory key, Sealing memory s)
    {
        uint256 count = 1 << heightOf(id);
        uint256 end = before + stride * count;
        // From then on both stand still, which is padding.
        if (count > 8) count = 8;
        bytes32[] memory right = run(before, stride, count, type(uint256).max);
        bytes32[] memory wrong = run(before, stride, count, from);
        key.tournament = id;
        key.one = claimRun(HONEST, id, right, state(end, type(uint256).max));
        key.two = claimRun(LIAR, id, wrong, state(end, from));
        halve(key, right, wrong);
        s = sealing(key, right, wrong);
        vm.assertEq(s.position, (from - before - 1) / stride);
    }

    /// @notice The last step before the runs part, proven in every wrong way and then rightly.
    function decide(MatchKey memory key, uint256 from) internal {
        bytes memory proof = TinyProgram.proof(state(from - 1, from), from - 1, truth);
        refuse(key, bytes.concat(proof, bytes1(0)));
        bytes memory short = bytes.concat(proof);
        assembly ("memory-safe") {
            mstore(short, sub(mload(short), 1))
        }
        refuse(key, short);
        refuse(key, "");
        bytes memory other = bytes.concat(proof);
        other[other.length - 1] ^= 0x01;
        refuse(key, other);
        tournament.step(key, program, proof);
        vm.assertEq(standing(key, key.one), uint256(Standing.Dangling));
        vm.assertEq(standing(key, key.two), uint256(Standing.Out));
    }

    function refuse(MatchKey memory key, bytes memory proof) internal {
        (bool taken,) =
            address(tournament).call(abi.encodeCall(Matches.step, (key, program, proof)));
        vm.assertFalse(taken);
    }

    /// @notice The inner dispute is won, so that the outer one is, and the truth settles.
    function conclude(MatchKey memory outer) internal {
        tournament.resolveInner(outer);
        vm.assertEq(standing(outer, outer.one), uint256(Standing.Out));
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).checkpointHash, truth);
        vm.assertEq(tournament.credit(LIAR), 0);
        checkBooks();
    }
}
