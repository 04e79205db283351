// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Xpl } from "../src/Xpl.sol";
import { vm } from "./support/Vm.sol";

contract XplTest {
    address private constant MINTER = address(0x3147);
    Xpl private xpl = new Xpl(address(this), address(this));

    function test_genesis() public view {
        vm.assertEq(xpl.totalSupply(), 10_000_000_000 ether);
        vm.assertEq(xpl.balanceOf(address(this)), xpl.totalSupply());
        vm.assertEq(xpl.symbol(), "XPL");
        vm.assertEq(xpl.CLOCK_MODE(), "mode=timestamp");
        vm.assertEq(xpl.clock(), block.timestamp);
    }

    function test_zeroAddresses() public {
        vm.expectRevert(Xpl.ZeroAddress.selector);
        new Xpl(address(0), address(1));
        vm.expectRevert(Xpl.ZeroAddress.selector);
        new Xpl(address(1), address(0));
        vm.expectRevert(Xpl.ZeroAddress.selector);
        xpl.appointMinter(address(0));
    }

    function test_minterIsAppointedOnce() public {
        bytes4 notMinter = Xpl.NotMinter.selector;
        vm.expectRevert(abi.encodeWithSelector(notMinter, address(this), address(0)));
        xpl.mint(address(this), 1);
        vm.prank(MINTER);
        vm.expectRevert(abi.encodeWithSelector(Xpl.NotAppointer.selector, MINTER, address(this)));
        xpl.appointMinter(MINTER);
        xpl.appointMinter(MINTER);
        vm.expectRevert(abi.encodeWithSelector(Xpl.MinterAlreadyAppointed.selector, MINTER));
        xpl.appointMinter(address(1));
        vm.expectRevert(abi.encodeWithSelector(notMinter, address(this), MINTER));
        xpl.mint(address(this), 1);
        vm.prank(MINTER);
        xpl.mint(address(7), 5);
        vm.assertEq(xpl.balanceOf(address(7)), 5);
        xpl.burn(5);
        vm.assertEq(xpl.totalSupply(), xpl.GENESIS_SUPPLY());
    }

    function test_permit() public {
        address owner = vm.addr(5);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                owner,
                address(9),
                77,
                0,
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", xpl.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(5, digest);
        xpl.permit(owner, address(9), 77, block.timestamp, v, r, s);
        vm.assertEq(xpl.allowance(owner, address(9)), 77);
        vm.assertEq(xpl.nonces(owner), 1);
    }

    function test_votesByTime() public {
        vm.warp(1000);
        xpl.delegate(address(this));
        vm.warp(2000);
        bool sent = xpl.transfer(address(7), 100);
        vm.assertTrue(sent);
        vm.warp(3000);
        vm.assertEq(xpl.getPastVotes(address(this), 1500), xpl.GENESIS_SUPPLY());
        vm.assertEq(xpl.getPastVotes(address(this), 2500), xpl.GENESIS_SUPPLY() - 100);
    }
}
