// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { Bridge } from "../src/Bridge.sol";
import { Tournament } from "../src/Tournament.sol";
import { Handler } from "./support/Handler.sol";
import { vm } from "./support/Vm.sol";

/// @notice What must hold in the random world of Handler, after every call.
contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;
    Tournament private tournament;
    Bridge private bridge;

    function setUp() public {
        handler = new Handler();
        (, tournament, bridge) = handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](14);
        selectors[0] = Handler.deposit.selector;
        selectors[1] = Handler.donate.selector;
        selectors[2] = Handler.send.selector;
        selectors[3] = Handler.wait.selector;
        selectors[4] = Handler.appendBatch.selector;
        selectors[5] = Handler.force.selector;
        selectors[6] = Handler.announce.selector;
        selectors[7] = Handler.claim.selector;
        selectors[8] = Handler.settle.selector;
        selectors[9] = Handler.withdraw.selector;
        selectors[10] = Handler.withdrawBond.selector;
        // More often: money in and out is what this is about.
        selectors[11] = Handler.withdraw.selector;
        selectors[12] = Handler.advance.selector;
        selectors[13] = Handler.expire.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// @dev One function, so that each random world is walked through once.
    function invariant_books() public {
        for (uint256 i = 0; i < 3; ++i) {
            IERC20 token = handler.tokens(i);
            uint256 sum;
            for (uint256 c = 0; c < 2; ++c) {
                uint64 chainId = handler.chains(c);
                uint256 balance = bridge.balance(chainId, address(token));
                uint256 entered = handler.entered(chainId, address(token));
                uint256 left = handler.left(chainId, address(token));
                vm.assertEq(balance, entered - left, "a chain's balance is in - out");
                sum += balance;
            }
            uint256 held = token.balanceOf(address(bridge));
            uint256 gifts = handler.donated(address(token));
            vm.assertEq(held, sum + gifts, "escrow = balances + gifts");
        }
        uint256 wei_ = address(tournament).balance;
        vm.assertEq(wei_, handler.bonds(), "wei = paid in - paid out");
        vm.assertEq(wei_, tournament.held() + tournament.burned(), "wei = held + burned");
        handler.look();
        vm.assertEq(handler.broken(), "");
    }

    /// @dev A walk that any change of the contracts has to keep possible, so that the invariants
    /// are not true of an empty world.
    function test_handlerReaches() public {
        handler.deposit(0, 0, 1000, false);
        handler.deposit(0, 2, 1000, true);
        handler.announce(0, 0, 1000, false, false);
        handler.announce(0, 2, 100, false, true);
        handler.announce(0, 0, 600, false, false);
        handler.appendBatch(0, 1);
        handler.claim(0, 0, false);
        handler.settle(0);
        handler.withdraw(0, 0, 0);
        handler.withdraw(0, 0, 1);
        vm.expectPartialRevert(Bridge.AlreadyWithdrawn.selector);
        handler.withdraw(0, 0, 0);
        vm.expectPartialRevert(Bridge.InsufficientBalance.selector);
        handler.withdraw(0, 0, 2);
        handler.send(0);
        handler.wait(99);
        handler.force(0);
        handler.withdrawBond();
        invariant_books();
        vm.assertEq(handler.calls("withdraw"), 2);
    }
}
