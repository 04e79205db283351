use std::{
    sync::Arc,
    task::{Context, Poll},
};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket, SerializedRequest},
    transports::{TransportError, TransportErrorKind, TransportFut, http::Http, http::reqwest},
};
use serde_json::{Value, json};
use tower::Service;

/// What a node answers: given the request, and asked with the true answer.
type Rule = dyn Fn(&SerializedRequest, &mut Value) + Send + Sync;

/// A node that lies, refuses or forgets, as its rule says.
#[derive(Clone)]
pub struct Tamper {
    inner: Http<reqwest::Client>,
    rule: Arc<Rule>,
}

impl Tamper {
    /// The rule may change the whole JSON-RPC response; made null, it never arrives.
    pub fn new(
        inner: Http<reqwest::Client>,
        rule: impl Fn(&SerializedRequest, &mut Value) + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            rule: Arc::new(rule),
        }
    }
}

/// A JSON-RPC error in place of an answer.
pub fn response(code: i64, message: &str, answer: &mut Value) {
    let id = answer["id"].clone();
    *answer = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
}

impl Service<RequestPacket> for Tamper {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let (mut inner, rule) = (self.inner.clone(), Arc::clone(&self.rule));
        Box::pin(async move {
            let request = packet.as_single().cloned().expect("we send no batches");
            let ResponsePacket::Single(answer) = inner.call(packet).await? else {
                panic!("one question, one answer");
            };
            let mut answer = serde_json::to_value(&answer).expect("JSON");
            rule(&request, &mut answer);
            if answer.is_null() {
                return Err(TransportErrorKind::custom_str("connection lost"));
            }
            Ok(ResponsePacket::Single(
                serde_json::from_value(answer).expect("a response"),
            ))
        })
    }
}
