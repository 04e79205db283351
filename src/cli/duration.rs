//! Durations on the command line: `250ms`, `2s`, `5m`, `1h`, or a plain number of seconds.

use std::time::Duration;

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| {
        format!("`{text}` is no duration; write 250ms, 2s, 5m, 1h or a number of seconds")
    })?;
    let seconds = match unit {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        other => return Err(format!("`{other}` is no unit of time; use ms, s, m or h")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("`{text}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_nonsense_is_refused() {
        let cases = [
            ("250ms", Some(250)),
            ("2", Some(2_000)),
            ("1.5s", Some(1_500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("", None),
            ("x", None),
            ("3d", None),
            ("1.2.3", None),
        ];
        for (text, millis) in cases {
            assert_eq!(
                parse(text).ok(),
                millis.map(Duration::from_millis),
                "{text}"
            );
        }
    }
}
