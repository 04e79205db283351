//! An execution of one's own, in the bench beside those of the SDK.
//!
//! `cargo run --release -p bench-execution` compares payments; `-- --quick` takes a few of them.

use std::{env, error::Error};

use plasma_sdk::{
    Address, B256, Bytes, U256,
    bench::{self, Contender, FUNDS, ModulesContender, Operation, Settings, Workload, World},
    core::{
        Admission, BlockContext, Execution, ExecutionError, Gas, Map, NonceRule, Query, QueryError,
        Receipt, Rejection, Reply, Signature, State, StateRead, Step, TransactionView, keccak256,
    },
    exec::Parallelism,
};

/// Payments without fees, one after another of each account.
struct Payments;

/// What somebody has, in wei, and the next number of theirs.
const ACCOUNTS: Map<Address, (U256, u64)> = Map::new("accounts");

/// Receiver, amount and number, and a signature over them and the chain.
struct Payment {
    to: Address,
    amount: U256,
    number: u64,
    signature: Signature,
}

const SIGNED: usize = 20 + 32 + 8;

impl Payment {
    fn digest(chain: u64, signed: &[u8]) -> B256 {
        keccak256([b"payment".as_slice(), &chain.to_be_bytes(), signed].concat())
    }

    fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let wrong = || Rejection::Malformed(format!("a payment has {} bytes", SIGNED + 65));
        let (signed, signature) = bytes.split_at_checked(SIGNED).ok_or_else(wrong)?;
        let signature: &[u8; 65] = signature.try_into().map_err(|_| wrong())?;
        Ok(Self {
            to: Address::from_slice(&signed[..20]),
            amount: U256::from_be_slice(&signed[20..52]),
            number: u64::from_be_bytes(signed[52..].try_into().map_err(|_| wrong())?),
            signature: Signature {
                r: B256::from_slice(&signature[..32]),
                s: B256::from_slice(&signature[32..64]),
                v: signature[64],
            },
        })
    }

    fn check(
        bytes: &[u8],
        state: &dyn StateRead,
        chain: u64,
    ) -> Result<(Self, Address), Rejection> {
        let payment = Self::decode(bytes)?;
        let sender = payment.signature.recover(Self::digest(chain, &bytes[..SIGNED]));
        let sender = sender.map_err(|error| Rejection::Signature(error.to_string()))?;
        let (balance, next) = ACCOUNTS.get_or_default(state, &sender);
        if payment.number < next {
            return Err(Rejection::NonceTooLow { sender, next, got: payment.number });
        }
        if payment.amount > balance {
            return Err(Rejection::Funds { sender, balance, needed: payment.amount });
        }
        Ok((payment, sender))
    }
}

impl Execution for Payments {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        for holder in config.chunks(20) {
            let holder = Address::try_from(holder)
                .map_err(|_| ExecutionError::Genesis("addresses have 20 bytes".into()))?;
            ACCOUNTS.set(state, &holder, &(U256::from(FUNDS), 0));
        }
        Ok(())
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transaction: &[u8],
    ) -> Result<Admission, Rejection> {
        let (payment, sender) = Payment::check(transaction, state, block.chain_id.0)?;
        let (balance, next) = ACCOUNTS.get_or_default(state, &sender);
        Ok(Admission {
            hash: keccak256(transaction),
            sender,
            nonce: payment.number,
            nonce_rule: NonceRule::Sequential { next },
            gas_limit: Gas(21_000),
            max_fee_per_gas: 0,
            priority_fee_per_gas: 0,
            max_cost: payment.amount,
            balance,
            expires_at: None,
        })
    }

    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        let Step::Transaction(bytes) = step else {
            return Receipt::default();
        };
        let (payment, sender) = match Payment::check(bytes, &*state, block.chain_id.0) {
            Ok(checked) => checked,
            Err(rejection) => return Receipt::invalid(rejection.to_string()),
        };
        let (balance, next) = ACCOUNTS.get_or_default(&*state, &sender);
        if payment.number > next {
            return Receipt::invalid(format!("{sender} pays number {next} first"));
        }
        ACCOUNTS.set(state, &sender, &(balance - payment.amount, next + 1));
        let (balance, next) = ACCOUNTS.get_or_default(&*state, &payment.to);
        // All balances together are what genesis gave out.
        ACCOUNTS.set(state, &payment.to, &(balance + payment.amount, next));
        Receipt { gas_used: Gas(21_000), ..Receipt::default() }
    }

    fn work(&self, _: &dyn StateRead, _: &Step) -> Gas {
        Gas(21_000)
    }

    fn query(
        &self,
        state: &dyn StateRead,
        _: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        match query {
            Query::Balance(of) => Ok(Reply::Word(ACCOUNTS.get_or_default(state, of).0)),
            Query::Nonce(of) => Ok(Reply::Word(U256::from(ACCOUNTS.get_or_default(state, of).1))),
            other => Err(QueryError::Unsupported(format!("{other:?}"))),
        }
    }

    fn view(&self, block: &BlockContext, transaction: &[u8]) -> Option<TransactionView> {
        let payment = Payment::decode(transaction).ok()?;
        let digest = Payment::digest(block.chain_id.0, &transaction[..SIGNED]);
        let Signature { r, s, v } = payment.signature;
        Some(TransactionView {
            hash: keccak256(transaction),
            kind: 0,
            sender: payment.signature.recover(digest).ok()?,
            to: Some(payment.to),
            nonce: payment.number,
            value: payment.amount,
            input: Bytes::new(),
            gas_limit: Gas(21_000),
            max_fee_per_gas: 0,
            priority_fee_per_gas: 0,
            signature: (r.into(), s.into(), v == 28),
            key: None,
        })
    }
}

// What the bench needs to know of it. Swaps and orders it does not have, and the table says so.
#[rustfmt::skip]
impl Contender for Payments {
    fn name(&self) -> &str { "payments" }
    fn execution(&self, _: Parallelism) -> Box<dyn Execution> { Box::new(Payments) }
    fn genesis(&self, world: &World) -> Vec<u8> { world.addresses().flat_map(|who| who.0).collect() }
    fn encode(&self, world: &World, operation: &Operation, number: u64) -> Option<Bytes> {
        let Operation::Transfer { from, to, amount } = *operation else { return None };
        let signed = [world.address(to).as_slice(), &U256::from(amount).to_be_bytes::<32>(), &number.to_be_bytes()].concat();
        let Signature { r, s, v } = world.signer(from).sign(Payment::digest(world.chain().0, &signed));
        Some([signed.as_slice(), r.as_slice(), s.as_slice(), &[v]].concat().into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let quick = env::args().any(|argument| argument == "--quick");
    let settings = if quick { Settings::quick() } else { Settings::default() };
    // Ours checks signatures as it executes, so the others do, too.
    let settings = Settings { signatures: true, ..settings };
    let contenders: [Box<dyn Contender>; 2] = [Box::new(Payments), Box::new(ModulesContender)];
    let workloads = [Workload::Transfers, Workload::HotKey, Workload::Token];
    let report = bench::run(&settings, &contenders, &workloads, None, &mut |_| {})?;
    print!("{report}");
    Ok(())
}
