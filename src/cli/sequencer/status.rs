//! The network as a table.

use clap::Args;
use plasma_bridge::{NetworkStatus, NetworkTerms, Participation, SequencerStatus};
use plasma_core::{Address, Env as _, Seconds, TokioEnv, U256};
use serde_json::{Value, json};

use super::target::{NetworkTarget, OpenNetwork, grouped};
use crate::cli::Failure;

/// Where an amount is cut in the table; `--json` has all of it.
const DECIMALS: usize = 4;

#[derive(Args)]
pub(in crate::cli) struct StatusArgs {
    /// Show this operator alone, whether it is a candidate or not.
    #[arg(long, value_name = "ADDRESS")]
    operator: Option<Address>,
    /// Print JSON, amounts in wei.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: NetworkTarget,
}

pub(super) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let open = args.target.open().await?;
    let terms = open.network.terms().await?;
    let mut status = open.network.status().await?;
    if let Some(operator) = args.operator {
        let one = open.network.sequencer(operator).await?;
        let one = one.ok_or_else(|| format!("{operator} never joined this network"))?;
        status.sequencers = vec![one];
    }
    let now = status.at.timestamp.max(TokioEnv.now().seconds());
    if args.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&as_json(&open, &terms, &status, now))?
        );
    } else {
        print(&open, &terms, &status, now);
    }
    Ok(())
}

fn as_json(
    open: &OpenNetwork,
    terms: &NetworkTerms,
    status: &NetworkStatus,
    now: Seconds,
) -> Value {
    let took_part = |participation: Option<Participation>| {
        participation.map(|part| json!({"signed": part.signed, "windows": part.windows}))
    };
    let sequencers: Vec<Value> = status
        .sequencers
        .iter()
        .map(|one| {
            json!({
                "operator": one.operator,
                "key": one.key,
                "bonded": one.bonded.to_string(),
                "delegated": one.delegated.to_string(),
                "commission": one.commission,
                "candidate": one.candidate,
                "weight": one.weight,
                "thisEpoch": took_part(one.current),
                "lastEpoch": took_part(one.last),
                "pending": one.pending.to_string(),
                "slashed": one.slashed,
            })
        })
        .collect();
    let epoch = status.epoch.map(|times| {
        json!({
            "number": times.epoch,
            "started": times.started,
            "ends": times.ends,
            "window": times.window_at(now),
        })
    });
    json!({
        "registry": open.network.registry(),
        "block": status.at.number,
        "epoch": epoch,
        "seats": terms.seats,
        "epochLength": terms.epoch_length,
        "slash": terms.slash,
        "minSelfBond": terms.min_self_bond.to_string(),
        "delay": terms.delay,
        "sequencers": sequencers,
    })
}

fn print(open: &OpenNetwork, terms: &NetworkTerms, status: &NetworkStatus, now: Seconds) {
    let seated = |one: &&SequencerStatus| one.weight.is_some();
    let seats = status.sequencers.iter().filter(seated).count();
    println!("network {} on {}", open.network.registry(), open.url);
    match status.epoch {
        None => println!(
            "no epoch yet; it begins when somebody has joined and anyone calls `plasma sequencer advance`"
        ),
        Some(times) => {
            let rest = times.ends.0.saturating_sub(now.0);
            let until = if rest == 0 {
                "over: anyone may begin the next with `plasma sequencer advance`".to_owned()
            } else {
                format!("for {rest} s more")
            };
            println!(
                "epoch {}, {until}; {seats} of at most {} seats; a double vote costs {} of the stake",
                times.epoch,
                terms.seats,
                hundredths(terms.slash)
            );
        }
    }
    if status.sequencers.is_empty() {
        println!("no sequencer has joined");
        return;
    }
    let total: u128 = status
        .sequencers
        .iter()
        .filter_map(|one| one.weight)
        .map(u128::from)
        .sum();
    let mut rows = vec![
        [
            "OPERATOR",
            "KEY",
            "BONDED",
            "DELEGATED",
            "FEE",
            "WEIGHT",
            "THIS EPOCH",
            "LAST",
            "TO CLAIM",
            "STATE",
        ]
        .map(str::to_owned),
    ];
    rows.extend(status.sequencers.iter().map(|one| row(one, total)));
    println!();
    for line in table(&rows) {
        println!("{line}");
    }
}

fn row(one: &SequencerStatus, total: u128) -> [String; 10] {
    let key = one.key.to_string();
    let part = |participation: Option<Participation>| {
        participation.map_or_else(
            || "-".to_owned(),
            |part| format!("{}/{}", part.signed, part.windows),
        )
    };
    let state = match (one.slashed, one.weight, one.candidate) {
        (true, ..) => "slashed",
        (_, Some(_), _) => "seated",
        (_, None, true) => "candidate",
        _ => "not listed",
    };
    let weight = one.weight.map_or_else(
        || "-".to_owned(),
        |weight| {
            let part = (u128::from(weight) * 10_000)
                .checked_div(total)
                .unwrap_or_default();
            format!("{weight} ({})", hundredths(part))
        },
    );
    [
        one.operator.to_string(),
        format!("{}..{}", &key[..6], &key[key.len() - 4..]),
        short(one.bonded),
        short(one.delegated),
        hundredths(one.commission),
        weight,
        part(one.current),
        part(one.last),
        short(one.pending),
        state.to_owned(),
    ]
}

/// Columns as wide as they must be; numbers to the right.
fn table(rows: &[[String; 10]]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].len())
            .max()
            .unwrap_or_default()
    };
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| match column {
                    0 | 1 | 9 => format!("{cell:<0$}", width(column)),
                    _ => format!("{cell:>0$}", width(column)),
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Hundredths of a percent, as a percentage.
fn hundredths(part: impl Into<u128>) -> String {
    let part = part.into();
    match (part / 100, part % 100) {
        (whole, 0) => format!("{whole}%"),
        (whole, rest) => format!("{whole}.{rest:02}%"),
    }
}

/// An amount cut to a few decimals.
fn short(wei: U256) -> String {
    let text = grouped(wei);
    match text.split_once('.') {
        Some((whole, rest)) if rest.len() > DECIMALS => {
            let kept = rest[..DECIMALS].trim_end_matches('0');
            if kept.is_empty() {
                format!("{whole}+")
            } else {
                format!("{whole}.{kept}+")
            }
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_say_when_they_are_cut() {
        let wei = |text: &str| alloy::primitives::utils::parse_ether(text).expect("a number");
        for (amount, shown) in [
            ("4000", "4,000"),
            ("0.5", "0.5"),
            ("1.23456", "1.2345+"),
            ("1.00001", "1+"),
            ("0", "0"),
        ] {
            assert_eq!(short(wei(amount)), shown);
        }
        assert_eq!(hundredths(3_333_u16), "33.33%");
        assert_eq!(hundredths(1_000_u16), "10%");
        assert_eq!(hundredths(5_u16), "0.05%");
    }

    #[test]
    fn columns_stand_under_their_names() {
        let row = |cells: [&str; 10]| cells.map(str::to_owned);
        let lines = table(&[
            row(["A", "K", "BONDED", "D", "F", "W", "T", "L", "C", "STATE"]),
            row(["0x01", "k", "4", "22", "1%", "3", "1/2", "-", "0", "seated"]),
        ]);
        assert_eq!(lines[0], "A     K  BONDED   D   F  W    T  L  C  STATE");
        assert_eq!(lines[1], "0x01  k       4  22  1%  3  1/2  -  0  seated");
    }
}
