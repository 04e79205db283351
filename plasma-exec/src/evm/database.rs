//! The EVM's view of state, and its way back.

use alloc::vec::Vec;
use core::convert::Infallible;

use alloy_primitives::{
    Address, B256, Bytes, FixedBytes, U256,
    map::{AddressMap, FbMap},
};
use borsh::BorshDeserialize;
use plasma_core::{StateKey, StateRead, decode};
use revm::{
    Database,
    bytecode::Bytecode,
    primitives::KECCAK_EMPTY,
    state::{AccountInfo, EvmState},
};

use super::{
    account::{ACCOUNTS, Account, CODES, Code, STORAGE, Word},
    code::{self, CodeCache},
    predeploys::{HISTORY, history_slot},
};
use crate::ethereum::short;

/// Reads state for the EVM, and notes what it read, so that writes which change nothing are left out.
pub(super) struct Reader<'a> {
    state: &'a dyn StateRead,
    codes: &'a CodeCache,
    /// Codes for this thread alone, where there are others.
    #[cfg(feature = "std")]
    own: Option<code::OwnCodes>,
    /// The number and the hash of the block before this one. Its hash is put in state only as this one begins.
    parent: (u64, B256),
    /// What stood in state, and where.
    accounts: AddressMap<Known<Option<Bytes>>>,
    slots: FbMap<SLOT, Known<U256>>,
    /// How often what was read was forgotten.
    time: u32,
}

/// Bytes of an address and a slot.
const SLOT: usize = 52;

fn place(address: Address, slot: U256) -> FixedBytes<SLOT> {
    let mut place = FixedBytes::default();
    place[..20].copy_from_slice(address.as_slice());
    place[20..].copy_from_slice(&slot.to_be_bytes::<32>());
    place
}

/// What was read of state, and when. Where it stands is a hash, which stays known when the value is forgotten.
struct Known<T> {
    key: StateKey,
    value: T,
    time: u32,
}

impl<T> Known<T> {
    /// The value as it stands `now`.
    fn at(&mut self, now: u32, read: impl FnOnce(&StateKey) -> T) -> &T {
        if self.time != now {
            self.value = read(&self.key);
            self.time = now;
        }
        &self.value
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(state: &'a dyn StateRead, codes: &'a CodeCache, parent: (u64, B256)) -> Self {
        Self {
            state,
            codes,
            #[cfg(feature = "std")]
            own: None,
            parent,
            accounts: AddressMap::default(),
            slots: FbMap::default(),
            time: 0,
        }
    }

    /// From now on other threads are at work, too.
    #[cfg(feature = "std")]
    pub(super) fn among_others(&mut self) {
        self.own.get_or_insert_default();
    }

    /// The account at `address`; an empty one if there is none.
    pub(super) fn account(&mut self, address: Address) -> Account {
        let (state, time) = (self.state, self.time);
        let known = self.accounts.entry(address).or_insert_with(|| {
            let key = ACCOUNTS.key(&address);
            let value = state.get(&key);
            Known { key, value, time }
        });
        let bytes = known.at(time, |key| state.get(key));
        bytes
            .as_ref()
            .map(|bytes| account(bytes))
            .unwrap_or_default()
    }

    /// The value of a slot.
    pub(super) fn slot(&mut self, address: Address, slot: U256) -> U256 {
        let (state, time) = (self.state, self.time);
        let read = |key: &StateKey| -> U256 {
            let bytes = state.get(key);
            bytes.map_or(U256::ZERO, |bytes| decoded::<Word>(&bytes).0)
        };
        let known = self.slots.entry(place(address, slot)).or_insert_with(|| {
            let key = STORAGE.key(&(address, slot));
            let value = read(&key);
            Known { key, value, time }
        });
        *known.at(time, read)
    }

    /// The writes that bring state to what the EVM left, which is taken. It remembers nothing then of what it read.
    pub(super) fn changes(&mut self, evm: &mut EvmState) -> Vec<(StateKey, Option<Bytes>)> {
        let mut changes = Vec::with_capacity(evm.len());
        for (address, left) in evm.drain().filter(|(_, left)| left.is_touched()) {
            // Destroyed in the last transaction that touched it. (Had a later one touched it, it would be
            // something else by now, or empty.)
            let destroyed = left.is_selfdestructed_locally();
            let before = self.account(address);
            let code = if destroyed {
                Code::None
            } else {
                self.code(&left.info, before, &mut changes)
            };
            let after = if destroyed {
                Account::default()
            } else {
                Account {
                    nonce: left.info.nonce,
                    balance: left.info.balance,
                    code,
                }
            };
            if after != before {
                let key = self.accounts[&address].key;
                changes.push((key, (!after.is_empty()).then(|| short::encoded(&after))));
            }
            if destroyed {
                continue;
            }
            for (slot, value) in &left.storage {
                // What was never read stood at zero: it belongs to an account that this block created.
                let known = self.slots.get(&place(address, *slot));
                let (key, before) = match known.filter(|known| known.time == self.time) {
                    Some(known) => (known.key, known.value),
                    None => (STORAGE.key(&(address, *slot)), U256::ZERO),
                };
                let after = value.present_value;
                if after != before {
                    changes.push((
                        key,
                        (!after.is_zero()).then(|| short::encoded(&Word(after))),
                    ));
                }
            }
        }
        self.time += 1;
        changes
    }

    /// What an account runs now; new code is written.
    fn code(
        &self,
        info: &AccountInfo,
        before: Account,
        changes: &mut Vec<(StateKey, Option<Bytes>)>,
    ) -> Code {
        if info.code_hash == KECCAK_EMPTY || info.code_hash.is_zero() {
            return Code::None;
        }
        if before.code == Code::Hash(info.code_hash) {
            return before.code;
        }
        // Code that is not that of before was put there by this block, so it is here.
        let Some(code) = &info.code else {
            return before.code;
        };
        if let Some(to) = code.eip7702_address() {
            return Code::Delegation(to);
        }
        let key = CODES.key(&info.code_hash);
        if self.state.get(&key).is_none() {
            let parts = code::writes(&info.code_hash, code);
            changes.extend(parts.into_iter().map(|(key, part)| (key, Some(part))));
        }
        Code::Hash(info.code_hash)
    }
}

fn account(bytes: &[u8]) -> Account {
    decoded(bytes)
}

fn decoded<T: BorshDeserialize>(bytes: &[u8]) -> T {
    // Only this module writes below its keys: anything else is a broken store, as in `plasma_core::Map`.
    decode(bytes, bytes.len()).expect("state holds what its own type wrote")
}

impl Database for Reader<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let account = self.account(address);
        if account.is_empty() {
            return Ok(None);
        }
        let (code_hash, code) = match account.code {
            Code::None => (KECCAK_EMPTY, Some(Bytecode::default())),
            Code::Hash(hash) => (hash, None),
            Code::Delegation(to) => {
                let code = Bytecode::new_eip7702(to);
                (code.hash_slow(), Some(code))
            }
        };
        let Account { nonce, balance, .. } = account;
        Ok(Some(AccountInfo {
            balance,
            nonce,
            code_hash,
            account_id: None,
            code,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Infallible> {
        let shared = || self.codes.get(self.state, hash);
        #[cfg(feature = "std")]
        if let Some(own) = &mut self.own {
            return Ok(own.get(hash, shared));
        }
        Ok(shared())
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.slot(address, slot))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        let (height, hash) = self.parent;
        if number == height {
            return Ok(hash);
        }
        Ok(self.slot(HISTORY, history_slot(number)).into())
    }
}
