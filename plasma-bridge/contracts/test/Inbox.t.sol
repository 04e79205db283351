// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier } from "../src/CertificateVerifier.sol";
import { ChainRegistry } from "../src/ChainRegistry.sol";
import { Hashing } from "../src/Hashing.sol";
import { Inbox } from "../src/Inbox.sol";
import { BatchHeader, BlockHeader, Certificate, InboxMessage } from "../src/Types.sol";
import { Fixture } from "./support/Fixture.sol";
import { bound, vm } from "./support/Vm.sol";

contract InboxTest is Fixture {
    function submit(BatchHeader memory b, BlockHeader memory h, bytes memory reason) private {
        Certificate memory c = certify(h, 7);
        vm.expectRevert(reason);
        inbox.append(b, h, seats, c);
    }

    function refuse(BatchHeader memory b, bytes memory reason) private {
        submit(b, sealOf(b), reason);
    }

    function send(bytes memory data) private returns (uint64) {
        return inbox.sendTransaction(CHAIN, data);
    }

    function assertCounts(uint64 entries, uint64 enqueued, uint64 consumed) private view {
        (uint64 e, uint64 q, uint64 c) = inbox.counts(CHAIN);
        vm.assertEq(e, entries);
        vm.assertEq(q, enqueued);
        vm.assertEq(c, consumed);
    }

    // ---- batches

    function test_appendChainsEntries() public {
        send("tx");
        bytes32 acc = inbox.messageAcc(CHAIN, 1);
        BatchHeader memory b = nextBatch(CHAIN, 1);
        bytes32 hash0 = Hashing.entry(0, 0, Hashing.batch(b), 1, acc, uint64(START));
        vm.expectEmit(true, true, true, true, address(inbox));
        emit Inbox.BatchAppended(CHAIN, 0, Hashing.batch(b), b, hash0, uint64(START));
        append(b);
        vm.assertEq(inbox.entryHash(CHAIN, 0), 0);
        vm.assertEq(inbox.entryHash(CHAIN, 1), hash0);
        assertCounts(1, 1, 1);

        vm.warp(START + 5);
        b = nextBatch(CHAIN, 1);
        append(b);
        bytes32 hash1 = Hashing.entry(hash0, 0, Hashing.batch(b), 1, acc, uint64(START + 5));
        vm.assertEq(inbox.entryHash(CHAIN, 2), hash1);
        assertCounts(2, 1, 1);
    }

    function test_refusedBatches() public {
        append(nextBatch(CHAIN, 0));
        send("tx");
        bytes4 stale = Inbox.StaleBatch.selector;
        BatchHeader memory b = nextBatch(CHAIN, 0);
        b.entry = 0;
        refuse(b, abi.encodeWithSelector(stale, 1, 0));
        b.entry = 2;
        refuse(b, abi.encodeWithSelector(stale, 1, 2));
        b = nextBatch(CHAIN, 2);
        refuse(b, abi.encodeWithSelector(Inbox.MessagesOutOfRange.selector, 0, 1, 2));
        b = nextBatch(CHAIN, 0);
        b.firstHeight = b.lastHeight + 1;
        refuse(
            b,
            abi.encodeWithSelector(Inbox.EmptyBatch.selector, b.firstHeight, b.lastHeight, b.length)
        );
        b = nextBatch(CHAIN, 0);
        b.length = 0;
        refuse(b, abi.encodeWithSelector(Inbox.EmptyBatch.selector, b.firstHeight, b.lastHeight, 0));
        b = nextBatch(CHAIN, 0);
        b.scheme = 2;
        refuse(b, abi.encodeWithSelector(Inbox.UnknownScheme.selector, 2));
        // Messages that were consumed stay consumed.
        append(nextBatch(CHAIN, 1));
        b = nextBatch(CHAIN, 0);
        refuse(b, abi.encodeWithSelector(Inbox.MessagesOutOfRange.selector, 1, 1, 0));
        b = nextBatch(777, 0);
        refuse(b, abi.encodeWithSelector(ChainRegistry.UnknownChain.selector, 777));
    }

    function test_refusedSeals() public {
        BatchHeader memory b = nextBatch(CHAIN, 0);
        BlockHeader memory h = sealOf(b);
        h.chainId = 5;
        submit(b, h, abi.encodeWithSelector(Inbox.WrongChain.selector, CHAIN, 5));
        h = sealOf(b);
        h.seal = 0;
        submit(b, h, abi.encodeWithSelector(Inbox.NotSealed.selector, Hashing.batch(b), 0));
        h = sealOf(b);
        // The last block of the batch cannot seal it, nor one before.
        bytes4 misplaced = Inbox.SealMisplaced.selector;
        for (uint64 back = 1; back <= 2; ++back) {
            h = sealOf(b);
            h.height -= back;
            submit(b, h, abi.encodeWithSelector(misplaced, b.lastHeight, h.height));
        }
        // The largest height has no block after it to seal it.
        b.firstHeight = type(uint64).max;
        b.lastHeight = type(uint64).max;
        h = sealOf(nextBatch(CHAIN, 0));
        h.seal = Hashing.batch(b);
        h.height = 0;
        submit(b, h, abi.encodeWithSelector(misplaced, b.lastHeight, 0));
    }

    /// Blocks are ordered while a batch is published, so a later one than the next may seal it.
    function test_aLaterBlockSeals() public {
        BatchHeader memory b = nextBatch(CHAIN, 0);
        BlockHeader memory h = sealOf(b);
        h.height += 7;
        h.parent = "a block in between";
        inbox.append(b, h, seats, certify(h, 7));
        assert(inbox.entryCount(CHAIN) == 1);
    }

    function test_certificateIsForTheSeal() public {
        BatchHeader memory b = nextBatch(CHAIN, 0);
        BlockHeader memory h = sealOf(b);
        for (uint256 i = 0; i < 3; ++i) {
            Certificate memory c = certify(h, 7);
            if (i == 0) c.blockHash = "another";
            if (i == 1) c.epoch += 1;
            if (i == 2) c.height += 1;
            vm.expectRevert(
                abi.encodeWithSelector(
                    Inbox.WrongCertificate.selector,
                    Hashing.header(h),
                    c.blockHash,
                    c.epoch,
                    c.height
                )
            );
            inbox.append(b, h, seats, c);
        }
        Certificate memory weak = certify(h, 3);
        vm.expectRevert(
            abi.encodeWithSelector(CertificateVerifier.InsufficientWeight.selector, 60, 90)
        );
        inbox.append(b, h, seats, weak);
    }

    function test_committeeChangesWithAnUpgrade() public {
        vm.prank(OWNER);
        registry.scheduleUpgrade(CHAIN, "p", keccak256(abi.encode(seats, "new")));
        vm.warp(START + EXIT);
        registry.startUpgrade(CHAIN);
        BatchHeader memory b = nextBatch(CHAIN, 0);
        BlockHeader memory h = sealOf(b);
        Certificate memory c = certify(h, 7);
        vm.expectPartialRevert(CertificateVerifier.UnknownCommittee.selector);
        inbox.append(b, h, seats, c);
    }

    // ---- messages

    function test_messages() public {
        InboxMessage memory m;
        m.kind = 1;
        m.sender = address(this);
        m.timestamp = uint64(START);
        m.deadline = uint64(START) + DELAY;
        m.data = "tx 0";
        bytes32 acc = Hashing.accumulate(0, Hashing.message(m));
        vm.expectEmit(true, true, true, true, address(inbox));
        emit Inbox.MessageEnqueued(CHAIN, 0, m, acc);
        vm.assertEq(send("tx 0"), 0);
        vm.assertEq(inbox.messageAcc(CHAIN, 0), 0);
        vm.assertEq(inbox.messageAcc(CHAIN, 1), acc);
        vm.assertEq(inbox.messageDeadline(CHAIN, 0), START + DELAY);

        vm.warp(START + 9);
        vm.assertEq(send("tx 1"), 1);
        m.index = 1;
        m.timestamp += 9;
        m.deadline += 9;
        m.data = "tx 1";
        acc = Hashing.accumulate(acc, Hashing.message(m));
        vm.assertEq(inbox.messageAcc(CHAIN, 2), acc);
        assertCounts(0, 2, 0);
    }

    /// @dev The limit bounds what a program has to read for one entry. What is left over is late by no fault of the
    /// sequencers', so that it holds up no batch that takes all that it can.
    function test_anEntryTakesAtMost1024Messages() public {
        for (uint256 i = 0; i < 1030; ++i) {
            send("tx");
        }
        uint64 deadline = inbox.messageDeadline(CHAIN, 0);
        refuse(
            nextBatch(CHAIN, 1025),
            abi.encodeWithSelector(Inbox.MessagesOutOfRange.selector, 0, 1024, 1025)
        );
        vm.warp(deadline + 1);
        refuse(
            nextBatch(CHAIN, 1023),
            abi.encodeWithSelector(Inbox.MessageOverdue.selector, 1023, deadline)
        );
        uint256 before = vm.snapshotState();
        append(nextBatch(CHAIN, 1024));
        assertCounts(1, 1030, 1024);
        append(nextBatch(CHAIN, 1030));
        assertCounts(2, 1030, 1030);
        vm.revertToState(before);
        inbox.force(CHAIN);
        assertCounts(1, 1030, 1024);
        inbox.force(CHAIN);
        assertCounts(2, 1030, 1030);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NothingOverdue.selector, 1030, 1030, 0));
        inbox.force(CHAIN);
    }

    function test_refusedMessages() public {
        send(new bytes(3072));
        vm.expectRevert(abi.encodeWithSelector(Inbox.DataTooLong.selector, 3073, 3072));
        send(new bytes(3073));
        vm.expectRevert(Inbox.EmptyTransaction.selector);
        send("");
        vm.expectRevert(abi.encodeWithSelector(ChainRegistry.UnknownChain.selector, 777));
        inbox.sendTransaction(777, "tx");
        vm.expectRevert(
            abi.encodeWithSelector(Inbox.NotBridge.selector, address(this), address(bridge))
        );
        inbox.enqueueDeposit(CHAIN, address(1), address(2), address(0), 3, "");
    }

    function test_viewsPastTheEnd() public {
        send("tx");
        vm.expectRevert(abi.encodeWithSelector(Inbox.NoSuchMessage.selector, 2, 1));
        inbox.messageAcc(CHAIN, 2);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NoSuchMessage.selector, 1, 1));
        inbox.messageDeadline(CHAIN, 1);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NoSuchEntry.selector, 1, 0));
        inbox.entryHash(CHAIN, 1);
    }

    // ---- deadlines: the boundary second belongs to the sequencers

    function test_overdue() public {
        (bool overdue, uint64 deadline) = inbox.overdue(CHAIN);
        vm.assertFalse(overdue);
        vm.assertEq(deadline, 0);
        send("tx 0");
        vm.warp(START + 10);
        send("tx 1");

        vm.warp(START + DELAY);
        (overdue, deadline) = inbox.overdue(CHAIN);
        vm.assertFalse(overdue);
        vm.assertEq(deadline, START + DELAY);
        bytes4 nothing = Inbox.NothingOverdue.selector;
        vm.expectRevert(abi.encodeWithSelector(nothing, 0, 2, START + DELAY));
        inbox.force(CHAIN);
        append(nextBatch(CHAIN, 0));

        vm.warp(START + DELAY + 1);
        (overdue,) = inbox.overdue(CHAIN);
        vm.assertTrue(overdue);
        bytes4 late = Inbox.MessageOverdue.selector;
        refuse(nextBatch(CHAIN, 0), abi.encodeWithSelector(late, 0, START + DELAY));
        // Consuming the overdue one suffices: the other still has time.
        append(nextBatch(CHAIN, 1));
        vm.expectRevert(abi.encodeWithSelector(nothing, 1, 2, START + DELAY + 10));
        inbox.force(CHAIN);
        assertCounts(2, 2, 1);
    }

    function test_force() public {
        vm.expectRevert(abi.encodeWithSelector(Inbox.NothingOverdue.selector, 0, 0, 0));
        inbox.force(CHAIN);
        send("tx 0");
        vm.warp(START + DELAY + 1);
        send("tx 1");
        bytes32 acc = inbox.messageAcc(CHAIN, 2);
        bytes32 hash = Hashing.entry(0, 1, 0, 2, acc, uint64(block.timestamp));
        vm.expectEmit(true, true, true, true, address(inbox));
        emit Inbox.ForceAppended(CHAIN, 0, 2, hash, uint64(block.timestamp));
        vm.prank(address(0xBEEF));
        inbox.force(CHAIN);
        vm.assertEq(inbox.entryHash(CHAIN, 1), hash);
        assertCounts(1, 2, 2);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NothingOverdue.selector, 2, 2, 0));
        inbox.force(CHAIN);
        // A batch certified for the entry that was forced does not fit any more.
        BatchHeader memory b = nextBatch(CHAIN, 2);
        b.entry = 0;
        refuse(b, abi.encodeWithSelector(Inbox.StaleBatch.selector, 1, 0));
        append(nextBatch(CHAIN, 2));
    }

    function testFuzz_messageBounds(uint8 sent, uint8 first, uint8 second) public {
        sent = uint8(bound(sent, 0, 12));
        for (uint256 i = 0; i < sent; ++i) {
            send(abi.encode(i));
        }
        bytes4 range = Inbox.MessagesOutOfRange.selector;
        BatchHeader memory b = nextBatch(CHAIN, first);
        if (first > sent) {
            refuse(b, abi.encodeWithSelector(range, 0, sent, first));
            return;
        }
        append(b);
        b = nextBatch(CHAIN, second);
        if (second < first || second > sent) {
            refuse(b, abi.encodeWithSelector(range, first, sent, second));
        } else {
            append(b);
            assertCounts(2, sent, second);
        }
    }

    function test_chainsAreApart() public {
        registry.register(registration(5000));
        inbox.sendTransaction(5000, "tx");
        append(nextBatch(5000, 1));
        assertCounts(0, 0, 0);
        vm.assertEq(inbox.entryHash(CHAIN, 0), 0);
        vm.assertEq(inbox.entryCount(5000), 1);
    }
}
