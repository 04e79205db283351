// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Dispute, Disputes, Match, MatchKey, Stage, Waits } from "./Disputes.sol";
import { IStepVerifier } from "./IStepVerifier.sol";
import { Machine, Program } from "./Machine.sol";
import { MerkleTrees } from "./MerkleTrees.sol";
import { Pairings } from "./Pairings.sol";

/// @title Matches: how two claims are beaten down to one step
/// @notice
///
///     Halving --advance (in turn)--> Halving .. --sealInner--> Inner --resolveInner--> Over
///        \--timeout--> Over                    \--sealLeaf--> Leaf --step, timeout--> Over
///
/// Each move is checked against the commitments: nobody can lie on a claim's behalf, so that anybody may move for it.
abstract contract Matches is Pairings {
    error NotWaiting(bytes32 matchId, Waits waits);
    error WrongNode(bytes32 expected, bytes32 got);
    error WrongChild(bytes32 expected, bytes32 got);
    error WrongProgram(bytes32 expected, bytes32 got);
    error WrongStart(bytes32 expected, bytes32 got);
    error WrongAgreedLeaf(bytes32 expected, bytes32 got);
    error NotSplit(bytes32 matchId, uint8 height);
    error SplitToLeaves(bytes32 matchId);
    error ClockRunning(bytes32 matchId, Waits waits);
    error NoSurvivor(bytes32 dispute);
    error Survivor(bytes32 dispute, bytes32 commitment);

    event JoinedInner(
        bytes32 indexed dispute,
        bytes32 indexed commitment,
        address claimant,
        bytes32 outcome,
        uint256 bond
    );
    event Advanced(bytes32 indexed dispute, bytes32 indexed matchId, uint8 height, uint64 position);
    event Sealed(
        bytes32 indexed dispute,
        bytes32 indexed matchId,
        uint64 position,
        bytes32 agreed,
        bytes32 one,
        bytes32 two
    );
    event Stepped(bytes32 indexed dispute, bytes32 indexed matchId, bytes32 next);
    event InnerOpened(
        bytes32 indexed dispute, bytes32 indexed matchId, bytes32 indexed inner, bytes32 start
    );
    event InnerResolved(bytes32 indexed dispute, bytes32 winner, bytes32 outcome);

    IStepVerifier public immutable verifier;

    constructor(IStepVerifier verifier_, uint8[] memory heights_) Pairings(heights_) {
        verifier = verifier_;
    }

    // ---- moves

    /// @notice Opens the node on turn, and the one of its children that differs.
    /// @param left The node's children.
    /// @param newLeft The children of the one that differs.
    function advance(
        MatchKey calldata key,
        bytes32 left,
        bytes32 right,
        bytes32 newLeft,
        bytes32 newRight
    ) external {
        bytes32 id = Disputes.idOf(key);
        Match memory m = _matches[id];
        _tick(id, m);
        if (m.height == 1) revert SplitToLeaves(id);
        _checkNode(m.node, left, right);
        bytes32 child = MerkleTrees.node(newLeft, newRight);
        if (left != m.left) {
            if (child != left) revert WrongChild(left, child);
            m.node = m.left;
            m.position = 2 * m.position;
        } else {
            if (child != right) revert WrongChild(right, child);
            m.node = m.right;
            m.position = 2 * m.position + 1;
        }
        m.left = newLeft;
        m.right = newRight;
        m.height -= 1;
        m.turnTwo = !m.turnTwo;
        _matches[id] = m;
        emit Advanced(key.tournament, id, m.height, m.position);
    }

    /// @notice Opens a node of the last level whose children are leaves; one step then decides.
    function sealLeaf(
        MatchKey calldata key,
        bytes32 left,
        bytes32 right,
        bytes32 agreed,
        bytes32[] calldata proof
    ) external {
        Dispute storage dispute = _disputes[key.tournament];
        if (!_isLast(dispute.level)) revert WrongLevel(dispute.level);
        _seal(key, Disputes.idOf(key), dispute, left, right, agreed, proof, Stage.Leaf);
    }

    /// @notice Takes the step in dispute: who has the state that it leads to is right.
    /// @param program What the dispute's program is the hash of.
    /// @param proof All that the step needs to know.
    function step(MatchKey calldata key, Program calldata program, bytes calldata proof) external {
        bytes32 id = Disputes.idOf(key);
        Match memory m = _matches[id];
        Waits waits = Disputes.waits(m, block.timestamp);
        if (waits != Waits.Proof) revert NotWaiting(id, waits);
        Dispute storage dispute = _disputes[key.tournament];
        bytes32 got = Machine.identity(program);
        if (got != dispute.program) revert WrongProgram(dispute.program, got);
        bytes32 next = verifier.step(m.node, program.romRoot, program.romBase, proof);
        emit Stepped(key.tournament, id, next);
        _decide(key, id, dispute, m, next);
    }

    /// @notice Takes note that a match's time is over.
    function timeout(MatchKey calldata key) external {
        bytes32 id = Disputes.idOf(key);
        Match memory m = _matches[id];
        Waits waits = Disputes.waits(m, block.timestamp);
        Dispute storage dispute = _disputes[key.tournament];
        if (waits == Waits.Expired) {
            // The clock that ran out is that of the side on turn; the other has stood still.
            bool twoWins = !m.turnTwo;
            _end(key, id, dispute, m, twoWins ? 2 : 1);
        } else if (waits == Waits.BothExpired) {
            _end(key, id, dispute, m, 0);
        } else if (waits == Waits.Nothing) {
            revert NotWaiting(id, waits);
        } else {
            revert ClockRunning(id, waits);
        }
    }

    /// @notice Takes note of how the inner dispute ended that a match waits for.
    function resolveInner(MatchKey calldata key) external {
        bytes32 id = Disputes.idOf(key);
        Match memory m = _matches[id];
        if (m.stage != Stage.Inner) revert NotWaiting(id, Disputes.waits(m, block.timestamp));
        bytes32 innerId = Disputes.innerId(key.tournament, id);
        Dispute storage inner = _disputes[innerId];
        _checkFinished(innerId, inner);
        bytes32 winner = inner.dangling;
        Dispute storage dispute = _disputes[key.tournament];
        if (winner == 0) {
            inner.resolved = true;
            emit InnerResolved(innerId, 0, 0);
            _end(key, id, dispute, m, 0);
        } else {
            bytes32 outcome = _entrants[innerId][winner].outcome;
            _reward(innerId, inner, winner);
            emit InnerResolved(innerId, winner, outcome);
            _decide(key, id, dispute, m, outcome);
        }
    }

    // ---- internals

    /// @notice Stops the clock of the side on turn and starts the other's.
    function _tick(bytes32 id, Match memory m) private view {
        Waits waits = Disputes.waits(m, block.timestamp);
        if (waits != Waits.Turn) revert NotWaiting(id, waits);
        uint48 now_ = uint48(block.timestamp);
        if (m.turnTwo) m.allowanceTwo -= now_ - m.since;
        else m.allowanceOne -= now_ - m.since;
        m.since = now_;
    }

    function _checkNode(bytes32 expected, bytes32 left, bytes32 right) private pure {
        bytes32 got = MerkleTrees.node(left, right);
        if (got != expected) revert WrongNode(expected, got);
    }

    /// @notice Finds the first leaf that differs, and checks the one before it.
    function _seal(
        MatchKey calldata key,
        bytes32 id,
        Dispute storage dispute,
        bytes32 left,
        bytes32 right,
        bytes32 agreed,
        bytes32[] calldata proof,
        Stage stage
    ) internal returns (Match memory m) {
        m = _matches[id];
        _tick(id, m);
        if (m.height != 1) revert NotSplit(id, m.height);
        _checkNode(m.node, left, right);
        bool differsLeft = left != m.left;
        m.position = 2 * m.position + (differsLeft ? 0 : 1);
        _checkAgreed(key, dispute, m, agreed, proof);
        (bytes32 mine, bytes32 theirs) = differsLeft ? (left, m.left) : (right, m.right);
        m.node = agreed;
        (m.left, m.right) = m.turnTwo ? (theirs, mine) : (mine, theirs);
        m.height = 0;
        m.stage = stage;
        _matches[id] = m;
        emit Sealed(key.tournament, id, m.position, agreed, m.left, m.right);
    }

    function _checkAgreed(
        MatchKey calldata key,
        Dispute storage dispute,
        Match memory m,
        bytes32 agreed,
        bytes32[] calldata proof
    ) private view {
        if (m.position == 0) {
            if (proof.length != 0) revert Disputes.WrongProofLength(0, proof.length);
            if (agreed != dispute.start) revert WrongStart(dispute.start, agreed);
            return;
        }
        // Up to the leaf before, the two traces are one: either side's will do.
        bytes32 root = Disputes.leafRoot(agreed, m.position - 1, proof, heightOf(dispute.level));
        bytes32 expected = m.turnTwo ? key.two : key.one;
        if (root != expected) revert WrongAgreedLeaf(expected, root);
    }

    function _openInner(
        bytes32 outerId,
        bytes32 matchId,
        Dispute storage outer,
        Match memory m,
        bytes32 start
    ) internal {
        bytes32 innerId = Disputes.innerId(outerId, matchId);
        Dispute storage inner = _disputes[innerId];
        inner.chainId = outer.chainId;
        inner.openedAt = uint64(block.timestamp);
        inner.window = outer.window;
        inner.level = outer.level + 1;
        inner.bond = outer.bond;
        inner.grace = outer.grace;
        inner.start = start;
        inner.program = outer.program;
        inner.parent = matchId;
        inner.leafOne = m.left;
        inner.leafTwo = m.right;
        emit InnerOpened(outerId, matchId, innerId, start);
    }
}
