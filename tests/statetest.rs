//! `plasma evm statetest`, as a user runs it: what it prints and how it ends.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plasma-exec/tests/statetests")
}

fn statetest(path: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plasma"))
        .args(["evm", "statetest"])
        .arg(path)
        .args(more)
        .output()
        .expect("the binary starts")
}

fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_passes_is_counted_and_what_is_skipped_says_why() {
    let output = statetest(&fixtures(), &["--names"]);
    let (out, err) = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(out.ends_with("71 passed, 0 failed, 3 skipped\n"), "{out}");
    assert!(
        out.contains("passed   transfer.json/transfer/Osaka/d0g0v0\n"),
        "{out}"
    );
    assert!(out.contains("skipped  transfer.json/transfer/London/d0g0v0: the rules of London"));
    let (out, _) = printed(&statetest(&fixtures().join("revert.json"), &[]));
    assert_eq!(out, "2 passed, 0 failed, 0 skipped\n");
}

#[test]
fn a_failure_shows_in_the_exit_status() {
    let folder = TempDir::new().expect("a folder can be made");
    let good = fs::read_to_string(fixtures().join("revert.json")).expect("it is there");
    let path = folder.path().join("wrong.json");
    fs::write(&path, good.replace("\"0x5\"", "\"0x6\"")).expect("the file can be written");
    let output = statetest(folder.path(), &[]);
    let (out, _) = printed(&output);
    // The value went back: nothing but the transaction is different.
    assert_eq!(output.status.code(), Some(0), "{out}");
    fs::write(&path, good.replace("\"0x60015f", "\"0x60025f")).expect("the file can be written");
    let output = statetest(folder.path(), &[]);
    let (out, _) = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(
        out.contains("failed   wrong.json/revert/Osaka/d0g0v0: state root 0x"),
        "{out}"
    );
    assert!(out.ends_with("0 passed, 2 failed, 0 skipped\n"), "{out}");
}

#[test]
fn what_cannot_be_run_is_a_clear_error() {
    let folder = TempDir::new().expect("a folder can be made");
    let check = |said: &[&str]| {
        let output = statetest(folder.path(), &[]);
        let (out, err) = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{out}{err}");
        for said in said {
            let printed = format!("{out}{err}");
            assert!(printed.contains(said), "{printed:?} does not say {said:?}");
        }
    };
    check(&["there is no .json file below"]);
    let path = folder.path().join("broken.json");
    fs::write(&path, "{ \"a\": [").expect("the file can be written");
    check(&[
        "failed   broken.json: no file of state tests",
        "line 1 column",
    ]);
    fs::write(&path, "{ \"a\": { \"env\": {} } }").expect("the file can be written");
    check(&["failed   broken.json/a: no state test", "missing field"]);
    fs::write(&path, "{ \"a\": { \"blocks\": [] } }").expect("the file can be written");
    check(&["no test was run: all were skipped"]);
}
