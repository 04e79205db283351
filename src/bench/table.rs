//! A report as a table.

use std::fmt;

use super::{Machine, Report, Row, digits};

/// The columns behind workload, backend and threads: their heads and widths. With the three all are within 120 columns.
const COLUMNS: [(&str, usize); 12] = [
    ("tx/s", 10),
    ("+-%", 4),
    ("p50", 7),
    ("p90", 7),
    ("p99", 7),
    ("p50", 6),
    ("p99", 6),
    ("gas", 8),
    ("allocs", 7),
    ("bytes", 8),
    ("keys", 6),
    ("bytes", 7),
];

impl Row {
    fn cells(&self) -> Option<[String; 12]> {
        let measured = self.measured.as_ref()?;
        let rates = measured.transactions_per_second;
        let spread = 50.0 * (rates.fastest - rates.slowest) / rates.median;
        let counted = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), digits);
        let (block, alone) = (measured.block_ms, measured.transaction_alone_us);
        Some([
            digits(rates.median),
            format!("{spread:.0}"),
            digits(block.p50),
            digits(block.p90),
            digits(block.p99),
            digits(alone.p50),
            digits(alone.p99),
            digits(measured.gas_per_transaction.round()),
            counted(measured.allocations_per_transaction),
            counted(measured.allocated_bytes_per_transaction),
            digits(measured.state_keys_per_transaction),
            digits(measured.state_bytes_per_transaction),
        ])
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.rows.iter().map(|row| row.backend.chars().count());
        let name = name.chain([7]).max().unwrap_or(7);
        writeln!(f, "{}", self.on.join(", "))?;
        writeln!(
            f,
            "{:10}{:name$} {:>3}{:>10}{:>26}{:>13}{:>9}{:>15}{:>14}",
            "", "", "", "", "block, ms  ", "alone, us  ", "", "allocated  ", "state grows"
        )?;
        write!(f, "{:10}{:name$} {:>3}", "workload", "backend", "thr")?;
        for (head, width) in COLUMNS {
            write!(f, " {head:>width$}")?;
        }
        writeln!(f)?;
        let mut workload = None;
        for row in &self.rows {
            let shown = if workload == Some(row.workload) {
                ""
            } else {
                row.workload.name()
            };
            workload = Some(row.workload);
            write!(f, "{shown:10}{:name$} {:>3}", row.backend, row.cores)?;
            match row.cells() {
                Some(cells) => {
                    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
                        write!(f, " {cell:>width$}")?;
                    }
                }
                None => {
                    let what = row.unsupported.as_deref().unwrap_or("it");
                    write!(f, "   not supported: it has no transaction for {what}")?;
                }
            }
            writeln!(f)?;
        }
        let Machine {
            cores,
            processor,
            system,
        } = &self.machine;
        let settings = &self.settings;
        writeln!(
            f,
            "\n{} transactions of {} accounts in {} blocks, median of {} runs, seed {}; every run came to the same state.\n\
             Gas, allocations and growth are those of a transaction. Alone: executed as the only one of a block's.\n\
             {cores} cores of {processor}, {system}; version {}",
            settings.transactions,
            settings.accounts,
            settings.blocks,
            settings.runs,
            settings.seed,
            self.version
        )
    }
}
