//! What a module's call may see and do.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolEvent};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    BlockContext, ChainId, Item, Log, MAX_MESSAGE_DATA_BYTES, MAX_VALUE_LEN, Map, OutgoingMessage,
    State, StateKey, StateRead, decode, encode,
};

use super::{
    CallError, CallResult, Module, XPL,
    bank::IBank,
    gas::{self, Meter},
    keys::Session,
    ledger, module_address,
    registry::{BANK, Registry},
};

/// How deep modules may call each other.
const MAX_DEPTH: u8 = 8;

/// What a step does besides its writes.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) meter: Meter,
    pub(crate) logs: Vec<Log>,
    pub(crate) messages: Vec<OutgoingMessage>,
    /// The added key that signed the transaction, where the account's own did not.
    pub(crate) session: Option<Session>,
}

impl Effects {
    pub(crate) fn new(gas: u64) -> Self {
        Self {
            meter: Meter::new(gas),
            logs: Vec::new(),
            messages: Vec::new(),
            session: None,
        }
    }
}

/// What a module's call may see and do: its own state, the block, assets, events, messages, other modules.
///
/// State is the module's own: its [`Item`]s and [`Map`]s cannot collide with another module's of the same
/// namespace. (A key stands in the chain's state at the XOR of its [`Map::key`] and the module's
/// [`state_scope`](crate::state_scope), so that it can be proven from outside.)
pub struct Context<'a> {
    registry: &'a Registry,
    state: &'a mut dyn State,
    block: &'a BlockContext,
    effects: &'a mut Effects,
    /// Which module runs.
    module: usize,
    caller: Address,
    value: U256,
    depth: u8,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        registry: &'a Registry,
        state: &'a mut dyn State,
        block: &'a BlockContext,
        effects: &'a mut Effects,
        module: usize,
        caller: Address,
    ) -> Self {
        Self {
            registry,
            state,
            block,
            effects,
            module,
            caller,
            value: U256::ZERO,
            depth: 0,
        }
    }
}

/// # Who, when, where
impl Context<'_> {
    /// The account that signed the call, or the address of the module that made it.
    pub fn caller(&self) -> Address {
        self.caller
    }

    /// The address of the key that signed, where it is not the caller's own but one [added](crate::Keys) to it; none
    /// in a call that another module made.
    ///
    /// The key's scope was checked, and whatever the call moves out of the caller's holdings counts against its
    /// limits. What a module keeps for its callers in state of its own it has to limit by itself.
    pub fn key(&self) -> Option<Address> {
        let session = self.effects.session.as_ref();
        session
            .filter(|session| session.is_for(self.caller))
            .map(Session::key)
    }

    /// The XPL, in wei, that came along: already in the module's account. Zero for a function that is not
    /// `payable`.
    pub fn value(&self) -> U256 {
        self.value
    }

    /// The module's own address, under which it holds assets.
    pub fn address(&self) -> Address {
        self.registry.entry(self.module).interface.address()
    }

    /// The block. Its time is the only time there is.
    pub fn block(&self) -> &BlockContext {
        self.block
    }
}

/// # The module's state
impl Context<'_> {
    /// An item's value.
    pub fn load<T: BorshSerialize + BorshDeserialize>(
        &mut self,
        item: &Item<T>,
    ) -> CallResult<Option<T>> {
        self.read(item.key())
    }

    /// Sets an item.
    pub fn store<T: BorshSerialize + BorshDeserialize>(
        &mut self,
        item: &Item<T>,
        value: &T,
    ) -> CallResult<()> {
        self.write(item.key(), Some(encode(value)))
    }

    /// Removes an item.
    pub fn clear<T: BorshSerialize + BorshDeserialize>(
        &mut self,
        item: &Item<T>,
    ) -> CallResult<()> {
        self.write(item.key(), None)
    }

    /// The value of a key.
    pub fn get<K, V>(&mut self, map: &Map<K, V>, key: &K) -> CallResult<Option<V>>
    where
        K: BorshSerialize + ?Sized,
        V: BorshSerialize + BorshDeserialize,
    {
        self.read(map.key(key))
    }

    /// Sets the value of a key.
    pub fn set<K, V>(&mut self, map: &Map<K, V>, key: &K, value: &V) -> CallResult<()>
    where
        K: BorshSerialize + ?Sized,
        V: BorshSerialize + BorshDeserialize,
    {
        self.write(map.key(key), Some(encode(value)))
    }

    /// Removes a key.
    pub fn remove<K, V>(&mut self, map: &Map<K, V>, key: &K) -> CallResult<()>
    where
        K: BorshSerialize + ?Sized,
        V: BorshSerialize + BorshDeserialize,
    {
        self.write(map.key(key), None)
    }

    fn read<V: BorshDeserialize>(&mut self, key: StateKey) -> CallResult<Option<V>> {
        self.charge(gas::READ)?;
        let Some(bytes) = self
            .state
            .get(&(key ^ self.registry.entry(self.module).scope))
        else {
            return Ok(None);
        };
        self.charge(gas::VALUE_BYTE * bytes.len() as u64)?;
        decode(&bytes, bytes.len()).map(Some).map_err(|error| {
            let text =
                alloc::format!("state of another type: give each one its namespace ({error})");
            CallError::message(text)
        })
    }

    fn write(&mut self, key: StateKey, value: Option<Vec<u8>>) -> CallResult<()> {
        let key = key ^ self.registry.entry(self.module).scope;
        let length = value.as_ref().map_or(0, Vec::len) as u64;
        self.charge(gas::WRITE + gas::VALUE_BYTE * length)?;
        if length > MAX_VALUE_LEN as u64 {
            return Err(CallError::message(alloc::format!(
                "a value of {length} bytes is over the limit of {MAX_VALUE_LEN}; split it over several keys"
            )));
        }
        if value.is_some() && self.state.get(&key).is_none() {
            self.charge(gas::CREATE)?;
        }
        self.state.set(key, value.map(Bytes::from));
        Ok(())
    }
}

/// # What others see
impl Context<'_> {
    /// Emits an event, as a log of the module's address.
    pub fn emit(&mut self, event: &impl SolEvent) -> CallResult<()> {
        self.log(self.address(), event)
    }

    fn log_of_bank(&mut self, event: &IBank::Transfer) -> CallResult<()> {
        self.log(self.registry.entry(BANK).interface.address(), event)
    }

    fn log(&mut self, address: Address, event: &impl SolEvent) -> CallResult<()> {
        let (topics, data) = event.encode_log_data().split();
        let length = data.len() as u64;
        self.charge(gas::LOG + gas::LOG_TOPIC * topics.len() as u64 + gas::LOG_BYTE * length)?;
        self.effects.logs.push(Log {
            address,
            topics,
            data,
        });
        Ok(())
    }

    /// Sends a message to another chain, in the module's name. It carries no asset: the
    /// bridge's own calls move those.
    ///
    /// `gas` is what the recipient's call may use, `expiry` the last second, by the destination's clock, in which
    /// it may be delivered; 0 for no end.
    pub fn send(
        &mut self,
        destination: ChainId,
        recipient: Address,
        payload: Bytes,
        gas: u64,
        expiry: u64,
    ) -> CallResult<()> {
        let sender = self.address();
        self.push_message(OutgoingMessage {
            destination,
            sender,
            recipient,
            asset: XPL,
            amount: U256::ZERO,
            gas,
            expiry,
            refund: sender,
            bundle: B256::ZERO,
            payload,
        })
    }

    /// Queues a message that may carry an asset: the root pays it out, so it must have been burned here.
    pub(super) fn push_message(&mut self, message: OutgoingMessage) -> CallResult<()> {
        let length = message.payload.len();
        if length > MAX_MESSAGE_DATA_BYTES {
            return Err(CallError::message(alloc::format!(
                "a payload of {length} bytes is over the limit of {MAX_MESSAGE_DATA_BYTES}"
            )));
        }
        self.charge(gas::MESSAGE + gas::MESSAGE_BYTE * length as u64)?;
        self.effects.messages.push(message);
        Ok(())
    }
}

/// # Assets
impl Context<'_> {
    /// How much of an asset someone holds.
    pub fn balance(&mut self, asset: Address, holder: Address) -> CallResult<U256> {
        self.charge(gas::READ)?;
        Ok(ledger::balance(self.state, asset, holder))
    }

    /// Pays out of the module's own holdings.
    pub fn transfer(&mut self, asset: Address, to: Address, amount: U256) -> CallResult<()> {
        self.move_asset(asset, self.address(), to, amount)
    }

    /// Takes from the caller, who signed this call, into the module's own holdings.
    pub fn take(&mut self, asset: Address, amount: U256) -> CallResult<()> {
        self.move_asset(asset, self.caller, self.address(), amount)
    }

    /// Brings more of the module's own asset into being: [`issued_asset`](crate::issued_asset) of the module and
    /// `tag`. Nobody else can.
    pub fn mint(&mut self, tag: u64, to: Address, amount: U256) -> CallResult<()> {
        let asset = issued_asset(self.address(), tag);
        self.mint_asset(asset, to, amount)
    }

    /// Takes some of the module's own asset out of being, from the module's holdings.
    pub fn burn(&mut self, tag: u64, amount: U256) -> CallResult<()> {
        let holder = self.address();
        self.burn_asset(issued_asset(holder, tag), holder, amount)
    }

    /// What leaves an account counts against the limits of the added key that signed for it.
    fn spend(&mut self, asset: Address, from: Address, amount: U256) -> CallResult<()> {
        let Some(session) = &self.effects.session else {
            return Ok(());
        };
        if !session.is_for(from) {
            return Ok(());
        }
        self.effects.meter.charge(gas::READ + gas::WRITE)?;
        session.spend(self.state, asset, amount)
    }

    /// Whether this is the address of a module of the chain.
    pub(super) fn is_module(&self, address: Address) -> bool {
        self.registry.index_of(&address).is_some()
    }

    pub(super) fn move_asset(
        &mut self,
        asset: Address,
        from: Address,
        to: Address,
        amount: U256,
    ) -> CallResult<()> {
        self.charge(2 * (gas::READ + gas::WRITE))?;
        if !amount.is_zero() && ledger::balance(self.state, asset, to).is_zero() {
            self.charge(gas::CREATE)?;
        }
        if from != to {
            self.spend(asset, from, amount)?;
        }
        ledger::transfer(self.state, asset, from, to, amount)?;
        self.log_of_bank(&IBank::Transfer {
            asset,
            from,
            to,
            amount,
        })
    }

    pub(super) fn mint_asset(
        &mut self,
        asset: Address,
        to: Address,
        amount: U256,
    ) -> CallResult<()> {
        self.charge(2 * (gas::READ + gas::WRITE) + gas::CREATE)?;
        ledger::mint(self.state, asset, to, amount)?;
        let from = Address::ZERO;
        self.log_of_bank(&IBank::Transfer {
            asset,
            from,
            to,
            amount,
        })
    }

    pub(super) fn burn_asset(
        &mut self,
        asset: Address,
        from: Address,
        amount: U256,
    ) -> CallResult<()> {
        self.charge(2 * (gas::READ + gas::WRITE))?;
        self.spend(asset, from, amount)?;
        ledger::burn(self.state, asset, from, amount)?;
        let to = Address::ZERO;
        self.log_of_bank(&IBank::Transfer {
            asset,
            from,
            to,
            amount,
        })
    }

    /// The state as a whole, for the modules that are part of the runtime.
    pub(super) fn state(&mut self) -> &mut dyn State {
        self.state
    }
}

/// # Work and other modules
impl Context<'_> {
    /// Pays for work that nothing else pays for: a loop, a hash.
    pub fn charge(&mut self, gas: u64) -> CallResult<()> {
        self.effects.meter.charge(gas)
    }

    /// Keccak-256, paid for.
    pub fn keccak(&mut self, bytes: &[u8]) -> CallResult<B256> {
        self.charge(gas::hash(bytes.len()))?;
        Ok(keccak256(bytes))
    }

    /// Calls another module, in this module's name, with XPL out of this module's holdings.
    ///
    /// A failed call has undone all that it did; whether to go on is the caller's choice.
    pub fn call<M: Module, C: SolCall>(&mut self, call: &C, value: U256) -> CallResult<C::Return> {
        let index = self
            .registry
            .index_of(&module_address(M::NAME))
            .ok_or_else(|| {
                CallError::message(alloc::format!("this chain has no module {:?}", M::NAME))
            })?;
        let input = call.abi_encode();
        self.charge(gas::CALL + gas::CALL_BYTE * input.len() as u64)?;
        let caller = self.address();
        let output = self.enter(index, caller, value, &input, self.depth + 1)?;
        C::abi_decode_returns(&output)
            .map_err(|error| CallError::message(alloc::format!("invalid return values: {error}")))
    }

    /// Runs a call of module `index`, and undoes it when it fails.
    pub(crate) fn enter(
        &mut self,
        index: usize,
        caller: Address,
        value: U256,
        input: &[u8],
        depth: u8,
    ) -> CallResult {
        if depth > MAX_DEPTH {
            return Err(CallError::message("modules call each other too deeply"));
        }
        let mark = self.state.mark();
        let (logs, messages) = (self.effects.logs.len(), self.effects.messages.len());
        let outcome = self.run(index, caller, value, input, depth);
        if outcome.is_err() {
            self.state.revert(mark);
            self.effects.logs.truncate(logs);
            self.effects.messages.truncate(messages);
        }
        outcome
    }

    fn run(
        &mut self,
        index: usize,
        caller: Address,
        value: U256,
        input: &[u8],
        depth: u8,
    ) -> CallResult {
        let entry = self.registry.entry(index);
        let function = entry
            .interface
            .function(input)
            .ok_or_else(|| CallError::message(entry.unknown_call(input)))?;
        if !value.is_zero() {
            if !function.payable {
                let text = alloc::format!("{} takes no XPL; send none along", function.signature);
                return Err(CallError::message(text));
            }
            self.charge(2 * (gas::READ + gas::WRITE))?;
            self.spend(XPL, caller, value)?;
            ledger::transfer(self.state, XPL, caller, entry.interface.address(), value)?;
        }
        let mut context = Context {
            registry: self.registry,
            state: &mut *self.state,
            block: self.block,
            effects: &mut *self.effects,
            module: index,
            caller,
            value,
            depth,
        };
        entry.module.call(&mut context, input)
    }
}

/// The asset that the module at `issuer` can mint and burn under `tag`: the last 20 bytes of keccak-256 over
/// `plasma.asset.`, the address and the tag (big-endian).
pub fn issued_asset(issuer: Address, tag: u64) -> Address {
    let mut bytes = b"plasma.asset.".to_vec();
    bytes.extend_from_slice(issuer.as_slice());
    bytes.extend_from_slice(&tag.to_be_bytes());
    Address::from_slice(&keccak256(bytes)[12..])
}

/// A module's state as it stands, for its [invariants](Module::invariants).
pub struct View<'a> {
    pub(crate) state: &'a dyn StateRead,
    pub(crate) scope: B256,
}

impl View<'_> {
    /// An item's value.
    pub fn load<T: BorshSerialize + BorshDeserialize>(&self, item: &Item<T>) -> Option<T> {
        self.read(item.key())
    }

    /// The value of a key.
    pub fn get<K, V>(&self, map: &Map<K, V>, key: &K) -> Option<V>
    where
        K: BorshSerialize + ?Sized,
        V: BorshSerialize + BorshDeserialize,
    {
        self.read(map.key(key))
    }

    /// How much of an asset someone holds.
    pub fn balance(&self, asset: Address, holder: Address) -> U256 {
        ledger::balance(self.state, asset, holder)
    }

    fn read<V: BorshDeserialize>(&self, key: StateKey) -> Option<V> {
        let bytes = self.state.get(&(key ^ self.scope))?;
        decode(&bytes, bytes.len()).ok()
    }
}

/// Encodes what a call returns.
pub trait Answer: SolCall {
    /// The return value of a function that returns one, or the struct of several.
    fn answer(&self, value: &Self::Return) -> CallResult {
        Ok(Self::abi_encode_returns(value))
    }

    /// For a function that returns nothing.
    fn done(&self) -> CallResult
    where
        Self::Return: From<()>,
    {
        self.answer(&().into())
    }
}

impl<C: SolCall> Answer for C {}
