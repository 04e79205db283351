//! The point-evaluation precompile (EIP-4844) over the field elements of a blob.

use std::{ops::Neg, sync::OnceLock};

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, pairing::Pairing};
use ark_ff::{BigInteger, Field, PrimeField};
use ark_serialize::CanonicalDeserialize;
use plasma_core::{B256, hex, sha256};

use super::oracle::{BLOB_ELEMENTS, BlobOpening};

/// `[τ]₂` of Ethereum's ceremony: the second of `g2_monomial` in `trusted_setup_4096.json`.
const TAU_G2: [u8; 96] = hex!(
    "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72"
    "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2"
);
/// The version of a KZG commitment's hash.
const VERSION: u8 = 1;

/// Whether the opening shows the blob's field element `index`.
pub(crate) fn opens(versioned_hash: &B256, index: u64, opening: &BlobOpening) -> bool {
    let mut hash = sha256(&opening.commitment);
    hash.0[0] = VERSION;
    hash == *versioned_hash && index < BLOB_ELEMENTS && evaluates(opening, point(index))
}

/// The point that a blob's polynomial has its field element `index` at: roots of unity, in bit-reversed order.
fn point(index: u64) -> Fr {
    static ROOT: OnceLock<Fr> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        // (r - 1) / 4096, the exponent that makes the generator a root of unity of this order.
        let mut exponent = Fr::from(-1).into_bigint();
        exponent >>= BLOB_ELEMENTS.trailing_zeros();
        Fr::from(7).pow(exponent)
    });
    let reversed = index.reverse_bits() >> (64 - BLOB_ELEMENTS.trailing_zeros());
    root.pow([reversed])
}

#[cfg(test)]
pub(crate) fn point_bytes(index: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&point(index).into_bigint().to_bytes_be());
    bytes
}

/// e(C - [y], -G2) * e(proof, [τ - z]) = 1
fn evaluates(opening: &BlobOpening, z: Fr) -> bool {
    let y = Fr::from_be_bytes_mod_order(opening.value.as_slice());
    let canonical = y.into_bigint().to_bytes_be() == opening.value.as_slice();
    let (Ok(commitment), Ok(proof), Ok(tau)) = (
        G1Affine::deserialize_compressed(&opening.commitment[..]),
        G1Affine::deserialize_compressed(&opening.proof[..]),
        G2Affine::deserialize_compressed_unchecked(&TAU_G2[..]),
    ) else {
        return false;
    };
    let g1 = <Bls12_381 as Pairing>::G1::generator();
    let g2 = <Bls12_381 as Pairing>::G2::generator();
    let numerator = (commitment.into_group() - g1 * y).into_affine();
    let denominator = (tau.into_group() - g2 * z).into_affine();
    let product =
        Bls12_381::multi_pairing([numerator, proof], [g2.neg().into_affine(), denominator]);
    canonical && product.0 == <Bls12_381 as Pairing>::TargetField::ONE
}
