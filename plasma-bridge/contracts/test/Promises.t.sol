// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier as Verifier } from "../src/CertificateVerifier.sol";
import { Evidence } from "../src/Evidence.sol";
import { Accusation, Promises, SignedPromise } from "../src/Promises.sol";
import { Parameters, SequencerRegistry } from "../src/SequencerRegistry.sol";
import { Stakes } from "../src/Stakes.sol";
import { BlockHeader, Certificate, Seat } from "../src/Types.sol";
import { StakingFixture } from "./support/StakingFixture.sol";
import { vm } from "./support/Vm.sol";

/// @notice Promises kept, broken, and made up.
contract PromisesTest is StakingFixture {
    bytes32 private constant TRANSACTION = keccak256("a transaction");
    uint64 private constant DEADLINE = 20;
    uint256 private constant DEPOSIT = 0.1 ether;

    Promises private promises;
    address private operator;

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 10 ether);
        promises = new Promises(network, DEPOSIT, 3 days);
        Parameters memory p = defaults();
        p.fine = 7 ether;
        vm.startPrank(GOVERNOR);
        network.setParameters(p);
        network.appointPromises(address(promises));
        vm.stopPrank();
        operator = joinAs(0, 4000 ether);
        joinAs(1, 4000 ether);
        joinAs(2, 4000 ether);
        joinAs(3, 4000 ether);
        delegateAs(address(0xA22), operator, 100 ether);
        advance();
    }

    function promiseBy(uint256 secret) private pure returns (SignedPromise memory p) {
        (p.chainId, p.transaction, p.deadline) = (SERVED, TRANSACTION, DEADLINE);
        bytes32 tag = keccak256("plasma.promise.v1");
        bytes32 digest = keccak256(abi.encode(tag, p.chainId, p.transaction, p.deadline));
        (p.signature.v, p.signature.r, p.signature.s) = vm.sign(secret, digest);
    }

    function headerAt(uint64 height, bytes32[] memory transactions)
        private
        view
        returns (BlockHeader memory h)
    {
        h.chainId = SERVED;
        h.height = height;
        h.epoch = network.currentEpoch();
        if (transactions.length != 0) h.body = keccak256(abi.encodePacked(transactions));
    }

    function body() private pure returns (bytes32[] memory transactions) {
        transactions = new bytes32[](3);
        (transactions[0], transactions[1]) = (keccak256("another"), TRANSACTION);
    }

    function accuse() private returns (bytes32 id) {
        BlockHeader memory later = headerAt(DEADLINE, new bytes32[](0));
        return promises.accuse{ value: DEPOSIT }(
            promiseBy(secretAt(0)), later, seats, certify(later, 0x7)
        );
    }

    function test_aBrokenPromiseIsFined() public {
        bytes32 id = accuse();
        vm.warp(block.timestamp + 3 days - 1);
        vm.expectPartialRevert(Promises.TooEarly.selector);
        promises.conclude(id);
        vm.warp(block.timestamp + 1);
        promises.conclude(id);
        vm.assertEq(promises.broken(operator), 1);
        vm.assertEq(stakes.valueOf(operator, operator), 3993 ether, "out of the own bond");
        vm.assertEq(stakes.valueOf(operator, address(0xA22)), 100 ether, "delegators pay nothing");
        vm.assertEq(stakes.forfeited(), 7 ether);
        uint256 before = address(this).balance;
        promises.withdraw(payable(address(this)));
        vm.assertEq(address(this).balance, before + DEPOSIT);
        vm.expectRevert(abi.encodeWithSelector(Promises.NoAccusation.selector, id));
        promises.conclude(id);
        // Judged once.
        BlockHeader memory later = headerAt(DEADLINE, new bytes32[](0));
        Certificate memory c = certify(later, 0x7);
        vm.expectRevert(abi.encodeWithSelector(Promises.AlreadyAccused.selector, id));
        promises.accuse{ value: DEPOSIT }(promiseBy(secretAt(0)), later, seats, c);
    }

    function test_aKeptPromiseIsAnswered() public {
        bytes32 id = accuse();
        Seat[] memory old = seats;
        BlockHeader memory h = headerAt(DEADLINE, body());
        Certificate memory c = certify(h, 0xe);
        // The block's epoch may be over.
        advance();
        vm.prank(address(0xA22));
        promises.answer(id, h, old, c, body(), 1);
        vm.assertEq(promises.credit(address(0xA22)), DEPOSIT);
        vm.assertEq(promises.accusation(id).until, 0);
        vm.warp(block.timestamp + 4 days);
        vm.expectRevert(abi.encodeWithSelector(Promises.NoAccusation.selector, id));
        promises.conclude(id);
        vm.assertEq(stakes.valueOf(operator, operator), 4000 ether);
    }

    function test_refusedAnswers() public {
        bytes32 id = accuse();
        bytes32[] memory list = body();
        BlockHeader memory h = headerAt(DEADLINE + 1, list);
        Certificate memory c = certify(h, 0x7);
        vm.expectRevert(
            abi.encodeWithSelector(Promises.AfterTheDeadline.selector, DEADLINE, DEADLINE + 1)
        );
        promises.answer(id, h, seats, c, list, 1);

        h = headerAt(DEADLINE - 1, list);
        c = certify(h, 0x7);
        vm.expectRevert(abi.encodeWithSelector(Promises.NotThere.selector, TRANSACTION, 0));
        promises.answer(id, h, seats, c, list, 0);
        vm.expectRevert(abi.encodeWithSelector(Promises.NotThere.selector, TRANSACTION, 3));
        promises.answer(id, h, seats, c, list, 3);
        list[0] = TRANSACTION;
        vm.expectPartialRevert(Promises.WrongBody.selector);
        promises.answer(id, h, seats, c, list, 0);

        list = body();
        c = certify(h, 0x3);
        vm.expectPartialRevert(Verifier.InsufficientWeight.selector);
        promises.answer(id, h, seats, c, list, 1);
        c = certify(h, 0x7);
        h.timestamp += 1;
        vm.expectPartialRevert(Promises.WrongCertificate.selector);
        promises.answer(id, h, seats, c, list, 1);
        h = headerAt(DEADLINE - 1, list);
        h.chainId = CHAIN;
        c = certify(h, 0x7);
        vm.expectRevert(abi.encodeWithSelector(Promises.WrongChain.selector, SERVED, CHAIN));
        promises.answer(id, h, seats, c, list, 1);

        h = headerAt(DEADLINE - 1, list);
        c = certify(h, 0x7);
        vm.warp(block.timestamp + 3 days);
        vm.expectPartialRevert(Promises.TooLate.selector);
        promises.answer(id, h, seats, c, list, 1);
    }

    function test_refusedAccusations() public {
        BlockHeader memory later = headerAt(DEADLINE, new bytes32[](0));
        Certificate memory c = certify(later, 0x7);
        SignedPromise memory p = promiseBy(secretAt(0));
        vm.expectRevert(abi.encodeWithSelector(Promises.WrongDeposit.selector, DEPOSIT, 1));
        promises.accuse{ value: 1 }(p, later, seats, c);
        p = promiseBy(0xBAD);
        vm.expectRevert(abi.encodeWithSelector(Promises.NotASequencer.selector, vm.addr(0xBAD)));
        promises.accuse{ value: DEPOSIT }(p, later, seats, c);
        // Another deadline is another promise, which nobody made.
        p = promiseBy(secretAt(0));
        p.deadline -= 1;
        vm.expectPartialRevert(Promises.NotASequencer.selector);
        promises.accuse{ value: DEPOSIT }(p, later, seats, c);
        p = promiseBy(secretAt(0));
        later = headerAt(DEADLINE - 1, new bytes32[](0));
        c = certify(later, 0x7);
        vm.expectRevert(abi.encodeWithSelector(Promises.NotDue.selector, DEADLINE, DEADLINE - 1));
        promises.accuse{ value: DEPOSIT }(p, later, seats, c);
        later = headerAt(DEADLINE, new bytes32[](0));
        c = certify(later, 0x3);
        vm.expectPartialRevert(Verifier.InsufficientWeight.selector);
        promises.accuse{ value: DEPOSIT }(p, later, seats, c);
        c = certify(later, 0x7);
        Seat[] memory old = seats;
        advanceTimes(DELAY_TERMS);
        vm.expectPartialRevert(SequencerRegistry.EpochTooOld.selector);
        promises.accuse{ value: DEPOSIT }(p, later, old, c);
    }

    function test_aFineTakesWhatThereIs() public {
        Parameters memory p = defaults();
        p.fine = 1e9 ether;
        vm.prank(GOVERNOR);
        network.setParameters(p);
        bytes32 id = accuse();
        vm.warp(block.timestamp + 3 days);
        promises.conclude(id);
        vm.assertEq(stakes.valueOf(operator, operator), 0);
        vm.assertEq(stakes.valueOf(operator, address(0xA22)), 100 ether);
        advance();
        vm.assertEq(seats.length, 3);
    }

    function test_withoutAFineTheVerdictIsLeft() public {
        vm.prank(GOVERNOR);
        network.setParameters(defaults());
        bytes32 id = accuse();
        vm.warp(block.timestamp + 3 days);
        promises.conclude(id);
        vm.assertEq(promises.broken(operator), 1);
        vm.assertEq(stakes.forfeited(), 0);
    }

    function test_onlyTheAppointedFines() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                SequencerRegistry.NotPromises.selector, address(this), address(promises)
            )
        );
        network.fineFor(operator);
        vm.expectRevert(
            abi.encodeWithSelector(Stakes.NotRegistry.selector, address(this), address(network))
        );
        stakes.fine(operator, 1);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.NotGovernor.selector, address(this), GOVERNOR)
        );
        network.appointPromises(address(this));
    }
}
