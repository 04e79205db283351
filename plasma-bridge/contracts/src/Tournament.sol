// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { ChainRegistry } from "./ChainRegistry.sol";
import { Hashing } from "./Hashing.sol";
import { Inbox } from "./Inbox.sol";
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

/// @notice A commitment to a trace, and the state in which the trace ends.
struct Claim {
    address claimant;
    uint64 joinedAt;
    Checkpoint finalState;
}

/// @notice One round of claims about the entries `from..entries`.
struct Arena {
    /// Counts up by one per round, so that a claim of an old round never means a new one.
    uint64 number;
    uint64 from;
    uint64 entries;
    uint64 openedAt;
    uint64 deadline;
    uint32 claims;
    uint256 bond;
    /// The first claim's commitment.
    bytes32 commitment;
}

/// @title Claims about what the inbox's entries lead to
/// @notice
///
///     Idle --join--> Open --deadline--> Settleable --settle--> Idle (one round on)
///                      \--join, other commitment--> Contested
///
/// The first claim opens a round and its window. If it is alone when the window ends, it settles.
/// A contested round does not settle here: which claim survives is for the dispute's moves.
///
/// Invariants: settled entries only grow; this contract holds at least the bonds of all open
/// claims and the credits not yet withdrawn.
contract Tournament {
    enum Phase {
        Idle,
        Open,
        Contested,
        Settleable
    }

    error WrongBond(uint256 expected, uint256 got);
    error EntriesOutOfRange(uint64 settled, uint64 limit, uint64 got);
    error WrongEntries(uint64 expected, uint64 got);
    error UnfinishedCheckpoint(uint64 entry, bytes32 stepsRoot, uint32 stepsCount, uint32 nextStep);
    error WrongTraceProof(bytes32 expected, bytes32 got);
    error AlreadyClaimed(uint64 chainId, bytes32 commitment, address claimant);
    error WindowClosed(uint64 deadline, uint256 now_);
    error WindowOpen(uint64 deadline, uint256 now_);
    error ClaimContested(uint64 chainId, uint32 claims);
    error NoClaim(uint64 chainId);
    error NothingToWithdraw(address account);
    error PaymentFailed(address to, uint256 amount);

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
    event Credited(address indexed account, uint256 amount);
    event CreditWithdrawn(address indexed account, address to, uint256 amount);

    ChainRegistry public immutable registry;
    Inbox public immutable inbox;

    /// @notice Wei that an account may withdraw.
    mapping(address account => uint256) public credit;
    /// @notice Outbox roots that withdrawals may be proven against, for ever: the outbox only
    /// grows, so an old root proves nothing that a new one would not.
    mapping(uint64 chainId => mapping(bytes32 outboxRoot => bool)) public isSettledOutbox;

    mapping(uint64 chainId => Settlement) private _settled;
    mapping(uint64 chainId => Arena) private _arenas;
    mapping(uint64 chainId => mapping(uint64 number => mapping(bytes32 commitment => Claim)))
        private _claims;

    constructor(ChainRegistry registry_, Inbox inbox_) {
        registry = registry_;
        inbox = inbox_;
    }

    // ---- moves

    /// @notice Claims the state after the inbox entries from the settled one up to `entries`.
    /// @param commitment Root of the outer trace.
    /// @param finalState Its last leaf, which becomes the settled state.
    /// @param proof The last leaf's siblings, bottom up.
    function join(
        uint64 chainId,
        uint64 entries,
        bytes32 commitment,
        Checkpoint calldata finalState,
        bytes32[24] calldata proof
    ) external payable {
        Arena storage arena = _arenas[chainId];
        if (arena.claims == 0) {
            _open(arena, chainId, entries, commitment);
        } else {
            if (block.timestamp >= arena.deadline) {
                revert WindowClosed(arena.deadline, block.timestamp);
            }
            if (entries != arena.entries) revert WrongEntries(arena.entries, entries);
        }
        if (msg.value != arena.bond) revert WrongBond(arena.bond, msg.value);
        _checkFinalState(entries, finalState);
        bytes32 root = MerkleTrees.traceRoot(Hashing.checkpoint(finalState), proof);
        if (root != commitment) revert WrongTraceProof(commitment, root);
        Claim storage claim = _claims[chainId][arena.number][commitment];
        if (claim.claimant != address(0)) {
            revert AlreadyClaimed(chainId, commitment, claim.claimant);
        }
        claim.claimant = msg.sender;
        claim.joinedAt = uint64(block.timestamp);
        claim.finalState = finalState;
        arena.claims += 1;
        emit Joined(
            chainId,
            arena.number,
            commitment,
            msg.sender,
            arena.from,
            entries,
            arena.deadline,
            msg.value,
            finalState
        );
        if (arena.claims > 1) emit Contested(chainId, arena.number, commitment, arena.claims);
    }

    /// @notice After the window, makes a claim that nobody contested the chain's settled state.
    function settle(uint64 chainId) external {
        Arena memory arena = _arenas[chainId];
        if (arena.claims == 0) revert NoClaim(chainId);
        if (arena.claims > 1) revert ClaimContested(chainId, arena.claims);
        if (block.timestamp < arena.deadline) revert WindowOpen(arena.deadline, block.timestamp);
        _settle(chainId, arena, arena.commitment);
    }

    /// @notice Pays out the caller's returned bonds.
    function withdraw(address payable to) external {
        uint256 amount = credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        credit[msg.sender] = 0;
        emit CreditWithdrawn(msg.sender, to, amount);
        (bool ok,) = to.call{ value: amount }("");
        if (!ok) revert PaymentFailed(to, amount);
    }

    // ---- views

    function settled(uint64 chainId) external view returns (Settlement memory settlement) {
        settlement = _settled[chainId];
        if (settlement.settledAt == 0) {
            settlement.checkpointHash = registry.genesisCheckpoint(chainId);
        }
    }

    function phase(uint64 chainId) external view returns (Phase) {
        return _phase(_arenas[chainId]);
    }

    /// @notice The current round and its first claim; all zero but the number while idle.
    function openClaim(uint64 chainId)
        external
        view
        returns (Phase phase_, Arena memory arena, Claim memory claim)
    {
        arena = _arenas[chainId];
        phase_ = _phase(arena);
        if (arena.claims != 0) claim = _claims[chainId][arena.number][arena.commitment];
    }

    /// @notice A claim of the current round; its claimant is 0 if there is none.
    function claimOf(uint64 chainId, bytes32 commitment) external view returns (Claim memory) {
        return _claims[chainId][_arenas[chainId].number][commitment];
    }

    // ---- internals

    function _open(Arena storage arena, uint64 chainId, uint64 entries, bytes32 commitment)
        private
    {
        (uint64 window, uint256 bond) = registry.claimTerms(chainId);
        uint64 from = _settled[chainId].entries;
        // One program decides a dispute, so that a claim ends where the next version begins.
        (, uint64 limit) = registry.versionAt(chainId, from);
        uint64 count = inbox.entryCount(chainId);
        if (count < limit) limit = count;
        if (entries <= from || entries > limit) revert EntriesOutOfRange(from, limit, entries);
        arena.from = from;
        arena.entries = entries;
        arena.openedAt = uint64(block.timestamp);
        arena.deadline = uint64(block.timestamp) + window;
        arena.bond = bond;
        arena.commitment = commitment;
    }

    function _checkFinalState(uint64 entries, Checkpoint calldata c) private pure {
        bool between = c.stepsRoot == 0 && c.stepsCount == 0 && c.nextStep == 0;
        if (c.entry != entries || !between) {
            revert UnfinishedCheckpoint(c.entry, c.stepsRoot, c.stepsCount, c.nextStep);
        }
    }

    function _settle(uint64 chainId, Arena memory arena, bytes32 commitment) private {
        Claim memory claim = _claims[chainId][arena.number][commitment];
        bytes32 hash = Hashing.checkpoint(claim.finalState);
        _settled[chainId] = Settlement({
            checkpointHash: hash,
            outboxRoot: claim.finalState.outboxRoot,
            entries: arena.entries,
            height: claim.finalState.height,
            settledAt: uint64(block.timestamp)
        });
        isSettledOutbox[chainId][claim.finalState.outboxRoot] = true;
        delete _claims[chainId][arena.number][commitment];
        delete _arenas[chainId];
        _arenas[chainId].number = arena.number + 1;
        credit[claim.claimant] += arena.bond;
        emit Credited(claim.claimant, arena.bond);
        emit Settled(
            chainId, arena.number, hash, arena.entries, claim.finalState, commitment, claim.claimant
        );
    }

    function _phase(Arena memory arena) private view returns (Phase) {
        if (arena.claims == 0) return Phase.Idle;
        if (arena.claims > 1) return Phase.Contested;
        return block.timestamp < arena.deadline ? Phase.Open : Phase.Settleable;
    }
}
