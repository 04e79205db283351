use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use alloy::{
    providers::Provider as _,
    rpc::{
        client::RpcClient,
        json_rpc::{RpcRecv, RpcSend},
    },
    transports::http::Http,
};
use plasma_bridge::{RootClient, RootConfig};

use super::{config, env};

/// A running anvil; killed when dropped.
pub struct Anvil {
    child: Child,
    port: u16,
    arguments: Vec<String>,
}

impl Anvil {
    /// Mines each transaction at once.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(arguments: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| (*argument).into())
            .collect();
        let child = spawn(port, &arguments);
        let anvil = Self {
            child,
            port,
            arguments,
        };
        anvil.ready().await;
        anvil
    }

    /// Ends it as a crash would, state saved by `--state` aside.
    pub async fn stop(&mut self) {
        // anvil writes its state when it is asked to end, not when it is killed.
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "kill -TERM {pid}"
        );
        for _ in 0..200 {
            if self.child.try_wait().expect("our child").is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("anvil did not end");
    }

    /// Starts it again, on the same port.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.arguments);
        self.ready().await;
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub async fn root(&self) -> RootClient {
        self.root_with(config()).await
    }

    pub async fn root_with(&self, config: RootConfig) -> RootClient {
        RootClient::connect(&self.url(), env(), config)
            .await
            .expect("a URL")
    }

    /// The plain transport, to put something in between.
    pub fn transport(&self) -> Http<alloy::transports::http::reqwest::Client> {
        Http::new(self.url().parse().expect("a URL"))
    }

    pub async fn ask<R: RpcRecv>(&self, method: &'static str, params: impl RpcSend) -> R {
        RpcClient::new(self.transport(), true)
            .request(method, params)
            .await
            .expect(method)
    }

    /// Mines empty blocks.
    pub async fn mine(&self, blocks: u64) {
        let _: serde_json::Value = self.ask("anvil_mine", (format!("{blocks:#x}"),)).await;
    }

    /// Moves the clock, and mines a block there.
    pub async fn pass(&self, seconds: u64) {
        let _: serde_json::Value = self.ask("evm_increaseTime", (seconds,)).await;
        self.mine(1).await;
    }

    pub async fn height(&self) -> u64 {
        self.root()
            .await
            .provider()
            .get_block_number()
            .await
            .expect("a number")
    }

    async fn ready(&self) {
        let root = self.root().await;
        for _ in 0..400 {
            if root.chain_id().await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("anvil did not answer at {}", self.url());
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, arguments: &[String]) -> Child {
    let binary = binary();
    Command::new(&binary)
        .args(["--port", &port.to_string(), "--silent"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", binary.display()))
}

/// `PLASMA_ANVIL`, or the binary inside the pinned npm package.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PLASMA_ANVIL") {
        return path.into();
    }
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts/node_modules/@foundry-rs");
    let packages = std::fs::read_dir(&modules).into_iter().flatten().flatten();
    let found = packages
        .filter(|package| package.file_name().to_string_lossy().starts_with("anvil-"))
        .map(|package| package.path().join("bin/anvil"))
        .find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!(
            "this test needs anvil, and there is none in {}: run `cargo xtask contracts` (or \
             `npm ci` in plasma-bridge/contracts), or set PLASMA_ANVIL to the binary",
            modules.display()
        )
    })
}
