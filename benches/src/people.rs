//! People who call contracts and modules by turns, and the chain that a block of theirs stands on.

use std::sync::Arc;

use alloy_consensus::TxEip1559;
use alloy_primitives::TxKind;
use plasma_core::{
    Address, BlockContext, Bytes, Execution, Genesis, Receipt, Signer, StateRead, Step, Timestamp,
    U256,
};
use plasma_exec::{IBank, MemoryStore, SolCall as _, Store as _, module_address, sol};

use crate::{
    Failure,
    node::now,
    workload::{BASE_FEE, CHAIN, FUNDS, signed, signers},
};

sol! {
    function transfer(address to, uint256 amount) returns (bool);
}

/// How many there are.
pub(crate) const PEOPLE: usize = 1_000;
/// How often a block is executed.
pub(crate) const RUNS: usize = 7;
/// What is on while it is.
pub(crate) const ON: [&str; 3] = ["signatures checked before", "no Merkle root", "not durable"];
/// The asset that modules' tokens are of.
const DOLLAR: Address = Address::repeat_byte(0xd0);

/// What a transaction calls, and with what.
pub(crate) struct Call {
    to: TxKind,
    value: u64,
    gas_limit: u64,
    input: Bytes,
}

impl Call {
    pub(crate) fn new(to: Address, gas_limit: u64, input: impl Into<Bytes>) -> Self {
        Self {
            to: TxKind::Call(to),
            value: 0,
            gas_limit,
            input: input.into(),
        }
    }

    /// Creates a contract.
    pub(crate) fn create(gas_limit: u64, input: impl Into<Bytes>) -> Self {
        Self {
            to: TxKind::Create,
            ..Self::new(Address::ZERO, gas_limit, input)
        }
    }

    /// Pays somebody.
    pub(crate) fn pay(to: Address) -> Self {
        Self {
            value: 1,
            ..Self::new(to, 21_000, Bytes::new())
        }
    }

    /// Gives somebody of a token.
    pub(crate) fn tokens(token: Address, to: Address, amount: u64, gas_limit: u64) -> Self {
        let amount = U256::from(amount);
        Self::new(token, gas_limit, transferCall { to, amount }.abi_encode())
    }

    /// Gives somebody of the bank's [`DOLLAR`].
    pub(crate) fn dollars(to: Address) -> Self {
        let call = IBank::transferCall {
            asset: DOLLAR,
            to,
            amount: U256::from(3),
        };
        Self::new(module_address("bank"), 60_000, call.abi_encode())
    }
}

/// People, and what they send by turns: each has the next nonce of its own.
pub(crate) struct People {
    signers: Vec<Signer>,
    nonces: Vec<u64>,
}

impl People {
    pub(crate) fn new() -> Self {
        Self {
            signers: signers(PEOPLE),
            nonces: vec![0; PEOPLE],
        }
    }

    pub(crate) fn address(&self, n: usize) -> Address {
        self.signers[n % PEOPLE].address()
    }

    /// Somebody whom nobody else in the block pays, for most of a block.
    pub(crate) fn another(&self, n: usize) -> Address {
        self.address(n * 7 + 13)
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.signers.iter().map(Signer::address)
    }

    /// The address of the next contract that a person creates, if that is the next thing they do.
    pub(crate) fn creates(&self, n: usize) -> Address {
        self.address(n).create(self.nonces[n % PEOPLE])
    }

    /// A transaction of person `n`.
    pub(crate) fn send(&mut self, n: usize, call: Call) -> Step {
        let (signer, nonce) = (&self.signers[n % PEOPLE], &mut self.nonces[n % PEOPLE]);
        let transaction = TxEip1559 {
            chain_id: CHAIN.0,
            nonce: *nonce,
            gas_limit: call.gas_limit,
            max_fee_per_gas: u128::from(2 * BASE_FEE),
            max_priority_fee_per_gas: 1_000,
            to: call.to,
            value: U256::from(call.value),
            input: call.input,
            ..TxEip1559::default()
        };
        *nonce += 1;
        Step::Transaction(signed(signer, transaction))
    }

    /// So many transactions, each as `of` says, by turns.
    pub(crate) fn turns(&mut self, count: usize, of: impl Fn(&Self, usize) -> Call) -> Vec<Step> {
        (0..count).map(|n| self.send(n, of(self, n))).collect()
    }

    /// The first person gives of a token to everybody else.
    pub(crate) fn give_all(&mut self, token: Address, gas_limit: u64) -> Vec<Step> {
        (1..PEOPLE)
            .map(|n| {
                let call = Call::tokens(token, self.address(n), 1_000_000_000, gas_limit);
                self.send(0, call)
            })
            .collect()
    }

    /// A genesis of modules, where everybody has XPL and dollars.
    pub(crate) fn modules_genesis(&self) -> Vec<u8> {
        let holdings = self
            .addresses()
            .map(|one| format!("\"{one}\": \"{FUNDS}\""));
        let holdings = holdings.collect::<Vec<String>>().join(", ");
        let genesis = format!(
            r#"{{ "balances": {{ {holdings} }}, "baseFee": "{BASE_FEE}", "gasLimit": 4000000000,
                 "assets": [ {{ "address": "{DOLLAR}", "name": "Dollar", "symbol": "USD", "decimals": 6,
                                "balances": {{ {holdings} }} }} ] }}"#
        );
        genesis.into_bytes()
    }
}

/// A block, and the state that it stands on.
pub(crate) struct Work {
    store: MemoryStore,
    height: u64,
    pub(crate) block: BlockContext,
    pub(crate) steps: Vec<Step>,
}

impl Work {
    /// A block of these steps on the genesis with this configuration, after blocks of `before`.
    pub(crate) fn new(
        execution: &dyn Execution,
        config: Vec<u8>,
        before: Vec<Vec<Step>>,
        steps: Vec<Step>,
    ) -> Result<Self, Failure> {
        let timestamp = Timestamp(now() * 1_000);
        let birth = Genesis {
            chain_id: CHAIN,
            timestamp,
            config: config.into(),
        };
        let mut work = Self {
            store: MemoryStore::ephemeral(),
            height: 0,
            block: BlockContext {
                chain_id: CHAIN,
                timestamp: timestamp + 1_000,
                proposer: Address::repeat_byte(0x99),
                ..BlockContext::default()
            },
            steps: whole(steps),
        };
        work.store.commit(0, &birth.state(execution)?.changes)?;
        for steps in before {
            let outcome = execution.apply_block(&*work.base()?, &work.block, &whole(steps));
            succeeded(&outcome.receipts)?;
            work.height += 1;
            work.store.commit(work.height, &outcome.changes)?;
            work.block.timestamp = work.block.timestamp + 1_000;
        }
        Ok(work)
    }

    /// The state before the block.
    pub(crate) fn base(&self) -> Result<Arc<dyn StateRead>, Failure> {
        Ok(self.store.view(self.height)?)
    }

    pub(crate) fn transactions(&self) -> Vec<Bytes> {
        let bytes = self.steps.iter().filter_map(|step| match step {
            Step::Transaction(bytes) => Some(bytes.clone()),
            _ => None,
        });
        bytes.collect()
    }
}

fn whole(steps: Vec<Step>) -> Vec<Step> {
    let mut block = vec![Step::Begin];
    block.extend(steps);
    block.push(Step::End);
    block
}

/// Fails where a transaction did.
pub(crate) fn succeeded(receipts: &[Receipt]) -> Result<(), Failure> {
    match receipts.iter().find(|receipt| !receipt.succeeded()) {
        Some(receipt) => Err(format!("a transaction failed: {}", receipt.reason).into()),
        None => Ok(()),
    }
}
