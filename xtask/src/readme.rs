//! The README's commands, run as written.
//!
//! A code block of the kind `sh` in README.md is run line by line with bash, in the workspace. A block marked
//! `sh skip` is shown only: those start something that runs until it is stopped, or run this very task.

use std::{fs, process::Command};

use crate::tools::{root, run, target_dir};

/// Runs them.
pub(crate) fn check() -> Result<(), String> {
    let readme = fs::read_to_string(root().join("README.md"))
        .map_err(|error| format!("README.md: {error}"))?;
    links(&readme)?;
    let mut count = 0;
    for block in blocks(&readme) {
        println!("$ {}", block.trim_end().replace('\n', "\n$ "));
        let path = std::env::var("PATH").unwrap_or_default();
        run(Command::new("bash")
            .args(["-euo", "pipefail", "-c", &block])
            .env(
                "PATH",
                format!("{}:{path}", target_dir().join("debug").display()),
            )
            .current_dir(root()))?;
        count += 1;
    }
    if count == 0 {
        return Err("README.md has no `sh` block to run".to_owned());
    }
    println!("README: {count} blocks ran");
    Ok(())
}

fn blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in readme.lines() {
        match (&mut open, line) {
            (None, "```sh") => open = Some(String::new()),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// Every relative link must lead somewhere.
fn links(readme: &str) -> Result<(), String> {
    for part in readme.split("](").skip(1) {
        let target = part.split([')', '#']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") && !root().join(target).exists() {
            return Err(format!("README.md links to {target}, which is not there"));
        }
    }
    Ok(())
}
