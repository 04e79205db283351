//! A figure, and all of them as a table and as JSON.

use std::fmt;

use serde::Serialize;

pub use plasma_sdk::bench::Machine;
pub(crate) use plasma_sdk::bench::{cores, digits};

/// One measured number.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Its name, which stays the same from version to version.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// What it counts.
    pub unit: &'static str,
    /// What was on while it was measured.
    pub on: Vec<&'static str>,
    /// Sizes, spread and ceilings, in words.
    pub detail: String,
}

impl Figure {
    pub(crate) fn new(
        name: &'static str,
        value: f64,
        unit: &'static str,
        on: &[&'static str],
    ) -> Self {
        Self {
            name,
            value,
            unit,
            on: on.to_vec(),
            detail: String::new(),
        }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// All figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of the SDK.
    pub version: &'static str,
    /// Whether the workloads were small.
    pub quick: bool,
    /// The machine.
    pub machine: Machine,
    /// The numbers.
    pub figures: Vec<Figure>,
    /// What could not be measured, and why.
    pub failures: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .figures
            .iter()
            .map(|figure| figure.name.len())
            .max()
            .unwrap_or(0);
        let unit = self
            .figures
            .iter()
            .map(|figure| figure.unit.len())
            .max()
            .unwrap_or(0);
        for figure in &self.figures {
            let (value, on) = (digits(figure.value), figure.on.join(", "));
            writeln!(
                f,
                "{:name$}  {value:>12} {:unit$}  {on}",
                figure.name, figure.unit
            )?;
            if !figure.detail.is_empty() {
                writeln!(
                    f,
                    "{:name$}  {:>12} {:unit$}  {}",
                    "", "", "", figure.detail
                )?;
            }
        }
        let Machine {
            cores,
            processor,
            system,
        } = &self.machine;
        let size = if self.quick {
            "quick workloads"
        } else {
            "full workloads"
        };
        writeln!(
            f,
            "\n{cores} cores of {processor}, {system}; {size}; version {}",
            self.version
        )?;
        self.failures
            .iter()
            .try_for_each(|failure| writeln!(f, "NOT MEASURED: {failure}"))
    }
}
