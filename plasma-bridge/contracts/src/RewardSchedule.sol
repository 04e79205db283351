// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What sequencers may earn together
/// @notice 5% of the supply in the first year, half a point less each year, 3% from the fifth on.
library RewardSchedule {
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant ALL = 10_000;
    uint256 internal constant FIRST = 500;
    uint256 internal constant FALL = 50;
    uint256 internal constant LAST = 300;

    /// @notice The reward for all, of a supply, between two seconds counted from the schedule's start.
    function between(uint256 supply, uint256 from, uint256 to) internal pure returns (uint256) {
        return supply * (_rateTime(to) - _rateTime(from)) / (ALL * YEAR);
    }

    /// @notice The sum of the rates of all seconds so far.
    function _rateTime(uint256 elapsed) private pure returns (uint256 sum) {
        uint256 rate = FIRST;
        while (rate > LAST) {
            if (elapsed < YEAR) return sum + rate * elapsed;
            sum += rate * YEAR;
            elapsed -= YEAR;
            rate -= FALL;
        }
        return sum + LAST * elapsed;
    }
}
