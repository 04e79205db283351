//! The mempool's door: the chain's execution over its newest state.

use std::sync::{Arc, OnceLock};

use plasma_core::{Admission, Env, Gate, Rejection};

use crate::chain::Chain;

/// Admits transactions as the newest executed state has it.
///
/// A sequencer is built before the chain that it feeds may be; until [`ChainGate::open`] the door is shut.
pub struct ChainGate {
    chain: OnceLock<Arc<Chain>>,
    env: Arc<dyn Env>,
}

impl ChainGate {
    /// A door that is shut.
    pub fn new(env: Arc<dyn Env>) -> Self {
        Self {
            chain: OnceLock::new(),
            env,
        }
    }

    /// Opens the door onto this chain.
    pub fn open(&self, chain: Arc<Chain>) {
        // A second call is a second opening of the same door.
        let _ = self.chain.set(chain);
    }
}

impl Gate for ChainGate {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let Some(chain) = self.chain.get() else {
            return Err(Rejection::Unsupported(
                "the node is starting; try again".to_owned(),
            ));
        };
        let head = chain.head();
        let context = chain.next_context(&head, self.env.now());
        // The head may be undone between the two reads; then there is nothing to admit against for a moment.
        let state = chain.state_at(head.height()).map_err(|error| {
            Rejection::Unsupported(format!("the chain is reorganising ({error}); try again"))
        })?;
        chain.execution().admit(&*state, &context, transaction)
    }
}
