//! HTTP and WebSocket on one port.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use jsonrpsee::{
    RpcModule,
    server::{BatchRequestConfig, IdProvider, PingConfig, Server, ServerConfig, ServerHandle},
    types::SubscriptionId,
};

use super::{RpcError, RpcLimits, cors::Open};

/// Serves the module's methods on `listen`, an `address:port`; port 0 is any free one. Returns
/// where it listens, and the handle that stops it: dropping all its copies does, too.
pub async fn serve(
    listen: &str,
    module: RpcModule<()>,
    limits: RpcLimits,
) -> Result<(SocketAddr, ServerHandle), RpcError> {
    let unknown = |reason: String| RpcError::Address {
        listen: listen.to_owned(),
        reason,
    };
    let mut found = tokio::net::lookup_host(listen)
        .await
        .map_err(|error| unknown(error.to_string()))?;
    let address = found
        .next()
        .ok_or_else(|| unknown("no such host".to_owned()))?;
    let config = ServerConfig::builder()
        .max_request_body_size(limits.request_bytes)
        .max_response_body_size(limits.response_bytes)
        .max_connections(limits.connections)
        .max_subscriptions_per_connection(limits.subscriptions)
        .set_batch_request_config(BatchRequestConfig::Limit(limits.batch))
        // Connections that went away without a word are noticed, and their subscriptions end.
        .enable_ws_ping(PingConfig::new().ping_interval(Duration::from_secs(30)))
        .set_id_provider(HexIds)
        .build();
    let refused = |reason: std::io::Error| match reason.kind() {
        ErrorKind::AddrInUse => RpcError::PortInUse(address),
        _ => RpcError::Listen { address, reason },
    };
    let server = Server::builder()
        .set_config(config)
        .set_http_middleware(tower::ServiceBuilder::new().layer(Open))
        .build(address)
        .await
        .map_err(refused)?;
    let bound = server.local_addr().map_err(refused)?;
    Ok((bound, server.start(module)))
}

/// Subscriptions are named by quantities, as on Ethereum's nodes.
#[derive(Debug)]
struct HexIds;

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let random = jsonrpsee::server::RandomIntegerIdProvider.next_id();
        match random {
            SubscriptionId::Num(number) => SubscriptionId::Str(format!("{number:#x}").into()),
            named @ SubscriptionId::Str(_) => named,
        }
    }
}
