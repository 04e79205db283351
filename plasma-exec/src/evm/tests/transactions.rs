//! What transactions do.

use alloc::{format, vec, vec::Vec};

use alloy_consensus::{TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address, hex, keccak256};
use alloy_sol_types::{SolCall, SolEvent, SolValue, sol};
use plasma_core::{Status, Step};

use super::*;

sol! {
    function transfer(address to, uint256 amount) returns (bool);
    function balanceOf(address account) returns (uint256);
    event Transfer(address indexed from, address indexed to, uint256 value);
}

pub(super) const TEST_TOKEN: &str =
    include_str!("../../../../plasma-bridge/contracts/artifacts/TestToken.json");

#[test]
fn a_transfer_moves_value_burns_the_base_fee_and_tips_the_proposer() {
    let mut chain = Chain::new();
    let (to, base_fee) = (Address::repeat_byte(0xaa), chain.base_fee());
    assert_eq!(base_fee, GWEI);
    let receipt = chain.send(0, to.into(), ether(3), []);
    assert_eq!(
        (receipt.status, receipt.gas_used.0),
        (Status::Success, 21_000)
    );
    assert_eq!(receipt.gas_price, base_fee + GWEI);
    let fee = U256::from(21_000 * receipt.gas_price);
    assert_eq!(chain.balance(to), ether(3));
    assert_eq!(chain.balance(user(0)), ether(997) - fee);
    assert_eq!(chain.balance(PROPOSER), U256::from(21_000 * GWEI));
    assert_eq!(chain.nonce(user(0)), 1);
}

#[test]
fn every_kind_of_transaction_is_executed() {
    let mut chain = Chain::new();
    let (to, target) = (Address::repeat_byte(0xaa), Address::repeat_byte(0xbb));
    let legacy = TxLegacy {
        chain_id: Some(CHAIN.0),
        gas_price: 5 * GWEI,
        gas_limit: 21_000,
        to: to.into(),
        value: U256::from(1),
        ..TxLegacy::default()
    };
    let item = AccessListItem {
        address: target,
        storage_keys: vec![B256::ZERO, B256::ZERO],
    };
    let listed = TxEip2930 {
        chain_id: CHAIN.0,
        nonce: 1,
        gas_price: 5 * GWEI,
        gas_limit: 50_000,
        to: to.into(),
        value: U256::from(2),
        access_list: AccessList(vec![item]),
        ..TxEip2930::default()
    };
    let ordinary = ordinary(2, to.into(), U256::from(4), []);
    let receipts = chain.transactions([sign(0, legacy), sign(0, listed), sign(0, ordinary)]);
    let seen: Vec<_> = receipts
        .iter()
        .map(|r| (r.status, r.gas_used.0, r.gas_price))
        .collect();
    let expected = [
        (Status::Success, 21_000, 5 * GWEI),
        (Status::Success, 21_000 + 2_400 + 2 * 1_900, 5 * GWEI),
        (Status::Success, 21_000, 2 * GWEI),
    ];
    assert_eq!(seen, expected);
    assert_eq!(chain.balance(to), U256::from(7));
}

#[test]
fn what_cannot_be_executed_has_no_effect_and_says_why() {
    let mut chain = Chain::new();
    let to: TxKind = Address::repeat_byte(0xaa).into();
    let good = || ordinary(0, to, U256::ZERO, []);
    let mut foreign = good();
    foreign.chain_id = 1;
    let mut cheap = good();
    (cheap.max_fee_per_gas, cheap.max_priority_fee_per_gas) = (7, 7);
    let mut upside_down = good();
    upside_down.max_priority_fee_per_gas = upside_down.max_fee_per_gas + 1;
    let mut starved = good();
    starved.gas_limit = 20_999;
    let mut over_cap = good();
    over_cap.gas_limit = (1 << 24) + 1;
    let mut absurd = good();
    (absurd.max_fee_per_gas, absurd.gas_limit) = (u128::MAX, 1 << 24);
    let zeros_floor = {
        // 1,000 bytes other than zero: 16 gas each, but 40 at the least (EIP-7623).
        let mut transaction = ordinary(0, to, U256::ZERO, vec![1; 1_000]);
        transaction.gas_limit = 40_000;
        transaction
    };
    let unprotected = TxLegacy {
        to,
        gas_limit: 21_000,
        ..TxLegacy::default()
    };
    let nobody = TxEip7702 {
        chain_id: CHAIN.0,
        gas_limit: 100_000,
        max_fee_per_gas: 100 * GWEI,
        to: Address::ZERO,
        ..TxEip7702::default()
    };
    let mut high_s = sign(0, good()).to_vec();
    let last = high_s.len();
    high_s[last - 32..].fill(0xff);
    let cases: Vec<(Bytes, &str)> = vec![
        (sign(0, foreign), "wrong chain id 1; this chain is 77"),
        (sign(0, unprotected), "wrong chain id 0; this chain is 77"),
        (
            sign(0, ordinary(1, to, U256::ZERO, [])),
            "nonce too high: 1",
        ),
        (sign(0, ordinary(u64::MAX, to, U256::ZERO, [])), "EIP-2681"),
        (
            sign(0, cheap),
            "max fee per gas 7 wei is less than the block base fee of 1000000000 wei",
        ),
        (sign(0, upside_down), "priority fee"),
        (
            sign(0, starved),
            "gas limit 20999 is outside 21000 to 16777216",
        ),
        (
            sign(0, over_cap),
            "gas limit 16777217 is outside 21000 to 16777216",
        ),
        (sign(0, zeros_floor), "gas limit 40000 is outside 61000"),
        (sign(0, absurd), "more than there can be"),
        (
            sign(0, ordinary(0, to, ether(1_000), [])),
            "insufficient funds",
        ),
        (sign(99, good()), "insufficient funds"),
        (
            sign(0, ordinary(0, TxKind::Create, U256::ZERO, vec![0; 49_153])),
            "EIP-3860",
        ),
        (sign(0, nobody), "EIP-7702"),
        (high_s.into(), "invalid signature"),
        (Bytes::new(), "malformed"),
        (Bytes::from_static(&[3, 0xc0]), "blobs"),
        (Bytes::from_static(&[0x70, 1, 2, 3]), "0x70"),
        (vec![2; 200_000].into(), "over the limit"),
    ];
    for (bytes, reason) in &cases {
        let (state, block) = (chain.state.clone(), chain.block.clone());
        let admission = chain.execution.admit(&state, &block, bytes);
        if !reason.contains("nonce too high") {
            let said = format!("{}", admission.expect_err("not to be admitted"));
            assert!(
                said.contains(reason),
                "admission: {said:?} does not say {reason:?}"
            );
        }
        let receipt = chain.transactions([bytes.clone()]).remove(0);
        assert_eq!(receipt.status, Status::Invalid, "{reason}");
        assert!(
            receipt.reason.contains(reason),
            "{:?} does not say {reason:?}",
            receipt.reason
        );
        assert!(receipt.reason.len() < 400);
        let untouched = (
            chain.balance(user(0)),
            chain.nonce(user(0)),
            chain.balance(PROPOSER),
        );
        assert_eq!(untouched, (ether(1_000), 0, U256::ZERO));
        (chain.state, chain.block) = (state, block);
    }
}

#[test]
fn nonces_are_used_one_after_the_other() {
    let mut chain = Chain::new();
    let to = Address::repeat_byte(0xaa);
    let nonces = [0, 0, 2, 1, 2, 1];
    let bytes = nonces.map(|nonce| sign(0, ordinary(nonce, to.into(), U256::from(1), [])));
    let receipts = chain.transactions(bytes);
    let done: Vec<bool> = receipts.iter().map(Receipt::succeeded).collect();
    assert_eq!(done, [true, false, false, true, true, false]);
    assert!(
        receipts[1].reason.contains("nonce too low: 0"),
        "{}",
        receipts[1].reason
    );
    assert_eq!(chain.balance(to), U256::from(3));
}

#[test]
fn a_token_is_deployed_and_used() {
    let mut chain = Chain::new();
    let supply = U256::from(1_000);
    let code = [
        artifact(TEST_TOKEN),
        ("Gold", "GLD", U256::from(6), supply).abi_encode_params(),
    ]
    .concat();
    let receipt = chain.send(0, TxKind::Create, U256::ZERO, code);
    assert!(receipt.succeeded(), "{receipt:?}");
    let token = receipt.created.expect("a contract");
    assert_eq!(token, user(0).create(0));
    assert_eq!(chain.code(token), receipt.output);

    let (to, amount) = (user(5), U256::from(40));
    let receipt = chain.call(0, token, transferCall { to, amount }.abi_encode());
    assert!(receipt.succeeded(), "{receipt:?}");
    assert_eq!(receipt.logs.len(), 1);
    let log = &receipt.logs[0];
    let event = Transfer::decode_raw_log(log.topics.iter().copied(), &log.data).expect("an event");
    assert_eq!(
        (log.address, event.from, event.to, event.value),
        (token, user(0), to, amount)
    );

    let held = |account| {
        let outcome = chain.ask(token, balanceOfCall { account }.abi_encode());
        balanceOfCall::abi_decode_returns(&outcome.output).expect("a number")
    };
    assert_eq!((held(user(0)), held(to)), (U256::from(960), amount));

    // More than there is: paid for, undone, and the contract's own error given.
    let too_much = transferCall {
        to: user(1),
        amount: U256::from(41),
    }
    .abi_encode();
    let receipt = chain.call(5, token, too_much);
    assert_eq!(receipt.status, Status::Reverted);
    assert!(receipt.gas_used.0 > 21_000 && receipt.logs.is_empty());
    // ERC20InsufficientBalance(address,uint256,uint256)
    assert!(
        receipt
            .reason
            .starts_with("execution reverted: custom error 0xe450d38c")
    );
    assert_eq!(receipt.output.len(), 100);
    assert_eq!(chain.nonce(user(5)), 1);
}

#[test]
fn out_of_gas_takes_all_gas_and_leaves_nothing() {
    let mut chain = Chain::new();
    // JUMPDEST, PUSH0, JUMP
    let endless = chain.deploy(&hex!("5b5f56"));
    let mut transaction = ordinary(1, endless.into(), U256::from(5), []);
    transaction.gas_limit = 100_000;
    let receipt = chain.transactions([sign(0, transaction)]).remove(0);
    assert_eq!(
        (receipt.status, receipt.gas_used.0),
        (Status::Reverted, 100_000)
    );
    assert_eq!(receipt.reason, "out of gas");
    assert_eq!(chain.balance(endless), U256::ZERO);
}

#[test]
fn storage_is_set_changed_and_cleared() {
    let mut chain = Chain::new();
    // Slot CALLDATA[0..32] takes CALLDATA[32..64]: PUSH1 32 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE
    let contract = chain.deploy(&hex!("6020355f3555"));
    let entries = chain.state.entries().len();
    let input = |slot: u64, value: u64| (U256::from(slot), U256::from(value)).abi_encode();
    let mut gas = Vec::new();
    for (slot, value) in [(1, 5), (1, 6), (1, 0), (2, 7)] {
        let receipt = chain.call(0, contract, input(slot, value));
        assert_eq!(chain.slot(contract, slot), U256::from(value));
        gas.push(receipt.gas_used.0);
    }
    // A cleared slot has no entry.
    assert_eq!(chain.state.entries().len(), entries + 1 + /* history */ 4);
    let set = gas[0];
    assert!(
        set > gas[1] && gas[1] > gas[2],
        "set, change, clear with a refund: {gas:?}"
    );
    // Within one block each transaction's first access is cold, and refunds are those of its own changes.
    let nonce = chain.nonce(user(0));
    let same_block =
        [(3, 5), (3, 6), (3, 0), (2, 0)]
            .iter()
            .zip(nonce..)
            .map(|((slot, value), nonce)| {
                sign(
                    0,
                    ordinary(nonce, contract.into(), U256::ZERO, input(*slot, *value)),
                )
            });
    let receipts = chain.transactions(same_block.collect::<Vec<_>>());
    let seen: Vec<u64> = receipts.iter().map(|receipt| receipt.gas_used.0).collect();
    assert_eq!(seen[..3], gas[..3]);
    assert_eq!(
        (chain.slot(contract, 2), chain.slot(contract, 3)),
        (U256::ZERO, U256::ZERO)
    );
}

#[test]
fn create2_puts_a_contract_where_everyone_expects_it() {
    let mut chain = Chain::new();
    let factory = super::super::predeploys::FACTORY;
    let (salt, code) = (B256::repeat_byte(5), init_code(&hex!("5f546001015f5500")));
    let input: Bytes = [salt.as_slice(), &code].concat().into();
    let receipt = chain.call(0, factory, input.clone());
    let created = factory.create2_from_code(salt, &code);
    assert_eq!(receipt.output, Bytes::copy_from_slice(created.as_slice()));
    assert_eq!(
        chain.code(created),
        Bytes::from_static(&hex!("5f546001015f5500"))
    );
    assert_eq!(chain.nonce(created), 1);
    let again = chain.call(0, factory, input);
    assert_eq!(again.status, Status::Reverted);
    chain.call(0, created, []);
    assert_eq!(chain.slot(created, 0), U256::from(1));
}

#[test]
fn self_destruct_ends_only_what_the_same_transaction_created() {
    let mut chain = Chain::new();
    let heir = Address::repeat_byte(0xcc);
    let suicide = [push(heir), vec![0xff]].concat();
    let old = chain.deploy(&suicide);
    chain.send(0, old.into(), ether(2), []);
    let receipt = chain.call(0, old, []);
    assert!(receipt.succeeded());
    // Its XPL has gone with the first call already; the contract stays (EIP-6780).
    assert_eq!(
        (chain.balance(heir), chain.balance(old)),
        (ether(2), U256::ZERO)
    );
    assert_eq!(chain.code(old), Bytes::from(suicide.clone()));

    // Init code that writes a slot, then destroys itself: PUSH1 1 PUSH0 SSTORE, SELFDESTRUCT.
    let entries = chain.state.entries().len();
    let code = [hex!("60015f55").to_vec(), suicide].concat();
    let receipt = chain.send(0, TxKind::Create, ether(1), code);
    let gone = receipt.created.expect("an address");
    assert_eq!(chain.balance(heir), ether(3));
    assert_eq!((chain.nonce(gone), chain.slot(gone, 0)), (0, U256::ZERO));
    assert_eq!(chain.state.entries().len(), entries + /* history */ 1);
}

#[test]
fn an_address_destroyed_is_created_anew_in_the_same_block() {
    let mut chain = Chain::new();
    let factory = super::super::predeploys::FACTORY;
    // Init code: slot 0 += 1; if the value sent is zero, self-destruct, else leave one byte of code.
    // PUSH0 SLOAD PUSH1 1 ADD PUSH0 SSTORE CALLVALUE PUSH1 0x0f JUMPI PUSH0 SELFDESTRUCT(...) JUMPDEST PUSH1 1 PUSH0 RETURN
    let code = hex!("5f546001015f5534600e575fff005b60015ff3");
    let created = factory.create2_from_code(B256::ZERO, code);
    let input: Bytes = [B256::ZERO.as_slice(), &code].concat().into();
    let values = [0_u64, 0, 9, 0];
    let receipts = chain.transactions(values.iter().zip(0..).map(|(value, nonce)| {
        sign(
            0,
            ordinary(nonce, factory.into(), U256::from(*value), input.clone()),
        )
    }));
    let done: Vec<bool> = receipts.iter().map(Receipt::succeeded).collect();
    assert_eq!(done, [true, true, true, false], "{receipts:?}");
    assert_eq!(
        chain.slot(created, 0),
        U256::from(1),
        "it found nothing of its predecessors"
    );
    assert_eq!(
        (chain.balance(created), chain.code(created).len()),
        (U256::from(9), 1)
    );
}

#[test]
fn an_account_delegates_replaces_and_ends_it() {
    let mut chain = Chain::new();
    let count = chain.deploy(&hex!("5f546001015f5500"));
    let stop = chain.deploy(&hex!("00"));
    let entries = chain.state.entries().len();
    let authority = user(3);
    let authorize = |chain: &mut Chain, to: Address, nonce: u64, chain_id: u64| {
        let authorization = Authorization {
            chain_id: U256::from(chain_id),
            address: to,
            nonce,
        };
        let signature = signer(3).sign(authorization.signature_hash());
        let signature = alloy_primitives::Signature::new(
            signature.r.into(),
            signature.s.into(),
            signature.v == 28,
        );
        let transaction = TxEip7702 {
            chain_id: CHAIN.0,
            nonce: chain.nonce(user(0)),
            gas_limit: 200_000,
            max_fee_per_gas: 100 * GWEI,
            to: authority,
            authorization_list: vec![authorization.into_signed(signature)],
            ..TxEip7702::default()
        };
        let receipt = chain.transactions([sign(0, transaction)]).remove(0);
        assert!(receipt.succeeded(), "{receipt:?}");
        (
            chain.code(authority),
            chain.slot(authority, 0).to::<u64>(),
            chain.nonce(authority),
        )
    };
    let designator = |to: Address| Bytes::from([&hex!("ef0100"), to.as_slice()].concat());
    // Delegates, and the call of the same transaction runs the code in the account's own storage.
    assert_eq!(
        authorize(&mut chain, count, 0, CHAIN.0),
        (designator(count), 1, 1)
    );
    // Of another chain, or with a used nonce: ignored, while the transaction goes on.
    assert_eq!(authorize(&mut chain, stop, 1, 1), (designator(count), 2, 1));
    assert_eq!(authorize(&mut chain, stop, 0, 0), (designator(count), 3, 1));
    // For all chains.
    assert_eq!(authorize(&mut chain, stop, 1, 0), (designator(stop), 3, 2));
    // To the zero address: ended.
    assert_eq!(
        authorize(&mut chain, Address::ZERO, 2, CHAIN.0),
        (Bytes::new(), 3, 3)
    );
    // Delegations are part of the account: all that is left is its slot, and the history of five blocks.
    assert_eq!(chain.state.entries().len(), entries + 1 + 5);
    // A delegated account may still send (EIP-3607 is about contracts).
    assert_eq!(
        authorize(&mut chain, count, 3, CHAIN.0),
        (designator(count), 4, 4)
    );
    assert!(chain.send(3, user(1).into(), U256::from(1), []).succeeded());
}

#[test]
fn precompiles_answer() {
    let chain = Chain::new();
    let at = |number: u16| {
        address!("0x0000000000000000000000000000000000000000")
            ^ Address::left_padding_from(&number.to_be_bytes())
    };
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
    let asked = chain.ask(
        super::super::predeploys::HISTORY,
        U256::from(3).to_be_bytes::<32>(),
    );
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
