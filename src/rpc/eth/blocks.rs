//! Blocks.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::U64;
use plasma_core::B256;

use crate::rpc::{
    arguments::Arguments,
    error::Outcome,
    methods::Methods,
    node::Node,
    objects::{
        BlockObject, ReceiptObject, Transactions, entries, hash_value, receipts_of, waiting,
    },
};

/// Transactions shown in a pending block.
const PENDING_SHOWN: usize = 1_024;

pub(super) fn register(methods: &mut Methods) {
    methods.quick("eth_blockNumber", 0, |node, _| {
        Ok(U64::from(node.context.chain.head().height().0))
    });
    methods.read("eth_getBlockByNumber", 2, |node, arguments| {
        let number: BlockNumberOrTag = arguments.required(0, "block")?;
        let full = arguments.optional(1, "full transactions")?.unwrap_or(false);
        match number {
            BlockNumberOrTag::Pending => pending(node, full).map(Some),
            _ => block(node, number.into(), full),
        }
    });
    methods.read("eth_getBlockByHash", 2, |node, arguments| {
        let hash: B256 = arguments.required(0, "block hash")?;
        block(
            node,
            hash.into(),
            arguments.optional(1, "full transactions")?.unwrap_or(false),
        )
    });
    methods.read(
        "eth_getBlockTransactionCountByNumber",
        1,
        |node, arguments| {
            count(
                node,
                arguments.required::<BlockNumberOrTag>(0, "block")?.into(),
            )
        },
    );
    methods.read(
        "eth_getBlockTransactionCountByHash",
        1,
        |node, arguments| count(node, arguments.required::<B256>(0, "block hash")?.into()),
    );
    // There are no uncles; tools that ask for their number are told so.
    methods.read("eth_getUncleCountByBlockNumber", 1, uncles);
    methods.read("eth_getUncleCountByBlockHash", 1, uncles);
    methods.work("eth_getBlockReceipts", 1, receipts);
}

fn block(node: &Node, id: BlockId, full: bool) -> Outcome<Option<BlockObject>> {
    let show = if full {
        Transactions::Full
    } else {
        Transactions::Hashes
    };
    let block = node.find(id)?;
    Ok(block.map(|block| BlockObject::new(&node.context.chain, &node.blooms, &block, show)))
}

fn pending(node: &Node, full: bool) -> Outcome<BlockObject> {
    let at = node.newest()?;
    let chain = &node.context.chain;
    let bytes = node
        .context
        .sequencer
        .as_ref()
        .map(|sequencer| sequencer.pending(PENDING_SHOWN));
    let shown = bytes.unwrap_or_default().into_iter().map(|bytes| {
        if full {
            waiting(&**chain.execution(), &at.context, &bytes)
        } else {
            hash_value(plasma_core::transaction_hash(&bytes))
        }
    });
    Ok(BlockObject::pending(
        &at.block,
        at.context.timestamp,
        at.fees().base_fee,
        shown.collect(),
    ))
}

fn count(node: &Node, id: BlockId) -> Outcome<Option<U64>> {
    Ok(node
        .find(id)?
        .map(|block| U64::from(entries(&block).count())))
}

fn uncles(node: &Node, arguments: &Arguments) -> Outcome<Option<U64>> {
    let id: BlockId = arguments.required(0, "block")?;
    Ok(node.find(id)?.map(|_| U64::ZERO))
}

fn receipts(node: &Node, arguments: &Arguments) -> Outcome<Option<Vec<ReceiptObject>>> {
    let id: BlockId = arguments.required(0, "block")?;
    Ok(node
        .find(id)?
        .map(|block| receipts_of(&node.context.chain, &block)))
}
