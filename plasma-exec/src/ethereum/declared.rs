//! The gas that a transaction declares, read without decoding the rest.

use alloy_rlp::{Decodable as _, Header};

/// The work of finding out that `bytes` are no transaction: at most that of a plain transfer, or of hashing them.
pub(crate) fn least_work(bytes: &[u8]) -> u64 {
    (bytes.len() as u64 * 16).max(21_000)
}

/// A bound on the gas that these bytes can use: what they declare, up to `most`, which is all that a transaction may
/// take. What declares more is refused. Where the declaration cannot be found, `most`; of what is of no kind that is
/// executed, nothing but [`least_work`].
pub(crate) fn declared_work(bytes: &[u8], most: u64) -> u64 {
    let (body, before) = match bytes {
        [0xc0..=0xff, ..] => (bytes, 2),
        [1, body @ ..] => (body, 3),
        [2 | 4, body @ ..] => (body, 4),
        _ => return least_work(bytes),
    };
    match field(body, before) {
        Some(declared) if declared > most => least_work(bytes),
        Some(declared) => declared.max(least_work(bytes)),
        None => most,
    }
}

/// The number behind so many fields of a list.
fn field(mut body: &[u8], before: usize) -> Option<u64> {
    if !Header::decode(&mut body).ok()?.list {
        return None;
    }
    for _ in 0..before {
        let length = Header::decode(&mut body).ok()?.payload_length;
        body = body.get(length..)?;
    }
    u64::decode(&mut body).ok()
}
