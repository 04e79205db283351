//! Asking a chain's node, from the command line.

use alloy::{
    network::{EthereumWallet, TransactionBuilder as _},
    providers::{DynProvider, Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
};
use plasma_core::{Address, B256, Bytes, U256};
use serde::de::DeserializeOwned;

use super::Failure;

/// A connection to a chain's node.
pub(crate) struct ChainRpc {
    provider: DynProvider,
    url: String,
}

impl ChainRpc {
    /// Connects; with a key, transactions can be sent.
    pub(crate) fn connect(url: &str, key: Option<&B256>) -> Result<Self, Failure> {
        let parsed = url
            .parse()
            .map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let provider = match key {
            Some(key) => {
                let signer = PrivateKeySigner::from_bytes(key)
                    .map_err(|error| format!("the key is none: {error}"))?;
                ProviderBuilder::new()
                    .wallet(EthereumWallet::from(signer))
                    .connect_http(parsed)
                    .erased()
            }
            None => ProviderBuilder::new().connect_http(parsed).erased(),
        };
        Ok(Self {
            provider,
            url: url.to_owned(),
        })
    }

    /// Calls a method.
    pub(crate) async fn call<
        R: DeserializeOwned + Send + Sync + Unpin + std::fmt::Debug + 'static,
    >(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<R, Failure> {
        let asked = self.provider.raw_request(method.into(), params).await;
        asked.map_err(|error| format!("{method} at {}: {error}", self.url).into())
    }

    /// Sends a transaction and waits until it is in a block and succeeded.
    pub(crate) async fn send(
        &self,
        to: Address,
        value: U256,
        input: Bytes,
    ) -> Result<B256, Failure> {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_value(value)
            .with_input(input);
        let pending = self
            .provider
            .send_transaction(request)
            .await
            .map_err(|error| format!("{}: {error}", self.url))?;
        let hash = *pending.tx_hash();
        let receipt = pending
            .get_receipt()
            .await
            .map_err(|error| format!("{}: {error}", self.url))?;
        if receipt.status() {
            Ok(hash)
        } else {
            Err(format!("transaction {hash} failed").into())
        }
    }
}
