// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Bonds } from "../src/Bonds.sol";
import { ChainRegistry } from "../src/ChainRegistry.sol";
import { Hashing } from "../src/Hashing.sol";
import { Dispute, Disputes } from "../src/Disputes.sol";
import { Pairings } from "../src/Pairings.sol";
import { Round, Settlement, Tournament } from "../src/Tournament.sol";
import { Checkpoint } from "../src/Types.sol";
import { Fixture } from "./support/Fixture.sol";
import { Trees } from "./support/Trees.sol";
import { bound, vm } from "./support/Vm.sol";

/// @notice Claims, and cannot be paid.
contract Unpayable {
    function join(
        Tournament tournament,
        uint64 chainId,
        uint64 entries,
        bytes32 commitment,
        Checkpoint calldata c,
        bytes32[] calldata proof
    ) external payable {
        tournament.join{ value: msg.value }(chainId, entries, commitment, c, proof);
    }

    function withdraw(Tournament tournament, address payable to) external {
        tournament.withdraw(to);
    }
}

contract TournamentTest is Fixture {
    bytes32 private constant OUTBOX = keccak256("outbox");

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 1000 ether);
        appendNext(CHAIN);
        appendNext(CHAIN);
    }

    function attempt(uint64 entries, Checkpoint memory c, uint256 value, bytes memory reason)
        private
    {
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, 0);
        vm.expectRevert(reason);
        tournament.join{ value: value }(CHAIN, entries, commitment, c, proof);
    }

    function settle(bytes memory reason) private {
        vm.expectRevert(reason);
        tournament.settle(CHAIN);
    }

    function assertClaims(uint256 expected) private view {
        (,, Dispute memory dispute) = tournament.current(CHAIN);
        vm.assertEq(dispute.claims, expected);
    }

    // ---- the undisputed claim

    function test_claimSettles() public {
        Settlement memory s = tournament.settled(CHAIN);
        vm.assertEq(s.checkpointHash, registry.genesisCheckpoint(CHAIN));
        vm.assertEq(s.settledAt, 0);
        assertClaims(0);
        settle(abi.encodeWithSelector(Tournament.NoClaim.selector, CHAIN));

        Checkpoint memory c = finalState(2, OUTBOX);
        (bytes32 commitment,) = traceTo(c, 0);
        vm.expectEmit(true, true, true, true, address(tournament));
        emit Tournament.Joined(
            CHAIN, 0, commitment, address(this), 0, 2, uint64(START) + WINDOW, BOND, c
        );
        join(CHAIN, OUTBOX, 0);
        assertClaims(1);
        (Round memory round, bytes32 id, Dispute memory dispute) = tournament.current(CHAIN);
        vm.assertEq(round.first, commitment);
        vm.assertEq(round.entries, 2);
        vm.assertEq(dispute.openedAt + dispute.window, START + WINDOW);
        vm.assertEq(dispute.bond, BOND);
        vm.assertEq(dispute.dangling, commitment);
        vm.assertEq(dispute.start, registry.genesisCheckpoint(CHAIN));
        vm.assertEq(tournament.entrantOf(id, commitment).claimant, address(this));
        Checkpoint memory claimed = tournament.claimedState(id, commitment);
        vm.assertEq(Hashing.checkpoint(claimed), Hashing.checkpoint(c));

        // The boundary second settles, and not one before.
        vm.warp(START + WINDOW - 1);
        bytes4 open = Pairings.WindowOpen.selector;
        settle(abi.encodeWithSelector(open, START + WINDOW, START + WINDOW - 1));
        vm.assertFalse(tournament.isSettledOutbox(CHAIN, OUTBOX));
        vm.warp(START + WINDOW);
        assertClaims(1);
        vm.expectEmit(true, true, true, true, address(tournament));
        emit Tournament.Settled(CHAIN, 0, Hashing.checkpoint(c), 2, c, commitment, address(this));
        vm.prank(address(0xBEEF));
        tournament.settle(CHAIN);

        s = tournament.settled(CHAIN);
        vm.assertEq(s.checkpointHash, Hashing.checkpoint(c));
        vm.assertEq(s.outboxRoot, OUTBOX);
        vm.assertEq(s.entries, 2);
        vm.assertEq(s.height, 20);
        vm.assertEq(s.settledAt, START + WINDOW);
        vm.assertTrue(tournament.isSettledOutbox(CHAIN, OUTBOX));
        vm.assertFalse(tournament.isSettledOutbox(CHAIN + 1, OUTBOX));
        assertClaims(0);
        settle(abi.encodeWithSelector(Tournament.NoClaim.selector, CHAIN));
        // The next round knows nothing of this one's claims.
        (,, dispute) = tournament.current(CHAIN);
        vm.assertEq(dispute.openedAt, 0);
    }

    function test_roundsFollowEachOther() public {
        join(CHAIN, OUTBOX, 0);
        vm.warp(START + WINDOW);
        tournament.settle(CHAIN);
        // Idle costs nothing: without a new entry there is nothing to claim.
        bytes4 range = Tournament.EntriesOutOfRange.selector;
        attempt(2, finalState(2, OUTBOX), BOND, abi.encodeWithSelector(range, 2, 2, 2));
        attempt(1, finalState(1, OUTBOX), BOND, abi.encodeWithSelector(range, 2, 2, 1));
        appendNext(CHAIN);
        join(CHAIN, "outbox 2", 0);
        (Round memory round,,) = tournament.current(CHAIN);
        vm.assertEq(round.number, 1);
        vm.assertEq(round.from, 2);
        vm.assertEq(round.entries, 3);
        vm.warp(START + 2 * WINDOW);
        tournament.settle(CHAIN);
        // An older outbox root stays good for withdrawals.
        vm.assertTrue(tournament.isSettledOutbox(CHAIN, OUTBOX));
        vm.assertTrue(tournament.isSettledOutbox(CHAIN, "outbox 2"));
        vm.assertEq(tournament.settled(CHAIN).outboxRoot, "outbox 2");
        vm.assertEq(tournament.credit(address(this)), 2 * BOND);
    }

    // ---- refused claims

    function test_refusedClaims() public {
        Checkpoint memory c = finalState(2, OUTBOX);
        attempt(
            2, c, BOND - 1, abi.encodeWithSelector(Tournament.WrongBond.selector, BOND, BOND - 1)
        );
        attempt(
            2, c, BOND + 1, abi.encodeWithSelector(Tournament.WrongBond.selector, BOND, BOND + 1)
        );
        bytes4 range = Tournament.EntriesOutOfRange.selector;
        attempt(0, finalState(0, 0), BOND, abi.encodeWithSelector(range, 0, 2, 0));
        attempt(3, finalState(3, 0), BOND, abi.encodeWithSelector(range, 0, 2, 3));
        bytes4 unfinished = Tournament.UnfinishedCheckpoint.selector;
        attempt(2, finalState(1, 0), BOND, abi.encodeWithSelector(unfinished, 1, 0, 0, 0));
        c.stepsRoot = "steps";
        attempt(2, c, BOND, abi.encodeWithSelector(unfinished, 2, bytes32("steps"), 0, 0));
        c.stepsRoot = 0;
        c.stepsCount = 1;
        attempt(2, c, BOND, abi.encodeWithSelector(unfinished, 2, 0, 1, 0));
        c.stepsCount = 0;
        c.nextStep = 1;
        attempt(2, c, BOND, abi.encodeWithSelector(unfinished, 2, 0, 0, 1));

        c = finalState(2, OUTBOX);
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, 0);
        vm.expectRevert(abi.encodeWithSelector(ChainRegistry.UnknownChain.selector, 777));
        tournament.join{ value: BOND }(777, 2, commitment, c, proof);
        assertClaims(0);
        vm.assertEq(address(tournament).balance, 0);
    }

    function testFuzz_finalStateIsBoundToTheTrace(uint256 level, bytes32 salt, bool state) public {
        Checkpoint memory c = finalState(2, OUTBOX);
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, salt);
        if (state) {
            c.stateRoot = keccak256(abi.encode(salt));
        } else {
            level = bound(level, 0, 23);
            proof[level] = ~proof[level];
        }
        vm.expectPartialRevert(Tournament.WrongTraceProof.selector);
        tournament.join{ value: BOND }(CHAIN, 2, commitment, c, proof);
    }

    /// @dev Only the last leaf will do: the state of another one, proven as such, is refused.
    function test_otherLeafOfTheTrace() public {
        bytes32[] memory leaves = new bytes32[](2);
        Checkpoint memory c = finalState(2, OUTBOX);
        leaves[0] = Hashing.checkpoint(c);
        leaves[1] = "another end";
        (bytes32 commitment, bytes32[] memory proof) = Trees.trace(leaves);
        vm.expectPartialRevert(Tournament.WrongTraceProof.selector);
        tournament.join{ value: BOND }(CHAIN, 2, commitment, c, proof);
    }

    function test_sameClaimTwice() public {
        bytes32 commitment = join(CHAIN, OUTBOX, 0);
        vm.deal(address(0xBEEF), BOND);
        Checkpoint memory c = finalState(2, OUTBOX);
        (, bytes32[] memory proof) = traceTo(c, 0);
        vm.prank(address(0xBEEF));
        bytes4 already = Tournament.AlreadyClaimed.selector;
        vm.expectRevert(
            abi.encodeWithSelector(already, Disputes.outerId(CHAIN, 0), commitment, address(this))
        );
        tournament.join{ value: BOND }(CHAIN, 2, commitment, c, proof);
        assertClaims(1);
    }

    // ---- contested

    function test_contestedDoesNotSettle() public {
        join(CHAIN, OUTBOX, 0);
        vm.warp(START + WINDOW - 1);
        Checkpoint memory c = finalState(2, "a lie");
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, 0);
        vm.expectEmit(true, true, true, true, address(tournament));
        emit Tournament.Contested(CHAIN, 0, commitment, 2);
        tournament.join{ value: BOND }(CHAIN, 2, commitment, c, proof);
        assertClaims(2);
        // The same end over another trace contests as well, and waits for an opponent.
        bytes32 frenemy = join(CHAIN, OUTBOX, "frenemy");
        assertClaims(3);
        vm.warp(START + WINDOW);
        bytes32 id = Disputes.outerId(CHAIN, 0);
        settle(abi.encodeWithSelector(Pairings.MatchesLeft.selector, id, 1));
        (,, Dispute memory dispute) = tournament.current(CHAIN);
        vm.assertEq(dispute.dangling, frenemy);
        vm.assertEq(address(tournament).balance, 3 * BOND);
        vm.assertEq(tournament.credit(address(this)), 0);
    }

    function test_windowCloses() public {
        join(CHAIN, OUTBOX, 0);
        vm.warp(START + WINDOW);
        bytes4 closed = Tournament.WindowClosed.selector;
        attempt(
            2,
            finalState(2, "late"),
            BOND,
            abi.encodeWithSelector(closed, START + WINDOW, START + WINDOW)
        );
    }

    function test_allClaimsCoverTheSameEntries() public {
        join(CHAIN, OUTBOX, 0);
        appendNext(CHAIN);
        bytes4 wrong = Tournament.WrongEntries.selector;
        attempt(3, finalState(3, OUTBOX), BOND, abi.encodeWithSelector(wrong, 2, 3));
    }

    function test_claimEndsWhereTheNextVersionBegins() public {
        vm.prank(OWNER);
        registry.scheduleUpgrade(CHAIN, "p", keccak256(abi.encode(seats)));
        vm.warp(START + EXIT);
        registry.startUpgrade(CHAIN);
        inbox.sendTransaction(CHAIN, "tx");
        vm.warp(block.timestamp + DELAY + 1);
        inbox.force(CHAIN);
        bytes4 range = Tournament.EntriesOutOfRange.selector;
        attempt(3, finalState(3, OUTBOX), BOND, abi.encodeWithSelector(range, 0, 2, 3));
        Checkpoint memory c = finalState(2, OUTBOX);
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, 0);
        tournament.join{ value: BOND }(CHAIN, 2, commitment, c, proof);
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        join(CHAIN, "after the upgrade", 0);
    }

    // ---- bonds

    function test_bondIsPulled() public {
        join(CHAIN, OUTBOX, 0);
        vm.expectRevert(abi.encodeWithSelector(Bonds.NothingToWithdraw.selector, address(this)));
        tournament.withdraw(payable(address(this)));
        vm.warp(START + WINDOW);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.credit(address(this)), BOND);
        tournament.withdraw(payable(address(0xBEEF)));
        vm.assertEq(address(0xBEEF).balance, BOND);
        vm.assertEq(address(tournament).balance, 0);
        vm.expectRevert(abi.encodeWithSelector(Bonds.NothingToWithdraw.selector, address(this)));
        tournament.withdraw(payable(address(this)));
    }

    function test_unpayableClaimantBlocksNobody() public {
        Unpayable claimant = new Unpayable();
        Checkpoint memory c = finalState(2, OUTBOX);
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, 0);
        claimant.join{ value: BOND }(tournament, CHAIN, 2, commitment, c, proof);
        vm.warp(START + WINDOW);
        tournament.settle(CHAIN);
        bytes4 failed = Bonds.PaymentFailed.selector;
        vm.expectRevert(abi.encodeWithSelector(failed, address(claimant), BOND));
        claimant.withdraw(tournament, payable(address(claimant)));
        claimant.withdraw(tournament, payable(address(0xBEEF)));
        vm.assertEq(address(0xBEEF).balance, BOND);
    }
}
