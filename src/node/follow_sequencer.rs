//! Executing what the sequencers certify: each block while the one before it is committed.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, Either, select},
};
use plasma_core::{
    BoxStream, CertifiedBlock, ChainUpdate, Height, Sequencer, SequencerError, Severity,
};

use super::{RETRY, Shared, continues, took_another_way};
use crate::chain::{Begun, BlockAhead, ChainError, is_transient};

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
        let blocks = sequencer.blocks(from);
        let Err(turn) = follow(&shared, &sequencer, blocks, sovereign).await;
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

/// A block on its way to be committed, and to be told of.
struct Landing {
    ahead: Option<BlockAhead>,
    landed: BoxFuture<'static, Result<(), Turn>>,
}

/// Executes blocks until something has to be begun anew. What was begun and is not finished then is dropped: the chain
/// does not know of it.
async fn follow(
    shared: &Shared,
    sequencer: &Arc<dyn Sequencer>,
    mut blocks: BoxStream<'static, Result<CertifiedBlock, SequencerError>>,
    sovereign: bool,
) -> Result<Infallible, Turn> {
    let mut landing: Option<Landing> = None;
    loop {
        let next = match &mut landing {
            None => Ok(blocks.next().await),
            // Whoever waits for the receipts is first.
            Some(Landing { landed, .. }) => match select(landed, blocks.next()).await {
                Either::Left((landed, _)) => Err(landed),
                Either::Right((next, _)) => Ok(next),
            },
        };
        let certified = match next {
            Err(landed) => {
                landing = None;
                landed?;
                continue;
            }
            Ok(next) => next,
        };
        let certified = match certified {
            Some(Ok(certified)) => certified,
            Some(Err(error)) => {
                land(landing.take()).await?;
                return Err(if shared.health.met(TASK, &error) {
                    Turn::Stop
                } else {
                    Turn::Again
                });
            }
            None => {
                land(landing.take()).await?;
                return Err(Turn::Again);
            }
        };
        let ahead = landing.as_ref().and_then(|landing| landing.ahead.clone());
        let begun = pin!(begin(shared, sequencer, certified, ahead.as_ref()));
        let landed = pin!(land(landing.take()));
        let begun = match select(begun, landed).await {
            Either::Left((begun, landed)) => {
                landed.await?;
                begun?
            }
            // If that failed, nothing can come of the other.
            Either::Right((landed, begun)) => {
                landed?;
                begun.await?
            }
        };
        let ahead = begun.ahead();
        let landed = finish(shared.clone(), sequencer.clone(), begun, sovereign).boxed();
        landing = Some(Landing { ahead, landed });
    }
}

async fn land(landing: Option<Landing>) -> Result<(), Turn> {
    match landing {
        Some(landing) => landing.landed.await,
        None => Ok(()),
    }
}

/// Checks a block and executes it, on the head or on the one before it that is being committed.
async fn begin(
    shared: &Shared,
    sequencer: &Arc<dyn Sequencer>,
    certified: CertifiedBlock,
    ahead: Option<&BlockAhead>,
) -> Result<Begun, Turn> {
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
        let (work, proof, ahead) = (block.clone(), certificate.clone(), ahead.cloned());
        let begun = shared
            .blocking(move |chain| {
                chain.execution().prepare(&work.transactions);
                chain.begin(work, Some(proof), ahead.as_ref())
            })
            .await;
        match outcome(shared, begun)? {
            Some(begun) => return Ok(begun),
            // The root is followed by another task, which will bring the messages.
            None => shared.env.sleep(MESSAGE_WAIT).await,
        }
    }
}

/// Commits a block and tells the sequencer.
async fn finish(
    shared: Shared,
    sequencer: Arc<dyn Sequencer>,
    begun: Begun,
    sovereign: bool,
) -> Result<(), Turn> {
    let finished = shared
        .blocking(move |chain| {
            let stored = chain.finish(begun)?;
            if sovereign {
                chain.settle_by_itself();
            }
            Ok(stored)
        })
        .await;
    let Some(stored) = outcome(&shared, finished)? else {
        return Err(Turn::Again);
    };
    shared.health.well(TASK);
    metrics::gauge!("plasma_chain_height").set(stored.height().0 as f64);
    let update = ChainUpdate::Executed {
        height: stored.height(),
        state_root: stored.state_root,
    };
    match sequencer.observe(update).await {
        Ok(()) => Ok(()),
        Err(error) if shared.health.met(TASK, &error) => Err(Turn::Stop),
        Err(_) => Err(Turn::Again),
    }
}

/// What work on the chain came to; `None` where it is worth another try.
fn outcome<T>(
    shared: &Shared,
    outcome: Result<Result<T, ChainError>, tokio::task::JoinError>,
) -> Result<Option<T>, Turn> {
    match outcome {
        Ok(Ok(value)) => Ok(Some(value)),
        Ok(Err(error)) if is_transient(&error) => Ok(None),
        Ok(Err(ChainError::NotNext { .. })) => Err(Turn::Again),
        Ok(Err(error)) => {
            shared.health.met(TASK, &error);
            Err(Turn::Stop)
        }
        Err(panic) => {
            let trouble = format!("execution stopped: {panic}");
            shared.health.note(TASK, trouble, Severity::Fatal);
            Err(Turn::Stop)
        }
    }
}
