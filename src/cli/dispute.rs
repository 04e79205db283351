//! `plasma dispute`: watching how claims are disputed on the root.

use std::{collections::BTreeSet, process::ExitCode, sync::Arc, time::Duration};

use alloy::{eips::BlockNumberOrTag, providers::Provider as _, rpc::types::Filter};
use clap::{Args, Subcommand};
use plasma_bridge::{EvmSettlement, RootClient, RootConfig};
use plasma_core::{
    B256, ChainId, DisputeTerms, DisputeView, MatchPhase, MatchStage, MatchView, Seconds,
    Settlement as _, Side, TokioEnv, TournamentPhase, TournamentView,
};

use super::{
    Failure,
    bridge::{Target, amount_of},
};

const POLL: Duration = Duration::from_millis(200);

#[derive(Subcommand)]
pub(super) enum DisputeCommand {
    /// Show each move: levels, the range still in dispute, clocks, bonds, gas.
    Watch(WatchArgs),
}

#[derive(Args)]
pub(super) struct WatchArgs {
    /// The root's JSON-RPC, from which the rest is found. Default: what the devnet's file says.
    #[arg(long, value_name = "URL")]
    root: Option<String>,
    /// Show how things stand, and return.
    #[arg(long)]
    once: bool,
    /// Return once a claim has settled.
    #[arg(long)]
    until_settled: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: DisputeCommand) -> Result<ExitCode, Failure> {
    let DisputeCommand::Watch(args) = command;
    let open = args.target.open_at(args.root.as_deref()).await?;
    let root = RootClient::connect(
        &open.report.root.rpc,
        Arc::new(TokioEnv),
        RootConfig::local(),
    )
    .await?;
    let contracts = open.report.root.contracts;
    let settlement = EvmSettlement::new(root.clone(), contracts, ChainId(open.chain.chain_id));
    let mut view = settlement.view().await?;
    let first = view.settled_entries;
    print(&view);
    while !(args.once || args.until_settled && view.settled_entries > first) {
        tokio::time::sleep(POLL).await;
        let next = settlement.view().await?;
        if next.at.number == view.at.number {
            continue;
        }
        let filter = Filter::new()
            .address(contracts.tournament)
            .from_block(BlockNumberOrTag::Number(view.at.number + 1))
            .to_block(BlockNumberOrTag::Number(next.at.number));
        let logs = root.provider().get_logs(&filter).await?;
        let moves: BTreeSet<(u64, B256)> = logs
            .iter()
            .filter_map(|log| Some((log.block_number?, log.transaction_hash?)))
            .collect();
        for (block, hash) in &moves {
            if let Some(receipt) = root.provider().get_transaction_receipt(*hash).await? {
                println!(
                    "block {block}: a move by {}, {} gas",
                    receipt.from, receipt.gas_used
                );
            }
        }
        if next.settled != view.settled {
            println!(
                "settled: checkpoint {} after {} entries",
                next.settled, next.settled_entries
            );
        }
        view = next;
        if !moves.is_empty() {
            print(&view);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(view: &DisputeView) {
    let now = view.at.timestamp;
    let Some(claim) = &view.claim else {
        println!(
            "no claim waits; {} entries are settled",
            view.settled_entries
        );
        return;
    };
    println!(
        "claims about entries {} to {}, root block {}:",
        view.settled_entries,
        claim.entries.saturating_sub(1),
        view.at.number
    );
    for tournament in &view.tournaments {
        print_tournament(&view.terms, tournament, now);
    }
}

fn print_tournament(terms: &DisputeTerms, tournament: &TournamentView, now: Seconds) {
    let waits = match tournament.phase(now) {
        TournamentPhase::Joining => {
            format!("joins for {} s more", tournament.closes_at.0 - now.0)
        }
        TournamentPhase::Playing => "no more joins".to_owned(),
        TournamentPhase::Won(winner) => format!("won by {}", short(winner)),
        TournamentPhase::NoSurvivor => "no claim is left".to_owned(),
    };
    let what = match terms.stride_log2(tournament.level) {
        None => "segments".to_owned(),
        Some(0) => "steps of the machine".to_owned(),
        Some(stride) => format!("stretches of 2^{stride} steps"),
    };
    println!(
        "  level {} ({what}): {} claims, bond {}, {waits}",
        tournament.level,
        tournament.claims.len(),
        amount_of(tournament.bond)
    );
    for found in &tournament.matches {
        println!("    {}", describe(found, now));
    }
}

fn describe(found: &MatchView, now: Seconds) -> String {
    let (one, two) = (short(found.key.one), short(found.key.two));
    let range = match found.stage {
        MatchStage::Halving { height, index, .. } => {
            let first = index << height;
            format!("leaves {first} to {} in dispute", first + (1 << height) - 1)
        }
        MatchStage::Inner { index, .. } => format!("leaf {index}, decided one level down"),
        MatchStage::Leaf { index, .. } => format!("step {index}, decided by its proof"),
    };
    let clocks = format!(
        "clocks {} s and {} s",
        found.clock(Side::One).left(now),
        found.clock(Side::Two).left(now)
    );
    let waits = match found.phase(now) {
        MatchPhase::Turn(side) => format!("{} moves", short(found.key.commitment(side))),
        MatchPhase::Proof => "anyone may prove".to_owned(),
        MatchPhase::Inner(_) => "waits".to_owned(),
        MatchPhase::WonByTime(side) => {
            format!("{} won by time", short(found.key.commitment(side)))
        }
        MatchPhase::BothOut => "both ran out of time".to_owned(),
    };
    format!("{one} against {two}: {range}, {clocks}, {waits}")
}

/// The first bytes of a hash, for people.
fn short(hash: B256) -> String {
    hash.to_string().chars().take(10).collect()
}
