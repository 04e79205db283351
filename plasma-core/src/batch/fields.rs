//! The fields of a transaction, from its bytes and back.

use alloc::vec::Vec;

use alloy_primitives::{Address, U256};

use super::rlp;
use crate::NATIVE_TRANSACTION_TYPE;

/// The encodings whose fields go into columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Without a type byte, signed for any chain (`v` is 27 or 28).
    Unprotected,
    /// Without a type byte, signed for one chain (EIP-155).
    Legacy,
    /// Type 1, with an access list (EIP-2930).
    AccessList,
    /// Type 2, with a tip (EIP-1559).
    DynamicFee,
    /// A [`NativeTransaction`](crate::NativeTransaction) by the account of a key of secp256k1.
    Native,
    /// A native transaction by a key of another scheme, or by one that was added to the account.
    Vouched,
}

impl Kind {
    /// All of them; a kind's place here is its number on the wire, plus one.
    pub(super) const ALL: [Self; 6] = [
        Self::Unprotected,
        Self::Legacy,
        Self::AccessList,
        Self::DynamicFee,
        Self::Native,
        Self::Vouched,
    ];

    /// Whether it is a native transaction.
    pub(super) fn is_native(self) -> bool {
        matches!(self, Self::Native | Self::Vouched)
    }

    fn type_byte(self) -> Option<u8> {
        match self {
            Self::Unprotected | Self::Legacy => None,
            Self::AccessList => Some(1),
            Self::DynamicFee => Some(2),
            Self::Native | Self::Vouched => Some(NATIVE_TRANSACTION_TYPE),
        }
    }
}

/// A transaction taken apart. Fields that its kind does not have are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) kind: Kind,
    pub(super) chain_id: u64,
    pub(super) nonce: U256,
    /// The gas limit.
    pub(super) gas: U256,
    /// The gas price, the most for each unit of gas, or (native) the most in all.
    pub(super) fee: U256,
    /// The most of it for the proposer.
    pub(super) tip: U256,
    /// Whom it calls: an account or a module.
    pub(super) to: Option<Address>,
    pub(super) value: U256,
    pub(super) data: &'a [u8],
    /// The items of the access list, in RLP. Of a vouched transaction the authorization without `r` and `s`.
    pub(super) access: &'a [u8],
    pub(super) expires_at: u64,
    pub(super) odd: bool,
    /// `r` and `s`.
    pub(super) signature: [u8; 64],
}

/// Writes a transaction's bytes.
pub(super) fn write(fields: &Fields<'_>, out: &mut Vec<u8>) {
    if let Some(byte) = fields.kind.type_byte() {
        out.push(byte);
    }
    if fields.kind.is_native() {
        write_native(fields, out);
    } else {
        write_rlp(fields, out);
    }
}

/// Borsh of a `NativeTransaction`, which is written here to spare the allocations.
fn write_native(fields: &Fields<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(fields.to.unwrap_or_default().as_slice());
    out.extend_from_slice(&(fields.data.len() as u32).to_le_bytes());
    out.extend_from_slice(fields.data);
    out.extend_from_slice(&fields.nonce.to_le_bytes::<32>()[..8]);
    out.extend_from_slice(&fields.expires_at.to_le_bytes());
    out.extend_from_slice(&fields.fee.to_le_bytes::<32>());
    if fields.kind == Kind::Vouched {
        let place = signature_place(fields.access).unwrap_or(fields.access.len());
        let (before, after) = fields.access.split_at(place);
        out.extend_from_slice(before);
        out.extend_from_slice(&fields.signature);
        out.extend_from_slice(after);
        return;
    }
    out.push(0);
    out.extend_from_slice(&fields.signature);
    out.push(27 + u8::from(fields.odd));
}

/// Where `r` and `s` stand in an [`Authorization`](crate::Authorization) that begins like this: behind the tag, the
/// account if there is one, and the key. `None` if it is too short for that, or of no known tag.
pub(super) fn signature_place(authorization: &[u8]) -> Option<usize> {
    let tag = *authorization.first()?;
    let key = match tag & 0x7f {
        0 => 0,
        1 => 32,
        2 | 3 => 33,
        _ => return None,
    };
    let account = if tag & 0x80 == 0 { 0 } else { 20 };
    Some(1 + account + key).filter(|place| *place <= authorization.len())
}

fn write_rlp(fields: &Fields<'_>, out: &mut Vec<u8>) {
    let chain_id = U256::from(fields.chain_id);
    let odd = U256::from(fields.odd);
    let [nonce, fee, gas] = [fields.nonce, fields.fee, fields.gas];
    let (before, after): (&[U256], U256) = match fields.kind {
        Kind::Unprotected => (&[nonce, fee, gas], odd + U256::from(27)),
        Kind::Legacy => (
            &[nonce, fee, gas],
            chain_id * U256::from(2) + odd + U256::from(35),
        ),
        Kind::AccessList => (&[chain_id, nonce, fee, gas], odd),
        Kind::DynamicFee | Kind::Native | Kind::Vouched => {
            (&[chain_id, nonce, fields.tip, fee, gas], odd)
        }
    };
    let to = fields.to.as_ref().map_or(&[][..], |to| to.as_slice());
    let listed = matches!(fields.kind, Kind::AccessList | Kind::DynamicFee);
    let [r, s] = [
        rlp::trim(&fields.signature[..32]),
        rlp::trim(&fields.signature[32..]),
    ];

    let numbers: usize = before.iter().map(rlp::number_length).sum();
    let strings: usize = [to, fields.data, r, s]
        .into_iter()
        .map(rlp::string_length)
        .sum();
    let access = if listed {
        rlp::list_length(fields.access.len())
    } else {
        0
    };
    let length =
        numbers + strings + access + rlp::number_length(&fields.value) + rlp::number_length(&after);

    rlp::write_list_header(out, length);
    for number in before {
        rlp::write_number(out, number);
    }
    rlp::write_string(out, to);
    rlp::write_number(out, &fields.value);
    rlp::write_string(out, fields.data);
    if listed {
        rlp::write_list_header(out, fields.access.len());
        out.extend_from_slice(fields.access);
    }
    rlp::write_number(out, &after);
    rlp::write_string(out, r);
    rlp::write_string(out, s);
}

/// Reading, which only the encoder does.
#[cfg(feature = "compress")]
mod parse {
    use alloc::vec::Vec;

    use alloy_primitives::{Address, U256};

    use super::{
        super::{
            decode::HIGHEST_BIT,
            reader::Reader,
            rlp::{self, Item},
        },
        Fields, Kind, signature_place, write,
    };
    use crate::{CodecError, NATIVE_TRANSACTION_TYPE};

    impl<'a> Fields<'a> {
        const EMPTY: Self = Fields {
            kind: Kind::Native,
            chain_id: 0,
            nonce: U256::ZERO,
            gas: U256::ZERO,
            fee: U256::ZERO,
            tip: U256::ZERO,
            to: None,
            value: U256::ZERO,
            data: &[],
            access: &[],
            expires_at: 0,
            odd: false,
            signature: [0; 64],
        };

        /// Takes a transaction apart; `None` when it is of no kind that columns have, or when its
        /// bytes are not exactly those that they would come back as.
        ///
        /// `without` is where an authorization without its signature is put.
        pub(in crate::batch) fn parse(bytes: &'a [u8], without: &'a mut Vec<u8>) -> Option<Self> {
            let (first, rest) = bytes.split_first()?;
            let fields = match *first {
                1 => rlp_fields(Kind::AccessList, rest),
                2 => rlp_fields(Kind::DynamicFee, rest),
                NATIVE_TRANSACTION_TYPE => native_fields(rest, without),
                0xc0.. => rlp_fields(Kind::Legacy, bytes),
                _ => None,
            }?;
            let mut again = Vec::with_capacity(bytes.len());
            write(&fields, &mut again);
            // A batch keeps the parity in the highest bit of `s`, which is zero but in signatures
            // that nobody takes. Of other schemes it keeps what there is.
            let low = fields.kind == Kind::Vouched || fields.signature[32] & HIGHEST_BIT == 0;
            (low && again == bytes).then_some(fields)
        }
    }

    fn native_fields<'a>(bytes: &'a [u8], without: &'a mut Vec<u8>) -> Option<Fields<'a>> {
        let mut reader = Reader::new(bytes);
        let fields = called(&mut reader).ok()?;
        let authorization = reader.rest();
        if authorization.first() == Some(&0) {
            let (signature, rest) = authorization[1..].split_first_chunk::<64>()?;
            return Some(Fields {
                odd: *rest == [28],
                signature: *signature,
                ..fields
            });
        }
        let (before, rest) = authorization.split_at(signature_place(authorization)?);
        let (signature, after) = rest.split_first_chunk::<64>()?;
        without.clear();
        without.extend_from_slice(before);
        without.extend_from_slice(after);
        Some(Fields {
            kind: Kind::Vouched,
            access: without,
            signature: *signature,
            ..fields
        })
    }

    /// What stands before the authorization.
    fn called<'a>(bytes: &mut Reader<'a>) -> Result<Fields<'a>, CodecError> {
        let to = Some(Address::from(bytes.array()?));
        let length = u32::from_le_bytes(bytes.array()?);
        Ok(Fields {
            to,
            data: bytes.take(length as usize)?,
            nonce: U256::from(u64::from_le_bytes(bytes.array()?)),
            expires_at: u64::from_le_bytes(bytes.array()?),
            fee: U256::from_le_bytes(bytes.array::<32>()?),
            ..Fields::EMPTY
        })
    }

    /// The fewest bytes of `r` and `s` that are stored in columns. Both are stored in full, so
    /// short ones, which nobody finds by honest means, would take more than the transaction weighs.
    const SHORTEST_SCALAR: usize = 28;

    fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        match rlp::take_item(rest)? {
            Item::String(string) => Some(string),
            Item::List(_) => None,
        }
    }

    fn number(rest: &mut &[u8]) -> Option<U256> {
        U256::try_from_be_slice(string(rest)?)
    }

    fn rlp_fields(kind: Kind, mut bytes: &[u8]) -> Option<Fields<'_>> {
        let Item::List(mut list) = rlp::take_item(&mut bytes)? else {
            return None;
        };
        let rest = &mut list;
        let mut fields = Fields {
            kind,
            ..Fields::EMPTY
        };
        if kind != Kind::Legacy {
            fields.chain_id = number(rest)?.try_into().ok()?;
        }
        fields.nonce = number(rest)?;
        if kind == Kind::DynamicFee {
            fields.tip = number(rest)?;
        }
        fields.fee = number(rest)?;
        fields.gas = number(rest)?;
        fields.to = match string(rest)? {
            [] => None,
            to => Some(Address::try_from(to).ok()?),
        };
        fields.value = number(rest)?;
        fields.data = string(rest)?;
        if kind != Kind::Legacy {
            let Item::List(items) = rlp::take_item(rest)? else {
                return None;
            };
            fields.access = items;
        }
        let v: u128 = number(rest)?.try_into().ok()?;
        fields.odd = match (kind, v) {
            (Kind::Legacy, 27 | 28) => {
                fields.kind = Kind::Unprotected;
                v == 28
            }
            (Kind::Legacy, 35..) => {
                fields.chain_id = u64::try_from((v - 35) / 2).ok()?;
                v.is_multiple_of(2)
            }
            (Kind::AccessList | Kind::DynamicFee, 0 | 1) => v == 1,
            _ => return None,
        };
        for half in fields.signature.chunks_exact_mut(32) {
            let scalar = string(rest)?;
            if scalar.len() < SHORTEST_SCALAR {
                return None;
            }
            half[32_usize.checked_sub(scalar.len())?..].copy_from_slice(scalar);
        }
        Some(fields)
    }
}
