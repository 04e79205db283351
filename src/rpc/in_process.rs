//! alloy's transport to a node in the same process.

use std::task::{Context, Poll};

use alloy::{
    rpc::json_rpc::{RequestPacket, Response, ResponsePacket, SerializedRequest},
    transports::{TransportError, TransportFut},
};
use jsonrpsee::Methods;
use tower::Service;

/// Calls the methods of a module directly: the same answers as over HTTP, without a socket.
///
/// ```text
///   ProviderBuilder::new().connect_client(RpcClient::new(InProcess::new(module), true))
/// ```
/// Subscriptions need a connection, and have none here: poll instead.
#[derive(Clone, Debug)]
pub struct InProcess {
    methods: Methods,
}

impl InProcess {
    /// The methods of this module.
    pub fn new(module: impl Into<Methods>) -> Self {
        Self {
            methods: module.into(),
        }
    }

    async fn answer(&self, request: SerializedRequest) -> Result<Response, TransportError> {
        let text = request.serialized().get();
        // One message is the answer; there is nobody to read more.
        let (answer, _) = self
            .methods
            .raw_json_request(text, 1)
            .await
            .map_err(TransportError::ser_err)?;
        serde_json::from_str(answer.get())
            .map_err(|error| TransportError::deser_err(error, answer.get()))
    }
}

impl Service<RequestPacket> for InProcess {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            match packet {
                RequestPacket::Single(request) => {
                    this.answer(request).await.map(ResponsePacket::Single)
                }
                RequestPacket::Batch(requests) => {
                    let mut answers = Vec::with_capacity(requests.len());
                    for request in requests {
                        answers.push(this.answer(request).await?);
                    }
                    Ok(ResponsePacket::Batch(answers))
                }
            }
        })
    }
}
