//! Messages to other chains, and the proofs with which they are delivered.

use std::sync::PoisonError;

use alloy_eips::BlockId;
use plasma_core::{B256, Bytes, Height, OutboxMessage, OutboxProof, Stage};
use serde::Serialize;

use crate::{
    Chain,
    rpc::{
        arguments::Arguments,
        error::{Outcome, Refusal},
        find::stage_of,
        methods::Methods,
        node::Node,
    },
};

pub(super) fn register(methods: &mut Methods) {
    methods.read("plasma_messages", 1, messages);
    methods.work("plasma_outboxProof", 2, proof);
}

/// A message that was sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    id: B256,
    message: OutboxMessage,
    height: Height,
    stage: Stage,
}

/// A message with the proof that it was sent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Proven {
    id: B256,
    message: OutboxMessage,
    payload: Bytes,
    /// The block that sent it.
    height: Height,
    stage: Stage,
    /// The block after which the outbox has this root.
    at_height: Height,
    outbox_root: B256,
    proof: OutboxProof,
}

fn messages(node: &Node, arguments: &Arguments) -> Outcome<Option<Vec<Sent>>> {
    let hash: B256 = arguments.required(0, "transaction hash")?;
    let Some((block, index)) = node.locate(hash)? else {
        return Ok(None);
    };
    let step = index + 1;
    let sent = block.sent.iter().filter(|(by, _)| u64::from(*by) == step);
    let (height, stage) = (
        block.height(),
        stage_of(&node.context.chain, block.height()),
    );
    Ok(Some(
        sent.map(|(_, message)| Sent {
            id: message.id(),
            message: message.clone(),
            height,
            stage,
        })
        .collect(),
    ))
}

fn proof(node: &Node, arguments: &Arguments) -> Outcome<Proven> {
    let name: B256 = arguments.required(0, "message id or transaction hash")?;
    let chain = &node.context.chain;
    let (message, height) = message(node, name)?;
    let at: Option<BlockId> = arguments.optional(1, "block")?;
    let at = node.block(at.unwrap_or(BlockId::finalized()))?;
    if height > at.height() {
        let (stage, at) = (stage_of(chain, height), at.height());
        return Err(Refusal::refused(format!(
            "the message was sent by block {height} ({stage}), after block {at} for which the proof is asked; \
             wait until that block is settled",
        )));
    }
    let count = sent_by(chain, at.height(), message.nonce)?;
    let mut tree = node.outbox.lock().unwrap_or_else(PoisonError::into_inner);
    // After a reorganisation the newest leaves are not those of the ledger any more.
    while let Some(last) = tree.len().checked_sub(1) {
        let known = chain.ledger().sent(last)?.map(|(message, _)| message.id());
        if known == tree.leaf(last) {
            break;
        }
        tree.truncate(last);
    }
    for nonce in tree.len()..count {
        let sent = chain.ledger().sent(nonce)?;
        let (message, _) =
            sent.ok_or_else(|| Refusal::internal(format!("outbox message {nonce} is missing")))?;
        tree.push(message.id());
    }
    let id = message.id();
    let proof = tree
        .prove(message.nonce, count)
        .filter(|proof| proof.root(id) == Some(at.outbox_root));
    let proof =
        proof.ok_or_else(|| Refusal::refused("the chain was reorganised meanwhile; ask again"))?;
    Ok(Proven {
        id,
        payload: message.message.payload.clone(),
        message,
        height,
        stage: stage_of(chain, height),
        at_height: at.height(),
        outbox_root: at.outbox_root,
        proof,
    })
}

/// The message of this id, or the one that the transaction of this hash sent.
fn message(node: &Node, name: B256) -> Outcome<(OutboxMessage, Height)> {
    let chain = &node.context.chain;
    if let Some(nonce) = chain.ledger().sent_nonce(&name)?
        && let Some(sent) = chain.ledger().sent(nonce)?
    {
        return Ok(sent);
    }
    let Some((block, index)) = node.locate(name)? else {
        return Err(Refusal::not_found(format!(
            "no message and no transaction {name} is here"
        )));
    };
    let mut sent = block
        .sent
        .iter()
        .filter(|(step, _)| u64::from(*step) == index + 1);
    match (sent.next(), sent.next()) {
        (Some((_, message)), None) => Ok((message.clone(), block.height())),
        (None, _) => Err(Refusal::not_found(format!(
            "transaction {name} sent no message"
        ))),
        (Some(_), Some(_)) => Err(Refusal::invalid(format!(
            "transaction {name} sent several messages; ask for one by its id, which plasma_messages gives"
        ))),
    }
}

/// How many messages were sent up to and including `height`, given one of them.
fn sent_by(chain: &Chain, height: Height, known: u64) -> Outcome<u64> {
    let later = |nonce: u64| -> Outcome<bool> {
        Ok(chain
            .ledger()
            .sent(nonce)?
            .is_none_or(|(_, sent)| sent > height))
    };
    let (mut low, mut step) = (known, 1);
    while !later(low.saturating_add(step))? {
        low += step;
        step *= 2;
    }
    let mut high = low + step;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if later(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}
