//! What an account has earned.

use alloy::primitives::U64;
use clap::Args;
use plasma_bridge::StakePosition;
use plasma_core::{Address, U256};
use serde_json::json;

use super::target::{Actor, OpenNetwork, grouped};
use crate::cli::{Failure, rpc::ChainRpc};

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
    /// Also show what your sequencer's key has on the chain at this JSON-RPC, where the tips of its blocks are; may be given
    /// several times.
    #[arg(long, value_name = "URL")]
    rpc: Vec<String>,
    /// Print JSON, amounts in wei.
    #[arg(long, conflicts_with = "claim")]
    json: bool,
    #[command(flatten)]
    actor: Actor,
}

pub(super) async fn run(args: RewardsArgs) -> Result<(), Failure> {
    let (open, account) = args.actor.open().await?;
    let account = account.address();
    let status = open.network.status().await?;
    let mut operators: Vec<Address> = status.sequencers.iter().map(|one| one.operator).collect();
    for extra in &args.operator {
        if !operators.contains(extra) {
            operators.push(*extra);
        }
    }
    let mut pools = Vec::new();
    for operator in operators {
        let position = open.network.position(operator, account).await?;
        if !position.shares.is_zero() || !position.earned.is_zero() {
            pools.push((operator, position));
        }
    }
    let earned = Earned {
        account,
        pools,
        credit: open.network.credit(account).await?,
        purses: purses(&open, account, &args.rpc).await?,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&earned.as_json())?);
        return Ok(());
    }
    earned.print();
    if !args.claim {
        return Ok(());
    }
    if earned.claimable().is_zero() {
        return Err(
            "there is nothing to claim; rewards are minted when an epoch ends, for seats that took part".into(),
        );
    }
    let to = args.to.unwrap_or(account);
    let paid = open.network.claim(&earned.paying(), to).await?;
    println!("paid {} XPL to {to}", grouped(paid));
    Ok(())
}

/// What an account has earned, and where.
struct Earned {
    account: Address,
    pools: Vec<(Address, StakePosition)>,
    /// Commission, and what was credited before.
    credit: U256,
    purses: Vec<Purse>,
}

impl Earned {
    fn claimable(&self) -> U256 {
        self.pools.iter().fold(self.credit, |sum, (_, position)| {
            sum.saturating_add(position.earned)
        })
    }

    /// The pools that have something for the account.
    fn paying(&self) -> Vec<Address> {
        let paying = self
            .pools
            .iter()
            .filter(|(_, position)| !position.earned.is_zero());
        paying.map(|(operator, _)| *operator).collect()
    }

    fn as_json(&self) -> serde_json::Value {
        let pools: Vec<_> = self
            .pools
            .iter()
            .map(|(operator, position)| {
                json!({
                    "operator": operator,
                    "bonded": position.value.to_string(),
                    "earned": position.earned.to_string(),
                })
            })
            .collect();
        let chains: Vec<_> = self
            .purses
            .iter()
            .map(|purse| {
                json!({
                    "chainId": purse.chain_id,
                    "key": purse.key,
                    "balance": purse.balance.to_string(),
                })
            })
            .collect();
        json!({
            "account": self.account,
            "pools": pools,
            "credit": self.credit.to_string(),
            "claimable": self.claimable().to_string(),
            "chains": chains,
        })
    }

    fn print(&self) {
        for (operator, position) in &self.pools {
            println!(
                "{operator}  {} XPL bonded, {} earned",
                grouped(position.value),
                grouped(position.earned)
            );
        }
        println!(
            "commission and what was credited before: {} XPL",
            grouped(self.credit)
        );
        println!(
            "{} can claim {} XPL",
            self.account,
            grouped(self.claimable())
        );
        for purse in &self.purses {
            println!(
                "on chain {} its key {} has {} XPL, tips included; `plasma bridge withdraw` with that key brings them to the root",
                purse.chain_id,
                purse.key,
                grouped(purse.balance)
            );
        }
    }
}

/// What a sequencer's key has on a chain.
struct Purse {
    chain_id: u64,
    key: Address,
    balance: U256,
}

/// Tips are credited to the proposer's address on its chain, which is the key that votes.
async fn purses(
    open: &OpenNetwork,
    operator: Address,
    urls: &[String],
) -> Result<Vec<Purse>, Failure> {
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let key = open.network.key_of(operator).await?.ok_or_else(|| {
        format!("{operator} is no operator, so no block pays it tips; leave out --rpc")
    })?;
    let mut purses = Vec::new();
    for url in urls {
        let rpc = ChainRpc::connect(url, None)?;
        let chain_id: U64 = rpc.call("eth_chainId", json!([])).await?;
        purses.push(Purse {
            chain_id: chain_id.to(),
            key,
            balance: rpc.call("eth_getBalance", json!([key, "latest"])).await?,
        });
    }
    Ok(purses)
}
