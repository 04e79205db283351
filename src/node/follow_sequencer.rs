//! Executing what the sequencers certify.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use plasma_core::{CertifiedBlock, ChainUpdate, Height, Sequencer, Severity};

use super::{RETRY, Shared, continues, took_another_way};
use crate::chain::{ChainError, is_transient};

const TASK: &str = "follow-sequencer";
/// How soon to look again for a message that the root is about to give.
const MESSAGE_WAIT: Duration = Duration::from_millis(5);

/// Why the stream of blocks has to be opened again.
enum Turn {
    Again,
    Stop,
}

pub(super) async fn run(shared: Shared, sequencer: Arc<dyn Sequencer>, sovereign: bool) {
    if !agree(&shared, &sequencer).await || !sequencer.certifies() {
        return;
    }
    loop {
        let from = shared.chain.head().height().next();
        let mut blocks = sequencer.blocks(from);
        let turn = loop {
            match blocks.next().await {
                Some(Ok(block)) => {
                    if let Err(turn) = execute(&shared, &sequencer, block, sovereign).await {
                        break turn;
                    }
                }
                Some(Err(error)) => {
                    if shared.health.met(TASK, &error) {
                        break Turn::Stop;
                    }
                    break Turn::Again;
                }
                None => break Turn::Again,
            }
        };
        match turn {
            Turn::Stop => return,
            Turn::Again => shared.env.sleep(RETRY / 10).await,
        }
    }
}

/// Brings the sequencer to the chain where a crash came between the two: between overriding a block and saying so.
async fn agree(shared: &Shared, sequencer: &Arc<dyn Sequencer>) -> bool {
    let head = shared.chain.head();
    // A crash may also have come before this node executed what is certified: that is no difference.
    let header = &head.block.header;
    let differs = head.height() > Height(0) && !continues(&**sequencer, header).await;
    let update = match differs.then(|| took_another_way(&shared.chain, &**sequencer, header)) {
        None => None,
        Some(Ok(update)) => Some(update),
        Some(Err(error)) => {
            shared.health.met(TASK, &error);
            return false;
        }
    };
    let updates = [
        update,
        Some(ChainUpdate::Executed {
            height: head.height(),
            state_root: head.state_root,
        }),
    ];
    for update in updates.into_iter().flatten() {
        if let Err(error) = sequencer.observe(update).await {
            shared.health.met(TASK, &error);
            return false;
        }
    }
    true
}

async fn execute(
    shared: &Shared,
    sequencer: &Arc<dyn Sequencer>,
    certified: CertifiedBlock,
    sovereign: bool,
) -> Result<(), Turn> {
    let CertifiedBlock { block, certificate } = certified;
    let Some(committee) = sequencer.committee(block.header.epoch) else {
        let trouble = format!("no committee is known for epoch {}", block.header.epoch);
        shared.health.note(TASK, trouble, Severity::Transient);
        shared.env.sleep(RETRY).await;
        return Err(Turn::Again);
    };
    if let Err(error) = certificate.verify(&committee, &block.header) {
        shared.health.note(
            TASK,
            format!("refused block {}: {error}", block.header.height),
            Severity::Fatal,
        );
        return Err(Turn::Stop);
    }
    loop {
        let (work, proof) = (block.clone(), certificate.clone());
        let outcome = shared
            .blocking(move |chain| {
                chain.execution().prepare(&work.transactions);
                let stored = chain.execute(work, Some(proof))?;
                if sovereign {
                    chain.settle_by_itself();
                }
                Ok(stored)
            })
            .await;
        match outcome {
            Ok(Ok(stored)) => {
                shared.health.well(TASK);
                metrics::gauge!("plasma_chain_height").set(stored.height().0 as f64);
                let update = ChainUpdate::Executed {
                    height: stored.height(),
                    state_root: stored.state_root,
                };
                return match sequencer.observe(update).await {
                    Ok(()) => Ok(()),
                    Err(error) if shared.health.met(TASK, &error) => Err(Turn::Stop),
                    Err(_) => Err(Turn::Again),
                };
            }
            // The root is followed by another task, which will bring the messages.
            Ok(Err(error)) if is_transient(&error) => shared.env.sleep(MESSAGE_WAIT).await,
            Ok(Err(ChainError::NotNext { .. })) => return Err(Turn::Again),
            Ok(Err(error)) => {
                shared.health.met(TASK, &error);
                return Err(Turn::Stop);
            }
            Err(panic) => {
                shared
                    .health
                    .note(TASK, format!("execution stopped: {panic}"), Severity::Fatal);
                return Err(Turn::Stop);
            }
        }
    }
}
