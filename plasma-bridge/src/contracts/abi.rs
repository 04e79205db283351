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

    /// What governance sets of a network of sequencers.
    #[derive(Debug, PartialEq, Eq)]
    struct Parameters {
        uint16 seats;
        uint32 epochLength;
        uint16 slash;
        uint16 saturation;
        uint128 minSelfBond;
        uint128 fine;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Signature {
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct DoubleVote {
        uint64 chainId;
        uint64 epoch;
        uint64 height;
        uint32 round;
        bytes32 first;
        bytes32 second;
        Signature firstSignature;
        Signature secondSignature;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Pool {
        uint104 stake;
        uint104 shares;
        uint32 offence;
        uint16 slashed;
        bool open;
        uint16 commission;
        uint128 queued;
        uint64 queuedIn;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Position {
        uint128 shares;
        uint128 locked;
        uint128 queued;
        uint64 queuedIn;
        uint208 credited;
        uint128 votes;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Unbonding {
        address account;
        uint64 term;
        bool liable;
        address operator;
        uint128 amount;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Move {
        address account;
        uint64 term;
        address from;
        address to;
        uint128 shares;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Supply {
        uint256 genesis;
        uint256 minted;
        uint256 burned;
        uint256 liquid;
        uint256 staked;
        uint256 escrowed;
        uint256 pending;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct SignedPromise {
        uint64 chainId;
        bytes32 transaction;
        uint64 deadline;
        Signature signature;
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Accusation {
        address operator;
        uint64 until;
        bool known;
        address accuser;
        uint64 chainId;
        bytes32 transaction;
        uint64 deadline;
    }

    /// What votes of governance take.
    #[derive(Debug, PartialEq, Eq)]
    struct Voting {
        uint48 delay;
        uint32 period;
        uint256 threshold;
        uint256 quorum;
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
        function appointGovernor(address governor) external;
        function chainCount() external view returns (uint256);
        function chainIdAt(uint256 index) external view returns (uint64);
        function governor() external view returns (address);
        function guardian() external view returns (address);
        function changeGuardian(address to) external;
        function pausedUntil() external view returns (uint64);
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

    interface Xpl {
        function GENESIS_SUPPLY() external view returns (uint256);
        function minted() external view returns (uint256);
        function minter() external view returns (address);
        function totalSupply() external view returns (uint256);
        function appointMinter(address minter) external;
        function delegate(address delegatee) external;
        function getVotes(address account) external view returns (uint256);
    }

    interface SequencerRegistry {
        event Joined(address indexed operator, address indexed key);
        event Elected(uint64 indexed epoch, bytes32 indexed committee, Seat[] seats);
        event DoubleVoted(address indexed operator, address indexed key, uint64 indexed epoch,
            uint64 chainId, uint64 height, uint32 round, uint256 lost);

        function join(address key, uint16 commission, uint256 amount, bytes possession) external;
        function list(address operator) external;
        function rotateKey(address key, bytes possession) external;
        function advance(Seat[] seats) external;
        function attest(uint64 chainId, uint256 window, Seat[] seats, uint256 seat,
            bytes signature) external;
        function reportDoubleVote(DoubleVote d) external;
        function appointPromises(address judge) external;
        function setParameters(Parameters parameters) external;
        function serve(uint64 chainId) external;
        function changeGovernor(address to) external;
        function serves(uint64 chainId) external view returns (bool);
        function committeeOf(uint64 epoch) external view returns (bytes32);
        function parameters() external view returns (Parameters memory);
        function candidates() external view returns (address[] memory);
        function signedIn(uint64 epoch, uint256 window) external view returns (uint256);
        function lastVote(uint64 chainId, uint64 epoch, uint256 window) external view
            returns (bytes32);
        function elections() external view returns (uint64);
        function startedAt() external view returns (uint64);
        function operatorOf(address key) external view returns (address);
        function keyOf(address operator) external view returns (address);
        function keyDigest(address operator) external view returns (bytes32);
        function xpl() external view returns (address);
        function stakes() external view returns (address);
        function inbox() external view returns (address);
        function delay() external view returns (uint64);
        function governor() external view returns (address);
        function promises() external view returns (address);
    }

    interface Stakes {
        event Unbonded(address indexed operator, address indexed account, uint256 indexed id,
            uint256 shares, uint256 amount, uint64 term);
        event Withdrawn(uint256 indexed id, address indexed account, uint256 amount,
            uint256 burned);
        event Redelegated(uint256 indexed id, address indexed account, address indexed from,
            address to, uint256 amount, uint64 term);
        event MoveReleased(uint256 indexed id, uint256 burned);
        event Claimed(address indexed account, address to, uint256 amount);

        function delegate(address operator, uint256 amount) external;
        function unbond(address operator, uint256 shares) external returns (uint256 id);
        function withdraw(uint256 id) external;
        function redelegate(address from, address to, uint256 shares) external
            returns (uint256 id);
        function release(uint256 id) external;
        function claim(address[] operators, address to) external returns (uint256 amount);
        function lowerCommission(uint16 to) external;
        function poke(address operator, address account) external;
        function burnForfeited() external;
        function pool(address operator) external view returns (Pool memory);
        function position(address operator, address account) external view
            returns (Position memory);
        function unbonding(uint256 id) external view returns (Unbonding memory);
        function move(uint256 id) external view returns (Move memory);
        function valueOf(address operator, address account) external view returns (uint256);
        function earned(address operator, address account) external view
            returns (uint256 amount);
        function credit(address account) external view returns (uint256);
        function getVotes(address account) external view returns (uint256);
        function supply(address escrow) external view returns (Supply memory s);
        function totalStaked() external view returns (uint128);
        function totalUnbonding() external view returns (uint128);
        function totalPending() external view returns (uint128);
        function forfeited() external view returns (uint128);
        function term() external view returns (uint64);
        function nextId() external view returns (uint256);
    }

    interface Promises {
        event Accused(bytes32 indexed id, address indexed operator, uint64 indexed chainId,
            bytes32 transaction, uint64 deadline, uint64 until);
        event Answered(bytes32 indexed id, uint64 height);
        event Broken(bytes32 indexed id, address indexed operator, uint256 lost);

        function accuse(SignedPromise p, BlockHeader later, Seat[] seats,
            Certificate certificate) external payable returns (bytes32 id);
        function answer(bytes32 id, BlockHeader h, Seat[] seats, Certificate certificate,
            bytes32[] transactions, uint256 place) external;
        function conclude(bytes32 id) external;
        function withdraw(address to) external;
        function accusation(bytes32 id) external view returns (Accusation memory);
        function broken(address operator) external view returns (uint256);
        function credit(address account) external view returns (uint256);
        function deposit() external view returns (uint256);
        function window() external view returns (uint64);
    }

    interface XplGovernor {
        function propose(address[] targets, uint256[] values, bytes[] calldatas,
            string description) external returns (uint256);
        function castVote(uint256 proposalId, uint8 support) external returns (uint256);
        function queue(address[] targets, uint256[] values, bytes[] calldatas,
            bytes32 descriptionHash) external returns (uint256);
        function execute(address[] targets, uint256[] values, bytes[] calldatas,
            bytes32 descriptionHash) external payable returns (uint256);
        function hashProposal(address[] targets, uint256[] values, bytes[] calldatas,
            bytes32 descriptionHash) external pure returns (uint256);
        function state(uint256 proposalId) external view returns (uint8);
        function getVotes(address account, uint256 timepoint) external view returns (uint256);
        function proposalSnapshot(uint256 proposalId) external view returns (uint256);
        function proposalDeadline(uint256 proposalId) external view returns (uint256);
        function proposalEta(uint256 proposalId) external view returns (uint256);
    }

    interface XplTimelock {
        function getMinDelay() external view returns (uint256);
    }

    interface FeeBurner {
        function burn() external;
    }
}
