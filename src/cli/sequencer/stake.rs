//! Bonding, delegating, and taking stake out again.

use clap::Args;
use plasma_bridge::{PendingUnbonding, StakePosition};
use plasma_core::{Address, U256};

use super::target::{Actor, OpenNetwork, grouped, in_wei};
use crate::cli::Failure;

#[derive(Args)]
pub(in crate::cli) struct BondArgs {
    /// How much XPL.
    #[arg(long, value_name = "XPL")]
    amount: String,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(in crate::cli) struct DelegateArgs {
    /// The operator's address, as `plasma sequencer status` shows it.
    #[arg(long, value_name = "ADDRESS")]
    to: Address,
    #[command(flatten)]
    bond: BondArgs,
}

#[derive(Args)]
pub(in crate::cli) struct UnbondArgs {
    /// How much XPL to take out, or `all`.
    #[arg(
        long,
        value_name = "XPL",
        required_unless_present = "withdraw",
        conflicts_with = "withdraw"
    )]
    amount: Option<String>,
    /// The operator whose pool it leaves. Default: your own.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<Address>,
    /// Pay out what was taken out before and is due; with a number, only that unbonding.
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "all")]
    withdraw: Option<Unbondings>,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(in crate::cli) struct RedelegateArgs {
    /// How much XPL to move, or `all`.
    #[arg(
        long,
        value_name = "XPL",
        required_unless_present = "release",
        conflicts_with = "release"
    )]
    amount: Option<String>,
    /// The operator whose pool it leaves. Default: your own.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<Address>,
    /// The operator whose pool it joins.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "release")]
    to: Option<Address>,
    /// Unlock what was moved before and is not liable any more, by the move's number.
    #[arg(long, value_name = "ID")]
    release: Option<u64>,
    #[command(flatten)]
    actor: Actor,
}

/// Which of an account's unbondings.
#[derive(Clone, Copy, Debug)]
enum Unbondings {
    All,
    One(u64),
}

impl std::str::FromStr for Unbondings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::One).map_err(|_| {
                format!(
                    "`{number}` is no unbonding; give its number, or nothing for all that are due"
                )
            }),
        }
    }
}

pub(super) async fn bond(args: BondArgs) -> Result<(), Failure> {
    let amount = in_wei("--amount", &args.amount)?;
    let (open, account) = args.actor.open().await?;
    let operator = account.address();
    if open.network.key_of(operator).await?.is_none() {
        return Err(format!(
            "{operator} is no operator; join first (`plasma sequencer join`), or `delegate` to one"
        )
        .into());
    }
    add(&open, account.address(), operator, amount).await
}

pub(super) async fn delegate(args: DelegateArgs) -> Result<(), Failure> {
    let amount = in_wei("--amount", &args.bond.amount)?;
    let (open, account) = args.bond.actor.open().await?;
    add(&open, account.address(), args.to, amount).await
}

async fn add(
    open: &OpenNetwork,
    account: Address,
    operator: Address,
    amount: U256,
) -> Result<(), Failure> {
    open.check_electable(operator).await?;
    open.check_liquid(account, amount).await?;
    let receipt = open.network.delegate(operator, amount).await?;
    let position = open.network.position(operator, account).await?;
    println!(
        "bonded {} XPL with {operator}, {} in all; it counts from the next election on. Root transaction {}",
        grouped(amount),
        grouped(position.value),
        receipt.transaction
    );
    Ok(())
}

pub(super) async fn unbond(args: UnbondArgs) -> Result<(), Failure> {
    let (open, account) = args.actor.open().await?;
    let account = account.address();
    if let Some(id) = args.withdraw {
        return withdraw(&open, account, id).await;
    }
    let operator = args.from.unwrap_or(account);
    let shares = leaving(&open, account, operator, args.amount.as_deref()).await?;
    let unbonded = open.network.unbond(operator, shares).await?;
    let delay = open.network.terms().await?.delay;
    println!(
        "{} XPL leave {operator} as unbonding {}; root transaction {}",
        grouped(unbonded.amount),
        unbonded.id,
        unbonded.receipt.transaction
    );
    println!(
        "they stay liable for {} elections; then: plasma sequencer unbond --withdraw {}",
        delay + 1,
        unbonded.id
    );
    Ok(())
}

pub(super) async fn redelegate(args: RedelegateArgs) -> Result<(), Failure> {
    let (open, account) = args.actor.open().await?;
    let account = account.address();
    if let Some(id) = args.release {
        let burned = open.network.release(U256::from(id)).await?;
        println!(
            "move {id} is released; {} XPL of it were burned",
            grouped(burned)
        );
        return Ok(());
    }
    let from = args.from.unwrap_or(account);
    // Required without `--release`.
    let to = args.to.unwrap_or_default();
    if from == to {
        return Err(format!("--from and --to are both {to}; name another sequencer").into());
    }
    open.check_electable(to).await?;
    let shares = leaving(&open, account, from, args.amount.as_deref()).await?;
    let moved = open.network.redelegate(from, to, shares).await?;
    println!(
        "{} XPL moved from {from} to {to}; they count there from the next election on. Root transaction {}",
        grouped(moved.amount),
        moved.receipt.transaction
    );
    if !moved.id.is_zero() {
        let delay = open.network.terms().await?.delay;
        println!(
            "they stay liable for {from} and locked for {} elections; then: plasma sequencer redelegate --release {}",
            delay + 1,
            moved.id
        );
    }
    Ok(())
}

/// The shares of a position that an amount is, `None` being all; refused when they are locked or not there.
async fn leaving(
    open: &OpenNetwork,
    account: Address,
    operator: Address,
    amount: Option<&str>,
) -> Result<U256, Failure> {
    let position = open.network.position(operator, account).await?;
    let free = position.shares.saturating_sub(position.locked);
    let shares = match amount.unwrap_or("all") {
        "all" => free,
        text => shares_of(&position, in_wei("--amount", text)?),
    };
    if shares.is_zero() || shares > free {
        let locked = if position.locked.is_zero() {
            String::new()
        } else {
            " besides what was moved there and is still liable".to_owned()
        };
        return Err(format!(
            "{account} has {} XPL with {operator}{locked}; take out at most that, or name another pool with --from",
            grouped(value_of(&position, free))
        )
        .into());
    }
    Ok(shares)
}

/// Shares that are worth an amount, rounded up: a share is a wei until the pool is slashed.
fn shares_of(position: &StakePosition, wei: U256) -> U256 {
    if position.value.is_zero() || wei > position.value {
        return U256::MAX;
    }
    wei.checked_mul(position.shares)
        .map_or(U256::MAX, |product| product.div_ceil(position.value))
}

/// What shares of a position are worth.
fn value_of(position: &StakePosition, shares: U256) -> U256 {
    let product = position.value.checked_mul(shares).unwrap_or_default();
    product.checked_div(position.shares).unwrap_or_default()
}

async fn withdraw(open: &OpenNetwork, account: Address, which: Unbondings) -> Result<(), Failure> {
    let mut found = open.network.unbondings(account).await?;
    if let Unbondings::One(id) = which {
        found.retain(|pending| pending.id == U256::from(id));
        if found.is_empty() {
            return Err(format!(
                "{account} has no unbonding {id} to withdraw; without a number, all that are due are paid out"
            )
            .into());
        }
    }
    let (due, waiting): (Vec<PendingUnbonding>, Vec<_>) = found
        .into_iter()
        .partition(|pending| pending.elections_left == 0);
    for pending in &waiting {
        println!(
            "unbonding {} of {} XPL is liable for {} more elections",
            pending.id,
            grouped(pending.amount),
            pending.elections_left
        );
    }
    if due.is_empty() {
        return Err(format!("nothing of {account} can be withdrawn now").into());
    }
    for pending in due {
        let (paid, burned) = open.network.withdraw(pending.id).await?;
        let lost = if burned.is_zero() {
            String::new()
        } else {
            format!(
                "; {} were burned for a double vote of {}",
                grouped(burned),
                pending.operator
            )
        };
        println!(
            "withdrew {} XPL of unbonding {}{lost}",
            grouped(paid),
            pending.id
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_shares_that_are_worth_at_least_as_much() {
        let number = U256::from::<u64>;
        let position = |shares, value| StakePosition {
            shares: number(shares),
            locked: U256::ZERO,
            value: number(value),
            earned: U256::ZERO,
        };
        // Whole, and slashed by a tenth.
        for (position, wei, shares) in [
            (position(1_000, 1_000), 250, 250),
            (position(1_000, 900), 900, 1_000),
            (position(1_000, 900), 1, 2),
            (position(1_000, 900), 450, 500),
        ] {
            let got = shares_of(&position, number(wei));
            assert_eq!(got, number(shares), "{wei}");
            assert!(value_of(&position, got) >= number(wei));
        }
        assert_eq!(shares_of(&position(0, 0), U256::ONE), U256::MAX);
        assert_eq!(shares_of(&position(10, 9), number(10)), U256::MAX);
    }
}
