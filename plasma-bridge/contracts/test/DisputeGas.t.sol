// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { MatchKey } from "../src/Disputes.sol";
import { Hashing } from "../src/Hashing.sol";
import { Sealing } from "./support/Duels.sol";
import { MachineDuels } from "./support/MachineDuels.sol";
import { TinyProgram } from "./support/TinyProgram.sol";
import { Trees } from "./support/Trees.sol";
import { vm } from "./support/Vm.sol";

/// @notice Gas of each move of a dispute at the real heights, as whole transactions.
contract DisputeGasTest is MachineDuels {
    uint256 private worst;
    uint256 private total;
    uint256 private moves;

    function snapshot(string memory name) private {
        vm.snapshotGasLastCall("Gas", name);
    }

    function halveMeasured(MatchKey memory key, bytes32[] memory one, bytes32[] memory two)
        private
    {
        while (matchOf(key).height > 1) {
            advance(key, matchOf(key).turnTwo ? two : one);
            uint256 gas = vm.lastCallGas().gasTotalUsed;
            total += gas;
            moves += 1;
            if (gas > worst) worst = gas;
        }
    }

    /// @dev Runs that part at each step of the program, so that each kind of step is measured.
    function playMeasured(uint256 from, string memory name) private {
        bytes32[] memory truths = oneLeaf(truth);
        bytes32[] memory lies = oneLeaf(lie);
        MatchKey memory outer = openRunMeasured(truths, lies);
        bytes32[] memory right = run(0, 1, 8, type(uint256).max);
        bytes32[] memory wrong = run(0, 1, 8, from);
        MatchKey memory key = MatchKey(innerOf(outer), 0, 0);
        key.one = claimRun(HONEST, key.tournament, right, state(8, type(uint256).max));
        snapshot("joinInner, first");
        key.two = claimRun(LIAR, key.tournament, wrong, state(8, from));
        snapshot("joinInner, with a match");
        halveMeasured(key, right, wrong);
        Sealing memory s = sealing(key, right, wrong);
        sealLeaf(key, s);
        if (from > 1) snapshot("sealLeaf");
        tournament.step(key, program, TinyProgram.proof(state(from - 1, from), from - 1, truth));
        snapshot(name);
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(outer);
        snapshot("resolveInner");
        tournament.settle(CHAIN);
    }

    function openRunMeasured(bytes32[] memory truths, bytes32[] memory lies)
        private
        returns (MatchKey memory key)
    {
        key.tournament = innerless();
        key.one = claim(LIAR, 1, lies, finalState(1, "lie"));
        snapshot("join, a chain's first");
        key.two = claim(HONEST, 1, truths, finalState(1, "truth"));
        snapshot("join, with a match");
        halveMeasured(key, lies, truths);
        Sealing memory s = sealing(key, lies, truths);
        sealInner(key, s, registration(CHAIN).genesis, program);
        snapshot("sealInner");
    }

    function innerless() private view returns (bytes32 id) {
        (, id,) = tournament.current(CHAIN);
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_moves() public {
        string[4] memory names = ["step, addi", "step, COMMIT", "step, the next addi", "step, HALT"];
        for (uint256 from = 1; from <= 4; ++from) {
            uint256 before = vm.snapshotState();
            playMeasured(from, names[from - 1]);
            uint256[3] memory sums = [worst, total, moves];
            vm.revertToState(before);
            (worst, total, moves) = (sums[0], sums[1], sums[2]);
        }
        vm.snapshotValue("Gas", "advance, mean", total / moves);
        vm.snapshotValue("Gas", "advance, worst", worst);
        vm.assertLe(worst, 65_000);
        // A match has one level's halvings, the last of which seals.
        vm.assertEq(moves, 4 * (23 + 27));
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_ends() public {
        (MatchKey memory outer,) = openRun();
        vm.warp(block.timestamp + WINDOW);
        tournament.resolveInner(outer);
        snapshot("resolveInner, both out");
        tournament.restart(CHAIN);
        snapshot("restart");
        MatchKey memory key = MatchKey(innerless(), 0, 0);
        key.one = claim(HONEST, 1, oneLeaf(truth), finalState(1, "truth"));
        key.two = claim(LIAR, 1, oneLeaf(lie), finalState(1, "lie"));
        claim(LIAR, 1, traceOf("third"), finalState(1, "third"));
        advance(key, oneLeaf(truth));
        vm.warp(block.timestamp + WINDOW);
        tournament.timeout(key);
        snapshot("timeout, and the winner's next match");
        key.two = key.one;
        (key.one,) = commitment("third");
        vm.warp(block.timestamp + WINDOW);
        tournament.timeout(key);
        snapshot("timeout");
    }

    function traceOf(bytes32 end) private pure returns (bytes32[] memory) {
        return oneLeaf(Hashing.checkpoint(finalState(1, end)));
    }

    function commitment(bytes32 end) private pure returns (bytes32, bytes32[] memory) {
        return Trees.traceProof(traceOf(end), 24, 0);
    }
}
