// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Who sits in a committee, and with what weight
/// @notice Pure arithmetic over stakes. A weight is the whole XPL of a stake, cut at the *saturation point*: what
/// lies above neither votes nor earns.
library Elections {
    /// @notice One XPL in wei.
    uint256 internal constant UNIT = 1 ether;
    uint256 internal constant ALL = 10_000;
    /// @notice The largest share of all weight that is below a third, in hundredths of a percent.
    uint256 internal constant BELOW_A_THIRD = 3333;

    /// @notice The places of the `seats` largest stakes, largest first; of equal ones the earlier place first.
    function largest(uint256[] memory stakes, uint256 seats)
        internal
        pure
        returns (uint256[] memory places)
    {
        uint256 count = stakes.length;
        uint256[] memory keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            keys[i] = (stakes[i] << 16) | (type(uint16).max - i);
        }
        keys = _sorted(keys);
        places = new uint256[](count < seats ? count : seats);
        for (uint256 i = 0; i < places.length; ++i) {
            places[i] = type(uint16).max - uint16(keys[count - 1 - i]);
        }
    }

    /// @notice The largest weight that a seat can have, such that none has more than `share` of all; where there
    /// are too few seats for that, a third; and no limit for three seats or fewer, of which one always has a third.
    /// @param weights Largest first, none of them 0.
    /// @param share In hundredths of a percent, at most BELOW_A_THIRD.
    function saturation(uint256[] memory weights, uint256 share) internal pure returns (uint256) {
        uint256 count = weights.length;
        if (count * share <= ALL) {
            if (count <= 3) return type(uint256).max;
            share = BELOW_A_THIRD;
        }
        uint256 rest;
        for (uint256 i = 0; i < count; ++i) {
            rest += weights[i];
        }
        // With the first k seats cut to x, all weight is k * x + rest, and x is to be `share` of it.
        for (uint256 k = 0; k < count; ++k) {
            uint256 x = share * rest / (ALL - k * share);
            if (weights[k] <= x) return x;
            rest -= weights[k];
        }
        return type(uint256).max;
    }

    /// @notice In increasing order, by merging runs: no order of stakes makes it take long.
    function _sorted(uint256[] memory keys) private pure returns (uint256[] memory) {
        uint256 count = keys.length;
        uint256[] memory other = new uint256[](count);
        for (uint256 run = 1; run < count; run *= 2) {
            for (uint256 start = 0; start < count; start += 2 * run) {
                _merge(keys, other, start, run);
            }
            (keys, other) = (other, keys);
        }
        return keys;
    }

    /// @notice Merges two neighbouring runs, of which the last may be short or missing.
    function _merge(uint256[] memory from, uint256[] memory to, uint256 start, uint256 run)
        private
        pure
    {
        unchecked {
            uint256 count = from.length;
            uint256 middle = start + run < count ? start + run : count;
            uint256 end = middle + run < count ? middle + run : count;
            (uint256 left, uint256 right) = (start, middle);
            for (uint256 i = start; i < end; ++i) {
                bool takeLeft = left < middle && (right == end || from[left] < from[right]);
                to[i] = takeLeft ? from[left++] : from[right++];
            }
        }
    }
}
