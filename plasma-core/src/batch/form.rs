//! Forms: what transactions that look alike have in common, said once for a batch.

use alloc::vec::Vec;

#[cfg(feature = "compress")]
use alloy_primitives::U256;

#[cfg(feature = "compress")]
use super::reader::write_varint;
use super::{
    fields::Kind,
    reader::{Reader, malformed},
};
use crate::CodecError;

/// The most ABI words of a call that go into columns; longer calls stay as they are.
pub(super) const MAX_CALL_WORDS: usize = 64;

/// What an ABI word of a call looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    /// Nothing but zeros.
    Zero,
    /// Many zeros, then a few digits.
    Number,
    /// Twelve zeros, then an address.
    Address,
    /// Anything else.
    Raw,
}

impl Word {
    const ALL: [Self; 4] = [Self::Zero, Self::Number, Self::Address, Self::Raw];

    /// What `word` looks like.
    #[cfg(feature = "compress")]
    pub(super) fn of(word: &[u8; 32]) -> Self {
        let bits = U256::from_be_bytes(*word).bit_len();
        match bits {
            0 => Self::Zero,
            // Amounts are below 2^112 in practice, and addresses above: a wrong guess costs bytes,
            // nothing else.
            113..=160 => Self::Address,
            1..=224 => Self::Number,
            _ => Self::Raw,
        }
    }
}

/// What a call looks like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    /// No bytes.
    Empty,
    /// Bytes of any kind.
    Opaque,
    /// A selector and ABI words.
    Words([u8; 4], Vec<Word>),
}

impl Call {
    /// What `data` looks like.
    #[cfg(feature = "compress")]
    pub(super) fn of(data: &[u8]) -> Self {
        let Some((selector, rest)) = data.split_first_chunk::<4>() else {
            return if data.is_empty() {
                Self::Empty
            } else {
                Self::Opaque
            };
        };
        match rest.as_chunks::<32>() {
            (words, []) if words.len() <= MAX_CALL_WORDS => {
                Self::Words(*selector, words.iter().map(Word::of).collect())
            }
            _ => Self::Opaque,
        }
    }
}

/// What transactions that look alike have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// Bytes that are no transaction that columns know.
    Raw,
    /// A transaction in columns.
    Fields(FieldsForm),
}

/// What transactions in columns that look alike have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FieldsForm {
    /// The encoding.
    pub(super) kind: Kind,
    /// The chain that it is signed for, where that is not the batch's.
    pub(super) foreign_chain: Option<u64>,
    /// Whether it calls someone, or creates.
    pub(super) has_to: bool,
    /// Whether it carries value.
    pub(super) has_value: bool,
    /// Whether its access list has items.
    pub(super) has_access: bool,
    /// What its call looks like.
    pub(super) call: Call,
}

/// The most forms in a batch: more than transactions in columns fit.
pub(super) const MAX_FORMS: usize = 1 << 17;

const HAS_TO: u8 = 1;
const HAS_VALUE: u8 = 2;
const HAS_ACCESS: u8 = 4;
const FOREIGN: u8 = 8;

impl Form {
    /// Writes the form.
    #[cfg(feature = "compress")]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self::Fields(form) = self else {
            out.push(0);
            return;
        };
        out.push(1 + form.kind as u8);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(form.has_to, HAS_TO)
                | flag(form.has_value, HAS_VALUE)
                | flag(form.has_access, HAS_ACCESS)
                | flag(form.foreign_chain.is_some(), FOREIGN),
        );
        if let Some(chain) = form.foreign_chain {
            write_varint(out, chain);
        }
        match &form.call {
            Call::Empty => out.push(0),
            Call::Opaque => out.push(1),
            Call::Words(selector, words) => {
                out.push(2 + words.len() as u8);
                out.extend_from_slice(selector);
                out.extend(words.chunks(4).map(pack));
            }
        }
    }

    /// Reads a form.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let kind = match reader.byte()? {
            0 => return Ok(Self::Raw),
            number => *Kind::ALL
                .get(usize::from(number) - 1)
                .ok_or_else(|| malformed("a form is of no known kind"))?,
        };
        let flags = reader.byte()?;
        if flags >= FOREIGN << 1 {
            return Err(malformed("a form has unknown flags"));
        }
        let foreign_chain = if flags & FOREIGN == 0 {
            None
        } else {
            Some(reader.varint()?)
        };
        let call = match usize::from(reader.byte()?) {
            0 => Call::Empty,
            1 => Call::Opaque,
            words if words - 2 > MAX_CALL_WORDS => {
                return Err(malformed("a call of a form has too many words"));
            }
            words => Call::Words(reader.array()?, read_words(reader, words - 2)?),
        };
        Ok(Self::Fields(FieldsForm {
            kind,
            foreign_chain,
            has_to: flags & HAS_TO != 0,
            has_value: flags & HAS_VALUE != 0,
            has_access: flags & HAS_ACCESS != 0,
            call,
        }))
    }
}

/// Four words in a byte, the first one lowest.
#[cfg(feature = "compress")]
fn pack(words: &[Word]) -> u8 {
    words
        .iter()
        .rev()
        .fold(0, |byte, word| byte << 2 | *word as u8)
}

fn read_words(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Word>, CodecError> {
    let mut words = Vec::with_capacity(count.next_multiple_of(4));
    for byte in reader.take(count.div_ceil(4))? {
        words.extend((0..4).map(|place| Word::ALL[usize::from(byte >> (2 * place) & 3)]));
    }
    if words[count..].iter().any(|word| *word != Word::Zero) {
        return Err(malformed(
            "the bits after the last word of a form are not zero",
        ));
    }
    words.truncate(count);
    Ok(words)
}
