// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Dispute,
    Disputes,
    Entrant,
    Match,
    MatchKey,
    Standing,
    Waits
} from "../../src/Disputes.sol";
import { Hashing } from "../../src/Hashing.sol";
import { Tournament } from "../../src/Tournament.sol";
import { Checkpoint } from "../../src/Types.sol";
import { Sealing } from "./Duels.sol";
import { ScriptedDuels } from "./ScriptedDuels.sol";
import { bound, vm } from "./Vm.sol";

/// @notice Random disputes on two levels, whose traces are made of few leaves, so that they part anywhere; moved on by
/// anyone in any order. The books are kept a second time.
contract DisputeHandler is ScriptedDuels {
    uint256 private constant LEAVES = 4;

    address[3] public actors = [HONEST, LIAR, address(0xACE)];

    /// @notice Matches that are not over, by our books.
    MatchKey[] public live;
    MatchKey[] private entered;
    Checkpoint private settledState;

    uint256 public paidIn;
    uint256 public paidOut;
    mapping(string action => uint256) public calls;

    constructor() {
        setUp();
        vm.deal(address(0xACE), 1000 ether);
        settledState = registration(CHAIN).genesis;
    }

    function heights() internal pure override returns (uint8[] memory levels) {
        levels = new uint8[](2);
        (levels[0], levels[1]) = (2, 2);
    }

    function outer() internal view override returns (bytes32 id) {
        (, id,) = tournament.current(CHAIN);
    }

    function made() external view returns (Tournament) {
        return tournament;
    }

    // ---- claims

    /// @param bits Which of two leaves stands at each place; two more may say that it ended or failed there.
    function join(uint256 who, uint256 bits) external {
        uint64 entries = inbox.entryCount(CHAIN);
        bytes32[] memory leaves = new bytes32[](LEAVES);
        for (uint256 i = 0; i < LEAVES; ++i) {
            leaves[i] = Hashing.checkpoint(inside(bits >> i & 1, i));
        }
        Checkpoint memory end = finalState(entries, bytes32(1 + (bits >> 3 & 1)));
        leaves[3] = Hashing.checkpoint(end);
        if (bits >> 4 & 3 == 3) leaves[2] = leaves[3];
        if (bits >> 6 & 7 == 7) leaves[1] = 0;
        bytes32 id = outer();
        bytes32 waiting = dispute(id).dangling;
        bytes32 commitment = claim(actors[who % 3], entries, leaves, end);
        took(id, waiting, commitment, leaves);
        calls["join"] += 1;
    }

    function joinInner(uint256 which, uint256 who, uint256 bits) external {
        (bool found, uint256 place) = pick(which, Waits.Inner);
        if (!found) return;
        bytes32 id = innerOf(live[place]);
        Dispute memory inner = dispute(id);
        bytes32 output = bits >> 3 & 1 == 0 ? inner.leafOne : inner.leafTwo;
        bytes memory end = halted(output, bytes8(uint64(bits >> 4 & 1)));
        if (output == 0) end[296] = 0x02;
        bytes32[] memory leaves = new bytes32[](LEAVES);
        for (uint256 i = 0; i < 3; ++i) {
            leaves[i] = keccak256(abi.encode(id, i, bits >> i & 1));
        }
        leaves[3] = keccak256(end);
        bytes32 commitment = claimRun(actors[who % 3], id, leaves, end);
        took(id, inner.dangling, commitment, leaves);
        calls["joinInner"] += 1;
    }

    function took(bytes32 id, bytes32 waiting, bytes32 commitment, bytes32[] memory leaves)
        private
    {
        paidIn += BOND;
        traces[commitment] = leaves;
        entered.push(MatchKey(id, commitment, 0));
        if (waiting != 0) live.push(MatchKey(id, waiting, commitment));
    }

    function inside(uint256 bit, uint256 i) private view returns (Checkpoint memory c) {
        c = checkpointAt(bytes32(1 + bit), i);
        c.entry = settledState.entry;
    }

    // ---- moves

    /// @notice Whatever the side on turn can do.
    function move(uint256 which) external {
        (bool found, uint256 place) = pick(which, Waits.Turn);
        if (!found) return;
        MatchKey memory key = live[place];
        if (matchOf(key).height > 1) {
            advance(key);
            calls["advance"] += 1;
            return;
        }
        Sealing memory s = sealing(key);
        if (dispute(key.tournament).level == 1) {
            sealLeaf(key, s);
            calls["sealLeaf"] += 1;
            return;
        }
        bytes32 waiting = dispute(key.tournament).dangling;
        sealInner(key, s, opened(s), program);
        if (waitsOf(key) == uint256(Waits.Nothing)) ended(place, waiting);
        calls["sealInner"] += 1;
    }

    /// @notice What the agreed leaf is the hash of.
    function opened(Sealing memory s) private view returns (Checkpoint memory c) {
        if (s.position == 0) return settledState;
        for (uint256 bit = 0; bit < 2; ++bit) {
            c = inside(bit, s.position - 1);
            if (Hashing.checkpoint(c) == s.agreed) return c;
            c = finalState(inbox.entryCount(CHAIN), bytes32(1 + bit));
            if (Hashing.checkpoint(c) == s.agreed) return c;
        }
    }

    /// @param says Which side the machine agrees with, if any.
    function step(uint256 which, uint256 says) external {
        (bool found, uint256 place) = pick(which, Waits.Proof);
        if (!found) return;
        MatchKey memory key = live[place];
        Match memory m = matchOf(key);
        verifier.script(m.node, says % 3 == 0 ? bytes32("x") : says % 3 == 1 ? m.left : m.right);
        bytes32 waiting = dispute(key.tournament).dangling;
        tournament.step(key, program, "");
        ended(place, waiting);
        calls["step"] += 1;
    }

    function timeout(uint256 which) external {
        (bool found, uint256 place) = pick(which, Waits.Expired);
        if (!found) (found, place) = pick(which, Waits.BothExpired);
        if (found) expire(place);
    }

    function expire(uint256 place) private {
        MatchKey memory key = live[place];
        bytes32 waiting = dispute(key.tournament).dangling;
        tournament.timeout(key);
        ended(place, waiting);
        calls["timeout"] += 1;
    }

    function resolve(uint256 which) external {
        (bool found, uint256 place) = pick(which, Waits.Inner);
        if (found) resolveAt(place);
    }

    function resolveAt(uint256 place) private {
        MatchKey memory key = live[place];
        bytes32 waiting = dispute(key.tournament).dangling;
        tournament.resolveInner(key);
        ended(place, waiting);
        calls["resolve"] += 1;
    }

    /// @notice A match is over; the winner, if any, plays whoever waited.
    function ended(uint256 place, bytes32 waiting) private {
        MatchKey memory key = live[place];
        live[place] = live[live.length - 1];
        live.pop();
        bool one = standing(key, key.one) != uint256(Standing.Out);
        bool two = standing(key, key.two) != uint256(Standing.Out);
        if (one && two) revert("both are left");
        if ((one || two) && waiting != 0) {
            live.push(MatchKey(key.tournament, waiting, one ? key.one : key.two));
        }
    }

    function wait(uint256 duration) external {
        vm.warp(block.timestamp + bound(duration, 1, WINDOW / 2));
    }

    function settle() external {
        bytes32 id = outer();
        bytes32 commitment = dispute(id).dangling;
        Checkpoint memory state = tournament.claimedState(id, commitment);
        tournament.settle(CHAIN);
        settledState = state;
        appendNext(CHAIN);
        calls["settle"] += 1;
    }

    function restart() external {
        tournament.restart(CHAIN);
        calls["restart"] += 1;
    }

    function withdraw(uint256 who) external {
        address actor = actors[who % 3];
        uint256 before = actor.balance;
        vm.prank(actor);
        tournament.withdraw(payable(actor));
        paidOut += actor.balance - before;
        calls["withdraw"] += 1;
    }

    /// @notice The first live match from `which` on that waits for this.
    function pick(uint256 which, Waits wanted) private view returns (bool, uint256) {
        for (uint256 i = 0; i < live.length; ++i) {
            uint256 place = (which % live.length + i) % live.length;
            if (waitsOf(live[place]) == uint256(wanted)) return (true, place);
        }
        return (false, 0);
    }

    // ---- what the invariants compare

    /// @notice Wei of all claims that are in play.
    function staked() external view returns (uint256 sum) {
        for (uint256 i = 0; i < entered.length; ++i) {
            Entrant memory e = tournament.entrantOf(entered[i].tournament, entered[i].one);
            if (e.standing == Standing.Dangling || e.standing == Standing.Playing) {
                sum += BOND + e.earned;
            } else {
                vm.assertTrue(e.standing == Standing.Winner || e.standing == Standing.Out);
                vm.assertEq(e.earned, 0, "earnings outlive their claim");
            }
        }
    }

    function credited() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 3; ++i) {
            sum += tournament.credit(actors[i]);
        }
    }

    /// @notice Each live match waits for something, and each dispute counts its own.
    function checkMatches() external view {
        for (uint256 i = 0; i < live.length; ++i) {
            vm.assertTrue(waitsOf(live[i]) != uint256(Waits.Nothing));
            uint256 count = 0;
            for (uint256 j = 0; j < live.length; ++j) {
                if (live[j].tournament == live[i].tournament) ++count;
            }
            vm.assertEq(dispute(live[i].tournament).matches, count);
        }
    }

    /// @notice With time alone, whatever stands ends: nobody has to know any trace.
    function unwind() external {
        uint256 rounds = 0;
        while (live.length != 0) {
            vm.warp(block.timestamp + WINDOW);
            for (uint256 i = live.length; i > 0; --i) {
                if (i > live.length) continue;
                uint256 waits = waitsOf(live[i - 1]);
                if (waits == uint256(Waits.Expired) || waits == uint256(Waits.BothExpired)) {
                    expire(i - 1);
                } else if (waits == uint256(Waits.Inner)) {
                    if (dispute(innerOf(live[i - 1])).matches == 0) resolveAt(i - 1);
                }
            }
            vm.assertLe(++rounds, 2 + 2 * entered.length, "does not end");
        }
        bytes32 id = outer();
        if (dispute(id).openedAt == 0) return;
        if (block.timestamp < dispute(id).openedAt + WINDOW) vm.warp(block.timestamp + WINDOW);
        if (dispute(id).dangling == 0) tournament.restart(CHAIN);
        else tournament.settle(CHAIN);
    }
}
