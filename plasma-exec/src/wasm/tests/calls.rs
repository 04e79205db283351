//! What contracts do, and what they do to each other.

use alloc::{vec, vec::Vec};

use super::*;

#[test]
fn a_contract_keeps_what_it_writes_and_returns_what_it_says() {
    let mut chain = Chain::new();
    let counter = chain.deploy(&counter());
    for count in 1_u64..=3 {
        let receipt = chain.call(1, counter, []);
        assert_eq!(receipt.output.as_ref(), count.to_le_bytes());
    }
    // In one block, by different users.
    let calls: Vec<Bytes> = (2..5)
        .map(|from| sign(from, ordinary(0, counter.into(), U256::ZERO, vec![])))
        .collect();
    let outputs: Vec<Bytes> = chain
        .transactions(calls)
        .into_iter()
        .map(|receipt| receipt.output)
        .collect();
    assert_eq!(outputs[2].as_ref(), 6_u64.to_le_bytes());
    let word = chain.word(&Query::Storage(counter, U256::ZERO));
    assert_eq!(word, U256::from(6) << 56);
}

#[test]
fn a_value_is_of_any_length_up_to_the_limit() {
    let mut chain = Chain::new();
    // Writes so many bytes as the first four of the input say, and reads them back.
    let code = contract(
        "(local $n i32)
         (call $input (i32.const 0) (i32.const 0) (i32.const 4))
         (local.set $n (i32.load (i32.const 0)))
         (memory.fill (i32.const 1024) (i32.const 7) (i32.const 8192))
         (call $storage_write (i32.const 64) (i32.const 1024) (local.get $n))
         (i32.store (i32.const 0) (call $storage_read (i32.const 64) (i32.const 16384) (i32.const 8192)))
         (i32.store (i32.const 4) (i32.load8_u (i32.add (i32.const 16383) (local.get $n))))
         (call $output (i32.const 0) (i32.const 8))",
    );
    let at = chain.deploy(&code);
    for length in [1_u32, 32, 33, 4_095, 4_096] {
        let receipt = chain.call(1, at, length.to_le_bytes());
        let expected = [length.to_le_bytes(), 7_u32.to_le_bytes()].concat();
        assert_eq!(
            receipt.output.as_ref(),
            expected,
            "{length}: {}",
            receipt.reason
        );
    }
    let receipt = chain.call(1, at, 4_097_u32.to_le_bytes());
    assert_eq!(reason(&receipt), "bytes are over the limit of their kind");
    assert_eq!(receipt.gas_used.0, 3_000_000, "a mistake takes all gas");
    // Nothing removes it.
    let receipt = chain.call(1, at, 0_u32.to_le_bytes());
    assert_eq!(receipt.output[..4], [0; 4]);
    assert_eq!(chain.word(&Query::Storage(at, U256::ZERO)), U256::ZERO);
}

#[test]
fn the_surroundings_of_a_call_are_what_they_are() {
    let mut chain = Chain::new();
    let code = contract(
        "(call $caller (i32.const 0))
         (call $address (i32.const 20))
         (call $value (i32.const 40))
         (call $balance (i32.const 20) (i32.const 72))
         (i64.store (i32.const 104) (call $block_number))
         (i64.store (i32.const 112) (call $block_time))
         (i64.store (i32.const 120) (call $chain_id))
         (call $keccak256 (i32.const 0) (i32.const 20) (i32.const 128))
         (call $output (i32.const 0) (i32.const 160))",
    );
    let at = chain.deploy(&code);
    let (height, time) = (chain.block.height.0, chain.block.timestamp.seconds().0);
    let receipt = chain.send(3, at.into(), U256::from(5), []);
    let five = U256::from(5).to_be_bytes::<32>();
    let expected = [
        user(3).as_slice(),
        at.as_slice(),
        &five,
        &five,
        &height.to_le_bytes(),
        &time.to_le_bytes(),
        &CHAIN.0.to_le_bytes(),
        keccak256(user(3)).as_slice(),
    ]
    .concat();
    assert_eq!(receipt.output.as_ref(), expected, "{}", receipt.reason);
}

#[test]
fn a_contract_calls_another_and_what_fails_there_is_undone_there() {
    let mut chain = Chain::new();
    let (counter, proxy, echo) = (
        chain.deploy(&counter()),
        chain.deploy(&proxy()),
        chain.deploy(&echo()),
    );
    let to = |at: Address, rest: &[u8]| [at.as_slice(), rest].concat();
    let receipt = chain.call(1, proxy, to(echo, b"hello"));
    assert_eq!(receipt.output.as_ref(), b"hello", "{}", receipt.reason);
    let receipt = chain.call(1, proxy, to(counter, b""));
    assert_eq!(receipt.output.as_ref(), 1_u64.to_le_bytes());
    // Through itself, several times: the same module is in use more than once.
    let input = to(proxy, &to(proxy, &to(counter, b"")));
    let receipt = chain.call(1, proxy, input);
    assert_eq!(receipt.output.as_ref(), 2_u64.to_le_bytes());

    // Counts, logs, and reverts; who calls it sees that, and goes on.
    let fails = contract(
        "(i64.store (i32.const 32) (i64.const 9))
         (call $storage_write (i32.const 0) (i32.const 32) (i32.const 8))
         (call $log (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 3))
         (call $revert (i32.const 32) (i32.const 8))",
    );
    let fails = chain.deploy(&fails);
    let goes_on = contract(
        "(call $input (i32.const 0) (i32.const 0) (i32.const 20))
         (call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1))
         (i32.store (i32.const 128) (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.const 100000)))
         (i32.store (i32.const 132) (call $returned_len))
         (call $returned (i32.const 136) (i32.const 0) (call $returned_len))
         (call $output (i32.const 128) (i32.const 16))",
    );
    let goes_on = chain.deploy(&goes_on);
    let receipt = chain.call(1, goes_on, to(fails, b""));
    let expected = [
        0_u32.to_le_bytes().as_slice(),
        &8_u32.to_le_bytes(),
        &9_u64.to_le_bytes(),
    ]
    .concat();
    assert_eq!(receipt.output.as_ref(), expected, "{}", receipt.reason);
    assert_eq!(receipt.logs.len(), 1, "what was undone logs nothing");
    assert_eq!(chain.word(&Query::Storage(fails, U256::ZERO)), U256::ZERO);
}

#[test]
fn a_static_call_changes_nothing() {
    let mut chain = Chain::new();
    let (counter, echo) = (chain.deploy(&counter()), chain.deploy(&echo()));
    let looks = contract(
        "(call $input (i32.const 0) (i32.const 0) (i32.const 20))
         (i32.store (i32.const 128) (call $call_static (i32.const 0) (i32.const 0) (i32.const 20) (i64.const 100000)))
         (call $output (i32.const 128) (i32.const 4))",
    );
    let at = chain.deploy(&looks);
    let receipt = chain.call(1, at, echo.as_slice().to_vec());
    assert_eq!(receipt.output.as_ref(), [1, 0, 0, 0], "{}", receipt.reason);
    let receipt = chain.call(1, at, counter.as_slice().to_vec());
    assert_eq!(receipt.output.as_ref(), [0; 4], "{}", receipt.reason);
    assert_eq!(chain.word(&Query::Storage(counter, U256::ZERO)), U256::ZERO);
}

#[test]
fn xpl_moves_with_calls_and_by_transfer() {
    let mut chain = Chain::new();
    let (proxy, echo) = (chain.deploy(&proxy()), chain.deploy(&echo()));
    let receipt = chain.send(1, proxy.into(), U256::from(7), echo.as_slice().to_vec());
    assert!(receipt.succeeded(), "{}", receipt.reason);
    assert_eq!(
        (chain.balance(proxy), chain.balance(echo)),
        (U256::ZERO, U256::from(7))
    );
    // Pays the sender of the call, as much as the first 32 bytes say.
    let pays = contract(
        "(call $input (i32.const 0) (i32.const 0) (i32.const 32))
         (call $caller (i32.const 32))
         (i32.store (i32.const 64) (call $transfer (i32.const 32) (i32.const 0)))
         (call $output (i32.const 64) (i32.const 4))",
    );
    let pays = chain.deploy(&pays);
    let before = chain.balance(user(2));
    let amount = |n: u64| U256::from(n).to_be_bytes::<32>();
    let receipt = chain.send(2, pays.into(), U256::from(10), amount(10));
    assert_eq!(receipt.output.as_ref(), [1, 0, 0, 0], "{}", receipt.reason);
    let fee = U256::from(receipt.gas_used.0) * U256::from(receipt.gas_price);
    assert_eq!(chain.balance(user(2)), before - fee);
    let receipt = chain.send(2, pays.into(), U256::from(10), amount(11));
    assert_eq!(receipt.output.as_ref(), [0; 4], "it has 10");
    assert_eq!(chain.balance(pays), U256::from(10));
}

#[test]
fn logs_are_as_solidity_has_them() {
    let mut chain = Chain::new();
    let code = contract(
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 32))
         (memory.fill (i32.const 32) (i32.const 2) (i32.const 32))
         (call $log (i32.const 0) (i32.const 2) (i32.const 60) (i32.const 6))",
    );
    let at = chain.deploy(&code);
    let receipt = chain.call(1, at, []);
    let log = &receipt.logs[0];
    assert_eq!(log.address, at);
    assert_eq!(log.topics, [B256::repeat_byte(1), B256::repeat_byte(2)]);
    assert_eq!(log.data.as_ref(), [2, 2, 2, 2, 0, 0]);
}

#[test]
fn gas_is_what_is_used_and_the_rest_is_given_back() {
    let mut chain = Chain::new();
    let (before, proposer) = (chain.balance(user(1)), chain.balance(PROPOSER));
    let receipt = chain.send(1, user(9).into(), U256::ZERO, []);
    assert_eq!(receipt.gas_used.0, 21_000);
    let fee = U256::from(21_000) * U256::from(receipt.gas_price);
    assert_eq!(chain.balance(user(1)), before - fee);
    let tip = U256::from(21_000) * U256::from(GWEI);
    assert_eq!(chain.balance(PROPOSER), proposer + tip);
    let echo = chain.deploy(&echo());
    let least = chain.call(1, echo, []).gas_used.0;
    let more = chain.call(1, echo, [1; 100]).gas_used.0;
    assert!(least > 21_000 && more > least + 1_600, "{least} {more}");
    assert!(least < 60_000, "{least}");
}

/// A call that could not pay for a look has not looked: what comes after it in the transaction pays as if it had not been,
/// whether the session knew the place from another transaction or not.
#[test]
fn a_look_that_was_not_paid_for_was_none() {
    let looks = [
        "(drop (call $storage_read (i32.const 0) (i32.const 64) (i32.const 32)))",
        "(call $storage_write (i32.const 0) (i32.const 64) (i32.const 1))",
        "(drop (call $storage_add (i32.const 0) (i32.const 64)))",
        "(call $balance (i32.const 0) (i32.const 64))",
        "(drop (call $transfer (i32.const 0) (i32.const 64)))",
    ];
    for look in looks {
        let looker = Address::repeat_byte(0xc0);
        // Calls it with so much gas as the input says, and then with all.
        let twice = contract(
            "(call $input (i32.const 0) (i32.const 0) (i32.const 28))
             (drop (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.load (i32.const 20))))
             (drop (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.const -1)))",
        );
        let caller = Address::repeat_byte(0xc1);
        let genesis = Chain::config()
            .with_contract(looker, contract(look))
            .with_contract(caller, twice);
        let mut chain = Chain::with(&genesis);
        let calls = (0..60_u64).map(|n| {
            let input = [looker.as_slice(), &(n * 200).to_le_bytes()].concat();
            sign(1, ordinary(n, caller.into(), U256::ZERO, input))
        });
        // It compares one session with one for each step.
        let receipts = chain.transactions(calls.collect::<Vec<_>>());
        let gas: std::collections::BTreeSet<u64> =
            receipts.iter().map(|receipt| receipt.gas_used.0).collect();
        assert!(receipts.iter().all(Receipt::succeeded), "{look}");
        assert!(gas.len() > 10, "{look}: it runs out at many places");
    }
}
