//! Restarts with data that is behind, or gone: what the sequencer certified stands, and the rest is made again.

use std::{fs, path::Path, sync::Arc, time::Duration};

use alloy::{
    network::TransactionBuilder as _,
    providers::{Provider as _, ProviderBuilder},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
};
use plasma_bridge::{BridgeClient, RootAccount};
use plasma_core::{Address, B256, Bytes, ChainId, Height, TokioEnv, U256};
use plasma_sdk::devnet::{DevAccount, Devnet, DevnetConfig};

async fn start(data: &Path) -> Devnet {
    let config = DevnetConfig {
        data: Some(data.to_owned()),
        block_time: Duration::from_millis(10),
        challenge_window: 600,
        root_port: 0,
        chain_port: 0,
        ..DevnetConfig::default()
    };
    Devnet::launch(config, Arc::new(TokioEnv))
        .await
        .expect("a devnet")
}

/// Waits until `ready` holds, and says in what state it never did.
async fn until(devnet: &Devnet, what: &str, ready: impl Fn(&Devnet) -> bool) {
    for _ in 0..3_000 {
        if ready(devnet) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let chain = &devnet.chains[0];
    let (head, troubles) = (chain.chain().head().height(), chain.health().troubles());
    panic!("{what}: the head is {head}, in the way are {troubles:?}");
}

/// A deposit, whose block no node can execute before it knows the root's inbox.
async fn deposit(devnet: &Devnet) {
    let root = devnet.handle.client.clone();
    let client = BridgeClient::new(root.clone(), devnet.handle.contracts)
        .with_account(RootAccount::new(root, DevAccount::at(0).signer()));
    let (to, amount) = (Address::repeat_byte(7), U256::ONE);
    client
        .deposit_erc20(
            ChainId(4242),
            devnet.handle.contracts.xpl,
            to,
            amount,
            Bytes::new(),
        )
        .await
        .expect("a deposit");
}

async fn transfer(devnet: &Devnet) {
    let signer = PrivateKeySigner::from_bytes(&DevAccount::at(1).private_key).expect("a key");
    let provider = ProviderBuilder::new()
        .wallet(signer)
        .connect_http(devnet.chains[0].rpc_url().parse().expect("a URL"));
    let request = TransactionRequest::default()
        .with_to(Address::repeat_byte(9))
        .with_value(U256::ONE);
    let sent = provider.send_transaction(request).await.expect("taken");
    assert!(sent.get_receipt().await.expect("a receipt").status());
}

fn hashes(devnet: &Devnet) -> Vec<B256> {
    let chain = devnet.chains[0].chain();
    (0..=chain.head().height().0)
        .map(|height| chain.block(Height(height)).expect("a block").hash)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_were_certified_stand_whatever_else_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let devnet = start(data).await;
    for _ in 0..3 {
        let before = devnet.chains[0].chain().stages().published;
        deposit(&devnet).await;
        transfer(&devnet).await;
        until(&devnet, "publication", |devnet| {
            devnet.chains[0].chain().stages().published > before
        })
        .await;
    }
    // Certified, and shown to a user, but not published when the node stops.
    transfer(&devnet).await;
    let acknowledged = hashes(&devnet);
    devnet.stop().await.expect("it stops");

    for lost in ["ledger.redb", "state"] {
        let path = data.join("chain-4242").join(lost);
        if path.is_dir() {
            fs::remove_dir_all(&path).expect("removed");
        } else {
            fs::remove_file(&path).expect("removed");
        }
        let devnet = start(data).await;
        until(&devnet, lost, |devnet| {
            devnet.chains[0].chain().head().height().0 + 1 >= acknowledged.len() as u64
        })
        .await;
        let recovered = hashes(&devnet);
        assert_eq!(
            recovered[..acknowledged.len()],
            acknowledged,
            "without {lost}"
        );
        deposit(&devnet).await;
        let messages = devnet.chains[0].chain().head().block.header.messages;
        until(&devnet, "a block after it", |devnet| {
            devnet.chains[0].chain().head().block.header.messages > messages
        })
        .await;
        devnet.stop().await.expect("it stops");
    }
}
