//! The Solidity contracts: their toolchain, their tests, and the artifacts that are committed.
//!
//! Building the Rust workspace needs none of this: it reads the committed artifacts. They are
//! rebuilt here, byte for byte the same on every machine, and [`check`] says when they are stale.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{tools::root, twins};
use serde_json::{Map, Value, json};

/// What is committed: the contracts that somebody deploys or calls, with their source files.
const CONTRACTS: [(&str, &str); 15] = [
    ("Bridge", "src/Bridge.sol"),
    ("BridgedToken", "src/l2/BridgedToken.sol"),
    ("ChainRegistry", "src/ChainRegistry.sol"),
    ("FeeBurner", "src/FeeBurner.sol"),
    ("Inbox", "src/Inbox.sol"),
    ("L2Bridge", "src/l2/L2Bridge.sol"),
    ("Promises", "src/Promises.sol"),
    ("RiscvStep", "src/RiscvStep.sol"),
    ("SequencerRegistry", "src/SequencerRegistry.sol"),
    ("Stakes", "src/Stakes.sol"),
    ("TestToken", "src/TestToken.sol"),
    ("Tournament", "src/Tournament.sol"),
    ("Xpl", "src/Xpl.sol"),
    ("XplGovernor", "src/XplGovernor.sol"),
    ("XplTimelock", "src/XplTimelock.sol"),
];

/// The predeploys of EVM chains, whose runtime code plasma-exec carries, and their addresses.
const PREDEPLOYS: [(&str, &str); 1] = [("L2Bridge", "0x0000000000000000000000000000000000706C61")];

/// Installs the pinned toolchain from npm, unless it is there.
pub(crate) fn install() -> Result<(), String> {
    let dir = contracts_dir();
    let manifest = read_json(&dir.join("package.json"))?;
    if is_installed(&dir, &manifest) {
        return Ok(());
    }
    println!("contracts: installing the toolchain (npm install)");
    // Not `npm ci`, which refuses a lock file without the binaries of every platform, and some
    // mirrors of the registry lack those. What the lock file names is still checked by its hash.
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save"]).current_dir(&dir);
    run(&mut npm).map_err(|error| {
        format!("{error}\nThe contracts' toolchain comes from npm: install Node.js 20 or later.")
    })
}

/// Compiles the contracts and rewrites the committed artifacts and hash vectors.
pub(crate) fn build() -> Result<(), String> {
    for (path, text) in compile()? {
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
        }
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("contracts: wrote {}", shown(&path));
    }
    // The test that compares the vectors with what Solidity makes also writes them.
    run(
        forge(&["test", "--quiet", "--match-contract", "VectorsTest"])
            .env("PLASMA_WRITE_VECTORS", "true"),
    )
}

/// Runs the Foundry tests: a seeded sample, or (`long`) many more fuzz and invariant runs.
pub(crate) fn test(long: bool) -> Result<(), String> {
    install()?;
    let profile = if long { "long" } else { "default" };
    run(forge(&["test"]).env("FOUNDRY_PROFILE", profile))
}

/// Fails if the committed artifacts are not what the sources compile to, and says where; or if a
/// source is not formatted.
pub(crate) fn check() -> Result<(), String> {
    install()?;
    run(&mut forge(&["fmt", "--check"]))?;
    run(forge(&["fmt", "--check"]).args(twins::sources()))?;
    let mut stale = Vec::new();
    for (path, text) in compile()? {
        match fs::read_to_string(&path) {
            Ok(old) if old == text => {}
            Ok(old) => stale.push(format!("{}: {}", shown(&path), difference(&old, &text))),
            Err(error) => stale.push(format!("{}: {error}", shown(&path))),
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "committed contract artifacts differ from their sources:\n  {}\n\
         Rebuild them with `cargo xtask contracts` and commit the result.",
        stale.join("\n  ")
    ))
}

/// Compiles from scratch; the files to commit and their contents.
fn compile() -> Result<BTreeMap<PathBuf, String>, String> {
    install()?;
    // Tests are left out and nothing is taken from a cache: the output depends on src/ only.
    run(&mut forge(&[
        "build", "--force", "--skip", "test", "--quiet",
    ]))?;
    let dir = contracts_dir();
    let mut files = BTreeMap::new();
    for (name, source) in CONTRACTS {
        let file = Path::new(source).file_name().unwrap_or_default();
        let raw = read_json(&dir.join("out").join(file).join(format!("{name}.json")))?;
        let artifact = artifact(name, source, &raw)?;
        if let Some((_, address)) = PREDEPLOYS.iter().find(|(predeploy, _)| *predeploy == name) {
            let predeploy = json!({
                "abi": artifact["abi"],
                "address": address,
                "contractName": name,
                "deployedBytecode": artifact["deployedBytecode"],
            });
            files.insert(
                predeploys_dir().join(format!("{name}.json")),
                pretty(&predeploy),
            );
        }
        files.insert(
            dir.join("artifacts").join(format!("{name}.json")),
            pretty(&artifact),
        );
    }
    files.extend(twins::compile(&dir)?);
    Ok(files)
}

/// What we keep of forge's output: what callers need, and what the code was made from.
pub(crate) fn artifact(name: &str, source: &str, raw: &Value) -> Result<Value, String> {
    let code = |kind: &str| -> Result<String, String> {
        let code = raw[kind]["object"].as_str().unwrap_or_default();
        if code.len() <= 2 || !code[2..].bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("{name}: {kind} is empty or not linked"));
        }
        Ok(code.to_owned())
    };
    let metadata = &raw["metadata"];
    let sources: Map<String, Value> = metadata["sources"]
        .as_object()
        .ok_or_else(|| format!("{name}: forge's output has no metadata"))?
        .iter()
        // The libraries' versions are pinned by package-lock.json.
        .filter(|(path, _)| !path.starts_with("node_modules/"))
        .map(|(path, entry)| (path.clone(), entry["keccak256"].clone()))
        .collect();
    if !sources.contains_key(source) {
        return Err(format!("{name}: not compiled from {source}"));
    }
    Ok(json!({
        "abi": raw["abi"],
        "bytecode": code("bytecode")?,
        "compiler": {
            "evmVersion": metadata["settings"]["evmVersion"],
            "optimizer": metadata["settings"]["optimizer"],
            "version": metadata["compiler"]["version"],
        },
        "contractName": name,
        "deployedBytecode": code("deployedBytecode")?,
        "sources": sources,
    }))
}

/// JSON with sorted keys, one line per member and per element of the ABI: small, the same on every
/// machine whatever features `serde_json` was built with, and readable as a diff.
pub(crate) fn pretty(value: &Value) -> String {
    let mut lines = Vec::new();
    for (key, member) in sorted(value.as_object()) {
        let head = format!("  {}: ", json!(key));
        match member {
            Value::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|i| format!("    {}", compact(i)))
                    .collect();
                lines.push(format!("{head}[\n{}\n  ]", items.join(",\n")));
            }
            Value::Object(members) => {
                let members: Vec<_> = sorted(Some(members))
                    .map(|(k, v)| format!("    {}: {}", json!(k), compact(v)))
                    .collect();
                lines.push(format!("{head}{{\n{}\n  }}", members.join(",\n")));
            }
            other => lines.push(format!("{head}{other}")),
        }
    }
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn compact(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(compact).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members: Vec<_> = sorted(Some(members))
                .map(|(key, member)| format!("{}:{}", json!(key), compact(member)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

fn sorted(members: Option<&Map<String, Value>>) -> impl Iterator<Item = (&String, &Value)> {
    members
        .into_iter()
        .flatten()
        .collect::<BTreeMap<_, _>>()
        .into_iter()
}

/// The first line that differs, cut to what fits a screen: bytecode is one very long line.
fn difference(committed: &str, built: &str) -> String {
    let (mut old, mut new) = (committed.lines(), built.lines());
    for number in 1_u32.. {
        let (was, is) = (old.next(), new.next());
        if was != is {
            let (was, is) = (was.unwrap_or("(end)"), is.unwrap_or("(end)"));
            let same = was
                .bytes()
                .zip(is.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            let from = same.saturating_sub(20);
            let cut = |line: &str| line.chars().skip(from).take(70).collect::<String>();
            return format!(
                "line {number}, column {}:\n    committed: {}\n    built:     {}",
                same + 1,
                cut(was),
                cut(is)
            );
        }
    }
    String::from("line ends differ")
}

/// Whether every pinned package is there in the pinned version.
fn is_installed(dir: &Path, manifest: &Value) -> bool {
    ["dependencies", "devDependencies"]
        .into_iter()
        .all(|group| {
            sorted(manifest[group].as_object()).all(|(package, version)| {
                let path = dir.join("node_modules").join(package).join("package.json");
                read_json(&path).is_ok_and(|installed| installed["version"] == *version)
            })
        })
}

fn forge(arguments: &[&str]) -> Command {
    let dir = contracts_dir();
    let mut command = Command::new(dir.join("node_modules/.bin/forge"));
    command.args(arguments).current_dir(dir);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn contracts_dir() -> PathBuf {
    root().join("plasma-bridge/contracts")
}

fn predeploys_dir() -> PathBuf {
    root().join("plasma-exec/src/evm/predeploys")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
