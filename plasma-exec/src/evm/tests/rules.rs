//! What holds for a block: precompiles, what contracts see of it, its gas, its fees.

use alloc::{format, vec};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use alloy_sol_types::SolValue;
use plasma_core::Step;

use super::*;
use crate::evm::predeploys::HISTORY;

#[test]
fn precompiles_answer() {
    let chain = Chain::new();
    let at = |number: u16| Address::left_padding_from(&number.to_be_bytes());
    // SHA-256, RIPEMD-160, identity of nothing and of "abc".
    assert_eq!(
        chain.ask(at(2), *b"abc").output,
        Bytes::from(hex!(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        ))
    );
    assert_eq!(
        chain.ask(at(3), *b"abc").output,
        Bytes::from(hex!(
            "0000000000000000000000008eb208f7e05d987a9b044a8e98c6b087f15a0bfc"
        ))
    );
    assert_eq!(chain.ask(at(4), *b"abc").output, Bytes::from_static(b"abc"));
    // ecrecover
    let digest = keccak256(b"digest");
    let signature = signer(4).sign(digest);
    let input = (digest, U256::from(signature.v), signature.r, signature.s).abi_encode();
    assert_eq!(
        chain.ask(at(1), input).output,
        Bytes::from(user(4).into_word().0)
    );
    // 3 ** 5 mod 7
    let words = [1_u64, 1, 1]
        .map(|n| U256::from(n).to_be_bytes::<32>())
        .concat();
    assert_eq!(
        chain.ask(at(5), [&words[..], &[3, 5, 7]].concat()).output,
        Bytes::from_static(&[5])
    );
    // bn254: 0 + 0, 0 * 0, and the empty pairing.
    assert_eq!(chain.ask(at(6), []).output, Bytes::from(vec![0; 64]));
    assert_eq!(chain.ask(at(7), []).output, Bytes::from(vec![0; 64]));
    assert_eq!(
        chain.ask(at(8), []).output,
        Bytes::from(U256::from(1).to_be_bytes::<32>())
    );
    // BLAKE2 F with zero rounds: 213 bytes in, 64 out.
    assert_eq!(chain.ask(at(9), vec![0; 213]).output.len(), 64);
    // Point evaluation of the zero polynomial: commitment and proof are the point at infinity.
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    let mut hash = plasma_core::sha256(&infinity);
    hash.0[0] = 1;
    let input = [hash.as_slice(), &[0; 64], &infinity, &infinity].concat();
    let answer = [
        U256::from(4_096).to_be_bytes::<32>(),
        hex!("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001"),
    ]
    .concat();
    assert_eq!(chain.ask(at(10), input.clone()).output, Bytes::from(answer));
    let mut wrong = input;
    wrong[95] = 1;
    assert!(!chain.ask(at(10), wrong).success);
    // BLS12-381: 0 + 0 in G1 and G2.
    assert_eq!(
        chain.ask(at(0x0b), vec![0; 256]).output,
        Bytes::from(vec![0; 128])
    );
    assert_eq!(
        chain.ask(at(0x0d), vec![0; 512]).output,
        Bytes::from(vec![0; 256])
    );
    // secp256r1 (the first vector of EIP-7951's tests), and a bit of it turned.
    let vector = hex!(
        "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4da73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d604aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff37618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
    );
    assert_eq!(
        chain.ask(at(0x100), vector).output,
        Bytes::from(U256::from(1).to_be_bytes::<32>())
    );
    let mut turned = vector;
    turned[0] ^= 1;
    assert_eq!(chain.ask(at(0x100), turned).output, Bytes::new());
}

#[test]
fn contracts_see_the_block_that_they_are_in() {
    let mut chain = Chain::new();
    // Opcode, MSTORE at 0, RETURN 32 bytes.
    let see = |opcode: &str| {
        let code = format!("{opcode}5f5260205ff3");
        hex::decode(code).expect("hexadecimal")
    };
    let mut parents = vec![chain.block.parent];
    for _ in 0..300 {
        chain.block([]);
        parents.push(chain.block.parent);
    }
    let height = chain.block.height.0;
    assert_eq!(height, 301);
    let mut word = |opcode: &str| {
        let contract = chain.deploy(&see(opcode));
        let height = chain.block.height.0;
        let outcome = chain.ask(contract, []);
        assert!(outcome.success, "{opcode}: {outcome:?}");
        parents.push(chain.block.parent);
        (
            U256::from_be_slice(&outcome.output),
            height,
            parents.clone(),
            chain.block.clone(),
        )
    };
    let (number, height, ..) = word("43");
    assert_eq!(number, U256::from(height));
    let (time, .., block) = word("42");
    assert_eq!(time, U256::from(block.timestamp.0 / 1_000));
    assert_eq!(word("46").0, U256::from(CHAIN.0));
    assert_eq!(word("41").0, U256::from_be_slice(PROPOSER.as_slice()));
    assert_eq!(word("45").0, U256::from(60_000_000));
    assert_eq!(word("4a").0, U256::from(1), "BLOBBASEFEE");
    assert_eq!(word("48").0, U256::ZERO + U256::from(7_u64), "BASEFEE");
    let (random, height, _, block) = word("44");
    let seed = [block.parent.0, B256::from(U256::from(height)).0].concat();
    assert_eq!(random, U256::from_be_bytes(keccak256(seed).0));
    // BLOCKHASH of 1, 2, 256 and 257 blocks before.
    for distance in [1_u64, 2, 255, 256, 257] {
        // PUSH2 distance, NUMBER, SUB, BLOCKHASH
        let (hash, height, parents, _) = word(&format!("61{distance:04x}430340"));
        let expected = match distance {
            257 => U256::ZERO,
            _ => parents[(height - distance) as usize].into(),
        };
        assert_eq!(hash, expected, "{distance} before {height}");
    }
    // The history contract knows older ones (EIP-2935).
    let asked = chain.ask(HISTORY, U256::from(3).to_be_bytes::<32>());
    assert_eq!(asked.output, Bytes::from(parents[3].0));
}

#[test]
fn a_block_takes_no_more_than_its_gas() {
    let mut chain = Chain::with(&EvmGenesis {
        gas_limit: 1_000_000,
        ..Chain::config()
    });
    let to: TxKind = Address::repeat_byte(0xaa).into();
    let of = |number: u8, nonce: u64, gas_limit: u64| {
        sign(
            number,
            TxEip1559 {
                gas_limit,
                ..ordinary(nonce, to, U256::from(1), [])
            },
        )
    };
    // What counts is what is used, not what is asked for; but all that is asked for must fit.
    let receipts = chain.transactions([
        of(0, 0, 1_000_000),
        of(1, 0, 1_000_000),
        of(1, 0, 979_000),
        of(2, 0, 958_001),
        of(2, 0, 1_000_001),
    ]);
    let done: Vec<bool> = receipts.iter().map(Receipt::succeeded).collect();
    assert_eq!(done, [true, false, true, false, false]);
    assert_eq!(
        receipts[1].reason,
        "gas limit 1000000 is outside 21000 to 979000"
    );
    assert_eq!(
        receipts[3].reason,
        "gas limit 958001 is outside 21000 to 958000"
    );
    // The next block starts anew.
    assert!(chain.transactions([of(2, 0, 1_000_000)])[0].succeeded());
}

#[test]
fn the_base_fee_follows_use() {
    let mut chain = Chain::with(&EvmGenesis {
        gas_limit: 3_000_000,
        ..Chain::config()
    });
    let endless = chain.deploy(&hex!("5b5f56"));
    let quiet = chain.base_fee();
    assert!(quiet < GWEI);
    let burn = TxEip1559 {
        gas_limit: 3_000_000,
        ..ordinary(1, endless.into(), U256::ZERO, [])
    };
    chain.transactions([sign(0, burn)]);
    assert_eq!(chain.base_fee(), quiet + quiet / 8);
    chain.block([]);
    let after = quiet + quiet / 8;
    assert_eq!(chain.base_fee(), after - after / 8);
    // Nobody comes: time does what empty blocks would do.
    chain.block.timestamp.0 += 3_600_000;
    assert_eq!(chain.base_fee(), 7);
    let receipt = chain.send(0, user(1).into(), U256::ZERO, []);
    assert_eq!(receipt.gas_price, GWEI + 7);
}

#[test]
fn touched_and_empty_is_removed() {
    let mut chain = Chain::new();
    let nobody = Address::repeat_byte(0xdd);
    chain.send(0, nobody.into(), U256::ZERO, []);
    let entries = chain.state.entries().len();
    chain.send(0, nobody.into(), U256::ZERO, []);
    assert_eq!(chain.state.entries().len(), entries + /* history */ 1);
    // A step alone writes what changed and nothing else.
    let mut state = chain.state.clone();
    chain
        .execution
        .apply(&mut state, &chain.block, &Step::Transaction(Bytes::new()));
    assert_eq!(state, chain.state);
}
