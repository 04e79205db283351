// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { Bridge } from "../../src/Bridge.sol";
import { ChainRegistry, Registration } from "../../src/ChainRegistry.sol";
import { Hashing } from "../../src/Hashing.sol";
import { IStepVerifier } from "../../src/IStepVerifier.sol";
import { Inbox } from "../../src/Inbox.sol";
import { TestToken } from "../../src/TestToken.sol";
import { Tournament } from "../../src/Tournament.sol";
import {
    BatchHeader,
    BlockHeader,
    Certificate,
    Checkpoint,
    OutboxMessage,
    Seat
} from "../../src/Types.sol";
import { Xpl } from "../../src/Xpl.sol";
import { ScriptedVerifier } from "./ScriptedVerifier.sol";
import { Trees } from "./Trees.sol";
import { bound, vm } from "./Vm.sol";

/// @notice The root contracts, deployed as ChainRegistry says, with one chain of three sequencers.
abstract contract Fixture {
    uint64 internal constant CHAIN = 4242;
    uint64 internal constant WINDOW = 100;
    uint64 internal constant DELAY = 60;
    uint64 internal constant EXIT = 300;
    uint64 internal constant SILENCE = 90;
    uint256 internal constant BOND = 1 ether;
    uint256 internal constant START = 1_800_000_000;
    address internal constant OWNER = address(0x0113);

    Xpl internal xpl;
    ChainRegistry internal registry;
    Inbox internal inbox;
    Tournament internal tournament;
    Bridge internal bridge;
    ScriptedVerifier internal verifier;
    TestToken internal token;

    uint256[] internal keys;
    Seat[] internal seats;

    function setUp() public virtual {
        vm.chainId(1);
        vm.warp(START);
        deploy();
        token = new TestToken("Test", "TST", 6, 1e15);
        addSeat(0xA11CE, 30);
        addSeat(0xB0B, 30);
        addSeat(0xCA201, 30);
        registry.register(registration(CHAIN));
    }

    /// @notice The deployment order: five consecutive nonces of one account.
    function deploy() internal {
        IStepVerifier machine = newMachine();
        uint256 nonce = vm.getNonce(address(this));
        address inboxAt = vm.computeCreateAddress(address(this), nonce + 2);
        address bridgeAt = vm.computeCreateAddress(address(this), nonce + 4);
        xpl = new Xpl(address(this), OWNER);
        registry = new ChainRegistry(Inbox(inboxAt));
        inbox = new Inbox(registry, bridgeAt);
        tournament = new Tournament(registry, inbox, machine, heights());
        bridge = new Bridge(IERC20(address(xpl)), inbox, tournament);
    }

    /// @notice What takes steps; a test that wants the real one says so.
    function newMachine() internal virtual returns (IStepVerifier) {
        verifier = new ScriptedVerifier();
        return verifier;
    }

    /// @notice Identity of the program that decides.
    function programHash() internal view virtual returns (bytes32) {
        return keccak256("program");
    }

    /// @notice Of the levels of disputes.
    function heights() internal view virtual returns (uint8[] memory levels) {
        levels = new uint8[](2);
        (levels[0], levels[1]) = (24, 28);
    }

    function addSeat(uint256 key, uint64 weight) internal {
        keys.push(key);
        seats.push(Seat(vm.addr(key), weight));
    }

    function registration(uint64 chainId) internal view returns (Registration memory r) {
        r.chainId = chainId;
        r.name = "test";
        r.program = programHash();
        r.genesisHash = keccak256("genesis");
        r.genesis.stateRoot = keccak256("genesis state");
        r.genesis.outboxRoot = Trees.outboxRoot(new bytes32[](0));
        r.genesis.blockHash = r.genesisHash;
        r.committee = Hashing.committee(seats);
        r.challengeWindow = WINDOW;
        r.forcedDelay = DELAY;
        r.exitWindow = EXIT;
        r.silence = SILENCE;
        r.bond = BOND;
        r.owner = OWNER;
    }

    // ---- batches

    /// @notice The next batch of a chain: one block, which consumes up to `messages`.
    function nextBatch(uint64 chainId, uint64 messages)
        internal
        view
        returns (BatchHeader memory b)
    {
        b.chainId = chainId;
        b.entry = inbox.entryCount(chainId);
        b.firstHeight = b.entry * 10 + 1;
        b.lastHeight = b.firstHeight;
        b.lastHash = keccak256(abi.encode("block", b.lastHeight));
        b.messages = messages;
        b.scheme = 1;
        b.root = keccak256(abi.encode("bytes", b.entry));
        b.length = 1000;
    }

    function sealOf(BatchHeader memory b) internal pure returns (BlockHeader memory h) {
        h.chainId = b.chainId;
        h.height = b.lastHeight + 1;
        h.epoch = 7;
        h.parent = b.lastHash;
        h.timestamp = uint64(START) * 1000;
        h.messages = b.messages;
        h.seal = Hashing.batch(b);
    }

    /// @param signers Bitmap over seats.
    function certify(BlockHeader memory h, uint256 signers)
        internal
        view
        returns (Certificate memory c)
    {
        c.epoch = h.epoch;
        c.height = h.height;
        c.round = 2;
        c.blockHash = Hashing.header(h);
        c.signers = signers;
        bytes32 digest = Hashing.vote(h.chainId, c.epoch, c.height, c.round, c.blockHash);
        for (uint256 i = 0; i < keys.length; ++i) {
            if ((signers >> i) & 1 == 0) continue;
            c.signatures = bytes.concat(c.signatures, signature(keys[i], digest));
        }
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function append(BatchHeader memory b) internal {
        BlockHeader memory h = sealOf(b);
        inbox.append(b, h, seats, certify(h, 7));
    }

    function appendNext(uint64 chainId) internal {
        (, uint64 enqueued,) = inbox.counts(chainId);
        append(nextBatch(chainId, enqueued));
    }

    // ---- claims

    function finalState(uint64 entries, bytes32 outboxRoot)
        internal
        pure
        returns (Checkpoint memory c)
    {
        c.stateRoot = keccak256(abi.encode("state", entries));
        c.outboxRoot = outboxRoot;
        c.height = entries * 10;
        c.blockHash = keccak256(abi.encode("block", c.height));
        c.timestamp = uint64(START) * 1000;
        c.entry = entries;
    }

    /// @notice A trace that ends in `c`; `salt` makes different traces to the same end.
    function traceTo(Checkpoint memory c, bytes32 salt)
        internal
        pure
        returns (bytes32 commitment, bytes32[] memory proof)
    {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = salt;
        leaves[1] = Hashing.checkpoint(c);
        return Trees.trace(leaves);
    }

    /// @notice Claims all entries so far, with an honest bond.
    function join(uint64 chainId, bytes32 outboxRoot, bytes32 salt) internal returns (bytes32) {
        uint64 entries = inbox.entryCount(chainId);
        Checkpoint memory c = finalState(entries, outboxRoot);
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, salt);
        tournament.join{ value: BOND }(chainId, entries, commitment, c, proof);
        return commitment;
    }

    /// @notice Appends, claims and settles an outbox.
    function settleOutbox(uint64 chainId, bytes32[] memory leaves) internal returns (bytes32 root) {
        root = Trees.outboxRoot(leaves);
        appendNext(chainId);
        join(chainId, root, 0);
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(chainId);
    }

    // ---- messages

    function withdrawal(uint64 nonce, address asset, address recipient, uint256 amount)
        internal
        pure
        returns (OutboxMessage memory m)
    {
        m.version = 1;
        m.source = CHAIN;
        m.destination = 1;
        m.nonce = nonce;
        m.sender = address(0x5E4D);
        m.recipient = recipient;
        m.asset = asset;
        m.amount = amount;
        m.payloadHash = keccak256("");
    }

    receive() external payable { }
}
