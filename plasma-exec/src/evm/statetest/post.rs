//! The state after a test, in Ethereum's form.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use alloy_primitives::{Address, B256, Log, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{
    KECCAK_EMPTY, TrieAccount,
    root::{state_root_unhashed, storage_root_unhashed},
};
use plasma_core::{State, StateRead};
use revm::{bytecode::Bytecode, state::EvmState};

use super::format::PreAccount;
use crate::evm::{
    account::{ACCOUNTS, Account, Code, STORAGE, Word, designator},
    code,
};

/// Puts an account into state, in this chain's form.
pub(super) fn write_pre(
    state: &mut dyn State,
    address: Address,
    account: &PreAccount,
) -> Result<(), String> {
    let code = match account.code.as_ref() {
        [] => Code::None,
        [0xef, 0x01, 0x00, to @ ..] if to.len() == Address::len_bytes() => {
            Code::Delegation(Address::from_slice(to))
        }
        bytes => {
            let hash = keccak256(bytes);
            let analysed = Bytecode::new_legacy(account.code.clone());
            for (key, part) in code::writes(&hash, &analysed) {
                state.set(key, Some(part));
            }
            Code::Hash(hash)
        }
    };
    let nonce = account
        .nonce
        .short("nonce")
        .map_err(|error| format!("{address}: {error}"))?;
    let balance = account.balance.0;
    ACCOUNTS.set_or_remove(
        state,
        &address,
        &Account {
            nonce,
            balance,
            code,
        },
    );
    for (slot, value) in &account.storage {
        STORAGE.set_or_remove(state, &(address, slot.0), &Word(value.0));
    }
    Ok(())
}

/// Which accounts and slots there can be: state has them under hashes, and cannot list them.
pub(super) struct Accounts {
    /// The slots of each account, and whether the transaction touched it.
    known: BTreeMap<Address, (Vec<U256>, bool)>,
}

impl Accounts {
    pub(super) fn of(pre: &BTreeMap<Address, PreAccount>) -> Self {
        let known = pre.iter().map(|(address, account)| {
            let slots = account.storage.keys().map(|slot| slot.0).collect();
            (*address, (slots, false))
        });
        Self {
            known: known.collect(),
        }
    }

    /// Takes note of what the EVM left.
    pub(super) fn touch(&mut self, left: &EvmState) {
        for (address, account) in left.iter().filter(|(_, account)| account.is_touched()) {
            let known = self.known.entry(*address).or_default();
            known.0.extend(account.storage.keys());
            known.1 = true;
        }
    }

    /// Takes note of an account that is touched, if there is one.
    pub(super) fn touch_one(&mut self, address: Address) {
        if let Some(known) = self.known.get_mut(&address) {
            known.1 = true;
        }
    }

    /// The root of Ethereum's trie over them.
    pub(super) fn root(self, state: &dyn StateRead) -> B256 {
        let accounts = self
            .known
            .into_iter()
            .filter_map(|(address, (mut slots, touched))| {
                let account = ACCOUNTS.get(state, &address).unwrap_or_default();
                // An empty account is removed when it is touched (EIP-161); one that a test begins with stays until then.
                if account.is_empty() && touched {
                    return None;
                }
                slots.sort_unstable();
                slots.dedup();
                let values = slots.into_iter().filter_map(|slot| {
                    let value = STORAGE.get(state, &(address, slot))?.0;
                    Some((B256::from(slot), value))
                });
                let code_hash = match account.code {
                    Code::None => KECCAK_EMPTY,
                    Code::Hash(hash) => hash,
                    Code::Delegation(to) => keccak256(designator(&to)),
                };
                let storage_root = storage_root_unhashed(values);
                let account =
                    TrieAccount::new(account.nonce, account.balance, storage_root, code_hash);
                Some((address, account))
            });
        state_root_unhashed(accounts)
    }
}

/// The keccak-256 of the logs' RLP.
pub(super) fn logs_hash(logs: &[Log]) -> B256 {
    let mut bytes = Vec::new();
    logs.to_vec().encode(&mut bytes);
    keccak256(bytes)
}
