//! The fixtures, whose roots come from elsewhere, and what is no fixture.

use std::{fs, path::Path};

use alloc::{format, string::String, vec, vec::Vec};

use super::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/statetests")
}

fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join(name)).expect("it is there")
}

fn run_text(file: &str, text: &[u8]) -> StateTestReport {
    let mut report = StateTestReport::default();
    run_tests(file, parse(text).expect("a file of tests"), &mut report);
    report
}

#[test]
fn the_fixtures_pass() {
    let report = run_state_tests(&fixtures()).expect("they are there");
    assert_eq!(report.failed, vec![]);
    let before = ["Paris", "Shanghai", "Cancun"];
    let now = ["Prague", "Osaka"];
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str, forks: &[&str], cases: &[&str]| {
        for fork in forks {
            let title = |case| format!("{name}.json/{name}/{fork}/{case}");
            names.extend(cases.iter().map(title));
        }
    };
    for name in [
        "accessList",
        "belowBaseFee",
        "blob",
        "blobsTooMany",
        "blockHash",
        "countLeadingZeros",
        "create",
        "createAndDestroy",
        "dataFloor",
        "deleteSlot",
        "nonceTooHigh",
        "outOfGas",
        "revert",
        "setCode",
        "setCodeBeyondNumbers",
        "setCodeCreates",
        "setCodeOfNobody",
        "setCodeOtherNonce",
        "storeAndLog",
        "transferAtBaseFee",
        "valueBeyondNumbers",
    ] {
        add(name, &now, &["d0g0v0"]);
    }
    add("dataFloor", &before, &["d0g0v0"]);
    add("setCode", &["Cancun"], &["d0g0v0"]);
    add("transfer", &before, &["d0g0v0"]);
    add("transfer", &now, &["d0g0v0", "d0g0v1", "d0g1v0", "d0g0v2"]);
    let mut passed = report.passed;
    passed.sort();
    names.sort();
    assert_eq!(passed, names);
    let skipped: Vec<&str> = report
        .skipped
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        skipped,
        [
            "storageWithoutNonce.json/storageWithoutNonce/Osaka/d0g0v0",
            "storageWithoutNonce.json/storageWithoutNonce/Prague/d0g0v0",
            "transfer.json/transfer/London/d0g0v0",
        ]
    );
    assert!(report.skipped[0].1.contains("storage"));
    assert!(report.skipped[2].1.contains("London"));
}

#[test]
fn what_differs_is_said() {
    // What is changed, and what is said of the first case that fails.
    let cases = [
        ("storeAndLog.json", "\"0x9\"", "\"0x8\"", "state root"),
        (
            "storeAndLog.json",
            "0x6001600055602a5f5260076020",
            "0x6001600055602a5f5260066020",
            "state root",
        ),
        (
            "nonceTooHigh.json",
            "\"nonce\": \"0x7\"",
            "\"nonce\": \"0x0\"",
            "should be refused",
        ),
        (
            "transferAtBaseFee.json",
            "\"gasPrice\": \"0xa\"",
            "\"gasPrice\": \"0x9\"",
            "should be executed",
        ),
        (
            "valueBeyondNumbers.json",
            "\"expectException\"",
            "\"other\"",
            "should be executed",
        ),
        (
            "transfer.json",
            "\"logs\": \"0x1d",
            "\"logs\": \"0x2d",
            "logs hash",
        ),
    ];
    for (file, from, to, said) in cases {
        let text = fixture(file).replace(from, to);
        assert_ne!(text, fixture(file), "{file}: {from}");
        let report = run_text(file, text.as_bytes());
        let (name, reason) = report.failed.first().expect("one fails");
        assert!(
            name.starts_with(file) && reason.contains(said),
            "{name}: {reason}"
        );
    }
}

#[test]
fn what_is_no_state_test_fails_and_says_where() {
    let good = fixture("transfer.json");
    for (text, said) in [
        (String::new(), "EOF"),
        ("[]".into(), "expected a map"),
        (good[..good.len() / 2].into(), "line"),
    ] {
        let reason = parse(text.as_bytes()).expect_err("malformed");
        assert!(reason.contains(said), "{reason:?} does not say {said:?}");
    }
    let signed = fixture("setCode.json");
    let cases = [
        (r#"{ "a": {} }"#.into(), "missing field `env`"),
        (good.replace("\"0x5208\"", "5"), "invalid type"),
        (good.replace("currentNumber", "number"), "currentNumber"),
        (good.replace("\"gas\": 1", "\"gas\": 2"), "index 2 of gas is beyond the 2"),
        (good.replace("\"0xde0b6b3a7640000\"", "\"0xg\""), "no number of 256 bits"),
        (good.replace("\"balance\": \"0x", "\"balance\": \"0x1000000000000000000000000000000000000000000000000000000000000000000"), "no number"),
        (good.replace("\"to\": \"0x", "\"to\": \"0x00"), "21 bytes, not 20"),
        (good.replace("secretKey", "secret"), "neither sender nor secretKey"),
        (signed.replace("\"v\"", "\"w\"").replace("yParity", "parity"), "neither v nor yParity"),
    ];
    for (text, said) in cases {
        let report = run_text("some.json", text.as_bytes());
        let (name, reason) = report.failed.first().expect("it fails");
        assert!(name.starts_with("some.json/"), "{name}");
        assert!(reason.contains(said), "{reason:?} does not say {said:?}");
    }
    // One name of the parity is enough.
    for (one, other) in [("\"v\"", "\"w\""), ("yParity", "parity")] {
        let text = signed.replace(one, other);
        assert_ne!(text, signed);
        assert_eq!(run_text("some.json", text.as_bytes()).failed, vec![]);
    }
    // Such a refusal has to be expected.
    let creates = fixture("setCodeCreates.json").replace("\"expectException\"", "\"other\"");
    let failed = run_text("some.json", creates.as_bytes()).failed;
    assert!(failed[0].1.contains("type 4 creates nothing"), "{failed:?}");
    // Bytes that are no text, and a tower of brackets.
    assert!(parse(&[0xff, 0xfe, 0]).is_err());
    assert!(parse(&vec![b'['; 1 << 20]).is_err());
    let blocks = run_text("some.json", br#"{ "a": { "blocks": [] } }"#);
    assert_eq!((blocks.skipped.len(), blocks.failed.len()), (1, 0));
}

#[test]
fn directories_are_searched_and_errors_name_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let error = run_state_tests(path).expect_err("nothing to run");
    assert!(error.to_string().contains("no .json file"), "{error}");
    let below = path.join("stOne/stTwo");
    fs::create_dir_all(&below).expect("made");
    fs::create_dir_all(path.join(".meta")).expect("made");
    fs::write(path.join(".meta/index.json"), "nonsense").expect("written");
    fs::write(path.join("README.md"), "nonsense").expect("written");
    fs::write(below.join("revert.json"), fixture("revert.json")).expect("written");
    let report = run_state_tests(path).expect("they are there");
    assert_eq!(
        report.passed,
        [
            "stOne/stTwo/revert.json/revert/Osaka/d0g0v0",
            "stOne/stTwo/revert.json/revert/Prague/d0g0v0",
        ]
    );
    let one = run_state_tests(&below.join("revert.json")).expect("they are there");
    assert_eq!(one.passed[0], "revert.json/revert/Osaka/d0g0v0");
    fs::write(below.join("broken.json"), "{ \"a\": ").expect("written");
    // The others are run all the same.
    let report = run_state_tests(path).expect("they are there");
    assert_eq!((report.passed.len(), report.failed.len()), (2, 1));
    let (name, reason) = &report.failed[0];
    assert_eq!(name, "stOne/stTwo/broken.json");
    assert!(reason.contains("line 1"), "{reason}");
    let error = run_state_tests(&path.join("absent")).expect_err("absent");
    assert!(matches!(error, StateTestError::Read { .. }), "{error}");
}
