// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Tournament } from "../src/Tournament.sol";
import { DisputeHandler } from "./support/DisputeHandler.sol";
import { vm } from "./support/Vm.sol";

/// @notice What must hold in random disputes, after every call, and that each can be brought to an end.
contract DisputeInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    DisputeHandler private handler;
    Tournament private tournament;

    function setUp() public {
        handler = new DisputeHandler();
        tournament = handler.made();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function selectors() private pure returns (bytes4[] memory all) {
        all = new bytes4[](16);
        all[0] = DisputeHandler.join.selector;
        all[1] = DisputeHandler.joinInner.selector;
        all[2] = DisputeHandler.move.selector;
        all[3] = DisputeHandler.step.selector;
        all[4] = DisputeHandler.timeout.selector;
        all[5] = DisputeHandler.resolve.selector;
        all[6] = DisputeHandler.wait.selector;
        all[7] = DisputeHandler.settle.selector;
        all[8] = DisputeHandler.restart.selector;
        all[9] = DisputeHandler.withdraw.selector;
        // More often: what it takes to get anywhere.
        all[10] = DisputeHandler.move.selector;
        all[11] = DisputeHandler.move.selector;
        all[12] = DisputeHandler.move.selector;
        all[13] = DisputeHandler.join.selector;
        all[14] = DisputeHandler.joinInner.selector;
        all[15] = DisputeHandler.joinInner.selector;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors());
    }

    function invariant_weiAreConserved() public view {
        uint256 balance = address(tournament).balance;
        vm.assertEq(balance, handler.paidIn() - handler.paidOut(), "paid in - paid out");
        vm.assertEq(balance, tournament.held() + tournament.burned(), "held + burned");
        vm.assertEq(tournament.held(), handler.credited() + handler.staked(), "credits + stakes");
        handler.checkMatches();
    }

    /// @dev At the end of each random walk.
    function afterInvariant() public {
        handler.unwind();
        invariant_weiAreConserved();
        vm.assertEq(handler.staked(), 0, "all claims have ended");
    }

    /// @dev A seeded walk gets to each kind of move, so that the invariants are not true of an empty world.
    function test_walksReachEachMove() public {
        bytes4[] memory all = selectors();
        for (uint256 i = 0; i < 1500; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("walk", i)));
            // Calls that the tournament refuses are part of the walk.
            (bool taken,) = address(handler)
                .call(
                    abi.encodePacked(
                        all[seed % 16], abi.encode(seed >> 8, seed >> 72, (seed >> 136) % 1024)
                    )
                );
            if (taken && i % 10 == 0) invariant_weiAreConserved();
        }
        string[11] memory kinds = [
            "join",
            "joinInner",
            "advance",
            "sealInner",
            "sealLeaf",
            "step",
            "timeout",
            "resolve",
            "settle",
            "restart",
            "withdraw"
        ];
        for (uint256 i = 0; i < kinds.length; ++i) {
            vm.assertGt(handler.calls(kinds[i]), 0);
        }
        afterInvariant();
    }
}
