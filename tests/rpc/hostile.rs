//! What is malformed, unknown or too large.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{BOB, Options, start};

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parameters_are_named() {
    let harness = start(Options::evm());
    let cases = [
        ("eth_nonsense", json!([]), -32_601, "Method not found"),
        (
            "eth_getBalance",
            json!([]),
            -32_602,
            "missing value for required argument 0 (address)",
        ),
        (
            "eth_getBalance",
            json!(["0x12"]),
            -32_602,
            "invalid argument 0 (address)",
        ),
        (
            "eth_getBalance",
            json!([BOB, "yesterday"]),
            -32_602,
            "invalid argument 1 (block)",
        ),
        (
            "eth_getBalance",
            json!([BOB, "0x99"]),
            -32_001,
            "header not found",
        ),
        (
            "eth_getBalance",
            json!([BOB, { "blockHash": "0x12" }]),
            -32_602,
            "invalid argument 1 (block)",
        ),
        (
            "eth_getBalance",
            json!([BOB, "latest", 1]),
            -32_602,
            "too many arguments",
        ),
        (
            "eth_getBalance",
            json!({ "address": BOB }),
            -32_602,
            "invalid params: give them as an array",
        ),
        ("eth_chainId", json!([1]), -32_602, "too many arguments"),
        (
            "eth_getBlockByNumber",
            json!([true, false]),
            -32_602,
            "invalid argument 0 (block)",
        ),
        (
            "eth_getBlockByNumber",
            json!(["latest", "full"]),
            -32_602,
            "invalid argument 1 (full transactions)",
        ),
        (
            "eth_getTransactionReceipt",
            json!(["0x1234"]),
            -32_602,
            "invalid argument 0 (transaction hash)",
        ),
        (
            "eth_call",
            json!([[]]),
            -32_602,
            "invalid argument 0 (transaction)",
        ),
        (
            "eth_call",
            json!([{ "to": BOB, "data": "0x1", }]),
            -32_602,
            "invalid argument 0 (transaction)",
        ),
        (
            "eth_call",
            json!([{ "to": BOB, "chainId": "0x1" }]),
            -32_602,
            "chainId does not match",
        ),
        (
            "eth_call",
            json!([{ "to": BOB, "data": "0x01", "input": "0x02" }]),
            -32_602,
            "",
        ),
        (
            "eth_sendRawTransaction",
            json!(["no hex"]),
            -32_602,
            "invalid argument 0 (transaction)",
        ),
        (
            "eth_sendRawTransaction",
            json!([7]),
            -32_602,
            "invalid argument 0 (transaction)",
        ),
        (
            "eth_getProof",
            json!([BOB, vec!["0x1"; 1_025]]),
            -32_005,
            "1025 slots are over the limit",
        ),
        (
            "eth_getStorageAt",
            json!([BOB, "x"]),
            -32_602,
            "invalid argument 1 (slot)",
        ),
        (
            "plasma_query",
            json!(["bank"]),
            -32_602,
            "missing value for required argument 1 (input)",
        ),
        (
            "plasma_block",
            json!(["x"]),
            -32_602,
            "invalid argument 0 (block)",
        ),
        (
            "plasma_finality",
            json!([{}]),
            -32_602,
            "invalid argument 0 (hash or height)",
        ),
        (
            "plasma_outboxProof",
            json!(["0x1"]),
            -32_602,
            "invalid argument 0",
        ),
    ];
    for (method, params, code, opening) in cases {
        let (got, text) = harness.refusal(method, params.clone()).await;
        assert!(
            got == code && text.starts_with(opening),
            "{method} {params}: {got} {text}"
        );
    }
}

/// Sends a body as it is; status, headers and body of the answer.
async fn post(address: std::net::SocketAddr, verb: &str, body: &[u8]) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let head = format!(
        "{verb} / HTTP/1.1\r\nhost: x\r\norigin: https://dapp.example\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("writes");
    // A server that refuses by the length alone may close before all is sent.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    (status, head.to_lowercase(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_requests_are_refused() {
    let mut options = Options::evm();
    (options.limits.request_bytes, options.limits.batch) = (300 * 1024, 3);
    let harness = start(options);
    let (address, _server) = harness.serve().await;
    let request =
        |id: u64| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_chainId", "params": [] });
    let batch = |count: u64| {
        json!((0..count).map(request).collect::<Vec<_>>())
            .to_string()
            .into_bytes()
    };
    let long = json!({ "jsonrpc": "2.0", "id": 1, "method": "web3_sha3", "params": ["0x".to_owned() + &"00".repeat(160_000)] });
    let fits = json!({ "jsonrpc": "2.0", "id": 1, "method": "web3_sha3", "params": ["0x".to_owned() + &"00".repeat(128 * 1024)] });
    let cases = [
        (b"{".to_vec(), "-32700"),
        (b"".to_vec(), "-32700"),
        (b"\xff\xfe".to_vec(), "-32700"),
        (b"{}".to_vec(), "-32700"),
        (b"[]".to_vec(), "-32600"),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}".to_vec(),
            "-32600",
        ),
        (batch(3), "0x1092"),
        (batch(4), "-32010"),
        (fits.to_string().into_bytes(), "0x"),
        (long.to_string().into_bytes(), "-32007"),
        ("[".repeat(100_000).into_bytes(), "-32700"),
    ];
    for (body, expected) in cases {
        let (status, _, answer) = post(address, "POST", &body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert!(answer.contains(expected), "{shown}: {status} {answer}");
    }
    // Nothing of that hurt it.
    let (status, _, answer) = post(address, "POST", request(1).to_string().as_bytes()).await;
    assert!(
        status == 200 && answer.contains("\"0x1092\""),
        "{status} {answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_origin_may_call() {
    let harness = start(Options::evm());
    let (address, _server) = harness.serve().await;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_chainId" }).to_string();
    for (verb, body) in [("OPTIONS", ""), ("POST", request.as_str())] {
        let (status, head, _) = post(address, verb, body.as_bytes()).await;
        assert!(
            status == 200 && head.contains("access-control-allow-origin: *"),
            "{verb}: {head}"
        );
        assert!(
            head.contains("access-control-allow-headers: "),
            "{verb}: {head}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let harness = start(Options::evm());
    let (address, _server) = harness.serve().await;
    let serve = async |listen: &str| {
        plasma_sdk::rpc::serve(listen, harness.module.clone(), harness.limits).await
    };
    let error = serve(&address.to_string())
        .await
        .expect_err("in use")
        .to_string();
    assert!(
        error.contains(&format!("port {} of 127.0.0.1 is in use", address.port())),
        "{error}"
    );
    let error = serve("nonsense").await.expect_err("no address").to_string();
    assert!(error.contains("write it as address:port"), "{error}");
}
