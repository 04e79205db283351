//! The gas that a transaction declares, read without decoding the rest.

use alloy_primitives::Address;
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

/// Whom a legacy or EIP-1559 transaction calls, and what with; `None` for a creation, for one with an access list, and
/// for what is of another kind or no transaction.
pub(crate) fn plain_call(bytes: &[u8]) -> Option<(Address, &[u8])> {
    let (mut body, before, listed) = match bytes {
        [0xc0..=0xff, ..] => (bytes, 3, false),
        [2, body @ ..] => (body, 5, true),
        _ => return None,
    };
    if !Header::decode(&mut body).ok()?.list {
        return None;
    }
    for _ in 0..before {
        text(&mut body)?;
    }
    let to = text(&mut body)?;
    let _value = text(&mut body)?;
    let input = text(&mut body)?;
    let list = if listed { body.first()? } else { &EMPTY_LIST };
    (*list == EMPTY_LIST && to.len() == 20).then(|| (Address::from_slice(to), input))
}

/// An empty list, encoded.
const EMPTY_LIST: u8 = 0xc0;

/// The next field of a list, of one that is no list itself.
fn text<'a>(body: &mut &'a [u8]) -> Option<&'a [u8]> {
    Header::decode_bytes(body, false).ok()
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
