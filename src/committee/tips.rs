//! Taking tips to the root, once an epoch.
//!
//! Who proposes a block earns its tips at the address of its key, on the chain. They are withdrawn to the operator on the root:
//! a call to the chain's bridge after each border of epochs, and the proof of it once a claim on that block has settled.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{Signature, TxKind};
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_sol_types::{SolCall as _, sol};
use jsonrpsee::{RpcModule, core::traits::ToRpcParams};
use plasma_bridge::{BridgeClient, SequencerNetwork};
use plasma_core::{
    Address, B256, Bytes, ChainId, Env, Epoch, OutboxMessage, OutboxProof, Severity, Signer, U256,
};
use plasma_sequencer::BftSequencer;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use crate::{Explanation, node::Health};

const TASK: &str = "tips";
const POLL: Duration = Duration::from_secs(2);
/// What a withdrawal may use on a chain: a few times what it does.
const GAS: u64 = 300_000;
/// Withdrawals that are remembered until they are paid.
const MAX_UNDER_WAY: usize = 64;

sol! {
    function withdraw(address asset, address recipient, uint256 amount) external;
}

/// Who takes its tips to the root.
pub(crate) struct Tips {
    /// The member that earns them.
    pub(crate) bft: Arc<BftSequencer>,
    /// Its key.
    pub(crate) signer: Signer,
    /// Less than this, in wei, is left until it is more.
    pub(crate) least: U256,
    /// The chain.
    pub(crate) chain_id: ChainId,
    /// Its bridge.
    pub(crate) l2_bridge: Address,
    /// Whether an amount travels as the call's value, as in the EVM.
    pub(crate) by_value: bool,
    /// The chain's JSON-RPC, in process.
    pub(crate) module: RpcModule<()>,
    /// Where it is paid.
    pub(crate) client: BridgeClient,
    /// Where its operator is known.
    pub(crate) network: SequencerNetwork,
}

#[derive(Deserialize)]
struct Sent {
    id: B256,
}

#[derive(Deserialize)]
struct Proven {
    message: OutboxMessage,
    proof: OutboxProof,
}

struct Params(Value);

impl ToRpcParams for Params {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        serde_json::value::to_raw_value(&self.0).map(Some)
    }
}

/// Withdraws after each border, until it is stopped.
pub(crate) async fn run(tips: Tips, env: Arc<dyn Env>, health: Arc<Health>) {
    let (mut last, mut under_way): (Option<Epoch>, Vec<B256>) = (None, Vec::new());
    loop {
        env.sleep(POLL).await;
        let Some(status) = tips.bft.status() else {
            return;
        };
        let epoch = status.committee.epoch;
        let mut trouble = None;
        if last.is_some_and(|last| last != epoch) && under_way.len() < MAX_UNDER_WAY {
            match tips.withdraw().await {
                Ok(message) => under_way.extend(message),
                Err(error) => trouble = Some(error),
            }
        }
        last = Some(epoch);
        let mut waiting = Vec::new();
        for message in under_way {
            match tips.finish(message).await {
                Ok(true) => {}
                Ok(false) => waiting.push(message),
                Err(error) => {
                    waiting.push(message);
                    trouble = Some(error);
                }
            }
        }
        under_way = waiting;
        match trouble {
            Some(trouble) => {
                health.note(TASK, trouble, Severity::Transient);
            }
            None => health.well(TASK),
        }
    }
}

impl Tips {
    async fn ask<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, String> {
        let answer: Result<Value, _> = self.module.call(method, Params(params)).await;
        let answer = answer.map_err(|error| format!("{method}: {error}"))?;
        serde_json::from_value(answer).map_err(|error| format!("{method}: {error}"))
    }

    /// Sends what was earned, less what sending takes, and gives the message; `None` where it is not worth it.
    async fn withdraw(&self) -> Result<Option<B256>, String> {
        let me = self.signer.address();
        let balance: U256 = self.ask("eth_getBalance", json!([me, "latest"])).await?;
        let price: U256 = self.ask("eth_gasPrice", json!([])).await?;
        let price: u128 = (price * U256::from(2)).saturating_to();
        let cost = U256::from(GAS) * U256::from(price);
        let amount = balance.saturating_sub(cost);
        if amount < self.least {
            return Ok(None);
        }
        let operator = self.network.operator_of(me).await;
        let operator = operator.map_err(|error| error.to_string())?;
        let nonce: U256 = self
            .ask("eth_getTransactionCount", json!([me, "pending"]))
            .await?;
        let call = withdrawCall {
            asset: Address::ZERO,
            recipient: operator.unwrap_or(me),
            amount,
        };
        let transaction = TxEip1559 {
            chain_id: self.chain_id.0,
            nonce: nonce.saturating_to(),
            gas_limit: GAS,
            max_fee_per_gas: price,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(self.l2_bridge),
            value: if self.by_value { amount } else { U256::ZERO },
            input: call.abi_encode().into(),
            ..TxEip1559::default()
        };
        let signed = self.signer.sign(transaction.signature_hash());
        let signature = Signature::new(
            U256::from_be_bytes(signed.r.0),
            U256::from_be_bytes(signed.s.0),
            signed.v == 28,
        );
        let bytes: Bytes = TxEnvelope::from(transaction.into_signed(signature))
            .encoded_2718()
            .into();
        let receipt: Value = self
            .ask("eth_sendRawTransactionSync", json!([bytes]))
            .await?;
        let hash = receipt.get("transactionHash").cloned().unwrap_or_default();
        let sent: Vec<Sent> = self.ask("plasma_messages", json!([hash])).await?;
        let Some(sent) = sent.first() else {
            return Err(format!(
                "withdrawing {amount} wei of tips failed in transaction {hash}"
            ));
        };
        tracing::info!(%amount, message = %sent.id, "withdrawing tips");
        Ok(Some(sent.id))
    }

    /// Pays a withdrawal whose block has settled; says whether it is paid.
    async fn finish(&self, message: B256) -> Result<bool, String> {
        let words = |error: plasma_core::SettlementError| error.to_string();
        let state: Explanation = self.ask("plasma_explain", json!([message, null])).await?;
        if !state.ready {
            return Ok(false);
        }
        if self.client.is_paid(message).await.map_err(words)? {
            return Ok(true);
        }
        let proven: Proven = self.ask("plasma_outboxProof", json!([message])).await?;
        let paid = self.client.withdraw(&proven.message, &proven.proof).await;
        let receipt = paid.map_err(words)?;
        tracing::info!(gas = receipt.gas_used, %message, "paid tips on the root");
        Ok(true)
    }
}
