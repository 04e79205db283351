//! State during the steps of a block: what was read, what it is now, and how to go back.

use alloc::vec::Vec;
use core::{hash::Hash, mem::replace};

use alloy_primitives::{Address, B256, Bytes, U256, map::Entry as Place};
use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{Map, StateKey, StateRead, decode, encode};

use super::{
    HashMap,
    account::{ACCOUNTS, Account, CODES, Code, SHAPES, STORAGE, Shape, Word},
    prices::{self, COLD, Meter, OutOfGas, WARM, writing},
};
use crate::ethereum::short;

/// The value under a key of a contract. Most are words, and are kept in place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    None,
    Word([u8; 32]),
    Other(Bytes),
}

impl Value {
    fn copied(bytes: &[u8]) -> Self {
        match <[u8; 32]>::try_from(bytes) {
            Ok(word) => Self::Word(word),
            Err(_) if bytes.is_empty() => Self::None,
            Err(_) => Self::Other(Bytes::copy_from_slice(bytes)),
        }
    }

    fn of(bytes: Bytes) -> Self {
        match <[u8; 32]>::try_from(bytes.as_ref()) {
            Ok(word) => Self::Word(word),
            Err(_) if bytes.is_empty() => Self::None,
            Err(_) => Self::Other(bytes),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Word(word) => word,
            Self::Other(bytes) => bytes,
        }
    }

    /// As state holds it.
    fn stored(&self) -> Option<Bytes> {
        match self {
            Self::None => None,
            Self::Word(word) => Some(short::whole(*word)),
            Self::Other(bytes) => Some(bytes.clone()),
        }
    }
}

/// Where a contract keeps a value: the contract, and the key of its choice.
type At = (Address, B256);

/// Something in state.
#[derive(Debug)]
struct Entry<T> {
    key: StateKey,
    /// As state has it.
    before: T,
    now: T,
    /// The state that it was read in, of those that came one after the other ([`Journal::forget`]).
    of: u64,
    /// The last transaction that looked at it, and that changed it. The first is 1.
    seen: u64,
    changed: u64,
    /// Whether it is in the list of what may have changed.
    listed: bool,
}

impl<T: Stored> Entry<T> {
    fn new(key: StateKey, state: &dyn StateRead, of: u64) -> Self {
        let before = T::read(state.get(&key));
        Self {
            key,
            now: before.clone(),
            before,
            of,
            seen: 0,
            changed: 0,
            listed: false,
        }
    }

    /// Whether it was read in this state; what was read in one before is known no more, but its place is.
    fn is_of(&self, of: u64) -> bool {
        self.of == of
    }

    /// Reads it, unless it is known.
    fn refresh(&mut self, state: &dyn StateRead, of: u64) {
        if !self.is_of(of) {
            *self = Self::new(self.key, state, of);
        }
    }

    /// Pays for looking at it in this transaction. Who cannot has not looked, whether it was known before or not.
    fn look(&mut self, turn: u64, meter: &mut Meter) -> Result<(), OutOfGas> {
        meter.charge(if self.seen == turn { WARM } else { COLD })?;
        self.seen = turn;
        Ok(())
    }
}

/// What a state holds under one key.
trait Stored: Clone {
    fn read(bytes: Option<Bytes>) -> Self;
}

/// What its own type wrote, or the default where nothing is.
fn own<T: BorshDeserialize + Default>(bytes: Option<Bytes>) -> T {
    bytes.map_or_else(T::default, |bytes| {
        decode(&bytes, bytes.len()).expect("state holds what its own type wrote")
    })
}

impl Stored for Account {
    fn read(bytes: Option<Bytes>) -> Self {
        own(bytes)
    }
}

impl Stored for Value {
    fn read(bytes: Option<Bytes>) -> Self {
        bytes.map_or(Self::None, Self::of)
    }
}

impl Stored for U256 {
    fn read(bytes: Option<Bytes>) -> Self {
        own::<Word>(bytes).0
    }
}

/// A module that the steps put here.
struct New {
    bytes: Bytes,
    shape: Shape,
    /// Whether it is among the writes that were taken.
    written: bool,
}

/// A module that was made ready.
struct Loaded {
    shape: Shape,
    /// The last transaction that paid for it.
    paid: u64,
    /// Whether the state before the steps has it.
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    found: bool,
}

/// What stood somewhere before a write.
enum Undo {
    Account(Address, Account),
    Storage(At, Value),
    Word(StateKey, U256),
}

/// Where something may have changed since writes were taken.
enum Written {
    Account(Address),
    Storage(At),
    Word(StateKey),
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

/// Writes over a state, with marks to go back to. Everything is read once and written once for a whole block.
pub(super) struct Journal<'a> {
    state: &'a dyn StateRead,
    accounts: HashMap<Address, Entry<Account>>,
    storage: HashMap<At, Entry<Value>>,
    words: HashMap<StateKey, Entry<U256>>,
    codes: HashMap<B256, New>,
    loaded: HashMap<B256, Loaded>,
    undo: Vec<Undo>,
    written: Vec<Written>,
    turn: u64,
    /// How often the state changed under it.
    of: u64,
}

/// Places that are remembered when what stood there is forgotten: more than a block has of them, and some 10 MB.
#[cfg(feature = "std")]
const MAX_PLACES: usize = 1 << 15;

impl<'a> Journal<'a> {
    pub(super) fn new(state: &'a dyn StateRead) -> Self {
        Self {
            state,
            accounts: HashMap::default(),
            storage: HashMap::default(),
            words: HashMap::default(),
            codes: HashMap::default(),
            loaded: HashMap::default(),
            undo: Vec::new(),
            written: Vec::new(),
            turn: 1,
            of: 0,
        }
    }

    pub(super) fn state(&self) -> &'a dyn StateRead {
        self.state
    }

    /// What was done so far is not undone any more, and what comes is another transaction.
    pub(super) fn commit(&mut self) {
        self.undo.clear();
        self.turn += 1;
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.undo.len())
    }

    pub(super) fn revert(&mut self, mark: Mark) {
        for undo in self.undo.drain(mark.0..).rev() {
            const KNOWN: &str = "what was written was read";
            match undo {
                Undo::Account(address, account) => {
                    self.accounts.get_mut(&address).expect(KNOWN).now = account;
                }
                Undo::Storage(at, value) => self.storage.get_mut(&at).expect(KNOWN).now = value,
                Undo::Word(key, word) => self.words.get_mut(&key).expect(KNOWN).now = word,
            }
        }
    }

    fn entry(&mut self, address: Address) -> &mut Entry<Account> {
        let (state, of) = (self.state, self.of);
        match self.accounts.entry(address) {
            Place::Occupied(known) => {
                let entry = known.into_mut();
                entry.refresh(state, of);
                entry
            }
            Place::Vacant(place) => place.insert(Entry::new(ACCOUNTS.key(&address), state, of)),
        }
    }

    /// The account at `address`, for the node itself.
    pub(super) fn account(&mut self, address: Address) -> Account {
        self.entry(address).now
    }

    /// The account at `address`, for a contract.
    pub(super) fn look(
        &mut self,
        address: Address,
        meter: &mut Meter,
    ) -> Result<Account, OutOfGas> {
        let key = || ACCOUNTS.key(&address);
        let now = (self.state, self.of, self.turn);
        let entry = looked_at(&mut self.accounts, address, key, now, meter)?;
        Ok(entry.now)
    }

    pub(super) fn set_account(&mut self, address: Address, account: Account) {
        self.change_account(address, |_| Some(account));
    }

    /// Sets an account to what `change` makes of it. Whether it makes anything.
    fn change_account(
        &mut self,
        address: Address,
        change: impl FnOnce(Account) -> Option<Account>,
    ) -> bool {
        let entry = self.entry(address);
        let before = entry.now;
        let Some(account) = change(before) else {
            return false;
        };
        if before != account {
            entry.now = account;
            let listed = replace(&mut entry.listed, true);
            self.undo.push(Undo::Account(address, before));
            if !listed {
                self.written.push(Written::Account(address));
            }
        }
        true
    }

    /// Adds XPL; false if it were more than an account can hold.
    pub(super) fn credit(&mut self, address: Address, amount: U256) -> bool {
        self.change_account(address, |account| {
            let balance = account.balance.checked_add(amount)?;
            Some(Account { balance, ..account })
        })
    }

    /// Takes XPL; false if there is less.
    pub(super) fn debit(&mut self, address: Address, amount: U256) -> bool {
        self.change_account(address, |account| {
            let balance = account.balance.checked_sub(amount)?;
            Some(Account { balance, ..account })
        })
    }

    /// The value under a key of a contract; empty for none.
    pub(super) fn load(&mut self, at: At, meter: &mut Meter) -> Result<&[u8], OutOfGas> {
        Ok(self.value(at, meter)?.now.bytes())
    }

    fn value(&mut self, at: At, meter: &mut Meter) -> Result<&mut Entry<Value>, OutOfGas> {
        let key = || STORAGE.key(&at);
        let now = (self.state, self.of, self.turn);
        looked_at(&mut self.storage, at, key, now, meter)
    }

    /// Sets it; empty removes.
    pub(super) fn store(
        &mut self,
        at: At,
        value: &[u8],
        meter: &mut Meter,
    ) -> Result<(), OutOfGas> {
        let value = Value::copied(value);
        self.put(at, meter, |_| Some(value))?;
        Ok(())
    }

    /// Makes another number of the one under a key, which is 0 where nothing is. Whether `number` made one; and `None` for
    /// a value that is no number.
    pub(super) fn compute(
        &mut self,
        at: At,
        meter: &mut Meter,
        number: impl FnOnce(U256) -> Option<U256>,
    ) -> Result<Option<bool>, OutOfGas> {
        let mut is_number = true;
        let done = self.put(at, meter, |value| {
            let before = match value {
                Value::None => U256::ZERO,
                Value::Word(word) => U256::from_be_bytes(*word),
                Value::Other(_) => {
                    is_number = false;
                    return None;
                }
            };
            let after = number(before)?;
            Some(if after.is_zero() {
                Value::None
            } else {
                Value::Word(after.to_be_bytes())
            })
        })?;
        Ok(is_number.then_some(done))
    }

    /// Sets what is under a key to what `change` makes of it. Whether it makes anything.
    fn put(
        &mut self,
        at: At,
        meter: &mut Meter,
        change: impl FnOnce(&Value) -> Option<Value>,
    ) -> Result<bool, OutOfGas> {
        let turn = self.turn;
        let entry = self.value(at, meter)?;
        let Some(value) = change(&entry.now) else {
            return Ok(false);
        };
        let (changed, first) = (entry.now != value, entry.changed != turn);
        let (before, after) = (entry.now.bytes().len(), value.bytes().len());
        meter.charge(writing(before, after, changed, first))?;
        if changed {
            entry.changed = turn;
            let before = replace(&mut entry.now, value);
            let listed = replace(&mut entry.listed, true);
            self.undo.push(Undo::Storage(at, before));
            if !listed {
                self.written.push(Written::Storage(at));
            }
        }
        Ok(true)
    }

    fn word_entry(&mut self, key: StateKey) -> &mut Entry<U256> {
        let (state, of) = (self.state, self.of);
        let entry = self
            .words
            .entry(key)
            .or_insert_with(|| Entry::new(key, state, of));
        entry.refresh(state, of);
        entry
    }

    /// A number of the bridge's.
    pub(super) fn word<K: BorshSerialize>(
        &mut self,
        map: &Map<K, Word>,
        at: &K,
        meter: &mut Meter,
    ) -> Result<U256, OutOfGas> {
        let key = map.key(at);
        let now = (self.state, self.of, self.turn);
        let entry = looked_at(&mut self.words, key, || key, now, meter)?;
        Ok(entry.now)
    }

    pub(super) fn set_word<K: BorshSerialize>(
        &mut self,
        map: &Map<K, Word>,
        at: &K,
        word: U256,
        meter: &mut Meter,
    ) -> Result<(), OutOfGas> {
        let (key, turn) = (map.key(at), self.turn);
        let entry = self.word_entry(key);
        let (changed, first) = (entry.now != word, entry.changed != turn);
        let length = usize::from(!entry.now.is_zero());
        meter.charge(writing(length, 1, changed, first))?;
        if changed {
            entry.changed = turn;
            let before = replace(&mut entry.now, word);
            let listed = replace(&mut entry.listed, true);
            self.undo.push(Undo::Word(key, before));
            if !listed {
                self.written.push(Written::Word(key));
            }
        }
        Ok(())
    }

    /// What making a module ready costs: all of it for the first time in the transaction.
    pub(super) fn shape(&mut self, hash: B256, meter: &mut Meter) -> Result<Shape, OutOfGas> {
        let turn = self.turn;
        let shape = match self.loaded.get_mut(&hash) {
            Some(Loaded { shape, paid, .. }) if *paid == turn => *shape,
            Some(Loaded { shape, paid, .. }) => {
                meter.charge(COLD)?;
                meter.charge(shape.load.into())?;
                *paid = turn;
                *shape
            }
            None => {
                meter.charge(COLD)?;
                let (shape, found) = match self.codes.get(&hash) {
                    Some(new) => (new.shape, false),
                    // What an account runs is in state; but who reads by guess may find the account before its module, and
                    // will not find the module either.
                    None => {
                        let shape = SHAPES.get(self.state, &hash);
                        (shape.unwrap_or_default(), shape.is_some())
                    }
                };
                meter.charge(shape.load.into())?;
                let loaded = Loaded {
                    shape,
                    paid: turn,
                    found,
                };
                self.loaded.insert(hash, loaded);
                shape
            }
        };
        meter.charge(prices::entering(shape.memory))?;
        Ok(shape)
    }

    /// A module that this block put here, if it did.
    pub(super) fn new_code(&self, hash: &B256) -> Option<&Bytes> {
        self.codes.get(hash).map(|new| &new.bytes)
    }

    /// Puts a module here. What is written of it in the end is what accounts run.
    pub(super) fn put_code(&mut self, hash: B256, bytes: Bytes, shape: Shape) {
        self.codes.entry(hash).or_insert(New {
            bytes,
            shape,
            written: false,
        });
    }

    /// The writes since they were last taken; what is known stays known.
    pub(super) fn take_changes(&mut self) -> Vec<(StateKey, Option<Bytes>)> {
        const KNOWN: &str = "what was written was read";
        let mut written = core::mem::take(&mut self.written);
        let mut changes = Vec::with_capacity(written.len() + 1);
        for place in written.drain(..) {
            match place {
                Written::Account(address) => {
                    let entry = self.accounts.get_mut(&address).expect(KNOWN);
                    entry.listed = false;
                    let (key, now) = (entry.key, entry.now);
                    let before = replace(&mut entry.before, now);
                    if now != before {
                        if now.code != before.code {
                            self.write_code(now.code, &mut changes);
                        }
                        let bytes = (!now.is_empty()).then(|| short::encoded(&now));
                        changes.push((key, bytes));
                    }
                }
                Written::Storage(at) => {
                    let entry = self.storage.get_mut(&at).expect(KNOWN);
                    entry.listed = false;
                    if entry.now != entry.before {
                        entry.before = entry.now.clone();
                        changes.push((entry.key, entry.now.stored()));
                    }
                }
                Written::Word(key) => {
                    let entry = self.words.get_mut(&key).expect(KNOWN);
                    entry.listed = false;
                    if replace(&mut entry.before, entry.now) != entry.now {
                        let bytes =
                            (!entry.now.is_zero()).then(|| short::encoded(&Word(entry.now)));
                        changes.push((entry.key, bytes));
                    }
                }
            }
        }
        self.written = written;
        changes
    }

    /// The module that an account now runs, unless state has it.
    fn write_code(&mut self, code: Code, changes: &mut Vec<(StateKey, Option<Bytes>)>) {
        if let Code::Hash(hash) = code
            && let Some(new) = self.codes.get_mut(&hash)
            && !replace(&mut new.written, true)
            && self.state.get(&SHAPES.key(&hash)).is_none()
        {
            let parts = CODES.writes(&hash, &new.bytes);
            changes.extend(parts.into_iter().map(|(key, part)| (key, Some(part))));
            changes.push((SHAPES.key(&hash), Some(encode(&new.shape).into())));
        }
    }

    /// Forgets what was read and written: what comes next stands on another state. Where things are in state it still knows,
    /// and what making modules ready costs, which no state says otherwise.
    #[cfg(feature = "std")]
    pub(super) fn forget(&mut self) {
        if self.accounts.len() + self.storage.len() + self.words.len() > MAX_PLACES {
            self.accounts.clear();
            self.storage.clear();
            self.words.clear();
        }
        self.of += 1;
        self.codes.clear();
        // Of a module that was not there when it was looked for, or that a transaction put there which may come to nothing.
        self.loaded.retain(|_, loaded| loaded.found);
        self.undo.clear();
        self.written.clear();
    }
}

/// What is at this place, paid for before it is read.
fn looked_at<'j, K: Eq + Hash, T: Stored>(
    places: &'j mut HashMap<K, Entry<T>>,
    at: K,
    key: impl FnOnce() -> StateKey,
    (state, of, turn): (&dyn StateRead, u64, u64),
    meter: &mut Meter,
) -> Result<&'j mut Entry<T>, OutOfGas> {
    let entry = match places.entry(at) {
        Place::Occupied(known) => {
            let entry = known.into_mut();
            if entry.is_of(of) {
                entry.look(turn, meter)?;
                return Ok(entry);
            }
            meter.charge(COLD)?;
            entry.refresh(state, of);
            entry
        }
        Place::Vacant(place) => {
            meter.charge(COLD)?;
            place.insert(Entry::new(key(), state, of))
        }
    };
    entry.seen = turn;
    Ok(entry)
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::sync::Mutex;

    use plasma_core::{MemoryState, State};

    use super::*;

    /// A state that changes under who reads it, as the view of a thread does from one transaction to the next.
    struct Changing(Mutex<MemoryState>);

    impl StateRead for Changing {
        fn get(&self, key: &StateKey) -> Option<Bytes> {
            self.0.lock().expect("not poisoned").get(key)
        }
    }

    #[test]
    fn what_is_forgotten_is_read_and_paid_for_anew() {
        const AT: At = (Address::repeat_byte(1), B256::repeat_byte(2));
        const WHO: Address = Address::repeat_byte(3);
        let state = Changing(Mutex::default());
        let set = |number: u64| {
            let mut state = state.0.lock().expect("not poisoned");
            let word = U256::from(number).to_be_bytes::<32>();
            state.set(STORAGE.key(&AT), Some(short::whole(word)));
            let account = Account {
                nonce: number,
                ..Account::default()
            };
            ACCOUNTS.set(&mut *state, &WHO, &account);
        };
        // What is read, and what looking costs.
        let look = |journal: &mut Journal<'_>| {
            let mut meter = Meter(1_000_000);
            let value = journal.load(AT, &mut meter).expect("paid for");
            let number = U256::from_be_slice(value).to::<u64>();
            let account = journal.look(WHO, &mut meter).expect("paid for");
            assert_eq!(account.nonce, number);
            (number, 1_000_000 - meter.0)
        };
        set(7);
        let mut journal = Journal::new(&state);
        assert_eq!(look(&mut journal), (7, 2 * COLD));
        set(8);
        assert_eq!(look(&mut journal), (7, 2 * WARM));
        journal.commit();
        assert_eq!(look(&mut journal), (7, 2 * COLD));
        let add = |number: U256| number.checked_add(U256::from(5));
        let mut meter = Meter(1_000_000);
        assert_eq!(journal.compute(AT, &mut meter, add), Ok(Some(true)));
        journal.forget();
        assert!(journal.take_changes().is_empty());
        assert_eq!(look(&mut journal), (8, 2 * COLD));
        // Who cannot pay has not looked.
        journal.forget();
        set(9);
        assert_eq!(journal.look(WHO, &mut Meter(COLD - 1)), Err(OutOfGas));
        assert_eq!(look(&mut journal), (9, 2 * COLD));
        assert_eq!(journal.compute(AT, &mut meter, add), Ok(Some(true)));
        journal.commit();
        let changes = journal.take_changes();
        let now = U256::from(14).to_be_bytes::<32>();
        assert_eq!(changes, [(STORAGE.key(&AT), Some(short::whole(now)))]);
    }

    #[test]
    fn the_places_that_are_remembered_are_bounded() {
        let state = MemoryState::default();
        let mut journal = Journal::new(&state);
        for number in 0..3 * MAX_PLACES as u64 {
            let at = (Address::ZERO, B256::from(U256::from(number)));
            let value = journal.load(at, &mut Meter(COLD));
            assert_eq!(value, Ok(&[][..]));
            journal.forget();
            assert!(journal.storage.len() <= MAX_PLACES + 1);
        }
    }
}
