// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Disputes, Match, MatchKey, Standing, Waits } from "../src/Disputes.sol";
import { Hashing } from "../src/Hashing.sol";
import { Machine } from "../src/Machine.sol";
import { Pairings } from "../src/Pairings.sol";
import { Tournament } from "../src/Tournament.sol";
import { Checkpoint } from "../src/Types.sol";
import { IStepVerifier } from "../src/IStepVerifier.sol";
import { Sealing } from "./support/Duels.sol";
import { ScriptedDuels } from "./support/ScriptedDuels.sol";
import { vm } from "./support/Vm.sol";

/// @notice What decides where the machine need not, and what is left when nobody wins.
contract DisputeEndsTest is ScriptedDuels {
    // ---- leaves after which nothing changes

    struct Case {
        bytes32 agreed;
        bytes32 one;
        bytes32 two;
        /// 1, 2, or 0: both are out.
        uint256 winner;
    }

    /// @dev Both traces agree on leaf 1 and differ in leaf 2; leaf 3 is where each says that all ends.
    function test_afterTheEndAndAfterAFailureAllStaysAsItIs() public {
        bytes32 done = Hashing.checkpoint(finalState(1, TRUTH));
        Case[8] memory cases = [
            Case(done, done, "x", 1),
            Case(done, "x", done, 2),
            Case(done, "x", "y", 0),
            Case(done, 0, "x", 0),
            Case(0, 0, "x", 1),
            Case(0, "x", 0, 2),
            Case(0, "x", "y", 0),
            Case(0, done, "x", 0)
        ];
        for (uint256 i = 0; i < cases.length; ++i) {
            uint256 before = vm.snapshotState();
            check(cases[i]);
            vm.revertToState(before);
        }
    }

    function check(Case memory c) private {
        bytes32[] memory one = traceFrom(TRUTH, 0);
        bytes32[] memory two = traceFrom(LIE, 1);
        (one[1], two[1]) = (c.agreed, c.agreed);
        (one[2], two[2]) = (c.one, c.two);
        MatchKey memory key = MatchKey(outer(), 0, 0);
        key.one = enterLeaves(HONEST, one, finalState(1, TRUTH));
        key.two = enterLeaves(LIAR, two, finalState(1, LIE));
        halve(key);
        Sealing memory s = sealing(key);
        vm.assertEq(s.position, 2);
        // What is agreed on has to be opened, unless it is the failure, which nothing is the hash of.
        Checkpoint memory agreed;
        if (c.agreed != 0) {
            vm.expectPartialRevert(Tournament.WrongCheckpoint.selector);
            this.trySeal(key, s, agreed);
            agreed = finalState(1, TRUTH);
        }
        sealInner(key, s, agreed, program);
        bytes32 winner = c.winner == 1 ? key.one : c.winner == 2 ? key.two : bytes32(0);
        vm.assertEq(dispute(outer()).dangling, winner);
        vm.assertEq(dispute(innerOf(key)).openedAt, 0);
        vm.assertEq(tournament.burned(), winner == 0 ? 2 * BOND : BOND - BOND / 2);
        vm.assertEq(waitsOf(key), uint256(Waits.Nothing));
        checkBooks();
    }

    function trySeal(MatchKey memory key, Sealing memory s, Checkpoint memory agreed) external {
        sealInner(key, s, agreed, program);
    }

    /// @dev A run that traps, exits otherwise or never ends says FAILED, and so may a claim's leaf.
    function test_aRunThatFailsProvesALeafThatSaysSo() public {
        for (uint256 i = 0; i < 3; ++i) {
            uint256 before = vm.snapshotState();
            bytes memory end = halted("never mind", 0);
            if (i == 0) end[296] = 0x00;
            else if (i == 1) end[296] = 0x02;
            else end[304] = 0x01;
            checkFailed(end);
            vm.revertToState(before);
        }
    }

    function checkFailed(bytes memory end) private {
        bytes32[] memory failed = traceFrom(TRUTH, 0);
        failed[1] = Machine.FAILED;
        MatchKey memory key = MatchKey(outer(), 0, 0);
        key.one = enter(LIAR, LIE, 1);
        key.two = enterLeaves(HONEST, failed, finalState(1, TRUTH));
        bytes32 inner = open(key);
        vm.assertEq(dispute(inner).leafTwo, Machine.FAILED);
        claimRun(HONEST, inner, oneLeaf(keccak256(end)), end);
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(key);
        vm.assertEq(standing(key, key.two), uint256(Standing.Dangling));
        vm.assertEq(standing(key, key.one), uint256(Standing.Out));
    }

    // ---- nobody is right

    function test_bothAreWrongAndTheThirdIsRight() public {
        (MatchKey memory key, bytes32 inner) = openInner(1);
        MatchKey memory run = contestRun(inner, 4);
        Sealing memory s = openLeaf(run);
        verifier.script(s.agreed, "neither");
        tournament.step(run, program, "");
        vm.assertEq(standing(run, run.one), uint256(Standing.Out));
        vm.assertEq(standing(run, run.two), uint256(Standing.Out));
        vm.assertEq(dispute(inner).matches, 0);
        enterRun(HONEST, inner, dispute(inner).leafOne, "third", 1);
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(key);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
        vm.assertEq(tournament.burned(), 2 * BOND + BOND / 2);
    }

    function test_aRestartForgetsTheOldRound() public {
        (MatchKey memory key,) = openInner(1);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, outer(), 1));
        tournament.restart(CHAIN);
        tournament.resolveInner(key);
        vm.expectEmit(true, true, true, true, address(tournament));
        emit Tournament.Restarted(CHAIN, 0);
        tournament.restart(CHAIN);
        vm.expectRevert(abi.encodeWithSelector(Tournament.NoClaim.selector, CHAIN));
        tournament.restart(CHAIN);
        vm.assertEq(tournament.burned(), 2 * BOND);
        vm.assertEq(tournament.held(), 0);
        // The same claims can be made again, and meet under another name.
        bytes32 one = enter(HONEST, TRUTH, 0);
        bytes32 two = enter(LIAR, LIE, 1);
        vm.assertEq(one, key.one);
        vm.assertEq(two, key.two);
        vm.assertEq(waitsOf(key), uint256(Waits.Nothing));
        MatchKey memory again = MatchKey(Disputes.outerId(CHAIN, 1), one, two);
        vm.assertEq(waitsOf(again), uint256(Waits.Turn));
        advance(again);
        vm.warp(block.timestamp + WINDOW);
        tournament.timeout(again);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
        vm.expectRevert(abi.encodeWithSelector(Tournament.NoClaim.selector, CHAIN));
        tournament.settle(CHAIN);
    }

    function test_aClaimThatIsLeftCannotBeRestartedAway() public {
        bytes32 one = enter(HONEST, TRUTH, 0);
        vm.expectPartialRevert(Pairings.WindowOpen.selector);
        tournament.restart(CHAIN);
        vm.warp(block.timestamp + WINDOW);
        vm.expectRevert(abi.encodeWithSignature("Survivor(bytes32,bytes32)", outer(), one));
        tournament.restart(CHAIN);
        tournament.settle(CHAIN);
    }

    // ---- what the tournament is made with

    function test_levelsOutOfRange() public {
        bytes4 wrong = Pairings.WrongHeights.selector;
        refuseLevels(new uint8[](0), abi.encodeWithSelector(wrong, 0, 0, 0));
        refuseLevels(new uint8[](1), abi.encodeWithSelector(wrong, 1, 0, 0));
        refuseLevels(new uint8[](9), abi.encodeWithSelector(wrong, 9, 0, 0));
        uint8[] memory levels = new uint8[](3);
        (levels[0], levels[1]) = (24, 33);
        refuseLevels(levels, abi.encodeWithSelector(wrong, 3, 1, 33));
        levels[1] = 32;
        refuseLevels(levels, abi.encodeWithSelector(wrong, 3, 2, 0));
        levels[2] = 1;
        Tournament made = new Tournament(registry, inbox, verifier, levels);
        vm.assertEq(made.levels(), 3);
        vm.assertEq(made.heightOf(0), 24);
        vm.assertEq(made.heightOf(1), 32);
        vm.assertEq(made.heightOf(2), 1);
        vm.expectRevert(abi.encodeWithSelector(Pairings.WrongLevel.selector, 3));
        made.heightOf(3);
    }

    function refuseLevels(uint8[] memory levels, bytes memory reason) private {
        vm.expectRevert(reason);
        new Tournament(registry, inbox, verifier, levels);
    }

    /// @dev The sum may be anything: the smallest tournament decides as the largest does.
    function test_theSmallestTrees() public {
        uint8[] memory levels = new uint8[](2);
        (levels[0], levels[1]) = (1, 1);
        tournament = new Tournament(registry, inbox, IStepVerifier(verifier), levels);
        (MatchKey memory key, bytes32 inner) = openInner(0);
        MatchKey memory run = contestRun(inner, 1);
        winRun(run);
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(key);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
        Match memory m = matchOf(run);
        vm.assertEq(m.position, 1);
    }
}

/// @notice A chain that names no program: claims are as safe as whoever contradicts them.
contract NoProgramTest is ScriptedDuels {
    function programHash() internal pure override returns (bytes32) {
        return 0;
    }

    function test_aClaimAloneSettles() public {
        enter(HONEST, TRUTH, 0);
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
    }

    function test_aContestedClaimIsNeverDecided() public {
        for (uint256 from = 0; from < 4; ++from) {
            uint256 before = vm.snapshotState();
            MatchKey memory key = contest(from);
            vm.warp(block.timestamp + 10_000 days);
            // Nobody could prove anything, so that nobody runs out of time either.
            vm.assertEq(waitsOf(key), uint256(Waits.Turn));
            halve(key);
            Sealing memory s = sealing(key);
            vm.expectRevert(abi.encodeWithSelector(Tournament.NoProgram.selector, CHAIN));
            this.trySeal(key, s);
            vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, outer(), 1));
            tournament.settle(CHAIN);
            vm.revertToState(before);
        }
    }

    function trySeal(MatchKey memory key, Sealing memory s) external {
        sealInner(key, s, agreedAt(s.position), program);
    }
}
