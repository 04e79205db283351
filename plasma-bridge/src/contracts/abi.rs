//! The interfaces, as far as they are used. A test in `mod.rs` checks them.
// Each item is documented in the Solidity source of the same name, and shaped as it is there.
#![allow(missing_docs, clippy::too_many_arguments)]

use alloy::sol;

sol! {
    #[derive(Debug, PartialEq, Eq)]
    struct BlockHeader {
        uint64 chainId;
        uint64 height;
        uint64 epoch;
        bytes32 parent;
        uint64 timestamp;
        address proposer;
        uint64 messages;
        bytes32 body;
        uint64 executedHeight;
        bytes32 executedRoot;
        bytes32 seal;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct BatchHeader {
        uint64 chainId;
        uint64 entry;
        uint64 firstHeight;
        uint64 lastHeight;
        bytes32 lastHash;
        uint64 messages;
        uint8 scheme;
        bytes32 root;
        uint64 length;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Seat {
        address key;
        uint64 weight;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Certificate {
        uint64 epoch;
        uint64 height;
        uint32 round;
        bytes32 blockHash;
        uint256 signers;
        bytes signatures;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct InboxMessage {
        uint8 kind;
        uint64 index;
        address sender;
        address to;
        address asset;
        uint256 amount;
        uint64 timestamp;
        uint64 deadline;
        bytes data;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Checkpoint {
        bytes32 stateRoot;
        bytes32 outboxRoot;
        uint64 height;
        bytes32 blockHash;
        uint64 timestamp;
        uint64 messages;
        uint64 entry;
        bytes32 stepsRoot;
        uint32 stepsCount;
        uint32 nextStep;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct OutboxMessage {
        uint8 version;
        uint64 source;
        uint64 destination;
        uint64 nonce;
        address sender;
        address recipient;
        address asset;
        uint256 amount;
        uint64 gas;
        uint64 expiry;
        address refund;
        bytes32 bundle;
        bytes32 payloadHash;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct RegistrationData {
        uint64 chainId;
        string name;
        string uri;
        bytes32 program;
        bytes32 genesisHash;
        Checkpoint genesis;
        bytes32 committee;
        uint64 challengeWindow;
        uint64 forcedDelay;
        uint64 exitWindow;
        uint64 silence;
        uint256 bond;
        address owner;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Chain {
        address owner;
        uint64 registeredAt;
        uint64 challengeWindow;
        uint64 forcedDelay;
        uint64 exitWindow;
        uint64 silence;
        uint256 bond;
        bytes32 genesisHash;
        bytes32 genesisCheckpoint;
        bytes32 program;
        bytes32 committee;
        string name;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct SettledState {
        bytes32 checkpointHash;
        bytes32 outboxRoot;
        uint64 entries;
        uint64 height;
        uint64 settledAt;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Round {
        uint64 number;
        uint64 from;
        uint64 entries;
        bytes32 first;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct MatchKey {
        bytes32 tournament;
        bytes32 one;
        bytes32 two;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Dispute {
        uint64 chainId;
        uint64 openedAt;
        uint64 window;
        uint8 level;
        uint32 claims;
        uint32 matches;
        uint128 bond;
        uint64 grace;
        bool resolved;
        bytes32 start;
        bytes32 dangling;
        bytes32 program;
        bytes32 parent;
        bytes32 leafOne;
        bytes32 leafTwo;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Entrant {
        address claimant;
        uint64 allowance;
        uint8 standing;
        uint128 earned;
        bytes32 outcome;
        bytes32 left;
        bytes32 right;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Match {
        bytes32 node;
        bytes32 left;
        bytes32 right;
        uint64 position;
        uint8 height;
        uint8 stage;
        bool turnTwo;
        uint48 allowanceOne;
        uint48 allowanceTwo;
        uint48 since;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Program {
        bytes32 romRoot;
        uint64 romBase;
        bytes32 memoryRoot;
        uint64 entry;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Version {
        uint64 fromEntry;
        bytes32 program;
        bytes32 committee;
    }

    /// What the tournament is constructed with.
    #[derive(Debug, PartialEq, Eq)]
    struct TournamentTerms {
        address registry;
        address inbox;
        address verifier;
        uint8[] heights;
    }

    interface Token {
        function approve(address spender, uint256 value) external returns (bool);
        function transfer(address to, uint256 value) external returns (bool);
        function allowance(address owner, address spender) external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
    }

    interface ChainRegistry {
        function register(RegistrationData r) external;
        function chain(uint64 chainId) external view returns (Chain memory);
        function claimTerms(uint64 chainId) external view returns (uint64 window, uint256 bond);
        function versionAt(uint64 chainId, uint64 entry) external view
            returns (Version memory version, uint64 end);
    }

    interface Inbox {
        event BatchAppended(uint64 indexed chainId, uint64 indexed entry, bytes32 indexed batchHash,
            BatchHeader header, bytes32 entryHash, uint64 timestamp);
        event OpenBatchAppended(uint64 indexed chainId, uint64 indexed entry,
            bytes32 indexed batchHash, BatchHeader header, bytes32 entryHash, uint64 timestamp,
            bytes data);
        event ForceAppended(uint64 indexed chainId, uint64 indexed entry, uint64 messages,
            bytes32 entryHash, uint64 timestamp);
        event MessageEnqueued(uint64 indexed chainId, uint64 indexed index, InboxMessage message,
            bytes32 acc);

        function append(BatchHeader batch, BlockHeader sealing, Seat[] seats,
            Certificate certificate) external;
        function appendOpen(BatchHeader batch, BlockHeader last, bytes data) external;
        function resume(BlockHeader header, Seat[] seats, Certificate certificate) external;
        function ordering(uint64 chainId) external view returns (bool based, uint64 silence,
            uint64 opensAfter, uint64 awaited, uint64 epoch);
        function force(uint64 chainId) external;
        function sendTransaction(uint64 chainId, bytes rawSignedTx) external
            returns (uint64 index);
        function counts(uint64 chainId) external view
            returns (uint64 entries, uint64 enqueued, uint64 consumed);
        function entryHash(uint64 chainId, uint64 count) external view returns (bytes32);
        function messageAcc(uint64 chainId, uint64 count) external view returns (bytes32);
        function messageDeadline(uint64 chainId, uint64 index) external view returns (uint64);
        function overdue(uint64 chainId) external view returns (bool isOverdue, uint64 deadline);
    }

    interface Tournament {
        event Joined(uint64 indexed chainId, uint64 indexed number, bytes32 indexed commitment,
            address claimant, uint64 from, uint64 entries, uint64 deadline, uint256 bond,
            Checkpoint finalState);
        event Contested(uint64 indexed chainId, uint64 indexed number, bytes32 commitment,
            uint32 claims);
        event Settled(uint64 indexed chainId, uint64 indexed number,
            bytes32 indexed checkpointHash, uint64 entries, Checkpoint checkpoint,
            bytes32 commitment, address claimant);

        event Restarted(uint64 indexed chainId, uint64 indexed number);
        event JoinedInner(bytes32 indexed dispute, bytes32 indexed commitment, address claimant,
            bytes32 outcome, uint256 bond);
        event MatchStarted(bytes32 indexed dispute, bytes32 indexed matchId, bytes32 one,
            bytes32 two);
        event Advanced(bytes32 indexed dispute, bytes32 indexed matchId, uint8 height,
            uint64 position);
        event Sealed(bytes32 indexed dispute, bytes32 indexed matchId, uint64 position,
            bytes32 agreed, bytes32 one, bytes32 two);
        event InnerOpened(bytes32 indexed dispute, bytes32 indexed matchId,
            bytes32 indexed inner, bytes32 start);
        event MatchEnded(bytes32 indexed dispute, bytes32 indexed matchId, bytes32 winner);
        event InnerResolved(bytes32 indexed dispute, bytes32 winner, bytes32 outcome);

        function join(uint64 chainId, uint64 entries, bytes32 commitment, Checkpoint finalState,
            bytes32[] proof) external payable;
        function joinInner(bytes32 id, bytes32 commitment, bytes state, bytes32[] proof)
            external payable;
        function advance(MatchKey key, bytes32 left, bytes32 right, bytes32 newLeft,
            bytes32 newRight) external;
        function sealInner(MatchKey key, bytes32 left, bytes32 right, bytes32 agreed,
            bytes32[] proof, Checkpoint checkpoint, Program program) external;
        function sealLeaf(MatchKey key, bytes32 left, bytes32 right, bytes32 agreed,
            bytes32[] proof) external;
        function step(MatchKey key, Program program, bytes proof) external;
        function timeout(MatchKey key) external;
        function resolveInner(MatchKey key) external;
        function settle(uint64 chainId) external;
        function restart(uint64 chainId) external;
        function withdraw(address to) external;
        function credit(address account) external view returns (uint256);
        function held() external view returns (uint256);
        function burned() external view returns (uint256);
        function levels() external view returns (uint8);
        function heightOf(uint8 level) external view returns (uint8);
        function settled(uint64 chainId) external view returns (SettledState memory settlement);
        function isSettledOutbox(uint64 chainId, bytes32 outboxRoot) external view returns (bool);
        function current(uint64 chainId) external view
            returns (Round memory round, bytes32 id, Dispute memory dispute);
        function claimedState(bytes32 dispute, bytes32 commitment) external view
            returns (Checkpoint memory);
        function disputeOf(bytes32 id) external view returns (Dispute memory);
        function entrantOf(bytes32 dispute, bytes32 commitment) external view
            returns (Entrant memory);
        function matchOf(bytes32 id) external view returns (Match memory m, uint8 waits);
    }

    interface RiscvStep {
        function step(bytes32 agreed, bytes32 romRoot, uint64 romBase, bytes proof) external view
            returns (bytes32 next);
    }

    interface Bridge {
        event Withdrawn(bytes32 indexed id, uint64 indexed chainId, address indexed paidTo,
            address token, uint256 amount, address sender, uint64 nonce);

        function deposit(uint64 chainId, address token, address to, uint256 amount, bytes data)
            external returns (uint64 index);
        function endow(uint64 chainId, address token, uint256 amount) external;
        function withdraw(OutboxMessage message, bytes payload, bytes32 outboxRoot,
            uint64 leafIndex, bytes32[32] proof) external;
        function balance(uint64 chainId, address token) external view returns (uint256);
        function nullified(bytes32 id) external view returns (bool);
    }
}
