//! Gas of whole transactions, by class of step.

use std::{collections::BTreeMap, fmt};

/// Each class with what its steps took.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<u64>>);

impl Figures {
    pub(crate) fn add(&mut self, class: String, gas: u64) {
        self.0.entry(class).or_default().push(gas);
    }

    pub(crate) fn join(&mut self, other: Self) {
        for (class, gas) in other.0 {
            self.0.entry(class).or_default().extend(gas);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().map(|gas| gas.len() as u64).sum()
    }

    pub(crate) fn has(&self, class: &str) -> bool {
        self.0.contains_key(class)
    }

    /// The median of the classes' medians.
    pub(crate) fn median_of_classes(&self) -> u64 {
        median(self.0.values().map(|gas| median(gas.clone())).collect())
    }

    /// The most that a step took, apart from those with long proofs.
    pub(crate) fn worst_short(&self) -> u64 {
        let short = self.0.iter().filter(|(class, _)| !class.ends_with("long"));
        short.flat_map(|(_, gas)| gas).max().copied().unwrap_or(0)
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>32} {:>8} {:>8} {:>8}",
            "gas of a transaction over", "steps", "median", "worst"
        )?;
        for (class, gas) in &self.0 {
            let worst = gas.iter().max().copied().unwrap_or(0);
            writeln!(
                f,
                "{class:>32} {:>8} {:>8} {worst:>8}",
                gas.len(),
                median(gas.clone())
            )?;
        }
        writeln!(
            f,
            "median over classes {}, worst without long proofs {}",
            self.median_of_classes(),
            self.worst_short()
        )
    }
}
