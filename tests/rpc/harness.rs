//! A chain in memory with a solo sequencer, and its methods.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alloy::{network::TxSignerSync, signers::local::PrivateKeySigner};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{TxKind, hex};
use futures::StreamExt as _;
use jsonrpsee::core::client::ClientT as _;
use plasma_core::{
    Address, Admission, B256, Bytes, ChainHead, ChainId, ChainUpdate, EntryKind, Env, Execution,
    Gate, Genesis, Height, InboxEntry, InboxMessage, MessageKind, Rejection, Seconds, Sequencer,
    Signer, Task, Timestamp, TokioEnv, U256, address,
};
use plasma_exec::MemoryStore;
use plasma_sdk::{
    Chain, ChainConfig, InboxRecord,
    rpc::{RpcContext, RpcLimits, RpcModule, ServerHandle, module, serve},
};
use plasma_sequencer::{MemoryJournal, SoloConfig, SoloSequencer};
use serde_json::{Value, json};

pub const CHAIN_ID: u64 = 4_242;
pub const ETHER: u64 = 1_000_000_000_000_000_000;
/// Anvil's first account.
pub const ALICE: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
pub const BOB: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");

pub fn alice() -> PrivateKeySigner {
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
        .parse()
        .expect("a key")
}

/// Bytes of an EIP-1559 transaction by Alice.
pub fn signed(nonce: u64, to: Option<Address>, value: u64, input: impl Into<Bytes>) -> Bytes {
    let input = input.into();
    signed_as(|transaction| {
        transaction.nonce = nonce;
        transaction.to = to.map_or(TxKind::Create, TxKind::Call);
        transaction.value = U256::from(value);
        transaction.input = input;
    })
}

/// Bytes of an EIP-1559 transaction by Alice, with some fields as the test has it.
pub fn signed_as(change: impl FnOnce(&mut TxEip1559)) -> Bytes {
    let mut transaction = TxEip1559 {
        chain_id: CHAIN_ID,
        gas_limit: 500_000,
        max_fee_per_gas: 5_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: TxKind::Call(BOB),
        ..TxEip1559::default()
    };
    change(&mut transaction);
    let signature = alice()
        .sign_transaction_sync(&mut transaction)
        .expect("signs");
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

/// Called with nothing, it counts in slot 0, logs the count under topic 1 and returns it; called
/// with something, it reverts with just that.
pub fn probe_code() -> Bytes {
    // CALLDATASIZE; JUMPI to 24; count = SLOAD(0) + 1; SSTORE; MSTORE; LOG1; RETURN; 24:
    // CALLDATACOPY; REVERT
    let runtime = hex!("366018575f54600101805f555f52600160205fa160205ff35b365f5f37365ffd");
    // PUSH32 runtime; MSTORE(0); RETURN(0, 32)
    [&hex!("7f")[..], &runtime, &hex!("5f5260205ff3")]
        .concat()
        .into()
}

/// What a test may choose.
pub struct Options {
    pub execution: Arc<dyn Execution>,
    pub config: Bytes,
    pub limits: RpcLimits,
    /// Whether blocks are executed as they come.
    pub follow: bool,
    pub sequencer: bool,
    pub forward: Option<String>,
    pub da: Option<Arc<dyn plasma_core::DataAvailability>>,
}

impl Options {
    pub fn evm() -> Self {
        let mut genesis = plasma_exec::EvmGenesis::default();
        let account = || plasma_exec::EvmGenesisAccount {
            balance: U256::from(1_000) * U256::from(ETHER),
            ..plasma_exec::EvmGenesisAccount::default()
        };
        genesis.alloc.insert(ALICE, account());
        Self {
            execution: Arc::new(plasma_exec::EvmExecution::new()),
            config: genesis.to_json().into(),
            limits: RpcLimits::default(),
            follow: true,
            sequencer: true,
            forward: None,
            da: None,
        }
    }
}

/// The mempool's door.
struct Door {
    chain: Arc<Chain>,
}

impl Gate for Door {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let head = self.chain.head();
        let context = self.chain.next_context(&head, TokioEnv.now());
        let state = self
            .chain
            .state_at(head.height())
            .expect("the head's state is kept");
        self.chain.execution().admit(&*state, &context, transaction)
    }
}

pub struct Harness {
    pub chain: Arc<Chain>,
    pub sequencer: Arc<SoloSequencer>,
    pub module: RpcModule<()>,
    pub limits: RpcLimits,
    _follower: Option<Task>,
}

pub fn start(options: Options) -> Harness {
    let genesis = Genesis {
        chain_id: ChainId(CHAIN_ID),
        timestamp: Timestamp(1_700_000_000_000),
        config: options.config,
    };
    let store = Arc::new(MemoryStore::ephemeral());
    let config = ChainConfig {
        genesis,
        execution: options.execution,
        store,
        history: 1_000,
    };
    let chain = Arc::new(Chain::open(config, None).expect("a chain"));
    let env: Arc<dyn Env> = Arc::new(TokioEnv);
    let signer = Signer::from_bytes(&B256::repeat_byte(0x51)).expect("a key");
    let solo = SoloConfig::new(ChainId(CHAIN_ID), chain.head().block.header.clone());
    let door = Arc::new(Door {
        chain: chain.clone(),
    });
    let sequencer = SoloSequencer::start(
        solo,
        signer,
        env.clone(),
        door,
        Box::new(MemoryJournal::new()),
    );
    let sequencer = Arc::new(sequencer.expect("a sequencer"));
    let follower = options.follow.then(|| {
        let (chain, sequencer) = (chain.clone(), sequencer.clone());
        env.spawn("follow", Box::pin(follow(chain, sequencer)))
    });
    let mut context = RpcContext::new(chain.clone(), env);
    context.sequencer = options
        .sequencer
        .then(|| sequencer.clone() as Arc<dyn Sequencer>);
    context.limits = options.limits;
    context.forward = options.forward;
    context.da = options.da;
    context.name = "test".to_owned();
    Harness {
        chain,
        sequencer,
        module: module(context),
        limits: options.limits,
        _follower: follower,
    }
}

async fn follow(chain: Arc<Chain>, sequencer: Arc<SoloSequencer>) {
    let mut blocks = sequencer.blocks(Height(1));
    while let Some(Ok(certified)) = blocks.next().await {
        let executed = chain
            .execute(certified.block, Some(certified.certificate))
            .expect("executes");
        let update = ChainUpdate::Executed {
            height: executed.height(),
            state_root: executed.state_root,
        };
        sequencer.observe(update).await.expect("observes");
    }
}

impl Harness {
    /// The whole answer to a request, in process.
    pub async fn raw(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (answer, _) = self
            .module
            .raw_json_request(&request.to_string(), 8)
            .await
            .expect("a request");
        serde_json::from_str(answer.get()).expect("JSON")
    }

    /// The result of a request.
    pub async fn call(&self, method: &str, params: Value) -> Value {
        let mut answer = self.raw(method, params.clone()).await;
        assert!(answer.get("error").is_none(), "{method} {params}: {answer}");
        answer["result"].take()
    }

    /// Code and message of a refusal.
    pub async fn refusal(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.raw(method, params.clone()).await;
        let error = &answer["error"];
        let code = error["code"]
            .as_i64()
            .unwrap_or_else(|| panic!("{method} {params} is answered: {answer}"));
        (
            code,
            error["message"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Sends, and waits for the receipt.
    pub async fn send(&self, bytes: &Bytes) -> Value {
        self.call("eth_sendRawTransactionSync", json!([bytes]))
            .await
    }

    /// Puts messages into the root's inbox, and waits until a block consumed them.
    pub async fn inbox(&self, messages: &[InboxMessage]) {
        for message in messages {
            self.chain.inbox().push_message(message, 1).expect("kept");
        }
        let count = self.chain.inbox().message_count().expect("counted");
        self.sequencer
            .observe(ChainUpdate::Messages { count })
            .await
            .expect("observes");
        self.until(|chain| chain.head().block.header.messages == count)
            .await;
    }

    /// Waits until the chain is so.
    pub async fn until(&self, is: impl Fn(&Chain) -> bool) {
        for _ in 0..1_000 {
            if is(&self.chain) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the chain did not come to it: {:?}", self.chain.stages());
    }

    /// The root takes all blocks up to `height` in, as its next entry.
    pub fn publish(&self, height: Height) {
        let block = self.chain.block(height).expect("here");
        let index = self.chain.inbox().entry_count().expect("counted");
        let messages = block.block.header.messages;
        let entry = InboxEntry {
            index,
            kind: EntryKind::Force,
            messages,
            message_hash: B256::ZERO,
            timestamp: Seconds(1_800_000_000),
        };
        let head = ChainHead::of(&block.block.header, index + 1);
        let before = self.chain.inbox().last_entry().expect("kept");
        let before = before.map_or(B256::ZERO, |record| record.entry_hash);
        let record = InboxRecord {
            entry_hash: entry.link(before).words().keccak(),
            entry,
            root_block: 7 + index,
            head,
            defect: None,
        };
        self.chain.inbox().push_entry(&record).expect("kept");
        self.chain.refresh_stages().expect("moves");
    }

    /// A claim on the state after `height`, an entry's last block, stood.
    pub fn settle(&self, height: Height) {
        let checkpoint = self.chain.block(height).expect("here").checkpoint(1);
        self.chain
            .inbox()
            .push_settled(&checkpoint, 9)
            .expect("kept");
        self.chain.refresh_stages().expect("moves");
    }

    /// Serves on any free port.
    pub async fn serve(&self) -> (SocketAddr, ServerHandle) {
        serve("127.0.0.1:0", self.module.clone(), self.limits)
            .await
            .expect("serves")
    }
}

/// A deposit of XPL to Bob.
pub fn deposit(index: u64, amount: u64) -> InboxMessage {
    InboxMessage {
        kind: MessageKind::Deposit,
        index,
        sender: ALICE,
        to: BOB,
        asset: Address::ZERO,
        amount: U256::from(amount),
        timestamp: Seconds(1_700_000_001),
        deadline: Seconds(1_700_000_601),
        data: Bytes::new(),
    }
}

/// A transaction forced through the root.
pub fn forced(index: u64, bytes: Bytes) -> InboxMessage {
    InboxMessage {
        kind: MessageKind::Transaction,
        to: Address::ZERO,
        amount: U256::ZERO,
        data: bytes,
        ..deposit(index, 0)
    }
}

/// Calls over HTTP.
pub async fn over_http(
    address: SocketAddr,
    method: &str,
    params: Value,
) -> Result<Value, jsonrpsee::core::ClientError> {
    let client = jsonrpsee::http_client::HttpClientBuilder::default()
        .build(format!("http://{address}"))
        .expect("a client");
    let params: Vec<Value> = serde_json::from_value(params).expect("an array");
    client.request(method, params).await
}

/// The number that a quantity writes, which must be in the one form that Ethereum allows.
pub fn number(value: &Value) -> u64 {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("a quantity: {value}"));
    let digits = text
        .strip_prefix("0x")
        .unwrap_or_else(|| panic!("hex: {value}"));
    assert!(
        digits == "0" || !digits.starts_with('0'),
        "no leading zeros: {value}"
    );
    u64::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("a small quantity: {value}"))
}
