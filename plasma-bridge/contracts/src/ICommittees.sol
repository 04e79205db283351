// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Where a chain's committees come from, if it has no fixed one
/// @notice A chain whose registered committee is the address of such a contract asks it at each certificate.
interface ICommittees {
    /// @notice Hash of the seats that certify in `epoch`. Reverts where none do, or not any more.
    function committee(uint64 chainId, uint64 epoch) external view returns (bytes32);

    /// @notice Takes note of a certificate that the inbox accepted.
    /// @param signers Bitmap over the seats.
    /// @param vote The digest that they signed.
    function noteCertificate(uint64 chainId, uint64 epoch, uint256 signers, bytes32 vote) external;
}
