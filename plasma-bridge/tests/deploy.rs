//! Deployment and registration on a real node.

mod support;

use std::time::Instant;

use plasma_bridge::{
    BridgeClient, Contracts, Deployment, EvmSettlement, RootAccount, RootConfig, endow_chain,
    register_chain,
};
use plasma_core::{ChainId, Settlement as _, SettlementError, U256};
use support::{Anvil, CHAIN, TestChain, account, config, deployed, dev_signer, signer};

#[tokio::test]
async fn everything_is_in_place_after_one_call_at_any_nonce() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let chain = TestChain::new();
    for round in 0_u64..2 {
        let started = Instant::now();
        let (deployed, settlement) = deployed(&account, &chain).await;
        println!(
            "deployed in {:?}, {} gas",
            started.elapsed(),
            deployed.gas_used
        );
        // Twelve contracts, a token, four appointments, a registration, an approval and an endowment.
        let nonce = round * 20;
        assert_eq!(
            deployed.contracts,
            Contracts::predicted(account.address(), nonce)
        );
        let registered = settlement.registered().await.expect("registered");
        assert_eq!(registered.committee, chain.committee.hash());
        assert_eq!(
            registered.genesis_checkpoint,
            chain.registration().genesis.hash()
        );
        assert_eq!(
            (registered.challenge_window, registered.forced_delay),
            (60, 100)
        );
        let bridge = BridgeClient::new(account.root().clone(), deployed.contracts);
        let xpl = deployed.contracts.xpl;
        assert_eq!(bridge.escrow(CHAIN, xpl).await, Ok(U256::from(1_000)));
        let token = bridge
            .token_balance(deployed.tokens[0], account.address())
            .await;
        assert_eq!(token, Ok(U256::from(1_000_000)));
        let supply = U256::from(10_000_000_000_u64) * U256::from(10).pow(U256::from(18));
        let held = bridge
            .token_balance(xpl, account.address())
            .await
            .expect("a token");
        assert_eq!(held, supply - U256::from(1_000));
    }
}

#[tokio::test]
async fn chains_are_added_to_contracts_that_exist() {
    let anvil = Anvil::start().await;
    let account = account(&anvil).await;
    let chain = TestChain::new();
    let (deployed, settlement) = deployed(&account, &chain).await;
    anvil.mine(40).await;
    anvil.pass(1_000).await;
    let second = plasma_bridge::Registration {
        chain_id: ChainId(7),
        ..chain.registration()
    };
    let receipt = register_chain(&account, &deployed.contracts, &second)
        .await
        .expect("registered");
    let settlement_of_second =
        EvmSettlement::new(account.root().clone(), deployed.contracts, ChainId(7));
    // Nothing of a chain can be in a block before its registration.
    let origin = settlement_of_second.origin().await.expect("found");
    assert!(
        (receipt.block - 1..=receipt.block).contains(&origin.number),
        "{origin:?}"
    );
    let first = settlement.origin().await.expect("found");
    assert!(first.number <= deployed.origin.number + 18, "{first:?}");
    let xpl = deployed.contracts.xpl;
    endow_chain(
        &account,
        &deployed.contracts,
        ChainId(7),
        xpl,
        U256::from(5),
    )
    .await
    .expect("endowed");
    let bridge = BridgeClient::new(account.root().clone(), deployed.contracts);
    assert_eq!(bridge.escrow(ChainId(7), xpl).await, Ok(U256::from(5)));

    let again = register_chain(&account, &deployed.contracts, &second).await;
    assert_eq!(
        again,
        Err(SettlementError::Refused("ChainExists(chainId: 7)".into()))
    );
    let short = plasma_bridge::Registration {
        chain_id: ChainId(8),
        exit_window: 1,
        ..chain.registration()
    };
    let refused = register_chain(&account, &deployed.contracts, &short)
        .await
        .expect_err("short");
    let text = refused.to_string();
    assert!(
        text.contains("OutOfRange(parameter: exitWindow, got: 1, least: 160"),
        "{text}"
    );
}

#[tokio::test]
async fn misuse_is_answered_in_words() {
    let anvil = Anvil::start().await;
    let root = anvil.root().await;
    let poor = RootAccount::new(root.clone(), signer("poor"));
    let refused = Deployment::new(&poor)
        .deploy(&poor)
        .await
        .expect_err("no funds");
    assert!(
        matches!(refused, SettlementError::Funds { .. }),
        "{refused}"
    );

    // Addresses that hold no contract.
    let nowhere = Contracts::predicted(poor.address(), 0);
    let watcher = EvmSettlement::new(root.clone(), nowhere, CHAIN);
    let error = watcher.view().await.expect_err("nothing there");
    assert!(matches!(error, SettlementError::Contract(_)), "{error}");
    assert!(error.to_string().contains("check the addresses"), "{error}");
    let play = watcher.play(&plasma_core::Move::Settle).await;
    assert_eq!(play, Err(SettlementError::ReadOnly));

    let unknown = EvmSettlement::new(root, deployed_contracts(&anvil).await, ChainId(99));
    let error = unknown.origin().await.expect_err("not registered");
    assert_eq!(
        error,
        SettlementError::Refused("UnknownChain(chainId: 99)".into())
    );
    for url in ["ftp://127.0.0.1", "nonsense"] {
        let error = plasma_bridge::RootClient::connect(url, support::env(), RootConfig::default())
            .await
            .expect_err("no such scheme");
        assert!(error.to_string().contains("http(s)://"), "{error}");
    }
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_build_without_tls_says_so_at_once() {
    let url = "https://root.example/secret";
    let error = plasma_bridge::RootClient::connect(url, support::env(), config())
        .await
        .expect_err("no TLS");
    assert!(error.to_string().contains("feature `tls`"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn keys_and_urls_are_not_shown() {
    let anvil = Anvil::start().await;
    let account = RootAccount::new(anvil.root_with(config()).await, dev_signer());
    let shown = format!("{account:?} {:?}", account.root());
    assert!(
        !shown.to_lowercase().contains(&support::DEV_KEY[..12]),
        "{shown}"
    );
    assert!(!shown.contains("127.0.0.1"), "{shown}");
}

async fn deployed_contracts(anvil: &Anvil) -> Contracts {
    deployed(&account(anvil).await, &TestChain::new())
        .await
        .0
        .contracts
}
