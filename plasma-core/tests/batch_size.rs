//! How much a signed transfer takes of the availability layer. How long it takes is a bench's to say.

use plasma_core::{Sample, SampleKind, decode_batch, encode_batch};

fn check(kind: SampleKind, limit: f64) {
    let sample = Sample::transfers(kind);
    let blocks = sample.blocks();
    let encoded = encode_batch(&blocks);
    let decoded = decode_batch(&Sample::head(), &encoded).expect("within the limits");
    assert!(decoded == blocks, "the blocks come back as they were");
    let taken = encoded.len() as f64 / sample.transfers as f64;
    println!("{kind:?} transfer: {taken:.2} bytes in a batch");
    assert!(taken <= limit, "{kind:?}: {taken} bytes are over {limit}");
}

#[test]
fn an_ethereum_transfer_takes_at_most_72_bytes() {
    check(SampleKind::Ethereum, 72.0);
}

#[test]
fn a_native_transfer_takes_at_most_72_bytes() {
    check(SampleKind::Native, 72.0);
}
