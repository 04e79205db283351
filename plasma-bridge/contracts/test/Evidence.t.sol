// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { DoubleVote, Evidence } from "../src/Evidence.sol";
import { Parameters, SequencerRegistry } from "../src/SequencerRegistry.sol";
import { Pool, Stakes } from "../src/Stakes.sol";
import { StakingFixture } from "./support/StakingFixture.sol";
import { vm } from "./support/Vm.sol";

/// @notice Double votes: what they cost whom, once, and what is no evidence.
contract EvidenceTest is StakingFixture {
    address private constant ANN = address(0xA22);
    address private constant BOB = address(0xB0B0);

    address private liar;

    function setUp() public override {
        super.setUp();
        liar = joinAs(0, 4000 ether);
        joinAs(1, 4000 ether);
        joinAs(2, 4000 ether);
        joinAs(3, 4000 ether);
        delegateAs(ANN, liar, 1000 ether);
        delegateAs(BOB, liar, 500 ether);
        advance();
    }

    function report(uint64 epoch) private returns (uint256 lost) {
        uint256 before = stakes.forfeited();
        network.reportDoubleVote(doubleVote(secretAt(0), epoch));
        return stakes.forfeited() - before;
    }

    function slashOf(uint16 part) private {
        Parameters memory p = defaults();
        p.slash = part;
        vm.prank(GOVERNOR);
        network.setParameters(p);
    }

    // ---- what it costs

    function test_everybodyInThePoolLosesExactlyThePart() public {
        vm.assertEq(report(0), 550 ether);
        vm.assertEq(stakes.pool(liar).stake, 4950 ether);
        vm.assertEq(stakes.valueOf(liar, liar), 3600 ether);
        vm.assertEq(stakes.valueOf(liar, ANN), 900 ether);
        vm.assertEq(stakes.valueOf(liar, BOB), 450 ether);
        uint256 supply = xpl.totalSupply();
        stakes.burnForfeited();
        vm.assertEq(xpl.totalSupply(), supply - 550 ether);
        stakes.burnForfeited();
        vm.assertEq(xpl.totalSupply(), supply - 550 ether);
    }

    function test_onceOnly() public {
        report(0);
        bytes memory slashed = abi.encodeWithSelector(Stakes.Slashed.selector, liar, 1);
        DoubleVote memory d = doubleVote(secretAt(0), 0);
        vm.expectRevert(slashed);
        network.reportDoubleVote(d);
        (d.first, d.second) = (d.second, d.first);
        (d.firstSignature, d.secondSignature) = (d.secondSignature, d.firstSignature);
        vm.expectRevert(slashed);
        network.reportDoubleVote(d);
        d.height += 1;
        signVotes(d, secretAt(0), secretAt(0));
        vm.expectRevert(slashed);
        network.reportDoubleVote(d);
        vm.assertEq(stakes.pool(liar).stake, 4950 ether);
    }

    function test_stakeOnItsWayOutLosesToo() public {
        uint256 id = unbondAs(ANN, liar, 1000 ether);
        advance();
        uint256 bob = unbondAs(BOB, liar, 500 ether);
        // Of the epoch in which Ann left, she is liable for it.
        vm.assertEq(report(0), 550 ether);
        vm.assertEq(stakes.totalUnbonding(), 1350 ether);
        advanceTimes(DELAY_TERMS + 1);
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.prank(BOB);
        stakes.withdraw(bob);
        vm.assertEq(xpl.balanceOf(ANN), 900 ether);
        vm.assertEq(xpl.balanceOf(BOB), 450 ether);
        vm.assertEq(stakes.totalUnbonding(), 0);
    }

    function test_whoLeftBeforeLosesNothing() public {
        uint256 id = unbondAs(ANN, liar, 1000 ether);
        advance();
        vm.assertEq(report(1), 450 ether);
        advanceTimes(DELAY_TERMS);
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.assertEq(xpl.balanceOf(ANN), 1000 ether);
    }

    function test_whoLeavesAfterwardsPaysOnce() public {
        report(0);
        uint256 id = unbondAs(ANN, liar, 1000 ether);
        vm.assertEq(stakes.unbonding(id).amount, 900 ether);
        advanceTimes(DELAY_TERMS + 1);
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.assertEq(xpl.balanceOf(ANN), 900 ether);
    }

    function test_movedStakeLosesToo() public {
        vm.prank(ANN);
        uint256 id = stakes.redelegate(liar, operatorAt(1), 1000 ether);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StillLiable.selector, id, 4, 1));
        stakes.release(id);
        vm.assertEq(report(0), 450 ether);
        stakes.release(id);
        vm.assertEq(stakes.forfeited(), 550 ether);
        vm.assertEq(stakes.valueOf(operatorAt(1), ANN), 900 ether);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NoSuchMove.selector, id));
        stakes.release(id);
        unbondAs(ANN, operatorAt(1), 900 ether);
    }

    function test_movedStakeCannotHop() public {
        vm.prank(ANN);
        uint256 id = stakes.redelegate(liar, operatorAt(1), 1000 ether);
        bytes memory locked =
            abi.encodeWithSelector(Stakes.NotEnoughShares.selector, operatorAt(1), ANN, 0, 1);
        vm.prank(ANN);
        vm.expectRevert(locked);
        stakes.redelegate(operatorAt(1), operatorAt(2), 1);
        vm.prank(ANN);
        vm.expectRevert(locked);
        stakes.unbond(operatorAt(1), 1);
        advanceTimes(DELAY_TERMS + 1);
        stakes.release(id);
        vm.prank(ANN);
        stakes.redelegate(operatorAt(1), operatorAt(2), 1000 ether);
    }

    function test_movedStakeIsLiableForBoth() public {
        vm.prank(ANN);
        uint256 id = stakes.redelegate(liar, operatorAt(1), 1000 ether);
        advance();
        network.reportDoubleVote(doubleVote(secretAt(1), 1));
        report(0);
        stakes.release(id);
        vm.assertEq(stakes.valueOf(operatorAt(1), ANN), 810 ether);
    }

    function test_slashedStakeMovesWithoutALock() public {
        report(0);
        vm.prank(ANN);
        vm.assertEq(stakes.redelegate(liar, operatorAt(1), 1000 ether), 0);
        vm.assertEq(stakes.valueOf(operatorAt(1), ANN), 900 ether);
        unbondAs(ANN, operatorAt(1), 900 ether);
        fund(ANN, 1);
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Stakes.Slashed.selector, liar, 1));
        stakes.delegate(liar, 1);
    }

    function test_rewardsOnly() public {
        slashOf(0);
        appendServed(all());
        vm.assertEq(report(0), 0);
        vm.assertEq(stakes.pool(liar).stake, 5500 ether);
        advance();
        // Neither the reward of the epoch nor a seat in the next.
        vm.assertEq(stakes.earned(liar, ANN), 0);
        vm.assertEq(stakes.credit(liar), 0);
        vm.assertGt(stakes.credit(operatorAt(1)), 0);
        vm.assertEq(seats.length, 3);
        uint256 id = unbondAs(ANN, liar, 1000 ether);
        advanceTimes(DELAY_TERMS + 1);
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.assertEq(xpl.balanceOf(ANN), 1000 ether);
    }

    function test_everything() public {
        slashOf(10_000);
        uint256 id = unbondAs(BOB, liar, 500 ether);
        vm.assertEq(report(0), 5500 ether);
        vm.assertEq(stakes.valueOf(liar, ANN), 0);
        advanceTimes(DELAY_TERMS + 1);
        vm.prank(BOB);
        stakes.withdraw(id);
        vm.assertEq(xpl.balanceOf(BOB), 0);
        // What is worth nothing can still be let go of.
        unbondAs(ANN, liar, 1000 ether);
        vm.assertEq(stakes.position(liar, ANN).shares, 0);
    }

    function test_theSlashedAreNeverElectedAgain() public {
        report(0);
        advance();
        vm.assertEq(seats.length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertTrue(seats[i].key != vm.addr(secretAt(0)));
        }
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NotEligible.selector, liar, SELF));
        network.list(liar);
    }

    function test_oldKeysAreAnsweredFor() public {
        bytes memory proof = possession(liar, 0xF4E5);
        vm.prank(liar);
        network.rotateKey(vm.addr(0xF4E5), proof);
        advance();
        vm.assertEq(report(0), 550 ether);
    }

    // ---- what is no evidence

    function refuse(DoubleVote memory d, bytes memory reason) private {
        vm.expectRevert(reason);
        network.reportDoubleVote(d);
        vm.assertEq(stakes.pool(liar).offence, 0);
    }

    function test_forgedReports() public {
        DoubleVote memory d = doubleVote(secretAt(0), 0);
        address key = vm.addr(secretAt(0));
        d.second = d.first;
        refuse(d, abi.encodeWithSelector(Evidence.SameBlock.selector, d.first));

        d = doubleVote(secretAt(0), 0);
        d.second = 0;
        signVotes(d, secretAt(0), secretAt(0));
        refuse(d, abi.encodeWithSelector(Evidence.NoBlock.selector));

        d = doubleVote(secretAt(0), 0);
        signVotes(d, secretAt(0), secretAt(1));
        address other = vm.addr(secretAt(1));
        refuse(d, abi.encodeWithSelector(Evidence.DifferentSigners.selector, key, other));

        d = doubleVote(0xBAD, 0);
        refuse(d, abi.encodeWithSelector(SequencerRegistry.UnknownKey.selector, vm.addr(0xBAD)));

        d = doubleVote(secretAt(0), 0);
        d.secondSignature.v = 29;
        vm.expectPartialRevert(Evidence.NoSigner.selector);
        network.reportDoubleVote(d);

        d = doubleVote(secretAt(0), 0);
        d.chainId = CHAIN;
        signVotes(d, secretAt(0), secretAt(0));
        refuse(d, abi.encodeWithSelector(SequencerRegistry.NotServed.selector, CHAIN));

        d = doubleVote(secretAt(0), 1);
        refuse(d, abi.encodeWithSelector(SequencerRegistry.UnknownEpoch.selector, 1, 1));
    }

    /// @dev Votes of different rounds, heights, epochs or chains contradict nothing.
    function testFuzz_votesOfTwoRoundsAreNoEvidence(uint8 field, uint32 by) public {
        DoubleVote memory d = doubleVote(secretAt(0), 0);
        DoubleVote memory e = doubleVote(secretAt(0), 0);
        by = by == 0 ? 1 : by;
        if (field % 4 == 0) e.chainId += by;
        if (field % 4 == 1) e.epoch += by;
        if (field % 4 == 2) e.height += by;
        if (field % 4 == 3) e.round = by == 1 ? 7 : by;
        if (field % 4 == 3 && by == d.round) e.round = 9;
        signVotes(e, secretAt(0), secretAt(0));
        d.secondSignature = e.secondSignature;
        vm.expectPartialRevert(Evidence.DifferentSigners.selector);
        network.reportDoubleVote(d);
    }

    function test_evidenceExpiresWithTheDelay() public {
        uint256 id = unbondAs(ANN, liar, 1000 ether);
        advanceTimes(DELAY_TERMS);
        // The last term in which it counts is the last in which Ann has to wait.
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Stakes.StillLiable.selector, id, 4, 4));
        stakes.withdraw(id);
        uint256 snapshot = vm.snapshotState();
        vm.assertEq(report(0), 550 ether);
        vm.revertToState(snapshot);
        advance();
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.assertEq(xpl.balanceOf(ANN), 1000 ether);
        DoubleVote memory d = doubleVote(secretAt(0), 0);
        refuse(d, abi.encodeWithSelector(SequencerRegistry.EpochTooOld.selector, 0, 1));
    }

    function test_votesFollowTheStake() public {
        vm.assertEq(stakes.getVotes(ANN), 1000 ether);
        report(0);
        stakes.poke(liar, ANN);
        vm.assertEq(stakes.getVotes(ANN), 900 ether);
        Pool memory p = stakes.pool(liar);
        vm.assertEq(p.slashed, 1000);
        vm.assertEq(p.offence, 1);
    }
}
