// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IGovernor } from "@openzeppelin/contracts/governance/IGovernor.sol";
import { TimelockController } from "@openzeppelin/contracts/governance/TimelockController.sol";

import { Bridge } from "../src/Bridge.sol";
import { ChainRegistry } from "../src/ChainRegistry.sol";
import { FeeBurner } from "../src/FeeBurner.sol";
import { Hashing } from "../src/Hashing.sol";
import { Parameters, SequencerRegistry } from "../src/SequencerRegistry.sol";
import { Stakes } from "../src/Stakes.sol";
import { OutboxMessage } from "../src/Types.sol";
import { Xpl } from "../src/Xpl.sol";
import { Voting, XplGovernor } from "../src/XplGovernor.sol";
import { XplTimelock } from "../src/XplTimelock.sol";
import { StakingFixture } from "./support/StakingFixture.sol";
import { Trees } from "./support/Trees.sol";
import { vm } from "./support/Vm.sol";

/// @notice Proposals from the vote to what they change.
contract GovernanceTest is StakingFixture {
    uint48 private constant VOTING_DELAY = 1 hours;
    uint32 private constant VOTING_PERIOD = 3 days;
    uint256 private constant TIMELOCK = 2 days;
    address private constant ANN = address(0xA22);
    address private constant BOB = address(0xB0B0);
    address private constant GUARDIAN = address(0x6A2D);

    XplGovernor private governor;
    XplTimelock private timelock;

    function setUp() public override {
        super.setUp();
        address governorAt = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        timelock = new XplTimelock(TIMELOCK, governorAt);
        governor = new XplGovernor(
            xpl, stakes, timelock, Voting(VOTING_DELAY, VOTING_PERIOD, 1000 ether, 4)
        );
        vm.prank(GOVERNOR);
        network.changeGovernor(address(timelock));
        registry.appointGovernor(address(timelock));
        vm.prank(OWNER);
        registry.changeOwner(CHAIN, address(timelock));
        joinAs(0, 4000 ether);
        // Ann has a tenth of all XPL bonded, Bob as much in his purse.
        delegateAs(ANN, operatorAt(0), 1e9 ether);
        xpl.transfer(BOB, 1e9 ether);
        vm.prank(BOB);
        xpl.delegate(BOB);
        advance();
        vm.warp(block.timestamp + 1);
    }

    // ---- a proposal's way

    struct Proposal {
        address[] targets;
        uint256[] values;
        bytes[] calls;
        bytes32 description;
        uint256 id;
    }

    function propose(address by, address target, bytes memory call)
        private
        returns (Proposal memory p)
    {
        p.targets = new address[](1);
        p.values = new uint256[](1);
        p.calls = new bytes[](1);
        (p.targets[0], p.calls[0]) = (target, call);
        p.description = keccak256("why");
        vm.prank(by);
        p.id = governor.propose(p.targets, p.values, p.calls, "why");
    }

    function vote(Proposal memory p, address by, uint8 support) private returns (uint256) {
        vm.prank(by);
        return governor.castVote(p.id, support);
    }

    function afterVotingDelay() private {
        vm.warp(block.timestamp + VOTING_DELAY + 1);
    }

    function execute(Proposal memory p) private {
        vm.warp(block.timestamp + VOTING_PERIOD + 1);
        governor.queue(p.targets, p.values, p.calls, p.description);
        vm.warp(block.timestamp + TIMELOCK);
        governor.execute(p.targets, p.values, p.calls, p.description);
    }

    /// @notice Ann alone decides.
    function pass(address target, bytes memory call) private {
        Proposal memory p = propose(ANN, target, call);
        afterVotingDelay();
        vote(p, ANN, 1);
        execute(p);
    }

    // ---- votes

    function test_bondedXplVotes() public {
        Parameters memory p = defaults();
        p.slash = 0;
        pass(address(network), abi.encodeCall(SequencerRegistry.setParameters, (p)));
        vm.assertEq(network.parameters().slash, 0);
    }

    function test_liquidAndBondedAddUpOnce() public {
        vm.startPrank(BOB);
        xpl.approve(address(stakes), type(uint256).max);
        stakes.delegate(operatorAt(0), 4e8 ether);
        vm.stopPrank();
        vm.warp(block.timestamp + 1);
        vm.assertEq(governor.getVotes(BOB, block.timestamp - 1), 1e9 ether);
        vm.assertEq(governor.getVotes(BOB, block.timestamp - 2), 1e9 ether);
        vm.assertEq(xpl.getVotes(BOB), 6e8 ether);
        vm.assertEq(stakes.getVotes(BOB), 4e8 ether);
        // On its way out it votes for nobody.
        unbondAs(BOB, operatorAt(0), 1e8 ether);
        vm.warp(block.timestamp + 1);
        vm.assertEq(governor.getVotes(BOB, block.timestamp - 1), 9e8 ether);
    }

    function test_votesAreThoseOfTheSnapshot() public {
        Proposal memory p =
            propose(ANN, address(network), abi.encodeCall(SequencerRegistry.serve, (77)));
        afterVotingDelay();
        vm.prank(BOB);
        xpl.transfer(address(0xCA21), 1e9 ether);
        vm.prank(address(0xCA21));
        xpl.delegate(address(0xCA21));
        vm.assertEq(vote(p, address(0xCA21), 1), 0);
        vm.assertEq(vote(p, BOB, 0), 1e9 ether);
        unbondAs(ANN, operatorAt(0), 1e9 ether);
        vm.assertEq(vote(p, ANN, 1), 1e9 ether);
        // A tie does not pass.
        vm.warp(block.timestamp + VOTING_PERIOD + 1);
        vm.assertEq(uint256(governor.state(p.id)), uint256(IGovernor.ProposalState.Defeated));
    }

    function test_tooFewVotes() public {
        vm.prank(address(0x5A11));
        vm.expectRevert(
            abi.encodeWithSelector(
                IGovernor.GovernorInsufficientProposerVotes.selector, address(0x5A11), 0, 1000 ether
            )
        );
        governor.propose(new address[](1), new uint256[](1), new bytes[](1), "why");
        // Below the quorum of four in a hundred.
        Proposal memory p =
            propose(operatorAt(0), address(network), abi.encodeCall(SequencerRegistry.serve, (77)));
        afterVotingDelay();
        vote(p, operatorAt(0), 1);
        vm.warp(block.timestamp + VOTING_PERIOD + 1);
        vm.assertEq(uint256(governor.state(p.id)), uint256(IGovernor.ProposalState.Defeated));
    }

    function test_slashedStakeVotesForLess() public {
        network.reportDoubleVote(doubleVote(secretAt(0), 0));
        stakes.poke(operatorAt(0), ANN);
        vm.warp(block.timestamp + 1);
        vm.assertEq(governor.getVotes(ANN, block.timestamp - 1), 9e8 ether);
    }

    // ---- what they can do

    function test_proposalsScheduleUpgrades() public {
        bytes32 committee = bytes32(uint256(uint160(address(network))));
        bytes memory call =
            abi.encodeCall(ChainRegistry.scheduleUpgrade, (CHAIN, "program 2", committee));
        pass(address(registry), call);
        vm.assertEq(registry.upgrade(CHAIN).committee, committee);
        vm.assertEq(registry.upgrade(CHAIN).startsAt, block.timestamp + EXIT);
    }

    function test_nothingHappensBeforeTheTimelock() public {
        Proposal memory p =
            propose(ANN, address(network), abi.encodeCall(SequencerRegistry.serve, (77)));
        afterVotingDelay();
        vote(p, ANN, 1);
        vm.warp(block.timestamp + VOTING_PERIOD + 1);
        governor.queue(p.targets, p.values, p.calls, p.description);
        vm.warp(block.timestamp + TIMELOCK - 1);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        governor.execute(p.targets, p.values, p.calls, p.description);
        vm.warp(block.timestamp + 1);
        governor.execute(p.targets, p.values, p.calls, p.description);
        vm.assertTrue(network.serves(77));
    }

    function test_theGuardianOnlyPausesNewClaims() public {
        pass(address(registry), abi.encodeCall(ChainRegistry.changeGuardian, (GUARDIAN)));
        vm.startPrank(GUARDIAN);
        registry.pauseNewClaims();
        vm.assertEq(registry.pausedUntil(), block.timestamp + 7 days);
        vm.expectRevert(
            abi.encodeWithSelector(
                SequencerRegistry.NotGovernor.selector, GUARDIAN, address(timelock)
            )
        );
        network.serve(77);
        vm.expectRevert(
            abi.encodeWithSelector(ChainRegistry.NotGovernor.selector, GUARDIAN, address(timelock))
        );
        registry.changeGuardian(GUARDIAN);
        vm.expectRevert(
            abi.encodeWithSelector(
                ChainRegistry.NotOwner.selector, CHAIN, GUARDIAN, address(timelock)
            )
        );
        registry.scheduleUpgrade(CHAIN, "p", "c");
        vm.stopPrank();
        // Governance works all the while, and has the last word.
        pass(address(registry), abi.encodeCall(ChainRegistry.endPause, ()));
        vm.assertEq(registry.pausedUntil(), block.timestamp);
    }

    function test_governanceCannotMint() public {
        Proposal memory p = propose(ANN, address(xpl), abi.encodeCall(Xpl.mint, (ANN, 1)));
        afterVotingDelay();
        vote(p, ANN, 1);
        vm.warp(block.timestamp + VOTING_PERIOD + 1);
        governor.queue(p.targets, p.values, p.calls, p.description);
        vm.warp(block.timestamp + TIMELOCK);
        vm.expectRevert(
            abi.encodeWithSelector(Xpl.NotMinter.selector, address(timelock), address(network))
        );
        governor.execute(p.targets, p.values, p.calls, p.description);
    }

    function test_nobodyAdministersTheTimelock() public view {
        bytes32 admin = timelock.DEFAULT_ADMIN_ROLE();
        bytes32 proposer = timelock.PROPOSER_ROLE();
        vm.assertTrue(timelock.hasRole(admin, address(timelock)));
        vm.assertFalse(timelock.hasRole(admin, address(this)));
        vm.assertFalse(timelock.hasRole(admin, address(governor)));
        vm.assertTrue(timelock.hasRole(proposer, address(governor)));
        vm.assertFalse(timelock.hasRole(proposer, address(this)));
        vm.assertEq(timelock.getMinDelay(), TIMELOCK);
    }

    function test_wiringOfTheGovernor() public {
        Xpl other = new Xpl(address(this), address(this));
        vm.expectRevert(
            abi.encodeWithSelector(XplGovernor.Miswired.selector, address(other), address(xpl))
        );
        new XplGovernor(other, stakes, timelock, Voting(1, 1, 0, 4));
    }

    // ---- base fees

    function test_baseFeesAreBurned() public {
        FeeBurner burner = new FeeBurner(xpl);
        delete seats;
        delete keys;
        addSeat(0xA11CE, 30);
        addSeat(0xB0B, 30);
        addSeat(0xCA201, 30);
        vm.expectRevert(abi.encodeWithSelector(FeeBurner.NothingToBurn.selector));
        burner.burn();
        vm.deal(address(this), 10 ether);
        xpl.approve(address(bridge), type(uint256).max);
        bridge.deposit(CHAIN, address(xpl), ANN, 100 ether, "");
        // One withdrawal that calls, and one that does not.
        OutboxMessage[2] memory m = [
            withdrawal(0, address(0), address(burner), 30 ether),
            withdrawal(1, address(0), address(burner), 12 ether)
        ];
        // A message calls if it says something.
        m[0].payloadHash = keccak256("burn");
        m[0].gas = 200_000;
        m[0].refund = ANN;
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (Hashing.outboxId(m[0]), Hashing.outboxId(m[1]));
        bytes32 root = settleOutbox(CHAIN, leaves);
        uint256 supply = xpl.totalSupply();
        bridge.withdraw(m[0], "burn", root, 0, Trees.outboxProof(leaves, 0));
        vm.assertEq(xpl.totalSupply(), supply - 30 ether);
        bridge.withdraw(m[1], "", root, 1, Trees.outboxProof(leaves, 1));
        burner.burn();
        vm.assertEq(xpl.totalSupply(), supply - 42 ether);
        vm.assertEq(stakes.supply(address(bridge)).escrowed, 58 ether);
    }
}
