//! What four members cost when blocks come at a slow pace.

use std::{fs, time::Duration};

use tokio::runtime::Runtime;

use super::{CPU, MEMORY, ON, PACE_MS, Shape, network::Network, seconds};
use crate::{Failure, Figure, Options};

/// Ticks of the system's accounting in a second, on every Linux that there is.
const TICKS: f64 = 100.0;
const PAGE: f64 = 4_096.0;

pub(super) fn measure(runtime: &Runtime, options: &Options) -> Result<Vec<Figure>, Failure> {
    let time = seconds(options, 20, 4);
    let before = resident()?;
    let (cpu, blocks, after) = runtime.block_on(async {
        let mut network = Network::start(Shape::SMALL, PACE_MS, &[])?;
        network.connected(3).await?;
        network.run(1, Duration::from_secs(1), None).await?;
        let began = cpu()?;
        let rates = network.run(1, time, None).await?;
        let used = cpu()? - began;
        Ok::<_, Failure>((used / time.as_secs_f64(), rates.blocks, resident()?))
    })?;
    let detail = format!("{blocks:.2} blocks/s of one transaction; the load included");
    let grown = (after - before) / 1e6;
    let memory = format!(
        "what the process grew by, of {:.0} MB in all; nothing was done in it before",
        after / 1e6
    );
    Ok(vec![
        Figure::new(CPU, cpu, "cores", &ON).detail(detail),
        Figure::new(MEMORY, grown, "MB", &ON).detail(memory),
    ])
}

/// Seconds of processor time that this process used.
fn cpu() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may have spaces.
    let (_, rest) = text.rsplit_once(')').ok_or("an unknown /proc/self/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |at: usize| -> Result<f64, Failure> {
        Ok(fields.get(at).ok_or("a short /proc/self/stat")?.parse()?)
    };
    Ok((field(11)? + field(12)?) / TICKS)
}

/// Bytes of memory in use.
fn resident() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text
        .split(' ')
        .nth(1)
        .ok_or("an unknown /proc/self/statm")?;
    Ok(pages.parse::<f64>()? * PAGE)
}
