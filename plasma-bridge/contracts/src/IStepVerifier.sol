// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Takes one step of the fault-proof machine.
interface IStepVerifier {
    /// @notice The hash of the state after `agreed`. Reverts when the proof is wrong, and only then.
    function step(bytes32 agreed, bytes32 romRoot, uint64 romBase, bytes calldata proof)
        external
        view
        returns (bytes32 next);
}
