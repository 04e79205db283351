//! What it was measured on.

use std::fs;

use serde::Serialize;

/// What it was measured on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Cores that the process may use.
    pub cores: usize,
    /// The processor's name, where the system tells.
    pub processor: String,
    /// The operating system and the architecture.
    pub system: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = about
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cores: cores(),
            processor: name.map_or("unknown", |(_, name)| name).to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// Cores that the process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
