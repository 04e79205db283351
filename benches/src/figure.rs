//! A figure, and all of them as a table and as JSON.

use std::{fmt, fs};

use serde::Serialize;

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
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
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

/// Three digits, or all before the point, with commas.
pub(crate) fn digits(value: f64) -> String {
    let places = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.places$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, whole) = whole
        .strip_prefix('-')
        .map_or(("", whole), |whole| ("-", whole));
    let grouped: Vec<&str> = (0..whole.len().div_ceil(3))
        .rev()
        .map(|group| &whole[whole.len().saturating_sub(3 * group + 3)..whole.len() - 3 * group])
        .collect();
    format!("{sign}{}{rest}", grouped.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_keep_three_digits() {
        let cases = [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (999.6, "1,000"),
            (1_234_567.8, "1,234,568"),
        ];
        for (value, text) in cases {
            assert_eq!(digits(value), text);
        }
        assert_eq!(digits(-4_321.0), "-4,321");
    }
}
