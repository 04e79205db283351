// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Disputes, MatchKey } from "../src/Disputes.sol";
import { Evidence } from "../src/Evidence.sol";
import { Hashing } from "../src/Hashing.sol";
import { Machine, Program } from "../src/Machine.sol";
import {
    BatchHeader,
    BlockHeader,
    Checkpoint,
    InboxMessage,
    OutboxMessage,
    Seat
} from "../src/Types.sol";
import { Trees } from "./support/Trees.sol";
import { vm } from "./support/Vm.sol";

/// @notice The golden vectors by which Rust checks its own hashes. vectors/hashes.json must be what
/// this contract makes; PLASMA_WRITE_VECTORS=true writes it anew.
contract VectorsTest {
    string private constant FILE = "vectors/hashes.json";
    /// @dev Struct fields take values from a counter, so that no two fields of a case are equal.
    uint256 private _next;

    function test_vectors() public {
        string memory json =
            string.concat("{\n", section("header", headers()), section("batch", batches()));
        json = string.concat(json, section("committee", committees()), section("vote", votes()));
        json = string.concat(json, section("promise", promises()));
        json = string.concat(json, section("possession", possessions()));
        json = string.concat(json, section("message", messages()), section("entry", entries()));
        json = string.concat(json, section("checkpoint", checkpoints()));
        json = string.concat(json, section("outboxMessage", outboxMessages()));
        json = string.concat(json, section("outboxTree", outboxTrees()));
        json = string.concat(json, section("tournament", tournaments()));
        json = string.concat(json, section("match", matches()));
        json = string.concat(json, section("stepLeaf", stepLeaves()));
        json = string.concat(json, section("program", programs()));
        json = string.concat(json, section("programInput", programInputs()));
        json = string.concat(json, "  \"trace\": [\n", traces(), "\n  ]\n}\n");
        if (vm.envOr("PLASMA_WRITE_VECTORS", false)) {
            vm.writeFile(FILE, json);
        }
        vm.assertEq(vm.readFile(FILE), json, "stale: run with PLASMA_WRITE_VECTORS=true");
    }

    // ---- one function per kind; case 0 is all zero, case 1 counts up, case 2 is all ones

    function headers() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            BlockHeader memory h;
            h.chainId = u64(i);
            h.height = u64(i);
            h.epoch = u64(i);
            h.parent = word(i);
            h.timestamp = u64(i);
            h.proposer = account(i);
            h.messages = u64(i);
            h.body = word(i);
            h.executedHeight = u64(i);
            h.executedRoot = word(i);
            h.seal = word(i);
            string memory o = field("chainId", h.chainId);
            o = string.concat(o, field("height", h.height), field("epoch", h.epoch));
            o = string.concat(o, field("parent", h.parent), field("timestamp", h.timestamp));
            o = string.concat(o, field("proposer", h.proposer), field("messages", h.messages));
            o = string.concat(o, field("body", h.body), field("executedHeight", h.executedHeight));
            o = string.concat(o, field("executedRoot", h.executedRoot), field("seal", h.seal));
            json = item(json, string.concat(o, last("hash", Hashing.header(h))));
        }
    }

    function batches() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            BatchHeader memory b;
            b.chainId = u64(i);
            b.entry = u64(i);
            b.firstHeight = u64(i);
            b.lastHeight = u64(i);
            b.lastHash = word(i);
            b.messages = u64(i);
            b.scheme = uint8(u64(i));
            b.root = word(i);
            b.length = u64(i);
            string memory o = string.concat(field("chainId", b.chainId), field("entry", b.entry));
            o = string.concat(o, field("firstHeight", b.firstHeight));
            o = string.concat(o, field("lastHeight", b.lastHeight), field("lastHash", b.lastHash));
            o = string.concat(o, field("messages", b.messages), field("scheme", b.scheme));
            o = string.concat(o, field("root", b.root), field("length", b.length));
            json = item(json, string.concat(o, last("hash", Hashing.batch(b))));
        }
    }

    function committees() private pure returns (string memory json) {
        for (uint256 n = 0; n < 4; ++n) {
            Seat[] memory seats = new Seat[](n);
            string memory list;
            for (uint256 i = 0; i < n; ++i) {
                seats[i] = Seat(vm.addr(i + 1), uint64(100 + i));
                string memory comma = i == 0 ? "" : ",";
                string memory key = field("key", seats[i].key);
                list = string.concat(list, comma, "{", key, "\"weight\":");
                list = string.concat(list, vm.toString(seats[i].weight), "}");
            }
            string memory o = string.concat("\"seats\":[", list, "],");
            json = item(json, string.concat(o, last("hash", Hashing.committee(seats))));
        }
    }

    function votes() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            uint64 chainId = u64(i);
            uint64 epoch = u64(i);
            uint64 height = u64(i);
            uint32 round = uint32(u64(i));
            bytes32 blockHash = word(i);
            bytes32 digest = Hashing.vote(chainId, epoch, height, round, blockHash);
            string memory o = string.concat(field("chainId", chainId), field("epoch", epoch));
            o = string.concat(o, field("height", height), field("round", round));
            o = string.concat(o, field("blockHash", blockHash), signed(i + 1, digest));
            json = item(json, string.concat(o, last("hash", digest)));
        }
    }

    function promises() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            uint64 chainId = u64(i);
            bytes32 transaction = word(i);
            uint64 deadline = u64(i);
            bytes32 digest = Evidence.promiseDigest(chainId, transaction, deadline);
            string memory o = field("chainId", chainId);
            o = string.concat(o, field("transaction", transaction), field("deadline", deadline));
            json = item(json, string.concat(o, signed(i + 1, digest), last("hash", digest)));
        }
    }

    /// @dev What keys sign to become an operator's, on roots of these ids.
    function possessions() private returns (string memory json) {
        uint256 before = block.chainid;
        for (uint256 i = 0; i < 3; ++i) {
            uint64 rootChainId = uint64(31337 + i);
            address registry = account(i);
            address operator = account(i);
            vm.chainId(rootChainId);
            bytes32 digest = Evidence.keyDigest(registry, operator);
            string memory o = field("rootChainId", rootChainId);
            o = string.concat(o, field("registry", registry), field("operator", operator));
            json = item(json, string.concat(o, signed(i + 1, digest), last("hash", digest)));
        }
        vm.chainId(before);
    }

    /// @notice Who signed a digest, and how.
    function signed(uint256 key, bytes32 digest) private pure returns (string memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        string memory o = field("privateKey", bytes32(key));
        o = string.concat(o, field("signer", vm.addr(key)));
        return string.concat(o, field("signature", abi.encodePacked(r, s, v)));
    }

    /// @dev Each with the accumulator after it and those before.
    function messages() private returns (string memory json) {
        bytes32 acc;
        for (uint256 i = 0; i < 3; ++i) {
            InboxMessage memory m;
            m.kind = uint8(i % 2);
            m.index = u64(i);
            m.sender = account(i);
            m.to = account(i);
            m.asset = account(i);
            m.amount = uint256(word(i));
            m.timestamp = u64(i);
            m.deadline = u64(i);
            m.data = i == 0 ? bytes("") : new bytes(i == 1 ? 5 : 3072);
            if (i == 1) m.data = hex"0102030405";
            bytes32 hash = Hashing.message(m);
            acc = Hashing.accumulate(acc, hash);
            string memory o = string.concat(field("kind", m.kind), field("index", m.index));
            o = string.concat(o, field("sender", m.sender), field("to", m.to));
            o = string.concat(o, field("asset", m.asset), text("amount", m.amount));
            o = string.concat(o, field("timestamp", m.timestamp), field("deadline", m.deadline));
            o = string.concat(o, field("data", m.data), field("hash", hash), last("acc", acc));
            json = item(json, o);
        }
    }

    /// @dev A chain of entries, each hash the next one's `previous`.
    function entries() private returns (string memory json) {
        bytes32 previous;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 kind = i % 2;
            bytes32 payload = kind == 0 ? word(i) : bytes32(0);
            uint64 count = u64(i);
            bytes32 acc = word(i);
            uint64 timestamp = u64(i);
            bytes32 hash = Hashing.entry(previous, kind, payload, count, acc, timestamp);
            string memory o = string.concat(field("previous", previous), field("kind", kind));
            o = string.concat(o, field("payload", payload), field("messages", count));
            o = string.concat(o, field("messageAcc", acc), field("rootTimestamp", timestamp));
            json = item(json, string.concat(o, last("hash", hash)));
            previous = hash;
        }
    }

    function checkpoints() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            Checkpoint memory c = checkpoint(i);
            string memory o = field("stateRoot", c.stateRoot);
            o = string.concat(o, field("outboxRoot", c.outboxRoot), field("height", c.height));
            o = string.concat(o, field("blockHash", c.blockHash), field("timestamp", c.timestamp));
            o = string.concat(o, field("messages", c.messages), field("entry", c.entry));
            o = string.concat(o, field("stepsRoot", c.stepsRoot), field("stepsCount", c.stepsCount));
            o = string.concat(o, field("nextStep", c.nextStep));
            json = item(json, string.concat(o, last("hash", Hashing.checkpoint(c))));
        }
    }

    function outboxMessages() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            OutboxMessage memory m = outboxMessage(i);
            string memory o = string.concat(field("version", m.version), field("source", m.source));
            o = string.concat(o, field("destination", m.destination), field("nonce", m.nonce));
            o = string.concat(o, field("sender", m.sender), field("recipient", m.recipient));
            o = string.concat(o, field("asset", m.asset), text("amount", m.amount));
            o = string.concat(o, field("gas", m.gas), field("expiry", m.expiry));
            o = string.concat(o, field("refund", m.refund), field("bundle", m.bundle));
            o = string.concat(o, field("payloadHash", m.payloadHash));
            json = item(json, string.concat(o, last("hash", Hashing.outboxId(m))));
        }
    }

    /// @dev Each with a proof of its last leaf.
    function outboxTrees() private pure returns (string memory json) {
        for (uint256 n = 0; n < 6; ++n) {
            bytes32[] memory leaves = someLeaves(n);
            string memory o = field("leaves", leaves);
            if (n > 0) {
                bytes32[32] memory proof = Trees.outboxProof(leaves, n - 1);
                bytes32[] memory siblings = new bytes32[](32);
                for (uint256 i = 0; i < 32; ++i) {
                    siblings[i] = proof[i];
                }
                o = string.concat(o, field("lastProof", siblings));
            }
            json = item(json, string.concat(o, last("root", Trees.outboxRoot(leaves))));
        }
    }

    function traces() private pure returns (string memory json) {
        for (uint256 n = 1; n < 6; ++n) {
            bytes32[] memory leaves = someLeaves(n);
            (bytes32 root, bytes32[] memory proof) = Trees.trace(leaves);
            bytes32[] memory siblings = new bytes32[](24);
            for (uint256 i = 0; i < 24; ++i) {
                siblings[i] = proof[i];
            }
            string memory o = string.concat(field("leaves", leaves), field("lastProof", siblings));
            json = item(json, string.concat(o, last("root", root)));
        }
    }

    /// @dev Outer disputes.
    function tournaments() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            uint64 chainId = u64(i);
            uint64 round = u64(i);
            string memory o = string.concat(field("chainId", chainId), field("round", round));
            json = item(json, string.concat(o, last("hash", Disputes.outerId(chainId, round))));
        }
    }

    /// @dev Each with the dispute that it opens.
    function matches() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            MatchKey memory key = MatchKey(word(i), word(i), word(i));
            bytes32 id = Disputes.idOf(key);
            string memory o = field("tournament", key.tournament);
            o = string.concat(o, field("one", key.one), field("two", key.two));
            o = string.concat(o, field("inner", Disputes.innerId(key.tournament, id)));
            json = item(json, string.concat(o, last("hash", id)));
        }
    }

    /// @dev What a batch's steps are committed to by; only the machine's program hashes them.
    function stepLeaves() private returns (string memory json) {
        for (uint256 i = 0; i < 5; ++i) {
            uint8 kind = uint8(i);
            bytes32 header = word(i);
            bytes32 payload = kind == 0 || kind == 4 ? bytes32(0) : word(i);
            string memory o = string.concat(field("kind", kind), field("header", header));
            o = string.concat(o, field("payload", payload));
            bytes32 hash = keccak256(abi.encode(kind, header, payload));
            json = item(json, string.concat(o, last("hash", hash)));
        }
    }

    /// @dev Each with the hash of its first state on an input.
    function programs() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            Program memory p = Program(word(i), u64(i), word(i), u64(i));
            bytes32 input = word(i);
            string memory o =
                string.concat(field("romRoot", p.romRoot), field("romBase", p.romBase));
            o = string.concat(o, field("memoryRoot", p.memoryRoot), field("entry", p.entry));
            o = string.concat(o, field("input", input));
            o = string.concat(o, field("firstState", Machine.firstState(p, input)));
            json = item(json, string.concat(o, last("hash", Machine.identity(p))));
        }
    }

    function programInputs() private returns (string memory json) {
        for (uint256 i = 0; i < 3; ++i) {
            uint64 chainId = u64(i);
            bytes32 genesis = word(i);
            bytes32 agreed = word(i);
            bytes32 entry = word(i);
            string memory o = string.concat(field("chainId", chainId), field("genesis", genesis));
            o = string.concat(o, field("agreed", agreed), field("entry", entry));
            bytes32 hash = Machine.input(chainId, genesis, agreed, entry);
            json = item(json, string.concat(o, last("hash", hash)));
        }
    }

    function checkpoint(uint256 i) private returns (Checkpoint memory c) {
        c.stateRoot = word(i);
        c.outboxRoot = word(i);
        c.height = u64(i);
        c.blockHash = word(i);
        c.timestamp = u64(i);
        c.messages = u64(i);
        c.entry = u64(i);
        c.stepsRoot = word(i);
        c.stepsCount = uint32(u64(i));
        c.nextStep = uint32(u64(i));
    }

    function outboxMessage(uint256 i) private returns (OutboxMessage memory m) {
        m.version = uint8(u64(i));
        m.source = u64(i);
        m.destination = u64(i);
        m.nonce = u64(i);
        m.sender = account(i);
        m.recipient = account(i);
        m.asset = account(i);
        m.amount = uint256(word(i));
        m.gas = u64(i);
        m.expiry = u64(i);
        m.refund = account(i);
        m.bundle = word(i);
        m.payloadHash = word(i);
    }

    // ---- values

    function u64(uint256 i) private returns (uint64) {
        return i == 0 ? 0 : i == 2 ? type(uint64).max : uint64(++_next);
    }

    function account(uint256 i) private returns (address) {
        return i == 0 ? address(0) : i == 2 ? address(type(uint160).max) : address(uint160(++_next));
    }

    function word(uint256 i) private returns (bytes32) {
        return i == 0 ? bytes32(0) : i == 2 ? ~bytes32(0) : keccak256(abi.encode(++_next));
    }

    function someLeaves(uint256 n) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](n);
        for (uint256 i = 0; i < n; ++i) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
    }

    // ---- JSON

    function section(string memory name, string memory items) private pure returns (string memory) {
        return string.concat("  \"", name, "\": [\n", items, "\n  ],\n");
    }

    function item(string memory items, string memory object) private pure returns (string memory) {
        string memory comma = bytes(items).length == 0 ? "" : ",\n";
        return string.concat(items, comma, "    {", object, "}");
    }

    function raw(string memory name, string memory value) private pure returns (string memory) {
        return string.concat("\"", name, "\":", value);
    }

    function quoted(string memory value) private pure returns (string memory) {
        return string.concat("\"", value, "\"");
    }

    function field(string memory name, uint256 value) private pure returns (string memory) {
        return string.concat(raw(name, vm.toString(value)), ",");
    }

    /// @dev A number too large for most JSON readers.
    function text(string memory name, uint256 value) private pure returns (string memory) {
        return string.concat(raw(name, quoted(vm.toString(value))), ",");
    }

    function field(string memory name, address value) private pure returns (string memory) {
        return string.concat(raw(name, quoted(vm.toString(value))), ",");
    }

    function field(string memory name, bytes32 value) private pure returns (string memory) {
        return string.concat(last(name, value), ",");
    }

    function field(string memory name, bytes memory value) private pure returns (string memory) {
        return string.concat(raw(name, quoted(vm.toString(value))), ",");
    }

    function field(string memory name, bytes32[] memory values)
        private
        pure
        returns (string memory)
    {
        string memory list;
        for (uint256 i = 0; i < values.length; ++i) {
            list = string.concat(list, i == 0 ? "" : ",", quoted(vm.toString(values[i])));
        }
        return string.concat(raw(name, string.concat("[", list, "]")), ",");
    }

    function last(string memory name, bytes32 value) private pure returns (string memory) {
        return raw(name, quoted(vm.toString(value)));
    }
}
