//! The example contracts in Solidity: the twins of those in WebAssembly, compiled, and committed.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Map, Value, json};

use crate::{
    contracts::{artifact, pretty},
    tools::root,
    wasm::CONTRACTS,
};

/// Optimised like the contracts on the root, and like them without a trace of the machine and of comments.
fn settings() -> Value {
    json!({
        "optimizer": { "enabled": true, "runs": 2000 },
        "evmVersion": "prague",
        "metadata": { "bytecodeHash": "none", "appendCBOR": false },
        "outputSelection": { "*": { "*": ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    })
}

fn source(name: &str) -> String {
    format!("examples/contracts/{name}/{name}.sol")
}

/// Where they are.
pub(crate) fn sources() -> impl Iterator<Item = PathBuf> {
    CONTRACTS.iter().map(|name| root().join(source(name)))
}

/// The files to commit and their contents, by the compiler that `tools` has.
pub(crate) fn compile(tools: &Path) -> Result<BTreeMap<PathBuf, String>, String> {
    let mut sources = Map::new();
    for name in CONTRACTS {
        let path = source(name);
        let text = fs::read_to_string(root().join(&path)).map_err(|e| format!("{path}: {e}"))?;
        sources.insert(path, json!({ "content": text }));
    }
    let input = json!({ "language": "Solidity", "sources": sources, "settings": settings() });
    let output = solc(tools, &input.to_string())?;
    // Warnings too: as for the contracts on the root.
    if let Some(error) = output["errors"].get(0) {
        let words = error["formattedMessage"].as_str();
        return Err(words
            .unwrap_or("solc reports an error without words")
            .to_owned());
    }
    let mut files = BTreeMap::new();
    for name in CONTRACTS {
        let path = source(name);
        let (contract, raw) = output["contracts"][&path]
            .as_object()
            .into_iter()
            .flatten()
            .find(|(_, raw)| raw["evm"]["bytecode"]["object"] != "")
            .ok_or_else(|| format!("{path} has no contract"))?;
        let code = |kind: &str| {
            let code = raw["evm"][kind]["object"].as_str().unwrap_or_default();
            json!({ "object": format!("0x{code}") })
        };
        let metadata = raw["metadata"].as_str().unwrap_or_default();
        let raw = json!({
            "abi": raw["abi"],
            "bytecode": code("bytecode"),
            "deployedBytecode": code("deployedBytecode"),
            "metadata": serde_json::from_str::<Value>(metadata).map_err(|e| format!("{path}: {e}"))?,
        });
        let committed = root().join(format!("examples/contracts/artifacts/{name}.json"));
        files.insert(committed, pretty(&artifact(contract, &path, &raw)?));
    }
    Ok(files)
}

fn solc(tools: &Path, input: &str) -> Result<Value, String> {
    let mut solc = Command::new("node")
        .args(["tools/solc", "--standard-json"])
        .current_dir(tools)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("node tools/solc: {error}"))?;
    // The compiler reads all of it before it writes anything.
    let mut stdin = solc.stdin.take().ok_or("node tools/solc takes no input")?;
    stdin
        .write_all(input.as_bytes())
        .map_err(|error| format!("node tools/solc: {error}"))?;
    drop(stdin);
    let output = solc
        .wait_with_output()
        .map_err(|error| format!("node tools/solc: {error}"))?;
    if !output.status.success() {
        return Err(format!("node tools/solc: {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("node tools/solc: {error}"))
}
