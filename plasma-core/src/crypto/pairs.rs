//! Hashes of many inputs of one length: two hashes each, as a tree has them.

/// SHA-256 of each of `pairs`, in order, into `hashes`, of which there must be as many.
///
/// With the feature `hashtree` several are computed side by side, and the block that pads each, which is always the
/// same, was expanded beforehand: so many at once take half the time of one after another.
#[inline]
pub fn sha256_pairs(pairs: &[[u8; 64]], hashes: &mut [[u8; 32]]) {
    assert_eq!(pairs.len(), hashes.len(), "a place for each hash");
    #[cfg(feature = "hashtree")]
    hashtree(pairs, hashes);
    #[cfg(not(feature = "hashtree"))]
    one_by_one(pairs, hashes);
}

#[cfg(any(test, not(feature = "hashtree")))]
fn one_by_one(pairs: &[[u8; 64]], hashes: &mut [[u8; 32]]) {
    for (pair, hash) in pairs.iter().zip(hashes) {
        *hash = super::sha256(pair).0;
    }
}

#[cfg(feature = "hashtree")]
fn hashtree(pairs: &[[u8; 64]], hashes: &mut [[u8; 32]]) {
    // It chooses by the processor, once, into a variable that no lock guards.
    static CHOSEN: std::sync::Once = std::sync::Once::new();
    CHOSEN.call_once(|| {
        hashtree_rs::init();
    });
    hashtree_rs::hash(hashes.as_flattened_mut(), pairs.as_flattened(), pairs.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn many_at_once_are_what_they_are_one_by_one(
            halves in prop::collection::vec(any::<[[u8; 32]; 2]>(), 0..70),
        ) {
            let pairs: Vec<[u8; 64]> = halves
                .iter()
                .map(|halves| halves.as_flattened().try_into().expect("two halves"))
                .collect();
            let mut hashes = vec![[0; 32]; pairs.len()];
            let mut plain = hashes.clone();
            sha256_pairs(&pairs, &mut hashes);
            one_by_one(&pairs, &mut plain);
            prop_assert_eq!(hashes, plain);
        }
    }

    #[test]
    #[should_panic(expected = "a place for each hash")]
    fn there_must_be_a_place_for_each_hash() {
        sha256_pairs(&[[0; 64]; 2], &mut [[0; 32]; 1]);
    }
}
