//! A toy chain for the suite: enough of an execution for a mempool to be right or wrong about.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::{
    Address, Admission, B256, BlockHeader, Bytes, ChainId, Gas, Gate, Height,
    MAX_TRANSACTION_BYTES, NonceRule, Rejection, Timestamp, U256, Words, decode, encode,
    transaction_hash,
};

/// The gas of a toy block.
pub const TOY_BLOCK_GAS: Gas = Gas(30_000_000);
/// What every toy account has at first, in wei.
pub const TOY_BALANCE: u128 = 1_000_000_000;
/// How many toy nonces may be used out of order.
const WINDOW: u64 = 256;

/// A transaction of the toy chain. Unsigned, for nothing here asks who signed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ToyTransaction {
    /// Who pays. Accounts whose first byte is odd use their nonces in a window, the others in
    /// sequence.
    pub sender: Address,
    /// Which of the sender's numbers it takes.
    pub nonce: u64,
    /// The most for each unit of gas, in wei.
    pub max_fee: u128,
    /// The most of that for the proposer, in wei.
    pub priority: u128,
    /// The most gas.
    pub gas: u64,
    /// What it takes from the balance, in wei.
    pub cost: u128,
    /// The last second for it.
    pub expires_at: Option<u64>,
    /// Makes it longer.
    pub padding: Vec<u8>,
}

impl ToyTransaction {
    /// A cheap one.
    pub fn new(sender: Address, nonce: u64) -> Self {
        let (max_fee, priority, gas, cost) = (1_000, 10, 21_000, 1);
        Self {
            sender,
            nonce,
            max_fee,
            priority,
            gas,
            cost,
            expires_at: None,
            padding: Vec::new(),
        }
    }

    /// One that offers so much, for the proposer and in all.
    pub fn paying(self, fee: u128) -> Self {
        Self {
            max_fee: fee,
            priority: fee,
            ..self
        }
    }

    /// The bytes that travel.
    pub fn to_bytes(&self) -> Bytes {
        encode(self).into()
    }
}

/// An address whose nonces go in sequence.
pub fn sequential(number: u32) -> Address {
    account(2, number)
}

/// An address whose nonces go in a window.
pub fn windowed(number: u32) -> Address {
    account(1, number)
}

fn account(kind: u8, number: u32) -> Address {
    let mut bytes = [0; 20];
    bytes[0] = kind;
    bytes[16..].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

/// The header of the toy chain's genesis.
pub fn toy_genesis() -> BlockHeader {
    BlockHeader {
        chain_id: ChainId(4_242),
        timestamp: Timestamp(1_000),
        executed_root: toy_root(Height(0), B256::ZERO),
        ..BlockHeader::default()
    }
}

/// The toy chain's state root after a block.
pub fn toy_root(height: Height, block: B256) -> B256 {
    Words::new().uint(height.0).word(block).keccak()
}

#[derive(Clone, Debug, Default)]
struct Account {
    used: BTreeSet<u64>,
    spent: u128,
}

impl Account {
    fn next(&self) -> u64 {
        let mut next = 0;
        while self.used.contains(&next) {
            next += 1;
        }
        next
    }
}

/// The toy chain's newest state, and its [`Gate`].
#[derive(Debug, Default)]
pub struct ToyLedger {
    accounts: Mutex<BTreeMap<Address, Account>>,
}

impl ToyLedger {
    /// Executes a block's transactions. Those that cannot be change nothing; gives how many could
    /// be.
    pub fn execute(&self, transactions: &[Bytes]) -> usize {
        let executed = transactions.iter().filter(|bytes| {
            let Ok(admission) = self.admit(bytes) else {
                return false;
            };
            if let NonceRule::Sequential { next } = admission.nonce_rule
                && next != admission.nonce
            {
                return false;
            }
            let mut accounts = self.accounts();
            let account = accounts.entry(admission.sender).or_default();
            account.used.insert(admission.nonce);
            account.spent += admission.max_cost.to::<u128>();
            true
        });
        executed.count()
    }

    /// Forgets all, as before executing the chain anew.
    pub fn reset(&self) {
        self.accounts().clear();
    }

    /// Takes money from an account, as something that it did not sign could.
    pub fn take(&self, account: Address, amount: u128) {
        self.accounts().entry(account).or_default().spent += amount;
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<Address, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate for ToyLedger {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let toy: ToyTransaction = decode(transaction, MAX_TRANSACTION_BYTES)
            .map_err(|error| Rejection::Malformed(alloc::format!("{error}")))?;
        let account = self
            .accounts()
            .get(&toy.sender)
            .cloned()
            .unwrap_or_default();
        let (sender, got, next) = (toy.sender, toy.nonce, account.next());
        if account.used.contains(&got) {
            return Err(Rejection::NonceTooLow { sender, next, got });
        }
        let window = sender[0] % 2 == 1;
        let last = next.saturating_add(WINDOW - 1);
        if window && got > last {
            return Err(Rejection::NonceTooHigh {
                sender,
                next,
                last,
                got,
            });
        }
        let balance = U256::from(TOY_BALANCE.saturating_sub(account.spent));
        let needed = U256::from(toy.cost);
        if needed > balance {
            return Err(Rejection::Funds {
                sender,
                balance,
                needed,
            });
        }
        Ok(Admission {
            hash: transaction_hash(transaction),
            sender,
            nonce: got,
            nonce_rule: if window {
                NonceRule::Window { base: next }
            } else {
                NonceRule::Sequential { next }
            },
            gas_limit: Gas(toy.gas),
            max_fee_per_gas: toy.max_fee,
            priority_fee_per_gas: toy.priority,
            max_cost: needed,
            balance,
            expires_at: toy.expires_at,
        })
    }
}
