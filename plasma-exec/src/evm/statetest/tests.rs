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
        "bytesBadV",
        "bytesCut",
        "bytesHighS",
        "bytesOfNoChain",
        "bytesOfOtherChain",
        "countLeadingZeros",
        "create",
        "createAndDestroy",
        "dataFloor",
        "deleteSlot",
        "emptyCoinbase",
        "nonceTooHigh",
        "outOfGas",
        "revert",
        "setCode",
        "setCodeBeyondNumbers",
        "setCodeCreates",
        "setCodeOfNobody",
        "setCodeOtherNonce",
        "storageBeside",
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
            "bytesOfOtherChain.json",
            "\"expectException\"",
            "\"other\"",
            "state root",
        ),
        (
            "bytesOfNoChain.json",
            "\"txbytes\"",
            "\"expectException\": \"X\", \"txbytes\"",
            "should be refused: X",
        ),
        (
            "bytesOfNoChain.json",
            "\"value\": [\n    \"0x0\"",
            "\"value\": [\n    \"0x1\"",
            "txbytes say",
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
        (good.replace("secretKey\": \"0x45", "secretKey\": \"0x"), "31 bytes, not 32"),
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
    for other in [
        r#"{ "a": { "blocks": [] } }"#,
        r#"{ "a": { "engineNewPayloads": [] } }"#,
        r#"{ "a": { "txbytes": "0x", "result": {} } }"#,
        r#"{ "a": { "vectors": {} } }"#,
        r#"{ "root_hash": "0x", "test_cases": [] }"#,
    ] {
        let report = run_text("some.json", other.as_bytes());
        assert_eq!(
            (report.skipped.len(), report.failed.len()),
            (1, 0),
            "{other}"
        );
    }
}

#[test]
fn what_is_left_out_is_nothing() {
    let good = fixture("transfer.json");
    let secret = "0x45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8";
    let sender = r#""sender": "0xa94f5374fce5edbc8e2a8697c15331677e6ebf0b", "secretKey": "0x""#;
    let cases = [
        (
            "\"nonce\": \"0x0\",\n    \"balance\"",
            "\"balance\"".to_owned(),
        ),
        ("\"code\": \"0x\",", String::new()),
        ("\"logs\": ", "\"l\": ".into()),
        ("\"currentBaseFee\"", "\"fee\"".into()),
        ("\"0xa\"", "null".into()),
        (
            "\"currentDifficulty\": \"0x0\"",
            "\"currentDifficulty\": null".into(),
        ),
        ("{\n   \"chainid\": \"0x1\"\n  }", "null".into()),
        ("\"hash\"", "\"txbytes\": \"0x\", \"hash\"".into()),
        (&format!("\"secretKey\": \"{secret}\""), sender.into()),
    ];
    for (from, to) in cases {
        let text = good.replace(from, &to);
        assert_ne!(text, good, "{from}");
        let report = run_text("some.json", text.as_bytes());
        assert_eq!(report.failed, vec![], "{from}");
    }
}

#[test]
fn bytes_of_any_length_are_read() {
    use crate::ethereum::testing::{sign, user};

    let long = alloy_consensus::TxLegacy {
        chain_id: Some(1),
        input: vec![0; plasma_core::MAX_TRANSACTION_BYTES].into(),
        ..Default::default()
    };
    let bytes = sign(1, long);
    assert_eq!(travels::signer(&bytes, 1), Ok(user(1)));
    let error = travels::signer(&bytes, 2).expect_err("another chain's");
    assert_eq!(error, "txbytes are for chain 1, not 2");
    assert!(travels::signer(&bytes[1..], 1).is_err());
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
    // Links are followed, round in a circle as well.
    #[cfg(unix)]
    {
        use std::os::unix::{fs::symlink, net::UnixListener};
        symlink(path, below.join("round")).expect("linked");
        symlink(&below, path.join("again")).expect("linked");
        symlink(below.join("revert.json"), path.join("linked.json")).expect("linked");
        let _socket = UnixListener::bind(below.join("socket.json")).expect("bound");
        let report = run_state_tests(path).expect("they are there");
        let failed: Vec<_> = report.failed.iter().map(|(_, why)| why.as_str()).collect();
        assert_eq!(report.passed.len(), 4, "{:?}", report.passed);
        assert!(
            failed.contains(&"no file of state tests: it is no regular file"),
            "{failed:?}"
        );
        assert_eq!(failed.len(), 2);
    }
    let error = run_state_tests(&path.join("absent")).expect_err("absent");
    assert!(matches!(error, StateTestError::Read { .. }), "{error}");
}
