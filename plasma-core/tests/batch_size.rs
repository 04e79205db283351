//! How much a signed transfer takes of the availability layer, and how long it takes to write and
//! read. Sizes are checked; times are printed (with `--release --nocapture` they mean something).

use std::time::Instant;

use plasma_core::{Sample, SampleKind, decode_batch, encode_batch};

/// The least of five times, in seconds, and what came out.
fn fastest<T>(work: impl Fn() -> T) -> (f64, T) {
    let run = || {
        let start = Instant::now();
        let result = work();
        (start.elapsed().as_secs_f64(), result)
    };
    (0..5)
        .map(|_| run())
        .min_by(|one, other| one.0.total_cmp(&other.0))
        .expect("five runs")
}

fn check(kind: SampleKind, limit: f64) {
    let sample = Sample::transfers(kind);
    let blocks = sample.blocks();
    let each = |amount: f64| amount / sample.transfers as f64;
    let plain: usize = blocks
        .iter()
        .flat_map(|block| &block.transactions)
        .map(|bytes| bytes.len())
        .sum();

    let (writing, encoded) = fastest(|| encode_batch(&blocks));
    let (reading, decoded) = fastest(|| decode_batch(&Sample::head(), &encoded));
    assert_eq!(decoded.as_ref(), Ok(&blocks));

    let (writing, reading) = (each(writing * 1e6), each(reading * 1e6));
    let (plain, taken) = (each(plain as f64), each(encoded.len() as f64));
    println!(
        "{kind:?} transfer: {taken:.2} bytes in a batch, {plain:.2} as it was signed; \
         {writing:.2} us to write, {reading:.2} us to read"
    );
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
