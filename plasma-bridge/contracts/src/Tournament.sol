// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { ChainRegistry, Version } from "./ChainRegistry.sol";
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
import { Hashing } from "./Hashing.sol";
import { IStepVerifier } from "./IStepVerifier.sol";
import { Inbox } from "./Inbox.sol";
import { Machine, Program } from "./Machine.sol";
import { Matches } from "./Matches.sol";
import { MerkleTrees } from "./MerkleTrees.sol";
import { Checkpoint } from "./Types.sol";

/// @notice The latest state of a chain that stands for good.
struct Settlement {
    bytes32 checkpointHash;
    bytes32 outboxRoot;
    /// Inbox entries that it covers.
    uint64 entries;
    uint64 height;
    /// Seconds; 0: nothing settled yet, and the checkpoint is the genesis one.
    uint64 settledAt;
}

/// @notice A chain's round of claims about the entries `from..entries`.
struct Round {
    /// Counts up by one per round, so that a claim of an old round never means a new one.
    uint64 number;
    uint64 from;
    uint64 entries;
    /// The first claim's commitment; 0 while idle.
    bytes32 first;
}

/// @title Claims about what the inbox's entries lead to, and their disputes
/// @notice A permissionless refereed tournament, recursive over the levels of `heights`.
///
///     Idle --join--> round: outer dispute (level 0, leaves are checkpoints)
///                      claim + claim -> match --advance..--> one leaf --sealInner--> inner dispute
///                      (level 1.., leaves are machine states) .. --sealLeaf--> one step --step--> decided
///     window over, no match left:  one claim --settle--> Idle (one round on)
///                                  none      --restart-> Idle (one round on)
///
/// Anyone may make any move: each is checked against the commitments, so that nobody can lie on a claim's behalf.
/// Every move costs bounded gas, loops over no claims, and calls no stranger.
///
/// Invariants: settled entries only grow. Of all wei paid in, each is credited, burned, or held for a claim.
/// Every unfinished match waits for a move that somebody can make, now or once its clock has run out.
contract Tournament is Matches {
    error WrongBond(uint256 expected, uint256 got);
    error EntriesOutOfRange(uint64 settled, uint64 limit, uint64 got);
    error WrongEntries(uint64 expected, uint64 got);
    error UnfinishedCheckpoint(uint64 entry, bytes32 stepsRoot, uint32 stepsCount, uint32 nextStep);
    error WrongTraceProof(bytes32 expected, bytes32 got);
    error AlreadyClaimed(bytes32 dispute, bytes32 commitment, address claimant);
    error WindowClosed(uint64 deadline, uint256 now_);
    error NoClaim(uint64 chainId);
    error NotInner(bytes32 dispute);
    error WrongOutcome(bytes32 one, bytes32 two, bytes32 got);
    error WrongCheckpoint(bytes32 expected, bytes32 got);
    error NoProgram(uint64 chainId);

    event Joined(
        uint64 indexed chainId,
        uint64 indexed number,
        bytes32 indexed commitment,
        address claimant,
        uint64 from,
        uint64 entries,
        uint64 deadline,
        uint256 bond,
        Checkpoint finalState
    );
    event Contested(
        uint64 indexed chainId, uint64 indexed number, bytes32 commitment, uint32 claims
    );
    event Settled(
        uint64 indexed chainId,
        uint64 indexed number,
        bytes32 indexed checkpointHash,
        uint64 entries,
        Checkpoint checkpoint,
        bytes32 commitment,
        address claimant
    );
    event Restarted(uint64 indexed chainId, uint64 indexed number);

    ChainRegistry public immutable registry;
    Inbox public immutable inbox;

    /// @notice Outbox roots that withdrawals may be proven against, for ever: the outbox only
    /// grows, so an old root proves nothing that a new one would not.
    mapping(uint64 chainId => mapping(bytes32 outboxRoot => bool)) public isSettledOutbox;

    mapping(uint64 chainId => Settlement) private _settled;
    mapping(uint64 chainId => Round) private _rounds;
    mapping(bytes32 dispute => mapping(bytes32 commitment => Checkpoint)) private _finalStates;

    /// @param heights_ Of the levels' trees, outermost first: from 2 to 8 levels of 1 to 32 each.
    constructor(
        ChainRegistry registry_,
        Inbox inbox_,
        IStepVerifier verifier_,
        uint8[] memory heights_
    ) Matches(verifier_, heights_) {
        registry = registry_;
        inbox = inbox_;
    }

    // ---- claims

    /// @notice Claims the state after the inbox entries from the settled one up to `entries`.
    /// @param commitment Root of the outer trace.
    /// @param finalState Its last leaf, which becomes the settled state.
    /// @param proof The last leaf's siblings, bottom up.
    function join(
        uint64 chainId,
        uint64 entries,
        bytes32 commitment,
        Checkpoint calldata finalState,
        bytes32[] calldata proof
    ) external payable {
        Round storage round = _rounds[chainId];
        bytes32 id = Disputes.outerId(chainId, round.number);
        Dispute storage dispute = _disputes[id];
        if (dispute.openedAt == 0) _openRound(round, dispute, chainId, entries, commitment);
        if (entries != round.entries) revert WrongEntries(round.entries, entries);
        _checkFinalState(entries, finalState);
        bytes32 outcome = Hashing.checkpoint(finalState);
        _enter(id, dispute, commitment, outcome, outcome, proof);
        _finalStates[id][commitment] = finalState;
        _announce(round, dispute, commitment, finalState);
        _pair(id, dispute, commitment);
    }

    /// @notice Claims how the machine ran, in an inner dispute.
    /// @param state The run's last state, packed.
    /// @param proof The siblings of the trace's last leaf, bottom up.
    function joinInner(
        bytes32 id,
        bytes32 commitment,
        bytes calldata state,
        bytes32[] calldata proof
    ) external payable {
        Dispute storage dispute = _disputes[id];
        uint8 level = dispute.level;
        if (level == 0) revert NotInner(id);
        bytes32 leaf = keccak256(state);
        // One level below the checkpoints the leaf in dispute is a checkpoint, deeper it is a machine's state.
        bytes32 outcome = level == 1 ? Machine.outcome(state) : leaf;
        if (outcome != dispute.leafOne && outcome != dispute.leafTwo) {
            revert WrongOutcome(dispute.leafOne, dispute.leafTwo, outcome);
        }
        _enter(id, dispute, commitment, leaf, outcome, proof);
        emit JoinedInner(id, commitment, msg.sender, outcome, msg.value);
        _pair(id, dispute, commitment);
    }

    /// @notice After the window, makes the claim that is left the chain's settled state.
    function settle(uint64 chainId) external {
        (bytes32 id, Dispute storage dispute) = _finishedRound(chainId);
        bytes32 commitment = dispute.dangling;
        if (commitment == 0) revert NoSurvivor(id);
        Round storage round = _rounds[chainId];
        Checkpoint memory state = _finalStates[id][commitment];
        bytes32 hash = Hashing.checkpoint(state);
        _settled[chainId] = Settlement({
            checkpointHash: hash,
            outboxRoot: state.outboxRoot,
            entries: round.entries,
            height: state.height,
            settledAt: uint64(block.timestamp)
        });
        isSettledOutbox[chainId][state.outboxRoot] = true;
        address claimant = _reward(id, dispute, commitment);
        emit Settled(chainId, round.number, hash, round.entries, state, commitment, claimant);
        _nextRound(round);
    }

    /// @notice After the window, begins anew where no claim is left.
    function restart(uint64 chainId) external {
        (bytes32 id, Dispute storage dispute) = _finishedRound(chainId);
        if (dispute.dangling != 0) revert Survivor(id, dispute.dangling);
        dispute.resolved = true;
        Round storage round = _rounds[chainId];
        emit Restarted(chainId, round.number);
        _nextRound(round);
    }

    /// @notice Opens a node whose children are leaves, and with it an inner dispute about the one that differs.
    /// @param left The node's children, as the side on turn has them.
    /// @param agreed The leaf before the first that differs; the dispute's start when that is the first of all.
    /// @param proof Its siblings in the trace of the side on turn, bottom up; none for the start.
    /// @param checkpoint In the outer dispute: what `agreed` is the hash of. Ignored on other levels, and where
    /// `agreed` is FAILED.
    /// @param program In the outer dispute: the program that decides.
    function sealInner(
        MatchKey calldata key,
        bytes32 left,
        bytes32 right,
        bytes32 agreed,
        bytes32[] calldata proof,
        Checkpoint calldata checkpoint,
        Program calldata program
    ) external {
        Dispute storage dispute = _disputes[key.tournament];
        bytes32 id = Disputes.idOf(key);
        if (_isLast(dispute.level)) revert WrongLevel(dispute.level);
        Match memory m = _seal(key, id, dispute, left, right, agreed, proof, Stage.Inner);
        bytes32 start = agreed;
        if (dispute.level == 0) {
            if (dispute.program == 0) revert NoProgram(dispute.chainId);
            if (_stands(dispute.chainId, agreed, checkpoint)) {
                // Past the last segment nothing changes: who says so is right.
                _decide(key, id, dispute, m, agreed);
                return;
            }
            start = _firstState(dispute, agreed, checkpoint, program);
        }
        _openInner(key.tournament, id, dispute, m, start);
    }

    // ---- views

    function settled(uint64 chainId) external view returns (Settlement memory settlement) {
        settlement = _settled[chainId];
        if (settlement.settledAt == 0) {
            settlement.checkpointHash = registry.genesisCheckpoint(chainId);
        }
    }

    /// @notice The current round, and its outer dispute; `openedAt` 0: idle.
    function current(uint64 chainId)
        external
        view
        returns (Round memory round, bytes32 id, Dispute memory dispute)
    {
        round = _rounds[chainId];
        id = Disputes.outerId(chainId, round.number);
        dispute = _disputes[id];
    }

    /// @notice The state that an outer claim says all entries lead to.
    function claimedState(bytes32 dispute, bytes32 commitment)
        external
        view
        returns (Checkpoint memory)
    {
        return _finalStates[dispute][commitment];
    }

    // ---- internals

    function _openRound(
        Round storage round,
        Dispute storage dispute,
        uint64 chainId,
        uint64 entries,
        bytes32 commitment
    ) private {
        (uint64 window, uint256 bond) = registry.openingTerms(chainId);
        Settlement storage last = _settled[chainId];
        uint64 from = last.entries;
        // One program decides a dispute, so that a claim ends where the next version begins.
        (Version memory version, uint64 limit) = registry.versionAt(chainId, from);
        uint64 count = inbox.entryCount(chainId);
        if (count < limit) limit = count;
        if (entries <= from || entries > limit) revert EntriesOutOfRange(from, limit, entries);
        round.from = from;
        round.entries = entries;
        round.first = commitment;
        dispute.chainId = chainId;
        dispute.openedAt = uint64(block.timestamp);
        dispute.window = window;
        dispute.grace = _graceOf(window);
        dispute.bond = uint128(bond);
        dispute.start =
            last.settledAt == 0 ? registry.genesisCheckpoint(chainId) : last.checkpointHash;
        dispute.program = version.program;
    }

    function _announce(
        Round storage round,
        Dispute storage dispute,
        bytes32 commitment,
        Checkpoint calldata finalState
    ) private {
        uint64 chainId = dispute.chainId;
        uint64 number = round.number;
        uint32 claims = dispute.claims;
        emit Joined(
            chainId,
            number,
            commitment,
            msg.sender,
            round.from,
            round.entries,
            dispute.openedAt + dispute.window,
            dispute.bond,
            finalState
        );
        if (claims > 1) emit Contested(chainId, number, commitment, claims);
    }

    /// @notice Puts a claim and its bond into a dispute.
    function _enter(
        bytes32 id,
        Dispute storage dispute,
        bytes32 commitment,
        bytes32 leaf,
        bytes32 outcome,
        bytes32[] calldata proof
    ) private {
        Entrant storage entrant = _admit(id, dispute, commitment);
        (bytes32 left, bytes32 right, bytes32 root) =
            Disputes.lastLeafRoot(leaf, proof, heightOf(dispute.level));
        if (root != commitment) revert WrongTraceProof(commitment, root);
        entrant.outcome = outcome;
        entrant.left = left;
        entrant.right = right;
    }

    function _admit(bytes32 id, Dispute storage dispute, bytes32 commitment)
        private
        returns (Entrant storage entrant)
    {
        uint64 deadline = dispute.openedAt + dispute.window;
        if (deadline == 0 || block.timestamp >= deadline) {
            revert WindowClosed(deadline, block.timestamp);
        }
        if (msg.value != dispute.bond) revert WrongBond(dispute.bond, msg.value);
        entrant = _entrants[id][commitment];
        if (entrant.standing != Standing.None) {
            revert AlreadyClaimed(id, commitment, entrant.claimant);
        }
        _hold(msg.value);
        dispute.claims += 1;
        entrant.claimant = msg.sender;
        entrant.allowance = deadline - uint64(block.timestamp);
    }

    function _checkFinalState(uint64 entries, Checkpoint calldata c) private pure {
        bool between = c.stepsRoot == 0 && c.stepsCount == 0 && c.nextStep == 0;
        if (c.entry != entries || !between) {
            revert UnfinishedCheckpoint(c.entry, c.stepsRoot, c.stepsCount, c.nextStep);
        }
    }

    /// @notice Whether nothing follows the agreed checkpoint: it is behind all entries, or the program failed.
    function _stands(uint64 chainId, bytes32 agreed, Checkpoint calldata c)
        private
        view
        returns (bool)
    {
        if (agreed == Machine.FAILED) return true;
        bytes32 hash = Hashing.checkpoint(c);
        if (hash != agreed) revert WrongCheckpoint(agreed, hash);
        return c.entry >= _rounds[chainId].entries;
    }

    function _firstState(
        Dispute storage dispute,
        bytes32 agreed,
        Checkpoint calldata c,
        Program calldata program
    ) private view returns (bytes32) {
        uint64 chainId = dispute.chainId;
        bytes32 expected = dispute.program;
        bytes32 got = Machine.identity(program);
        if (got != expected) revert WrongProgram(expected, got);
        bytes32 input = Machine.input(
            chainId, registry.genesisHash(chainId), agreed, inbox.entryHash(chainId, c.entry + 1)
        );
        return Machine.firstState(program, input);
    }

    function _finishedRound(uint64 chainId)
        private
        view
        returns (bytes32 id, Dispute storage dispute)
    {
        id = Disputes.outerId(chainId, _rounds[chainId].number);
        dispute = _disputes[id];
        if (dispute.openedAt == 0) revert NoClaim(chainId);
        _checkFinished(id, dispute);
    }

    function _nextRound(Round storage round) private {
        round.number += 1;
        round.first = 0;
    }
}
