// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Bonds } from "./Bonds.sol";
import {
    Dispute,
    Disputes,
    Entrant,
    Match,
    MatchKey,
    Stage,
    Standing,
    Waits
} from "./Disputes.sol";

/// @title Who plays whom, with how much time, and what an end means
/// @notice
///
///     claim --> Dangling --another claim or winner--> Playing --match won--> Dangling or Playing
///                  \--dispute over--> Winner             \--match lost, or nobody won--> Out
///
/// Clocks. A claim has the window, less what it came late by. Each match adds the grace, up to the window. Only the
/// side on turn ticks; in a sealed leaf both do; dangling claims, and matches that wait for an inner dispute, stand
/// still. Once a clock has run out the opponent wins, at any later time, with no deduction.
///
/// Bonds. A match's winner earns half of the loser's bond; the rest is burned, and so is all of it when both are out.
/// What a claim earned is burned with it. So whoever beats puppets of its own gets poorer with each.
abstract contract Pairings is Bonds {
    error WrongHeights(uint256 levels, uint256 level, uint8 height);
    error WrongLevel(uint8 level);
    error WindowOpen(uint64 deadline, uint256 now_);
    error MatchesLeft(bytes32 dispute, uint32 matches);
    error AlreadyResolved(bytes32 dispute);

    event MatchStarted(bytes32 indexed dispute, bytes32 indexed matchId, bytes32 one, bytes32 two);
    /// @param winner A commitment; 0: both are out.
    event MatchEnded(bytes32 indexed dispute, bytes32 indexed matchId, bytes32 winner);

    /// @notice How many levels there are.
    uint8 public immutable levels;
    /// @dev One byte a level, outermost lowest.
    uint256 private immutable _heights;

    mapping(bytes32 id => Dispute) internal _disputes;
    mapping(bytes32 dispute => mapping(bytes32 commitment => Entrant)) internal _entrants;
    mapping(bytes32 matchId => Match) internal _matches;

    constructor(uint8[] memory heights_) {
        uint256 count = heights_.length;
        if (count < 2 || count > 8) revert WrongHeights(count, 0, 0);
        uint256 packed = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint8 height = heights_[i];
            if (height == 0 || height > 32) revert WrongHeights(count, i, height);
            packed |= uint256(height) << (8 * i);
        }
        levels = uint8(count);
        _heights = packed;
    }

    // ---- views

    function disputeOf(bytes32 id) external view returns (Dispute memory) {
        return _disputes[id];
    }

    function entrantOf(bytes32 dispute, bytes32 commitment) external view returns (Entrant memory) {
        return _entrants[dispute][commitment];
    }

    /// @notice A match, and what it waits for now.
    function matchOf(bytes32 id) external view returns (Match memory m, Waits waits) {
        m = _matches[id];
        waits = Disputes.waits(m, block.timestamp);
    }

    /// @notice The height of a level's tree.
    function heightOf(uint8 level) public view returns (uint8) {
        if (level >= levels) revert WrongLevel(level);
        return uint8(_heights >> (8 * level));
    }

    // ---- internals

    function _isLast(uint8 level) internal view returns (bool) {
        return level + 1 == levels;
    }

    /// @notice Latency that each match allows for.
    function _graceOf(uint64 window) internal pure returns (uint64) {
        return window / 8 + 1;
    }

    /// @notice Lets a claim wait, or play against the one that waits.
    function _pair(bytes32 id, Dispute storage dispute, bytes32 commitment) internal {
        bytes32 waiting = dispute.dangling;
        Entrant storage two = _entrants[id][commitment];
        if (waiting == 0) {
            dispute.dangling = commitment;
            two.standing = Standing.Dangling;
            return;
        }
        Entrant storage one = _entrants[id][waiting];
        dispute.dangling = 0;
        dispute.matches += 1;
        one.standing = Standing.Playing;
        two.standing = Standing.Playing;
        bytes32 matchId = Disputes.idOf(MatchKey(id, waiting, commitment));
        _matches[matchId] = Match({
            node: waiting,
            left: two.left,
            right: two.right,
            position: 0,
            height: heightOf(dispute.level),
            stage: Stage.Halving,
            turnTwo: false,
            allowanceOne: _allowance(dispute, one),
            allowanceTwo: _allowance(dispute, two),
            since: uint48(block.timestamp)
        });
        emit MatchStarted(id, matchId, waiting, commitment);
    }

    /// @notice Seconds for one match. Where no program could decide, nobody can run out of time either.
    function _allowance(Dispute storage dispute, Entrant storage entrant)
        private
        view
        returns (uint48)
    {
        if (dispute.program == 0) return type(uint48).max;
        uint64 with = entrant.allowance + dispute.grace;
        return uint48(with < dispute.window ? with : dispute.window);
    }

    /// @notice Ends a sealed match for the side that has the right leaf; neither: both are out.
    function _decide(
        MatchKey calldata key,
        bytes32 id,
        Dispute storage dispute,
        Match memory m,
        bytes32 leaf
    ) internal {
        uint8 winner = m.left == leaf ? 1 : m.right == leaf ? 2 : 0;
        if (m.stage == Stage.Leaf) {
            // Both have ticked since the leaf was sealed.
            uint48 passed = uint48(block.timestamp) - m.since;
            m.allowanceOne = m.allowanceOne > passed ? m.allowanceOne - passed : 0;
            m.allowanceTwo = m.allowanceTwo > passed ? m.allowanceTwo - passed : 0;
        }
        _end(key, id, dispute, m, winner);
    }

    /// @param winner 1, 2, or 0: both are out.
    function _end(
        MatchKey calldata key,
        bytes32 id,
        Dispute storage dispute,
        Match memory m,
        uint8 winner
    ) internal {
        _matches[id].stage = Stage.Over;
        dispute.matches -= 1;
        mapping(bytes32 => Entrant) storage entrants = _entrants[key.tournament];
        uint256 bond = dispute.bond;
        if (winner == 0) {
            emit MatchEnded(key.tournament, id, 0);
            _burn(_drop(entrants[key.one]) + _drop(entrants[key.two]) + 2 * bond);
            return;
        }
        (bytes32 won, bytes32 lost, uint48 left) =
            winner == 1 ? (key.one, key.two, m.allowanceOne) : (key.two, key.one, m.allowanceTwo);
        uint256 half = bond / 2;
        _burn(_drop(entrants[lost]) + bond - half);
        Entrant storage survivor = entrants[won];
        survivor.earned += uint128(half);
        survivor.allowance = left;
        emit MatchEnded(key.tournament, id, won);
        _pair(key.tournament, dispute, won);
    }

    /// @notice Puts a claim out; what it earned is no longer its.
    function _drop(Entrant storage entrant) private returns (uint256 earned) {
        earned = entrant.earned;
        entrant.earned = 0;
        entrant.standing = Standing.Out;
    }

    function _checkFinished(bytes32 id, Dispute storage dispute) internal view {
        if (dispute.resolved) revert AlreadyResolved(id);
        uint64 deadline = dispute.openedAt + dispute.window;
        if (block.timestamp < deadline) revert WindowOpen(deadline, block.timestamp);
        if (dispute.matches != 0) revert MatchesLeft(id, dispute.matches);
    }

    /// @notice Credits a dispute's last claim with its bond and what it earned.
    function _reward(bytes32 id, Dispute storage dispute, bytes32 commitment)
        internal
        returns (address claimant)
    {
        Entrant storage entrant = _entrants[id][commitment];
        claimant = entrant.claimant;
        uint256 amount = uint256(dispute.bond) + entrant.earned;
        entrant.earned = 0;
        entrant.standing = Standing.Winner;
        dispute.resolved = true;
        _credit(claimant, amount);
    }
}
