//! Signatures checked a second, by each scheme's library alone: on one core, and on all.

use alloy_primitives::Signature as AlloySignature;
use plasma_core::{
    B256, Ed25519Proof, Ed25519Signer, P256Proof, P256Signer, Signature, Signer, keccak256,
    verify_ed25519,
};
use plasma_sdk::bench::{Times, in_parallel, time};

use crate::{Failure, Figure, Options, figure::cores};

pub(crate) const NAMES: &[&str] = &[
    "signatures.secp256k1_core_per_s",
    "signatures.secp256k1_per_s",
    "signatures.k256_core_per_s",
    "signatures.k256_per_s",
    "signatures.ed25519_core_per_s",
    "signatures.ed25519_per_s",
    "signatures.ed25519_batch_core_per_s",
    "signatures.ed25519_batch_per_s",
    "signatures.secp256r1_core_per_s",
    "signatures.secp256r1_per_s",
];

/// Signatures in a batch.
const BATCH: usize = 2_000;

/// Of each scheme so many, by as many keys.
struct Signed {
    digests: Vec<B256>,
    secp256k1: Vec<Signature>,
    ed25519: Vec<Ed25519Proof>,
    p256: Vec<P256Proof>,
}

impl Signed {
    fn new(count: usize) -> Self {
        let digests: Vec<B256> = (0..count).map(|n| keccak256(n.to_be_bytes())).collect();
        let key = |digest: &B256| keccak256(digest);
        let scalar = "a hash is hardly ever no scalar";
        Self {
            secp256k1: in_parallel(&digests, |digest| {
                Signer::from_bytes(&key(digest))
                    .expect(scalar)
                    .sign(*digest)
            }),
            ed25519: in_parallel(&digests, |digest| {
                Ed25519Signer::from_bytes(&key(digest)).sign(*digest)
            }),
            p256: in_parallel(&digests, |digest| {
                P256Signer::from_bytes(&key(digest))
                    .expect(scalar)
                    .sign(*digest)
            }),
            digests,
        }
    }

    fn pairs<P: Copy>(&self, proofs: &[P]) -> Vec<(B256, P)> {
        self.digests
            .iter()
            .copied()
            .zip(proofs.iter().copied())
            .collect()
    }
}

fn k256(digest: B256, signature: &Signature) -> bool {
    let signature = AlloySignature::new(signature.r.into(), signature.s.into(), signature.v == 28);
    signature.recover_address_from_prehash(&digest).is_ok()
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let count = options.size(4 * BATCH, BATCH);
    let runs = options.size(5, 1);
    let signed = Signed::new(count);
    let secp256k1 = signed.pairs(&signed.secp256k1);
    let ed25519 = signed.pairs(&signed.ed25519);
    let p256 = signed.pairs(&signed.p256);
    let one_secp256k1 = |(digest, it): &(B256, Signature)| it.recover(*digest).is_ok();
    let one_k256 = |(digest, it): &(B256, Signature)| k256(*digest, it);
    let one_ed25519 = |(digest, it): &(B256, Ed25519Proof)| it.verify(*digest).is_ok();
    let one_p256 = |(digest, it): &(B256, P256Proof)| it.verify(*digest).is_ok();
    let batch = |batch: &&[(B256, Ed25519Proof)]| verify_ed25519(batch).into_iter().all(|it| it);
    let whole: Vec<&[(B256, Ed25519Proof)]> = ed25519.chunks(BATCH).collect();
    // As many on each core.
    let share = BATCH.div_ceil(cores());
    let shares: Vec<&[(B256, Ed25519Proof)]> = ed25519.chunks(share).collect();

    let all = |holds: Vec<bool>| holds.into_iter().all(|it| it);
    let work: [(&str, &dyn Fn() -> bool); 10] = [
        ("libsecp256k1, one core", &|| {
            secp256k1.iter().all(one_secp256k1)
        }),
        ("libsecp256k1, all cores", &|| {
            all(in_parallel(&secp256k1, one_secp256k1))
        }),
        ("in Rust, as without the C library, one core", &|| {
            secp256k1.iter().all(one_k256)
        }),
        ("in Rust, as without the C library, all cores", &|| {
            all(in_parallel(&secp256k1, one_k256))
        }),
        ("one by one, one core", &|| ed25519.iter().all(one_ed25519)),
        ("one by one, all cores", &|| {
            all(in_parallel(&ed25519, one_ed25519))
        }),
        ("batches of 2,000, one core", &|| whole.iter().all(batch)),
        ("batches of 2,000 in a share for each core", &|| {
            all(in_parallel(&shares, batch))
        }),
        ("one core", &|| p256.iter().all(one_p256)),
        ("all cores", &|| all(in_parallel(&p256, one_p256))),
    ];
    let mut figures = Vec::new();
    for (name, (detail, work)) in NAMES.iter().zip(work) {
        if !options.wants(name) {
            continue;
        }
        let mut times = Vec::new();
        for _ in 0..runs {
            let (time, holds) = time(work);
            if !holds {
                return Err(format!("{name}: a good signature was refused").into());
            }
            times.push(time);
        }
        let times = Times::new(times);
        let detail = format!("{count} by as many keys, {detail}; {}", times.spread(count));
        let on = ["signatures checked"];
        figures.push(Figure::new(name, times.rate(count), "signatures/s", &on).detail(detail));
    }
    Ok(figures)
}
