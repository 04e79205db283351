// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Hashing } from "../src/Hashing.sol";
import { BatchHeader, BlockHeader, Certificate, Checkpoint, OutboxMessage } from "../src/Types.sol";
import { Fixture } from "./support/Fixture.sol";
import { Trees } from "./support/Trees.sol";
import { vm } from "./support/Vm.sol";

/// @notice Gas of whole transactions, intrinsic gas and calldata included, in the steady state (no
/// slot is the chain's first). snapshots/Gas.json holds the figures.
contract GasTest is Fixture {
    function setUp() public override {
        super.setUp();
        vm.deal(address(this), 1000 ether);
        xpl.approve(address(bridge), type(uint256).max);
        bridge.deposit(CHAIN, address(xpl), address(7), 1e18, "");
        appendNext(CHAIN);
        join(CHAIN, "first", 0);
        vm.warp(START + WINDOW);
        tournament.settle(CHAIN);
    }

    function committeeOf(uint256 n) private {
        delete keys;
        delete seats;
        for (uint256 i = 0; i < n; ++i) {
            addSeat(1000 + i, 100);
        }
    }

    /// @dev As many signers as it takes: just over two thirds.
    function appendWith(uint256 n, string memory name) private {
        committeeOf(n);
        uint64 chainId = uint64(10_000 + n);
        registry.register(registration(chainId));
        uint256 all = (1 << (n * 2 / 3 + 1)) - 1;
        for (uint256 i = 0; i < 2; ++i) {
            BatchHeader memory b = nextBatch(chainId, 0);
            BlockHeader memory h = sealOf(b);
            Certificate memory c = certify(h, all);
            inbox.append(b, h, seats, c);
        }
        vm.snapshotGasLastCall("Gas", name);
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_append() public {
        appendWith(1, "append, committee of 1");
        appendWith(4, "append, committee of 4");
        appendWith(21, "append, committee of 21");
        appendWith(67, "append, committee of 67");
        appendWith(100, "append, committee of 100");
    }

    /// @dev The smallest committees of equal weights that so many signers speak for.
    ///
    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_certificates() public {
        uint256 one = certified(1, "certificate of 1");
        uint256[4] memory counts = [uint256(4), 21, 67, 100];
        for (uint256 i = 0; i < 4; ++i) {
            uint256 n = counts[i];
            string memory name = string.concat("certificate of ", vm.toString(n));
            uint256 each = (certified(n, name) - one) / (n - 1);
            vm.snapshotValue("Gas", string.concat(name, ", each further signer"), each);
            vm.assertLe(each, 6999, "calldata of signatures and seats included");
        }
    }

    /// @return gas Of the whole transaction, `append`, with a committee of which `signers` are just over two thirds.
    function certified(uint256 signers, string memory name) private returns (uint256 gas) {
        uint256 n = (signers * 3 - 1) / 2;
        committeeOf(n);
        uint64 chainId = uint64(20_000 + n);
        registry.register(registration(chainId));
        for (uint256 i = 0; i < 2; ++i) {
            BatchHeader memory b = nextBatch(chainId, 0);
            BlockHeader memory h = sealOf(b);
            inbox.append(b, h, seats, certify(h, (1 << signers) - 1));
        }
        return vm.snapshotGasLastCall("Gas", name);
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_messages() public {
        bridge.deposit(CHAIN, address(xpl), address(7), 1e18, "");
        vm.snapshotGasLastCall("Gas", "deposit");
        inbox.sendTransaction(CHAIN, new bytes(120));
        vm.snapshotGasLastCall("Gas", "sendTransaction, 120 zero bytes");
        vm.warp(block.timestamp + DELAY + 1);
        inbox.force(CHAIN);
        vm.snapshotGasLastCall("Gas", "force");
    }

    /// forge-config: default.isolate = true
    /// forge-config: long.isolate = true
    function test_claims() public {
        OutboxMessage memory m = withdrawal(0, address(0), address(7), 1e15);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = Hashing.outboxId(m);
        bytes32 root = Trees.outboxRoot(leaves);
        appendNext(CHAIN);
        Checkpoint memory state = finalState(2, root);
        (bytes32 commitment, bytes32[] memory proof) = traceTo(state, 0);
        tournament.join{ value: BOND }(CHAIN, 2, commitment, state, proof);
        vm.snapshotGasLastCall("Gas", "join");
        vm.warp(block.timestamp + WINDOW);
        tournament.settle(CHAIN);
        vm.snapshotGasLastCall("Gas", "settle");
        bytes32[32] memory path = Trees.outboxProof(leaves, 0);
        bridge.withdraw(m, "", root, 0, path);
        vm.snapshotGasLastCall("Gas", "withdraw, to a new holder");
        tournament.withdraw(payable(address(this)));
        vm.snapshotGasLastCall("Gas", "withdraw a bond");
    }
}
