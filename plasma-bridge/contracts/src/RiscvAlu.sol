// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What the fault-proof machine's instructions compute from two numbers
/// @notice Numbers are below 2^64, and so are results. A reserved encoding is not legal, and then
/// there is no value.
library RiscvAlu {
    uint256 private constant U64 = type(uint64).max;
    uint256 private constant U32 = type(uint32).max;

    /// @notice The number of so many bits, from its lowest bits.
    function signed(uint256 value, uint256 bits) internal pure returns (int256) {
        unchecked {
            return int256(value << (256 - bits)) >> (256 - bits);
        }
    }

    /// @notice A number of so many bits with its sign spread over 64.
    function spread(uint256 value, uint256 bits) internal pure returns (uint256) {
        return uint256(signed(value, bits)) & U64;
    }

    /// @notice OP-IMM, and OP-IMM-32 for `words`.
    function immediateOperation(uint256 instruction, uint256 a, bool words)
        internal
        pure
        returns (bool legal, uint256 value)
    {
        unchecked {
            uint256 funct3 = (instruction >> 12) & 7;
            uint256 immediate = spread(instruction >> 20, 12);
            if (funct3 & 3 == 1) {
                uint256 bits = words ? 5 : 6;
                uint256 amount = (instruction >> 20) & ((1 << bits) - 1);
                uint256 upper = (instruction >> (20 + bits)) << bits;
                bool arithmetic = upper == 0x400 && funct3 == 5;
                if (upper != 0 && !arithmetic) return (false, 0);
                return (true, shift(a, amount, funct3 == 1, arithmetic, words));
            }
            if (words) return (funct3 == 0, spread(a + immediate, 32));
            if (funct3 == 0) return (true, (a + immediate) & U64);
            if (funct3 == 2) return (true, below(signed(a, 64), signed(immediate, 64)));
            if (funct3 == 3) return (true, a < immediate ? 1 : 0);
            if (funct3 == 4) return (true, a ^ immediate);
            if (funct3 == 6) return (true, a | immediate);
            return (true, a & immediate);
        }
    }

    /// @notice OP, and OP-32 for `words`.
    function registerOperation(uint256 instruction, uint256 a, uint256 b, bool words)
        internal
        pure
        returns (bool legal, uint256 value)
    {
        unchecked {
            uint256 funct3 = (instruction >> 12) & 7;
            uint256 funct7 = instruction >> 25;
            if (funct7 == 1) {
                (legal, value) = multiplication(funct3, a, b, words);
            } else if (funct7 != 0 && funct7 != 0x20) {
                return (false, 0);
            } else if (funct3 & 3 == 1) {
                bool arithmetic = funct7 == 0x20;
                if (arithmetic && funct3 == 1) return (false, 0);
                return (true, shift(a, b & (words ? 31 : 63), funct3 == 1, arithmetic, words));
            } else if (funct3 == 0) {
                (legal, value) = (true, (funct7 == 0 ? a + b : a - b) & U64);
            } else {
                if (words || funct7 != 0) return (false, 0);
                return (true, comparison(funct3, a, b));
            }
            if (words) value = spread(value, 32);
        }
    }

    /// @dev SLT, SLTU, XOR, OR, AND.
    function comparison(uint256 funct3, uint256 a, uint256 b) private pure returns (uint256) {
        if (funct3 == 2) return below(signed(a, 64), signed(b, 64));
        if (funct3 == 3) return a < b ? 1 : 0;
        if (funct3 == 4) return a ^ b;
        return funct3 == 6 ? a | b : a & b;
    }

    /// @dev A shift by less than the width. The upper half counts for nothing in a word's.
    function shift(uint256 a, uint256 amount, bool left, bool arithmetic, bool words)
        private
        pure
        returns (uint256 value)
    {
        uint256 width = words ? 32 : 64;
        if (left) {
            value = a << amount;
        } else if (arithmetic) {
            value = uint256(signed(a, width) >> amount);
        } else {
            value = (words ? a & U32 : a) >> amount;
        }
        return spread(value, width);
    }

    /// @dev The M extension. The caller spreads what words give.
    function multiplication(uint256 funct3, uint256 a, uint256 b, bool words)
        private
        pure
        returns (bool legal, uint256 value)
    {
        unchecked {
            if (funct3 == 0) return (true, (a * b) & U64);
            if (funct3 < 4) {
                if (words) return (false, 0);
                // Only the first two see a sign in a, and only the first one in b.
                uint256 wideA = funct3 == 3 ? a : uint256(signed(a, 64));
                uint256 wideB = funct3 == 1 ? uint256(signed(b, 64)) : b;
                return (true, ((wideA * wideB) >> 64) & U64);
            }
            bool remainder = funct3 >= 6;
            uint256 width = words ? 32 : 64;
            if (funct3 & 1 == 1) {
                uint256 mask = words ? U32 : U64;
                (a, b) = (a & mask, b & mask);
                if (b == 0) return (true, remainder ? a : U64);
                return (true, remainder ? a % b : a / b);
            }
            // Numbers this wide cannot overflow: the manual's special case needs no case here.
            (int256 dividend, int256 divisor) = (signed(a, width), signed(b, width));
            if (divisor == 0) return (true, remainder ? uint256(dividend) & U64 : U64);
            int256 result = remainder ? dividend % divisor : dividend / divisor;
            return (true, uint256(result) & U64);
        }
    }

    /// @notice What an AMO of so many bits writes.
    function atomicOperation(uint256 operation, uint256 old, uint256 operand, uint256 bits)
        internal
        pure
        returns (bool legal, uint256 value)
    {
        unchecked {
            uint256 mask = (1 << bits) - 1;
            (uint256 a, uint256 b) = (old & mask, operand & mask);
            if (operation == 0) return (true, (a + b) & mask);
            if (operation == 1) return (true, b);
            if (operation == 4) return (true, a ^ b);
            if (operation == 8) return (true, a | b);
            if (operation == 12) return (true, a & b);
            if (operation == 16 || operation == 20) {
                bool less = signed(a, bits) < signed(b, bits);
                return (true, less == (operation == 16) ? a : b);
            }
            if (operation == 24) return (true, a < b ? a : b);
            if (operation == 28) return (true, a < b ? b : a);
            return (false, 0);
        }
    }

    /// @notice Whether a branch is taken.
    function taken(uint256 funct3, uint256 a, uint256 b)
        internal
        pure
        returns (bool legal, bool yes)
    {
        if (funct3 < 2) return (true, (a == b) == (funct3 == 0));
        if (funct3 < 4) return (false, false);
        bool less = funct3 < 6 ? signed(a, 64) < signed(b, 64) : a < b;
        return (true, less == (funct3 & 1 == 0));
    }

    function below(int256 a, int256 b) private pure returns (uint256) {
        return a < b ? 1 : 0;
    }
}
