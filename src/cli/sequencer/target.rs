//! Which network, and who acts.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::primitives::utils::{ParseUnits, format_units, parse_units};
use clap::Args;
use plasma_bridge::{
    BridgeClient, Contracts, RootAccount, RootClient, RootConfig, SequencerNetwork,
};
use plasma_core::{Address, B256, Signer, TokioEnv, U256};
use zeroize::Zeroize as _;

use crate::{
    cli::{Failure, discover, explain},
    devnet::DevnetReport,
};

/// Where the private key is looked for when no file is given.
const KEY_VARIABLE: &str = "PLASMA_KEY";
/// A key file is 32 bytes in hex; more than this is none.
const MAX_KEY_FILE: u64 = 1_024;

/// Which network of sequencers.
#[derive(Args, Clone)]
pub(in crate::cli) struct NetworkTarget {
    /// The root's JSON-RPC; the contracts are found from there. Default: what the devnet's file says.
    #[arg(long, value_name = "URL")]
    root: Option<String>,
    /// The address of the network's registry, where the root has none that chains and XPL lead to.
    #[arg(long, value_name = "ADDRESS")]
    registry: Option<Address>,
    /// The file that `plasma devnet --config-out` wrote. Default: $PLASMA_CONFIG, or plasma-devnet.json.
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    config: Option<PathBuf>,
}

/// Who acts, and in which network.
#[derive(Args, Clone)]
pub(in crate::cli) struct Actor {
    /// The file with the private key of the account that acts, as `keygen` writes it. Default: the key in $PLASMA_KEY, or the
    /// devnet file's first account.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    target: NetworkTarget,
}

/// A network that answers.
pub(in crate::cli) struct OpenNetwork {
    pub(in crate::cli) network: SequencerNetwork,
    pub(in crate::cli) contracts: Contracts,
    pub(in crate::cli) url: String,
    /// The devnet's first account.
    first: Option<B256>,
}

impl NetworkTarget {
    /// Finds it, for somebody who only looks.
    pub(in crate::cli) async fn open(&self) -> Result<OpenNetwork, Failure> {
        let (url, mut contracts, first) = match &self.root {
            Some(url) => (url.clone(), None, None),
            None => {
                let report = self.report()?;
                let first = report.accounts.first().map(|account| account.private_key);
                (report.root.rpc, Some(report.root.contracts), first)
            }
        };
        let client = RootClient::connect(&url, Arc::new(TokioEnv), RootConfig::local()).await?;
        // Before anything is concluded from what is not found.
        client.chain_id().await?;
        let known = contracts.and_then(|contracts| contracts.network);
        let registry = match (self.registry, known) {
            (Some(registry), _) => registry,
            (None, Some(network)) => network.registry,
            (None, None) => {
                let (found, registry) = discover::network(&client, &url, contracts).await?;
                contracts = Some(found);
                registry
            }
        };
        let contracts = match contracts {
            Some(contracts) => contracts,
            None => discover::contracts_of(&client, registry).await?,
        };
        let network = SequencerNetwork::new(client, registry);
        network
            .addresses()
            .await
            .map_err(|error| format!("no network of sequencers at {registry} on {url}: {error}"))?;
        Ok(OpenNetwork {
            network,
            contracts,
            url,
            first,
        })
    }

    fn report(&self) -> Result<DevnetReport, Failure> {
        let path = self.config.clone().unwrap_or_else(explain::default_config);
        DevnetReport::read(&path).map_err(|error| {
            format!(
                "{}: {error}; give --root URL, or --config FILE as `plasma devnet --config-out FILE` writes it",
                path.display()
            )
            .into()
        })
    }
}

impl Actor {
    /// Finds the network, and the account that acts in it.
    pub(super) async fn open(&self) -> Result<(OpenNetwork, RootAccount), Failure> {
        let mut open = self.target.open().await?;
        let account = RootAccount::new(open.network.root().clone(), self.signer(&open)?);
        open.network = open.network.with_account(account.clone());
        Ok((open, account))
    }

    /// The key that acts.
    pub(super) fn signer(&self, open: &OpenNetwork) -> Result<Signer, Failure> {
        if let Some(path) = &self.key {
            return read_key(path);
        }
        if let Ok(mut text) = std::env::var(KEY_VARIABLE) {
            let signer = signer_of(&text)
                .ok_or_else(|| format!("${KEY_VARIABLE} is no private key of 32 bytes in hex"));
            text.zeroize();
            return Ok(signer?);
        }
        let first = open.first.ok_or_else(|| {
            format!("nobody to act for: give --key FILE, or the private key in ${KEY_VARIABLE}")
        })?;
        Signer::from_bytes(&first).ok_or_else(|| "the file's first account has no valid key".into())
    }
}

impl OpenNetwork {
    /// What an account has of XPL that is not bonded.
    pub(super) async fn liquid(&self, account: Address) -> Result<U256, Failure> {
        let bridge = BridgeClient::new(self.network.root().clone(), self.contracts);
        let xpl = self.network.addresses().await?.xpl;
        Ok(bridge.token_balance(xpl, account).await?)
    }

    /// Whether stake with this operator can count: it is one, and was not slashed.
    pub(super) async fn check_electable(&self, operator: Address) -> Result<(), Failure> {
        let Some(sequencer) = self.network.sequencer(operator).await? else {
            return Err(
                format!("{operator} is no operator; `plasma sequencer status` lists them").into(),
            );
        };
        if sequencer.slashed {
            return Err(format!(
                "{operator} was slashed and is never elected again; choose another"
            )
            .into());
        }
        Ok(())
    }

    /// Fails where an account has less than it is to bond.
    pub(super) async fn check_liquid(&self, account: Address, wanted: U256) -> Result<(), Failure> {
        let liquid = self.liquid(account).await?;
        if liquid < wanted {
            return Err(format!(
                "{account} has {} XPL on the root, and {} are to be bonded; bond less, or send it some",
                grouped(liquid),
                grouped(wanted)
            )
            .into());
        }
        Ok(())
    }
}

/// Reads a key file: 32 bytes in hex.
pub(super) fn read_key(path: &Path) -> Result<Signer, Failure> {
    let shown = path.display();
    // Somebody who gives the key itself must not read it in an error.
    if signer_of(&path.to_string_lossy()).is_some() {
        return Err(format!(
            "--key takes a file, for a key on a command line shows in the list of processes; write it to a file, or set \
             ${KEY_VARIABLE}"
        )
        .into());
    }
    let length = fs::metadata(path)
        .map_err(|error| format!("{shown}: {error}"))?
        .len();
    if length > MAX_KEY_FILE {
        return Err(format!("{shown} has {length} bytes; a key file has 32 bytes in hex").into());
    }
    let mut text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let signer = signer_of(&text);
    text.zeroize();
    signer.ok_or_else(|| {
        format!("{shown} holds no private key: 32 bytes in hex, not zero; `plasma sequencer keygen` makes one").into()
    })
}

fn signer_of(text: &str) -> Option<Signer> {
    let mut key: B256 = text.trim().parse().ok()?;
    let signer = Signer::from_bytes(&key);
    key.0.zeroize();
    signer
}

/// An amount of XPL in wei; above zero.
pub(in crate::cli) fn in_wei(option: &str, text: &str) -> Result<U256, Failure> {
    let parsed = parse_units(text, 18)
        .map_err(|_| format!("{option} {text}: give XPL as a number with at most 18 decimals"))?;
    match parsed {
        ParseUnits::U256(wei) if !wei.is_zero() => Ok(wei),
        _ => Err(format!("{option} {text}: give a number above zero").into()),
    }
}

/// Wei as XPL, for people: thousands apart, no zeros at the end.
pub(in crate::cli) fn grouped(wei: U256) -> String {
    let text = format_units(wei, 18).unwrap_or_else(|_| wei.to_string());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() {
        out
    } else {
        format!("{out}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_as_people_do() {
        for (text, wei) in [
            ("1", "1000000000000000000"),
            ("0.5", "500000000000000000"),
            ("0.000000000000000001", "1"),
            ("1234567.25", "1234567250000000000000000"),
        ] {
            let read = in_wei("--amount", text).expect(text);
            assert_eq!(read.to_string(), wei);
        }
        for text in ["0", "-1", "x", "", "0.0000000000000000001", "1e3"] {
            let refused = in_wei("--amount", text)
                .err()
                .map(|error| error.to_string());
            assert!(
                refused.is_some_and(|error| error.starts_with("--amount ")),
                "{text}"
            );
        }
        let one = U256::from(10).pow(U256::from(18));
        let shown = |wei: U256| grouped(wei);
        assert_eq!(shown(U256::ZERO), "0");
        assert_eq!(shown(one * U256::from(999)), "999");
        assert_eq!(
            shown(one * U256::from(10_000_000_000_u64)),
            "10,000,000,000"
        );
        assert_eq!(shown(one / U256::from(4)), "0.25");
        assert_eq!(shown(U256::ONE), "0.000000000000000001");
    }

    #[test]
    fn a_key_given_in_place_of_a_file_is_refused_and_not_shown() {
        let key = "11".repeat(32);
        let error = read_key(Path::new(&format!("0x{key}"))).expect_err("a key");
        let text = error.to_string();
        assert!(
            text.contains("takes a file") && !text.contains(&key),
            "{text}"
        );
    }
}
