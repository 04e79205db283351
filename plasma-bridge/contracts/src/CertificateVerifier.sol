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

    /// @return vote The digest that more than two thirds of the committee signed.
    function verify(
        uint64 chainId,
        bytes32 committee,
        Seat[] calldata seats,
        Certificate calldata certificate
    ) internal pure returns (bytes32 vote) {
        checkCommittee(committee, seats);
        uint256 signers = certificate.signers;
        if (seats.length < MAX_SEATS && signers >> seats.length != 0) {
            revert UnknownSeats(signers, seats.length);
        }
        vote = Hashing.vote(
            chainId, certificate.epoch, certificate.height, certificate.round, certificate.blockHash
        );
        _checkWeight(vote, seats, signers, certificate.signatures);
    }

    /// @notice Whether `seats` are the ones that the hash is of.
    function checkCommittee(bytes32 committee, Seat[] calldata seats) internal pure {
        if (seats.length == 0 || seats.length > MAX_SEATS) {
            revert WrongCommitteeSize(seats.length, MAX_SEATS);
        }
        bytes32 got = Hashing.committeeInCalldata(seats);
        if (got != committee) revert UnknownCommittee(committee, got);
    }

    /// @notice Whether `key` signed the digest with the 65 bytes, in their only valid form.
    /// @param seat Named in errors.
    function checkSignature(bytes32 digest, uint256 seat, address key, bytes calldata signature)
        internal
        pure
    {
        if (signature.length != SIGNATURE_LENGTH) {
            revert WrongSignatureLength(SIGNATURE_LENGTH, signature.length);
        }
        uint256 place;
        assembly ("memory-safe") {
            place := signature.offset
        }
        address signer = _recover(digest, seat, place);
        if (signer == address(0) || signer != key) revert WrongSigner(seat, key, signer);
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
            Seat calldata seat = seats[i];
            uint256 weight = seat.weight;
            total += weight;
            if ((signers >> i) & 1 == 0) continue;
            if (signatures.length < offset + SIGNATURE_LENGTH) {
                revert WrongSignatureLength(offset + SIGNATURE_LENGTH, signatures.length);
            }
            uint256 place;
            assembly ("memory-safe") {
                place := add(signatures.offset, offset)
            }
            address signer = _recover(digest, i, place);
            address key = seat.key;
            // ecrecover answers 0 for an invalid signature, which a zero key would otherwise match.
            if (signer == address(0) || signer != key) revert WrongSigner(i, key, signer);
            signed += weight;
            offset += SIGNATURE_LENGTH;
        }
        if (signatures.length != offset) revert WrongSignatureLength(offset, signatures.length);
        if (signed * 3 <= total * 2) revert InsufficientWeight(signed, total);
    }

    /// @param place Where in the calldata the 65 bytes begin; the caller has checked that they are there.
    function _recover(bytes32 digest, uint256 seat, uint256 place) private pure returns (address) {
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := calldataload(place)
            s := calldataload(add(place, 32))
            v := byte(0, calldataload(add(place, 64)))
        }
        if (uint256(s) > HALF_ORDER) revert HighS(seat, uint256(s));
        if (v != 27 && v != 28) revert BadRecoveryId(seat, v);
        return ecrecover(digest, v, r, s);
    }
}
