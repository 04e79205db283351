// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { CertificateVerifier as Verifier } from "../src/CertificateVerifier.sol";
import { Hashing } from "../src/Hashing.sol";
import { Certificate, Seat } from "../src/Types.sol";
import { bound, vm } from "./support/Vm.sol";

/// @notice Makes the library's internal function callable.
contract CertificateHarness {
    function verify(
        uint64 chainId,
        bytes32 committee,
        Seat[] calldata seats,
        Certificate calldata certificate
    ) external pure {
        Verifier.verify(chainId, committee, seats, certificate);
    }
}

contract CertificateTest {
    uint256 private constant ORDER =
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    CertificateHarness private harness = new CertificateHarness();
    uint256[] private keys;
    Seat[] private seats;

    function committeeOf(uint64[] memory weights) private {
        delete keys;
        delete seats;
        for (uint256 i = 0; i < weights.length; ++i) {
            keys.push(1000 + i);
            seats.push(Seat(vm.addr(1000 + i), weights[i]));
        }
    }

    function equalWeights(uint256 n) private pure returns (uint64[] memory weights) {
        weights = new uint64[](n);
        for (uint256 i = 0; i < n; ++i) {
            weights[i] = 1;
        }
    }

    function certificate(uint256 signers) private view returns (Certificate memory c) {
        c.epoch = 1;
        c.height = 2;
        c.round = 3;
        c.blockHash = keccak256("block");
        c.signers = signers;
        for (uint256 i = 0; i < keys.length; ++i) {
            if ((signers >> i) & 1 != 0) {
                c.signatures = bytes.concat(c.signatures, signature(i, digest(c)));
            }
        }
    }

    function digest(Certificate memory c) private pure returns (bytes32) {
        return Hashing.vote(4242, c.epoch, c.height, c.round, c.blockHash);
    }

    function signature(uint256 seat, bytes32 hash) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[seat], hash);
        return abi.encodePacked(r, s, v);
    }

    function verify(Certificate memory c) private view {
        harness.verify(4242, Hashing.committee(seats), seats, c);
    }

    function refuse(Certificate memory c, bytes memory reason) private {
        vm.expectRevert(reason);
        verify(c);
    }

    // ---- weight: more than two thirds, exactly

    function test_weightTable() public {
        uint64[] memory weights = new uint64[](3);
        (weights[0], weights[1], weights[2]) = (20, 10, 1);
        committeeOf(weights);
        // 21 of 31 is more than two thirds; 20 of 31 is not.
        verify(certificate(0x7));
        verify(certificate(0x3));
        verify(certificate(0x5));
        refuse(
            certificate(0x1), abi.encodeWithSelector(Verifier.InsufficientWeight.selector, 20, 31)
        );
        refuse(
            certificate(0x6), abi.encodeWithSelector(Verifier.InsufficientWeight.selector, 11, 31)
        );
        refuse(
            certificate(0x0), abi.encodeWithSelector(Verifier.InsufficientWeight.selector, 0, 31)
        );

        committeeOf(equalWeights(3));
        // Two of three is exactly two thirds.
        refuse(certificate(0x3), abi.encodeWithSelector(Verifier.InsufficientWeight.selector, 2, 3));
        verify(certificate(0x7));

        committeeOf(equalWeights(1));
        verify(certificate(0x1));

        (weights[0], weights[1], weights[2]) =
        (type(uint64).max, type(uint64).max, type(uint64).max);
        committeeOf(weights);
        verify(certificate(0x7));
    }

    function testFuzz_weight(uint256 seed, uint256 signers) public {
        uint64[] memory weights = new uint64[](1 + seed % 7);
        uint256 total;
        uint256 signed;
        for (uint256 i = 0; i < weights.length; ++i) {
            weights[i] = uint64(uint256(keccak256(abi.encode(seed, i)))) >> uint8(seed >> 8) % 64;
            total += weights[i];
            if ((signers >> i) & 1 != 0) signed += weights[i];
        }
        signers &= (1 << weights.length) - 1;
        committeeOf(weights);
        if (signed * 3 > total * 2) {
            verify(certificate(signers));
        } else {
            refuse(
                certificate(signers),
                abi.encodeWithSelector(Verifier.InsufficientWeight.selector, signed, total)
            );
        }
    }

    function test_largestCommittee() public {
        committeeOf(equalWeights(256));
        verify(certificate(type(uint256).max));
        committeeOf(equalWeights(257));
        refuse(
            certificate(7), abi.encodeWithSelector(Verifier.WrongCommitteeSize.selector, 257, 256)
        );
        committeeOf(equalWeights(0));
        refuse(certificate(0), abi.encodeWithSelector(Verifier.WrongCommitteeSize.selector, 0, 256));
    }

    // ---- one encoding only

    function test_malformed() public {
        committeeOf(equalWeights(4));
        Certificate memory c = certificate(0xf);
        bytes memory good = c.signatures;
        verify(c);

        c.signers = 0x1f;
        refuse(c, abi.encodeWithSelector(Verifier.UnknownSeats.selector, 0x1f, 4));
        c.signers = 0xf | (1 << 255);
        refuse(c, abi.encodeWithSelector(Verifier.UnknownSeats.selector, c.signers, 4));

        c = certificate(0xf);
        c.signatures = bytes.concat(good, hex"00");
        refuse(c, abi.encodeWithSelector(Verifier.WrongSignatureLength.selector, 260, 261));
        c.signatures = bytes.concat(good, signature(0, digest(c)));
        refuse(c, abi.encodeWithSelector(Verifier.WrongSignatureLength.selector, 260, 325));
        c.signatures = cut(good, 259);
        refuse(c, abi.encodeWithSelector(Verifier.WrongSignatureLength.selector, 260, 259));
        c.signatures = "";
        refuse(c, abi.encodeWithSelector(Verifier.WrongSignatureLength.selector, 65, 0));
        // Fewer bits than signatures.
        c.signers = 0x7;
        c.signatures = good;
        refuse(c, abi.encodeWithSelector(Verifier.WrongSignatureLength.selector, 195, 260));
    }

    function test_unorderedOrRepeated() public {
        committeeOf(equalWeights(4));
        Certificate memory c = certificate(0xf);
        bytes32 hash = digest(c);
        bytes memory rest = bytes.concat(signature(2, hash), signature(3, hash));
        c.signatures = bytes.concat(signature(1, hash), signature(0, hash), rest);
        refuse(c, wrongSigner(0, seats[0].key, seats[1].key));
        c.signatures = bytes.concat(signature(0, hash), signature(0, hash), rest);
        refuse(c, wrongSigner(1, seats[1].key, seats[0].key));
    }

    function test_malleable() public {
        committeeOf(equalWeights(1));
        Certificate memory c = certificate(1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], digest(c));
        uint256 high = ORDER - uint256(s);
        // The twin recovers to the same address, which is why it has to be refused.
        vm.assertEq(ecrecover(digest(c), v == 27 ? 28 : 27, r, bytes32(high)), seats[0].key);
        c.signatures = abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27));
        refuse(c, abi.encodeWithSelector(Verifier.HighS.selector, 0, high));
        uint8[6] memory ids = [0, 1, 26, 29, 35, 255];
        for (uint256 i = 0; i < ids.length; ++i) {
            c.signatures = abi.encodePacked(r, s, ids[i]);
            refuse(c, abi.encodeWithSelector(Verifier.BadRecoveryId.selector, 0, ids[i]));
        }
    }

    function test_zeroKeyMatchesNoSignature() public {
        committeeOf(equalWeights(1));
        Certificate memory c = certificate(1);
        seats[0].key = address(0);
        c.signatures = abi.encodePacked(bytes32(0), bytes32(uint256(1)), uint8(27));
        refuse(c, wrongSigner(0, address(0), address(0)));
    }

    function test_everyFieldIsSigned() public {
        committeeOf(equalWeights(1));
        for (uint256 i = 0; i < 4; ++i) {
            Certificate memory c = certificate(1);
            if (i == 0) c.epoch += 1;
            if (i == 1) c.height += 1;
            if (i == 2) c.round += 1;
            if (i == 3) c.blockHash = keccak256("another");
            vm.expectPartialRevert(Verifier.WrongSigner.selector);
            verify(c);
        }
        vm.expectPartialRevert(Verifier.WrongSigner.selector);
        harness.verify(4243, Hashing.committee(seats), seats, certificate(1));
    }

    function test_otherCommittee() public {
        committeeOf(equalWeights(2));
        bytes32 committee = Hashing.committee(seats);
        Certificate memory c = certificate(3);
        seats[1].weight += 1;
        bytes32 got = Hashing.committee(seats);
        vm.expectRevert(abi.encodeWithSelector(Verifier.UnknownCommittee.selector, committee, got));
        harness.verify(4242, committee, seats, c);
    }

    function testFuzz_flippedBit(uint256 position) public {
        committeeOf(equalWeights(3));
        Certificate memory c = certificate(7);
        position = bound(position, 0, c.signatures.length * 8 - 1);
        c.signatures[position / 8] ^= bytes1(uint8(1 << (position % 8)));
        try harness.verify(4242, Hashing.committee(seats), seats, c) {
            vm.assertTrue(false);
        } catch (bytes memory reason) {
            bytes4 got = bytes4(reason);
            bool known = got == Verifier.WrongSigner.selector || got == Verifier.HighS.selector
                || got == Verifier.BadRecoveryId.selector;
            vm.assertTrue(known);
        }
    }

    function wrongSigner(uint256 seat, address expected, address got)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(Verifier.WrongSigner.selector, seat, expected, got);
    }

    function cut(bytes memory data, uint256 length) private pure returns (bytes memory shorter) {
        shorter = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            shorter[i] = data[i];
        }
    }
}
