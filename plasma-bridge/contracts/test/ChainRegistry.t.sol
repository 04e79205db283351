// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { Bridge } from "../src/Bridge.sol";
import { Chain, ChainRegistry, Registration, Upgrade, Version } from "../src/ChainRegistry.sol";
import { Hashing } from "../src/Hashing.sol";
import { Inbox } from "../src/Inbox.sol";
import { Tournament } from "../src/Tournament.sol";
import { Fixture } from "./support/Fixture.sol";
import { bound, vm } from "./support/Vm.sol";

contract ChainRegistryTest is Fixture {
    uint64 private constant NEW = 5000;

    function refuse(Registration memory r, bytes memory reason) private {
        vm.expectRevert(reason);
        registry.register(r);
    }

    function outOfRange(bytes32 parameter, uint256 got, uint256 least, uint256 most)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            ChainRegistry.OutOfRange.selector, parameter, got, least, most
        );
    }

    function test_register() public {
        Registration memory r = registration(NEW);
        r.uri = "https://chain.example/genesis";
        vm.expectEmit(true, true, true, true, address(registry));
        emit ChainRegistry.Registered(NEW, OWNER, r);
        vm.prank(address(0xBEEF));
        registry.register(r);

        Chain memory c = registry.chain(NEW);
        vm.assertEq(c.name, "test");
        vm.assertEq(c.owner, OWNER);
        vm.assertEq(c.registeredAt, START);
        vm.assertEq(c.program, r.program);
        vm.assertEq(c.genesisCheckpoint, Hashing.checkpoint(r.genesis));
        vm.assertEq(registry.genesisCheckpoint(NEW), Hashing.checkpoint(r.genesis));
        vm.assertEq(registry.committee(NEW, 99), r.committee);
        vm.assertEq(registry.forcedDelay(NEW), DELAY);
        (uint64 window, uint256 bond) = registry.claimTerms(NEW);
        vm.assertEq(window, WINDOW);
        vm.assertEq(bond, BOND);
        vm.assertEq(registry.chainCount(), 2);
        vm.assertEq(registry.chainIdAt(0), CHAIN);
        vm.assertEq(registry.chainIdAt(1), NEW);
        vm.assertTrue(registry.exists(NEW));
        vm.assertFalse(registry.exists(NEW + 1));
    }

    function test_refusedRegistrations() public {
        uint64[3] memory reserved = [uint64(0), 1, 9745];
        Registration memory r;
        for (uint256 i = 0; i < 3; ++i) {
            r = registration(reserved[i]);
            refuse(r, abi.encodeWithSelector(ChainRegistry.ReservedChainId.selector, reserved[i]));
        }
        refuse(
            registration(CHAIN), abi.encodeWithSelector(ChainRegistry.ChainExists.selector, CHAIN)
        );
        r = registration(NEW);
        r.name = "";
        refuse(r, outOfRange("name", 0, 1, 64));
        r.name = string(new bytes(65));
        refuse(r, outOfRange("name", 65, 1, 64));
        r = registration(NEW);
        r.uri = string(new bytes(257));
        refuse(r, outOfRange("uri", 257, 0, 256));
        r = registration(NEW);
        r.challengeWindow = 0;
        refuse(r, outOfRange("challengeWindow", 0, 1, 365 days));
        r.challengeWindow = type(uint64).max;
        refuse(r, outOfRange("challengeWindow", type(uint64).max, 1, 365 days));
        r = registration(NEW);
        r.forcedDelay = 365 days + 1;
        refuse(r, outOfRange("forcedDelay", 365 days + 1, 1, 365 days));
        r = registration(NEW);
        r.exitWindow = WINDOW + DELAY - 1;
        refuse(r, outOfRange("exitWindow", WINDOW + DELAY - 1, WINDOW + DELAY, 730 days));
        r = registration(NEW);
        r.silence = 2;
        refuse(r, outOfRange("silence", 2, 3, 365 days));
        r.silence = 365 days + 1;
        refuse(r, outOfRange("silence", 365 days + 1, 3, 365 days));
        r = registration(NEW);
        r.bond = 1 << 128;
        refuse(r, outOfRange("bond", 1 << 128, 0, (1 << 128) - 1));
        r = registration(NEW);
        r.committee = 0;
        refuse(r, abi.encodeWithSelector(ChainRegistry.ZeroHash.selector, bytes32("committee")));
        r = registration(NEW);
        r.genesis.entry = 1;
        refuse(r, abi.encodeWithSelector(ChainRegistry.GenesisNotEmpty.selector, 0, 0, 1, 0));
        r = registration(NEW);
        r.genesis.nextStep = 1;
        refuse(r, abi.encodeWithSelector(ChainRegistry.GenesisNotEmpty.selector, 0, 0, 0, 0));
    }

    function test_unknownChain() public {
        bytes memory unknown = abi.encodeWithSelector(ChainRegistry.UnknownChain.selector, NEW);
        vm.expectRevert(unknown);
        registry.chain(NEW);
        vm.expectRevert(abi.encodeWithSelector(ChainRegistry.NoSuchChain.selector, 1, 1));
        registry.chainIdAt(1);
        vm.expectRevert(unknown);
        registry.committee(NEW, 0);
        vm.expectRevert(unknown);
        registry.versionAt(NEW, 0);
        vm.expectRevert(unknown);
        registry.startUpgrade(NEW);
        vm.expectRevert(unknown);
        registry.changeOwner(NEW, address(1));
    }

    function test_upgradeWaitsForTheExitWindow() public {
        appendNext(CHAIN);
        appendNext(CHAIN);
        vm.prank(OWNER);
        registry.scheduleUpgrade(CHAIN, "program 2", "committee 2");
        Upgrade memory u = registry.upgrade(CHAIN);
        vm.assertEq(u.startsAt, START + EXIT);

        vm.warp(START + EXIT - 1);
        bytes4 early = ChainRegistry.UpgradeTooEarly.selector;
        vm.expectRevert(abi.encodeWithSelector(early, CHAIN, START + EXIT, START + EXIT - 1));
        registry.startUpgrade(CHAIN);
        vm.assertEq(registry.chain(CHAIN).program, keccak256("program"));

        vm.warp(START + EXIT);
        vm.expectEmit(true, true, true, true, address(registry));
        emit ChainRegistry.UpgradeStarted(CHAIN, 2, "program 2", "committee 2");
        vm.prank(address(0xBEEF));
        registry.startUpgrade(CHAIN);
        vm.assertEq(registry.chain(CHAIN).program, "program 2");
        vm.assertEq(registry.committee(CHAIN, 0), "committee 2");

        (Version memory version, uint64 end) = registry.versionAt(CHAIN, 1);
        vm.assertEq(version.program, keccak256("program"));
        vm.assertEq(end, 2);
        (version, end) = registry.versionAt(CHAIN, 2);
        vm.assertEq(version.program, "program 2");
        vm.assertEq(end, type(uint64).max);

        vm.expectRevert(abi.encodeWithSelector(ChainRegistry.NoUpgrade.selector, CHAIN));
        registry.startUpgrade(CHAIN);
    }

    function test_upgradeIsTheOwners() public {
        bytes4 notOwner = ChainRegistry.NotOwner.selector;
        vm.expectRevert(abi.encodeWithSelector(notOwner, CHAIN, address(this), OWNER));
        registry.scheduleUpgrade(CHAIN, "p", "c");
        vm.expectRevert(abi.encodeWithSelector(notOwner, CHAIN, address(this), OWNER));
        registry.cancelUpgrade(CHAIN);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ChainRegistry.NoUpgrade.selector, CHAIN));
        registry.cancelUpgrade(CHAIN);
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.ZeroHash.selector, bytes32("committee"))
        );
        registry.scheduleUpgrade(CHAIN, "p", 0);
        registry.scheduleUpgrade(CHAIN, "p", "c");
        // A second one must not slip in behind the first one's window.
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.UpgradePending.selector, CHAIN, START + EXIT)
        );
        registry.scheduleUpgrade(CHAIN, "p", "c");
        registry.cancelUpgrade(CHAIN);
        vm.assertEq(registry.upgrade(CHAIN).startsAt, 0);
        registry.changeOwner(CHAIN, address(0));
        vm.expectRevert(abi.encodeWithSelector(notOwner, CHAIN, OWNER, address(0)));
        registry.scheduleUpgrade(CHAIN, "p", "c");
        vm.stopPrank();
    }

    function test_wiring() public {
        // A deployer whose nonce moved in between predicts a wrong Bridge.
        Inbox other = new Inbox(registry, address(0xBAD));
        Tournament t = new Tournament(registry, other, verifier, heights());
        uint64 nonce = vm.getNonce(address(this));
        address next = vm.computeCreateAddress(address(this), nonce);
        vm.expectRevert(abi.encodeWithSelector(Bridge.Miswired.selector, next, address(0xBAD)));
        new Bridge(IERC20(address(xpl)), other, t);
    }
}
