// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IStepVerifier } from "../../src/IStepVerifier.sol";

/// @notice A machine that does what it was told: fakes the step, so that a table can say what it leads to.
contract ScriptedVerifier is IStepVerifier {
    error NoSuchStep(bytes32 agreed);

    mapping(bytes32 agreed => bytes32) private _next;

    function script(bytes32 agreed, bytes32 next) external {
        _next[agreed] = next;
    }

    function step(bytes32 agreed, bytes32, uint64, bytes calldata)
        external
        view
        returns (bytes32 next)
    {
        next = _next[agreed];
        if (next == 0) revert NoSuchStep(agreed);
    }
}
