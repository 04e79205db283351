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
    #[serde(default)]
    pub(super) config: ChainConfig,
}

/// The block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment {
    pub(super) current_coinbase: Address,
    #[serde(default)]
    pub(super) current_difficulty: Quantity,
    pub(super) current_gas_limit: Quantity,
    pub(super) current_number: Quantity,
    pub(super) current_timestamp: Quantity,
    #[serde(default)]
    pub(super) current_base_fee: Quantity,
    #[serde(default)]
    pub(super) current_random: Option<Quantity>,
    #[serde(default)]
    pub(super) current_excess_blob_gas: Option<Quantity>,
    #[serde(default)]
    pub(super) slot_number: Option<Quantity>,
}

#[derive(Debug, Deserialize)]
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
    #[serde(default)]
    pub(super) to: String,
    pub(super) sender: Option<Address>,
    pub(super) secret_key: Option<B256>,
    pub(super) access_lists: Option<Vec<Option<Vec<AccessItem>>>>,
    pub(super) authorization_list: Option<Vec<AuthorizationParts>>,
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
    /// The keccak-256 of the logs' RLP.
    pub(super) logs: B256,
    pub(super) indexes: Indexes,
    /// Why it is refused, in the words of the test's author.
    #[serde(rename = "expectException")]
    pub(super) exception: Option<String>,
    /// The transaction as it travels.
    pub(super) txbytes: Option<Bytes>,
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
    #[serde(default)]
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

impl Quantity {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let number = match text.strip_prefix("0x") {
            // Some authors write nothing for nothing.
            Some("") => Ok(U256::ZERO),
            Some(digits) => U256::from_str_radix(digits, 16),
            None => U256::from_str_radix(text, 10),
        };
        number
            .map(Self)
            .map_err(|error| format!("{text:?} is no number of 256 bits: {error}"))
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
