// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Dispute,
    Disputes,
    Entrant,
    Match,
    MatchKey,
    Stage,
    Standing,
    Waits
} from "../src/Disputes.sol";
import { Hashing } from "../src/Hashing.sol";
import { Machine, Program } from "../src/Machine.sol";
import { Matches } from "../src/Matches.sol";
import { Pairings } from "../src/Pairings.sol";
import { Tournament } from "../src/Tournament.sol";
import { Checkpoint } from "../src/Types.sol";
import { Duels, Sealing } from "./support/Duels.sol";
import { Trees } from "./support/Trees.sol";
import { bound, vm } from "./support/Vm.sol";

/// @notice Disputes over small trees, each side playing what its leaves say.
contract DisputesTest is Duels {
    Program private program = Program("rom", 4096, "memory", 4096);
    Checkpoint[4] private truth;
    bytes32[] private right;
    bytes32[] private wrong;
    bytes32[] private rightRun;
    bytes32[] private wrongRun;

    function heights() internal pure override returns (uint8[] memory levels) {
        levels = new uint8[](2);
        (levels[0], levels[1]) = (2, 3);
    }

    function setUp() public override {
        super.setUp();
        vm.deal(HONEST, 100 ether);
        vm.deal(LIAR, 100 ether);
        appendNext(CHAIN);
        appendNext(CHAIN);
        vm.prank(OWNER);
        registry.scheduleUpgrade(CHAIN, Machine.identity(program), keccak256(abi.encode(seats)));
        vm.warp(START + EXIT);
        registry.startUpgrade(CHAIN);
        appendNext(CHAIN);
        // What was before the program is settled without a dispute.
        Checkpoint memory c = finalState(2, "before");
        claim(HONEST, 2, oneLeaf(Hashing.checkpoint(c)), c);
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        for (uint32 i = 0; i < 3; ++i) {
            truth[i] = finalState(2, keccak256(abi.encode("state", i)));
            truth[i].nextStep = i;
            truth[i].stepsRoot = "steps";
            truth[i].stepsCount = 3;
            right.push(Hashing.checkpoint(truth[i]));
        }
        truth[3] = finalState(3, "end");
        right.push(Hashing.checkpoint(truth[3]));
    }

    // ---- playing

    function sealOuter(MatchKey memory key, bytes32[] memory one, bytes32[] memory two) private {
        Sealing memory s = sealing(key, one, two);
        sealInner(
            key, s, s.position == 0 ? finalState(2, "before") : truth[s.position - 1], program
        );
    }

    /// @notice A liar's trace, from this leaf on.
    function liesFrom(uint256 leaf) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](4);
        for (uint256 i = 0; i < 4; ++i) {
            leaves[i] = i < leaf ? right[i] : keccak256(abi.encode("lie", i));
        }
    }

    function lie() private pure returns (Checkpoint memory) {
        return finalState(3, "lie");
    }

    /// @notice The honest claim waits, the liar comes; they differ from `leaf` on.
    function contest(uint256 leaf) private returns (MatchKey memory key, bytes32[] memory lies) {
        bytes32 one = claim(HONEST, 3, right, truth[3]);
        lies = liesFrom(leaf);
        lies[3] = Hashing.checkpoint(lie());
        bytes32 two = claim(LIAR, 3, lies, lie());
        key = MatchKey(Disputes.outerId(CHAIN, 1), one, two);
    }

    // ---- a whole dispute

    function play(uint256 leaf, uint256 stepAt) private {
        (MatchKey memory outer, bytes32[] memory lies) = contest(leaf);
        halve(outer, right, lies);
        sealOuter(outer, right, lies);
        bytes32 inner = Disputes.innerId(outer.tournament, Disputes.idOf(outer));
        Dispute memory opened = dispute(inner);
        Checkpoint memory agreed = leaf == 0 ? finalState(2, "before") : truth[leaf - 1];
        bytes32 input = Machine.input(
            CHAIN, keccak256("genesis"), Hashing.checkpoint(agreed), inbox.entryHash(CHAIN, 3)
        );
        vm.assertEq(opened.start, Machine.firstState(program, input));
        vm.assertEq(opened.leafOne, right[leaf]);
        vm.assertEq(opened.leafTwo, lies[leaf]);

        playRun(inner, right[leaf], lies[leaf], stepAt);
        vm.expectPartialRevert(Pairings.WindowOpen.selector);
        tournament.resolveInner(outer);
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(outer);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).checkpointHash, right[3]);
        // Two bonds and half of what each beat; the other halves are nobody's. One claim was settled before.
        vm.assertEq(tournament.credit(HONEST), 4 * BOND);
        vm.assertEq(tournament.credit(LIAR), 0);
        vm.assertEq(tournament.burned(), BOND);
        vm.assertEq(address(tournament).balance, tournament.held() + tournament.burned());
    }

    /// @notice Runs of eight steps that part at `stepAt`; the right one wins.
    function playRun(bytes32 inner, bytes32 truth_, bytes32 lie_, uint256 stepAt) private {
        bytes memory good = halted(truth_, "good");
        bytes memory bad = halted(lie_, "bad");
        rightRun = new bytes32[](8);
        wrongRun = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            rightRun[i] = i == 7 ? keccak256(good) : keccak256(abi.encode("run", i));
            wrongRun[i] = i < stepAt ? rightRun[i] : keccak256(abi.encode("false run", i));
        }
        wrongRun[7] = keccak256(bad);
        MatchKey memory key;
        key.tournament = inner;
        key.one = claimRun(LIAR, inner, wrongRun, bad);
        key.two = claimRun(HONEST, inner, rightRun, good);
        halve(key, wrongRun, rightRun);
        Sealing memory s = sealing(key, wrongRun, rightRun);
        vm.assertEq(s.position, stepAt);
        tournament.sealLeaf(key, s.left, s.right, s.agreed, s.proof);
        verifier.script(s.agreed, rightRun[stepAt]);
        tournament.step(key, program, "");
        Standing standing = tournament.entrantOf(inner, key.one).standing;
        vm.assertEq(uint256(standing), uint256(Standing.Out));
    }

    function test_aLieIsBeatenDownToOneStep() public {
        play(2, 5);
    }

    function testFuzz_aLieAnywhereIsBeaten(uint256 leaf, uint256 stepAt) public {
        play(bound(leaf, 0, 2), bound(stepAt, 0, 7));
    }

    // ---- what decides without the machine

    function test_pastTheLastEntryNothingChanges() public {
        // The honest trace ends at leaf 2 and is padded with it; the liar goes on.
        bytes32[] memory short = new bytes32[](3);
        (short[0], short[1], short[2]) = (right[0], right[1], right[3]);
        bytes32[] memory longer = new bytes32[](4);
        (longer[0], longer[1], longer[2]) = (right[0], right[1], right[3]);
        longer[3] = Hashing.checkpoint(lie());
        bytes32 one = claim(HONEST, 3, short, truth[3]);
        bytes32 two = claim(LIAR, 3, longer, lie());
        MatchKey memory key = MatchKey(Disputes.outerId(CHAIN, 1), one, two);
        halve(key, short, longer);
        Sealing memory s = sealing(key, short, longer);
        vm.assertEq(s.position, 3);
        tournament.sealInner(key, s.left, s.right, s.agreed, s.proof, truth[3], program);
        vm.assertEq(uint256(entrant(key, two).standing), uint256(Standing.Out));
        vm.assertEq(uint256(entrant(key, one).standing), uint256(Standing.Dangling));
    }

    function test_whoNeverAnswersLosesByTime() public {
        (MatchKey memory key,) = contest(1);
        bytes32 id = Disputes.idOf(key);
        // The honest side is on turn, with all of the window left.
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(Matches.ClockRunning.selector, id, Waits.Turn));
        tournament.timeout(key);
        advance(key, right);
        // Now the liar is, and says nothing up to its last second.
        vm.warp(block.timestamp + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(Matches.ClockRunning.selector, id, Waits.Turn));
        tournament.timeout(key);
        vm.warp(block.timestamp + 1);
        (, Waits waits) = tournament.matchOf(id);
        vm.assertEq(uint256(waits), uint256(Waits.Expired));
        tournament.timeout(key);
        vm.assertEq(uint256(entrant(key, key.two).standing), uint256(Standing.Out));
        vm.assertEq(entrant(key, key.one).allowance, 1);
        vm.expectRevert(abi.encodeWithSelector(Matches.NotWaiting.selector, id, Waits.Nothing));
        tournament.timeout(key);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).checkpointHash, right[3]);
    }

    function test_aMoveInTheSecondInWhichTheClockEndsIsTooLate() public {
        (MatchKey memory key,) = contest(1);
        (Match memory m,) = tournament.matchOf(Disputes.idOf(key));
        vm.warp(block.timestamp + WINDOW);
        bytes32 left = Trees.traceNode(right, 1, 0);
        bytes32 other = Trees.traceNode(right, 1, 1);
        vm.expectRevert(
            abi.encodeWithSelector(Matches.NotWaiting.selector, Disputes.idOf(key), Waits.Expired)
        );
        tournament.advance(key, left, other, 0, 0);
        vm.assertEq(m.allowanceOne, WINDOW);
    }

    function test_aLateClaimHasLessTimeAndGraceForEachMatch() public {
        claim(HONEST, 3, right, truth[3]);
        vm.warp(block.timestamp + WINDOW - 1);
        bytes32[] memory lies = liesFrom(1);
        lies[3] = Hashing.checkpoint(lie());
        bytes32 two = claim(LIAR, 3, lies, lie());
        bytes32 id = Disputes.outerId(CHAIN, 1);
        vm.assertEq(tournament.entrantOf(id, two).allowance, 1);
        (bytes32 one,) = Trees.traceProof(right, 2, 3);
        (Match memory m,) = tournament.matchOf(Disputes.idOf(MatchKey(id, one, two)));
        vm.assertEq(m.allowanceTwo, 1 + GRACE);
        vm.assertEq(m.allowanceOne, WINDOW);
    }

    function test_aSealedLeafThatNobodyProvesPutsBothOut() public {
        (MatchKey memory key, bytes32 inner) = openInner();
        rightRun = new bytes32[](8);
        wrongRun = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            rightRun[i] = keccak256(abi.encode("run", i));
            wrongRun[i] = keccak256(abi.encode("false run", i));
        }
        bytes memory good = halted(right[1], "good");
        bytes memory bad = halted(tournament.disputeOf(inner).leafTwo, "bad");
        (rightRun[7], wrongRun[7]) = (keccak256(good), keccak256(bad));
        MatchKey memory run = MatchKey(
            inner, claimRun(HONEST, inner, rightRun, good), claimRun(LIAR, inner, wrongRun, bad)
        );
        halve(run, rightRun, wrongRun);
        Sealing memory s = sealing(run, rightRun, wrongRun);
        tournament.sealLeaf(run, s.left, s.right, s.agreed, s.proof);
        vm.warp(block.timestamp + WINDOW - 1);
        (, Waits waits) = tournament.matchOf(Disputes.idOf(run));
        vm.assertEq(uint256(waits), uint256(Waits.Proof));
        vm.warp(block.timestamp + 1);
        vm.expectPartialRevert(Matches.NotWaiting.selector);
        tournament.step(run, program, "");
        tournament.timeout(run);
        // No run is left, so that neither of the claims above it is.
        tournament.resolveInner(key);
        vm.expectPartialRevert(Matches.NoSurvivor.selector);
        tournament.settle(CHAIN);
        tournament.restart(CHAIN);
        vm.assertEq(tournament.burned(), 4 * BOND);
        claim(HONEST, 3, right, truth[3]);
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).entries, 3);
    }

    /// @dev The parent waits for what comes of it, whatever else happens.
    function test_nobodyJoinsTheInnerDispute() public {
        (MatchKey memory key,) = openInner();
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(key);
        vm.assertEq(uint256(entrant(key, key.one).standing), uint256(Standing.Out));
        vm.assertEq(uint256(entrant(key, key.two).standing), uint256(Standing.Out));
        vm.expectPartialRevert(Matches.NotWaiting.selector);
        tournament.resolveInner(key);
        tournament.restart(CHAIN);
    }

    // ---- refusals

    function test_refusedMoves() public {
        (MatchKey memory key, bytes32[] memory lies) = contest(1);
        bytes32 id = Disputes.idOf(key);
        (Match memory m,) = tournament.matchOf(id);
        bytes32 left = Trees.traceNode(right, 1, 0);
        bytes32 other = Trees.traceNode(right, 1, 1);
        vm.expectPartialRevert(Matches.WrongNode.selector);
        tournament.advance(key, left, left, right[0], right[1]);
        vm.expectPartialRevert(Matches.WrongChild.selector);
        tournament.advance(key, left, other, right[2], right[3]);
        MatchKey memory nobody = MatchKey(key.tournament, key.two, key.one);
        vm.expectPartialRevert(Matches.NotWaiting.selector);
        tournament.advance(nobody, left, other, right[0], right[1]);
        Sealing memory s;
        vm.expectPartialRevert(Matches.NotSplit.selector);
        tournament.sealInner(key, left, other, 0, s.proof, truth[0], program);
        vm.expectPartialRevert(Pairings.WrongLevel.selector);
        tournament.sealLeaf(key, left, other, 0, s.proof);
        halve(key, right, lies);
        (m,) = tournament.matchOf(id);
        s = sealing(key, right, lies);
        vm.expectPartialRevert(Matches.SplitToLeaves.selector);
        tournament.advance(key, s.left, s.right, 0, 0);
        vm.expectPartialRevert(Matches.WrongAgreedLeaf.selector);
        tournament.sealInner(key, s.left, s.right, "other", s.proof, truth[0], program);
        vm.expectPartialRevert(Tournament.WrongCheckpoint.selector);
        tournament.sealInner(key, s.left, s.right, s.agreed, s.proof, truth[1], program);
        Program memory forged = program;
        forged.entry += 2;
        vm.expectPartialRevert(Matches.WrongProgram.selector);
        tournament.sealInner(key, s.left, s.right, s.agreed, s.proof, truth[0], forged);
        bytes32[] memory surplus = new bytes32[](3);
        (surplus[0], surplus[1]) = (s.proof[0], s.proof[1]);
        vm.expectRevert(abi.encodeWithSelector(Disputes.WrongProofLength.selector, 2, 3));
        tournament.sealInner(key, s.left, s.right, s.agreed, surplus, truth[0], program);
        vm.expectPartialRevert(Matches.NotWaiting.selector);
        tournament.resolveInner(key);
        vm.expectPartialRevert(Matches.NotWaiting.selector);
        tournament.step(key, program, "");
    }

    function test_refusedRuns() public {
        (, bytes32 inner) = openInner();
        bytes32[] memory run = new bytes32[](1);
        bytes memory state = halted("neither", 0);
        run[0] = keccak256(state);
        (bytes32 commitment, bytes32[] memory proof) = Trees.traceProof(run, 3, 7);
        vm.deal(address(this), 10 ether);
        vm.expectPartialRevert(Tournament.WrongOutcome.selector);
        tournament.joinInner{ value: BOND }(inner, commitment, state, proof);
        state = halted(right[1], 0);
        vm.expectPartialRevert(Tournament.WrongTraceProof.selector);
        tournament.joinInner{ value: BOND }(inner, commitment, state, proof);
        vm.expectRevert(abi.encodeWithSelector(Machine.WrongStateLength.selector, 378, 379));
        tournament.joinInner{ value: BOND }(
            inner, commitment, bytes.concat(state, bytes1(0)), proof
        );
        vm.expectRevert(abi.encodeWithSelector(Tournament.WrongBond.selector, BOND, 1));
        tournament.joinInner{ value: 1 }(inner, commitment, state, proof);
        bytes32 outer = Disputes.outerId(CHAIN, 1);
        vm.expectRevert(abi.encodeWithSelector(Tournament.NotInner.selector, outer));
        tournament.joinInner{ value: BOND }(outer, commitment, state, proof);
        vm.warp(block.timestamp + WINDOW);
        vm.expectPartialRevert(Tournament.WindowClosed.selector);
        tournament.joinInner{ value: BOND }(inner, commitment, state, proof);
        vm.expectPartialRevert(Tournament.NotInner.selector);
        tournament.joinInner{ value: BOND }("no dispute", commitment, state, proof);
    }

    /// @dev A machine that exits otherwise, traps or never ends says nothing, whatever it committed to.
    function test_onlyAGoodEndHasAnOutcome() public {
        (, bytes32 inner) = openInner();
        bytes memory state = halted(right[1], 0);
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory other = bytes.concat(state);
            if (i == 0) other[296] = 0x00;
            else if (i == 1) other[296] = 0x02;
            else other[304] = 0x01;
            bytes32[] memory run = new bytes32[](1);
            run[0] = keccak256(other);
            (bytes32 commitment, bytes32[] memory proof) = Trees.traceProof(run, 3, 7);
            vm.deal(address(this), BOND);
            vm.expectPartialRevert(Tournament.WrongOutcome.selector);
            tournament.joinInner{ value: BOND }(inner, commitment, other, proof);
        }
        bytes32[] memory good = new bytes32[](1);
        good[0] = keccak256(state);
        claimRun(HONEST, inner, good, state);
    }

    function openInner() private returns (MatchKey memory key, bytes32 inner) {
        bytes32[] memory lies;
        (key, lies) = contest(1);
        halve(key, right, lies);
        sealOuter(key, right, lies);
        inner = Disputes.innerId(key.tournament, Disputes.idOf(key));
    }
}
