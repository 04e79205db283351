// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {
    ReentrancyGuardTransient as Guard
} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { Bridge } from "../src/Bridge.sol";
import { ChainRegistry } from "../src/ChainRegistry.sol";
import { Hashing } from "../src/Hashing.sol";
import { Inbox } from "../src/Inbox.sol";
import { MerkleTrees } from "../src/MerkleTrees.sol";
import { InboxMessage, OutboxMessage } from "../src/Types.sol";
import { Fixture } from "./support/Fixture.sol";
import { Behaviour, FeeToken, HookToken, Receiver, SilentToken } from "./support/Mocks.sol";
import { Trees } from "./support/Trees.sol";
import { bound, vm } from "./support/Vm.sol";

contract BridgeTest is Fixture {
    address private constant USER = address(0x0513);
    bytes private constant PAYLOAD = "hello";

    Receiver private receiver;

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 1000 ether);
        xpl.approve(address(bridge), type(uint256).max);
        token.approve(address(bridge), type(uint256).max);
        receiver = new Receiver();
    }

    // ---- deposits

    function test_depositToken() public {
        InboxMessage memory m;
        m.sender = address(this);
        m.to = USER;
        m.asset = address(token);
        m.amount = 500;
        m.timestamp = uint64(START);
        m.deadline = uint64(START) + DELAY;
        m.data = "data";
        bytes32 acc = Hashing.accumulate(0, Hashing.message(m));
        vm.expectEmit(true, true, true, true, address(inbox));
        emit Inbox.MessageEnqueued(CHAIN, 0, m, acc);
        vm.expectEmit(true, true, true, true, address(bridge));
        emit Bridge.Deposited(CHAIN, address(token), address(this), USER, 500, 0);
        bridge.deposit(CHAIN, address(token), USER, 500, "data");
        vm.assertEq(token.balanceOf(address(bridge)), 500);
        vm.assertEq(bridge.balance(CHAIN, address(token)), 500);
        vm.assertEq(inbox.messageAcc(CHAIN, 1), acc);
    }

    function test_depositXplIsAssetZero() public {
        bridge.deposit(CHAIN, address(xpl), USER, 500, "");
        InboxMessage memory m;
        m.sender = address(this);
        m.to = USER;
        m.amount = 500;
        m.timestamp = uint64(START);
        m.deadline = uint64(START) + DELAY;
        vm.assertEq(inbox.messageAcc(CHAIN, 1), Hashing.accumulate(0, Hashing.message(m)));
        vm.assertEq(bridge.balance(CHAIN, address(xpl)), 500);
    }

    function test_feeOnTransferCreditsWhatArrived() public {
        FeeToken fee = new FeeToken();
        fee.approve(address(bridge), type(uint256).max);
        bridge.deposit(CHAIN, address(fee), USER, 1000, "");
        vm.assertEq(bridge.balance(CHAIN, address(fee)), 990);
        vm.assertEq(fee.balanceOf(address(bridge)), 990);
    }

    function test_tokenWithoutReturnValues() public {
        SilentToken silent = new SilentToken();
        silent.approve(address(bridge), 1000);
        bridge.deposit(CHAIN, address(silent), USER, 1000, "");
        vm.assertEq(bridge.balance(CHAIN, address(silent)), 1000);
    }

    function test_endow() public {
        vm.expectEmit(true, true, true, true, address(bridge));
        emit Bridge.Endowed(CHAIN, address(xpl), address(this), 700);
        bridge.endow(CHAIN, address(xpl), 700);
        vm.assertEq(bridge.balance(CHAIN, address(xpl)), 700);
        (, uint64 enqueued,) = inbox.counts(CHAIN);
        vm.assertEq(enqueued, 0);
    }

    function test_refusedDeposits() public {
        vm.expectRevert(Bridge.ZeroAddress.selector);
        bridge.deposit(CHAIN, address(token), address(0), 1, "");
        vm.expectRevert(abi.encodeWithSelector(Bridge.NothingReceived.selector, address(token)));
        bridge.deposit(CHAIN, address(token), USER, 0, "");
        vm.expectRevert(abi.encodeWithSelector(Bridge.NotAToken.selector, USER));
        bridge.deposit(CHAIN, USER, USER, 1, "");
        vm.expectRevert(abi.encodeWithSelector(ChainRegistry.UnknownChain.selector, 777));
        bridge.deposit(777, address(token), USER, 1, "");
        vm.expectRevert(abi.encodeWithSelector(Bridge.UnknownChain.selector, 777));
        bridge.endow(777, address(token), 1);
        vm.expectRevert(abi.encodeWithSelector(Inbox.DataTooLong.selector, 3073, 3072));
        bridge.deposit(CHAIN, address(token), USER, 1, new bytes(3073));
        vm.assertEq(token.balanceOf(address(bridge)), 0);
    }

    function test_depositCannotBeNested() public {
        HookToken hook = new HookToken();
        hook.approve(address(bridge), type(uint256).max);
        bytes memory nested =
            abi.encodeCall(Bridge.deposit, (CHAIN, address(hook), USER, uint256(0), ""));
        hook.hook(address(bridge), nested);
        vm.expectRevert(Guard.ReentrancyGuardReentrantCall.selector);
        bridge.deposit(CHAIN, address(hook), USER, 100, "");
        // Nor may the escrow be paid out while a deposit is being measured.
        OutboxMessage memory m = withdrawal(0, address(hook), USER, 100);
        bytes32[32] memory proof;
        nested = abi.encodeCall(Bridge.withdraw, (m, "", bytes32(0), uint64(0), proof));
        hook.hook(address(bridge), nested);
        vm.expectRevert(Guard.ReentrancyGuardReentrantCall.selector);
        bridge.endow(CHAIN, address(hook), 100);
    }

    // ---- withdrawals

    function one(OutboxMessage memory m) private returns (bytes32 root, bytes32[32] memory proof) {
        bytes32[] memory leaves = new bytes32[](m.nonce + 1);
        for (uint256 i = 0; i < m.nonce; ++i) {
            leaves[i] = keccak256(abi.encode("other", i));
        }
        leaves[m.nonce] = Hashing.outboxId(m);
        root = settleOutbox(CHAIN, leaves);
        proof = Trees.outboxProof(leaves, m.nonce);
    }

    function pay(OutboxMessage memory m, bytes memory payload) private returns (bytes32 id) {
        (bytes32 root, bytes32[32] memory proof) = one(m);
        bridge.withdraw(m, payload, root, m.nonce, proof);
        return Hashing.outboxId(m);
    }

    function refuse(
        OutboxMessage memory m,
        bytes memory payload,
        bytes32 root,
        uint64 index,
        bytes32[32] memory proof,
        bytes memory reason
    ) private {
        vm.expectRevert(reason);
        bridge.withdraw(m, payload, root, index, proof);
    }

    function test_withdraw() public {
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        OutboxMessage memory m = withdrawal(5, address(token), USER, 200);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        bytes32 id = Hashing.outboxId(m);
        vm.assertEq(bridge.messageId(m), id);
        vm.assertFalse(bridge.nullified(id));
        vm.expectEmit(true, true, true, true, address(bridge));
        emit Bridge.Withdrawn(id, CHAIN, USER, address(token), 200, m.sender, 5);
        vm.prank(address(0xBEEF));
        bridge.withdraw(m, "", root, 5, proof);
        vm.assertEq(token.balanceOf(USER), 200);
        vm.assertEq(bridge.balance(CHAIN, address(token)), 300);
        vm.assertTrue(bridge.nullified(id));
        refuse(m, "", root, 5, proof, abi.encodeWithSelector(Bridge.AlreadyWithdrawn.selector, id));
    }

    function test_withdrawXplToTheRoot() public {
        bridge.deposit(CHAIN, address(xpl), USER, 500, "");
        OutboxMessage memory m = withdrawal(0, address(0), USER, 500);
        m.destination = 0;
        pay(m, "");
        vm.assertEq(xpl.balanceOf(USER), 500);
    }

    /// @dev The message is in the outbox, but again under a younger root.
    function test_notTwiceUnderAnotherRoot() public {
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        OutboxMessage memory m = withdrawal(0, address(token), USER, 100);
        pay(m, "");
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = Hashing.outboxId(m);
        leaves[1] = "younger";
        bytes32 root = settleOutbox(CHAIN, leaves);
        refuse(
            m,
            "",
            root,
            0,
            Trees.outboxProof(leaves, 0),
            abi.encodeWithSelector(Bridge.AlreadyWithdrawn.selector, leaves[0])
        );
    }

    function test_refusedWithdrawals() public {
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        OutboxMessage memory m = withdrawal(1, address(token), USER, 200);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        bytes32 none = keccak256("");

        refuse(m, "x", root, 1, proof, mismatch(none, keccak256("x")));
        refuse(m, "", root, 0, proof, abi.encodeWithSelector(Bridge.WrongLeaf.selector, 1, 0));
        bytes4 unsettled = Bridge.OutboxNotSettled.selector;
        refuse(m, "", "no", 1, proof, abi.encodeWithSelector(unsettled, CHAIN, bytes32("no")));
        m.version = 2;
        refuse(m, "", root, 1, proof, abi.encodeWithSelector(Bridge.WrongVersion.selector, 1, 2));
        m.version = 1;
        m.destination = 5;
        refuse(
            m, "", root, 1, proof, abi.encodeWithSelector(Bridge.WrongDestination.selector, 1, 5)
        );
        m.destination = 1;
        m.source = 5;
        refuse(m, "", root, 1, proof, abi.encodeWithSelector(unsettled, 5, root));
        m.source = CHAIN;
        m.nonce = 1 << 32;
        refuse(
            m,
            "",
            root,
            1 << 32,
            proof,
            abi.encodeWithSelector(MerkleTrees.LeafIndexTooLarge.selector, 1 << 32, 1 << 32)
        );
        m.nonce = 1;
        for (uint256 i = 0; i < 7; ++i) {
            OutboxMessage memory forged = withdrawal(1, address(token), USER, 200);
            if (i == 0) forged.amount += 1;
            if (i == 1) forged.recipient = address(1);
            if (i == 2) forged.asset = address(xpl);
            if (i == 3) forged.gas = 1;
            if (i == 4) forged.expiry = 1;
            if (i == 5) forged.refund = address(1);
            if (i == 6) forged.bundle = "b";
            vm.expectPartialRevert(Bridge.WrongOutboxProof.selector);
            bridge.withdraw(forged, "", root, 1, proof);
        }
        bridge.withdraw(m, "", root, 1, proof);
    }

    function testFuzz_proofsAreBinding(uint256 level, bytes32 sibling, uint64 nonce) public {
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        OutboxMessage memory m = withdrawal(uint64(bound(nonce, 0, 40)), address(token), USER, 200);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        level = bound(level, 0, 31);
        vm.assume(proof[level] != sibling);
        bytes32 right = proof[level];
        proof[level] = sibling;
        vm.expectPartialRevert(Bridge.WrongOutboxProof.selector);
        bridge.withdraw(m, "", root, m.nonce, proof);
        proof[level] = right;
        bridge.withdraw(m, "", root, m.nonce, proof);
        vm.assertEq(token.balanceOf(USER), 200);
    }

    /// @dev Pessimistic accounting: a chain that lies takes its own depositors' money at most.
    function test_chainCannotTakeFromAnother() public {
        registry.register(registration(5000));
        bridge.deposit(5000, address(token), USER, 10_000, "");
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        OutboxMessage memory m = withdrawal(0, address(token), USER, 501);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        bytes4 insufficient = Bridge.InsufficientBalance.selector;
        bytes memory reason = abi.encodeWithSelector(insufficient, CHAIN, address(token), 500, 501);
        refuse(m, "", root, 0, proof, reason);
        // Once the chain's balance covers it, it is paid: nothing was lost.
        bridge.endow(CHAIN, address(token), 1);
        bridge.withdraw(m, "", root, 0, proof);
        vm.assertEq(bridge.balance(5000, address(token)), 10_000);
        vm.assertEq(bridge.balance(CHAIN, address(token)), 0);
    }

    function test_upgradeKeepsProvenWithdrawals() public {
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        OutboxMessage memory m = withdrawal(0, address(token), USER, 200);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        vm.prank(OWNER);
        registry.scheduleUpgrade(CHAIN, "p", "c");
        vm.warp(block.timestamp + EXIT);
        registry.startUpgrade(CHAIN);
        bridge.withdraw(m, "", root, 0, proof);
        vm.assertEq(token.balanceOf(USER), 200);
    }

    // ---- messages with a payload

    function call(uint64 gas) private returns (OutboxMessage memory m) {
        bridge.deposit(CHAIN, address(token), USER, 500, "");
        m = withdrawal(0, address(token), address(receiver), 200);
        m.payloadHash = keccak256(PAYLOAD);
        m.gas = gas;
        m.refund = address(0x4EF);
    }

    function test_messageIsDelivered() public {
        OutboxMessage memory m = call(200_000);
        bytes32 id = pay(m, PAYLOAD);
        vm.assertEq(receiver.calls(), 1);
        vm.assertEq(receiver.seenBalance(), 200);
        vm.assertEq(
            receiver.lastCall(),
            keccak256(abi.encode(id, CHAIN, m.sender, address(token), uint256(200), PAYLOAD))
        );
        vm.assertEq(token.balanceOf(address(receiver)), 200);
    }

    function test_plainAccountIsNotCalled() public {
        OutboxMessage memory m = call(200_000);
        m.recipient = USER;
        pay(m, PAYLOAD);
        vm.assertEq(token.balanceOf(USER), 200);
    }

    /// @dev Whatever the receiver does, the value goes to the refund address, once.
    function test_failedCallsRefund() public {
        Behaviour[3] memory bad = [Behaviour.Revert, Behaviour.EatGas, Behaviour.Bomb];
        for (uint256 i = 0; i < 3; ++i) {
            receiver.set(bad[i], 0);
            OutboxMessage memory m = call(300_000);
            m.nonce = uint64(i);
            bytes32 id = Hashing.outboxId(m);
            (bytes32 root, bytes32[32] memory proof) = one(m);
            vm.expectEmit(true, true, true, false, address(bridge));
            emit Bridge.MessageFailed(id, "");
            bridge.withdraw(m, PAYLOAD, root, m.nonce, proof);
            vm.assertEq(receiver.calls(), 0);
            vm.assertEq(token.balanceOf(address(receiver)), 0);
            vm.assertEq(token.balanceOf(m.refund), 200 * (i + 1));
            vm.assertTrue(bridge.nullified(id));
        }
    }

    function test_failureCarriesItsReason() public {
        receiver.set(Behaviour.Revert, 0);
        OutboxMessage memory m = call(300_000);
        m.refund = address(0);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        bytes memory refused = abi.encodeWithSelector(Receiver.Refused.selector, 42);
        bytes memory reason = abi.encodeWithSelector(Bridge.CallFailed.selector, refused);
        vm.expectEmit(true, true, true, true, address(bridge));
        emit Bridge.MessageFailed(Hashing.outboxId(m), reason);
        bridge.withdraw(m, PAYLOAD, root, 0, proof);
        // Without a refund address the recipient keeps the value.
        vm.assertEq(token.balanceOf(address(receiver)), 200);
    }

    function test_stingyDelivererCannotMakeItFail() public {
        OutboxMessage memory m = call(1_000_000);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        vm.expectPartialRevert(Bridge.InsufficientGas.selector);
        bridge.withdraw{ gas: 900_000 }(m, PAYLOAD, root, 0, proof);
        vm.assertFalse(bridge.nullified(Hashing.outboxId(m)));
        bridge.withdraw{ gas: 1_300_000 }(m, PAYLOAD, root, 0, proof);
        vm.assertEq(receiver.calls(), 1);
    }

    /// @dev With any amount of gas, the message is delivered or nothing happens.
    function testFuzz_gasDecidesNothing(uint256 gas) public {
        OutboxMessage memory m = call(300_000);
        (bytes32 root, bytes32[32] memory proof) = one(m);
        gas = bound(gas, 50_000, 800_000);
        try bridge.withdraw{ gas: gas }(m, PAYLOAD, root, 0, proof) {
            vm.assertEq(receiver.calls(), 1);
        } catch {
            vm.assertEq(receiver.calls(), 0);
            vm.assertFalse(bridge.nullified(Hashing.outboxId(m)));
            vm.assertEq(token.balanceOf(m.refund), 0);
        }
    }

    function test_hugeGasIsCapped() public {
        OutboxMessage memory m = call(type(uint64).max);
        pay(m, PAYLOAD);
        vm.assertEq(receiver.calls(), 1);
    }

    function test_receiverMayDepositOnwards() public {
        registry.register(registration(5000));
        receiver.set(Behaviour.Forward, 5000);
        pay(call(1_000_000), PAYLOAD);
        vm.assertEq(bridge.balance(5000, address(token)), 200);
        vm.assertEq(bridge.balance(CHAIN, address(token)), 300);
        vm.assertEq(token.balanceOf(address(bridge)), 500);
    }

    function test_expiredMessageRefunds() public {
        OutboxMessage memory m = call(200_000);
        // Settled at START + WINDOW, the last second in which it may be delivered.
        m.expiry = uint64(START) + WINDOW;
        pay(m, PAYLOAD);
        vm.assertEq(receiver.calls(), 1);

        m = call(200_000);
        m.nonce = 1;
        m.expiry = uint64(START) + WINDOW;
        pay(m, PAYLOAD);
        vm.assertEq(receiver.calls(), 1);
        vm.assertEq(token.balanceOf(m.refund), 200);
    }

    function test_messageWithoutValue() public {
        OutboxMessage memory m = call(200_000);
        m.amount = 0;
        m.asset = address(0);
        pay(m, PAYLOAD);
        vm.assertEq(receiver.calls(), 1);
    }

    /// @dev A payload can never be a call that only the escrow may make.
    function test_payloadCannotMoveTheEscrow() public {
        OutboxMessage memory m = call(200_000);
        bytes memory payload = abi.encodeCall(IERC20.transfer, (USER, uint256(300)));
        m.recipient = address(token);
        m.payloadHash = keccak256(payload);
        pay(m, payload);
        vm.assertEq(token.balanceOf(USER), 0);
        vm.assertEq(token.balanceOf(m.refund), 200);
    }

    function test_deliverIsInternal() public {
        OutboxMessage memory m = withdrawal(0, address(token), USER, 1);
        vm.expectRevert(abi.encodeWithSelector(Bridge.NotSelf.selector, address(this)));
        bridge.deliver(0, m, address(token), "");
    }

    function mismatch(bytes32 expected, bytes32 got) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Bridge.PayloadMismatch.selector, expected, got);
    }
}
