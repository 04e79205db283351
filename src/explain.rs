//! Where a transaction or a withdrawal stands, in words: its stage, what it waits for, who can act, how long.

use std::sync::Arc;

use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use plasma_core::{
    B256, DisputeView, Env, Height, InboxMessage, MessageKind, OutboxMessage, Seconds, Sequencer,
    Settlement, Stage,
};
use serde::{Deserialize, Serialize};

use crate::chain::{Chain, ChainError, StoredBlock};

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What was asked about.
    pub id: B256,
    /// What it is: `transaction`, `forced transaction`, `deposit`, `withdrawal`, `message`, or `unknown`.
    pub subject: String,
    /// How final it is; `None` when nobody here knows it.
    pub stage: Option<Stage>,
    /// The block it is in.
    pub height: Option<Height>,
    /// What happened so far, in order.
    pub history: Vec<String>,
    /// What has to happen next; empty when all is done.
    pub waits_for: String,
    /// Who can make it happen.
    pub who_can_act: String,
    /// The longest that it should take, in seconds, where that is known.
    pub seconds: Option<u64>,
    /// For a withdrawal: whether it can be finished on the root now.
    pub ready: bool,
}

/// What [`Explainer::explain`] reads.
pub struct Explainer<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// The pool of what waits, if this node has one.
    pub sequencer: Option<&'a dyn Sequencer>,
    /// What the root says now, if there is a root and it answers.
    pub root: Option<&'a DisputeView>,
    /// The clock.
    pub env: &'a dyn Env,
    /// Whether the message of this id was delivered on the root, where that was asked.
    pub delivered: Option<bool>,
}

impl Explainer<'_> {
    /// Explains a transaction, a deposit or an outgoing message by its hash.
    pub fn explain(&self, id: B256) -> Result<Explanation, ChainError> {
        if let Some(nonce) = self.chain.ledger().sent_nonce(&id)?
            && let Some((message, height)) = self.chain.ledger().sent(nonce)?
        {
            return Ok(self.message(id, &message, height));
        }
        if let Some(position) = self.chain.ledger().locate(&id)? {
            let block = self.chain.block(position.height)?;
            return Ok(self.included(id, &block, position.step));
        }
        if self
            .sequencer
            .is_some_and(|sequencer| sequencer.pending_by_hash(&id).is_some())
        {
            return Ok(Explanation {
                stage: Some(Stage::Pending),
                history: vec!["the sequencer holds it in its pool".to_owned()],
                waits_for: "a block with room for it, at the fee that it offers".to_owned(),
                who_can_act: "the sequencer; or anyone, by sending it to the root's inbox"
                    .to_owned(),
                ..unknown(id, "transaction")
            });
        }
        if let Some(message) = self.waiting_message(id)? {
            return Ok(self.waiting(id, &message));
        }
        Ok(Explanation {
            waits_for: "somebody to send it: no pool, block or inbox here knows this hash"
                .to_owned(),
            who_can_act: "whoever signed it".to_owned(),
            ..unknown(id, "unknown")
        })
    }

    fn now(&self) -> Seconds {
        self.env.now().seconds()
    }

    fn waiting_message(&self, id: B256) -> Result<Option<InboxMessage>, ChainError> {
        let (consumed, known) = (
            self.chain.head().block.header.messages,
            self.chain.inbox().message_count()?,
        );
        let waiting = self.chain.inbox().messages(consumed, known)?;
        Ok(waiting
            .into_iter()
            .find(|message| crate::chain::entry_hash(message) == id))
    }

    fn waiting(&self, id: B256, message: &InboxMessage) -> Explanation {
        let left = message.deadline.0.saturating_sub(self.now().0);
        Explanation {
            stage: Some(Stage::Pending),
            history: vec![format!(
                "message {} of the root's inbox, since {}",
                message.index, message.timestamp
            )],
            waits_for: format!(
                "a block that consumes it; it is overdue from {} on (Unix seconds)",
                message.deadline
            ),
            who_can_act: "the sequencer now; after the deadline anyone, by calling Inbox.force"
                .to_owned(),
            seconds: Some(left),
            ..unknown(id, subject(message))
        }
    }

    fn included(&self, id: B256, block: &StoredBlock, step: u32) -> Explanation {
        let message = (step as usize)
            .checked_sub(1)
            .and_then(|index| block.messages.get(index));
        let receipt = block.receipts.get(step as usize);
        let outcome = match receipt {
            Some(receipt) if receipt.succeeded() => "it succeeded".to_owned(),
            Some(receipt) => format!("it failed: {}", receipt.reason),
            None => "it has no receipt".to_owned(),
        };
        let mut history = vec![format!(
            "in block {} ({}); {outcome}",
            block.height(),
            block.hash
        )];
        let sent = block.sent.iter().filter(|(from, _)| *from == step);
        history.extend(sent.map(|(_, message)| {
            format!(
                "it sent message {}: explain that for the way out",
                message.id()
            )
        }));
        let subject = message.map_or("transaction", subject);
        self.final_steps(
            Explanation {
                history,
                ..unknown(id, subject)
            },
            block.height(),
        )
    }

    /// What is left from a block to settlement.
    fn final_steps(&self, mut so_far: Explanation, height: Height) -> Explanation {
        // What is in a block is sequenced, a moment before the stage says so.
        let stage = self.chain.stages().of(height).max(Stage::Sequenced);
        so_far.stage = Some(stage);
        so_far.height = Some(height);
        match stage {
            Stage::Pending | Stage::Sequenced => {
                so_far.waits_for =
                    "its batch: bytes on the availability layer, their commitment on the root"
                        .to_owned();
                so_far.who_can_act = "the chain's batcher".to_owned();
            }
            Stage::Published => {
                so_far.history.push(
                    "published: its bytes are available and committed to in the root's inbox"
                        .to_owned(),
                );
                self.explain_claim(&mut so_far);
            }
            Stage::Settled => {
                so_far.history.push(
                    "settled: a claim on the state after it stood for the whole window".to_owned(),
                );
            }
        }
        so_far
    }

    fn explain_claim(&self, so_far: &mut Explanation) {
        match self.root.and_then(|root| root.claim.as_ref()) {
            Some(claim) if claim.contested => {
                so_far.waits_for =
                    format!("the dispute over the state after {} entries", claim.entries);
                so_far.who_can_act = "the claims' players".to_owned();
            }
            Some(claim) => {
                so_far.history.push(format!(
                    "{} claims the state after {} inbox entries",
                    claim.claimant, claim.entries
                ));
                so_far.waits_for = format!(
                    "the challenge window, until {} (Unix seconds)",
                    claim.deadline
                );
                so_far.who_can_act = "afterwards anyone, by calling Tournament.settle; until then anyone who can prove \
                                      the claim wrong"
                    .to_owned();
                so_far.seconds = Some(claim.deadline.0.saturating_sub(self.now().0));
            }
            None => {
                so_far.waits_for =
                    "a claim on the state after it, and the challenge window".to_owned();
                so_far.who_can_act =
                    "anyone with a bond; the chain's proposer does by itself".to_owned();
                so_far.seconds = self.root.map(|root| root.challenge_window);
            }
        }
    }

    fn message(&self, id: B256, sent: &OutboxMessage, height: Height) -> Explanation {
        let message = &sent.message;
        let subject = if message.amount.is_zero() {
            "message"
        } else {
            "withdrawal"
        };
        let history = vec![format!(
            "message {} of the chain's outbox: {} of asset {} from {} to {} on chain {}",
            sent.nonce,
            message.amount,
            message.asset,
            message.sender,
            message.recipient,
            message.destination
        )];
        let mut explanation = self.final_steps(
            Explanation {
                history,
                ..unknown(id, subject)
            },
            height,
        );
        if explanation.stage == Some(Stage::Settled) {
            if self.delivered == Some(true) {
                explanation
                    .history
                    .push("finished: paid on the root".to_owned());
            } else {
                explanation.ready = true;
                explanation.waits_for = "its proof on the root: Bridge.withdraw".to_owned();
                explanation.who_can_act =
                    "anyone; the recipient with `plasma bridge finalize`".to_owned();
                explanation.seconds = Some(0);
            }
        }
        explanation
    }
}

fn subject(message: &InboxMessage) -> &'static str {
    match message.kind {
        MessageKind::Deposit => "deposit",
        MessageKind::Transaction => "forced transaction",
    }
}

fn unknown(id: B256, subject: &str) -> Explanation {
    Explanation {
        id,
        subject: subject.to_owned(),
        stage: None,
        height: None,
        history: Vec::new(),
        waits_for: String::new(),
        who_can_act: String::new(),
        seconds: None,
        ready: false,
    }
}

/// Adds `plasma_explain(hash)` to a chain's methods.
pub(crate) fn register(
    module: &mut RpcModule<()>,
    chain: Arc<Chain>,
    sequencer: Option<Arc<dyn Sequencer>>,
    settlement: Option<Arc<dyn Settlement>>,
    env: Arc<dyn Env>,
) {
    let parts = Arc::new((chain, sequencer, settlement, env));
    let registered = module.register_async_method("plasma_explain", move |params, _, _| {
        let parts = parts.clone();
        async move {
            let (id, delivered): (B256, Option<bool>) = match params.parse::<(B256,)>() {
                Ok((id,)) => (id, None),
                Err(_) => params.parse()?,
            };
            let (chain, sequencer, settlement, env) = &*parts;
            let root = match settlement {
                // Without the root's word there is less to say, but something.
                Some(settlement) => settlement.view().await.ok(),
                None => None,
            };
            let explainer = Explainer {
                chain,
                sequencer: sequencer.as_deref(),
                root: root.as_ref(),
                env: &**env,
                delivered,
            };
            explainer
                .explain(id)
                .map_err(|error| ErrorObjectOwned::owned(-32_000, error.to_string(), None::<()>))
        }
    });
    registered.expect("no other method has this name");
}
