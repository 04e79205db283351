//! A root layer in a variable: revm, a clock that the test turns, and nothing else.

use std::sync::{Arc, Mutex};

use alloy_sol_types::SolCall;
use async_trait::async_trait;
use plasma_bridge::{Event, RootReader};
use plasma_core::{Address, B256, Bytes, RootBlock, Seconds, SettlementError, U256, keccak256};
use revm::{
    Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _,
    MainnetEvm,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::result::{ExecutionResult, Output},
    database::{CacheDB, EmptyDB},
    handler::MainnetContext,
    primitives::{Log, TxKind, hardfork::SpecId},
    state::{AccountInfo, Bytecode},
};

/// The root's own chain id.
pub(crate) const ROOT_ID: u64 = 1;
const GAS_LIMIT: u64 = 16_000_000;

type Memory = CacheDB<EmptyDB>;

/// What became of a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Done {
        gas: u64,
        created: Option<Address>,
    },
    /// With what the contract said.
    Reverted {
        data: Bytes,
    },
}

impl Outcome {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

/// The root.
pub(crate) struct VirtualRoot {
    memory: Memory,
    block: RootBlock,
    logs: Vec<Log>,
}

/// Everything of a root, to go back to: what a reorganisation does.
#[derive(Clone)]
pub(crate) struct Snapshot {
    memory: Arc<Memory>,
    block: RootBlock,
    logs: usize,
}

impl VirtualRoot {
    pub(crate) fn new(now: u64) -> Self {
        let block = RootBlock {
            number: 1,
            hash: B256::ZERO,
            timestamp: Seconds(now),
        };
        Self::over(Memory::new(EmptyDB::new()), block)
    }

    fn over(memory: Memory, block: RootBlock) -> Self {
        let mut root = Self {
            memory,
            block,
            logs: Vec::new(),
        };
        root.mine(block.timestamp.0);
        root
    }

    fn evm(&mut self) -> MainnetEvm<MainnetContext<&mut Memory>> {
        let mut cfg = CfgEnv::new_with_spec(SpecId::PRAGUE).with_chain_id(ROOT_ID);
        // Accounts here have no keys: a contract may be the one that sends.
        cfg.disable_nonce_check = true;
        cfg.disable_eip3607 = true;
        let block = BlockEnv {
            number: U256::from(self.block.number),
            timestamp: U256::from(self.block.timestamp.0),
            basefee: 0,
            ..BlockEnv::default()
        };
        Context::<BlockEnv, TxEnv, CfgEnv, EmptyDB>::mainnet()
            .with_db(&mut self.memory)
            .with_cfg(cfg)
            .with_block(block)
            .build_mainnet()
    }

    /// The next block begins, at this second.
    pub(crate) fn mine(&mut self, now: u64) {
        assert!(now >= self.block.timestamp.0, "time does not go back");
        let number = self.block.number + 1;
        // Blocks after a reorganisation are other blocks: the count of logs stands for their content.
        let content = [number, now, self.logs.len() as u64]
            .map(u64::to_be_bytes)
            .concat();
        self.block = RootBlock {
            number,
            hash: keccak256([self.block.hash.as_slice(), &content].concat()),
            timestamp: Seconds(now),
        };
    }

    pub(crate) fn block(&self) -> RootBlock {
        self.block
    }

    pub(crate) fn now(&self) -> u64 {
        self.block.timestamp.0
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            memory: Arc::new(self.memory.clone()),
            block: self.block,
            logs: self.logs.len(),
        }
    }

    /// A root of its own that goes on from a snapshot without events.
    pub(crate) fn fork(snapshot: &Snapshot) -> Self {
        Self::over(Memory::clone(&snapshot.memory), snapshot.block)
    }

    /// What happened since is undone.
    pub(crate) fn reorganise(&mut self, to: &Snapshot) {
        self.memory = Memory::clone(&to.memory);
        self.logs.truncate(to.logs);
        self.block = to.block;
    }

    pub(crate) fn give(&mut self, account: Address, wei: U256) {
        let database = &mut self.memory;
        let mut info = database
            .load_account(account)
            .expect("in memory")
            .info
            .clone();
        info.balance += wei;
        database.insert_account_info(account, info);
    }

    /// Puts code at an address, as if it had been deployed there.
    pub(crate) fn put_code(&mut self, account: Address, code: &[u8]) {
        let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
        let database = &mut self.memory;
        let balance = database
            .load_account(account)
            .expect("in memory")
            .info
            .balance;
        let info = AccountInfo {
            balance,
            ..AccountInfo::from_bytecode(code)
        };
        database.insert_account_info(account, info);
    }

    pub(crate) fn balance(&mut self, account: Address) -> U256 {
        let database = &mut self.memory;
        database
            .load_account(account)
            .expect("in memory")
            .info
            .balance
    }

    pub(crate) fn nonce(&mut self, account: Address) -> u64 {
        self.memory
            .load_account(account)
            .expect("in memory")
            .info
            .nonce
    }

    fn environment(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: Bytes,
    ) -> TxEnv {
        let database = &mut self.memory;
        let nonce = database.load_account(from).expect("in memory").info.nonce;
        TxEnv::builder()
            .caller(from)
            .kind(to.map_or(TxKind::Create, TxKind::Call))
            .gas_limit(GAS_LIMIT)
            .value(value)
            .data(data)
            .nonce(nonce)
            .chain_id(Some(ROOT_ID))
            .build()
            .expect("all that it needs is set")
    }

    /// A transaction in the block that is being made.
    pub(crate) fn send(
        &mut self,
        from: Address,
        to: Option<Address>,
        value: U256,
        data: Bytes,
    ) -> Outcome {
        let transaction = self.environment(from, to, value, data);
        let result = self
            .evm()
            .transact_commit(transaction)
            .expect("a valid transaction");
        let gas = result.tx_gas_used();
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                self.logs.extend(logs);
                let created = match output {
                    Output::Create(_, created) => created,
                    Output::Call(_) => None,
                };
                Outcome::Done { gas, created }
            }
            ExecutionResult::Revert { output, .. } => Outcome::Reverted { data: output },
            ExecutionResult::Halt { reason, .. } => panic!("a contract halted: {reason:?}"),
        }
    }

    /// A call that changes nothing, of a view that does not revert.
    pub(crate) fn call<C: SolCall>(&mut self, to: Address, call: &C) -> C::Return {
        let output = self
            .call_raw(to, call.abi_encode().into())
            .expect("a view answers");
        C::abi_decode_returns(&output).expect("it answers as its interface says")
    }

    /// What a view answers, or what it reverts with.
    fn call_raw(&mut self, to: Address, data: Bytes) -> Result<Bytes, Bytes> {
        let transaction = self.environment(Address::ZERO, Some(to), U256::ZERO, data);
        match self
            .evm()
            .transact(transaction)
            .expect("a valid call")
            .result
        {
            ExecutionResult::Success { output, .. } => Ok(output.into_data()),
            ExecutionResult::Revert { output, .. } => Err(output),
            ExecutionResult::Halt { .. } => Err(Bytes::new()),
        }
    }
}

/// The newest block of a root, for those who read.
pub(crate) struct Head<'a> {
    at: RootBlock,
    root: Mutex<&'a mut VirtualRoot>,
}

impl<'a> Head<'a> {
    pub(crate) fn of(root: &'a mut VirtualRoot) -> Self {
        Self {
            at: root.block,
            root: Mutex::new(root),
        }
    }
}

#[async_trait]
impl RootReader for Head<'_> {
    fn at(&self) -> RootBlock {
        self.at
    }

    async fn view(&self, to: Address, data: Bytes) -> Result<Bytes, SettlementError> {
        let mut root = self.root.lock().expect("nobody panics while holding it");
        root.call_raw(to, data)
            .map_err(|data| SettlementError::Refused(data.to_string()))
    }

    async fn events(
        &self,
        contract: Address,
        kinds: &[B256],
        subjects: &[B256],
        _: Seconds,
    ) -> Result<Vec<Event>, SettlementError> {
        let root = self.root.lock().expect("nobody panics while holding it");
        let asked = root.logs.iter().filter(|log| {
            let topics = log.topics();
            log.address == contract
                && topics.first().is_some_and(|kind| kinds.contains(kind))
                && topics
                    .get(1)
                    .is_some_and(|subject| subjects.contains(subject))
        });
        Ok(asked.map(|log| log.data.clone()).collect())
    }
}
