// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";

import { SequencerRegistry } from "../../src/SequencerRegistry.sol";
import { Move, Position, Stakes, Unbonding } from "../../src/Stakes.sol";
import { StakingFixture } from "./StakingFixture.sol";
import { bound, vm } from "./Vm.sol";

/// @notice A random world of sequencers and delegators. Beside what the contracts say it keeps books of its own: what
/// everybody put in, what it should be worth, and how many operations may each have lost a wei.
contract StakingHandler is StakingFixture {
    uint256 private constant OPERATORS = 5;
    uint256 private constant PEOPLE = 4;

    /// @notice Wei of stake that an account got back.
    mapping(address account => uint256) public returned;
    /// @notice What that should have been, in parts of 2^-64 wei, had nothing been rounded.
    mapping(address account => uint256) public fairlyReturned;
    /// @dev The same of what is bonded, on its way out, and moved and locked.
    mapping(address account => mapping(address operator => uint256)) private _fair;
    mapping(uint256 id => uint256) private _fairUnbonding;
    mapping(uint256 id => uint256) private _fairMove;
    /// @notice Each of them may have lost a wei.
    uint256 public operations;
    uint256 public claimed;
    uint256 public donated;
    mapping(bytes32 name => uint256) public calls;
    string public broken;

    uint256[] private _unbondings;
    uint256[] private _moves;

    constructor() {
        setUp();
        for (uint256 i = 0; i < OPERATORS; ++i) {
            address operator = joinAs(i, 2000 ether + i * 100 ether);
            _gave(operator, operator, 2000 ether + i * 100 ether);
        }
        advance();
    }

    function setUp() public override {
        if (address(stakes) == address(0)) super.setUp();
    }

    // ---- who

    /// @notice Operators come first, and then people.
    function accountAt(uint256 i) public pure returns (address) {
        return i < OPERATORS ? operatorAt(i) : address(uint160(0xACC0000 + i));
    }

    function accounts() public pure returns (uint256) {
        return OPERATORS + PEOPLE;
    }

    function operators() public pure returns (uint256) {
        return OPERATORS;
    }

    function contracts() external view returns (Stakes, SequencerRegistry, address) {
        return (stakes, network, address(bridge));
    }

    function _someone(uint256 seed) private pure returns (address) {
        return accountAt(seed % (OPERATORS + PEOPLE));
    }

    // ---- moves

    function bond(uint256 who, uint256 where, uint256 amount) external {
        (address account, address operator) = (_someone(who), operatorAt(where % OPERATORS));
        if (stakes.pool(operator).offence != 0) return;
        // Of all sizes: whole millions, and a few wei.
        amount = bound(amount, 1, 10 ** (amount % 25));
        delegateAs(account, operator, amount);
        _gave(account, operator, amount);
        calls["bond"] += 1;
    }

    function unbond(uint256 who, uint256 where, uint256 part) external {
        (address account, address operator) = (_someone(who), operatorAt(where % OPERATORS));
        uint256 shares = _someShares(account, operator, part);
        if (shares != 0) _unbond(account, operator, shares);
    }

    function redelegate(uint256 who, uint256 where, uint256 to, uint256 part) external {
        (address account, address operator) = (_someone(who), operatorAt(where % OPERATORS));
        address target = operatorAt(to % OPERATORS);
        uint256 shares = _someShares(account, operator, part);
        if (shares == 0 || target == operator || stakes.pool(target).offence != 0) return;
        uint256 moved = _takeFair(account, operator, shares);
        vm.prank(account);
        uint256 id = stakes.redelegate(operator, target, shares);
        if (id != 0) _moves.push(id);
        if (id != 0) _fairMove[id] = moved;
        else _fair[account][target] += moved;
        calls["redelegate"] += 1;
        operations += 1;
    }

    function release(uint256 which) external {
        if (_moves.length == 0) return;
        which %= _moves.length;
        uint256 id = _moves[which];
        uint64 term = stakes.move(id).term;
        if (_release(id)) {
            _moves[which] = _moves[_moves.length - 1];
            _moves.pop();
        } else if (stakes.term() > term + DELAY_TERMS) {
            broken = "a move is locked for ever";
        }
    }

    function withdraw(uint256 which) external {
        if (_unbondings.length == 0) return;
        which %= _unbondings.length;
        uint256 id = _unbondings[which];
        uint64 term = stakes.unbonding(id).term;
        if (_withdraw(id)) {
            _unbondings[which] = _unbondings[_unbondings.length - 1];
            _unbondings.pop();
        } else if (stakes.term() > term + DELAY_TERMS) {
            broken = "stake is locked for ever";
        }
    }

    function claim(uint256 who) external {
        _claim(_someone(who));
    }

    /// @notice An epoch in which some sign, in one or two windows.
    function epoch(uint256 signers, uint256 more) external {
        uint256 count = seats.length;
        if (count != 0 && signers % 4 != 0) {
            appendServed(_quorum(signers));
            vm.warp(block.timestamp + LENGTH / 24);
            if (more % 2 == 0) appendServed(_quorum(more));
        }
        advance();
        operations += 2 * OPERATORS;
        calls["epoch"] += 1;
    }

    /// @notice Seldom: most worlds go on with all of their sequencers.
    function slash(uint256 which, uint256 chance, uint64 age) external {
        if (chance % 4 != 0) return;
        which %= OPERATORS;
        if (stakes.pool(operatorAt(which)).offence != 0) return;
        uint64 current = network.currentEpoch();
        uint64 least = current > DELAY_TERMS ? current - DELAY_TERMS : 0;
        uint64 epoch_ = uint64(bound(age, least, current));
        network.reportDoubleVote(doubleVote(secretAt(which), epoch_));
        _slashFair(operatorAt(which), epoch_ + 1);
        calls["slash"] += 1;
        operations += 2;
    }

    function fine(uint256 which, uint256 chance, uint256 amount) external {
        address operator = operatorAt(which % OPERATORS);
        uint256 free = _free(operator, operator);
        if (chance % 4 != 0 || free == 0 || stakes.pool(operator).offence != 0) return;
        amount = bound(amount, 1, 1000 ether);
        _takeFair(operator, operator, amount < free ? amount : free);
        vm.prank(address(network));
        stakes.fine(operator, amount);
        calls["fine"] += 1;
        operations += 1;
    }

    function reportAgain(uint256 which, uint64 age) external {
        which %= OPERATORS;
        if (stakes.pool(operatorAt(which)).offence == 0) return;
        uint64 epoch_ = uint64(bound(age, 0, network.currentEpoch()));
        try network.reportDoubleVote(doubleVote(secretAt(which), epoch_)) {
            broken = "slashed twice";
        } catch { }
    }

    function burn(uint256 amount) external {
        amount = bound(amount, 0, 1000 ether);
        xpl.burn(amount);
        stakes.burnForfeited();
    }

    function donate(uint256 amount) external {
        amount = bound(amount, 0, 1000 ether);
        xpl.transfer(address(stakes), amount);
        donated += amount;
    }

    function escrow(uint256 amount) external {
        xpl.transfer(address(bridge), bound(amount, 0, 1000 ether));
    }

    function poke(uint256 who, uint256 where) external {
        stakes.poke(operatorAt(where % OPERATORS), _someone(who));
        operations += 1;
    }

    // ---- what the invariants compare

    /// @notice Takes everything out again, for all accounts, forwards or backwards; what is left is dust.
    function everybodyLeaves(bool backwards) external {
        advanceTimes(DELAY_TERMS + 1);
        for (uint256 n = 0; n < _moves.length; ++n) {
            if (!_release(_moves[n])) broken = "a move is locked for ever";
        }
        for (uint256 n = 0; n < accounts() * OPERATORS; ++n) {
            uint256 place = backwards ? accounts() * OPERATORS - 1 - n : n;
            (address account, address operator) =
                (accountAt(place / OPERATORS), operatorAt(place % OPERATORS));
            uint256 shares = stakes.position(operator, account).shares;
            if (shares != 0) _unbond(account, operator, shares);
        }
        advanceTimes(DELAY_TERMS + 1);
        uint256 count = _unbondings.length;
        for (uint256 n = 0; n < count; ++n) {
            if (!_withdraw(_unbondings[backwards ? count - 1 - n : n])) {
                broken = "stake is locked for ever";
            }
        }
        for (uint256 n = 0; n < accounts(); ++n) {
            _claim(accountAt(backwards ? accounts() - 1 - n : n));
        }
        stakes.burnForfeited();
    }

    function liquid() external view returns (uint256 sum) {
        sum = xpl.balanceOf(address(this));
        for (uint256 i = 0; i < accounts(); ++i) {
            sum += xpl.balanceOf(accountAt(i));
        }
    }

    // ---- internals

    function _gave(address account, address operator, uint256 amount) private {
        _fair[account][operator] += amount << 64;
        operations += 1;
    }

    function _unbond(address account, address operator, uint256 shares) private {
        uint256 leaving = _takeFair(account, operator, shares);
        uint256 id = unbondAs(account, operator, shares);
        _unbondings.push(id);
        _fairUnbonding[id] = leaving;
        calls["unbond"] += 1;
        operations += 1;
    }

    function _withdraw(uint256 id) private returns (bool done) {
        address account = stakes.unbonding(id).account;
        uint256 before = xpl.balanceOf(account);
        vm.prank(account);
        try stakes.withdraw(id) {
            returned[account] += xpl.balanceOf(account) - before;
            fairlyReturned[account] += _fairUnbonding[id];
            calls["withdraw"] += 1;
            operations += 1;
            done = true;
        } catch { }
    }

    function _release(uint256 id) private returns (bool done) {
        Move memory m = stakes.move(id);
        try stakes.release(id) {
            _fair[m.account][m.to] += _fairMove[id];
            calls["release"] += 1;
            operations += 1;
            done = true;
        } catch { }
    }

    function _claim(address account) private {
        address[] memory from = new address[](OPERATORS);
        for (uint256 i = 0; i < OPERATORS; ++i) {
            from[i] = operatorAt(i);
        }
        vm.prank(account);
        try stakes.claim(from, account) returns (uint256 amount) {
            claimed += amount;
            calls["claim"] += 1;
        } catch { }
        operations += OPERATORS;
    }

    /// @notice The part of a fair stake that goes with so many of the free shares.
    function _takeFair(address account, address operator, uint256 shares)
        private
        returns (uint256 part)
    {
        uint256 free = _free(account, operator);
        part = Math.mulDiv(_fair[account][operator], shares, free);
        _fair[account][operator] -= part;
    }

    /// @notice What a double vote in a term should cost, account by account.
    function _slashFair(address operator, uint64 offence) private {
        uint256 kept = 10_000 - stakes.pool(operator).slashed;
        for (uint256 i = 0; i < accounts(); ++i) {
            uint256 bonded = _fair[accountAt(i)][operator];
            _fair[accountAt(i)][operator] = bonded * kept / 10_000;
        }
        for (uint256 i = 0; i < _unbondings.length; ++i) {
            uint256 id = _unbondings[i];
            Unbonding memory u = stakes.unbonding(id);
            if (u.operator != operator || u.term < offence) continue;
            _fairUnbonding[id] = _fairUnbonding[id] * kept / 10_000;
        }
        for (uint256 i = 0; i < _moves.length; ++i) {
            uint256 id = _moves[i];
            Move memory m = stakes.move(id);
            bool liable = m.to == operator || (m.from == operator && m.term >= offence);
            if (liable) _fairMove[id] = _fairMove[id] * kept / 10_000;
        }
    }

    function _free(address account, address operator) private view returns (uint256) {
        Position memory p = stakes.position(operator, account);
        return p.shares - p.locked;
    }

    function _someShares(address account, address operator, uint256 part)
        private
        view
        returns (uint256)
    {
        uint256 free = _free(account, operator);
        if (free == 0) return 0;
        // All of it, often.
        return part % 3 == 0 ? free : bound(part, 1, free);
    }

    /// @notice Seats that weigh more than two thirds: those that are asked for, and as many more as it takes.
    function _quorum(uint256 wanted) private view returns (uint256 signers) {
        uint256 total;
        uint256 weight;
        for (uint256 i = 0; i < seats.length; ++i) {
            total += seats[i].weight;
        }
        for (uint256 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < seats.length; ++i) {
                bool take = round == 1 ? weight * 3 <= total * 2 : (wanted >> i) & 1 == 1;
                if (!take || (signers >> i) & 1 == 1) continue;
                signers |= 1 << i;
                weight += seats[i].weight;
            }
        }
    }
}
