// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Bonds } from "../src/Bonds.sol";
import { Disputes, MatchKey, Standing, Waits } from "../src/Disputes.sol";
import { Hashing } from "../src/Hashing.sol";
import { Matches } from "../src/Matches.sol";
import { Pairings } from "../src/Pairings.sol";
import { Tournament } from "../src/Tournament.sol";
import { Checkpoint } from "../src/Types.sol";
import { Sealing } from "./support/Duels.sol";
import { ScriptedDuels } from "./support/ScriptedDuels.sol";
import { Trees } from "./support/Trees.sol";
import { vm } from "./support/Vm.sol";

/// @notice Takes no money: reverts, or burns all gas that it is given.
contract Stubborn {
    bool private immutable burns;

    constructor(bool burns_) {
        burns = burns_;
    }

    function withdraw(Tournament tournament, address payable to) external {
        tournament.withdraw(to);
    }

    receive() external payable {
        if (!burns) revert("no");
        while (true) { }
    }
}

/// @notice What went wrong in other dispute games, tried here. (Clocks have a file of their own.)
contract DisputeLessonsTest is ScriptedDuels {
    function resized(bytes32[] memory proof, uint256 length)
        private
        pure
        returns (bytes32[] memory other)
    {
        other = new bytes32[](length);
        for (uint256 i = 0; i < length && i < proof.length; ++i) {
            other[i] = proof[i];
        }
    }

    // ---- proofs

    function test_aProofLengthCheckedTooLoosely() public {
        bytes4 wrong = Disputes.WrongProofLength.selector;
        bytes32[] memory leaves = traceFrom(TRUTH, 0);
        (bytes32 commitment, bytes32[] memory proof) = Trees.traceProof(leaves, 2, 3);
        for (uint256 length = 0; length < 5; ++length) {
            if (length == 2) continue;
            vm.deal(address(this), BOND);
            vm.expectRevert(abi.encodeWithSelector(wrong, 2, length));
            tournament.join{ value: BOND }(
                CHAIN, 1, commitment, finalState(1, TRUTH), resized(proof, length)
            );
        }
        // A node of the tree passes for no leaf, though it has a shorter way to the root.
        vm.expectRevert(abi.encodeWithSelector(wrong, 2, 1));
        tournament.join{ value: BOND }(
            CHAIN, 1, commitment, finalState(1, TRUTH), resized(proof, 1)
        );

        openInnerAt(0);
    }

    /// @dev Tries all wrong lengths before the right one.
    function openInnerAt(uint256 from) private returns (MatchKey memory key, bytes32 inner) {
        key = contest(from);
        halve(key);
        Sealing memory s = sealing(key);
        bytes32[] memory proof = s.proof;
        for (uint256 length = 0; length < 5; ++length) {
            if (length == proof.length) continue;
            s.proof = resized(proof, length);
            vm.expectRevert(
                abi.encodeWithSelector(
                    Disputes.WrongProofLength.selector, s.position == 0 ? 0 : 2, length
                )
            );
            this.trySeal(key, s);
        }
        s.proof = proof;
        sealInner(key, s, agreedAt(s.position), program);
        inner = innerOf(key);
    }

    function trySeal(MatchKey memory key, Sealing memory s) external {
        sealInner(key, s, agreedAt(s.position), program);
    }

    function test_aProofLengthCheckedTooLooselyOfAnAgreedLeaf() public {
        (, bytes32 inner) = openInnerAt(2);
        bytes memory end = halted(dispute(inner).leafOne, 0);
        (bytes32 commitment, bytes32[] memory proof) =
            Trees.traceProof(oneLeaf(keccak256(end)), 3, 7);
        vm.deal(address(this), BOND);
        for (uint256 length = 0; length < 6; ++length) {
            if (length == 3) continue;
            vm.expectRevert(abi.encodeWithSelector(Disputes.WrongProofLength.selector, 3, length));
            tournament.joinInner{ value: BOND }(inner, commitment, end, resized(proof, length));
        }
    }

    // ---- order

    function test_aResolveBeforeASubgame() public {
        (MatchKey memory key, bytes32 inner) = openInner(1);
        bytes32 id = Disputes.idOf(key);
        vm.expectPartialRevert(Pairings.WindowOpen.selector);
        tournament.resolveInner(key);
        vm.warp(block.timestamp + WINDOW - 1);
        MatchKey memory run = contestRun(inner, 4);
        vm.warp(block.timestamp + 1);
        // The window is over, the runs are not.
        vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, inner, 1));
        tournament.resolveInner(key);
        // Nothing ends the parent meanwhile.
        vm.expectRevert(abi.encodeWithSelector(Matches.ClockRunning.selector, id, Waits.Inner));
        tournament.timeout(key);
        vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, outer(), 1));
        tournament.settle(CHAIN);
        vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, outer(), 1));
        tournament.restart(CHAIN);
        winRun(run);
        tournament.resolveInner(key);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
    }

    /// @dev The parent cannot move on, and what comes after it did is too late.
    function test_anInnerDisputeThatEndsAfterItsParentMovedOn() public {
        (MatchKey memory key, bytes32 inner) = openInner(1);
        enterRun(HONEST, inner, dispute(inner).leafOne, TRUTH, 0);
        vm.warp(block.timestamp + 10 * WINDOW);
        tournament.resolveInner(key);
        uint256 credited = tournament.credit(HONEST);
        vm.expectRevert(
            abi.encodeWithSelector(Matches.NotWaiting.selector, Disputes.idOf(key), Waits.Nothing)
        );
        tournament.resolveInner(key);
        bytes memory end = halted(dispute(inner).leafTwo, "late");
        vm.deal(address(this), BOND);
        vm.expectPartialRevert(Tournament.WindowClosed.selector);
        tournament.joinInner{ value: BOND }(inner, "late", end, new bytes32[](3));
        tournament.settle(CHAIN);
        vm.expectPartialRevert(Matches.NotWaiting.selector);
        tournament.resolveInner(key);
        vm.assertEq(tournament.credit(HONEST), credited + BOND + BOND / 2);
        vm.assertTrue(dispute(inner).resolved);
    }

    function test_movesOnFinishedMatches() public {
        (MatchKey memory key, bytes32 inner) = openInner(1);
        MatchKey memory run = contestRun(inner, 4);
        winRun(run);
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(key);
        MatchKey[2] memory over = [key, run];
        Sealing memory s;
        Checkpoint memory c;
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(
                Matches.NotWaiting.selector, Disputes.idOf(over[i]), Waits.Nothing
            );
            vm.expectRevert(reason);
            tournament.advance(over[i], 0, 0, 0, 0);
            vm.expectRevert(reason);
            if (i == 0) tournament.sealInner(key, 0, 0, 0, s.proof, c, program);
            else tournament.sealLeaf(run, 0, 0, 0, s.proof);
            vm.expectRevert(reason);
            tournament.step(over[i], program, "");
            vm.expectRevert(reason);
            tournament.timeout(over[i]);
            vm.expectRevert(reason);
            tournament.resolveInner(over[i]);
        }
    }

    /// @dev A match is named by its two claims: what else there is, and in which order, changes nothing.
    function test_referencesByArrayIndexBrokenByAReorg() public {
        uint256 fork = vm.snapshotState();
        MatchKey memory key = contest(2);
        bytes32 id = Disputes.idOf(key);
        vm.revertToState(fork);
        // On the other branch two others came first, and the pair is another one.
        bytes32 a = enter(LIAR, "a", 0);
        bytes32 b = enter(LIAR, "b", 0);
        MatchKey memory other = contest(2);
        vm.assertEq(Disputes.idOf(other), id);
        vm.assertEq(waitsOf(other), uint256(Waits.Turn));
        vm.assertEq(waitsOf(MatchKey(outer(), a, b)), uint256(Waits.Turn));
        vm.revertToState(fork);
        // On a third one the pair never met: the move finds nothing, and hits nobody else.
        enter(HONEST, TRUTH, 0);
        a = enter(LIAR, "a", 0);
        vm.expectRevert(abi.encodeWithSelector(Matches.NotWaiting.selector, id, Waits.Nothing));
        tournament.advance(key, 0, 0, 0, 0);
        vm.assertEq(matchOf(MatchKey(outer(), key.one, a)).height, 2);
    }

    // ---- money

    /// @dev Whoever sends a move gets nothing for it, as sender or as origin.
    function test_bondTheftByPayoutToTheOrigin() public {
        address thief = address(0x7417F);
        (MatchKey memory key, bytes32 inner) = openInner(1);
        MatchKey memory run = contestRun(inner, 4);
        Sealing memory s = openLeaf(run);
        verifier.script(s.agreed, matchOf(run).left);
        vm.prank(thief, thief);
        tournament.step(run, program, "");
        vm.warp(block.timestamp + WINDOW);
        vm.prank(thief, thief);
        tournament.resolveInner(key);
        vm.prank(thief, thief);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.credit(thief), 0);
        vm.assertEq(tournament.credit(HONEST), 3 * BOND);
        vm.expectRevert(abi.encodeWithSelector(Bonds.NothingToWithdraw.selector, thief));
        vm.prank(thief, HONEST);
        tournament.withdraw(payable(thief));
        vm.prank(HONEST);
        tournament.withdraw(payable(HONEST));
        checkBooks();
    }

    /// @dev A champion beats puppets of its own, each within a second: each costs the attacker half a bond, and the
    /// claim that beats the champion gets half of one bond, not of nine.
    function test_recycledBonds() public {
        uint256 before = LIAR.balance;
        bytes32 done = Hashing.checkpoint(finalState(1, "champion"));
        bytes32[] memory leaves = oneLeaf(done);
        MatchKey memory key = MatchKey(outer(), 0, 0);
        key.one = enterLeaves(LIAR, leaves, finalState(1, "champion"));
        for (uint256 i = 1; i <= 8; ++i) {
            // Goes on where all has ended, and is out as soon as that is shown.
            bytes32[] memory goesOn = noise(4, bytes32(i));
            goesOn[0] = done;
            goesOn[3] = Hashing.checkpoint(finalState(1, bytes32(i)));
            key.two = enterLeaves(LIAR, goesOn, finalState(1, bytes32(i)));
            halve(key);
            sealInner(key, sealing(key), finalState(1, "champion"), program);
            vm.assertEq(entrant(key, key.one).earned, i * (BOND / 2));
            vm.assertEq(tournament.burned(), i * (BOND / 2));
        }
        uint256 alone = vm.snapshotState();
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        vm.prank(LIAR);
        tournament.withdraw(payable(LIAR));
        vm.assertEq(before - LIAR.balance, 8 * BOND / 2);
        vm.revertToState(alone);

        key.two = enter(HONEST, TRUTH, 0);
        vm.warp(block.timestamp + WINDOW);
        tournament.timeout(key);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.credit(HONEST), BOND + BOND / 2);
        vm.assertEq(tournament.credit(LIAR), 0);
        vm.assertEq(tournament.burned(), 8 * BOND + BOND / 2);
        checkBooks();
    }

    /// @dev What a claim earned is burned when it loses: it is not handed to whoever beats it.
    function test_aChampionThatFallsTakesItsEarningsAlong() public {
        bytes32 champion = enter(LIAR, "champion", 0);
        bytes32 puppet = enter(LIAR, "puppet", 0);
        MatchKey memory key = MatchKey(outer(), champion, puppet);
        advance(key);
        vm.warp(block.timestamp + WINDOW - 1);
        bytes32 honest = enter(HONEST, TRUTH, 0);
        vm.warp(block.timestamp + 1);
        tournament.timeout(key);
        key = MatchKey(outer(), honest, champion);
        advance(key);
        vm.warp(block.timestamp + WINDOW);
        tournament.timeout(key);
        vm.assertEq(entrant(key, champion).earned, 0);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.credit(HONEST), BOND + BOND / 2);
        vm.assertEq(tournament.burned(), BOND + BOND / 2);
        vm.assertEq(tournament.credit(LIAR), 0);
        checkBooks();
    }

    function test_aPayoutThatBricks() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 before = vm.snapshotState();
            unpayable(new Stubborn(i == 1));
            vm.revertToState(before);
        }
    }

    function unpayable(Stubborn claimant) private {
        vm.deal(address(claimant), 10 ether);
        MatchKey memory key = MatchKey(outer(), 0, 0);
        key.one = enter(address(claimant), TRUTH, 0);
        key.two = enter(LIAR, LIE, 1);
        bytes32 inner = open(key);
        enterRun(address(claimant), inner, dispute(inner).leafOne, TRUTH, 0);
        vm.warp(block.timestamp + WINDOW);
        // Nothing that others need pays the claimant.
        tournament.resolveInner(key);
        tournament.settle(CHAIN);
        uint256 credited = 2 * BOND + BOND / 2;
        vm.assertEq(tournament.credit(address(claimant)), credited);
        (bool ok,) = address(claimant).call{ gas: 1_000_000 }(
            abi.encodeCall(Stubborn.withdraw, (tournament, payable(address(claimant))))
        );
        vm.assertFalse(ok);
        vm.assertEq(tournament.credit(address(claimant)), credited);
        claimant.withdraw(tournament, payable(address(0xBEEF)));
        vm.assertEq(address(0xBEEF).balance, credited);
        checkBooks();
    }

    // ---- claims that are no liars' alone

    /// @dev Whoever copies an honest claim has paid for it; the honest one needs no other.
    function test_aCopierPaysForTheHonestClaim() public {
        enter(LIAR, TRUTH, 0);
        (bytes32 commitment, bytes32[] memory proof) = Trees.traceProof(traceFrom(TRUTH, 0), 2, 3);
        vm.expectRevert(
            abi.encodeWithSelector(Tournament.AlreadyClaimed.selector, outer(), commitment, LIAR)
        );
        vm.prank(HONEST);
        tournament.join{ value: BOND }(CHAIN, 1, commitment, finalState(1, TRUTH), proof);
    }

    /// @dev The right end over a wrong trace: beaten on both levels, and not by its end.
    function test_aFrenemyOnEitherLevel() public {
        bytes32[] memory leaves = traceFrom(TRUTH, 0);
        leaves[1] = Hashing.checkpoint(checkpointAt(LIE, 1));
        MatchKey memory key = MatchKey(outer(), 0, 0);
        key.one = enter(HONEST, TRUTH, 0);
        key.two = enterLeaves(LIAR, leaves, finalState(1, TRUTH));
        bytes32 inner = open(key);
        MatchKey memory run = MatchKey(inner, 0, 0);
        run.one = enterRun(HONEST, inner, dispute(inner).leafOne, TRUTH, 0);
        run.two = enterRun(LIAR, inner, dispute(inner).leafOne, LIE, 6);
        winRun(run);
        vm.assertEq(standing(run, run.two), uint256(Standing.Out));
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(key);
        vm.assertEq(standing(key, key.two), uint256(Standing.Out));
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
    }
}
