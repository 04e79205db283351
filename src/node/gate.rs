//! The mempool's door: the chain's execution over its newest state.

use std::sync::{Arc, OnceLock};

use plasma_core::{Admission, BlockContext, Bytes, Env, Gate, Rejection, StateRead};

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

impl ChainGate {
    /// The state after the newest executed block, and the context of a block that would follow.
    fn newest(&self) -> Result<Newest<'_>, Rejection> {
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
        Ok((chain, state, context))
    }
}

type Newest<'a> = (&'a Chain, Arc<dyn StateRead>, BlockContext);

impl Gate for ChainGate {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let (chain, state, context) = self.newest()?;
        chain.execution().admit(&*state, &context, transaction)
    }

    fn admit_all(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Rejection>> {
        match self.newest() {
            Ok((chain, state, context)) => {
                chain.execution().admit_all(&*state, &context, transactions)
            }
            Err(rejection) => vec![Err(rejection); transactions.len()],
        }
    }
}
