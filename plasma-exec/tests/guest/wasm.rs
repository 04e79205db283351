//! Chains on WebAssembly: random blocks of payments, calls, creations and what fails, the same natively and in the
//! machine; and the dearest that a transaction can do for its gas.

use alloy_primitives::TxKind;
use plasma_core::*;
use plasma_exec::{
    L2_BRIDGE, WASM_INSTRUCTIONS_PER_GAS, WASM_TRANSACTION_GAS, WasmExecution, WasmGenesis,
};

use super::{
    chain::{Chain, Dice, block, program, rounds, sign, signer},
    people::{People, Wallets, check_segments},
};

/// What a segment may take.
const MOST: u64 = 1 << 28;
/// Instructions of a segment that are not for gas: the program's beginning and end, its reads of the checkpoint, of the
/// block and of the state around a transaction.
const AROUND: u64 = 12_000_000;

/// Imports of all host functions.
const IMPORTS: &str = include_str!("../../src/wasm/tests/imports.wat");

fn module(rest: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {IMPORTS} {rest})")).expect("a module")
}

/// A contract with a page of memory whose `call` is this.
fn calling(body: &str) -> Vec<u8> {
    module(&format!("(memory 1 16) (func (export \"call\") {body})"))
}

/// Contracts, each one short program.
fn contracts() -> Vec<(Address, Vec<u8>)> {
    let programs = [
        // Counts in the slot of its input's first word, and logs the count.
        calling(
            "(call $input (i32.const 0) (i32.const 0) (call $input_len))
             (drop (call $storage_read (i32.const 0) (i32.const 64) (i32.const 8)))
             (i64.store (i32.const 64) (i64.add (i64.load (i32.const 64)) (i64.const 1)))
             (call $storage_write (i32.const 0) (i32.const 64) (i32.const 8))
             (call $log (i32.const 0) (i32.const 2) (i32.const 64) (i32.const 8))",
        ),
        // Writes, and reverts.
        calling(
            "(call $storage_write (i32.const 0) (i32.const 64) (i32.const 300))
             (call $revert (i32.const 0) (i32.const 32))",
        ),
        calling("(loop (br 0))"),
        calling("(drop (memory.grow (i32.const 3))) (i64.store (i32.const 200000) (i64.const 1)) (unreachable)"),
        // Calls the contract of its input's first word with the rest, twice.
        calling(
            "(call $input (i32.const 0) (i32.const 0) (call $input_len))
             (drop (call $call (i32.const 12) (i32.const 4096) (i32.const 32) (i32.sub (call $input_len) (i32.const 32)) (i64.const 200000)))
             (drop (call $call (i32.const 12) (i32.const 4096) (i32.const 32) (i32.sub (call $input_len) (i32.const 32)) (i64.const -1)))
             (call $returned (i32.const 0) (i32.const 0) (call $returned_len))
             (call $output (i32.const 0) (call $returned_len))",
        ),
        // Arithmetic of all kinds, kept in a global, and its hash in storage.
        module(
            "(memory 1) (global $g (mut i64) (i64.const 7))
             (func (export \"call\") (local $i i64) (local.set $i (i64.const 200))
               (loop
                 (global.set $g (i64.add (i64.mul (global.get $g) (i64.const 6364136223846793005)) (local.get $i)))
                 (global.set $g (i64.xor (global.get $g) (i64.rotl (global.get $g) (i64.clz (local.get $i)))))
                 (global.set $g (i64.add (global.get $g) (i64.rem_u (global.get $g) (i64.popcnt (local.get $i)))))
                 (local.set $i (i64.sub (local.get $i) (i64.const 1)))
                 (br_if 0 (i64.gt_u (local.get $i) (i64.const 1))))
               (i64.store (i32.const 0) (global.get $g))
               (call $keccak256 (i32.const 0) (i32.const 5000) (i32.const 32))
               (call $storage_write (i32.const 32) (i32.const 0) (i32.const 64)))",
        ),
    ];
    (0xc0..)
        .map(Address::with_last_byte)
        .zip(programs)
        .collect()
}

fn config() -> Vec<u8> {
    let genesis = Wallets::addresses().fold(WasmGenesis::default(), |genesis, address| {
        genesis.with_balance(address, U256::from(10).pow(U256::from(21)))
    });
    contracts()
        .into_iter()
        .fold(genesis, |genesis, (at, code)| {
            genesis.with_contract(at, code)
        })
        .to_json()
}

struct Users(Wallets);

impl People for Users {
    fn new(_: B256) -> Self {
        Self(Wallets::default())
    }

    fn payee(dice: &mut Dice) -> Address {
        match dice.below(3) {
            0 => contracts()[dice.below(6) as usize].0,
            _ => signer(dice.below(20) as u8).address(),
        }
    }

    fn act(&mut self, dice: &mut Dice, _: Timestamp) -> Bytes {
        let from = Wallets::any(dice);
        let contracts = contracts();
        let word = |n: u64| B256::from(U256::from(n)).to_vec();
        let mut gas = 40_000 + dice.below(400_000);
        let any = |dice: &mut Dice| contracts[dice.below(6) as usize].0;
        let does = match dice.below(8) {
            0 => Wallets::payment(dice),
            1 => {
                gas += 500_000;
                let mut code = contracts[dice.below(6) as usize].1.clone();
                if dice.below(2) == 0 {
                    dice.flip(&mut code);
                }
                (TxKind::Create, 0, code)
            }
            2 | 3 => {
                gas += 300_000;
                let mut input = any(dice).into_word().to_vec();
                input.extend(any(dice).into_word());
                input.extend(word(dice.below(4)));
                (TxKind::Call(contracts[4].0), 0, input)
            }
            4 => (TxKind::Call(L2_BRIDGE), 0, word(dice.below(1 << 20))),
            _ => {
                let mut input = word(dice.below(8));
                input.extend(word(dice.below(1 << 20)));
                (TxKind::Call(any(dice)), 0, input)
            }
        };
        self.0.send(dice, from, does, gas)
    }
}

#[test]
fn every_segment_of_a_chain_on_webassembly_is_the_same_in_the_machine() {
    check_segments::<Users>(&WasmExecution::new(), "wasm", &config());
}

/// A body, over and over.
fn looped(body: &str, times: usize) -> Vec<u8> {
    calling(&format!(
        "(local $a i64) (local $b i64) (local $p i32) (local $q i32) (loop {} (br 0))",
        body.repeat(times)
    ))
}

/// Modules that are dear to make ready for their length, with what each is called.
fn modules() -> Vec<(&'static str, Vec<u8>)> {
    let call = "(func (export \"call\"))";
    let types: Vec<String> = (0..200)
        .map(|n| format!("(type (func (param {})))", "i64 ".repeat(n % 32)))
        .collect();
    let types = types.concat();
    // In the flat form, for the folded one may not be nested so deep.
    let blocks = format!("{}{}", "block ".repeat(3_000), "end ".repeat(3_000));
    let table = format!(
        "{} i32.const 1 br_table {} {}",
        "block ".repeat(100),
        "0 1 2 3 4 5 6 7 8 9 ".repeat(1_800),
        "end ".repeat(100)
    );
    vec![
        (
            "functions",
            module(&format!("{} {call}", "(func)".repeat(1_000))),
        ),
        (
            "functions with locals",
            module(&format!(
                "{} {call}",
                format!("(func (local {}))", "i64 ".repeat(180)).repeat(1_000)
            )),
        ),
        ("types", module(&format!("{types} {call}"))),
        (
            "globals",
            module(&format!(
                "{} {call}",
                "(global (mut i64) (i64.const 5))".repeat(60)
            )),
        ),
        (
            "additions",
            module(&format!(
                "(func (param i32) {}) {call}",
                "(drop (i32.add (local.get 0) (i32.const 1)))".repeat(3_800)
            )),
        ),
        (
            "constants",
            module(&format!(
                "(func {}) {call}",
                "(drop (i64.const 0x7fffffffffffffff))".repeat(1_900)
            )),
        ),
        ("blocks", module(&format!("(func {blocks}) {call}"))),
        (
            "ifs",
            module(&format!(
                "(func (param i32) {}) {call}",
                "(if (local.get 0) (then))".repeat(3_800)
            )),
        ),
        (
            "a table of branches",
            module(&format!("(func {table}) {call}")),
        ),
        (
            "calls",
            module(&format!(
                "(func $f (param i32 i32 i32)) (func {}) {call}",
                "(call $f (i32.const 1) (i32.const 2) (i32.const 3))".repeat(2_600)
            )),
        ),
        (
            "loads",
            module(&format!(
                "(memory 1) (func (param i32) {}) {call}",
                "(i64.store (local.get 0) (i64.load (local.get 0)))".repeat(2_300)
            )),
        ),
        (
            "data",
            module(&format!(
                "(memory 1) {} {call}",
                "(data (i32.const 9) \"x\")".repeat(250)
            )),
        ),
        (
            "much data",
            module(&format!(
                "(memory 1) (data (i32.const 9) \"{}\") {call}",
                "x".repeat(23_000)
            )),
        ),
        (
            "elements",
            module(&format!(
                "(table 1000 funcref) (func $f) {} {call}",
                "(elem (i32.const 9) $f $f $f)".repeat(250)
            )),
        ),
        ("memory", module(&format!("(memory 16) {call}"))),
    ]
}

/// Modules with one kind of instruction, so many of them, and parameters and locals to do it with.
fn kinds() -> Vec<(&'static str, usize, Vec<u8>)> {
    let of = |name, unit: &str, count: usize| {
        let head = "(memory 1) (global $g (mut i64) (i64.const 1)) (table 2 funcref) (func $none) (func $one (param i32)) \
                    (type $t (func)) (elem (i32.const 0) $none)";
        let many = format!("(func $many (param {}))", "i32 ".repeat(32));
        let body = format!(
            "(func (param $p i32) (local $a i64) {})",
            unit.repeat(count)
        );
        let call = "(func (export \"call\"))";
        (name, count, module(&format!("{head} {many} {body} {call}")))
    };
    let many = format!("(call $many {})", "(local.get $p)".repeat(32));
    let table = format!("(block (br_table {} (local.get $p)))", "0 ".repeat(65));
    vec![
        of("nothing", "", 0),
        of("nop", "(nop)", 8_000),
        of("local.get, drop", "(drop (local.get $p))", 5_000),
        of("i32.const, drop", "(drop (i32.const 5))", 5_000),
        of("i64.const, drop", "(drop (i64.const -77777777777))", 2_000),
        of("global.get, drop", "(drop (global.get $g))", 5_000),
        of(
            "local.get, global.set",
            "(global.set $g (local.get $a))",
            4_000,
        ),
        of(
            "local.get, local.set",
            "(local.set $a (local.get $a))",
            4_000,
        ),
        of(
            "local.get, local.tee, drop",
            "(drop (local.tee $p (local.get $p)))",
            3_000,
        ),
        of(
            "2 local.get, add, drop",
            "(drop (i32.add (local.get $p) (local.get $p)))",
            2_500,
        ),
        of(
            "get, get, rotl, set",
            "(local.set $a (i64.rotl (local.get $a) (local.get $a)))",
            2_500,
        ),
        of(
            "get, const, mul, set",
            "(local.set $a (i64.mul (local.get $a) (i64.const 7777777)))",
            2_000,
        ),
        of("get, eqz, drop", "(drop (i64.eqz (local.get $a)))", 4_000),
        of(
            "get, load, drop",
            "(drop (i64.load offset=8 (local.get $p)))",
            3_000,
        ),
        of(
            "get, get, store",
            "(i64.store offset=8 (local.get $p) (local.get $a))",
            2_500,
        ),
        of(
            "get, const, store8",
            "(i32.store8 offset=9999 (local.get $p) (i32.const 9))",
            2_000,
        ),
        of("block, end", "(block)", 5_000),
        of("block, br, end", "(block (br 0))", 3_500),
        of(
            "block, get, br_if, end",
            "(block (br_if 0 (local.get $p)))",
            2_500,
        ),
        of("loop, end", "(loop)", 5_000),
        of("get, if, end", "(if (local.get $p) (then))", 3_500),
        of(
            "get, if, nop, else, nop, end",
            "(if (local.get $p) (then (nop)) (else (nop)))",
            2_500,
        ),
        of("block, get, br_table of 66, end", &table, 300),
        of("call", "(call $none)", 8_000),
        of(
            "get, call of one parameter",
            "(call $one (local.get $p))",
            4_000,
        ),
        of("32 get, call of 32 parameters", &many, 280),
        of(
            "get, call_indirect",
            "(call_indirect (type $t) (local.get $p))",
            4_000,
        ),
        of(
            "3 get, select, drop",
            "(drop (select (local.get $a) (local.get $a) (local.get $p)))",
            2_000,
        ),
        of("memory.size, drop", "(drop (memory.size))", 5_000),
        of(
            "get, memory.grow, drop",
            "(drop (memory.grow (local.get $p)))",
            3_000,
        ),
        of(
            "3 get, memory.copy",
            "(memory.copy (local.get $p) (local.get $p) (local.get $p))",
            1_800,
        ),
        of(
            "3 get, memory.fill",
            "(memory.fill (local.get $p) (local.get $p) (local.get $p))",
            1_800,
        ),
        of(
            "4 get, 3 add, drop",
            "(drop (i32.add (i32.add (local.get $p) (local.get $p)) (i32.add (local.get $p) (local.get $p))))",
            1_500,
        ),
    ]
}

/// Instructions and gas of one call of a contract.
fn one_call(code: Vec<u8>) -> (u64, u64) {
    let (program, execution) = (program("wasm"), WasmExecution::new());
    let at = Address::repeat_byte(0xcc);
    let genesis = WasmGenesis::default()
        .with_contract(at, code)
        .with_balance(signer(0).address(), U256::MAX >> 8);
    let mut chain = Chain::new(&execution, &program, &genesis.to_json());
    let bytes = sign(
        0,
        0,
        TxKind::Call(at),
        U256::ZERO,
        vec![],
        WASM_TRANSACTION_GAS,
    );
    let block = block(&chain.head(), vec![bytes], 0);
    chain.append(&[block]);
    assert_eq!(chain.statuses, [3, 0, 0], "it succeeds");
    let instructions = chain.instructions.iter().copied().max().unwrap_or(0);
    (instructions, chain.gas)
}

/// What a module is made of is paid for when it is made ready: each kind of instruction and each part by itself.
#[test]
fn what_a_module_holds_is_paid_for_by_kind() {
    let (least, base) = one_call(module("(func (export \"call\"))"));
    println!("{least:>11} instructions for {base:>8} gas: a module of nothing");
    let others = modules()
        .into_iter()
        .map(|(name, code)| (name, 0, code))
        .collect::<Vec<_>>();
    let mut over = Vec::new();
    for (name, count, code) in kinds().into_iter().chain(others) {
        let length = code.len() as u64;
        let (instructions, gas) = one_call(code);
        let (more, paid) = (instructions.saturating_sub(least), gas.saturating_sub(base));
        println!(
            "{more:>11} for {paid:>8} gas: {:>3} for each, {:>6} for each of {count} and {:>5} for each of {length} bytes: {name}",
            more / paid.max(1),
            more / (count as u64).max(1),
            more / length,
        );
        if more > WASM_INSTRUCTIONS_PER_GAS * paid {
            over.push(format!("{name}: {more} over {paid} gas"));
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}

/// A name, a module, and what else is deployed beside it.
type Dear = (String, Vec<u8>, Vec<(Address, Vec<u8>)>);

/// What is dear in the machine for its gas: a call that uses up its gas, and the contracts beside it.
fn dear(gas: u64) -> Vec<Dear> {
    let mut all: Vec<(String, Vec<u8>)> = vec![
        ("a branch".into(), calling("(loop (br 0))")),
        ("branches".into(), looped("(block (br 0))", 500)),
        (
            "conditions".into(),
            looped("(block (br_if 0 (local.get $p)))", 500),
        ),
        (
            "ifs".into(),
            looped("(if (local.get $p) (then (nop)) (else (nop)))", 500),
        ),
        (
            "tables".into(),
            looped("(block (block (br_table 0 1 0 1 (local.get $p))))", 300),
        ),
        (
            "calls".into(),
            module(
                "(memory 1) (func $f) (func (export \"call\") (loop (call $f) (call $f) (call $f) (call $f) (br 0)))",
            ),
        ),
        (
            "calls with locals".into(),
            module(&format!(
                "(memory 1) (func $f (local {})) (func (export \"call\") (loop (call $f) (call $f) (call $f) (call $f) (br 0)))",
                "i64 ".repeat(190)
            )),
        ),
        (
            "calls with parameters".into(),
            module(&format!(
                "(memory 1) (func $f (param {})) (func (export \"call\") (local $a i64) (loop {} (br 0)))",
                "i64 ".repeat(32),
                format!("(call $f {})", "(local.get $a)".repeat(32)).repeat(20)
            )),
        ),
        (
            "calls through a table".into(),
            module(
                "(memory 1) (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f) (func (export \"call\") (loop (call_indirect (type $t) (i32.const 0)) (call_indirect (type $t) (i32.const 0)) (br 0)))",
            ),
        ),
        (
            "a global".into(),
            module(
                "(memory 1) (global $g (mut i64) (i64.const 3)) (func (export \"call\") (loop (global.set $g (i64.add (global.get $g) (global.get $g))) (global.set $g (i64.add (global.get $g) (global.get $g))) (br 0)))",
            ),
        ),
        ("memory.size".into(), looped("(drop (memory.size))", 500)),
        (
            "memory.grow by nothing".into(),
            looped("(drop (memory.grow (i32.const 0)))", 500),
        ),
        (
            "memory.grow".into(),
            looped("(drop (memory.grow (i32.const 1)))", 500),
        ),
        (
            "select".into(),
            looped(
                "(local.set $a (select (local.get $a) (local.get $b) (local.get $p)))",
                500,
            ),
        ),
        (
            "local.set".into(),
            looped(
                "(local.set $a (local.get $b)) (local.set $b (local.get $a))",
                500,
            ),
        ),
    ];
    for size in [0, 1, 7, 64, 4_096, 60_000] {
        all.push((
            format!("memory.copy of {size}"),
            looped(
                &format!("(memory.copy (i32.const 1) (i32.const 3) (i32.const {size}))"),
                100,
            ),
        ));
        all.push((
            format!("memory.fill of {size}"),
            looped(
                &format!("(memory.fill (i32.const 1) (i32.const 3) (i32.const {size}))"),
                100,
            ),
        ));
        all.push((
            format!("keccak256 of {size}"),
            looped(
                &format!("(call $keccak256 (i32.const 0) (i32.const {size}) (i32.const 0))"),
                100,
            ),
        ));
        if size <= 4_096 {
            all.push((
                format!("output of {size}"),
                looped(
                    &format!("(call $output (i32.const 0) (i32.const {size}))"),
                    100,
                ),
            ));
            all.push((
                format!("a log of {size}"),
                looped(
                    &format!(
                        "(call $log (i32.const 0) (i32.const 4) (i32.const 0) (i32.const {size}))"
                    ),
                    100,
                ),
            ));
            // A new place every time, and the same one with another value.
            let next = "(i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))";
            all.push((format!("writes of {size}"), looped(&format!("{next} (call $storage_write (i32.const 0) (i32.const 0) (i32.const {size}))"), 50)));
            all.push((format!("writes over of {size}"), looped(&format!("{next} (call $storage_write (i32.const 64) (i32.const 0) (i32.const {size}))"), 50)));
            all.push((format!("reads of {size}"), looped(&format!("{next} (drop (call $storage_read (i32.const 0) (i32.const 64) (i32.const {size})))"), 50)));
        }
    }
    // With numbers of all their digits, and a divisor that is shorter.
    let fill = "(memory.fill (i32.const 0) (i32.const 251) (i32.const 32)) (memory.fill (i32.const 40) (i32.const 239) (i32.const 24))";
    for computes in ["add", "sub", "mul", "div"] {
        let call = format!("(drop (call ${computes} (i32.const 0) (i32.const 32) (i32.const 64)))");
        all.push((
            format!("{computes} of 256 bits"),
            looped(&format!("{fill} {}", call.repeat(50)), 1),
        ));
    }
    for computes in ["storage_add", "storage_sub"] {
        let fill = "(memory.fill (i32.const 40) (i32.const 239) (i32.const 24))";
        let next = "(i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))";
        for (what, key) in [("new places", 0), ("one place", 64)] {
            let call = format!("{next} (drop (call ${computes} (i32.const {key}) (i32.const 32)))");
            all.push((
                format!("{computes} in {what}"),
                looped(&format!("{fill} {}", call.repeat(50)), 1),
            ));
        }
    }
    for op in [
        "add", "mul", "div_u", "div_s", "rem_u", "rem_s", "shl", "rotl", "xor", "lt_u", "eq",
    ] {
        let wrap = if ["lt_u", "eq"].contains(&op) {
            "(i64.extend_i32_u "
        } else {
            "(i64.or (i64.const 1) "
        };
        all.push((format!("i64.{op}"), looped(&format!("(local.set $a {wrap}(i64.{op} (local.get $a) (i64.or (local.get $b) (i64.const 3)))))"), 300)));
    }
    for op in ["clz", "ctz", "popcnt", "extend8_s", "extend32_s"] {
        all.push((
            format!("i64.{op}"),
            looped(&format!("(local.set $a (i64.{op} (local.get $a)))"), 500),
        ));
    }
    for op in ["clz", "ctz", "popcnt", "eqz"] {
        all.push((
            format!("i32.{op}"),
            looped(&format!("(local.set $p (i32.{op} (local.get $p)))"), 500),
        ));
    }
    for op in ["load", "load8_u", "load32_s", "load16_s"] {
        all.push((
            format!("i64.{op}"),
            looped(
                &format!("(local.set $a (i64.{op} offset=13 (local.get $p)))"),
                500,
            ),
        ));
    }
    for op in ["store", "store8", "store32"] {
        all.push((
            format!("i64.{op}"),
            looped(
                &format!("(i64.{op} offset=13 (local.get $p) (local.get $a))"),
                500,
            ),
        ));
    }
    for host in [
        "(call $caller (i32.const 0))",
        "(drop (call $gas_left))",
        "(call $input (i32.const 0) (i32.const 0) (i32.const 0))",
        "(call $balance (i32.const 0) (i32.const 64))",
        "(drop (call $transfer (i32.const 0) (i32.const 64)))",
        "(drop (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.const -1)))",
        "(i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1))) (call $balance (i32.const 0) (i32.const 64))",
        // Itself, as deep as it goes.
        "(call $address (i32.const 0)) (drop (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.const -1)))",
    ] {
        all.push((host.to_string(), looped(host, 50)));
    }
    let mut all: Vec<_> = all
        .into_iter()
        .map(|(name, code)| (name, code, Vec::new()))
        .collect();
    // One large contract after another, each for the first time: all of it must be read and made ready to do nothing.
    let strangers = "(i64.store (i32.const 12) (i64.add (i64.load (i32.const 12)) (i64.const 1)))
        (drop (call $call (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 0) (i64.const -1)))";
    for (name, code) in modules() {
        let others = (1..=40.min(gas / 20_000)).map(|n: u64| {
            let mut code = code.clone();
            // A section that says nothing, so that they differ.
            code.extend([0, 10, 1, b'n']);
            code.extend(n.to_le_bytes());
            let mut at = [0; 20];
            at[12..].copy_from_slice(&n.to_le_bytes());
            (Address::from(at), code)
        });
        all.push((
            format!("strangers with {name}"),
            looped(strangers, 50),
            others.collect(),
        ));
    }
    all
}

/// A transaction that does one thing for all its gas.
fn transaction(
    name: &str,
    genesis: WasmGenesis,
    to: TxKind,
    input: Vec<u8>,
    gas: u64,
) -> Option<String> {
    let (program, execution) = (program("wasm"), WasmExecution::new());
    let genesis = genesis.with_balance(signer(0).address(), U256::MAX >> 8);
    let mut chain = Chain::new(&execution, &program, &genesis.to_json());
    let bytes = sign(0, 0, to, U256::ZERO, input, gas);
    let block = block(&chain.head(), vec![bytes], 0);
    chain.append(&[block]);
    let instructions = chain.instructions.iter().copied().max().unwrap_or(0);
    let rate = instructions.saturating_sub(AROUND / 2) / chain.gas.max(1);
    println!(
        "{instructions:>11} {rate:>4} for each of {:>8} gas: {name}",
        chain.gas
    );
    let most = AROUND + WASM_INSTRUCTIONS_PER_GAS * chain.gas;
    (instructions > most || instructions >= MOST)
        .then(|| format!("{name}: {instructions} over {most}"))
}

#[test]
fn gas_bounds_instructions_of_webassembly() {
    const { assert!(AROUND + WASM_INSTRUCTIONS_PER_GAS * WASM_TRANSACTION_GAS < MOST) };
    let gas = rounds(400_000, WASM_TRANSACTION_GAS);
    let at = Address::repeat_byte(0xcc);
    let mut over = Vec::new();
    for (name, code, others) in dear(gas) {
        let genesis = others.into_iter().fold(
            WasmGenesis::default().with_contract(at, code),
            |genesis, (at, code)| genesis.with_contract(at, code),
        );
        over.extend(transaction(&name, genesis, TxKind::Call(at), vec![], gas));
    }
    for (name, code) in modules() {
        let name = format!("a creation with {name}");
        over.extend(transaction(
            &name,
            WasmGenesis::default(),
            TxKind::Create,
            code,
            WASM_TRANSACTION_GAS,
        ));
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
}
