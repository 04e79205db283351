// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { MerkleTrees } from "./MerkleTrees.sol";

/// @notice What a match is named by: never a place in a list, so that no reorganisation confuses it.
struct MatchKey {
    bytes32 tournament;
    /// The commitment that waited.
    bytes32 one;
    /// The commitment that came.
    bytes32 two;
}

/// @notice A set of claims about one trace, of which one will be left.
struct Dispute {
    uint64 chainId;
    uint64 openedAt;
    /// Seconds in which claims may join, and that each has for its matches.
    uint64 window;
    /// 0: the outer one.
    uint8 level;
    uint32 claims;
    /// Not over.
    uint32 matches;
    uint128 bond;
    /// Seconds added to each side's clock for each match.
    uint64 grace;
    /// Taken note of: nothing moves any more.
    bool resolved;
    /// What all its traces start from: the settled checkpoint's hash, or a machine state's.
    bytes32 start;
    /// The claim that waits for an opponent.
    bytes32 dangling;
    /// Identity of the program that decides; 0: none can.
    bytes32 program;
    /// The match that waits for it; 0 for the outer one.
    bytes32 parent;
    /// The two values of the leaf that it decides about; 0 for the outer one.
    bytes32 leafOne;
    bytes32 leafTwo;
}

enum Standing {
    None,
    Dangling,
    Playing,
    Out,
    Winner
}

/// @notice A commitment in a dispute. Its root's children stand here, so that whoever ends a match can
/// begin the winner's next one.
struct Entrant {
    address claimant;
    /// Seconds left for its matches, before grace.
    uint64 allowance;
    Standing standing;
    /// Halves of beaten claims' bonds; lost with the claim.
    uint128 earned;
    /// A checkpoint's hash at levels 0 and 1, a machine state's below.
    bytes32 outcome;
    bytes32 left;
    bytes32 right;
}

enum Stage {
    None,
    Halving,
    /// An inner dispute decides.
    Inner,
    /// One step of the machine decides.
    Leaf,
    Over
}

/// @notice Two claims, and how far it is known where they differ.
///
/// Halving: `node` is the next to be opened, of the side on turn; `left` and `right` are the children of the
/// opponent's node at the same place. Sealed: `node` is the agreed leaf, `left` and `right` are the first leaf
/// that differs, as side one and side two have it.
struct Match {
    bytes32 node;
    bytes32 left;
    bytes32 right;
    /// The node's place among those of its height; sealed: the leaf's.
    uint64 position;
    /// Of the node, above the leaves.
    uint8 height;
    Stage stage;
    /// Side two is on turn.
    bool turnTwo;
    uint48 allowanceOne;
    uint48 allowanceTwo;
    /// Since when the clock ticks of the side on turn; of both when one step decides.
    uint48 since;
}

/// @notice What a match waits for.
enum Waits {
    /// It is over, or never was.
    Nothing,
    /// The side on turn.
    Turn,
    /// A proof of one step.
    Proof,
    /// Its inner dispute.
    Inner,
    /// Anyone, to say that the side on turn ran out of time.
    Expired,
    /// Anyone, to say that both ran out of time.
    BothExpired
}

/// @title Names, clocks and trees of disputes
/// @notice One classifier answers both the views and the moves: a second belongs to exactly one side.
library Disputes {
    error WrongProofLength(uint256 expected, uint256 got);

    bytes32 private constant TAG = keccak256("plasma.tournament.v1");

    /// @notice The outer dispute of a chain's round.
    function outerId(uint64 chainId, uint64 number) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG, chainId, number));
    }

    /// @notice The inner dispute that a match opens.
    function innerId(bytes32 tournament, bytes32 matchId) internal pure returns (bytes32) {
        return keccak256(abi.encode(tournament, matchId));
    }

    function idOf(MatchKey memory key) internal pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }

    /// @notice What a match waits for at `now_`. A clock's last second is the one before it has run out.
    function waits(Match memory m, uint256 now_) internal pure returns (Waits) {
        if (m.stage == Stage.Halving) {
            uint256 left = m.turnTwo ? m.allowanceTwo : m.allowanceOne;
            return now_ < m.since + left ? Waits.Turn : Waits.Expired;
        }
        if (m.stage == Stage.Leaf) {
            uint256 longer = m.allowanceOne > m.allowanceTwo ? m.allowanceOne : m.allowanceTwo;
            return now_ < m.since + longer ? Waits.Proof : Waits.BothExpired;
        }
        return m.stage == Stage.Inner ? Waits.Inner : Waits.Nothing;
    }

    /// @notice The root's children and the root itself, from the last leaf and its siblings, bottom up.
    function lastLeafRoot(bytes32 leaf, bytes32[] calldata proof, uint256 height)
        internal
        pure
        returns (bytes32 left, bytes32 right, bytes32 root)
    {
        if (proof.length != height) revert WrongProofLength(height, proof.length);
        right = leaf;
        for (uint256 i = 0; i + 1 < height; ++i) {
            right = MerkleTrees.node(proof[i], right);
        }
        left = proof[height - 1];
        root = MerkleTrees.node(left, right);
    }

    /// @notice The root of a tree in which `leaf` stands at `index`.
    function leafRoot(bytes32 leaf, uint64 index, bytes32[] calldata proof, uint256 height)
        internal
        pure
        returns (bytes32 root)
    {
        if (proof.length != height) revert WrongProofLength(height, proof.length);
        root = leaf;
        for (uint256 i = 0; i < height; ++i) {
            root = (index >> i) & 1 == 0
                ? MerkleTrees.node(root, proof[i])
                : MerkleTrees.node(proof[i], root);
        }
    }
}
