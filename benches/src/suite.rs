//! Which figures there are, and measuring those that are asked for.

use std::{env, path::PathBuf, time::Instant};

use tempfile::TempDir;

use crate::{
    Failure, Figure, Machine, Report, availability, claims, committee, derivation, disputes, evm,
    guest, live, machine, parallel, path, signatures, startup, state, transfers, wasm,
};

/// What to measure, and how much of it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Smaller workloads.
    pub quick: bool,
    /// What a figure's name must contain.
    pub filter: String,
}

impl Options {
    /// Whether the figure of this name is asked for.
    pub fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    /// The full size of a workload, or the quick one.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// Figures that one workload gives.
struct Group {
    /// In the order in which they are printed.
    names: &'static [&'static str],
    measure: fn(&Options) -> Result<Vec<Figure>, Failure>,
}

const GROUPS: [Group; 16] = [
    Group {
        names: transfers::NAMES,
        measure: transfers::measure,
    },
    Group {
        names: path::NAMES,
        measure: path::measure,
    },
    Group {
        names: signatures::NAMES,
        measure: signatures::measure,
    },
    Group {
        names: live::NAMES,
        measure: live::measure,
    },
    Group {
        names: derivation::NAMES,
        measure: derivation::measure,
    },
    Group {
        names: claims::NAMES,
        measure: claims::measure,
    },
    Group {
        names: evm::NAMES,
        measure: evm::measure,
    },
    Group {
        names: wasm::NAMES,
        measure: wasm::measure,
    },
    Group {
        names: parallel::NAMES,
        measure: parallel::measure,
    },
    Group {
        names: state::NAMES,
        measure: state::measure,
    },
    Group {
        names: availability::NAMES,
        measure: availability::measure,
    },
    Group {
        names: machine::NAMES,
        measure: machine::measure,
    },
    Group {
        names: guest::NAMES,
        measure: guest::measure,
    },
    Group {
        names: disputes::NAMES,
        measure: disputes::measure,
    },
    Group {
        names: committee::NAMES,
        measure: committee::measure,
    },
    Group {
        names: startup::NAMES,
        measure: startup::measure,
    },
];

/// The names of all figures.
pub fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.names).copied()
}

/// Measures what the options ask for. One figure's failure is reported and stops no other.
pub fn run(options: &Options) -> Report {
    let (mut figures, mut failures) = (Vec::new(), Vec::new());
    for group in &GROUPS {
        let wanted: Vec<&str> = group
            .names
            .iter()
            .copied()
            .filter(|name| options.wants(name))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let started = Instant::now();
        let measured = (group.measure)(options);
        eprintln!(
            "{}: {:.1} s",
            wanted.join(", "),
            started.elapsed().as_secs_f64()
        );
        match measured {
            Ok(measured) => {
                let missing = wanted
                    .iter()
                    .filter(|name| measured.iter().all(|figure| figure.name != **name));
                failures.extend(
                    missing
                        .map(|name| format!("{name}: this machine does not allow it (see above)")),
                );
                figures.extend(
                    measured
                        .into_iter()
                        .filter(|figure| options.wants(figure.name)),
                );
            }
            Err(error) => failures.push(format!("{}: {error}", wanted.join(", "))),
        }
    }
    Report {
        version: env!("CARGO_PKG_VERSION"),
        quick: options.quick,
        machine: Machine::here(),
        figures,
        failures,
    }
}

/// The folder that cargo builds in: it is on a disk, which `/tmp` may not be.
pub(crate) fn target_dir() -> PathBuf {
    let here = env::current_exe().ok();
    let target = here.as_deref().and_then(|exe| exe.parent()?.parent());
    target.map_or_else(env::temp_dir, PathBuf::from)
}

/// A directory on the disk for one measurement, removed afterwards.
pub(crate) fn directory() -> Result<TempDir, Failure> {
    Ok(tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(target_dir())?)
}
