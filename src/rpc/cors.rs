//! Lets pages of any origin call: wallets and dapps run in browsers, and nothing here rests on
//! cookies.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use jsonrpsee::{
    http_client::HeaderValue,
    server::{HttpBody, HttpRequest, HttpResponse},
};
use tower::{Layer, Service};

/// Answers preflights, and marks answers as open to all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open;

impl<S> Layer<S> for Open {
    type Service = OpenService<S>;

    fn layer(&self, inner: S) -> OpenService<S> {
        OpenService(inner)
    }
}

#[derive(Clone, Debug)]
pub(super) struct OpenService<S>(S);

impl<S, B> Service<HttpRequest<B>> for OpenService<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse>,
    S::Future: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<HttpResponse, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        if request.method().as_str() == "OPTIONS" {
            let mut answer = HttpResponse::new(HttpBody::empty());
            mark(&mut answer);
            return Box::pin(async move { Ok(answer) });
        }
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            mark(&mut answer);
            Ok(answer)
        })
    }
}

fn mark(answer: &mut HttpResponse) {
    let headers = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "POST, GET, OPTIONS"),
        ("access-control-allow-headers", "*"),
        ("access-control-max-age", "86400"),
    ];
    for (name, value) in headers {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
}
