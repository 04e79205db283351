// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier } from "../src/CertificateVerifier.sol";
import { ChainRegistry, Registration } from "../src/ChainRegistry.sol";
import { ChunkTree } from "../src/ChunkTree.sol";
import { Hashing } from "../src/Hashing.sol";
import { Inbox } from "../src/Inbox.sol";
import { BatchHeader, BlockHeader, Certificate } from "../src/Types.sol";
import { Fixture } from "./support/Fixture.sol";
import { bound, vm } from "./support/Vm.sol";

/// @notice The root orders: always, or while the committee is silent.
contract RootOrderTest is Fixture {
    uint64 private constant BASED = 5151;
    address private constant OTHER = address(0xBEEF);

    function setUp() public override {
        super.setUp();
        Registration memory r = registration(BASED);
        r.committee = registry.BASED();
        registry.register(r);
    }

    function send(uint64 chainId) private {
        inbox.sendTransaction(chainId, "tx");
    }

    /// @notice The next batch of a chain with bytes that it commits to, and its last block.
    function openBatch(uint64 chainId, uint64 messages, uint256 length)
        private
        view
        returns (BatchHeader memory b, BlockHeader memory last, bytes memory data)
    {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i += 97) {
            data[i] = bytes1(uint8(i));
        }
        b = nextBatch(chainId, messages);
        last.chainId = chainId;
        last.height = b.lastHeight;
        last.messages = messages;
        last.parent = "parent";
        b.lastHash = Hashing.header(last);
        b.root = this.rootOf(data);
        b.length = uint64(length);
    }

    function rootOf(bytes calldata data) external pure returns (bytes32) {
        return ChunkTree.root(data);
    }

    function appendOpen(uint64 chainId, uint64 messages) private {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(chainId, messages, 100);
        inbox.appendOpen(b, last, data);
    }

    function refuse(
        BatchHeader memory b,
        BlockHeader memory last,
        bytes memory data,
        bytes memory reason
    ) private {
        vm.expectRevert(reason);
        inbox.appendOpen(b, last, data);
    }

    function notOpen(uint64 last) private view returns (bytes memory) {
        return abi.encodeWithSelector(Inbox.NotOpen.selector, CHAIN, last, block.timestamp);
    }

    function refuseOpen(uint64 messages, bytes memory reason) private {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(CHAIN, messages, 100);
        refuse(b, last, data, reason);
    }

    function opensAfter(uint64 chainId) private view returns (uint64 second) {
        (,, second,,) = inbox.ordering(chainId);
    }

    /// @notice A block that the committee certifies outside of any batch.
    function answer(uint64 height, uint64 messages) private pure returns (BlockHeader memory h) {
        h.chainId = CHAIN;
        h.height = height;
        h.messages = messages;
    }

    // ---- a based chain

    function test_anyoneAppendsToABasedChain() public {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(BASED, 0, 5000);
        bytes32 hash = Hashing.entry(0, 0, Hashing.batch(b), 0, 0, uint64(START));
        vm.expectEmit(true, true, true, true, address(inbox));
        emit Inbox.OpenBatchAppended(BASED, 0, Hashing.batch(b), b, hash, uint64(START), data);
        vm.prank(OTHER);
        inbox.appendOpen(b, last, data);
        vm.assertEq(inbox.entryHash(BASED, 1), hash);
        (bool based,, uint64 second,, uint64 epoch) = inbox.ordering(BASED);
        assert(based && second == 0 && epoch == 0);
    }

    function test_nobodyCertifiesForABasedChain() public {
        BatchHeader memory b = nextBatch(BASED, 0);
        BlockHeader memory h = sealOf(b);
        Certificate memory c = certify(h, 7);
        bytes memory reason = abi.encodeWithSelector(ChainRegistry.RootOrders.selector, BASED);
        vm.expectRevert(reason);
        inbox.append(b, h, seats, c);
        vm.expectRevert(reason);
        registry.committee(BASED, 0);
        send(BASED);
        h = answer(1, 1);
        h.chainId = BASED;
        c = certify(h, 7);
        vm.expectRevert(reason);
        inbox.resume(h, seats, c);
    }

    /// The rules of messages are those of certified batches.
    function test_messagesOfABasedChain() public {
        send(BASED);
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(BASED, 2, 100);
        bytes4 range = Inbox.MessagesOutOfRange.selector;
        refuse(b, last, data, abi.encodeWithSelector(range, 0, 1, 2));
        vm.warp(START + DELAY + 1);
        (b, last, data) = openBatch(BASED, 0, 100);
        bytes4 late = Inbox.MessageOverdue.selector;
        refuse(b, last, data, abi.encodeWithSelector(late, 0, START + DELAY));
        appendOpen(BASED, 1);
        (,, uint64 consumed) = inbox.counts(BASED);
        vm.assertEq(consumed, 1);
        send(BASED);
        vm.warp(START + 2 * DELAY + 2);
        inbox.force(BASED);
        (,, consumed) = inbox.counts(BASED);
        vm.assertEq(consumed, 2);
    }

    function test_theSecondOfTwoIsStale() public {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(BASED, 0, 100);
        (BatchHeader memory other, BlockHeader memory end, bytes memory theirs) =
            openBatch(BASED, 0, 200);
        inbox.appendOpen(b, last, data);
        vm.prank(OTHER);
        refuse(other, end, theirs, abi.encodeWithSelector(Inbox.StaleBatch.selector, 1, 0));
        other.entry = 1;
        inbox.appendOpen(other, end, theirs);
        vm.assertEq(inbox.entryCount(BASED), 2);
    }

    function test_bytesComeWithTheBatch() public {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(BASED, 0, 8193);
        bytes4 wrong = Inbox.WrongBytes.selector;
        bytes memory other = bytes.concat(data);
        other[8192] ^= 0x01;
        bytes32 got = this.rootOf(other);
        refuse(b, last, other, abi.encodeWithSelector(wrong, b.root, got, 8193, 8193));
        refuse(b, last, "", abi.encodeWithSelector(wrong, b.root, 0, 8193, 0));
        b.length = 8192;
        refuse(b, last, data, abi.encodeWithSelector(wrong, b.root, b.root, 8192, 8193));
        b.length = 8193;
        inbox.appendOpen(b, last, data);
        uint256 most = inbox.MAX_OPEN_BYTES();
        vm.assertEq(most, 122_880);
        (b, last, data) = openBatch(BASED, 0, most + 1);
        refuse(b, last, data, abi.encodeWithSelector(Inbox.TooManyBytes.selector, most + 1, most));
        (b, last, data) = openBatch(BASED, 0, most);
        inbox.appendOpen(b, last, data);
    }

    /// An epoch beyond all that were certified would have no committee, and blocks never go back to an earlier one.
    function test_noEpochIsMadeUp() public {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
            openBatch(BASED, 0, 100);
        last.epoch = 1;
        refuse(
            b,
            last,
            data,
            abi.encodeWithSelector(Inbox.NotLastBlock.selector, b.lastHash, Hashing.header(last))
        );
        b.lastHash = Hashing.header(last);
        refuse(b, last, data, abi.encodeWithSelector(Inbox.EpochAhead.selector, 0, 1));
    }

    function test_theHighestCertifiedEpochIsTheLimit() public {
        send(CHAIN);
        BatchHeader memory b = nextBatch(CHAIN, 0);
        BlockHeader memory h = sealOf(b);
        h.epoch = 7;
        inbox.append(b, h, seats, certify(h, 7));
        append(nextBatch(CHAIN, 0)); // of epoch 0: what was seen before counts
        vm.warp(START + SILENCE + 1);
        (BatchHeader memory open, BlockHeader memory last, bytes memory data) =
            openBatch(CHAIN, 1, 100);
        last.epoch = 8;
        open.lastHash = Hashing.header(last);
        refuse(open, last, data, abi.encodeWithSelector(Inbox.EpochAhead.selector, 7, 8));
        last.epoch = 7;
        open.lastHash = Hashing.header(last);
        inbox.appendOpen(open, last, data);
    }

    function test_unknownChains() public {
        (BatchHeader memory b, BlockHeader memory last, bytes memory data) = openBatch(777, 0, 10);
        bytes memory unknown = abi.encodeWithSelector(ChainRegistry.UnknownChain.selector, 777);
        refuse(b, last, data, unknown);
        vm.expectRevert(unknown);
        inbox.ordering(777);
    }

    function testFuzz_chunkTree(bytes calldata seed, uint16 length) public view {
        length = uint16(bound(length, 0, 5 * 4096));
        bytes memory data = new bytes(length);
        for (uint256 i = 0; i < length; i += 61) {
            data[i] = seed.length == 0 ? bytes1(0x07) : seed[i % seed.length];
        }
        vm.assertEq(this.rootOf(data), plainRoot(data, 0, length));
    }

    /// @notice By its definition, from the top: the left child of a node spans the largest power of two of chunks
    /// that leaves something for the right one.
    function plainRoot(bytes memory data, uint256 start, uint256 end)
        private
        pure
        returns (bytes32)
    {
        if (end == start) return 0;
        if (end - start <= 4096) {
            bytes memory chunk = new bytes(end - start);
            for (uint256 i = 0; i < chunk.length; ++i) {
                chunk[i] = data[start + i];
            }
            return keccak256(chunk);
        }
        uint256 span = 4096;
        while (2 * span < end - start) {
            span *= 2;
        }
        return keccak256(
            abi.encode(plainRoot(data, start, start + span), plainRoot(data, start + span, end))
        );
    }

    // ---- a committee that is silent

    function test_anIdleChainIsNotSilent() public {
        vm.warp(START + 365 days);
        refuseOpen(0, notOpen(0));
        append(nextBatch(CHAIN, 0));
        vm.warp(START + 2 * 365 days);
        refuseOpen(0, notOpen(0));
        vm.assertEq(opensAfter(CHAIN), 0);
    }

    /// The boundary second belongs to the committee.
    function test_silenceOpens() public {
        vm.warp(START + 1000);
        send(CHAIN);
        uint64 last = uint64(START) + 1000 + SILENCE;
        vm.assertEq(opensAfter(CHAIN), last);
        // A later message does not put it off.
        vm.warp(last - 1);
        send(CHAIN);
        vm.warp(last);
        refuseOpen(2, notOpen(last));
        vm.warp(last + 1);
        vm.prank(OTHER);
        appendOpen(CHAIN, 1);
        // It stays open, for as long as the committee is away: messages or not.
        appendOpen(CHAIN, 2);
        vm.warp(last + 1000);
        appendOpen(CHAIN, 2);
        vm.assertEq(inbox.entryCount(CHAIN), 3);
    }

    function test_forcingIsNoAnswer() public {
        send(CHAIN);
        vm.warp(START + DELAY + 1);
        inbox.force(CHAIN);
        vm.assertEq(opensAfter(CHAIN), START + SILENCE);
        vm.warp(START + SILENCE + 1);
        appendOpen(CHAIN, 1);
    }

    function test_aCertifiedBatchEndsIt() public {
        send(CHAIN);
        vm.warp(START + SILENCE + 1);
        appendOpen(CHAIN, 1);
        append(nextBatch(CHAIN, 1));
        refuseOpen(1, notOpen(0));
        // A new message, a new silence.
        vm.warp(START + SILENCE + 50);
        send(CHAIN);
        vm.assertEq(opensAfter(CHAIN), START + 2 * SILENCE + 50);
    }

    /// A committee that leaves a message is no silent one: forcing is for that.
    function test_aCertifiedBatchThatLeavesMessagesBeginsAnew() public {
        send(CHAIN);
        vm.warp(START + DELAY);
        append(nextBatch(CHAIN, 0));
        vm.assertEq(opensAfter(CHAIN), START + DELAY + SILENCE);
        vm.warp(START + DELAY + SILENCE);
        refuseOpen(1, notOpen(uint64(START) + DELAY + SILENCE));
        vm.warp(START + DELAY + SILENCE + 1);
        appendOpen(CHAIN, 1);
    }

    function test_raceOfACertifiedAndAnOpenBatch() public {
        send(CHAIN);
        vm.warp(START + SILENCE + 1);
        BatchHeader memory certified = nextBatch(CHAIN, 1);
        (BatchHeader memory open, BlockHeader memory last, bytes memory data) =
            openBatch(CHAIN, 1, 100);
        uint256 before = vm.snapshotState();
        append(certified);
        refuse(open, last, data, notOpen(0));
        vm.revertToState(before);
        inbox.appendOpen(open, last, data);
        BlockHeader memory h = sealOf(certified);
        Certificate memory c = certify(h, 7);
        vm.expectRevert(abi.encodeWithSelector(Inbox.StaleBatch.selector, 1, 0));
        inbox.append(certified, h, seats, c);
    }

    // ---- back, before anybody who appends

    function test_resume() public {
        send(CHAIN);
        vm.warp(START + SILENCE + 1);
        appendOpen(CHAIN, 1);
        BlockHeader memory h = answer(12, 1);
        Certificate memory c = certify(h, 7);
        vm.expectEmit(true, true, true, true, address(inbox));
        emit Inbox.Resumed(CHAIN, Hashing.header(h), 12);
        vm.prank(OTHER);
        inbox.resume(h, seats, c);
        refuseOpen(1, notOpen(0));
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotSilent.selector, CHAIN));
        inbox.resume(h, seats, c);
    }

    function test_anOldCertificateResumesNothing() public {
        send(CHAIN);
        BlockHeader memory h = answer(12, 1);
        Certificate memory c = certify(h, 7);
        append(nextBatch(CHAIN, 1));
        send(CHAIN);
        bytes4 no = Inbox.NoAnswer.selector;
        vm.expectRevert(abi.encodeWithSelector(no, 1, 2, 1));
        inbox.resume(h, seats, c);
        h = answer(13, 3);
        c = certify(h, 7);
        vm.expectRevert(abi.encodeWithSelector(no, 1, 2, 3));
        inbox.resume(h, seats, c);
        // One that leaves messages begins the silence anew; and it, too, does so once.
        send(CHAIN);
        vm.warp(START + 50);
        h = answer(13, 2);
        c = certify(h, 7);
        inbox.resume(h, seats, c);
        vm.assertEq(opensAfter(CHAIN), START + 50 + SILENCE);
        vm.expectRevert(abi.encodeWithSelector(no, 2, 3, 2));
        inbox.resume(h, seats, c);
        // A batch that consumes less than what was seen already brings no old certificate back.
        append(nextBatch(CHAIN, 1));
        vm.expectRevert(abi.encodeWithSelector(no, 2, 3, 2));
        inbox.resume(h, seats, c);
    }

    function test_onlyTheCommitteeResumes() public {
        send(CHAIN);
        BlockHeader memory h = answer(12, 1);
        Certificate memory c = certify(h, 3);
        vm.expectRevert(
            abi.encodeWithSelector(CertificateVerifier.InsufficientWeight.selector, 60, 90)
        );
        inbox.resume(h, seats, c);
        c = certify(answer(13, 1), 7);
        vm.expectPartialRevert(Inbox.WrongCertificate.selector);
        inbox.resume(h, seats, c);
    }

    // ---- gas

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_gas() public {
        string[3] memory names = ["1 KB", "16 KB", "120 KiB"];
        uint256[3] memory lengths = [uint256(1000), 16_000, 122_880];
        appendOpen(BASED, 0);
        for (uint256 i = 0; i < 3; ++i) {
            (BatchHeader memory b, BlockHeader memory last, bytes memory data) =
                openBatch(BASED, 0, lengths[i]);
            for (uint256 k = 0; k < data.length; ++k) {
                data[k] = bytes1(uint8(k % 255) + 1);
            }
            b.root = this.rootOf(data);
            inbox.appendOpen(b, last, data);
            vm.snapshotGasLastCall("Gas", string.concat("append without certificate, ", names[i]));
        }
        send(CHAIN);
        BlockHeader memory h = answer(12, 1);
        Certificate memory c = certify(h, 7);
        inbox.resume(h, seats, c);
        vm.snapshotGasLastCall("Gas", "resume, committee of 3");
    }
}
