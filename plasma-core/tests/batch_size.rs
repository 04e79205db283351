//! How much a signed transfer takes of the availability layer. How long it takes is a bench's to say.

use plasma_core::{Sample, SampleKind, decode_batch, encode_batch};

fn check(kind: SampleKind, limit: f64) {
    let sample = Sample::transfers(kind);
    let blocks = sample.blocks();
    let encoded = encode_batch(&blocks);
    assert_eq!(
        decode_batch(&Sample::head(), &encoded).as_ref(),
        Ok(&blocks)
    );
    let taken = encoded.len() as f64 / sample.transfers as f64;
    println!("{kind:?} transfer: {taken:.2} bytes in a batch");
    assert!(taken <= limit, "{kind:?}: {taken} bytes are over {limit}");
}

#[test]
fn an_ethereum_transfer_takes_at_most_71_bytes() {
    check(SampleKind::Ethereum, 71.0);
}

#[test]
fn a_native_transfer_takes_at_most_71_bytes() {
    check(SampleKind::Native, 71.0);
}
