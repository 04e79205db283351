//! `plasma xpl`: the token as a whole.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use plasma_bridge::XplSupply;
use plasma_core::U256;
use serde_json::json;

use super::{
    Failure,
    sequencer::{NetworkTarget, grouped},
};

#[derive(Subcommand)]
pub(super) enum XplCommand {
    /// Say where all XPL is, and whether it adds up; fails if it does not.
    Supply(SupplyArgs),
}

#[derive(Args)]
pub(super) struct SupplyArgs {
    /// Print JSON, amounts in wei.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: NetworkTarget,
}

pub(super) async fn run(command: XplCommand) -> Result<ExitCode, Failure> {
    match command {
        XplCommand::Supply(args) => supply(args).await,
    }
}

async fn supply(args: SupplyArgs) -> Result<ExitCode, Failure> {
    let open = args.target.open().await?;
    let supply = open.network.supply(&open.contracts).await?;
    let checked = supply.check();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&as_json(&supply))?);
    } else {
        print(&supply);
    }
    match checked {
        Ok(()) => {
            if !args.json {
                println!(
                    "\nit adds up: genesis + minted - burned = liquid + staked + escrowed + pending"
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("it does not add up (in wei): {error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn as_json(supply: &XplSupply) -> serde_json::Value {
    json!({
        "genesis": supply.genesis.to_string(),
        "minted": supply.minted.to_string(),
        "burned": supply.burned.to_string(),
        "total": supply.total.to_string(),
        "liquid": supply.liquid.to_string(),
        "staked": supply.staked.to_string(),
        "escrowed": supply.escrowed.to_string(),
        "pending": supply.pending.to_string(),
        "stakesHold": supply.stakes_hold.to_string(),
        "chainsMayWithdraw": supply.chains_may_withdraw.to_string(),
        "addsUp": supply.check().is_ok(),
    })
}

fn print(supply: &XplSupply) {
    let line = |sign: &str, name: &str, wei: U256, what: &str| {
        let text = format!("{sign} {name:<9}{:>36}  {what}", aligned(wei));
        println!("{}", text.trim_end());
    };
    line(" ", "genesis", supply.genesis, "");
    line("+", "minted", supply.minted, "rewards, by the registry");
    line(
        "-",
        "burned",
        supply.burned,
        "fees, slashed stake, and by holders",
    );
    line("=", "supply", supply.total, "as the token says");
    println!();
    line(" ", "liquid", supply.liquid, "with holders");
    line("+", "staked", supply.staked, "bonded, or on its way out");
    line(
        "+",
        "escrowed",
        supply.escrowed,
        "in the bridge, behind the chains",
    );
    line(
        "+",
        "pending",
        supply.pending,
        "to be claimed, or forfeited and not burned yet",
    );
    let all = [supply.staked, supply.escrowed, supply.pending]
        .into_iter()
        .fold(supply.liquid, U256::saturating_add);
    line("=", "", all, "");
}

/// With the points under each other.
fn aligned(wei: U256) -> String {
    let text = grouped(wei);
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let point = if rest.is_empty() { ' ' } else { '.' };
    format!("{whole}{point}{rest:<18}")
}
