//! Every figure of the project, under a stable name.

use std::path::Path;

use crate::tools;

/// Builds the benches and runs them.
pub(crate) fn run(json: Option<&Path>, filter: Option<&str>, quick: bool) -> Result<(), String> {
    let mut args = vec![
        "run",
        "--quiet",
        "--release",
        "--package",
        "plasma-benches",
        "--",
    ];
    let json = json.map(|path| path.display().to_string());
    if let Some(json) = &json {
        args.extend(["--json", json]);
    }
    if let Some(filter) = filter {
        args.extend(["--filter", filter]);
    }
    if quick {
        args.push("--quick");
    }
    tools::cargo(&args)
}
