//! May this transaction be executed, and with what? One answer for the mempool and for the block.

use alloc::{format, string::ToString};

use alloy_consensus::Transaction as _;
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, B256, Bytes, U256};
use plasma_core::{
    Admission, Authorization, BlockContext, Gas, MAX_TRANSACTION_BYTES, NATIVE_TRANSACTION_TYPE,
    NativeTransaction, NonceRule, Rejection, SignatureError, StateKey, StateRead, TransactionHash,
    TransactionView, transaction_hash,
};

use super::{
    accounts::{ACCOUNTS, Account, NonceState},
    fee_market::FeeMarket,
    gas,
    interface::Envelope,
    keys::Session,
    registry::{Entry, Registry},
};
use crate::ethereum::EthereumTransaction;

/// A transaction of one of the kinds that a chain of modules takes.
pub(crate) enum ModuleTransaction {
    /// A wallet's: a transfer of XPL, or a call with ABI calldata.
    Ethereum(EthereumTransaction),
    /// A call signed as typed data.
    Native(NativeTransaction, TransactionHash),
}

/// Who signed a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The account.
    pub(crate) sender: Address,
    /// The key that signed for it, where that is not the account's own.
    pub(crate) key: Option<Address>,
}

impl Signed {
    fn own(sender: Address) -> Self {
        Self { sender, key: None }
    }

    /// A signer, for its own account or for the one that it names.
    pub(super) fn by(signer: Address, account: Option<Address>) -> Self {
        match account {
            None => Self::own(signer),
            Some(sender) => Self {
                sender,
                key: Some(signer),
            },
        }
    }
}

/// What all kinds of transactions have.
pub(crate) struct Terms {
    pub(crate) hash: TransactionHash,
    pub(crate) nonce: u64,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) input: Bytes,
    /// The gas that it needs before it does anything.
    pub(crate) intrinsic: u64,
    pub(crate) gas_limit: u64,
    max_fee_per_gas: u128,
    priority_fee_per_gas: u128,
    /// The most that it can take from the sender, in wei.
    max_cost: U256,
    expires_at: Option<u64>,
}

/// A transaction that can be executed on the state that it was checked against.
pub(crate) struct Checked {
    pub(crate) sender: Address,
    /// Where the sender's account is.
    pub(crate) key: StateKey,
    pub(crate) account: Account,
    pub(crate) market: FeeMarket,
    /// The module that is called; none for a transfer of XPL.
    pub(crate) module: Option<usize>,
    /// What each unit of gas pays to the proposer, in wei.
    pub(crate) tip_per_gas: u128,
    pub(crate) terms: Terms,
    /// The added key that signed, where the account's own did not.
    pub(crate) session: Option<Session>,
}

impl ModuleTransaction {
    /// Reads the bytes that travel.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.first() != Some(&NATIVE_TRANSACTION_TYPE) {
            let transaction = EthereumTransaction::decode(bytes)?;
            if transaction.envelope.is_eip7702() {
                return Err(Rejection::Unsupported(
                    "accounts of this chain carry no code to delegate to (type 0x04)".into(),
                ));
            }
            return Ok(Self::Ethereum(transaction));
        }
        let (length, limit) = (bytes.len(), MAX_TRANSACTION_BYTES);
        if length > limit {
            return Err(Rejection::TooLarge { length, limit });
        }
        NativeTransaction::from_bytes(bytes)
            .map(|transaction| Self::Native(transaction, transaction_hash(bytes)))
            .map_err(|error| Rejection::Malformed(error.to_string()))
    }

    /// Who signed it: for whichever chain it was, where it says so itself, and for this one otherwise.
    pub(crate) fn recover(
        &self,
        registry: &Registry,
        block: &BlockContext,
    ) -> Result<Signed, Rejection> {
        let refused = |error: SignatureError| Rejection::Signature(error.to_string());
        match self {
            Self::Ethereum(transaction) => {
                let signer = transaction.recover().map_err(refused)?;
                Ok(Signed::own(signer))
            }
            Self::Native(transaction, _) => {
                let Authorization { account, proof } = &transaction.authorization;
                let digest = native_digest(transaction, registry, block)?;
                let signer = proof.signer(digest).map_err(refused)?;
                Ok(Signed::by(signer, *account))
            }
        }
    }

    fn terms(&self, market: &FeeMarket) -> Result<Terms, Rejection> {
        match self {
            Self::Ethereum(transaction) => ethereum_terms(transaction),
            Self::Native(transaction, hash) => Ok(native_terms(transaction, *hash, market)),
        }
    }

    /// Whether it may be executed in this block, on this state; and what execution needs to know. `signer` is asked
    /// once all is right that is cheaper to find out.
    pub(crate) fn check(
        &self,
        registry: &Registry,
        state: &(impl StateRead + ?Sized),
        block: &BlockContext,
        signer: impl FnOnce() -> Result<Signed, Rejection>,
    ) -> Result<Checked, Rejection> {
        // Before the genesis is written there is no market, and nobody who could pay.
        let market = FeeMarket::load(state);
        let terms = self.terms(&market)?;
        let now = block.timestamp.seconds().0;
        if let Some(expires_at) = terms.expires_at.filter(|expires_at| *expires_at < now) {
            return Err(Rejection::Expired { expires_at, now });
        }
        let most = market.gas_limit.min(gas::MAX_TRANSACTION);
        if terms.gas_limit > most || terms.gas_limit < terms.intrinsic {
            return Err(terms.too_little_or_much(self, &market, most));
        }
        let base_fee = market.base_fee;
        if terms.max_fee_per_gas < base_fee {
            return Err(Rejection::FeeTooLow {
                offered: terms.max_fee_per_gas,
                base_fee,
            });
        }
        let module = self.target(&terms, registry)?;
        if let Self::Ethereum(transaction) = self {
            transaction.check_chain(block.chain_id)?;
        }
        let Signed { sender, key: by } = signer()?;
        let session = by
            .map(|by| {
                let call = (terms.to, &terms.input[..]);
                let session = Session::open(state, (sender, by), call, now)?;
                session.check_fee(state, terms.max_cost)?;
                Ok(session)
            })
            .transpose()?;
        let key = ACCOUNTS.key(&sender);
        let account = Account::load_at(state, &key);
        self.check_account(&terms, sender, &account)?;
        let tip_per_gas = terms
            .priority_fee_per_gas
            .min(terms.max_fee_per_gas - base_fee);
        Ok(Checked {
            sender,
            key,
            account,
            market,
            module,
            tip_per_gas,
            terms,
            session,
        })
    }

    /// The module that is called, if one is. An unknown function is refused before anybody pays for it.
    fn target(&self, terms: &Terms, registry: &Registry) -> Result<Option<usize>, Rejection> {
        let Some(index) = registry.index_of(&terms.to) else {
            return match self {
                Self::Ethereum(_) => Ok(None),
                Self::Native(..) => Err(no_module(terms.to)),
            };
        };
        let entry = registry.entry(index);
        match entry.interface.function(&terms.input) {
            Some(_) => Ok(Some(index)),
            None => Err(Rejection::UnknownCall(entry.unknown_call(&terms.input))),
        }
    }

    fn check_account(
        &self,
        terms: &Terms,
        sender: Address,
        account: &Account,
    ) -> Result<(), Rejection> {
        let (next, got) = (account.nonces.base, terms.nonce);
        match account.nonces.state(got) {
            NonceState::Used => return Err(Rejection::NonceTooLow { sender, next, got }),
            NonceState::Beyond { last } => {
                return Err(Rejection::NonceTooHigh {
                    sender,
                    next,
                    last,
                    got,
                });
            }
            NonceState::Free => {}
        }
        let (balance, needed) = (account.balance, terms.max_cost);
        if balance >= needed {
            return Ok(());
        }
        match self {
            // Typed data does not travel, only what it says: signed for another chain or changed on the way, it
            // recovers to an account that nobody has.
            Self::Native(..) if *account == Account::default() => {
                Err(Rejection::Signature(format!(
                    "it is {sender}'s, an account that holds nothing; either fund it, or what was signed differs from \
                 what was sent: sign the chain's own schema, chain id and genesis hash"
                )))
            }
            _ => Err(Rejection::Funds {
                sender,
                balance,
                needed,
            }),
        }
    }

    /// What it says, for those who show it.
    pub(crate) fn view(&self, signed: Signed) -> TransactionView {
        let Signed { sender, key } = signed;
        match self {
            Self::Ethereum(transaction) => transaction.view(sender),
            Self::Native(transaction, hash) => {
                let terms = native_terms(transaction, *hash, &FeeMarket::default());
                TransactionView {
                    hash: *hash,
                    kind: NATIVE_TRANSACTION_TYPE,
                    sender,
                    to: Some(transaction.module),
                    nonce: transaction.nonce,
                    value: U256::ZERO,
                    input: transaction.call.clone(),
                    // How much gas its fee buys is the block's to say; this is the most.
                    gas_limit: Gas(gas::MAX_TRANSACTION),
                    max_fee_per_gas: terms.max_fee_per_gas,
                    priority_fee_per_gas: 0,
                    signature: transaction.authorization.proof.numbers(),
                    key,
                }
            }
        }
    }
}

impl Terms {
    fn too_little_or_much(
        &self,
        transaction: &ModuleTransaction,
        market: &FeeMarket,
        most: u64,
    ) -> Rejection {
        match transaction {
            // It says what it pays, not how much gas; so it offers too little, not the wrong limit.
            ModuleTransaction::Native(..) if self.gas_limit < self.intrinsic => {
                Rejection::FeeTooLow {
                    offered: self.max_fee_per_gas,
                    base_fee: market.base_fee,
                }
            }
            _ => Rejection::GasLimit {
                offered: self.gas_limit,
                least: self.intrinsic,
                most,
            },
        }
    }
}

impl Checked {
    /// What a mempool has to know of it.
    pub(crate) fn admission(&self) -> Admission {
        let terms = &self.terms;
        Admission {
            hash: terms.hash,
            sender: self.sender,
            nonce: terms.nonce,
            nonce_rule: NonceRule::Window {
                base: self.account.nonces.base,
            },
            gas_limit: Gas(terms.gas_limit),
            max_fee_per_gas: terms.max_fee_per_gas,
            priority_fee_per_gas: terms.priority_fee_per_gas,
            max_cost: terms.max_cost,
            balance: self.account.balance,
            expires_at: terms.expires_at,
        }
    }
}

fn no_module(address: Address) -> Rejection {
    Rejection::UnknownCall(format!("no module at {address}; see the chain's schema"))
}

fn access_list_gas(list: &AccessList) -> u64 {
    let keys = list
        .iter()
        .map(|item| item.storage_keys.len() as u64)
        .sum::<u64>();
    list.len() as u64 * gas::ACCESS_LIST_ADDRESS + keys * gas::ACCESS_LIST_KEY
}

fn ethereum_terms(transaction: &EthereumTransaction) -> Result<Terms, Rejection> {
    let envelope = &transaction.envelope;
    let to = envelope.to().ok_or_else(|| {
        Rejection::Unsupported("this chain's modules are fixed; contracts cannot be created".into())
    })?;
    let (max_fee_per_gas, priority_fee_per_gas) = (
        envelope.max_fee_per_gas(),
        transaction.priority_fee_per_gas(),
    );
    if priority_fee_per_gas > max_fee_per_gas {
        return Err(Rejection::Malformed(format!(
            "max priority fee per gas {priority_fee_per_gas} is above max fee per gas {max_fee_per_gas}"
        )));
    }
    let (value, gas_limit) = (envelope.value(), envelope.gas_limit());
    let fee = U256::from(max_fee_per_gas) * U256::from(gas_limit);
    let input = envelope.input().clone();
    Ok(Terms {
        hash: transaction.hash,
        nonce: envelope.nonce(),
        to,
        value,
        intrinsic: gas::intrinsic(&input) + envelope.access_list().map_or(0, access_list_gas),
        input,
        gas_limit,
        max_fee_per_gas,
        priority_fee_per_gas,
        // Nobody has all XPL there could be, so a cost beyond numbers is one that nobody can pay.
        max_cost: value.saturating_add(fee),
        expires_at: None,
    })
}

/// A native call says what it may cost in all. That buys gas at the base fee, up to the most that a transaction
/// may use; the proposer gets no part of it.
fn native_terms(transaction: &NativeTransaction, hash: B256, market: &FeeMarket) -> Terms {
    let intrinsic =
        gas::intrinsic(&transaction.call) + gas::authorization(&transaction.authorization);
    let most = gas::MAX_TRANSACTION.min(market.gas_limit.max(intrinsic));
    let bought = transaction.max_fee.checked_div(U256::from(market.base_fee));
    let gas_limit = bought.map_or(most, |gas| u64::try_from(gas).unwrap_or(most).min(most));
    let max_fee_per_gas = transaction.max_fee / U256::from(intrinsic);
    Terms {
        hash,
        nonce: transaction.nonce,
        to: transaction.module,
        value: U256::ZERO,
        input: transaction.call.clone(),
        intrinsic,
        gas_limit,
        // Up to this base fee it can be executed.
        max_fee_per_gas: u128::try_from(max_fee_per_gas).unwrap_or(u128::MAX),
        priority_fee_per_gas: 0,
        max_cost: transaction.max_fee,
        expires_at: Some(transaction.expires_at),
    }
}

pub(super) fn native_digest(
    transaction: &NativeTransaction,
    registry: &Registry,
    block: &BlockContext,
) -> Result<B256, Rejection> {
    let entry: &Entry = registry
        .at(&transaction.module)
        .ok_or_else(|| no_module(transaction.module))?;
    let input = &transaction.call;
    let function = entry
        .interface
        .function(input)
        .ok_or_else(|| Rejection::UnknownCall(entry.unknown_call(input)))?;
    let typed = function.typed.as_ref().ok_or_else(|| {
        let signature = &function.signature;
        Rejection::Unsupported(format!(
            "{signature} has arguments that typed data does not carry; send it as an Ethereum transaction"
        ))
    })?;
    let envelope = Envelope {
        nonce: transaction.nonce,
        expires_at: transaction.expires_at,
        max_fee: transaction.max_fee,
        genesis: block.genesis,
    };
    typed
        .digest(
            entry
                .interface
                .domain_hash(block.chain_id, transaction.authorization.account),
            input,
            &envelope,
        )
        .ok_or_else(|| {
            Rejection::Malformed(format!(
                "the call is not the canonical ABI encoding of {}",
                function.signature
            ))
        })
}
