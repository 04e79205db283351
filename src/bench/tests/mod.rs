//! The bench itself, small: all backends do the same work, and who does not is found out.

mod twins;

use plasma_core::{
    Address, Admission, BlockContext, Bytes, Execution, ExecutionError, Query, QueryError, Receipt,
    Rejection, Reply, State, StateRead, Step, TransactionView, U256,
};
use plasma_exec::Parallelism;
use serde_json::Value;

use super::*;

fn all() -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(ModulesContender),
        Box::new(ContractContender::evm()),
        Box::new(ContractContender::wasm()),
    ]
}

/// A contender whose blocks are always spread, however small they are.
struct AlwaysSpread(Box<dyn Contender>);

impl Contender for AlwaysSpread {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn execution(&self, parallelism: Parallelism) -> Box<dyn Execution> {
        self.0.execution(if parallelism == Parallelism::default() {
            Parallelism::always(4)
        } else {
            parallelism
        })
    }

    fn genesis(&self, world: &World) -> Vec<u8> {
        self.0.genesis(world)
    }

    fn set_up(&self, world: &World, nonces: &mut Nonces) -> Vec<Vec<Bytes>> {
        self.0.set_up(world, nonces)
    }

    fn encode(&self, world: &World, operation: &Operation, nonce: u64) -> Option<Bytes> {
        self.0.encode(world, operation, nonce)
    }

    fn ask(&self, world: &World, fact: &Fact) -> Option<Query> {
        self.0.ask(world, fact)
    }
}

fn all_spread() -> Vec<Box<dyn Contender>> {
    let spread = all()
        .into_iter()
        .map(|contender| -> Box<dyn Contender> { Box::new(AlwaysSpread(contender)) });
    spread.collect()
}

fn small(seed: u64) -> Settings {
    Settings {
        seed,
        transactions: 240,
        blocks: 3,
        runs: 2,
        accounts: 24,
        ..Settings::default()
    }
}

fn measured(
    settings: &Settings,
    contenders: &[Box<dyn Contender>],
    workloads: &[Workload],
) -> Result<Report, BenchError> {
    run(settings, contenders, workloads, None, &mut |_| {})
}

/// The bench fails when balances, reserves or books differ from the model's, and when threads change anything.
#[test]
fn the_same_operations_come_to_the_same_end_on_every_backend_whatever_the_threads() {
    for seed in [1, 77] {
        let report = measured(&small(seed), &all_spread(), &Workload::ALL);
        let report = report.expect("all agree");
        assert_eq!(report.rows.len(), 6 * 3 * 2);
        for workload in Workload::ALL {
            let rows = report.rows.iter().filter(|row| row.workload == workload);
            let checked = rows.map(|row| row.measured.as_ref().map(|m| m.checked_facts));
            let checked: Vec<_> = checked.collect();
            // Each backend was asked about everything: nobody answers less than another.
            assert!(
                checked.iter().all(|count| *count == checked[0]),
                "{checked:?}"
            );
            let least = if workload.uses_tokens() { 3 * 24 } else { 24 };
            assert!(
                checked[0].is_some_and(|count| count >= least),
                "{checked:?}"
            );
        }
    }
}

#[test]
fn one_book_and_one_pool_that_everybody_uses_come_out_the_same_too() {
    // Two people share all that there is: deep queues, partial fills, orders met by their own owner.
    let settings = Settings {
        accounts: 2,
        ..small(5)
    };
    let workloads = [Workload::Orderbook, Workload::Swaps, Workload::Mixed];
    measured(&settings, &all_spread(), &workloads).expect("all agree");
}

#[test]
fn every_switch_gives_the_same_state_and_is_named() {
    let contenders = all();
    let roots = |report: &Report| -> Vec<_> {
        let rows = report.rows.iter();
        rows.map(|row| row.measured.as_ref().map(|m| m.state_root))
            .collect()
    };
    let off = measured(&small(3), &contenders, &[Workload::Mixed]).expect("it runs");
    assert_eq!(
        off.on,
        ["signatures checked before", "no Merkle root", "not durable"]
    );
    let on = Settings {
        signatures: true,
        root: true,
        durable: true,
        ..small(3)
    };
    let on = measured(&on, &contenders, &[Workload::Mixed]).expect("it runs");
    assert_eq!(
        on.on,
        [
            "signatures checked",
            "Merkle root per block",
            "durable per block"
        ]
    );
    assert_eq!(roots(&off), roots(&on));
    let other = measured(&small(4), &contenders, &[Workload::Mixed]).expect("it runs");
    assert_ne!(roots(&off), roots(&other));
}

#[test]
fn settings_that_make_no_sense_are_refused_in_words() {
    let cases = [
        (
            Settings {
                runs: 0,
                ..small(1)
            },
            "runs 0 is outside 1 to 1000000",
        ),
        (
            Settings {
                accounts: 1,
                ..small(1)
            },
            "accounts 1 is outside 2 to 1000000",
        ),
        (
            Settings {
                blocks: 241,
                ..small(1)
            },
            "blocks 241 is outside 1 to 240",
        ),
        (
            Settings {
                blocks: 7,
                ..small(1)
            },
            "240 transactions do not make 7 equal blocks; give a multiple of it",
        ),
        (
            Settings {
                transactions: 40_000,
                blocks: 2,
                ..small(1)
            },
            "20000 transactions in a block are over the limit of 16384; make 3 blocks or more",
        ),
        (
            Settings {
                durable: true,
                ..small(1)
            },
            "what is kept on disk has a Merkle root; switch the root on, too",
        ),
        (
            Settings {
                threads: Vec::new(),
                ..small(1)
            },
            "no number of threads is given; one or all of them",
        ),
    ];
    for (settings, words) in cases {
        let error = measured(&settings, &[], &Workload::ALL).expect_err(words);
        assert_eq!(error.to_string(), words);
    }
    let nowhere = Settings {
        root: true,
        durable: true,
        directory: "/nowhere/at/all".into(),
        ..small(1)
    };
    let error = measured(&nowhere, &all(), &[Workload::Transfers]).expect_err("no directory");
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/at/all: no directory"),
        "{error}"
    );
}

/// What a contender does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Lie {
    /// It sends one unit less of everything.
    LessWork,
    /// Its transactions fail.
    Fails,
    /// What it comes to depends on the threads.
    Threads,
    /// It has no tokens.
    NoTokens,
}

/// The modules, but for a lie.
struct Liar(Lie);

impl Contender for Liar {
    fn name(&self) -> &'static str {
        "<liar & \"co\">"
    }

    fn execution(&self, parallelism: Parallelism) -> Box<dyn Execution> {
        let inner = ModulesContender.execution(parallelism);
        let moody = self.0 == Lie::Threads && parallelism == Parallelism::default();
        Box::new(Moody { inner, moody })
    }

    fn genesis(&self, world: &World) -> Vec<u8> {
        ModulesContender.genesis(world)
    }

    fn encode(&self, world: &World, operation: &Operation, nonce: u64) -> Option<Bytes> {
        let mut operation = *operation;
        match (self.0, &mut operation) {
            (Lie::LessWork, Operation::Transfer { amount, .. }) => *amount -= 1,
            (Lie::Fails, Operation::Transfer { from, to, .. }) => {
                let call = EthereumCall {
                    to: Some(world.address(*to)),
                    value: U256::from(2 * FUNDS),
                    gas_limit: 21_000,
                    ..EthereumCall::default()
                };
                return Some(world.sign(*from, nonce, call));
            }
            (Lie::NoTokens, Operation::TokenTransfer { .. }) => return None,
            _ => {}
        }
        ModulesContender.encode(world, &operation, nonce)
    }
}

/// An execution that writes one key more when it is moody.
struct Moody {
    inner: Box<dyn Execution>,
    moody: bool,
}

impl Execution for Moody {
    fn genesis(&self, state: &mut dyn State, config: &[u8]) -> Result<(), ExecutionError> {
        self.inner.genesis(state, config)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        transaction: &[u8],
    ) -> Result<Admission, Rejection> {
        self.inner.admit(state, block, transaction)
    }

    fn apply(&self, state: &mut dyn State, block: &BlockContext, step: &Step) -> Receipt {
        if self.moody {
            state.set(plasma_core::B256::repeat_byte(0xee), Some(vec![1].into()));
        }
        self.inner.apply(state, block, step)
    }

    fn query(
        &self,
        state: &dyn StateRead,
        block: &BlockContext,
        query: &Query,
    ) -> Result<Reply, QueryError> {
        self.inner.query(state, block, query)
    }

    fn view(&self, block: &BlockContext, transaction: &[u8]) -> Option<TransactionView> {
        self.inner.view(block, transaction)
    }
}

#[test]
fn who_does_less_fails_or_differs_between_threads_is_found_out() {
    let cases = [
        (Lie::LessWork, "XPL of person"),
        (Lie::Fails, "step 1 of block 1 failed: insufficient funds"),
        (Lie::Threads, "block 0 came to something else in run 0 on"),
    ];
    for (lie, words) in cases {
        let contenders: [Box<dyn Contender>; 1] = [Box::new(Liar(lie))];
        let error = measured(&small(1), &contenders, &[Workload::Transfers]).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    }
}

fn with_unsupported() -> Report {
    let contenders: [Box<dyn Contender>; 2] =
        [Box::new(Liar(Lie::NoTokens)), Box::new(ModulesContender)];
    let workloads = [Workload::HotKey, Workload::Mixed];
    measured(&small(1), &contenders, &workloads).expect("it runs")
}

#[test]
fn what_is_not_supported_is_said_and_is_no_number() {
    let report = with_unsupported();
    let table = report.to_string();
    assert!(table.contains("not supported: it has no transaction for a transfer of a token"));
    let json: Value = serde_json::from_str(&report.to_json()).expect("it is JSON");
    let rows = json["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 2 * 2 * 2);
    let (unsupported, supported): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|row| row["measured"].is_null());
    assert_eq!(unsupported.len(), 2);
    for row in unsupported {
        assert_eq!(row["workload"], "mixed");
        assert_eq!(row["unsupported"], "a transfer of a token");
    }
    for row in supported {
        assert!(row["unsupported"].is_null());
        assert!(row["measured"]["transactionsPerSecond"]["median"].as_f64() > Some(0.0));
        assert!(row["measured"]["gasPerTransaction"].as_f64() >= Some(21_000.0));
        assert!(row["measured"]["allocationsPerTransaction"].is_null());
    }
}

#[test]
fn a_table_fits_a_terminal_of_120_columns() {
    let mut report = measured(&small(1), &all(), &[Workload::Mixed]).expect("it runs");
    // As large as numbers come.
    for row in &mut report.rows {
        let measured = row.measured.as_mut().expect("measured");
        measured.transactions_per_second = Spread::of(vec![9_999_999.0, 8_888_888.0]);
        measured.allocations_per_transaction = Some(12_345.6);
        measured.allocated_bytes_per_transaction = Some(123_456.7);
    }
    let text = report.to_string();
    for line in text.lines() {
        assert!(
            line.chars().count() <= 120,
            "{} columns: {line}",
            line.chars().count()
        );
    }
}

#[test]
fn the_json_names_what_was_measured_and_with_what() {
    let report = measured(&small(9), &all(), &[Workload::Transfers]).expect("it runs");
    let json: Value = serde_json::from_str(&report.to_json()).expect("it is JSON");
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["settings"]["seed"], 9);
    assert_eq!(json["settings"]["signatures"], false);
    assert_eq!(json["settings"]["root"], false);
    assert_eq!(json["settings"]["durable"], false);
    assert_eq!(json["machine"]["cores"], cores());
    let row = &json["rows"][1];
    assert_eq!(row["backend"], "modules");
    assert_eq!(row["threads"], "all");
    for name in ["p50", "p90", "p99"] {
        assert!(row["measured"]["blockMs"][name].is_f64(), "{row}");
        assert!(
            row["measured"]["transactionAloneUs"][name].is_f64(),
            "{row}"
        );
    }
    // Two runs of three blocks, and each transaction once.
    assert_eq!(row["measured"]["blockMs"]["samples"], 6);
    assert_eq!(row["measured"]["transactionAloneUs"]["samples"], 240);
    // Payments between people who have accounts add nothing.
    assert_eq!(row["measured"]["gasPerTransaction"], 21_000.0);
    assert_eq!(row["measured"]["stateKeysPerTransaction"], 0.0);
}

#[test]
fn a_chart_is_well_formed_and_has_a_bar_for_each_number_whatever_a_contender_is_called() {
    let report = with_unsupported();
    let svg = report.to_svg();
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    assert_eq!(
        root.tag_name().namespace(),
        Some("http://www.w3.org/2000/svg")
    );
    let bars = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "rect")));
    let measured = report
        .rows
        .iter()
        .filter(|row| row.measured.is_some())
        .count();
    // And the ground behind them.
    assert_eq!(bars.count(), measured + 1);
    let texts: Vec<&str> = document
        .descendants()
        .filter_map(|node| node.text())
        .collect();
    assert!(texts.contains(&"<liar & \"co\">, 1 thread"), "{texts:?}");
    assert!(texts.contains(&"not supported"));
    // The longest bar belongs to the highest rate, and none is beyond the picture.
    for node in document.descendants() {
        let number = |name| {
            node.attribute(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        if let (Some(x), Some(width)) = (number("x"), number("width")) {
            assert!(x + width <= 960);
        }
    }
}

#[test]
fn nobody_of_the_world_gets_the_fees() {
    let world = World::new(Workload::Transfers, 24);
    assert!(
        world
            .addresses()
            .all(|address| address != Address::repeat_byte(0x99))
    );
}
