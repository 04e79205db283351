// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Hashing } from "./Hashing.sol";
import { Certificate, Seat } from "./Types.sol";

/// @notice Checks a quorum certificate with plain `ecrecover`, and accepts exactly one encoding of
/// each set of signatures.
library CertificateVerifier {
    error UnknownCommittee(bytes32 expected, bytes32 got);
    error WrongCommitteeSize(uint256 seats, uint256 limit);
    error UnknownSeats(uint256 signers, uint256 seats);
    error WrongSignatureLength(uint256 expected, uint256 got);
    error HighS(uint256 seat, uint256 s);
    error BadRecoveryId(uint256 seat, uint8 v);
    error WrongSigner(uint256 seat, address expected, address got);
    error InsufficientWeight(uint256 signed, uint256 total);

    /// @notice The signers' bitmap is one word.
    uint256 internal constant MAX_SEATS = 256;
    uint256 internal constant SIGNATURE_LENGTH = 65;
    /// @notice secp256k1's order / 2: above it lies the same signature's malleable twin.
    uint256 internal constant HALF_ORDER =
        0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    function verify(
        uint64 chainId,
        bytes32 committee,
        Seat[] calldata seats,
        Certificate calldata certificate
    ) internal pure {
        bytes32 got = Hashing.committee(seats);
        if (got != committee) revert UnknownCommittee(committee, got);
        if (seats.length == 0 || seats.length > MAX_SEATS) {
            revert WrongCommitteeSize(seats.length, MAX_SEATS);
        }
        uint256 signers = certificate.signers;
        if (seats.length < MAX_SEATS && signers >> seats.length != 0) {
            revert UnknownSeats(signers, seats.length);
        }
        bytes32 digest = Hashing.vote(
            chainId, certificate.epoch, certificate.height, certificate.round, certificate.blockHash
        );
        _checkWeight(digest, seats, signers, certificate.signatures);
    }

    function _checkWeight(
        bytes32 digest,
        Seat[] calldata seats,
        uint256 signers,
        bytes calldata signatures
    ) private pure {
        uint256 signed;
        uint256 total;
        uint256 offset;
        for (uint256 i = 0; i < seats.length; ++i) {
            total += seats[i].weight;
            if ((signers >> i) & 1 == 0) continue;
            if (signatures.length < offset + SIGNATURE_LENGTH) {
                revert WrongSignatureLength(offset + SIGNATURE_LENGTH, signatures.length);
            }
            _checkSignature(digest, i, seats[i].key, signatures[offset:offset + SIGNATURE_LENGTH]);
            signed += seats[i].weight;
            offset += SIGNATURE_LENGTH;
        }
        if (signatures.length != offset) revert WrongSignatureLength(offset, signatures.length);
        if (signed * 3 <= total * 2) revert InsufficientWeight(signed, total);
    }

    function _checkSignature(bytes32 digest, uint256 seat, address key, bytes calldata signature)
        private
        pure
    {
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (uint256(s) > HALF_ORDER) revert HighS(seat, uint256(s));
        if (v != 27 && v != 28) revert BadRecoveryId(seat, v);
        address signer = ecrecover(digest, v, r, s);
        // ecrecover answers 0 for an invalid signature, which a zero key would otherwise match.
        if (signer == address(0) || signer != key) revert WrongSigner(seat, key, signer);
    }
}
