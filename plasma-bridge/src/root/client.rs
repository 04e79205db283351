//! The connection to a root node.

use std::{borrow::Cow, fmt, sync::Arc};

use alloy::{
    eips::BlockId,
    network::TransactionBuilder as _,
    primitives::{U64, U256},
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::{
        client::{ClientBuilder, RpcClient},
        types::{Filter, Log, TransactionReceipt, TransactionRequest},
    },
    sol_types::SolCall,
    transports::{
        RpcError, TransportError,
        http::{Http, reqwest},
        ws::WsConnect,
    },
};
use futures::future::{Either, select};
use plasma_core::{Address, B256, Bytes, Env, RootBlock, Seconds, SettlementError};
use serde::Deserialize;

use super::RootConfig;
use crate::contracts::Refusal;

/// A header as far as settlement cares. Read by hand, so that roots with transaction types or
/// header fields of their own can be followed too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    number: U64,
    hash: B256,
    /// The block before it.
    pub(crate) parent_hash: B256,
    timestamp: U64,
    /// Absent before EIP-1559.
    #[serde(default)]
    pub(crate) base_fee_per_gas: Option<U256>,
}

impl Header {
    pub(crate) fn block(&self) -> RootBlock {
        RootBlock {
            number: self.number.to(),
            hash: self.hash,
            timestamp: Seconds(self.timestamp.to()),
        }
    }
}

/// What came of asking for logs.
pub(crate) enum LogQuery {
    /// They are all here.
    Logs(Vec<Log>),
    /// The node will not answer for so many blocks at once.
    TooWide(SettlementError),
}

/// A connection to a root node, over HTTP, WebSocket or any other alloy transport. Clones share it.
///
/// Every request has a time limit. An answer is only as true as the node; what must be true is
/// checked by whoever asks.
#[derive(Clone)]
pub struct RootClient {
    provider: DynProvider,
    env: Arc<dyn Env>,
    config: Arc<RootConfig>,
}

impl RootClient {
    /// Speaks over this client, whose transport may be of any kind: in process, too.
    pub fn new(client: RpcClient, env: Arc<dyn Env>, config: RootConfig) -> Self {
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .connect_client(client)
            .erased();
        Self {
            provider,
            env,
            config: Arc::new(config),
        }
    }

    /// Connects to `http://`, `https://`, `ws://` or `wss://`. Only the form of `url` is checked
    /// for HTTP; a WebSocket must answer, and is reconnected for ever afterwards.
    pub async fn connect(
        url: &str,
        env: Arc<dyn Env>,
        config: RootConfig,
    ) -> Result<Self, SettlementError> {
        let wrong = |reason: String| {
            SettlementError::Refused(format!("{reason}; give an http(s):// or ws(s):// URL"))
        };
        let parsed = reqwest::Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        let client = match parsed.scheme() {
            "https" if !cfg!(feature = "tls") => {
                return Err(SettlementError::Refused(
                    "this build does not speak https://; build it with plasma-bridge's feature \
                     `tls`, or use wss://"
                        .into(),
                ));
            }
            "http" | "https" => {
                let local = parsed.host_str().is_some_and(is_local);
                let builder = reqwest::Client::builder().timeout(config.request_timeout());
                // A proxy set for the world outside does not know our machine.
                let builder = if local { builder.no_proxy() } else { builder };
                let client = builder.build().map_err(|error| wrong(error.to_string()))?;
                RpcClient::new(Http::with_client(client, parsed), local)
            }
            "ws" | "wss" => {
                let connect = WsConnect::new(url)
                    .with_max_retries(u32::MAX)
                    .with_retry_interval(config.poll_interval());
                let connected = Box::pin(ClientBuilder::default().pubsub(connect));
                let limited = within(&*env, config.request_timeout(), connected).await?;
                limited.map_err(|error| unavailable(&error))?
            }
            scheme => {
                return Err(wrong(format!(
                    "the root cannot be reached over {scheme}://"
                )));
            }
        };
        Ok(Self::new(client, env, config))
    }

    /// The alloy provider underneath, for what this client does not offer.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// How the node is asked.
    pub fn config(&self) -> &RootConfig {
        &self.config
    }

    /// The root's own chain id.
    pub async fn chain_id(&self) -> Result<u64, SettlementError> {
        self.ask(async { self.provider.get_chain_id().await }).await
    }

    /// The newest block.
    pub async fn head(&self) -> Result<RootBlock, SettlementError> {
        Ok(self.latest().await?.block())
    }

    /// What an account has of the root's coin, in wei.
    pub async fn coin_balance(&self, account: Address) -> Result<U256, SettlementError> {
        self.ask(async { self.provider.get_balance(account).await })
            .await
    }

    pub(crate) fn env(&self) -> &Arc<dyn Env> {
        &self.env
    }

    pub(crate) async fn latest(&self) -> Result<Header, SettlementError> {
        let header = self.header("eth_getBlockByNumber", "latest".into()).await?;
        header.ok_or_else(|| SettlementError::Unavailable("it has no latest block".into()))
    }

    pub(crate) async fn header_at(&self, number: u64) -> Result<Option<Header>, SettlementError> {
        let header = self
            .header("eth_getBlockByNumber", format!("{number:#x}").into())
            .await?;
        match header {
            Some(header) if header.block().number != number => {
                let got = header.block().number;
                Err(SettlementError::Contract(format!(
                    "asked for block {number}, the node gave {got}"
                )))
            }
            header => Ok(header),
        }
    }

    pub(crate) async fn header_of(&self, hash: B256) -> Result<Option<Header>, SettlementError> {
        self.header("eth_getBlockByHash", hash.to_string().into())
            .await
    }

    async fn header(
        &self,
        method: &'static str,
        block: Cow<'static, str>,
    ) -> Result<Option<Header>, SettlementError> {
        self.ask(async {
            let client = self.provider.client();
            client
                .request::<_, Option<Header>>(method, (block, false))
                .await
        })
        .await
    }

    pub(crate) async fn logs(&self, filter: &Filter) -> Result<LogQuery, SettlementError> {
        let answer = within(&*self.env, self.config.request_timeout(), async {
            self.provider.get_logs(filter).await
        })
        .await;
        match answer {
            Ok(Ok(logs)) => Ok(LogQuery::Logs(logs)),
            // Limits are spelled differently by every node; any refusal may be one.
            Ok(Err(error @ RpcError::ErrorResp(_))) => Ok(LogQuery::TooWide(unavailable(&error))),
            Ok(Err(error)) => Err(unavailable(&error)),
            Err(slow) => Ok(LogQuery::TooWide(slow)),
        }
    }

    pub(crate) async fn receipt(
        &self,
        hash: B256,
    ) -> Result<Option<TransactionReceipt>, SettlementError> {
        self.ask(async { self.provider.get_transaction_receipt(hash).await })
            .await
    }

    /// Calls a view at one block.
    pub(crate) async fn call<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        at: B256,
    ) -> Result<C::Return, SettlementError> {
        self.call_at(to, call, BlockId::hash(at)).await
    }

    /// Calls a view at the newest block.
    pub(crate) async fn call_latest<C: SolCall>(
        &self,
        to: Address,
        call: &C,
    ) -> Result<C::Return, SettlementError> {
        self.call_at(to, call, BlockId::latest()).await
    }

    async fn call_at<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        at: BlockId,
    ) -> Result<C::Return, SettlementError> {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_input(call.abi_encode());
        let bytes = Box::pin(self.simulate(request, at))
            .await?
            .map_err(SettlementError::from)?;
        C::abi_decode_returns(&bytes).map_err(|error| {
            let length = bytes.len();
            SettlementError::Contract(format!(
                "{} at {to} returned {length} bytes that do not fit: {error}; \
                 check the addresses of the contracts",
                C::SIGNATURE
            ))
        })
    }

    /// Runs a call without sending it. The inner error is the contract's.
    pub(crate) async fn simulate(
        &self,
        request: TransactionRequest,
        at: BlockId,
    ) -> Result<Result<Bytes, Refusal>, SettlementError> {
        let answer = self
            .ask_raw(async { self.provider.call(request).block(at).await })
            .await?;
        split_revert(answer)
    }

    /// Gas that a call would take in the next block. The inner error is the contract's.
    pub(crate) async fn estimate(
        &self,
        request: TransactionRequest,
    ) -> Result<Result<u64, Refusal>, SettlementError> {
        let pending = BlockId::pending();
        let answer = self
            .ask_raw(async { self.provider.estimate_gas(request).block(pending).await })
            .await?;
        split_revert(answer)
    }

    pub(crate) async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, SettlementError> {
        self.ask_raw(request)
            .await?
            .map_err(|error| unavailable(&error))
    }

    /// Asks within the time limit. The inner error is the node's own, not yet read.
    pub(crate) async fn ask_raw<T>(
        &self,
        request: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<Result<T, TransportError>, SettlementError> {
        within(&*self.env, self.config.request_timeout(), request).await
    }
}

impl fmt::Debug for RootClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A node's URL may hold a password or an access token.
        f.debug_struct("RootClient")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

async fn within<T>(
    env: &dyn Env,
    limit: std::time::Duration,
    work: impl Future<Output = T>,
) -> Result<T, SettlementError> {
    let work = std::pin::pin!(work);
    match select(work, env.sleep(limit)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(((), _)) => {
            let limit = limit.as_millis();
            Err(SettlementError::Unavailable(format!(
                "it did not answer within {limit} ms"
            )))
        }
    }
}

fn split_revert<T>(
    answer: Result<T, TransportError>,
) -> Result<Result<T, Refusal>, SettlementError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(RpcError::ErrorResp(payload)) => {
            // Code 3 is a revert (geth); others say it in words and may have no data.
            let reverted = payload.code == 3 || payload.message.contains("revert");
            match payload.as_revert_data() {
                Some(data) if reverted || !data.is_empty() => Ok(Err(Refusal::decode(&data))),
                None if reverted => Ok(Err(Refusal::decode(&[]))),
                _ => Err(unavailable(&RpcError::ErrorResp(payload))),
            }
        }
        Err(error) => Err(unavailable(&error)),
    }
}

/// The node's error in words. Never the request: a URL may hold an access token.
pub(super) fn unavailable(error: &TransportError) -> SettlementError {
    let text = match error {
        RpcError::ErrorResp(payload) => format!("{} (code {})", payload.message, payload.code),
        RpcError::Transport(error) => innermost(error),
        other => other.to_string(),
    };
    SettlementError::Unavailable(text.chars().take(300).collect())
}

/// What is at the bottom of an error: "connection refused" rather than "error sending request for"
/// a URL.
fn innermost(mut error: &dyn std::error::Error) -> String {
    while let Some(cause) = error.source() {
        error = cause;
    }
    let text = error.to_string();
    text.split(" for url").next().unwrap_or_default().to_owned()
}

fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}
