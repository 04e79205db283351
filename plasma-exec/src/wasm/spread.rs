//! Contracts in WebAssembly on many threads. A thread keeps its instances from one transaction to the next; what it read
//! it forgets.

use alloc::vec::Vec;

use alloy_primitives::{Address, Bytes};
use plasma_core::{BlockContext, BlockOutcome, Item, Map, StateRead, Step};

use super::{
    WasmExecution,
    account::{ACCOUNTS, Account},
    config::{CONFIG, MARKET},
    session::{Apart, Session},
};
use crate::{
    ethereum::{Market, MarketRules, spread::Spreads},
    parallel::{Attempt, Parallelism, Settings},
};

impl WasmExecution {
    /// By itself it stays on one thread: what that one keeps from one transaction to the next saves more than another thread
    /// brings. Whoever has contracts that compute for long says how many threads there are to be.
    fn on_one_thread(&self) -> bool {
        let parallelism = self.settings.parallelism;
        parallelism == Parallelism::sequential() || parallelism == Parallelism::default()
    }
}

impl Spreads for WasmExecution {
    const MARKET: Item<Market> = MARKET;
    const ACCOUNTS: Map<Address, Account> = ACCOUNTS;

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn rules(state: &dyn StateRead) -> MarketRules {
        CONFIG.get(state).unwrap_or_default().market()
    }

    fn gas(step: &Step) -> u64 {
        super::work(step).0
    }

    fn apart(session: &mut Session<'_>, bytes: &Bytes) -> Attempt {
        let Apart {
            receipt,
            writes,
            tips,
            wanted,
        } = session.transaction_apart(bytes);
        Attempt::of(receipt, writes, tips, wanted)
    }

    /// On one thread instances, accounts and storage are kept from one segment to the next.
    fn segments(
        &self,
        base: &dyn StateRead,
        block: &BlockContext,
        steps: &[Step],
        ends: &[usize],
    ) -> Vec<BlockOutcome> {
        if !self.on_one_thread() {
            return self.spread(base, block, steps, ends);
        }
        let mut session = Session::open(self, base, block);
        let mut start = 0;
        let segments = ends.iter().map(|end| {
            let steps = steps[start..*end].iter();
            start = *end;
            BlockOutcome {
                receipts: steps.map(|step| session.step(step)).collect(),
                changes: session.take_changes().into_iter().collect(),
            }
        });
        segments.collect()
    }
}
