//! A real blob with real KZG proofs, by another library than the machine's.

use c_kzg::{Blob, Bytes32, ethereum_kzg_settings};

use super::*;

/// A blob and its versioned hash.
pub(super) struct Sample {
    pub(super) key: B256,
    commitment: [u8; 48],
    blob: Box<Blob>,
}

/// A blob of which no two field elements are the same.
pub(super) fn sample() -> Sample {
    let mut bytes = vec![0; BLOB_BYTES];
    for (i, element) in bytes.chunks_exact_mut(32).enumerate() {
        // The highest byte stays zero, so that each element is below the field's order.
        element[1..].fill(i as u8);
        element[30..].copy_from_slice(&(i as u16).to_be_bytes());
    }
    let blob = Box::new(Blob::from_bytes(&bytes).expect("a blob has this length"));
    let settings = ethereum_kzg_settings(0);
    let commitment = settings
        .blob_to_kzg_commitment(&blob)
        .expect("elements are canonical");
    let commitment: [u8; 48] = *commitment.to_bytes().as_ref();
    let mut key = plasma_core::sha256(&commitment);
    key[0] = 1;
    Sample {
        key,
        commitment,
        blob,
    }
}

impl Sample {
    /// Knows the blob, and the opening of one field element where there is one.
    pub(super) fn oracle(&self, index: u64) -> Known {
        let mut known = Known::default();
        let bytes: &[u8] = (*self.blob).as_ref();
        known
            .preimages
            .insert((PreimageKind::Blob, self.key), bytes.to_vec().into());
        if index < BLOB_ELEMENTS {
            known
                .openings
                .insert((self.key, index), self.opening(index));
        }
        known
    }

    fn opening(&self, index: u64) -> BlobOpening {
        let z = Bytes32::new(kzg::point_bytes(index));
        let settings = ethereum_kzg_settings(0);
        let (proof, value) = settings
            .compute_kzg_proof(&self.blob, &z)
            .expect("z is canonical");
        BlobOpening {
            commitment: self.commitment,
            proof: *proof.to_bytes().as_ref(),
            value: B256::from_slice(value.as_ref()),
        }
    }
}

#[test]
fn field_elements_lie_at_the_points_where_another_library_finds_them() {
    let sample = sample();
    let bytes: &[u8] = (*sample.blob).as_ref();
    for index in [0, 1, 2, 3, 1000, 4094, 4095] {
        let opening = sample.opening(index);
        let place = 32 * index as usize..32 * index as usize + 32;
        assert_eq!(opening.value.as_slice(), &bytes[place], "element {index}");
        assert!(kzg::opens(&sample.key, index, &opening), "element {index}");
        assert!(!kzg::opens(&sample.key, index ^ 1, &opening));
        assert!(!kzg::opens(&B256::ZERO, index, &opening));
        for wrong in wrong_openings(&opening) {
            assert!(!kzg::opens(&sample.key, index, &wrong), "{wrong:?}");
        }
    }
    assert!(!kzg::opens(&sample.key, 4096, &sample.opening(0)));
}

fn wrong_openings(right: &BlobOpening) -> Vec<BlobOpening> {
    let change = |change: fn(&mut BlobOpening)| {
        let mut opening = right.clone();
        change(&mut opening);
        opening
    };
    vec![
        change(|opening| opening.commitment[47] ^= 1),
        change(|opening| opening.proof[47] ^= 1),
        change(|opening| opening.proof = [0xff; 48]),
        change(|opening| opening.value[31] ^= 1),
        change(|opening| opening.value = B256::repeat_byte(0xff)),
    ]
}
