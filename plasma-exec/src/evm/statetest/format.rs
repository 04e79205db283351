//! The JSON of state tests.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use alloy_eips::eip2930::AccessListItem;
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde::{Deserialize, Deserializer, de::Error};

#[derive(Debug, Deserialize)]
pub(super) struct StateTest {
    pub(super) env: Environment,
    pub(super) pre: BTreeMap<Address, PreAccount>,
    pub(super) transaction: TransactionParts,
    pub(super) post: BTreeMap<String, Vec<Expected>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) config: ChainConfig,
}

/// What is null is as what is not there.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// The block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment {
    pub(super) current_coinbase: Address,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) current_difficulty: Quantity,
    pub(super) current_gas_limit: Quantity,
    pub(super) current_number: Quantity,
    pub(super) current_timestamp: Quantity,
    #[serde(default)]
    pub(super) current_base_fee: Option<Quantity>,
    #[serde(default)]
    pub(super) current_random: Option<Quantity>,
    #[serde(default)]
    pub(super) current_excess_blob_gas: Option<Quantity>,
    #[serde(default)]
    pub(super) slot_number: Option<Quantity>,
}

/// What it does not say, it has none of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PreAccount {
    pub(super) balance: Quantity,
    pub(super) nonce: Quantity,
    pub(super) code: Bytes,
    pub(super) storage: BTreeMap<Quantity, Quantity>,
}

/// The transaction, with all values that some of its fields take.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransactionParts {
    pub(super) data: Vec<Bytes>,
    /// Numbers that may be such as no transaction can say; so they are read when it is their turn.
    pub(super) gas_limit: Vec<String>,
    pub(super) value: Vec<String>,
    pub(super) nonce: String,
    pub(super) gas_price: Option<String>,
    pub(super) max_fee_per_gas: Option<String>,
    pub(super) max_priority_fee_per_gas: Option<String>,
    pub(super) max_fee_per_blob_gas: Option<String>,
    pub(super) blob_versioned_hashes: Option<Vec<B256>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) to: String,
    pub(super) sender: Option<Address>,
    secret_key: Option<Bytes>,
    pub(super) access_lists: Option<Vec<Option<Vec<AccessItem>>>>,
    pub(super) authorization_list: Option<Vec<AuthorizationParts>>,
}

impl TransactionParts {
    /// The sender's key; none where it is left empty.
    pub(super) fn secret_key(&self) -> Result<Option<B256>, String> {
        let key = self.secret_key.as_ref().filter(|key| !key.is_empty());
        key.map(|key| {
            let wrong = |_| format!("secretKey has {} bytes, not 32", key.len());
            B256::try_from(key.as_ref()).map_err(wrong)
        })
        .transpose()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessItem {
    address: Address,
    storage_keys: Vec<B256>,
}

impl From<AccessItem> for AccessListItem {
    fn from(item: AccessItem) -> Self {
        let AccessItem {
            address,
            storage_keys,
        } = item;
        Self {
            address,
            storage_keys,
        }
    }
}

/// Its numbers, too, may be such as no transaction can say.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthorizationParts {
    pub(super) chain_id: String,
    pub(super) address: Address,
    pub(super) nonce: String,
    /// The same twice: some authors write the one name, some the other, some both.
    pub(super) v: Option<String>,
    pub(super) y_parity: Option<String>,
    pub(super) r: String,
    pub(super) s: String,
}

/// What comes of the transaction with some of its values.
#[derive(Debug, Deserialize)]
pub(super) struct Expected {
    /// The state's root.
    pub(super) hash: B256,
    /// The keccak-256 of the logs' RLP; old tests say none.
    pub(super) logs: Option<B256>,
    pub(super) indexes: Indexes,
    #[serde(rename = "expectException")]
    exception: Option<String>,
    txbytes: Option<Bytes>,
}

impl Expected {
    /// Why it is refused, in the words of the test's author.
    pub(super) fn exception(&self) -> Option<&str> {
        self.exception.as_deref().filter(|words| !words.is_empty())
    }

    /// The transaction as it travels.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        let bytes: &[u8] = self.txbytes.as_ref()?;
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// Which of the values.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Indexes {
    pub(super) data: usize,
    pub(super) gas: usize,
    pub(super) value: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChainConfig {
    #[serde(default, alias = "chainid")]
    pub(super) chain_id: Option<Quantity>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) blob_schedule: BTreeMap<String, BlobSchedule>,
}

/// The market for blobs in one fork.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlobSchedule {
    pub(super) max: Quantity,
    pub(super) base_fee_update_fraction: Quantity,
}

/// A number of up to 256 bits, in hexadecimal with `0x` or in decimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quantity(pub(super) U256);

/// As many characters of what is no number are shown.
const SHOWN: usize = 80;

impl Quantity {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let number = match text.strip_prefix("0x") {
            // Some authors write nothing for nothing.
            Some("") => Ok(U256::ZERO),
            Some(digits) => U256::from_str_radix(digits, 16),
            None => U256::from_str_radix(text, 10),
        };
        number.map(Self).map_err(|error| {
            let shown: String = text.chars().take(SHOWN).collect();
            format!("{shown:?} is no number of 256 bits: {error}")
        })
    }

    /// As one of 64 bits.
    pub(super) fn short(self, what: &str) -> Result<u64, String> {
        let error = |_| format!("{what} {} is over 64 bits", self.0);
        u64::try_from(self.0).map_err(error)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Number(u64),
            Text(String),
        }
        match Text::deserialize(from)? {
            Text::Number(number) => Ok(Self(U256::from(number))),
            Text::Text(text) => Self::parse(&text).map_err(D::Error::custom),
        }
    }
}

/// The address in a transaction's `to`; none where it creates.
pub(super) fn recipient(text: &str) -> Result<Option<Address>, String> {
    if text.is_empty() || text == "0x" {
        return Ok(None);
    }
    let bytes = hex::decode(text).map_err(|error| format!("to {text:?}: {error}"))?;
    Address::try_from(bytes.as_slice())
        .map(Some)
        .map_err(|_| format!("to {text:?} has {} bytes, not 20", bytes.len()))
}
