// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Dispute, Disputes, Entrant, Match, MatchKey, Waits } from "../../src/Disputes.sol";
import { Program } from "../../src/Machine.sol";
import { Checkpoint } from "../../src/Types.sol";
import { Fixture } from "./Fixture.sol";
import { Trees } from "./Trees.sol";
import { vm } from "./Vm.sol";

/// @notice What opens a node above the leaves.
struct Sealing {
    bytes32 left;
    bytes32 right;
    bytes32 agreed;
    bytes32[] proof;
    uint256 position;
}

/// @notice Moves for claims whose leaves are known, at whatever height.
abstract contract Duels is Fixture {
    address internal constant HONEST = address(0x40E57);
    address internal constant LIAR = address(0x11A2);
    uint256 internal constant GRACE = WINDOW / 8 + 1;

    function oneLeaf(bytes32 leaf) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](1);
        leaves[0] = leaf;
    }

    /// @notice Leaves that no other trace has.
    function noise(uint256 count, bytes32 salt) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode(salt, i));
        }
    }

    /// @notice A halted machine that committed to `output`.
    function halted(bytes32 output, bytes8 salt) internal pure returns (bytes memory) {
        return bytes.concat(
            bytes32(0), salt, new bytes(256), bytes1(0x01), new bytes(8 + 1 + 32 + 8), output
        );
    }

    function claim(address who, uint64 entries, bytes32[] memory leaves, Checkpoint memory c)
        internal
        returns (bytes32 commitment)
    {
        bytes32[] memory proof;
        uint256 height = tournament.heightOf(0);
        (commitment, proof) = Trees.traceProof(leaves, height, (1 << height) - 1);
        vm.prank(who);
        tournament.join{ value: BOND }(CHAIN, entries, commitment, c, proof);
    }

    /// @param state The run's last, which is the last leaf's preimage.
    function claimRun(address who, bytes32 id, bytes32[] memory leaves, bytes memory state)
        internal
        returns (bytes32 commitment)
    {
        bytes32[] memory proof;
        uint256 height = heightOf(id);
        (commitment, proof) = Trees.traceProof(leaves, height, (1 << height) - 1);
        vm.prank(who);
        tournament.joinInner{ value: BOND }(id, commitment, state, proof);
    }

    function heightOf(bytes32 id) internal view returns (uint256) {
        return tournament.heightOf(tournament.disputeOf(id).level);
    }

    /// @notice Both sides advance until the leaves are next.
    function halve(MatchKey memory key, bytes32[] memory one, bytes32[] memory two) internal {
        while (matchOf(key).height > 1) {
            advance(key, matchOf(key).turnTwo ? two : one);
        }
    }

    /// @param mine The leaves of the side on turn.
    function advance(MatchKey memory key, bytes32[] memory mine) internal {
        Match memory m = matchOf(key);
        uint256 height = m.height - 1;
        bytes32 left = Trees.traceNode(mine, height, 2 * m.position);
        bytes32 right = Trees.traceNode(mine, height, 2 * m.position + 1);
        uint256 child = 2 * m.position + (left == m.left ? 1 : 0);
        tournament.advance(
            key,
            left,
            right,
            Trees.traceNode(mine, height - 1, 2 * child),
            Trees.traceNode(mine, height - 1, 2 * child + 1)
        );
    }

    function sealing(MatchKey memory key, bytes32[] memory one, bytes32[] memory two)
        internal
        view
        returns (Sealing memory s)
    {
        Match memory m = matchOf(key);
        bytes32[] memory mine = m.turnTwo ? two : one;
        s.left = Trees.traceNode(mine, 0, 2 * m.position);
        s.right = Trees.traceNode(mine, 0, 2 * m.position + 1);
        s.position = 2 * m.position + (s.left == m.left ? 1 : 0);
        if (s.position == 0) {
            s.agreed = tournament.disputeOf(key.tournament).start;
            return s;
        }
        s.agreed = Trees.traceNode(mine, 0, s.position - 1);
        (, s.proof) = Trees.traceProof(mine, heightOf(key.tournament), s.position - 1);
    }

    function sealInner(
        MatchKey memory key,
        Sealing memory s,
        Checkpoint memory agreed,
        Program memory program
    ) internal {
        tournament.sealInner(key, s.left, s.right, s.agreed, s.proof, agreed, program);
    }

    function sealLeaf(MatchKey memory key, Sealing memory s) internal {
        tournament.sealLeaf(key, s.left, s.right, s.agreed, s.proof);
    }

    // ---- looking

    function matchOf(MatchKey memory key) internal view returns (Match memory m) {
        (m,) = tournament.matchOf(Disputes.idOf(key));
    }

    function waitsOf(MatchKey memory key) internal view returns (uint256) {
        (, Waits waits) = tournament.matchOf(Disputes.idOf(key));
        return uint256(waits);
    }

    function innerOf(MatchKey memory key) internal pure returns (bytes32) {
        return Disputes.innerId(key.tournament, Disputes.idOf(key));
    }

    function entrant(MatchKey memory key, bytes32 commitment)
        internal
        view
        returns (Entrant memory)
    {
        return tournament.entrantOf(key.tournament, commitment);
    }

    function standing(MatchKey memory key, bytes32 commitment) internal view returns (uint256) {
        return uint256(entrant(key, commitment).standing);
    }

    function dispute(bytes32 id) internal view returns (Dispute memory) {
        return tournament.disputeOf(id);
    }

    /// @notice All wei are where the books say.
    function checkBooks() internal view {
        vm.assertEq(
            address(tournament).balance, tournament.held() + tournament.burned(), "held + burned"
        );
    }
}
