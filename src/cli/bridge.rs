//! `plasma bridge`: moving assets between the root and a chain.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use alloy::{
    network::TransactionBuilder as _,
    primitives::{
        U64,
        utils::{ParseUnits, format_units, parse_units},
    },
    providers::Provider as _,
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall as _,
};
use clap::{Args, Subcommand};
use plasma_bridge::{BridgeClient, RootAccount, RootClient, RootConfig};
use plasma_core::{
    Address, B256, Bytes, ChainId, OutboxMessage, OutboxProof, Signer, Stage, TokioEnv, U256,
};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Failure, discover, explain, progress::Progress, rpc::ChainRpc};
use crate::{
    devnet::{ChainReport, DevnetReport},
    explain::Explanation,
};

sol! {
    /// The same on both kinds of chain: a module's call, or the predeploy's.
    function withdraw(address asset, address recipient, uint256 amount) external payable;
    /// ERC-20's optional extension.
    function decimals() external view returns (uint8);
}

/// How often to look whether something moved.
const POLL: Duration = Duration::from_millis(250);

#[derive(Subcommand)]
pub(super) enum BridgeCommand {
    /// Move an asset from the root to the chain.
    Deposit(DepositArgs),
    /// Move an asset from the chain to the root, and wait until it is there.
    Withdraw(WithdrawArgs),
    /// Finish a withdrawal on the root, once it is settled.
    Finalize(IdArgs),
    /// Put a signed transaction of the chain into the root's inbox, for when its sequencer refuses it.
    Force(ForceArgs),
    /// Say where a deposit or withdrawal stands.
    Status(IdArgs),
}

/// Which devnet, which chain.
#[derive(Args, Clone)]
pub(super) struct Target {
    /// The file that `plasma devnet --config-out` wrote. Default: $PLASMA_CONFIG, or plasma-devnet.json.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The chain's name or id. Default: the first.
    #[arg(long)]
    chain: Option<String>,
    /// The chain's JSON-RPC, instead of the file's.
    #[arg(long, value_name = "URL")]
    pub(super) rpc: Option<String>,
}

/// Who acts, and on which chain.
#[derive(Args)]
pub(super) struct Actor {
    /// The private key, 32 bytes in hex. Default: the file's first account.
    #[arg(long, env = "PLASMA_KEY", hide_env_values = true)]
    key: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// What is moved.
#[derive(Args)]
pub(super) struct AssetArgs {
    /// How much, in whole tokens; decimals are read as the token's.
    #[arg(long)]
    amount: String,
    /// The token's address on the root. Default: XPL.
    #[arg(long)]
    token: Option<Address>,
}

#[derive(Args)]
pub(super) struct DepositArgs {
    #[command(flatten)]
    asset: AssetArgs,
    /// Who is credited on the chain. Default: the key's account.
    #[arg(long)]
    to: Option<Address>,
    /// Return as soon as the root has it.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(super) struct WithdrawArgs {
    #[command(flatten)]
    asset: AssetArgs,
    /// Who is paid on the root. Default: the key's account.
    #[arg(long)]
    to: Option<Address>,
    /// Return as soon as the chain has it; `plasma bridge finalize` does the rest.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(super) struct ForceArgs {
    /// The signed transaction, in hex.
    raw: Bytes,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(super) struct IdArgs {
    /// The hash of the transaction or of the message.
    id: B256,
    #[command(flatten)]
    actor: Actor,
}

/// A devnet's file, and one of its chains.
pub(super) struct Open {
    pub(super) report: DevnetReport,
    pub(super) chain: ChainReport,
}

impl Target {
    /// The chain as its root tells of it; without one, what the file says.
    pub(super) async fn open_at(&self, root: Option<&str>) -> Result<Open, Failure> {
        match root {
            Some(root) => discover::chain(root, self.chain.as_deref(), self.rpc.as_deref()).await,
            None => self.open(),
        }
    }

    pub(super) fn open(&self) -> Result<Open, Failure> {
        let path = self.config.clone().unwrap_or_else(explain::default_config);
        let report = DevnetReport::read(&path).map_err(|error| {
            format!(
                "{}: {error}; give --config FILE, as `plasma devnet --config-out FILE` writes it",
                path.display()
            )
        })?;
        let chosen = match &self.chain {
            None => report.chains.first(),
            Some(name) => report
                .chains
                .iter()
                .find(|chain| chain.name == *name || chain.chain_id.to_string() == *name),
        };
        let Some(chain) = chosen.cloned() else {
            let names: Vec<&str> = report
                .chains
                .iter()
                .map(|chain| chain.name.as_str())
                .collect();
            return Err(format!(
                "no chain `{}`; there are: {}",
                self.chain.clone().unwrap_or_default(),
                names.join(", ")
            )
            .into());
        };
        let chain = match &self.rpc {
            Some(rpc) => ChainReport {
                rpc: rpc.clone(),
                ..chain
            },
            None => chain,
        };
        Ok(Open { report, chain })
    }
}

impl Actor {
    /// The chain as its root tells of it, or as the file does, and the key that pays.
    pub(super) async fn open_at(
        &self,
        root: Option<&str>,
    ) -> Result<(Open, Zeroizing<B256Key>), Failure> {
        self.with_key(self.target.open_at(root).await?)
    }

    fn open(&self) -> Result<(Open, Zeroizing<B256Key>), Failure> {
        self.with_key(self.target.open()?)
    }

    /// The key that pays: the one given, or the file's first account's.
    fn with_key(&self, open: Open) -> Result<(Open, Zeroizing<B256Key>), Failure> {
        let key = match &self.key {
            Some(text) => text.parse().map_err(|_| "--key is not 32 bytes in hex")?,
            None => {
                open.report
                    .accounts
                    .first()
                    .ok_or("the file has no accounts; give --key")?
                    .private_key
            }
        };
        Ok((open, Zeroizing::new(B256Key(key.0))))
    }
}

/// An amount of 18 decimals, for people.
pub(super) fn amount_of(wei: U256) -> String {
    format_units(wei, 18).unwrap_or_else(|_| wei.to_string())
}

impl Open {
    /// The user's side of the bridge; with a key it can send.
    pub(super) async fn client(&self, key: Option<&B256>) -> Result<BridgeClient, Failure> {
        let root = RootClient::connect(
            &self.report.root.rpc,
            Arc::new(TokioEnv),
            RootConfig::local(),
        )
        .await?;
        let client = BridgeClient::new(root.clone(), self.report.root.contracts);
        Ok(match key {
            Some(key) => {
                let signer =
                    Signer::from_bytes(key).ok_or("--key is zero or beyond the curve's order")?;
                client.with_account(RootAccount::new(root, signer))
            }
            None => client,
        })
    }

    /// The chain's node, once it has answered and is one of this chain.
    async fn reach(&self, key: Option<&B256>) -> Result<ChainRpc, Failure> {
        let rpc = ChainRpc::connect(&self.chain.rpc, key)?;
        let answer: U64 = rpc.call("eth_chainId", json!([])).await?;
        let (found, expected) = (answer.to::<u64>(), self.chain.chain_id);
        if found != expected {
            let (name, url) = (&self.chain.name, &self.chain.rpc);
            return Err(format!(
                "{url} serves chain {found}, but {name} is chain {expected}; give its own --rpc"
            )
            .into());
        }
        Ok(rpc)
    }

    fn asset(&self, token: Option<Address>) -> (Address, Address) {
        let xpl = self.report.root.contracts.xpl;
        let token = token.unwrap_or(xpl);
        (token, if token == xpl { Address::ZERO } else { token })
    }
}

/// A private key that is wiped.
pub(super) struct B256Key([u8; 32]);

impl zeroize::Zeroize for B256Key {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl B256Key {
    pub(super) fn word(&self) -> B256 {
        B256::from(self.0)
    }
}

pub(super) async fn run(command: BridgeCommand) -> Result<(), Failure> {
    match command {
        BridgeCommand::Deposit(args) => deposit(args).await,
        BridgeCommand::Withdraw(args) => withdraw(args).await,
        BridgeCommand::Finalize(args) => finalize(args).await,
        BridgeCommand::Force(args) => force(args).await,
        BridgeCommand::Status(args) => status(args).await,
    }
}

async fn amount(client: &BridgeClient, token: Address, text: &str) -> Result<(U256, u8), Failure> {
    let decimals = decimals(client, token).await?;
    let parsed =
        parse_units(text, decimals).map_err(|error| format!("--amount {text}: {error}"))?;
    match parsed {
        ParseUnits::U256(amount) if !amount.is_zero() => Ok((amount, decimals)),
        _ => Err(format!("--amount {text}: give a number above zero").into()),
    }
}

/// A token's decimals; 18 for one that does not say.
async fn decimals(client: &BridgeClient, token: Address) -> Result<u8, Failure> {
    let request = TransactionRequest::default()
        .with_to(token)
        .with_input(decimalsCall {}.abi_encode());
    let answer = client
        .root()
        .provider()
        .call(request)
        .await
        .map_err(|error| format!("token {token}: {error}"))?;
    Ok(decimalsCall::abi_decode_returns(&answer).unwrap_or(18))
}

fn shown(amount: U256, decimals: u8) -> String {
    format_units(amount, decimals).unwrap_or_else(|_| amount.to_string())
}

async fn deposit(args: DepositArgs) -> Result<(), Failure> {
    let (open, key) = args.actor.open()?;
    // Before anything moves: who is to tell that it arrived must be there.
    let rpc = if args.no_wait {
        None
    } else {
        Some(open.reach(None).await?)
    };
    let client = open.client(Some(&key.word())).await?;
    let (token, _) = open.asset(args.asset.token);
    let (wei, decimals) = amount(&client, token, &args.asset.amount).await?;
    let to = args.to.unwrap_or_else(|| address_of(&key));
    let sent = client
        .deposit_erc20(ChainId(open.chain.chain_id), token, to, wei, Bytes::new())
        .await?;
    println!(
        "deposited {} for {to} on {}: inbox message {}, root transaction {}",
        shown(sent.amount, decimals),
        open.chain.name,
        sent.index,
        sent.receipt.transaction
    );
    let Some(rpc) = rpc else {
        return Ok(());
    };
    let mut progress = Progress::new("waiting for the chain to take it in", 0);
    loop {
        let head: serde_json::Value = rpc.call("plasma_block", json!(["latest"])).await?;
        if head["header"]["messages"]
            .as_u64()
            .is_some_and(|count| count > sent.index)
        {
            break;
        }
        works(&rpc).await?;
        progress.at(0, "the sequencer includes it in its next block");
        tokio::time::sleep(POLL).await;
    }
    progress.finish();
    println!("credited on {}", open.chain.name);
    Ok(())
}

/// What a node says of itself.
#[derive(Debug, Deserialize)]
struct NodeHealth {
    troubles: BTreeMap<String, NodeTrouble>,
}

#[derive(Debug, Deserialize)]
struct NodeTrouble {
    fatal: bool,
    trouble: String,
}

/// Fails where the node's own word is that it will not go on: waiting for it would never end.
async fn works(rpc: &ChainRpc) -> Result<(), Failure> {
    let health: NodeHealth = rpc.call("plasma_health", json!([])).await?;
    match health.troubles.iter().find(|(_, report)| report.fatal) {
        Some((task, NodeTrouble { trouble, .. })) => {
            Err(format!("the node does not go on: {task}: {trouble}").into())
        }
        None => Ok(()),
    }
}

fn address_of(key: &B256Key) -> Address {
    Signer::from_bytes(&key.word())
        .map(|signer| signer.address())
        .unwrap_or_default()
}

async fn withdraw(args: WithdrawArgs) -> Result<(), Failure> {
    let (open, key) = args.actor.open()?;
    let client = open.client(Some(&key.word())).await?;
    let (token, asset) = open.asset(args.asset.token);
    let (wei, decimals) = amount(&client, token, &args.asset.amount).await?;
    let recipient = args.to.unwrap_or_else(|| address_of(&key));
    let rpc = open.reach(Some(&key.word())).await?;
    let contracts = ["evm", "wasm"].contains(&open.chain.execution.as_str());
    let bridge = if contracts {
        plasma_exec::L2_BRIDGE
    } else {
        plasma_exec::module_address("bridge")
    };
    let call = withdrawCall {
        asset,
        recipient,
        amount: wei,
    };
    let value = if asset.is_zero() && contracts {
        wei
    } else {
        U256::ZERO
    };
    let hash = rpc.send(bridge, value, call.abi_encode().into()).await?;
    let messages: Vec<SentMessage> = rpc.call("plasma_messages", json!([hash])).await?;
    let id = messages
        .first()
        .ok_or("the transaction sent no message")?
        .id;
    println!(
        "withdrawing {} to {recipient}: transaction {hash}, message {id}",
        shown(wei, decimals)
    );
    if args.no_wait {
        println!("once it is settled: plasma bridge finalize {id}");
        return Ok(());
    }
    let mut progress = Progress::new("withdrawal", 3);
    loop {
        let state: Explanation = rpc.call("plasma_explain", json!([id, null])).await?;
        let done = match state.stage {
            Some(Stage::Published) => 1,
            Some(Stage::Settled) => 2,
            _ => 0,
        };
        if state.ready {
            break;
        }
        works(&rpc).await?;
        progress.at(done, &state.waits_for);
        tokio::time::sleep(POLL).await;
    }
    progress.finish();
    finish(&client, &rpc, id).await
}

#[derive(Debug, Deserialize)]
struct SentMessage {
    id: B256,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvenMessage {
    message: OutboxMessage,
    proof: OutboxProof,
}

async fn finish(client: &BridgeClient, rpc: &ChainRpc, id: B256) -> Result<(), Failure> {
    if client.is_paid(id).await? {
        println!("withdrawal {id} is paid already");
        return Ok(());
    }
    let proven: ProvenMessage = rpc.call("plasma_outboxProof", json!([id])).await?;
    let receipt = client.withdraw(&proven.message, &proven.proof).await?;
    println!(
        "paid on the root: transaction {}, {} gas",
        receipt.transaction, receipt.gas_used
    );
    Ok(())
}

async fn finalize(args: IdArgs) -> Result<(), Failure> {
    let (open, key) = args.actor.open()?;
    let client = open.client(Some(&key.word())).await?;
    let rpc = ChainRpc::connect(&open.chain.rpc, None)?;
    let id = message_of(&rpc, args.id).await;
    finish(&client, &rpc, id).await
}

/// The message that a transaction sent, or the id itself when it is a message's.
async fn message_of(rpc: &ChainRpc, id: B256) -> B256 {
    let sent: Result<Vec<SentMessage>, Failure> = rpc.call("plasma_messages", json!([id])).await;
    sent.ok()
        .and_then(|messages| messages.first().map(|message| message.id))
        .unwrap_or(id)
}

async fn force(args: ForceArgs) -> Result<(), Failure> {
    let (open, key) = args.actor.open()?;
    let client = open.client(Some(&key.word())).await?;
    let hash = plasma_core::transaction_hash(&args.raw);
    let sent = client
        .force_transaction(ChainId(open.chain.chain_id), args.raw)
        .await?;
    println!(
        "transaction {hash} is inbox message {}; the chain executes it by {} (Unix seconds)",
        sent.index, sent.deadline
    );
    Ok(())
}

async fn status(args: IdArgs) -> Result<(), Failure> {
    let open = args.actor.target.open()?;
    let client = open.client(None).await?;
    let rpc = ChainRpc::connect(&open.chain.rpc, None)?;
    let id = message_of(&rpc, args.id).await;
    let paid = client.is_paid(id).await?;
    let state: Explanation = rpc.call("plasma_explain", json!([id, paid])).await?;
    explain::print(&state);
    Ok(())
}
