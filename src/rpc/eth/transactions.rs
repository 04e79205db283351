//! Transactions and receipts.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::U64;
use plasma_core::{B256, Bytes};
use serde_json::Value;

use crate::rpc::{
    arguments::Arguments,
    error::Outcome,
    methods::Methods,
    node::Node,
    objects::{ReceiptObject, entry, mined, receipt_of, waiting},
};

pub(super) fn register(methods: &mut Methods) {
    methods.read("eth_getTransactionByHash", 1, by_hash);
    methods.read(
        "eth_getTransactionByBlockHashAndIndex",
        2,
        |node, arguments| {
            by_index(
                node,
                arguments.required::<B256>(0, "block hash")?.into(),
                arguments,
            )
        },
    );
    methods.read(
        "eth_getTransactionByBlockNumberAndIndex",
        2,
        |node, arguments| {
            by_index(
                node,
                arguments.required::<BlockNumberOrTag>(0, "block")?.into(),
                arguments,
            )
        },
    );
    methods.read("eth_getRawTransactionByHash", 1, raw_by_hash);
    methods.read("eth_getTransactionReceipt", 1, |node, arguments| {
        receipt(node, arguments.required(0, "transaction hash")?)
    });
}

/// The receipt of a transaction in a block; `None` while there is none.
pub(super) fn receipt(node: &Node, hash: B256) -> Outcome<Option<ReceiptObject>> {
    let located = node.locate(hash)?;
    Ok(located
        .and_then(|(block, index)| Some(receipt_of(&node.context.chain, &entry(&block, index)?))))
}

fn by_hash(node: &Node, arguments: &Arguments) -> Outcome<Option<Value>> {
    let hash: B256 = arguments.required(0, "transaction hash")?;
    let chain = &node.context.chain;
    if let Some((block, index)) = node.locate(hash)? {
        return Ok(entry(&block, index).map(|entry| mined(chain, &entry)));
    }
    let Some(bytes) = node.pending(&hash) else {
        return Ok(None);
    };
    let context = chain.next_context(&chain.head(), node.context.env.now());
    Ok(Some(waiting(&**chain.execution(), &context, &bytes)))
}

fn by_index(node: &Node, id: BlockId, arguments: &Arguments) -> Outcome<Option<Value>> {
    let index: U64 = arguments.required(1, "index")?;
    let block = node.find(id)?;
    Ok(block.and_then(|block| Some(mined(&node.context.chain, &entry(&block, index.to())?))))
}

fn raw_by_hash(node: &Node, arguments: &Arguments) -> Outcome<Option<Bytes>> {
    let hash: B256 = arguments.required(0, "transaction hash")?;
    let mined = node.locate(hash)?;
    let mined = mined.and_then(|(block, index)| entry(&block, index)?.transaction().cloned());
    Ok(mined.or_else(|| node.pending(&hash)))
}
