// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { SequencerRegistry } from "../src/SequencerRegistry.sol";
import { Pool, Position, Stakes, Supply } from "../src/Stakes.sol";
import { Xpl } from "../src/Xpl.sol";
import { StakingHandler } from "./support/StakingHandler.sol";
import { vm } from "./support/Vm.sol";

/// @notice What must hold in the random world of StakingHandler, after every call, and when everybody leaves it.
contract StakingInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    StakingHandler private handler;
    Stakes private stakes;
    Xpl private xpl;
    address private bridge;

    function setUp() public {
        handler = new StakingHandler();
        (stakes,, bridge) = handler.contracts();
        xpl = stakes.xpl();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](16);
        selectors[0] = StakingHandler.bond.selector;
        selectors[1] = StakingHandler.unbond.selector;
        selectors[2] = StakingHandler.redelegate.selector;
        selectors[3] = StakingHandler.release.selector;
        selectors[4] = StakingHandler.withdraw.selector;
        selectors[5] = StakingHandler.claim.selector;
        selectors[6] = StakingHandler.epoch.selector;
        selectors[7] = StakingHandler.slash.selector;
        selectors[8] = StakingHandler.reportAgain.selector;
        selectors[9] = StakingHandler.burn.selector;
        selectors[10] = StakingHandler.donate.selector;
        selectors[11] = StakingHandler.escrow.selector;
        selectors[12] = StakingHandler.poke.selector;
        // More often: without epochs nothing else moves.
        selectors[13] = StakingHandler.epoch.selector;
        selectors[14] = StakingHandler.bond.selector;
        selectors[15] = StakingHandler.fine.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// @dev One function, so that each random world is walked through once. Leaving twice makes a world dear.
    ///
    /// forge-config: default.invariant.runs = 16
    function invariant_books() public view {
        _checkSupply();
        _checkPools();
        _checkRewards();
        vm.assertEq(handler.broken(), "");
    }

    /// @dev At the end of each world everybody leaves it, in one order and in the other.
    function afterInvariant() public {
        _checkLeaving();
    }

    // ---- books

    function _checkSupply() private view {
        Supply memory s = stakes.supply(bridge);
        uint256 held = xpl.balanceOf(address(stakes));
        uint256 gifts = handler.donated();
        vm.assertEq(held, s.staked + s.pending + gifts, "balance = staked + pending + gifts");
        vm.assertEq(s.liquid, handler.liquid() + gifts, "liquid is what people have");
        vm.assertEq(
            s.genesis + s.minted - s.burned,
            handler.liquid() + gifts + s.staked + s.escrowed + s.pending,
            "the supply adds up"
        );
    }

    function _checkPools() private view {
        uint256 staked;
        for (uint256 o = 0; o < handler.operators(); ++o) {
            address operator = handler.accountAt(o);
            Pool memory pool = stakes.pool(operator);
            uint256 shares;
            uint256 worth;
            for (uint256 i = 0; i < handler.accounts(); ++i) {
                Position memory p = stakes.position(operator, handler.accountAt(i));
                vm.assertLe(p.locked, p.shares, "locked shares are shares");
                shares += p.shares;
                worth += stakes.valueOf(operator, handler.accountAt(i));
            }
            vm.assertEq(pool.shares, shares, "a pool's shares are its positions'");
            vm.assertLe(worth, pool.stake, "nobody gets more than there is");
            vm.assertLe(pool.stake - worth, handler.accounts(), "and not less, but for a wei each");
            if (pool.offence == 0) vm.assertEq(pool.stake, pool.shares);
            staked += pool.stake;
        }
        vm.assertEq(stakes.totalStaked(), staked, "staked = all pools");
    }

    function _checkRewards() private view {
        uint256 owed = handler.claimed();
        for (uint256 i = 0; i < handler.accounts(); ++i) {
            address account = handler.accountAt(i);
            owed += stakes.credit(account);
            for (uint256 o = 0; o < handler.operators(); ++o) {
                owed += stakes.earned(handler.accountAt(o), account);
            }
        }
        uint256 minted = xpl.minted();
        vm.assertLe(owed, minted, "no reward that was not minted");
        // What is owed now may have been rounded once for each position, besides.
        uint256 dust = handler.operations() + handler.accounts() * handler.operators();
        vm.assertLe(minted - owed, dust, "none is lost, but for a wei each");
        vm.assertEq(stakes.totalPending(), minted - handler.claimed(), "pending");
    }

    // ---- everybody leaves

    function _checkLeaving() private {
        uint256[] memory forwards = new uint256[](handler.accounts());
        uint256 snapshot = vm.snapshotState();
        _leave(false, forwards);
        vm.revertToState(snapshot);
        uint256[] memory backwards = new uint256[](handler.accounts());
        uint256 operations = _leave(true, backwards);
        for (uint256 i = 0; i < forwards.length; ++i) {
            vm.assertApproxEqAbs(
                forwards[i], backwards[i], operations, "the order of leaving does not matter"
            );
        }
    }

    function _leave(bool backwards, uint256[] memory paid) private returns (uint256 operations) {
        handler.everybodyLeaves(backwards);
        operations = handler.operations();
        for (uint256 i = 0; i < paid.length; ++i) {
            address account = handler.accountAt(i);
            paid[i] = handler.returned(account);
            uint256 fair = handler.fairlyReturned(account) >> 64;
            vm.assertApproxEqAbs(paid[i], fair, operations, "everybody gets a fair share");
        }
        vm.assertEq(stakes.totalStaked(), 0, "no stake is left behind");
        vm.assertLe(stakes.totalUnbonding(), operations, "a wei for each operation");
        vm.assertLe(stakes.totalPending(), operations, "a wei for each operation");
        invariant_books();
    }

    /// @dev A walk that any change of the contracts has to keep possible, so that the invariants are not true of an
    /// empty world.
    function test_handlerReaches() public {
        // A size is chosen by the amount modulo 25.
        handler.bond(5, 0, 100_000_000_000_000_000_024);
        handler.bond(6, 0, 333_333_333_333_333_333_347);
        handler.bond(7, 1, 12);
        handler.epoch(0xf, 3);
        handler.epoch(0x7, 2);
        handler.claim(5);
        handler.unbond(5, 0, 7);
        handler.redelegate(6, 0, 1, 1e18 + 1);
        handler.slash(0, 0, 1);
        handler.reportAgain(0, 1);
        handler.release(0);
        handler.epoch(0xf, 2);
        handler.withdraw(0);
        handler.burn(5);
        handler.donate(6);
        handler.escrow(7);
        handler.poke(6, 0);
        handler.fine(1, 0, 5);
        invariant_books();
        vm.assertEq(handler.calls("fine"), 1);
        vm.assertEq(handler.calls("bond"), 3);
        vm.assertEq(handler.calls("unbond"), 1);
        vm.assertEq(handler.calls("redelegate"), 1);
        vm.assertEq(handler.calls("release"), 1);
        vm.assertEq(handler.calls("slash"), 1);
        vm.assertEq(handler.calls("claim"), 1);
        _checkLeaving();
        vm.assertGt(handler.calls("withdraw"), 5);
    }
}
