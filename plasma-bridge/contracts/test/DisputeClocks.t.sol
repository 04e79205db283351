// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Match, MatchKey, Stage, Standing, Waits } from "../src/Disputes.sol";
import { Matches } from "../src/Matches.sol";
import { Pairings } from "../src/Pairings.sol";
import { Tournament } from "../src/Tournament.sol";
import { Checkpoint } from "../src/Types.sol";
import { Sealing } from "./support/Duels.sol";
import { ScriptedDuels } from "./support/ScriptedDuels.sol";
import { Trees } from "./support/Trees.sol";
import { bound, vm } from "./support/Vm.sol";

/// @notice Who has how much time, to the second.
contract DisputeClocksTest is ScriptedDuels {
    function heights() internal pure override returns (uint8[] memory levels) {
        levels = new uint8[](2);
        (levels[0], levels[1]) = (6, 3);
    }

    function wait(uint256 duration) private {
        vm.warp(block.timestamp + duration);
    }

    function assertWaits(MatchKey memory key, Waits expected) private view {
        vm.assertEq(waitsOf(key), uint256(expected));
    }

    /// @notice Whether a call is taken; whatever it does is undone.
    function possible(bytes memory call, uint256 value) private returns (bool taken) {
        uint256 before = vm.snapshotState();
        vm.deal(address(this), value);
        (taken,) = address(tournament).call{ value: value }(call);
        vm.revertToState(before);
    }

    // ---- a clock ticks for the side on turn, and for nobody else

    /// @dev The clocks are kept a second time, by subtraction alone.
    function testFuzz_doubleCountedOrRestoredClockTime(uint256[8] memory waits, uint256 late)
        public
    {
        MatchKey memory key = contest(41);
        uint256[2] memory left = [uint256(WINDOW), WINDOW];
        for (uint256 i = 0; i < 6; ++i) {
            uint256 side = i % 2;
            uint256 duration = bound(waits[i], 0, WINDOW / 2);
            wait(duration);
            if (duration >= left[side]) {
                assertWaits(key, Waits.Expired);
                wait(bound(late, 0, 1000 * WINDOW));
                tournament.timeout(key);
                // The winner has what it had when it moved last, however late the loser's end is noted.
                bytes32 winner = side == 0 ? key.two : key.one;
                vm.assertEq(entrant(key, winner).allowance, left[1 - side]);
                vm.assertEq(standing(key, winner), uint256(Standing.Dangling));
                return;
            }
            left[side] -= duration;
            assertWaits(key, Waits.Turn);
            if (i == 5) open(key);
            else advance(key);
            Match memory m = matchOf(key);
            vm.assertEq(m.allowanceOne, left[0]);
            vm.assertEq(m.allowanceTwo, left[1]);
        }
        // The inner dispute has a window of its own, and the parent's clocks stand still meanwhile.
        bytes32 inner = innerOf(key);
        vm.assertEq(dispute(inner).openedAt, block.timestamp);
        vm.assertEq(dispute(inner).window, WINDOW);
        enterRun(LIAR, inner, dispute(inner).leafTwo, LIE, 0);
        wait(WINDOW + bound(late, 0, 1000 * WINDOW));
        assertWaits(key, Waits.Inner);
        tournament.resolveInner(key);
        vm.assertEq(entrant(key, key.two).allowance, left[1]);
    }

    function testFuzz_aLateClaimHasWhatIsLeftOfTheWindowAndGrace(uint256 late) public {
        bytes32 one = enter(HONEST, TRUTH, 0);
        late = bound(late, 0, WINDOW - 1);
        wait(late);
        bytes32 two = enter(LIAR, LIE, 3);
        MatchKey memory key = MatchKey(outer(), one, two);
        vm.assertEq(entrant(key, two).allowance, WINDOW - late);
        uint256 with = WINDOW - late + GRACE;
        Match memory m = matchOf(key);
        vm.assertEq(m.allowanceTwo, with < WINDOW ? with : WINDOW);
        // Waiting for an opponent takes no time, and grace does not go beyond the window.
        vm.assertEq(m.allowanceOne, WINDOW);
        vm.assertEq(m.since, block.timestamp);
        vm.assertFalse(m.turnTwo);
    }

    // ---- each second belongs to one side

    function test_theSecondInWhichAClockEnds() public {
        MatchKey memory key = contest(41);
        bytes memory move = nextAdvance(key);
        bytes memory end = abi.encodeCall(Matches.timeout, (key));
        wait(WINDOW - 1);
        vm.assertTrue(possible(move, 0));
        vm.assertFalse(possible(end, 0));
        wait(1);
        vm.assertFalse(possible(move, 0));
        vm.assertTrue(possible(end, 0));
    }

    function nextAdvance(MatchKey memory key) private view returns (bytes memory) {
        Match memory m = matchOf(key);
        bytes32[] memory mine = traces[key.one];
        bytes32[4] memory node;
        uint256 h = m.height - 1;
        (node[0], node[1]) = (Trees.traceNode(mine, h, 0), Trees.traceNode(mine, h, 1));
        uint256 child = node[0] == m.left ? 1 : 0;
        node[2] = Trees.traceNode(mine, h - 1, 2 * child);
        node[3] = Trees.traceNode(mine, h - 1, 2 * child + 1);
        return abi.encodeCall(Matches.advance, (key, node[0], node[1], node[2], node[3]));
    }

    function test_theSecondInWhichASealedLeafEnds() public {
        (, bytes32 inner) = openInner(41);
        MatchKey memory key = contestRun(inner, 5);
        Sealing memory s = openLeaf(key);
        verifier.script(s.agreed, matchOf(key).left);
        bytes memory move = abi.encodeCall(Matches.step, (key, program, ""));
        bytes memory end = abi.encodeCall(Matches.timeout, (key));
        wait(WINDOW - 1);
        vm.assertTrue(possible(move, 0));
        vm.assertFalse(possible(end, 0));
        wait(1);
        assertWaits(key, Waits.BothExpired);
        vm.assertFalse(possible(move, 0));
        vm.assertTrue(possible(end, 0));
    }

    function test_theSecondInWhichAWindowEnds() public {
        enter(HONEST, TRUTH, 0);
        Checkpoint memory end = finalState(1, LIE);
        (bytes32 commitment, bytes32[] memory proof) = Trees.traceProof(traceFrom(LIE, 3), 6, 63);
        bytes memory join_ = abi.encodeCall(Tournament.join, (CHAIN, 1, commitment, end, proof));
        bytes memory settle = abi.encodeCall(Tournament.settle, (CHAIN));
        wait(WINDOW - 1);
        vm.assertTrue(possible(join_, BOND));
        vm.assertFalse(possible(settle, 0));
        wait(1);
        vm.assertFalse(possible(join_, BOND));
        vm.assertTrue(possible(settle, 0));
    }

    function test_theSecondInWhichAnInnerWindowEnds() public {
        (MatchKey memory key, bytes32 inner) = openInner(41);
        enterRun(HONEST, inner, dispute(inner).leafOne, TRUTH, 0);
        bytes memory end = halted(dispute(inner).leafTwo, "late");
        (bytes32 commitment, bytes32[] memory proof) =
            Trees.traceProof(oneLeaf(keccak256(end)), 3, 7);
        bytes memory join_ = abi.encodeCall(Tournament.joinInner, (inner, commitment, end, proof));
        bytes memory resolve = abi.encodeCall(Matches.resolveInner, (key));
        wait(WINDOW - 1);
        vm.assertTrue(possible(join_, BOND));
        vm.assertFalse(possible(resolve, 0));
        wait(1);
        vm.assertFalse(possible(join_, BOND));
        vm.assertTrue(possible(resolve, 0));
    }

    // ---- a sealed leaf

    /// @dev The proof counts until the later of the two expiries, also for the side whose own has passed.
    function testFuzz_bothTickInASealedLeaf(uint256 late, uint256 duration) public {
        (, bytes32 inner) = openInner(41);
        late = bound(late, 0, WINDOW - 1);
        bytes32 two = enterRun(LIAR, inner, dispute(inner).leafTwo, LIE, 5);
        wait(late);
        bytes32 one = two;
        two = enterRun(HONEST, inner, dispute(inner).leafOne, TRUTH, 0);
        MatchKey memory key = MatchKey(inner, one, two);
        Sealing memory s = openLeaf(key);
        Match memory m = matchOf(key);
        vm.assertEq(m.allowanceOne, WINDOW);
        vm.assertEq(uint256(m.stage), uint256(Stage.Leaf));
        verifier.script(s.agreed, m.right);
        duration = bound(duration, 0, WINDOW + 1);
        wait(duration);
        if (duration < WINDOW) {
            tournament.step(key, program, "");
            uint256 left = m.allowanceTwo > duration ? m.allowanceTwo - duration : 0;
            vm.assertEq(entrant(key, two).allowance, left);
            vm.assertEq(standing(key, two), uint256(Standing.Dangling));
        } else {
            vm.expectPartialRevert(Matches.NotWaiting.selector);
            tournament.step(key, program, "");
            tournament.timeout(key);
            vm.assertEq(standing(key, one), uint256(Standing.Out));
            vm.assertEq(standing(key, two), uint256(Standing.Out));
        }
    }

    // ---- delay

    /// @dev `T * (1 + ceil(log2(1 + N)))` for N silent claims, however late they come.
    function test_overtimeThatFreezesATournament() public {
        for (uint256 liars = 1; liars <= 7; ++liars) {
            uint256 before = vm.snapshotState();
            silentLiars(liars);
            vm.revertToState(before);
        }
    }

    MatchKey[] private live;

    function silentLiars(uint256 liars) private {
        uint256 opened = block.timestamp;
        delete live;
        join(LIAR, "liar 0");
        wait(WINDOW - 1);
        for (uint256 i = 1; i < liars; ++i) {
            join(LIAR, bytes32(i));
        }
        bytes32 honest = join(HONEST, TRUTH);
        wait(1);
        // The honest one moves whenever it is on turn; all others are silent.
        while (live.length != 0) {
            for (uint256 i = 0; i < live.length; ++i) {
                MatchKey memory key = live[i];
                bool turnOne = !matchOf(key).turnTwo;
                if ((turnOne ? key.one : key.two) == honest) advance(key);
            }
            wait(1);
            for (uint256 i = live.length; i > 0; --i) {
                MatchKey memory key = live[i - 1];
                if (waitsOf(key) != uint256(Waits.Expired)) continue;
                live[i - 1] = live[live.length - 1];
                live.pop();
                bytes32 waiting = dispute(outer()).dangling;
                tournament.timeout(key);
                bytes32 winner = standing(key, key.one) == uint256(Standing.Out) ? key.two : key.one;
                if (waiting != 0) live.push(MatchKey(outer(), waiting, winner));
            }
        }
        uint256 rounds = 0;
        while ((1 << rounds) < 1 + liars) {
            ++rounds;
        }
        vm.assertLe(block.timestamp - opened, WINDOW * (1 + rounds));
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
        checkBooks();
    }

    function join(address who, bytes32 salt) private returns (bytes32 commitment) {
        bytes32 waiting = dispute(outer()).dangling;
        commitment = enter(who, salt, 0);
        if (waiting != 0) live.push(MatchKey(outer(), waiting, commitment));
    }

    /// @dev A claim that waits is not beaten by whoever comes last: the newcomer has to play, with little time.
    function test_lastSecondWins() public {
        MatchKey memory key = MatchKey(outer(), enter(HONEST, TRUTH, 0), 0);
        wait(WINDOW - 1);
        key.two = enter(LIAR, LIE, 3);
        wait(1);
        vm.expectRevert(abi.encodeWithSelector(Pairings.MatchesLeft.selector, outer(), 1));
        tournament.settle(CHAIN);
        advance(key);
        wait(GRACE);
        vm.expectPartialRevert(Matches.ClockRunning.selector);
        tournament.timeout(key);
        wait(1);
        tournament.timeout(key);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, TRUTH);
    }
}
