// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IERC20Errors } from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import { BridgedToken } from "../src/l2/BridgedToken.sol";
import { L2Bridge } from "../src/l2/L2Bridge.sol";
import { Behaviour, Receiver } from "./support/Mocks.sol";
import { vm } from "./support/Vm.sol";

contract L2BridgeTest {
    address private constant AT = 0x0000000000000000000000000000000000706C61;
    address private constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    address private constant ASSET = address(0xA55E7);
    address private constant DEPOSITOR = address(0xDE);

    L2Bridge private bridge = L2Bridge(AT);
    Receiver private receiver;

    function setUp() public {
        vm.chainId(4242);
        // As genesis does: code alone, no constructor. `runtimeCode` also proves that there are
        // no immutables, which it could not be asked for otherwise.
        vm.etch(AT, type(L2Bridge).runtimeCode);
        vm.deal(address(this), 100 ether);
        receiver = new Receiver();
    }

    function deposit(address to, uint256 amount, bytes memory data) private {
        vm.prank(SYSTEM);
        bridge.deposit(ASSET, DEPOSITOR, to, amount, data);
    }

    function test_firstDepositCreatesTheToken() public {
        address created = bridge.tokenOf(ASSET);
        vm.assertEq(created.code.length, 0);
        vm.expectEmit(true, true, true, true, AT);
        emit L2Bridge.TokenCreated(ASSET, created);
        vm.expectEmit(true, true, true, true, AT);
        emit L2Bridge.DepositFinalized(ASSET, address(7), DEPOSITOR, created, 100);
        deposit(address(7), 100, "");
        BridgedToken token = BridgedToken(created);
        vm.assertEq(token.asset(), ASSET);
        vm.assertEq(token.bridge(), AT);
        vm.assertEq(token.balanceOf(address(7)), 100);
        vm.assertEq(token.name(), "Bridged 0x00000000000000000000000000000000000a55E7");
        vm.assertEq(token.symbol(), "b0x000000");
        deposit(address(7), 11, "");
        vm.assertEq(token.balanceOf(address(7)), 111);
        vm.assertEq(bridge.tokenOf(ASSET), created);
    }

    function test_refusedDeposits() public {
        vm.expectRevert(abi.encodeWithSelector(L2Bridge.NotSystem.selector, address(this), SYSTEM));
        bridge.deposit(ASSET, DEPOSITOR, address(7), 1, "");
        vm.prank(SYSTEM);
        vm.expectRevert(L2Bridge.NotNative.selector);
        bridge.deposit(address(0), DEPOSITOR, address(7), 1, "");
        deposit(address(7), 1, "");
        BridgedToken token = BridgedToken(bridge.tokenOf(ASSET));
        bytes4 notBridge = BridgedToken.NotBridge.selector;
        vm.expectRevert(abi.encodeWithSelector(notBridge, address(this), AT));
        token.mint(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(notBridge, address(this), AT));
        token.burn(address(7), 1);
    }

    function test_depositCallsTheReceiver() public {
        deposit(address(receiver), 100, "data");
        vm.assertEq(receiver.calls(), 1);
        vm.assertEq(receiver.seenBalance(), 100);
        address token = bridge.tokenOf(ASSET);
        vm.assertEq(
            receiver.lastCall(),
            keccak256(abi.encode(ASSET, token, DEPOSITOR, uint256(100), bytes("data")))
        );
        // Data for an account without code is nobody's business.
        deposit(address(7), 1, "data");
    }

    /// @dev A deposit is never undone, whatever its receiver does.
    function test_depositSurvivesItsReceiver() public {
        Behaviour[3] memory bad = [Behaviour.Revert, Behaviour.EatGas, Behaviour.Bomb];
        for (uint256 i = 0; i < 3; ++i) {
            receiver.set(bad[i], 0);
            vm.expectEmit(true, true, true, true, AT);
            emit L2Bridge.DepositCallFailed(ASSET, address(receiver));
            vm.prank(SYSTEM);
            bridge.deposit{ gas: 2_000_000 }(ASSET, DEPOSITOR, address(receiver), 100, "data");
            BridgedToken token = BridgedToken(bridge.tokenOf(ASSET));
            vm.assertEq(token.balanceOf(address(receiver)), 100 * (i + 1));
        }
        // Also when 1/64 of the gas, which the receiver cannot eat, would not do to finish.
        receiver.set(Behaviour.EatGas, 0);
        vm.prank(SYSTEM);
        bridge.deposit{ gas: 100_000 }(ASSET, DEPOSITOR, address(receiver), 100, "data");
    }

    function test_withdrawToken() public {
        deposit(address(this), 100, "");
        vm.expectEmit(true, true, true, true, AT);
        emit L2Bridge.MessageSent(0, address(this), address(9), ASSET, 40, 0, 0, address(0), 0, "");
        bridge.withdraw(ASSET, address(9), 40);
        BridgedToken token = BridgedToken(bridge.tokenOf(ASSET));
        vm.assertEq(token.balanceOf(address(this)), 60);
        vm.assertEq(token.totalSupply(), 60);
        bytes4 insufficient = IERC20Errors.ERC20InsufficientBalance.selector;
        vm.expectRevert(abi.encodeWithSelector(insufficient, address(this), 60, 61));
        bridge.withdraw(ASSET, address(9), 61);
    }

    function test_withdrawXpl() public {
        vm.expectEmit(true, true, true, true, AT);
        emit L2Bridge.MessageSent(
            0, address(this), address(9), address(0), 1 ether, 0, 0, address(0), 0, ""
        );
        bridge.withdraw{ value: 1 ether }(address(0), address(9), 1 ether);
        vm.assertEq(AT.balance, 1 ether);
    }

    function test_refusedWithdrawals() public {
        deposit(address(this), 100, "");
        vm.expectRevert(abi.encodeWithSelector(L2Bridge.WrongValue.selector, 2, 1));
        bridge.withdraw{ value: 1 }(address(0), address(9), 2);
        vm.expectRevert(abi.encodeWithSelector(L2Bridge.WrongValue.selector, 0, 1));
        bridge.withdraw{ value: 1 }(ASSET, address(9), 1);
        vm.expectRevert(L2Bridge.ZeroAddress.selector);
        bridge.withdraw(ASSET, address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(L2Bridge.UnknownAsset.selector, address(0xBAD)));
        bridge.withdraw(address(0xBAD), address(9), 1);
    }

    function test_sendMessage() public {
        vm.expectEmit(true, true, true, true, AT);
        emit L2Bridge.MessageSent(
            77, address(this), address(9), address(0), 5, 6, 7, address(8), 0, "payload"
        );
        bridge.sendMessage{ value: 5 }(77, address(9), address(0), 5, 6, 7, address(8), "payload");
        bridge.sendMessage(0, address(9), ASSET, 0, 6, 7, address(8), new bytes(3072));
        vm.expectRevert(abi.encodeWithSelector(L2Bridge.PayloadTooLong.selector, 3073, 3072));
        bridge.sendMessage(0, address(9), ASSET, 0, 6, 7, address(8), new bytes(3073));
        vm.expectRevert(abi.encodeWithSelector(L2Bridge.WrongDestination.selector, 4242));
        bridge.sendMessage(4242, address(9), ASSET, 0, 6, 7, address(8), "");
    }

    function testFuzz_burnsWhatItSends(uint128 minted, uint128 sent) public {
        deposit(address(this), minted, "");
        BridgedToken token = BridgedToken(bridge.tokenOf(ASSET));
        if (sent > minted) {
            vm.expectPartialRevert(IERC20Errors.ERC20InsufficientBalance.selector);
            bridge.withdraw(ASSET, address(9), sent);
        } else {
            bridge.withdraw(ASSET, address(9), sent);
            vm.assertEq(token.totalSupply(), minted - sent);
        }
    }
}
