//! Calldata as typed data: the same words, read once for a digest and once for a wallet to show.
//!
//! A native call travels as ABI calldata and is signed as EIP-712 typed data. Both encode the same arguments in
//! words of 32 bytes, so the digest is computed from the calldata as it is. Only the one canonical calldata of
//! the arguments is read: heads, then tails in order, without gaps, with zeros as padding, with nothing left
//! over. So nobody can change a signed call's bytes and keep its signature.

use alloc::{string::String, vec::Vec};

use alloy_primitives::{I256, U256, hex, keccak256};
use serde_json::Value;

const WORD: usize = 32;

/// A type of which native calls may have arguments: an elementary one, or an array of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentType {
    One(Elementary),
    Array(Elementary),
    FixedArray(Elementary, usize),
}

/// A type that is not made of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elementary {
    Uint(usize),
    Int(usize),
    Address,
    Bool,
    FixedBytes(usize),
    Bytes,
    String,
}

/// An argument, as the calldata has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Argument<'a> {
    Word(&'a [u8; WORD]),
    Bytes(&'a [u8]),
    Array(Vec<Argument<'a>>),
}

impl Elementary {
    fn parse(name: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse::<usize>().ok();
        let bits = |digits: &str| number(digits).filter(|n| (8..=256).contains(n) && n % 8 == 0);
        Some(match name {
            "address" => Self::Address,
            "bool" => Self::Bool,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => {
                if let Some(digits) = name.strip_prefix("uint") {
                    Self::Uint(bits(digits)?)
                } else if let Some(digits) = name.strip_prefix("int") {
                    Self::Int(bits(digits)?)
                } else {
                    let size = number(name.strip_prefix("bytes")?)?;
                    Self::FixedBytes(Some(size).filter(|size| (1..=WORD).contains(size))?)
                }
            }
        })
    }

    fn is_dynamic(self) -> bool {
        matches!(self, Self::Bytes | Self::String)
    }

    /// Whether a word is a value of this type: no dirt in the bytes that do not count.
    fn holds(self, word: &[u8; WORD]) -> bool {
        let zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        match self {
            Self::Uint(bits) => zero(&word[..WORD - bits / 8]),
            Self::Address => zero(&word[..12]),
            Self::Bool => zero(&word[..31]) && word[31] < 2,
            Self::FixedBytes(size) => zero(&word[size..]),
            Self::Int(bits) => {
                let start = WORD - bits / 8;
                let sign = if word[start] & 0x80 == 0 { 0 } else { 0xff };
                word[..start].iter().all(|byte| *byte == sign)
            }
            Self::Bytes | Self::String => false,
        }
    }

    /// The value as wallets write it in typed data.
    fn show(self, argument: &Argument<'_>) -> Value {
        match (self, argument) {
            (Self::String, Argument::Bytes(bytes)) => String::from_utf8_lossy(bytes).into(),
            (_, Argument::Bytes(bytes)) => hex::encode_prefixed(bytes).into(),
            (Self::Uint(_), Argument::Word(word)) => {
                alloc::format!("{}", U256::from_be_bytes(**word)).into()
            }
            (Self::Int(_), Argument::Word(word)) => {
                alloc::format!("{}", I256::from_be_bytes(**word)).into()
            }
            (Self::Bool, Argument::Word(word)) => (word[31] == 1).into(),
            (Self::Address, Argument::Word(word)) => hex::encode_prefixed(&word[12..]).into(),
            (Self::FixedBytes(size), Argument::Word(word)) => {
                hex::encode_prefixed(&word[..size]).into()
            }
            (_, Argument::Word(word)) => hex::encode_prefixed(word).into(),
            (_, Argument::Array(items)) => items.iter().map(|item| self.show(item)).collect(),
        }
    }
}

impl ArgumentType {
    /// The type of this name, if native calls may have arguments of it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let Some(array) = name.strip_suffix(']') else {
            return Elementary::parse(name).map(Self::One);
        };
        let (element, size) = array.split_once('[')?;
        let element = Elementary::parse(element)?;
        if size.is_empty() {
            return Some(Self::Array(element));
        }
        // Solidity has no empty array type, and a wallet could not show a huge one.
        let size = size
            .parse()
            .ok()
            .filter(|size| (1..=1_024).contains(size))?;
        Some(Self::FixedArray(element, size))
    }

    pub(crate) fn show(&self, argument: &Argument<'_>) -> Value {
        match self {
            Self::One(element) | Self::Array(element) | Self::FixedArray(element, _) => {
                element.show(argument)
            }
        }
    }

    /// How many words it takes among the heads.
    fn head_words(&self) -> usize {
        match self {
            Self::FixedArray(element, size) if !element.is_dynamic() => *size,
            _ => 1,
        }
    }
}

impl Argument<'_> {
    /// The word that stands for it in typed data.
    pub(crate) fn word(&self) -> [u8; WORD] {
        match self {
            Self::Word(word) => **word,
            Self::Bytes(bytes) => keccak256(bytes).0,
            Self::Array(items) => {
                let words: Vec<u8> = items.iter().flat_map(Self::word).collect();
                keccak256(words).0
            }
        }
    }
}

/// Reads arguments out of a block of heads and tails.
struct Reader<'a> {
    bytes: &'a [u8],
    head: usize,
    /// Where the next tail has to begin.
    tail: usize,
}

impl<'a> Reader<'a> {
    /// `words` heads, then tails, from here on.
    fn new(bytes: &'a [u8], words: usize) -> Option<Self> {
        let tail = words.checked_mul(WORD)?;
        (tail <= bytes.len()).then_some(Self {
            bytes,
            head: 0,
            tail,
        })
    }

    fn word_at(&self, at: usize) -> Option<&'a [u8; WORD]> {
        self.bytes.get(at..)?.first_chunk()
    }

    fn next_head(&mut self) -> Option<&'a [u8; WORD]> {
        let word = self.word_at(self.head)?;
        self.head += WORD;
        Some(word)
    }

    /// The next head has to point to where the next tail begins.
    fn next_tail(&mut self) -> Option<()> {
        let offset = self.next_head()?;
        (U256::from_be_bytes(*offset) == U256::from(self.tail)).then_some(())
    }

    fn length(&mut self) -> Option<usize> {
        let length = U256::from_be_bytes(*self.word_at(self.tail)?);
        self.tail += WORD;
        // No more items than bytes that are left, so that nothing is allocated for a lie.
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.bytes.len() - self.tail)
    }

    fn text(&mut self) -> Option<Argument<'a>> {
        let length = self.length()?;
        let padded = self
            .bytes
            .get(self.tail..)?
            .get(..length.next_multiple_of(WORD))?;
        let (text, padding) = padded.split_at(length);
        self.tail += padded.len();
        padding
            .iter()
            .all(|byte| *byte == 0)
            .then_some(Argument::Bytes(text))
    }

    fn one(&mut self, element: Elementary) -> Option<Argument<'a>> {
        if element.is_dynamic() {
            self.next_tail()?;
            return self.text();
        }
        self.next_head()
            .filter(|word| element.holds(word))
            .map(Argument::Word)
    }

    /// Items that stand in a tail of their own.
    fn items(&mut self, element: Elementary, count: usize) -> Option<Argument<'a>> {
        let mut inner = Reader::new(self.bytes.get(self.tail..)?, count)?;
        let items = (0..count)
            .map(|_| inner.one(element))
            .collect::<Option<_>>()?;
        self.tail += inner.tail;
        Some(Argument::Array(items))
    }

    fn argument(&mut self, kind: &ArgumentType) -> Option<Argument<'a>> {
        match kind {
            ArgumentType::One(element) => self.one(*element),
            ArgumentType::Array(element) => {
                self.next_tail()?;
                let count = self.length()?;
                self.items(*element, count)
            }
            ArgumentType::FixedArray(element, count) if element.is_dynamic() => {
                self.next_tail()?;
                self.items(*element, *count)
            }
            ArgumentType::FixedArray(element, count) => {
                let items = (0..*count)
                    .map(|_| self.one(*element))
                    .collect::<Option<_>>()?;
                Some(Argument::Array(items))
            }
        }
    }
}

/// The arguments of a call, if `bytes`, without the selector, are their canonical encoding.
pub(crate) fn read_arguments<'a>(
    types: impl Iterator<Item = &'a ArgumentType> + Clone,
    bytes: &[u8],
) -> Option<Vec<Argument<'_>>> {
    let words = types.clone().map(ArgumentType::head_words).sum();
    let mut reader = Reader::new(bytes, words)?;
    let arguments = types
        .map(|kind| reader.argument(kind))
        .collect::<Option<_>>()?;
    (reader.tail == bytes.len()).then_some(arguments)
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec};

    use alloy_primitives::{Address, Bytes};
    use alloy_sol_types::{SolValue, sol};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn types(names: &[&str]) -> Vec<ArgumentType> {
        names
            .iter()
            .map(|name| ArgumentType::parse(name).expect("supported"))
            .collect()
    }

    fn read<'a>(types: &'a [ArgumentType], bytes: &'a [u8]) -> Option<Vec<Argument<'a>>> {
        read_arguments(types.iter(), bytes)
    }

    #[test]
    fn types_are_known_by_name() {
        for name in [
            "uint256", "int8", "address", "bool", "bytes32", "bytes", "string[]", "uint8[3]",
        ] {
            assert!(ArgumentType::parse(name).is_some(), "{name}");
        }
        let others = [
            "tuple",
            "uint",
            "uint7",
            "uint264",
            "bytes33",
            "bytes0",
            "uint8[][]",
            "uint8[0]",
            "function",
            "",
        ];
        for name in others {
            assert_eq!(ArgumentType::parse(name), None, "{name}");
        }
    }

    #[test]
    fn values_are_shown_as_wallets_write_them() {
        let names = [
            "address", "int16", "bool", "bytes2", "bytes", "string", "uint64[]", "uint8[2]",
            "string[]",
        ];
        let kinds = types(&names);
        sol! { struct All { address a; int16 b; bool c; bytes2 d; bytes e; string f; uint64[] g; uint8[2] h; string[] i; } }
        let all = All {
            a: Address::repeat_byte(0xab),
            b: -2,
            c: true,
            d: [1, 2].into(),
            e: Bytes::from_static(&[0xff]),
            f: "héllo".into(),
            g: vec![1, u64::MAX],
            h: [3, 4],
            i: vec!["x".into(), String::new()],
        };
        let bytes = all.abi_encode_params();
        let arguments = read(&kinds, &bytes).expect("canonical");
        let shown: Vec<Value> = kinds
            .iter()
            .zip(&arguments)
            .map(|(kind, argument)| kind.show(argument))
            .collect();
        let expected = json!([
            format!("0x{}", "ab".repeat(20)),
            "-2",
            true,
            "0x0102",
            "0xff",
            "héllo",
            ["1", u64::MAX.to_string()],
            ["3", "4"],
            ["x", ""],
        ]);
        assert_eq!(Value::from(shown), expected);
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let kinds = types(&["bytes", "address"]);
        let good = (Bytes::from_static(&[7]), Address::repeat_byte(1)).abi_encode_params();
        assert!(read(&kinds, &good).is_some());
        // (place, new byte): a shifted offset, dirt above an address, a wrong length, dirt in the padding.
        for (at, byte) in [
            (31, 0x60),
            (31, 0x41),
            (32, 1),
            (95, 0),
            (95, 33),
            (64, 0xff),
            (97, 1),
        ] {
            let mut bad = good.clone();
            assert_ne!(bad[at], byte);
            bad[at] = byte;
            assert_eq!(read(&kinds, &bad), None, "byte {at} = {byte}");
        }
        assert_eq!(read(&kinds, &good[..good.len() - 1]), None);
        assert_eq!(read(&kinds, &[&good[..], &[0; 32]].concat()), None);
    }

    proptest! {
        #[test]
        fn every_canonical_encoding_is_read_and_nothing_panics(
            texts in prop::collection::vec(".{0,40}", 0..4),
            numbers in prop::collection::vec(any::<u64>(), 0..5),
            noise in prop::collection::vec(any::<u8>(), 0..300),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let kinds = types(&["string[]", "uint64[]", "bool"]);
            let good = (texts.clone(), numbers.clone(), true).abi_encode_params();
            prop_assert!(read(&kinds, &good).is_some());
            let mut bad = good.clone();
            for (at, byte) in flips {
                *at.get_mut(&mut bad) = byte;
            }
            // Whatever is still read re-encodes to itself: the reading loses nothing.
            if let Some(arguments) = read(&kinds, &bad) {
                let [Argument::Array(strings), Argument::Array(words), Argument::Word(flag)] = &arguments[..] else {
                    panic!("shapes follow the types")
                };
                let strings: Vec<Bytes> = strings.iter().map(|item| match item {
                    Argument::Bytes(bytes) => Bytes::copy_from_slice(bytes),
                    _ => panic!("strings are bytes"),
                }).collect();
                let words: Vec<U256> = words.iter().map(|item| U256::from_be_bytes(item.word())).collect();
                prop_assert_eq!((strings, words, U256::from_be_bytes(**flag)).abi_encode_params(), bad);
            }
            let _ = read(&kinds, &noise);
        }
    }
}
