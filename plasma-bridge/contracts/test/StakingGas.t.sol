// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { DoubleVote } from "../src/Evidence.sol";
import { Parameters } from "../src/SequencerRegistry.sol";
import { BatchHeader, BlockHeader, Certificate } from "../src/Types.sol";
import { StakingFixture } from "./support/StakingFixture.sol";
import { vm } from "./support/Vm.sol";

/// @notice Gas of whole transactions of the network of sequencers, in snapshots/Gas.json.
contract StakingGasTest is StakingFixture {
    address private constant ANN = address(0xA22);

    function defaults() internal pure override returns (Parameters memory p) {
        p = super.defaults();
        p.seats = 100;
    }

    function join(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            joinAs(i, SELF + i * 1 ether);
        }
        advance();
    }

    /// @dev The second certificate of a window, so that its words are there.
    function appendTwice(uint256 signers, string memory name) private {
        for (uint256 i = 0; i < 3; ++i) {
            (BatchHeader memory b, BlockHeader memory h) = nextSealed();
            Certificate memory c = certify(h, (1 << signers) - 1);
            inbox.append(b, h, seats, c);
        }
        vm.snapshotGasLastCall("Gas", name);
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_aDoubleVoteIsCheapToReport() public {
        join(4);
        delegateAs(ANN, operatorAt(0), 100 ether);
        advance();
        // With stake on its way out, and something forfeited already.
        unbondAs(ANN, operatorAt(0), 10 ether);
        advance();
        unbondAs(ANN, operatorAt(0), 10 ether);
        network.reportDoubleVote(doubleVote(secretAt(1), 1));
        DoubleVote memory d = doubleVote(secretAt(0), 1);
        network.reportDoubleVote(d);
        uint256 gas = vm.snapshotGasLastCall("Gas", "reportDoubleVote");
        vm.assertLe(gas, 79_999, "a report");
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_appendThroughTheNetwork() public {
        join(4);
        appendTwice(3, "append, 3 of a network's 4 seats");
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_aFullNetwork() public {
        join(256);
        appendTwice(70, "append, 70 of a network's 100 seats");
        vm.warp(uint256(network.startedAt()) + LENGTH);
        network.advance(seats);
        uint256 gas = vm.snapshotGasLastCall("Gas", "advance, 100 seats of 256 candidates");
        vm.assertLe(gas, 16_777_216, "EIP-7825's cap on a transaction");
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_stakes() public {
        join(4);
        delegateAs(ANN, operatorAt(0), 100 ether);
        advance();
        appendServed(all());
        advance();
        fund(ANN, 10 ether);
        vm.prank(ANN);
        stakes.delegate(operatorAt(0), 10 ether);
        vm.snapshotGasLastCall("Gas", "delegate, more");
        claimAs(ANN, operatorAt(0));
        vm.snapshotGasLastCall("Gas", "claim of one sequencer");
        uint256 id = unbondAs(ANN, operatorAt(0), 10 ether);
        vm.snapshotGasLastCall("Gas", "unbond");
        vm.prank(ANN);
        stakes.redelegate(operatorAt(0), operatorAt(1), 10 ether);
        vm.snapshotGasLastCall("Gas", "redelegate");
        advanceTimes(DELAY_TERMS + 1);
        vm.prank(ANN);
        stakes.withdraw(id);
        vm.snapshotGasLastCall("Gas", "withdraw what was unbonded");
    }
}
