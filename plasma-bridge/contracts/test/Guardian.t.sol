// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { ChainRegistry } from "../src/ChainRegistry.sol";
import { Dispute } from "../src/Disputes.sol";
import { Checkpoint } from "../src/Types.sol";
import { Fixture } from "./support/Fixture.sol";
import { vm } from "./support/Vm.sol";

/// @notice What a guardian can stop, for how long, and what it cannot.
contract GuardianTest is Fixture {
    address private constant GOVERNOR = address(0x60BE);
    address private constant GUARDIAN = address(0x6A2D);

    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 100 ether);
        registry.appointGovernor(GOVERNOR);
        vm.prank(GOVERNOR);
        registry.changeGuardian(GUARDIAN);
        appendNext(CHAIN);
    }

    function pause() private {
        vm.prank(GUARDIAN);
        registry.pauseNewClaims();
    }

    function claim(bytes32 salt) private {
        Checkpoint memory c = finalState(1, "outbox");
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, salt);
        tournament.join{ value: BOND }(CHAIN, 1, commitment, c, proof);
    }

    function test_noRoundBeginsWhilePaused() public {
        pause();
        vm.assertEq(registry.pausedUntil(), START + 7 days);
        Checkpoint memory c = finalState(1, "outbox");
        (bytes32 commitment, bytes32[] memory proof) = traceTo(c, 0);
        bytes memory paused =
            abi.encodeWithSelector(ChainRegistry.ClaimsPaused.selector, START + 7 days);
        vm.expectRevert(paused);
        tournament.join{ value: BOND }(CHAIN, 1, commitment, c, proof);
        vm.warp(START + 7 days - 1);
        vm.expectRevert(paused);
        tournament.join{ value: BOND }(CHAIN, 1, commitment, c, proof);
        // What a claim costs can be asked all the while.
        (uint64 window,) = registry.claimTerms(CHAIN);
        vm.assertEq(window, WINDOW);
        vm.warp(START + 7 days);
        claim(0);
    }

    function test_whatIsUnderWayGoesOn() public {
        claim("one");
        pause();
        claim("two");
        appendNext(CHAIN);
        (,, Dispute memory dispute) = tournament.current(CHAIN);
        vm.assertEq(dispute.claims, 2);
        vm.assertEq(dispute.matches, 1);
    }

    function test_anUncontestedRoundSettlesWhilePaused() public {
        claim("one");
        pause();
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        vm.assertEq(tournament.settled(CHAIN).entries, 1);
        tournament.withdraw(payable(address(this)));
    }

    function test_aGuardianCannotStopSettlementForGood() public {
        pause();
        vm.warp(START + 28 days - 1);
        vm.prank(GUARDIAN);
        vm.expectRevert(
            abi.encodeWithSelector(
                ChainRegistry.PauseTooEarly.selector, START + 28 days, START + 28 days - 1
            )
        );
        registry.pauseNewClaims();
        claim(0);
        vm.warp(START + 28 days);
        pause();
    }

    function test_governanceEndsAPause() public {
        pause();
        vm.prank(GUARDIAN);
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NotGovernor.selector, GUARDIAN, GOVERNOR)
        );
        registry.endPause();
        vm.startPrank(GOVERNOR);
        registry.endPause();
        registry.changeGuardian(address(0));
        vm.stopPrank();
        claim(0);
        vm.prank(GUARDIAN);
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NotGuardian.selector, GUARDIAN, address(0))
        );
        registry.pauseNewClaims();
    }

    function test_theGovernorIsAppointedOnce() public {
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.GovernorAlreadyAppointed.selector, GOVERNOR)
        );
        registry.appointGovernor(address(9));
        vm.prank(address(9));
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NotDeployer.selector, address(9), address(this))
        );
        registry.appointGovernor(address(9));
        vm.startPrank(GOVERNOR);
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.ZeroAddress.selector, bytes32("governor"))
        );
        registry.changeGovernor(address(0));
        registry.changeGovernor(address(9));
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NotGovernor.selector, GOVERNOR, address(9))
        );
        registry.changeGovernor(GOVERNOR);
        vm.stopPrank();
    }

    function test_withoutAGovernorNobodyPauses() public {
        deploy();
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NotGuardian.selector, address(this), address(0))
        );
        registry.pauseNewClaims();
    }
}
