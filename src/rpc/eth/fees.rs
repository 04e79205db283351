//! What gas costs.

use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{U64, U128};
use plasma_core::Height;
use serde::{Deserialize, Serialize};

use crate::{
    StoredBlock,
    rpc::{
        arguments::Arguments,
        error::{Outcome, Refusal},
        methods::Methods,
        node::Node,
        objects::entries,
    },
};

/// Blocks that one fee history may span.
const HISTORY_BLOCKS: u64 = 1_024;
/// Percentiles in one fee history.
const HISTORY_PERCENTILES: usize = 100;
/// Blocks from which a tip is suggested.
const SUGGESTION_BLOCKS: u64 = 20;
/// The highest tip suggested where nobody has tipped yet: one gwei.
const SUGGESTED_TIP: u128 = 1_000_000_000;

pub(super) fn register(methods: &mut Methods) {
    methods.read("eth_gasPrice", 0, |node, _| {
        let base = node.newest()?.fees().base_fee;
        Ok(U128::from(base.saturating_add(suggested_tip(node, base)?)))
    });
    methods.read("eth_maxPriorityFeePerGas", 0, |node, _| {
        let base = node.newest()?.fees().base_fee;
        Ok(U128::from(suggested_tip(node, base)?))
    });
    methods.read("eth_blobBaseFee", 0, |node, _| {
        Ok(U128::from(
            node.newest()?.fees().blob_base_fee.unwrap_or_default(),
        ))
    });
    methods.read("eth_feeHistory", 3, history);
}

/// What the middle of recent transactions tipped; a tenth of the base fee where there are none.
fn suggested_tip(node: &Node, base_fee: u128) -> Outcome<u128> {
    let chain = &node.context.chain;
    let head = chain.head().height().0;
    let mut tips = Vec::new();
    for height in (head.saturating_sub(SUGGESTION_BLOCKS - 1)..=head).rev() {
        if let Some(block) = chain.ledger().block(Height(height))? {
            let paid = entries(&block)
                .filter(|entry| entry.transaction().is_some() && entry.receipt.gas_used.0 > 0);
            // A few of each block suffice: full blocks hold tens of thousands.
            tips.extend(
                paid.take(64)
                    .map(|entry| entry.receipt.gas_price.saturating_sub(block.base_fee)),
            );
        }
    }
    tips.sort_unstable();
    match tips.get(tips.len() / 2) {
        Some(tip) => Ok(*tip),
        None => Ok((base_fee / 10).min(SUGGESTED_TIP)),
    }
}

/// A number in hex, as the specification has it, or plain, as some tools send it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Plain(u64),
    Hex(U64),
}

/// What `eth_feeHistory` gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FeeHistory {
    oldest_block: U64,
    base_fee_per_gas: Vec<U128>,
    gas_used_ratio: Vec<f64>,
    base_fee_per_blob_gas: Vec<U128>,
    blob_gas_used_ratio: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<Vec<Vec<U128>>>,
}

fn history(node: &Node, arguments: &Arguments) -> Outcome<FeeHistory> {
    let count = match arguments.required(0, "block count")? {
        Count::Plain(count) => count,
        Count::Hex(count) => count.to(),
    };
    let newest: BlockNumberOrTag = arguments.required(1, "newest block")?;
    let percentiles: Vec<f64> = arguments
        .optional(2, "reward percentiles")?
        .unwrap_or_default();
    if percentiles.len() > HISTORY_PERCENTILES {
        let got = percentiles.len();
        return Err(Refusal::limit(format!(
            "{got} percentiles are over the limit of {HISTORY_PERCENTILES}"
        )));
    }
    if percentiles.iter().any(|one| !(0.0..=100.0).contains(one)) || !percentiles.is_sorted() {
        return Err(Refusal::invalid(
            "invalid reward percentile: give values from 0 to 100 in ascending order",
        ));
    }
    let chain = &node.context.chain;
    let newest = node.block(newest.into())?;
    let last = newest.height().0;
    let first = (last + 1).saturating_sub(count.clamp(1, HISTORY_BLOCKS));
    let mut history = FeeHistory {
        oldest_block: U64::from(first),
        base_fee_per_gas: Vec::new(),
        gas_used_ratio: Vec::new(),
        base_fee_per_blob_gas: Vec::new(),
        blob_gas_used_ratio: Vec::new(),
        reward: (!percentiles.is_empty()).then(Vec::new),
    };
    for height in first..=last {
        let block = chain.block(Height(height))?;
        history.base_fee_per_gas.push(U128::from(block.base_fee));
        history
            .gas_used_ratio
            .push(block.gas_used() as f64 / block.gas_limit.max(1) as f64);
        history.blob_gas_used_ratio.push(0.0);
        if let Some(rewards) = &mut history.reward {
            rewards.push(tips_at(&block, &percentiles));
        }
    }
    // One more than blocks: the fee of the block that follows.
    let fees = match chain.ledger().block(Height(last + 1))? {
        Some(next) => next.base_fee,
        None => node.after(newest)?.fees().base_fee,
    };
    history.base_fee_per_gas.push(U128::from(fees));
    history.base_fee_per_blob_gas = vec![U128::ZERO; history.base_fee_per_gas.len()];
    Ok(history)
}

/// The tips at these percentiles of a block's gas.
fn tips_at(block: &StoredBlock, percentiles: &[f64]) -> Vec<U128> {
    let paid = entries(block).filter(|entry| entry.transaction().is_some());
    let mut tips: Vec<(u128, u64)> = paid
        .map(|entry| {
            (
                entry.receipt.gas_price.saturating_sub(block.base_fee),
                entry.receipt.gas_used.0,
            )
        })
        .collect();
    tips.sort_unstable();
    let total: u64 = tips.iter().map(|(_, gas)| gas).sum();
    let (mut passed, mut at) = (0_u64, tips.iter().peekable());
    let mut reward = 0;
    let one = |percentile: &f64| {
        let target = (total as f64 * percentile / 100.0) as u64;
        while let Some((tip, gas)) = at.peek() {
            reward = *tip;
            if passed + gas >= target {
                break;
            }
            passed += gas;
            at.next();
        }
        U128::from(reward)
    };
    percentiles.iter().map(one).collect()
}
