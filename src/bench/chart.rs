//! A report as a chart: bars by workload and backend, in SVG.

use std::fmt::Write as _;

use super::{Machine, Report, Row, Threads, digits};

const WIDTH: usize = 960;
/// Where bars begin, and how long the longest is.
const LEFT: usize = 190;
const LONGEST: usize = 640;
const BAR: usize = 18;
const GAP: usize = 5;
const HEAD: usize = 74;
const FOOT: usize = 40;
/// By backend, in the order in which they come.
const COLORS: [&str; 6] = [
    "#3366cc", "#dc7a1e", "#2a9d5c", "#a03ca8", "#b83242", "#5f6b7a",
];

/// What has a meaning of its own in XML, and what must not be in it at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // XML has no control characters but these, and not the last two of the first plane.
            '\t' | '\n' | '\r' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if letter.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A chart that is written from top to bottom.
struct Chart {
    body: String,
    y: usize,
}

impl Chart {
    fn text(&mut self, x: usize, size: usize, anchor: &str, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(
            self.body,
            r##"<text x="{x}" y="{}" font-size="{size}" text-anchor="{anchor}" fill="#222222">{}</text>"##,
            self.y,
            escaped(text)
        );
    }

    fn row(&mut self, row: &Row, color: &str, most: f64) {
        let threads = match row.cores {
            1 => "1 thread".to_owned(),
            cores => format!("{cores} threads"),
        };
        let top = self.y;
        self.y = top + BAR - 5;
        self.text(LEFT - 8, 12, "end", &format!("{}, {threads}", row.backend));
        let Some(measured) = &row.measured else {
            self.text(LEFT + 4, 12, "start", "not supported");
            self.y = top + BAR + GAP;
            return;
        };
        let rate = measured.transactions_per_second.median;
        let length = if most > 0.0 {
            (rate / most * LONGEST as f64).round() as usize
        } else {
            0
        };
        let opacity = match row.threads {
            Threads::One => "0.6",
            Threads::All => "1",
        };
        let _ = writeln!(
            self.body,
            r#"<rect x="{LEFT}" y="{top}" width="{length}" height="{BAR}" fill="{color}" fill-opacity="{opacity}"/>"#
        );
        self.text(LEFT + length + 6, 12, "start", &digits(rate));
        self.y = top + BAR + GAP;
    }
}

impl Report {
    /// A chart of the transactions a second, all on one scale from zero.
    pub fn to_svg(&self) -> String {
        let mut chart = Chart {
            body: String::new(),
            y: 28,
        };
        chart.text(
            16,
            18,
            "start",
            "Transactions a second, by workload and backend",
        );
        chart.y = 50;
        chart.text(16, 12, "start", &self.on.join(", "));
        chart.y = HEAD;
        let rates = self.rows.iter().filter_map(|row| row.measured.as_ref());
        let rates = rates.map(|measured| measured.transactions_per_second.median);
        let most = rates.fold(0.0, f64::max);
        let mut backends: Vec<&str> = Vec::new();
        let mut workload = None;
        for row in &self.rows {
            if workload != Some(row.workload) {
                workload = Some(row.workload);
                chart.y += BAR;
                chart.text(16, 14, "start", row.workload.name());
                chart.y += GAP * 2;
            }
            let known = backends.iter().position(|backend| *backend == row.backend);
            let color = known.unwrap_or_else(|| {
                backends.push(&row.backend);
                backends.len() - 1
            });
            chart.row(row, COLORS[color % COLORS.len()], most);
        }
        chart.y += FOOT / 2;
        let Machine {
            cores,
            processor,
            system,
        } = &self.machine;
        let settings = &self.settings;
        let foot = format!(
            "{} transactions in {} blocks, median of {} runs, seed {}; {cores} cores of {processor}, {system}; version {}",
            settings.transactions, settings.blocks, settings.runs, settings.seed, self.version
        );
        chart.text(16, 11, "start", &foot);
        let height = chart.y + FOOT / 2;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            chart.body
        )
    }
}
