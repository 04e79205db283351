// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier as Verifier } from "../src/CertificateVerifier.sol";
import { ChainRegistry, Registration } from "../src/ChainRegistry.sol";
import { Hashing } from "../src/Hashing.sol";
import { Parameters, SequencerRegistry } from "../src/SequencerRegistry.sol";
import { Stakes } from "../src/Stakes.sol";
import { BatchHeader, BlockHeader, Certificate, Seat } from "../src/Types.sol";
import { StakingFixture } from "./support/StakingFixture.sol";
import { vm } from "./support/Vm.sol";

/// @notice Joining, elections, committees of chains, participation, parameters.
contract SequencerRegistryTest is StakingFixture {
    function four() private {
        joinAs(0, 4000 ether);
        joinAs(1, 3000 ether);
        joinAs(2, 2000 ether);
        joinAs(3, 1500 ether);
        advance();
    }

    // ---- joining

    function test_join() public {
        address key = vm.addr(secretAt(0));
        joinAs(0, 4000 ether);
        vm.assertEq(network.keyOf(operatorAt(0)), key);
        vm.assertEq(network.operatorOf(key), operatorAt(0));
        vm.assertEq(network.candidates().length, 1);
        vm.assertEq(stakes.pool(operatorAt(0)).stake, 4000 ether);
        vm.assertEq(stakes.valueOf(operatorAt(0), operatorAt(0)), 4000 ether);
    }

    function test_refusedJoins() public {
        joinAs(0, 4000 ether);
        address one = operatorAt(1);
        fund(one, 5000 ether);
        address key = vm.addr(secretAt(1));
        bytes memory proof = possession(one, secretAt(1));

        // Another's key, with another's proof.
        bytes memory stolen = possession(operatorAt(0), secretAt(1));
        vm.prank(one);
        vm.expectPartialRevert(Verifier.WrongSigner.selector);
        network.join(key, 0, 4000 ether, stolen);

        address taken = vm.addr(secretAt(0));
        bytes memory takenProof = possession(one, secretAt(0));
        vm.prank(one);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.KeyTaken.selector, taken, operatorAt(0))
        );
        network.join(taken, 0, 4000 ether, takenProof);

        vm.prank(one);
        vm.expectRevert(
            abi.encodeWithSelector(
                Stakes.OutOfRange.selector, bytes32("commission"), 10_001, 0, 10_000
            )
        );
        network.join(key, 10_001, 4000 ether, proof);

        vm.prank(one);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NotEligible.selector, one, SELF));
        network.join(key, 0, SELF - 1, proof);

        vm.prank(one);
        network.join(key, 0, SELF, proof);
        bytes memory second = possession(one, secretAt(2));
        vm.prank(one);
        vm.expectRevert(abi.encodeWithSelector(Stakes.AlreadyOpen.selector, one));
        network.join(vm.addr(secretAt(2)), 0, SELF, second);
    }

    function test_onlyTheRegistryOpensRewardsAndSlashes() public {
        bytes memory refused =
            abi.encodeWithSelector(Stakes.NotRegistry.selector, address(this), address(network));
        vm.expectRevert(refused);
        stakes.open(address(this), 0, 1);
        vm.expectRevert(refused);
        stakes.endTerm(new address[](0), new uint256[](0));
        vm.expectRevert(refused);
        stakes.slash(address(this), 1, 1);
    }

    function test_whoUnbondsItsOwnBondIsNotElected() public {
        four();
        vm.assertEq(seats.length, 4);
        unbondAs(operatorAt(3), operatorAt(3), 501 ether);
        advance();
        vm.assertEq(seats.length, 3);
        vm.assertEq(network.candidates().length, 3);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.NotEligible.selector, operatorAt(3), SELF)
        );
        network.list(operatorAt(3));
        delegateAs(operatorAt(3), operatorAt(3), 1 ether);
        network.list(operatorAt(3));
        network.list(operatorAt(3));
        vm.assertEq(network.candidates().length, 4);
        advance();
        vm.assertEq(seats.length, 4);
    }

    function test_theFullListGivesWayToTheLarger() public {
        for (uint256 i = 0; i < 256; ++i) {
            joinAs(i, SELF + i * 1 ether);
        }
        address late = operatorAt(999);
        fund(late, 5000 ether);
        bytes memory proof = possession(late, secretAt(999));
        vm.prank(late);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NoRoom.selector, 256, SELF, SELF));
        network.join(vm.addr(secretAt(999)), 0, SELF, proof);
        vm.prank(late);
        network.join(vm.addr(secretAt(999)), 0, SELF + 1, proof);
        vm.assertEq(network.candidates().length, 256);
        advance();
        vm.assertEq(seats.length, 4);
        vm.assertEq(seats[0].key, vm.addr(secretAt(255)));
        vm.assertEq(seats[3].key, vm.addr(secretAt(252)));
    }

    // ---- elections

    function test_theLargestAreElectedByAllTheirStake() public {
        for (uint256 i = 0; i < 6; ++i) {
            joinAs(i, SELF);
        }
        delegateAs(address(7), operatorAt(5), 400 ether);
        delegateAs(address(8), operatorAt(4), 200.5 ether);
        advance();
        vm.assertEq(seats.length, 4);
        vm.assertEq(seats[0].key, vm.addr(secretAt(5)));
        vm.assertEq(seats[0].weight, 1400);
        vm.assertEq(seats[1].weight, 1200, "whole XPL");
        vm.assertEq(network.committeeOf(0), Hashing.committee(seats));
    }

    function test_nobodyHasAThird() public {
        joinAs(0, 1_000_000 ether);
        joinAs(1, SELF);
        joinAs(2, SELF);
        joinAs(3, SELF);
        advance();
        uint256 total =
            uint256(seats[0].weight) + seats[1].weight + seats[2].weight + seats[3].weight;
        vm.assertGt(total, uint256(seats[0].weight) * 3);
        vm.assertEq(seats[0].weight, 1499);
    }

    function test_anEpochLastsItsLength() public {
        four();
        uint256 end = uint256(network.startedAt()) + LENGTH;
        vm.warp(end - 1);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.EpochNotOver.selector, end, end - 1)
        );
        network.advance(seats);
        vm.warp(end);
        Seat[] memory wrong = seats;
        wrong[0].weight += 1;
        vm.expectRevert(
            abi.encodeWithSelector(
                Verifier.UnknownCommittee.selector,
                Hashing.committee(seats),
                Hashing.committee(wrong)
            )
        );
        network.advance(wrong);
        network.advance(seats);
        vm.assertEq(network.currentEpoch(), 1);
        vm.assertEq(stakes.term(), 2);
    }

    function test_nobodyToElect() public {
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NoCandidates.selector));
        network.advance(new Seat[](0));
        joinAs(0, SELF);
        advance();
        unbondAs(operatorAt(0), operatorAt(0), 1);
        advance();
        vm.assertEq(network.committeeOf(1), 0);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NoCommittee.selector, 1));
        network.committee(SERVED, 1);
        vm.warp(block.timestamp + LENGTH);
        Seat[] memory made = new Seat[](1);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NoCommittee.selector, 1));
        network.advance(made);
        joinAs(1, SELF);
        advance();
        vm.assertEq(seats.length, 1);
        vm.assertEq(seats[0].key, vm.addr(secretAt(1)));
    }

    function test_keysRotateAtTheNextElection() public {
        four();
        address operator = operatorAt(0);
        address fresh = vm.addr(0xF4E5);
        secretOf[fresh] = 0xF4E5;
        bytes memory proof = possession(operator, 0xF4E5);
        vm.prank(operator);
        network.rotateKey(fresh, proof);
        appendServed(all());
        vm.assertEq(seats[0].key, vm.addr(secretAt(0)));
        advance();
        vm.assertEq(seats[0].key, fresh);
        appendServed(all());
        // The old one is answered for, and nobody can have it again.
        vm.assertEq(network.operatorOf(vm.addr(secretAt(0))), operator);
        proof = possession(operator, secretAt(0));
        vm.prank(operator);
        vm.expectPartialRevert(SequencerRegistry.KeyTaken.selector);
        network.rotateKey(vm.addr(secretAt(0)), proof);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.NoSuchSequencer.selector, address(this))
        );
        network.rotateKey(fresh, proof);
    }

    // ---- committees of chains

    function test_theInboxAsksTheNetwork() public {
        four();
        appendServed(0x7);
        appendServed(0xf);
        vm.assertEq(inbox.entryCount(SERVED), 2);
        // A chain with a fixed committee knows nothing of it.
        BatchHeader memory b = nextBatch(CHAIN, 0);
        BlockHeader memory h = sealOf(b);
        Certificate memory c = certify(h, 0xf);
        vm.expectPartialRevert(Verifier.UnknownCommittee.selector);
        inbox.append(b, h, seats, c);
    }

    function test_committeesAreGoodWhileTheirStakeIsLiable() public {
        four();
        Seat[] memory old = seats;
        bytes32 hash = Hashing.committee(old);
        (BatchHeader memory b, BlockHeader memory h) = nextSealed();
        Certificate memory c = certify(h, 0xf);
        advanceTimes(DELAY_TERMS - 1);
        vm.assertEq(registry.committee(SERVED, 0), hash);
        inbox.append(b, h, old, c);
        advance();
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.EpochTooOld.selector, 0, 1));
        registry.committee(SERVED, 0);
        uint64 elections = network.elections();
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.UnknownEpoch.selector, elections, elections)
        );
        registry.committee(SERVED, elections);
    }

    function test_onlyServedChains() public {
        four();
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NotServed.selector, CHAIN));
        network.committee(CHAIN, 0);
        vm.prank(GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.AlreadyServed.selector, SERVED));
        network.serve(SERVED);
    }

    function test_aCommitteeIsAHashOrAContract() public {
        Registration memory r = registration(7000);
        r.committee = bytes32(uint256(uint160(address(0xDEAD))));
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NoCommittees.selector, address(0xDEAD))
        );
        registry.register(r);
        vm.prank(OWNER);
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NoCommittees.selector, address(0xDEAD))
        );
        registry.scheduleUpgrade(CHAIN, "p", r.committee);
    }

    function test_aChainMovesToTheNetworkByUpgrade() public {
        four();
        vm.prank(GOVERNOR);
        network.serve(CHAIN);
        vm.prank(OWNER);
        registry.scheduleUpgrade(CHAIN, programHash(), bytes32(uint256(uint160(address(network)))));
        vm.warp(block.timestamp + EXIT);
        registry.startUpgrade(CHAIN);
        vm.assertEq(registry.committee(CHAIN, 0), Hashing.committee(seats));
    }

    // ---- participation

    function test_windowsRememberWhoSigned() public {
        four();
        uint256 start = block.timestamp;
        appendServed(0x7);
        vm.assertEq(network.signedIn(0, 0), 0x7);
        appendServed(0xe);
        vm.assertEq(network.signedIn(0, 0), 0xf);
        vm.warp(start + 1 hours - 1);
        vm.assertEq(network.currentWindow(), 0);
        vm.warp(start + 1 hours);
        appendServed(0x7);
        vm.assertEq(network.signedIn(0, 1), 0x7);
        vm.warp(start + 40 days);
        vm.assertEq(network.currentWindow(), 23, "the last one lasts");
        vm.expectRevert(
            abi.encodeWithSelector(
                SequencerRegistry.NotInbox.selector, address(this), address(inbox)
            )
        );
        network.noteCertificate(SERVED, 0, 0xf, 0);
    }

    function test_lateCertificatesCountForNobody() public {
        four();
        Seat[] memory old = seats;
        (BatchHeader memory b, BlockHeader memory h) = nextSealed();
        Certificate memory c = certify(h, 0xf);
        advance();
        inbox.append(b, h, old, c);
        for (uint256 w = 0; w < 24; ++w) {
            vm.assertEq(network.signedIn(0, w) + network.signedIn(1, w), 0);
        }
    }

    function test_whoeverIsLeftOutSignsIn() public {
        four();
        appendServed(0x7);
        bytes32 vote = network.lastVote(SERVED, 0, 0);
        bytes memory mine = signature(keys[3], vote);
        vm.expectPartialRevert(Verifier.WrongSigner.selector);
        network.attest(SERVED, 0, seats, 2, mine);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NoSuchSeat.selector, 4, 4));
        network.attest(SERVED, 0, seats, 4, mine);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.NoVote.selector, SERVED, 0, 1));
        network.attest(SERVED, 1, seats, 3, mine);
        network.attest(SERVED, 0, seats, 3, mine);
        vm.assertEq(network.signedIn(0, 0), 0xf);
        vm.warp(block.timestamp + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(SequencerRegistry.WindowOver.selector, 0, 2));
        network.attest(SERVED, 0, seats, 3, mine);
    }

    // ---- governance

    function test_parameters() public {
        Parameters memory p = defaults();
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.NotGovernor.selector, address(this), GOVERNOR)
        );
        network.setParameters(p);
        p.seats = 0;
        refuse(p, "seats", 0, 1, 128);
        p.seats = 129;
        refuse(p, "seats", 129, 1, 128);
        p = defaults();
        p.epochLength = 0;
        refuse(p, "epochLength", 0, 1, 365 days);
        p = defaults();
        p.slash = 10_001;
        refuse(p, "slash", 10_001, 0, 10_000);
        p = defaults();
        p.saturation = 3334;
        refuse(p, "saturation", 3334, 100, 3333);
        p = defaults();
        p.minSelfBond = 1 ether - 1;
        refuse(p, "minSelfBond", 1 ether - 1, 1 ether, 1e9 ether);
        p = defaults();
        p.fine = 1e9 ether + 1;
        refuse(p, "fine", 1e9 ether + 1, 0, 1e9 ether);
        p = defaults();
        p.minSelfBond = 7 ether;
        p.seats = 9;
        vm.startPrank(GOVERNOR);
        network.setParameters(p);
        vm.assertEq(network.parameters().minSelfBond, 7 ether);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.ZeroAddress.selector, bytes32("governor"))
        );
        network.changeGovernor(address(0));
        network.changeGovernor(address(9));
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.NotGovernor.selector, GOVERNOR, address(9))
        );
        network.serve(77);
        vm.stopPrank();
    }

    function refuse(Parameters memory p, bytes32 name, uint256 got, uint256 least, uint256 most)
        private
    {
        vm.prank(GOVERNOR);
        vm.expectRevert(
            abi.encodeWithSelector(SequencerRegistry.OutOfRange.selector, name, got, least, most)
        );
        network.setParameters(p);
    }

    function test_wiring() public {
        vm.expectPartialRevert(SequencerRegistry.Miswired.selector);
        new SequencerRegistry(stakes, address(inbox), GOVERNOR, defaults());
        vm.expectRevert(
            abi.encodeWithSelector(Stakes.OutOfRange.selector, bytes32("delay"), 1, 2, 1024)
        );
        new Stakes(xpl, address(network), 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.ZeroAddress.selector, bytes32("registry")));
        new Stakes(xpl, address(0), 2);
    }
}
