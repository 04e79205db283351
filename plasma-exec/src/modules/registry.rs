//! The modules of a chain, by name and by address.

use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};

use alloy_primitives::{Address, B256, hex, keccak256};

use super::{Interface, Module, module::ErasedModule};

/// The bank comes first.
pub(crate) const BANK: usize = 0;

/// A module in its place.
pub(crate) struct Entry {
    pub(crate) module: Arc<dyn ErasedModule>,
    pub(crate) interface: Interface,
    pub(crate) scope: B256,
}

/// The modules of a chain, in the order in which they were given.
#[derive(Default)]
pub(crate) struct Registry {
    entries: Vec<Entry>,
    by_address: BTreeMap<Address, usize>,
}

/// What a module's state keys are XORed with: keccak-256 over `plasma.module.` and its name. Its address is the
/// last 20 bytes of the same.
pub fn state_scope(name: &str) -> B256 {
    keccak256(format!("plasma.module.{name}"))
}

impl Entry {
    /// What to say of a call that the module does not have.
    pub(crate) fn unknown_call(&self, input: &[u8]) -> String {
        let name = self.interface.name();
        match input.first_chunk::<4>() {
            Some(selector) => {
                format!(
                    "module {name:?} has no function {}",
                    hex::encode_prefixed(selector)
                )
            }
            None => format!("module {name:?} has to be called with a function's selector"),
        }
    }
}

impl Registry {
    /// Adds a module, or puts it in the place of the one of its name.
    pub(crate) fn insert<M: Module>(&mut self, module: M) {
        let interface = Interface::of(&module);
        let scope = state_scope(M::NAME);
        let entry = Entry {
            module: Arc::new(module),
            interface,
            scope,
        };
        let address = entry.interface.address();
        if let Some(index) = self.by_address.get(&address) {
            self.entries[*index] = entry;
        } else {
            self.by_address.insert(address, self.entries.len());
            self.entries.push(entry);
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    pub(crate) fn index_of(&self, address: &Address) -> Option<usize> {
        self.by_address.get(address).copied()
    }

    pub(crate) fn at(&self, address: &Address) -> Option<&Entry> {
        self.index_of(address).map(|index| self.entry(index))
    }
}
