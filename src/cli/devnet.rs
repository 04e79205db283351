//! `plasma devnet`.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use plasma_bridge::NetworkTerms;
use plasma_core::TokioEnv;

use super::{Failure, duration, processes};
use crate::devnet::{
    DevExecution, DevFault, DevSequencer, Devnet, DevnetConfig, DevnetReport, MNEMONIC,
};

/// How long claims can be contested.
const WINDOW: Duration = Duration::from_secs(10);
/// The same where somebody lies: each side has to run the machine over a segment within it.
const DISPUTE_WINDOW: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(super) struct DevnetArgs {
    /// What the chains execute.
    #[arg(long, value_enum, default_value_t = DevExecution::Modules)]
    execution: DevExecution,
    /// Who orders: who certifies, or the root alone.
    #[arg(long, value_enum, default_value_t = DevSequencer::Committee)]
    sequencer: DevSequencer,
    /// How many chains; chain k serves at the chain port plus k.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    chains: u32,
    /// How many sequencers. More than one are a committee, elected on the root, in this process: sequencer j of chain k
    /// serves at the chain port plus k plus j times the number of chains.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    sequencers: u32,
    /// How many of them have a seat at once: those of the most stake, at each election. Default: all.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    seats: Option<u16>,
    /// Start the root alone, and write here what each sequencer of a process of its own needs: `plasma node --config
    /// DIR/chain-4242/sequencer-0/node.toml` starts one. Needs --sequencers.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fault", "ignore_messages", "data"])]
    processes: Option<PathBuf>,
    /// The time between blocks (250ms, 2s, or seconds); 0 makes one as soon as there is something to include.
    #[arg(long, value_parser = duration::parse, default_value = "250ms")]
    block_time: Duration,
    /// How long a claim can be contested, in whole seconds.
    /// Default: 10s; with --fault 60s, for a machine has to run in it.
    #[arg(long, value_parser = duration::parse)]
    challenge_window: Option<Duration>,
    /// After how long anyone may force a message of the inbox, in whole seconds.
    #[arg(long, value_parser = duration::parse, default_value = "30s")]
    forced_delay: Duration,
    /// How long an epoch of the network of sequencers lasts at least, in whole seconds.
    #[arg(long, value_parser = duration::parse, default_value = "60s")]
    epoch: Duration,
    /// For how long the sequencers may leave what is in the inbox before the root orders without them, in whole seconds.
    #[arg(long, value_parser = duration::parse, default_value = "60s")]
    silence: Duration,
    /// An outside Ethereum node instead of the embedded root (http:// or ws://).
    #[arg(long, value_name = "URL")]
    root: Option<String>,
    /// Keep data here, and go on from it after a restart. Default: in memory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write what programs need to know here, as JSON, once everything answers.
    #[arg(long, value_name = "FILE")]
    config_out: Option<PathBuf>,
    /// The address to serve at.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The root's JSON-RPC port; 0 for any free one.
    #[arg(long, default_value_t = 8_545)]
    root_port: u16,
    /// Chain 0's JSON-RPC port; 0 for any free ones.
    #[arg(long, visible_alias = "port", default_value_t = 9_545)]
    chain_port: u16,
    /// Serve Prometheus metrics at this address.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:9600")]
    metrics: Option<SocketAddr>,
    /// Fault injection: the sequencers consume no message of the inbox by themselves.
    #[arg(long, hide_short_help = true)]
    ignore_messages: bool,
    /// Let something go wrong at block N of each chain, to see how it ends. Somebody lies on the root: wrong-root@N,
    /// wrong-trace@N, withheld-data@N or stalled@N; watch with `plasma dispute watch`. Or a sequencer misbehaves:
    /// equivocate@N, silent@N or partition@N; watch with `plasma sequencer status`.
    #[arg(long, value_name = "KIND@N")]
    fault: Option<DevFault>,
}

pub(super) async fn run(args: DevnetArgs) -> Result<(), Failure> {
    let started = Instant::now();
    if let Some(address) = args.metrics {
        serve_metrics(address)?;
    }
    let config = DevnetConfig {
        execution: args.execution,
        sequencer: args.sequencer,
        chains: args.chains,
        sequencers: sequencers(&args)?,
        network: network(&args)?,
        block_time: args.block_time,
        challenge_window: whole_seconds(
            "--challenge-window",
            args.challenge_window
                .unwrap_or(if matches!(args.fault, Some(DevFault::Claim(_))) {
                    DISPUTE_WINDOW
                } else {
                    WINDOW
                }),
        )?,
        forced_delay: whole_seconds("--forced-delay", args.forced_delay)?,
        silence: whole_seconds("--silence", args.silence)?,
        root: args.root,
        data: args.data,
        host: args.host,
        root_port: args.root_port,
        chain_port: args.chain_port,
        elsewhere: args.processes.is_some(),
        ignore_messages: args.ignore_messages,
        fault: args.fault,
    };
    if let Some(path) = &args.config_out {
        clear(path)?;
    }
    let devnet = Devnet::launch(config.clone(), Arc::new(TokioEnv)).await?;
    print(&devnet.report);
    if let Some(folder) = &args.processes {
        println!("\nStart each sequencer:");
        for file in processes::write(folder, &config, &devnet.report)? {
            println!("  plasma node --config {}", file.display());
        }
    }
    if let Some(path) = &args.config_out {
        let failed = |error| format!("--config-out {}: {error}", path.display());
        devnet.report.write(path).map_err(failed)?;
    }
    println!(
        "\nReady in {:.2} s. Ctrl-C stops.",
        started.elapsed().as_secs_f64()
    );
    stopped().await?;
    devnet.stop().await?;
    Ok(())
}

/// What the network of sequencers keeps to.
fn network(args: &DevnetArgs) -> Result<NetworkTerms, Failure> {
    let defaults = NetworkTerms::default();
    let epoch_length = whole_seconds("--epoch", args.epoch)?;
    Ok(NetworkTerms {
        epoch_length: u32::try_from(epoch_length)
            .map_err(|_| "--epoch is more than a year; an epoch lasts at most 365 days")?,
        seats: args.seats.unwrap_or(defaults.seats),
        ..defaults
    })
}

/// How many sequencers; one cannot misbehave in a committee that is none.
fn sequencers(args: &DevnetArgs) -> Result<u32, Failure> {
    match args.fault {
        None if args.processes.is_some() && args.sequencers < 2 => {
            Err("--processes needs a committee; add --sequencers 4".into())
        }
        Some(fault @ DevFault::Sequencer(_)) if args.sequencers < 4 => Err(format!(
            "--fault {fault} with --sequencers {}: a committee bears one that misbehaves if it has at least 4; add \
             --sequencers 4",
            args.sequencers
        )
        .into()),
        _ => Ok(args.sequencers),
    }
}

/// Takes the file of an earlier run away, lest who waits for the new one reads the old; and tells now, not once all
/// runs, where there is no such place.
fn clear(path: &Path) -> Result<(), Failure> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let folder = folder.display();
        return Err(format!("--config-out: {folder} is no directory; make it first").into());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(format!("--config-out {}: {error}", path.display()).into())
        }
        _ => Ok(()),
    }
}

fn whole_seconds(flag: &str, duration: Duration) -> Result<u64, Failure> {
    if duration.subsec_nanos() != 0 || duration.as_secs() == 0 {
        return Err(format!(
            "{flag} is {duration:?}; the root's clock counts whole seconds, give at least 1s"
        )
        .into());
    }
    Ok(duration.as_secs())
}

/// Serves Prometheus metrics.
pub(super) fn serve_metrics(address: SocketAddr) -> Result<(), Failure> {
    metrics_exporter_prometheus::PrometheusBuilder::new()
        .with_http_listener(address)
        .install()
        .map_err(|error| format!("metrics at {address}: {error}; is the port in use?").into())
}

/// Resolves at Ctrl-C or a polite kill.
pub(super) async fn stopped() -> Result<(), Failure> {
    #[cfg(unix)]
    {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn print(report: &DevnetReport) {
    println!("Accounts: 10,000 XPL on each chain, 1,000,000 XPL and coins for gas on the root");
    for (index, account) in report.accounts.iter().enumerate() {
        println!("  ({index}) {}  {}", account.address, account.private_key);
    }
    println!("  mnemonic: {MNEMONIC}\n  Everyone knows these keys: send nothing of worth to them.");
    let root = &report.root;
    println!("\nRoot: {} (chain id {})", root.rpc, root.chain_id);
    let contracts = &root.contracts;
    let mut named = vec![
        ("Xpl", contracts.xpl),
        ("ChainRegistry", contracts.chain_registry),
        ("Inbox", contracts.inbox),
        ("Bridge", contracts.bridge),
        ("Tournament", contracts.tournament),
    ];
    if let Some(network) = &contracts.network {
        named.push(("Sequencers", network.registry));
        named.push(("Stakes", network.stakes));
        named.push(("XplGovernor", network.governor));
    }
    for (name, address) in named {
        println!("  {name:14} {address}");
    }
    println!("\nChains:");
    for chain in &report.chains {
        println!(
            "  {:10} {} (chain id {}, {})",
            chain.name, chain.rpc, chain.chain_id, chain.execution
        );
        for (number, sequencer) in chain.sequencers.iter().enumerate() {
            println!("    sequencer {number} {} {}", sequencer.rpc, sequencer.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_file_is_gone_before_the_devnet_starts() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("devnet.json");
        assert!(clear(&file).is_ok());
        fs::write(&file, "old").expect("written");
        assert!(clear(&file).is_ok() && !file.exists());
        assert!(clear(&folder.path().join("missing/devnet.json")).is_err());
        assert!(clear(folder.path()).is_err());
    }
}
