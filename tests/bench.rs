//! `plasma bench execution`, as people and scripts use it.

use std::{fs, process::Command};

use serde_json::Value;
use tempfile::TempDir;

fn plasma(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args(["bench", "execution"])
        .args(arguments)
        .output()
        .expect("plasma runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

const LITTLE: [&str; 9] = [
    "--quick",
    "--transactions",
    "40",
    "--blocks",
    "2",
    "--accounts",
    "10",
    "--seed",
    "7",
];

#[test]
fn all_backends_do_all_workloads_and_the_json_says_how_fast() {
    let directory = TempDir::new().expect("a directory");
    let file = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let (json, svg) = (file("bench.json"), file("bench.svg"));
    let mut arguments = LITTLE.to_vec();
    arguments.extend(["--backend", "all", "--workload", "all", "--root", "on"]);
    arguments.extend(["--signatures", "on", "--json", &json, "--svg", &svg]);
    let (success, table, error) = plasma(&arguments);
    assert!(success, "{error}");
    assert!(table.starts_with("signatures checked, Merkle root per block, not durable\n"));
    let report: Value = serde_json::from_slice(&fs::read(&json).expect("a file")).expect("JSON");
    assert_eq!(report["settings"]["transactions"], 40);
    assert_eq!(report["settings"]["seed"], 7);
    assert_eq!(report["on"][1], "Merkle root per block");
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 6 * 3 * 2);
    for row in rows {
        let measured = &row["measured"];
        assert!(
            measured["transactionsPerSecond"]["median"].as_f64() > Some(0.0),
            "{row}"
        );
        // The binary counts, and nothing executes a transaction without memory.
        assert!(
            measured["allocationsPerTransaction"].as_f64() > Some(1.0),
            "{row}"
        );
        assert!(
            measured["allocatedBytesPerTransaction"].as_f64() > Some(10.0),
            "{row}"
        );
        assert!(measured["checkedFacts"].as_u64() >= Some(10), "{row}");
    }
    let names: Vec<&Value> = rows.iter().map(|row| &row["workload"]).collect();
    for name in [
        "transfers",
        "token",
        "swaps",
        "orderbook",
        "hot-key",
        "mixed",
    ] {
        assert_eq!(
            names.iter().filter(|found| ***found == name).count(),
            6,
            "{name}"
        );
        assert!(table.contains(name), "{table}");
    }
    let chart = fs::read_to_string(&svg).expect("a file");
    roxmltree::Document::parse(&chart).expect("well-formed XML");
}

#[test]
fn one_backend_at_one_workload_on_one_thread_is_one_row() {
    let directory = TempDir::new().expect("a directory");
    let json = directory
        .path()
        .join("bench.json")
        .to_string_lossy()
        .into_owned();
    let mut arguments = LITTLE.to_vec();
    arguments.extend([
        "--backend",
        "wasm",
        "--workload",
        "hot-key",
        "--threads",
        "one",
    ]);
    arguments.extend(["--json", &json]);
    let (success, _, error) = plasma(&arguments);
    assert!(success, "{error}");
    let report: Value = serde_json::from_slice(&fs::read(&json).expect("a file")).expect("JSON");
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["backend"], "wasm");
    assert_eq!(rows[0]["cores"], 1);
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_measured() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["--backend", "jvm"],
            "[possible values: modules, evm, wasm, all]",
        ),
        (
            &["--workload", "chess"],
            "[possible values: transfers, token, swaps, orderbook, hot-key, mixed, all]",
        ),
        (
            &["--json", "/nowhere/at/all.json"],
            "/nowhere/at/all.json: No such file or directory",
        ),
        (
            &["--durable", "on"],
            "what is kept on disk has a Merkle root; switch the root on, too",
        ),
        (
            &["--blocks", "7"],
            "5000 transactions do not make 7 equal blocks",
        ),
    ];
    for (arguments, words) in cases {
        let (success, table, error) = plasma(arguments);
        assert!(!success);
        assert!(error.contains(words), "{error}");
        assert_eq!(table, "");
    }
}
