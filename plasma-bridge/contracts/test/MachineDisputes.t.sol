// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { MatchKey, Standing } from "../src/Disputes.sol";
import { Machine, Program } from "../src/Machine.sol";
import { Matches } from "../src/Matches.sol";
import { Pairings } from "../src/Pairings.sol";
import { Tournament } from "../src/Tournament.sol";
import { Checkpoint } from "../src/Types.sol";
import { Sealing } from "./support/Duels.sol";
import { MachineDuels } from "./support/MachineDuels.sol";
import { TinyProgram } from "./support/TinyProgram.sol";
import { bound, vm } from "./support/Vm.sol";

contract MachineDisputesTest is MachineDuels {
    function heights() internal pure override returns (uint8[] memory levels) {
        levels = new uint8[](2);
        (levels[0], levels[1]) = (2, 3);
    }

    function play(uint256 from) private {
        (MatchKey memory outer, bytes32 inner) = openRun();
        vm.assertEq(dispute(inner).start, keccak256(state(0, type(uint256).max)));
        (MatchKey memory key, Sealing memory s) = playRun(inner, 0, 1, from);
        sealLeaf(key, s);
        Program memory forged = program;
        forged.romBase += 16;
        vm.expectRevert(
            abi.encodeWithSelector(
                Matches.WrongProgram.selector, programHash(), Machine.identity(forged)
            )
        );
        tournament.step(key, forged, "");
        decide(key, from);
        vm.warp(block.timestamp + WINDOW);
        conclude(outer);
        vm.assertEq(tournament.credit(HONEST), 3 * BOND);
        vm.assertEq(tournament.burned(), BOND);
    }

    /// @dev Step 2 reads memory, step 4 halts, and those after it are of a machine that stands still.
    function test_eachStepIsDecidedByTheMachine() public {
        for (uint256 from = 1; from <= 8; ++from) {
            setUp();
            play(from);
        }
    }

    function test_bothRunsAreWrong() public {
        (MatchKey memory outer, bytes32 inner) = openRun();
        bytes32[] memory wrong = run(0, 1, 8, 2);
        bytes memory end = TinyProgram.state(program, input, 8, lie);
        bytes32[] memory worse = run(0, 1, 8, 2);
        worse[1] = "neither";
        MatchKey memory key = MatchKey(inner, 0, 0);
        key.one = claimRun(LIAR, inner, wrong, end);
        key.two = claimRun(LIAR, inner, worse, end);
        halve(key, wrong, worse);
        sealLeaf(key, sealing(key, wrong, worse));
        tournament.step(key, program, TinyProgram.proof(state(1, 2), 1, truth));
        vm.assertEq(standing(key, key.one), uint256(Standing.Out));
        vm.assertEq(standing(key, key.two), uint256(Standing.Out));
        vm.assertEq(tournament.burned(), 2 * BOND);
        // The honest run comes last, and is alone.
        bytes32[] memory right = run(0, 1, 8, type(uint256).max);
        claimRun(HONEST, inner, right, state(8, type(uint256).max));
        vm.warp(block.timestamp + WINDOW);
        conclude(outer);
    }
}

/// @notice The same with a level between: states four steps apart, and then those between two of them.
contract ThreeLevelDisputesTest is MachineDuels {
    function heights() internal pure override returns (uint8[] memory levels) {
        levels = new uint8[](3);
        (levels[0], levels[1], levels[2]) = (2, 1, 2);
    }

    function play(uint256 from) private {
        (MatchKey memory outer, bytes32 middle) = openRun();
        (MatchKey memory run_, Sealing memory s) = playRun(middle, 0, 4, from);
        vm.expectRevert(abi.encodeWithSelector(Pairings.WrongLevel.selector, 1));
        sealLeaf(run_, s);
        // A machine's states need neither a checkpoint nor the program.
        Checkpoint memory none;
        Program memory nobodys;
        sealInner(run_, s, none, nobodys);
        bytes32 inner = innerOf(run_);
        uint256 before = from <= 4 ? 0 : 4;
        vm.assertEq(dispute(inner).start, keccak256(state(before, from)));
        vm.assertEq(uint256(dispute(inner).level), 2);
        (MatchKey memory key, Sealing memory last) = playRun(inner, before, 1, from);
        vm.expectRevert(abi.encodeWithSelector(Pairings.WrongLevel.selector, 2));
        sealInner(key, last, none, program);
        sealLeaf(key, last);
        decide(key, from);

        // Each level waits for the one below, and has a window of its own.
        vm.expectPartialRevert(Pairings.WindowOpen.selector);
        tournament.resolveInner(run_);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, middle, 1));
        tournament.resolveInner(outer);
        tournament.resolveInner(run_);
        vm.assertEq(standing(run_, run_.one), uint256(Standing.Dangling));
        conclude(outer);
        vm.assertEq(tournament.credit(HONEST), 4 * BOND + BOND / 2);
        vm.assertEq(tournament.burned(), BOND + BOND / 2);
    }

    function test_eachStepIsDecidedByTheMachine() public {
        for (uint256 from = 1; from <= 8; ++from) {
            setUp();
            play(from);
        }
    }

    /// @dev Deeper than the first level it is a state that is in dispute, not what it says.
    function testFuzz_aRunOfThisLevelEndsInOneOfTheTwoStates(uint256 other) public {
        (, bytes32 middle) = openRun();
        (MatchKey memory run_, Sealing memory s) = playRun(middle, 0, 4, 2);
        Checkpoint memory none;
        sealInner(run_, s, none, program);
        bytes32 inner = innerOf(run_);
        // Says the same as the honest one, in another state.
        bytes memory end = TinyProgram.state(program, input, bound(other, 0, 3), truth);
        bytes32[] memory leaves = oneLeaf(keccak256(end));
        vm.expectRevert(
            abi.encodeWithSelector(
                Tournament.WrongOutcome.selector,
                dispute(inner).leafOne,
                dispute(inner).leafTwo,
                leaves[0]
            )
        );
        this.tryRun(inner, leaves, end);
    }

    function tryRun(bytes32 id, bytes32[] memory leaves, bytes memory end) external {
        vm.deal(address(this), BOND);
        tournament.joinInner{ value: BOND }(id, leaves[0], end, new bytes32[](2));
    }
}
