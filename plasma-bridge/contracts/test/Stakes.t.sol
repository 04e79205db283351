// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Supply, Stakes } from "../src/Stakes.sol";
import { StakingFixture } from "./support/StakingFixture.sol";
import { bound, vm } from "./support/Vm.sol";

/// @notice Money in, money out, rewards.
contract StakesTest is StakingFixture {
    address private constant ANN = address(0xA22);
    address private constant BOB = address(0xB0B0);

    function four() private {
        for (uint256 i = 0; i < 4; ++i) {
            joinAs(i, 4000 ether);
        }
    }

    /// @notice What the schedule gives for one epoch in the first year, of the present supply.
    function epochReward() private view returns (uint256) {
        return xpl.totalSupply() * 500 * LENGTH / (10_000 * 365 days);
    }

    // ---- out

    function test_unbondingTakesTheDelay() public {
        four();
        delegateAs(ANN, operatorAt(0), 100 ether);
        advance();
        uint256 id = unbondAs(ANN, operatorAt(0), 60 ether);
        vm.assertEq(stakes.valueOf(operatorAt(0), ANN), 40 ether);
        vm.assertEq(stakes.totalUnbonding(), 60 ether);
        for (uint64 t = 1; t <= 4; ++t) {
            vm.prank(ANN);
            vm.expectRevert(abi.encodeWithSelector(Stakes.StillLiable.selector, id, 4, t));
            stakes.withdraw(id);
            advance();
        }
        vm.expectRevert(abi.encodeWithSelector(Stakes.NotYours.selector, id, ANN, address(this)));
        stakes.withdraw(id);
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.assertEq(xpl.balanceOf(ANN), 60 ether);
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NoSuchUnbonding.selector, id));
        stakes.withdraw(id);
    }

    function test_refusals() public {
        four();
        address operator = operatorAt(0);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NothingGiven.selector));
        stakes.delegate(operator, 0);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NothingGiven.selector));
        stakes.unbond(operator, 0);
        fund(ANN, 10 ether);
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NoSuchSequencer.selector, BOB));
        stakes.delegate(BOB, 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(Stakes.NotEnoughShares.selector, operator, address(this), 0, 1)
        );
        stakes.unbond(operator, 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.SameSequencer.selector, operator));
        stakes.redelegate(operator, operator, 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NoSuchUnbonding.selector, 77));
        stakes.withdraw(77);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NothingToClaim.selector, address(this)));
        stakes.claim(new address[](0), address(this));
        vm.expectRevert(
            abi.encodeWithSelector(Stakes.FutureLookup.selector, block.timestamp, block.timestamp)
        );
        stakes.getPastVotes(ANN, block.timestamp);
    }

    function test_commissionOnlyFalls() public {
        four();
        vm.startPrank(operatorAt(0));
        vm.expectRevert(
            abi.encodeWithSelector(Stakes.CommissionCannotRise.selector, operatorAt(0), 1000, 1001)
        );
        stakes.lowerCommission(1001);
        stakes.lowerCommission(5);
        vm.stopPrank();
        vm.assertEq(stakes.pool(operatorAt(0)).commission, 5);
    }

    // ---- rewards

    function test_rewardsGoByWeightAndParticipation() public {
        four();
        delegateAs(ANN, operatorAt(0), 1000 ether);
        advance();
        vm.assertEq(seats[0].weight, 5000);
        // Seat 3 misses one window of two.
        appendServed(0xf);
        vm.warp(block.timestamp + 1 hours);
        appendServed(0x7);
        uint256 whole = epochReward();
        advance();
        uint256 first = whole * 5000 * 2 / (17_000 * 2);
        vm.assertEq(stakes.credit(operatorAt(0)), first / 10, "commission");
        uint256 rest = first - first / 10;
        vm.assertApproxEqAbs(stakes.earned(operatorAt(0), ANN), rest / 5, 1, "a fifth of the pool");
        vm.assertApproxEqAbs(stakes.earned(operatorAt(0), operatorAt(0)), rest * 4 / 5, 1, "own");
        uint256 full = whole * 4000 * 2 / (17_000 * 2);
        uint256 half = whole * 4000 / (17_000 * 2);
        vm.assertEq(stakes.totalPending(), first + 2 * full + half);
        vm.assertEq(xpl.minted(), first + 2 * full + half, "what absence forfeits is not minted");
        uint256 paid = claimAs(ANN, operatorAt(0));
        vm.assertApproxEqAbs(paid, rest / 5, 1, "claimed");
        vm.assertEq(xpl.balanceOf(ANN), paid);
        vm.assertEq(stakes.earned(operatorAt(0), ANN), 0);
        uint256 own = claimAs(operatorAt(0), operatorAt(0));
        vm.assertApproxEqAbs(own, first / 10 + rest * 4 / 5, 1, "with the commission");
    }

    function test_nobodyEarnsInAnIdleEpoch() public {
        four();
        advanceTimes(3);
        vm.assertEq(xpl.minted(), 0);
    }

    function test_whoComesLateEarnsFromTheNextEpoch() public {
        four();
        advance();
        appendServed(0xf);
        delegateAs(ANN, operatorAt(0), 4000 ether);
        vm.warp(uint256(network.startedAt()) + LENGTH);
        delegateAs(BOB, operatorAt(0), 1_000_000 ether);
        uint256 quarter = epochReward() / 4;
        advance();
        vm.assertEq(stakes.earned(operatorAt(0), ANN), 0);
        vm.assertEq(stakes.earned(operatorAt(0), BOB), 0);
        uint256 own = stakes.earned(operatorAt(0), operatorAt(0));
        vm.assertApproxEqAbs(own, quarter - quarter / 10, 2, "all of it is the operator's");
        appendServed(0xf);
        advance();
        uint256 ann = stakes.earned(operatorAt(0), ANN);
        uint256 more = stakes.earned(operatorAt(0), operatorAt(0)) - own;
        vm.assertGt(ann, 0);
        vm.assertApproxEqAbs(ann, more, 1, "equal shares, equal rewards");
        // Settling in between changes nothing.
        stakes.poke(operatorAt(0), ANN);
        vm.assertEq(stakes.credit(ANN), ann);
        vm.assertEq(claimAs(ANN, operatorAt(0)), ann);
    }

    function test_whatCameLastLeavesFirst() public {
        four();
        delegateAs(ANN, operatorAt(0), 100 ether);
        advance();
        delegateAs(ANN, operatorAt(0), 50 ether);
        unbondAs(ANN, operatorAt(0), 70 ether);
        vm.assertEq(stakes.position(operatorAt(0), ANN).queued, 0);
        vm.assertEq(stakes.pool(operatorAt(0)).queued, 0);
        vm.assertEq(stakes.position(operatorAt(0), ANN).shares, 80 ether);
        appendServed(0xf);
        advance();
        vm.assertGt(stakes.earned(operatorAt(0), ANN), 0);
    }

    function test_noWeiIsMintedBeyondTheSchedule() public {
        four();
        advance();
        appendServed(0xf);
        uint256 reward = epochReward();
        advance();
        // Four equal seats share it, and each share is rounded down.
        vm.assertApproxEqAbs(xpl.minted(), reward, 4, "minted");
        vm.assertLe(xpl.minted(), reward);
    }

    // ---- votes

    function test_votesByTime() public {
        four();
        vm.warp(block.timestamp + 10);
        delegateAs(ANN, operatorAt(0), 100 ether);
        delegateAs(ANN, operatorAt(1), 20 ether);
        uint256 then = block.timestamp;
        vm.warp(then + 10);
        unbondAs(ANN, operatorAt(0), 30 ether);
        vm.warp(then + 20);
        vm.assertEq(stakes.getPastVotes(ANN, then - 1), 0);
        vm.assertEq(stakes.getPastVotes(ANN, then), 120 ether);
        vm.assertEq(stakes.getPastVotes(ANN, then + 10), 90 ether);
        vm.assertEq(stakes.getVotes(ANN), 90 ether);
    }

    // ---- properties

    /// @dev However a slashed pool is left, everybody gets the same, to a wei.
    function testFuzz_theOrderOfLeavingDoesNotMatter(uint96[3] memory amounts, uint16 part) public {
        four();
        address operator = operatorAt(0);
        for (uint256 i = 0; i < 3; ++i) {
            amounts[i] = uint96(bound(amounts[i], 1, 1_000_000 ether));
            delegateAs(address(uint160(0x100 + i)), operator, amounts[i]);
        }
        advance();
        part = uint16(bound(part, 0, 10_000));
        slashAll(part);
        uint256[3] memory forwards;
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < 3; ++i) {
            uint256 id = unbondAs(address(uint160(0x100 + i)), operator, amounts[i]);
            forwards[i] = stakes.unbonding(id).amount;
        }
        vm.revertToState(snapshot);
        for (uint256 n = 3; n > 0; --n) {
            uint256 i = n - 1;
            uint256 id = unbondAs(address(uint160(0x100 + i)), operator, amounts[i]);
            uint256 backwards = stakes.unbonding(id).amount;
            vm.assertApproxEqAbs(forwards[i], backwards, 1, "either way");
            uint256 fair = uint256(amounts[i]) * (10_000 - part) / 10_000;
            vm.assertApproxEqAbs(backwards, fair, 2, "its share");
        }
    }

    function slashAll(uint16 part) private {
        vm.prank(address(network));
        stakes.slash(operatorAt(0), 1, part);
    }

    function test_supplyAddsUp() public {
        four();
        delegateAs(ANN, operatorAt(0), 1000 ether);
        advance();
        appendServed(0xf);
        advance();
        xpl.burn(5 ether);
        xpl.transfer(address(bridge), 3 ether);
        unbondAs(ANN, operatorAt(0), 500 ether);
        network.reportDoubleVote(doubleVote(secretAt(0), 1));
        Supply memory s = stakes.supply(address(bridge));
        vm.assertEq(s.genesis + s.minted - s.burned, s.liquid + s.staked + s.escrowed + s.pending);
        vm.assertEq(s.burned, 5 ether);
        vm.assertEq(s.escrowed, 3 ether);
        vm.assertEq(s.staked + s.pending, xpl.balanceOf(address(stakes)));
        uint256 liquid = xpl.balanceOf(address(this)) + xpl.balanceOf(ANN);
        for (uint256 i = 0; i < 4; ++i) {
            liquid += xpl.balanceOf(operatorAt(i));
        }
        vm.assertEq(s.liquid, liquid);
        stakes.burnForfeited();
        vm.assertEq(stakes.supply(address(bridge)).burned, 5 ether + 500 ether);
    }
}
