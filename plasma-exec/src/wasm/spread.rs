//! Contracts in WebAssembly on many threads. A thread keeps its instances from one transaction to the next, and where things
//! stand in state; what it read it forgets.

use alloy_primitives::{Address, Bytes};
use plasma_core::{Item, Map, StateRead, Step};

use super::{
    WasmExecution,
    account::{ACCOUNTS, Account},
    config::{CONFIG, MARKET},
    session::{Apart, Session},
};
use crate::{
    ethereum::{Market, MarketRules, spread::Spreads},
    parallel::{Attempt, Settings},
};

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
}
