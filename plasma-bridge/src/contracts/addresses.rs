//! Where the contracts are.

use plasma_core::{Address, B256};
use serde::{Deserialize, Serialize};

/// The addresses of a root's contracts, as the node's `--config-out` file names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contracts {
    /// The token.
    pub xpl: Address,
    /// Who the chains are, and by which rules they live.
    pub chain_registry: Address,
    /// What each chain must process.
    pub inbox: Address,
    /// The escrow, and the way out.
    pub bridge: Address,
    /// Claims and disputes.
    pub tournament: Address,
    /// The network of sequencers, and what governs XPL; `None` on a root that has none, and in files of before there
    /// was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkContracts>,
}

/// The addresses of the contracts of a network of sequencers, and of XPL's governance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkContracts {
    /// Who orders: seats, elections, rewards, evidence.
    pub registry: Address,
    /// Bonded XPL.
    pub stakes: Address,
    /// Where what the governor decided waits.
    pub timelock: Address,
    /// Votes of all XPL.
    pub governor: Address,
    /// Judges broken promises.
    pub promises: Address,
    /// Where base fees end.
    pub fee_burner: Address,
}

impl NetworkContracts {
    /// What a chain is registered with in place of a committee's hash when this network's committee certifies it.
    pub fn committee(&self) -> B256 {
        self.registry.into_word()
    }
}

/// How many contracts a deployment creates, test tokens aside.
pub(crate) const CREATED: usize = 12;

impl Contracts {
    /// The addresses that a deployment by `deployer` gives when its first transaction has `nonce`.
    ///
    /// The order is the one that `ChainRegistry.sol` documents; the contracts know each other by
    /// immutables, so that each needs the others' addresses before they exist.
    pub fn predicted(deployer: Address, nonce: u64) -> Self {
        Self {
            xpl: deployer.create(nonce),
            chain_registry: deployer.create(nonce + 1),
            inbox: deployer.create(nonce + 2),
            tournament: deployer.create(nonce + 3),
            bridge: deployer.create(nonce + 4),
            network: Some(NetworkContracts {
                stakes: deployer.create(nonce + 6),
                registry: deployer.create(nonce + 7),
                timelock: deployer.create(nonce + 8),
                governor: deployer.create(nonce + 9),
                promises: deployer.create(nonce + 10),
                fee_burner: deployer.create(nonce + 11),
            }),
        }
    }

    /// The address of the verifier of single steps. Only the tournament
    /// speaks to it.
    pub fn predicted_verifier(deployer: Address, nonce: u64) -> Address {
        deployer.create(nonce + 5)
    }

    /// The token on the root that an asset in a message means: zero is XPL.
    pub fn token_of(&self, asset: Address) -> Address {
        if asset.is_zero() { self.xpl } else { asset }
    }

    /// The topic under which events name a chain.
    pub(crate) fn topic(chain_id: plasma_core::ChainId) -> B256 {
        B256::left_padding_from(&chain_id.0.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_exactly_the_documented_keys() {
        let contracts = Contracts::predicted(Address::repeat_byte(1), 0);
        let json = serde_json::to_value(contracts).expect("plain data");
        let keys: Vec<_> = json
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        let expected = [
            "xpl",
            "chainRegistry",
            "inbox",
            "bridge",
            "tournament",
            "network",
        ];
        assert_eq!(keys.len(), expected.len());
        for key in expected {
            assert!(keys.iter().any(|found| found == key), "{key} of {keys:?}");
        }
        assert_eq!(
            serde_json::from_value::<Contracts>(json).expect("reads back"),
            contracts
        );
        assert!(serde_json::from_str::<Contracts>(r#"{"xpl":"0x00"}"#).is_err());
    }

    #[test]
    fn files_of_before_there_was_a_network_are_read() {
        let without = Contracts {
            network: None,
            ..Contracts::predicted(Address::repeat_byte(1), 0)
        };
        let json = serde_json::to_string(&without).expect("plain data");
        assert!(!json.contains("network"), "{json}");
        let read: Contracts = serde_json::from_str(&json).expect("an old file");
        assert_eq!(read, without);
    }
}
