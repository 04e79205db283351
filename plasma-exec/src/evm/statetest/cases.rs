//! One test: each fork, each choice of values.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_eips::{
    eip2930::AccessList,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, TxKind, keccak256};
use plasma_core::{
    BlockContext, ChainId, Height, MAX_TRANSACTION_BYTES, MemoryState, Signer, State, Timestamp,
};
use revm::{
    ExecuteEvm,
    context::{BlockEnv, TxEnv, either::Either},
    context_interface::block::BlobExcessGasAndPrice,
    primitives::{
        eip4844::{BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN, BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE},
        hardfork::SpecId,
    },
};

use super::{
    StateTestReport,
    format::{AuthorizationParts, Environment, Expected, Quantity, StateTest, recipient},
    post::{Accounts, logs_hash, write_pre},
    travels,
};
use crate::{
    EvmExecution, EvmSpec, Prices,
    ethereum::EthereumTransaction,
    evm::{
        account::{STORAGE, Word},
        config::{CONFIG, Config},
        predeploys::{HISTORY, history_slot},
        session::Session,
        transaction::environment,
    },
};

/// Ethereum's.
const MAINNET: u64 = 1;
/// The most blobs of a block in Cancun and in Prague (EIP-7691), and of a transaction since Osaka.
const CANCUN_BLOBS: u64 = 6;
const PRAGUE_BLOBS: u64 = 9;
const OSAKA_BLOBS: u64 = 6;
/// The base fee, in wei, of a test that says none.
const BASE_FEE: u64 = 10;
/// How many hashes of blocks the EVM can ask for.
const HASHES: u64 = 256;

/// Runs all cases of a test. An error is one of the file, not of the EVM.
pub(super) fn run(
    name: &str,
    test: &StateTest,
    report: &mut StateTestReport,
) -> Result<(), String> {
    for (fork, expected) in &test.post {
        for expected in expected {
            let at = expected.indexes;
            let name = format!("{name}/{fork}/d{}g{}v{}", at.data, at.gas, at.value);
            match spec(fork) {
                Err(reason) => report.skipped.push((name, reason)),
                Ok(spec) => {
                    let case = Case {
                        test,
                        fork,
                        spec,
                        expected,
                    };
                    case.check()?;
                    // A panic of the EVM is a failure of this case alone.
                    let outcome = catch_unwind(AssertUnwindSafe(|| case.run()));
                    let outcome = outcome.unwrap_or_else(|_| Err("the EVM panicked".into()));
                    match (outcome, applies(test)) {
                        (Ok(()), _) => report.passed.push(name),
                        (Err(reason), Ok(())) => report.failed.push((name, reason)),
                        (Err(_), Err(reason)) => report.skipped.push((name, reason)),
                    }
                }
            }
        }
    }
    Ok(())
}

/// The rules of a fork. Those before Prague are of no chain here: the EVM follows them for the sake of the tests, of which
/// most end there.
fn spec(fork: &str) -> Result<SpecId, String> {
    match fork {
        "Merge" | "Paris" => Ok(SpecId::MERGE),
        "Shanghai" => Ok(SpecId::SHANGHAI),
        "Cancun" => Ok(SpecId::CANCUN),
        "Prague" => Ok(SpecId::PRAGUE),
        "Osaka" => Ok(SpecId::OSAKA),
        _ => Err(format!(
            "the rules of {fork} are not followed here: those of Paris, Shanghai, Cancun, Prague and Osaka are"
        )),
    }
}

/// Whether the state before the test can be one of this chain: where it cannot, what comes of the test says nothing.
fn applies(test: &StateTest) -> Result<(), String> {
    for (address, account) in &test.pre {
        let stores = account.storage.values().any(|value| !value.0.is_zero());
        if stores && account.code.is_empty() && account.nonce.0.is_zero() {
            return Err(format!(
                "{address} has storage, and neither code nor nonce: no chain that began with EIP-161 has such an account"
            ));
        }
    }
    Ok(())
}

/// A test in one fork, with some of its values.
struct Case<'a> {
    test: &'a StateTest,
    fork: &'a str,
    spec: SpecId,
    expected: &'a Expected,
}

impl Case<'_> {
    /// An error where the test itself is none, whatever should come of it.
    fn check(&self) -> Result<(), String> {
        let (parts, at) = (&self.test.transaction, self.expected.indexes);
        let counts = [
            ("data", at.data, parts.data.len()),
            ("gas", at.gas, parts.gas_limit.len()),
            ("value", at.value, parts.value.len()),
        ];
        for (what, index, count) in counts {
            if index >= count {
                return Err(format!(
                    "{}: index {index} of {what} is beyond the {count} that the transaction has",
                    self.fork
                ));
            }
        }
        recipient(&parts.to)?;
        self.sender().map(drop)
    }

    fn run(&self) -> Result<(), String> {
        let number = self.test.env.current_number.short("block number")?;
        let chain_id = match self.test.config.chain_id {
            Some(id) => id.short("chain id")?,
            None => MAINNET,
        };
        let mut state = self.state(number)?;
        let mut accounts = Accounts::of(&self.test.pre);
        let transaction = self.transaction(chain_id);
        let readable = transaction.and_then(|fields| {
            self.travels(chain_id)?;
            Ok(fields)
        });
        let logs = match readable {
            Ok(transaction) => {
                self.check_bytes(&transaction)?;
                self.execute(transaction, chain_id, number, &mut state, &mut accounts)?
            }
            Err(reason) => {
                accounts.touch_one(self.test.env.current_coinbase);
                self.refused(&reason).map(|()| Vec::new())?
            }
        };
        let (root, logs) = (accounts.root(&state), logs_hash(&logs));
        if root != self.expected.hash {
            return Err(format!(
                "state root {root} instead of {}",
                self.expected.hash
            ));
        }
        match self.expected.logs {
            Some(expected) if expected != logs => {
                Err(format!("logs hash {logs} instead of {expected}"))
            }
            _ => Ok(()),
        }
    }

    /// A refusal is right where one is expected.
    fn refused(&self, reason: &str) -> Result<(), String> {
        match self.expected.exception() {
            Some(_) => Ok(()),
            None => Err(format!("refused, and should be executed: {reason}")),
        }
    }

    /// The state before the transaction, as this chain keeps it.
    fn state(&self, number: u64) -> Result<MemoryState, String> {
        let mut state = MemoryState::default();
        let config = Config {
            spec: if self.spec == SpecId::OSAKA {
                EvmSpec::Osaka
            } else {
                EvmSpec::Prague
            },
            prices: Prices::Ethereum,
            ..Config::default()
        };
        CONFIG.set(&mut state, &config);
        for (address, account) in &self.test.pre {
            write_pre(&mut state, *address, account)?;
        }
        // Where the test brings no history of its own: the tests' hashes, the keccak-256 of the number in decimal. They are of
        // no account that the root counts.
        if !self.test.pre.contains_key(&HISTORY) {
            for number in number.saturating_sub(HASHES)..number {
                let value = Word(test_hash(number).into());
                STORAGE.set(&mut state, &(HISTORY, history_slot(number)), &value);
            }
        }
        Ok(state)
    }

    fn execute(
        &self,
        transaction: TxEnv,
        chain_id: u64,
        number: u64,
        state: &mut MemoryState,
        accounts: &mut Accounts,
    ) -> Result<Vec<alloy_primitives::Log>, String> {
        let parent = number.wrapping_sub(1);
        let block = BlockContext {
            chain_id: ChainId(chain_id),
            height: Height(number),
            parent: test_hash(parent),
            timestamp: Timestamp(0),
            ..BlockContext::default()
        };
        let execution = EvmExecution::new();
        let mut session = Session::open(&execution, &*state, &block);
        session.follow(self.spec);
        self.set_block(&mut session)?;
        let result = session.evm.transact_one(transaction);
        let logs = match result {
            Ok(result) => {
                if let Some(exception) = self.expected.exception() {
                    return Err(format!("executed, and should be refused: {exception}"));
                }
                result.into_logs()
            }
            Err(error) => {
                // A block without transactions touches whom it would reward.
                accounts.touch_one(self.test.env.current_coinbase);
                self.refused(&error.to_string())?;
                return Ok(Vec::new());
            }
        };
        let mut left = session.evm.finalize();
        accounts.touch(&left);
        let changes = session.evm.ctx.journaled_state.database.changes(&mut left);
        drop(session);
        for (key, value) in changes {
            state.set(key, value);
        }
        Ok(logs)
    }

    /// The block that the test asks for.
    fn set_block(&self, session: &mut Session<'_>) -> Result<(), String> {
        let Environment {
            current_coinbase,
            current_difficulty,
            current_gas_limit,
            current_number,
            current_timestamp,
            current_base_fee,
            current_random,
            current_excess_blob_gas,
            slot_number,
        } = &self.test.env;
        let blobs = self.test.config.blob_schedule.get(self.fork);
        let fraction = match blobs {
            Some(blobs) => match blobs.base_fee_update_fraction.short("update fraction")? {
                0 => return Err("baseFeeUpdateFraction is zero".into()),
                fraction => fraction,
            },
            None if self.spec < SpecId::PRAGUE => BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN,
            None => BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
        };
        let excess = current_excess_blob_gas.unwrap_or_default();
        let slot = slot_number.unwrap_or_default();
        session.evm.ctx.block = BlockEnv {
            number: current_number.0,
            beneficiary: *current_coinbase,
            timestamp: current_timestamp.0,
            // The gas limit of some tests is beyond 64 bits: there is no end then.
            gas_limit: u64::try_from(current_gas_limit.0).unwrap_or(u64::MAX),
            basefee: current_base_fee.map_or(Ok(BASE_FEE), |fee| fee.short("base fee"))?,
            difficulty: current_difficulty.0,
            prevrandao: Some(current_random.unwrap_or_default().0.into()),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(
                excess.short("excess blob gas")?,
                fraction,
            )),
            slot_num: slot.short("slot number")?,
        };
        let most = match blobs {
            // EIP-7594.
            _ if self.spec >= SpecId::OSAKA => OSAKA_BLOBS,
            // What a block has room for.
            Some(blobs) => blobs.max.short("most blobs")?,
            None if self.spec < SpecId::PRAGUE => CANCUN_BLOBS,
            None => PRAGUE_BLOBS,
        };
        session.evm.ctx.cfg.max_blobs_per_tx = Some(most);
        Ok(())
    }

    /// The transaction as the EVM takes it; an error for such as no bytes can say.
    fn transaction(&self, chain_id: u64) -> Result<TxEnv, String> {
        let (parts, at) = (&self.test.transaction, self.expected.indexes);
        let small = |text: &Option<String>, what| -> Result<Option<u128>, String> {
            let Some(text) = text else { return Ok(None) };
            let number = Quantity::parse(text)?.0;
            let error = |_| format!("{what} {number} is over 128 bits");
            u128::try_from(number).map(Some).map_err(error)
        };
        let max_fee = small(&parts.max_fee_per_gas, "max fee")?;
        let price = small(&parts.gas_price, "gas price")?;
        let lists = parts.access_lists.as_ref();
        let list = lists
            .and_then(|lists| lists.get(at.data))
            .cloned()
            .flatten();
        let authorizations = parts.authorization_list.as_ref();
        let blobs = parts.blob_versioned_hashes.is_some() || parts.max_fee_per_blob_gas.is_some();
        let tx_type = if authorizations.is_some() {
            4
        } else if blobs {
            3
        } else if max_fee.is_some() {
            2
        } else {
            u8::from(list.is_some())
        };
        let to = recipient(&parts.to)?;
        // EIP-4844 and EIP-7702 have no room for a creation.
        if tx_type > 2 && to.is_none() {
            return Err(format!("a transaction of type {tx_type} creates nothing"));
        }
        Ok(TxEnv {
            tx_type,
            caller: self.sender()?,
            gas_limit: Quantity::parse(&parts.gas_limit[at.gas])?.short("gas limit")?,
            gas_price: max_fee.or(price).unwrap_or_default(),
            kind: to.map_or(TxKind::Create, TxKind::Call),
            value: Quantity::parse(&parts.value[at.value])?.0,
            data: parts.data[at.data].clone(),
            nonce: Quantity::parse(&parts.nonce)?.short("nonce")?,
            chain_id: Some(chain_id),
            access_list: AccessList(list.into_iter().flatten().map(Into::into).collect()),
            gas_priority_fee: small(&parts.max_priority_fee_per_gas, "priority fee")?,
            blob_hashes: parts.blob_versioned_hashes.clone().unwrap_or_default(),
            max_fee_per_blob_gas: small(&parts.max_fee_per_blob_gas, "max fee per blob gas")?
                .unwrap_or_default(),
            authorization_list: authorizations
                .map(|list| list.iter().map(authorization).collect::<Result<_, _>>())
                .transpose()?
                .unwrap_or_default(),
        })
    }

    fn sender(&self) -> Result<Address, String> {
        let parts = &self.test.transaction;
        match (parts.sender, parts.secret_key()?) {
            (Some(sender), _) => Ok(sender),
            (None, Some(key)) => Signer::from_bytes(&key)
                .map(|signer| signer.address())
                .ok_or_else(|| "secretKey is zero, or not below the curve's order".to_string()),
            (None, None) => Err("the transaction has neither sender nor secretKey".into()),
        }
    }

    /// Where a refusal is expected, the transaction may be as the fields say and its bytes be wrong: its chain, or its
    /// signature. An error where they are.
    fn travels(&self, chain_id: u64) -> Result<(), String> {
        match self.expected.bytes() {
            Some(bytes) if self.expected.exception().is_some() => {
                travels::signer(bytes, chain_id).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Where the test has the transaction as it travels, what this chain reads in it is what the fields say.
    fn check_bytes(&self, fields: &TxEnv) -> Result<(), String> {
        let Some(bytes) = self.expected.bytes() else {
            return Ok(());
        };
        // Such as carry blobs, or are longer, travel on no chain of these; and what is refused may say anything.
        let foreign = bytes.first() == Some(&3) || bytes.len() > MAX_TRANSACTION_BYTES;
        if foreign || self.expected.exception().is_some() {
            return Ok(());
        }
        let decoded = EthereumTransaction::decode(bytes)
            .map_err(|error| format!("txbytes are refused: {error}"))?;
        let sender = decoded
            .recover()
            .map_err(|error| format!("txbytes are refused: {error}"))?;
        let read = TxEnv {
            // An old transaction may be for no chain in particular, and prices have two names.
            chain_id: fields.chain_id,
            tx_type: fields.tx_type,
            ..environment(decoded.envelope, sender)
        };
        if read == *fields {
            return Ok(());
        }
        Err(format!(
            "txbytes say {read:?}, and the transaction {fields:?}"
        ))
    }
}

fn authorization(
    parts: &AuthorizationParts,
) -> Result<Either<SignedAuthorization, revm::context::transaction::RecoveredAuthorization>, String>
{
    let number = |text: &str| Quantity::parse(text).map(|number| number.0);
    let authorization = Authorization {
        chain_id: number(&parts.chain_id)?,
        address: parts.address,
        nonce: Quantity::parse(&parts.nonce)?.short("nonce of an authorization")?,
    };
    let parity = parts.y_parity.as_ref().or(parts.v.as_ref());
    let parity = Quantity::parse(parity.ok_or("an authorization has neither v nor yParity")?)?;
    let parity = u8::try_from(parity.0)
        .map_err(|_| format!("v {} of an authorization is over 8 bits", parity.0))?;
    let (r, s) = (number(&parts.r)?, number(&parts.s)?);
    let signed = SignedAuthorization::new_unchecked(authorization, parity, r, s);
    Ok(Either::Left(signed))
}

/// What the tests take for the hash of a block.
fn test_hash(number: u64) -> B256 {
    keccak256(number.to_string())
}
