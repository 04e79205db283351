//! What an account has earned.

use clap::Args;
use plasma_core::{Address, U256};
use serde_json::json;

use super::target::{AccountArgs, NetworkTarget, grouped};
use crate::cli::Failure;

#[derive(Args)]
pub(in crate::cli) struct RewardsArgs {
    /// Pay it out.
    #[arg(long)]
    claim: bool,
    /// Who is paid. Default: the account.
    #[arg(long, value_name = "ADDRESS", requires = "claim")]
    to: Option<Address>,
    /// Also look at this operator's pool, if it is no candidate any more; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    operator: Vec<Address>,
    /// Print JSON, amounts in wei.
    #[arg(long, conflicts_with = "claim")]
    json: bool,
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    target: NetworkTarget,
}

pub(super) async fn run(args: RewardsArgs) -> Result<(), Failure> {
    let (open, account) = args.target.open_as(&args.account).await?;
    let account = account.address();
    let status = open.network.status().await?;
    let mut operators: Vec<Address> = status.sequencers.iter().map(|one| one.operator).collect();
    for extra in &args.operator {
        if !operators.contains(extra) {
            operators.push(*extra);
        }
    }
    let mut earned = Vec::new();
    for operator in operators {
        let position = open.network.position(operator, account).await?;
        if !position.shares.is_zero() || !position.earned.is_zero() {
            earned.push((operator, position));
        }
    }
    let credit = open.network.credit(account).await?;
    let all = earned.iter().fold(credit, |sum, (_, position)| {
        sum.saturating_add(position.earned)
    });
    if args.json {
        let pools: Vec<_> = earned
            .iter()
            .map(|(operator, position)| {
                json!({
                    "operator": operator,
                    "bonded": position.value.to_string(),
                    "earned": position.earned.to_string(),
                })
            })
            .collect();
        let report = json!({
            "account": account,
            "pools": pools,
            "credit": credit.to_string(),
            "claimable": all.to_string(),
        });
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    for (operator, position) in &earned {
        println!(
            "{operator}  {} XPL bonded, {} earned",
            grouped(position.value),
            grouped(position.earned)
        );
    }
    println!(
        "commission and what was credited before: {} XPL",
        grouped(credit)
    );
    println!("{account} can claim {} XPL", grouped(all));
    if !args.claim {
        return Ok(());
    }
    if all.is_zero() {
        return Err(
            "there is nothing to claim; rewards are minted when an epoch ends, for seats that took part".into(),
        );
    }
    let to = args.to.unwrap_or(account);
    let from: Vec<Address> = earned
        .iter()
        .filter(|(_, position)| position.earned > U256::ZERO)
        .map(|(operator, _)| *operator)
        .collect();
    let paid = open.network.claim(&from, to).await?;
    println!("paid {} XPL to {to}", grouped(paid));
    Ok(())
}
