// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Disputes, Match, MatchKey } from "../../src/Disputes.sol";
import { Hashing } from "../../src/Hashing.sol";
import { Machine, Program } from "../../src/Machine.sol";
import { Checkpoint } from "../../src/Types.sol";
import { Duels, Sealing } from "./Duels.sol";
import { vm } from "./Vm.sol";

/// @notice Small disputes over a chain's first entry, whose machine does what the test says. The leaves of all claims
/// are kept, so that a match can be played by its key alone.
abstract contract ScriptedDuels is Duels {
    bytes32 internal constant TRUTH = "truth";
    bytes32 internal constant LIE = "lie";

    Program internal program = Program("rom", 4096, "memory", 4096);
    mapping(bytes32 commitment => bytes32[]) internal traces;

    function programHash() internal view virtual override returns (bytes32) {
        return Machine.identity(program);
    }

    function heights() internal pure virtual override returns (uint8[] memory levels) {
        levels = new uint8[](2);
        (levels[0], levels[1]) = (2, 3);
    }

    function setUp() public virtual override {
        super.setUp();
        vm.deal(HONEST, 1000 ether);
        vm.deal(LIAR, 1000 ether);
        appendNext(CHAIN);
    }

    // ---- claims

    /// @notice The checkpoint inside the entry that leaf `i` of a trace stands for.
    function checkpointAt(bytes32 salt, uint256 i) internal pure returns (Checkpoint memory c) {
        c = finalState(0, salt);
        c.stepsRoot = "steps";
        c.stepsCount = type(uint32).max;
        c.nextStep = uint32(i);
    }

    /// @notice The true leaves up to `from`, and then others.
    function traceFrom(bytes32 salt, uint256 from) internal view returns (bytes32[] memory leaves) {
        uint256 last = (1 << tournament.heightOf(0)) - 1;
        leaves = new bytes32[](last + 1);
        for (uint256 i = 0; i < last; ++i) {
            leaves[i] = Hashing.checkpoint(checkpointAt(i < from ? TRUTH : salt, i));
        }
        leaves[last] = Hashing.checkpoint(finalState(1, salt));
    }

    function enter(address who, bytes32 salt, uint256 from) internal returns (bytes32 commitment) {
        return enterLeaves(who, traceFrom(salt, from), finalState(1, salt));
    }

    function enterLeaves(address who, bytes32[] memory leaves, Checkpoint memory end)
        internal
        returns (bytes32 commitment)
    {
        commitment = claim(who, 1, leaves, end);
        traces[commitment] = leaves;
    }

    /// @notice The honest claim waits, the liar comes; they differ from leaf `from` on.
    function contest(uint256 from) internal returns (MatchKey memory key) {
        key.tournament = outer();
        key.one = enter(HONEST, TRUTH, 0);
        key.two = enter(LIAR, LIE, from);
    }

    function outer() internal view virtual returns (bytes32) {
        return Disputes.outerId(CHAIN, 0);
    }

    /// @notice A run that ends well with `output`; it parts at `from` from all that begin as it does.
    function enterRun(address who, bytes32 inner, bytes32 output, bytes32 salt, uint256 from)
        internal
        returns (bytes32 commitment)
    {
        bytes memory end = halted(output, bytes8(salt));
        bytes32[] memory leaves = new bytes32[](1 << heightOf(inner));
        for (uint256 i = 0; i + 1 < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(inner, i < from ? TRUTH : salt, i));
        }
        leaves[leaves.length - 1] = keccak256(end);
        commitment = claimRun(who, inner, leaves, end);
        traces[commitment] = leaves;
    }

    // ---- moves

    function halve(MatchKey memory key) internal {
        halve(key, traces[key.one], traces[key.two]);
    }

    /// @notice The next move of the side on turn, above the leaves.
    function advance(MatchKey memory key) internal {
        advance(key, traces[matchOf(key).turnTwo ? key.two : key.one]);
    }

    function sealing(MatchKey memory key) internal view returns (Sealing memory) {
        return sealing(key, traces[key.one], traces[key.two]);
    }

    function agreedAt(uint256 position) internal view returns (Checkpoint memory) {
        return position == 0 ? registration(CHAIN).genesis : checkpointAt(TRUTH, position - 1);
    }

    /// @notice Halves an outer match to one leaf and opens the dispute about it.
    function open(MatchKey memory key) internal returns (bytes32 inner) {
        halve(key);
        Sealing memory s = sealing(key);
        sealInner(key, s, agreedAt(s.position), program);
        return innerOf(key);
    }

    function openInner(uint256 from) internal returns (MatchKey memory key, bytes32 inner) {
        key = contest(from);
        inner = open(key);
    }

    /// @notice An honest and a false run, which part at step `from`.
    function contestRun(bytes32 inner, uint256 from) internal returns (MatchKey memory key) {
        key.tournament = inner;
        key.one = enterRun(HONEST, inner, dispute(inner).leafOne, TRUTH, 0);
        key.two = enterRun(LIAR, inner, dispute(inner).leafTwo, LIE, from);
    }

    /// @notice Halves a run to one step.
    function openLeaf(MatchKey memory key) internal returns (Sealing memory s) {
        halve(key);
        s = sealing(key);
        sealLeaf(key, s);
    }

    /// @notice The machine says what side one says.
    function winRun(MatchKey memory key) internal {
        Sealing memory s = openLeaf(key);
        Match memory m = matchOf(key);
        verifier.script(s.agreed, m.left);
        tournament.step(key, program, "");
    }
}
