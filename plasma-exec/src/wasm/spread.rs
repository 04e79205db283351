//! Contracts in WebAssembly on many threads. A thread keeps its instances from one transaction to the next, and where things
//! stand in state; what it read it forgets.

use alloc::vec::Vec;

use alloy_primitives::{Address, Bytes, U256};
use plasma_core::{Item, Map, Receipt, StateRead, Step};

use super::{
    WasmExecution,
    account::{ACCOUNTS, Account},
    config::{CONFIG, MARKET},
    session::Session,
};
use crate::{
    ethereum::{Market, MarketRules, spread::Spreads},
    parallel::{Settings, Write},
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

    fn apart(session: &mut Session<'_>, bytes: &Bytes) -> (Receipt, U256, u64) {
        session.transaction_apart(bytes)
    }

    fn writes_apart(session: &mut Session<'_>) -> Vec<Write> {
        session.writes_apart()
    }
}
