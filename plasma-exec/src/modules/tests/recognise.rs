//! What is remembered of a transaction vouches for its very bytes, on its chain, and for nothing else.

use alloc::vec::Vec;

use alloy_consensus::TxEip1559;
use alloy_primitives::{B256, Bytes, U256};
use plasma_core::{BlockContext, Ed25519Signer, Execution, Step};

use super::chain::*;
use crate::{Bank, IBank, Interface, XPL};

fn transactions() -> Vec<Bytes> {
    let bank_module = Interface::of(&Bank);
    let transfer = IBank::transferCall {
        asset: XPL,
        to: who(1),
        amount: U256::from(5),
    };
    let call = native(&bank_module, 1, &transfer);
    let ed25519 = Ed25519Signer::from_bytes(&B256::repeat_byte(9));
    let mut all: Vec<Bytes> = [
        call.sign(&signer(0), CHAIN, GENESIS),
        call.sign(&ed25519, CHAIN, GENESIS),
    ]
    .map(|signed| signed.expect("the bank has it").to_bytes())
    .into();
    all.push(sign(
        &signer(0),
        TxEip1559 {
            value: U256::from(5),
            ..to(who(1))
        },
    ));
    all
}

#[test]
fn what_was_seen_before_is_answered_as_what_was_not() {
    for bytes in transactions() {
        let (warm, cold) = (Chain::new(), Chain::new());
        let first = warm.admit(&bytes);
        let view = warm.runtime.view(&warm.block, &bytes);
        assert_eq!(warm.runtime.known.count(), 1);
        assert_eq!(warm.admit(&bytes), first);
        assert_eq!(warm.runtime.view(&warm.block, &bytes), view);
        assert_eq!(cold.runtime.view(&cold.block, &bytes), view);
        let step = Step::Transaction(bytes);
        let run = |mut chain: Chain| (chain.step(&step), chain.state);
        assert_eq!(run(warm), run(cold));
    }
}

#[test]
fn other_bytes_and_other_chains_are_looked_at_anew() {
    for bytes in transactions() {
        let (warm, cold) = (Chain::new(), Chain::new());
        let good = warm.admit(&bytes);
        let elsewhere = |genesis, chain_id| BlockContext {
            genesis,
            chain_id,
            ..warm.block.clone()
        };
        for block in [
            elsewhere(B256::repeat_byte(7), CHAIN),
            elsewhere(GENESIS, plasma_core::ChainId(CHAIN.0 + 1)),
        ] {
            let on = |chain: &Chain| chain.runtime.admit(&chain.state, &block, &bytes);
            assert_eq!(on(&warm), on(&cold));
            assert_eq!(
                warm.runtime.view(&block, &bytes),
                cold.runtime.view(&block, &bytes)
            );
        }
        // Twice: what was made known of them meanwhile is right, too.
        for _ in 0..2 {
            for at in 0..bytes.len() {
                let mut other = bytes.to_vec();
                other[at] ^= 1;
                assert_eq!(warm.admit(&other), cold.admit(&other), "byte {at}");
            }
        }
        assert_eq!(warm.admit(&bytes), good);
    }
}
