// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Elections } from "../src/Elections.sol";
import { RewardSchedule } from "../src/RewardSchedule.sol";
import { bound, vm } from "./support/Vm.sol";

contract ElectionsTest {
    function stakesFrom(uint256 seed, uint256 count)
        private
        pure
        returns (uint256[] memory stakes)
    {
        stakes = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            // Of very different sizes, and often equal.
            stakes[i] = 1 + (word >> 8) % (10 ** (word % 11));
        }
    }

    // ---- who

    function test_largest() public pure {
        uint256[] memory stakes = new uint256[](5);
        (stakes[0], stakes[1], stakes[2], stakes[3], stakes[4]) = (5, 9, 5, 1, 9);
        uint256[] memory places = Elections.largest(stakes, 3);
        vm.assertEq(places.length, 3);
        vm.assertEq(places[0], 1);
        vm.assertEq(places[1], 4, "of equal ones the earlier first");
        vm.assertEq(places[2], 0);
        vm.assertEq(Elections.largest(stakes, 9).length, 5);
        vm.assertEq(Elections.largest(new uint256[](0), 9).length, 0);
    }

    function testFuzz_nobodyOutsideIsLarger(uint256 seed, uint8 count, uint8 seats) public pure {
        uint256[] memory stakes = stakesFrom(seed, count);
        uint256[] memory places = Elections.largest(stakes, seats);
        vm.assertEq(places.length, count < seats ? count : seats);
        bool[] memory seated = new bool[](count);
        for (uint256 i = 0; i < places.length; ++i) {
            vm.assertFalse(seated[places[i]]);
            seated[places[i]] = true;
            if (i != 0) vm.assertGe(stakes[places[i - 1]], stakes[places[i]]);
        }
        if (places.length == 0) return;
        uint256 least = stakes[places[places.length - 1]];
        for (uint256 i = 0; i < count; ++i) {
            if (!seated[i]) vm.assertLe(stakes[i], least);
        }
    }

    // ---- how much

    function weigh(uint256[] memory weights, uint256 share)
        private
        pure
        returns (uint256 most, uint256 total)
    {
        uint256 x = Elections.saturation(weights, share);
        for (uint256 i = 0; i < weights.length; ++i) {
            uint256 weight = weights[i] < x ? weights[i] : x;
            vm.assertGt(weight, 0);
            total += weight;
            if (weight > most) most = weight;
        }
    }

    function sorted(uint256 seed, uint256 count) private pure returns (uint256[] memory weights) {
        uint256[] memory stakes = stakesFrom(seed, count);
        uint256[] memory places = Elections.largest(stakes, count);
        weights = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            weights[i] = stakes[places[i]];
        }
    }

    function testFuzz_noneOfFourOrMoreHasAThird(uint256 seed, uint256 count, uint256 share)
        public
        pure
    {
        count = bound(count, 4, 128);
        share = bound(share, 100, 3333);
        (uint256 most, uint256 total) = weigh(sorted(seed, count), share);
        vm.assertGt(total, most * 3);
        if (count * share > 10_000) vm.assertLe(most * 10_000, total * share);
    }

    /// @dev Against trying every limit: the next larger one would give somebody too much.
    function testFuzz_theSaturationPointIsTheLargest(uint256 seed, uint256 count, uint256 share)
        public
        pure
    {
        count = bound(count, 4, 20);
        share = bound(share, 100, 3333);
        if (count * share <= 10_000) share = 3333;
        uint256[] memory weights = sorted(seed, count);
        uint256 x = Elections.saturation(weights, share);
        if (x >= weights[0]) return;
        uint256 total;
        for (uint256 i = 0; i < count; ++i) {
            total += weights[i] <= x ? weights[i] : x + 1;
        }
        vm.assertGt((x + 1) * 10_000, total * share);
    }

    function test_saturationTable() public pure {
        uint256[] memory weights = new uint256[](4);
        (weights[0], weights[1], weights[2], weights[3]) = (1000, 10, 10, 10);
        // 3333 / 6667 of 30.
        vm.assertEq(Elections.saturation(weights, 3333), 14);
        weights[0] = 12;
        vm.assertEq(Elections.saturation(weights, 3333), 13, "none is cut");
        uint256[] memory three = new uint256[](3);
        (three[0], three[1], three[2]) = (1000, 10, 10);
        vm.assertEq(Elections.saturation(three, 3333), type(uint256).max);
        // Four seats cannot all be below a fifth: a third it is.
        (weights[0], weights[1], weights[2], weights[3]) = (3000, 2000, 1000, 1000);
        vm.assertEq(Elections.saturation(weights, 2000), 1999);
    }

    // ---- for how much

    function test_scheduleOfTheYears() public pure {
        uint256[8] memory rates = [uint256(500), 450, 400, 350, 300, 300, 300, 300];
        for (uint256 year = 0; year < 8; ++year) {
            uint256 from = year * 365 days;
            vm.assertEq(RewardSchedule.between(1e28, from, from + 365 days), 1e24 * rates[year]);
        }
        vm.assertEq(RewardSchedule.between(1e28, 7, 7), 0);
    }

    function testFuzz_scheduleAddsUp(uint40 a, uint40 b, uint40 c) public pure {
        uint256 ab = uint256(a) + b;
        uint256 abc = ab + c;
        uint256 parts = RewardSchedule.between(1e28, a, ab) + RewardSchedule.between(1e28, ab, abc);
        uint256 whole = RewardSchedule.between(1e28, a, abc);
        vm.assertLe(parts, whole);
        vm.assertLe(whole - parts, 1);
    }
}
