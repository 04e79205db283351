//! The sequencer network: rates and finality beside the bare engine, with members that are dead or come and go, what
//! it costs when there is little to do, and where a transfer's time goes.

mod bare;
mod idle;
mod load;
mod media;
mod network;
mod rates;
mod transfers;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::{
    Failure, Figure, Options,
    figure::{cores, digits},
};
use network::Network;
use rates::Rates;

pub(crate) const NAMES: &[&str] = &[
    CPU,
    MEMORY,
    "committee.small.blocks_per_s",
    "committee.small.finality_p50_ms",
    "committee.small.finality_p99_ms",
    "committee.small.to_bare_engine",
    "committee.100kb.blocks_per_s",
    "committee.100kb.mb_per_s",
    "committee.100kb.finality_p50_ms",
    "committee.100kb.finality_p99_ms",
    "committee.100kb.to_bare_engine",
    "committee.1mb.blocks_per_s",
    "committee.1mb.mb_per_s",
    "committee.1mb.finality_p50_ms",
    "committee.1mb.finality_p99_ms",
    "committee.1mb.to_bare_engine",
    DEAD,
    DEAD_PACED,
    RESTARTING,
    "committee.transfers_1000.p50_ms",
    "committee.transfers_1000.p99_ms",
    "committee.transfers_20000.p50_ms",
    "committee.transfers_20000.p99_ms",
];

const CPU: &str = "committee.at_250ms.core_share";
const MEMORY: &str = "committee.at_250ms.memory_mb";
const DEAD: &str = "committee.one_dead_of_four";
const DEAD_PACED: &str = "committee.one_dead_of_four_at_250ms";
const RESTARTING: &str = "committee.one_restarting_every_5s";

const ON: [&str; 5] = [
    "4 members in one process",
    "loopback sockets",
    "encrypted links",
    "journal and round log synced",
    "no signatures of users",
];
/// The pace of a chain that few use, in milliseconds.
const PACE_MS: u64 = 250;
/// Blocks' worth of transactions that wait while a rate is measured.
const WINDOW: u64 = 3;

/// What blocks are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    name: &'static str,
    /// Of a full block.
    transactions: u64,
    /// In bytes.
    length: usize,
}

impl Shape {
    const SMALL: Self = Self::new("small", 1, 110);
    const MIDDLE: Self = Self::new("100kb", 1, 100_000);
    const LARGE: Self = Self::new("1mb", 8, 125_000);
    /// Blocks of transfers, as large as they may be.
    const TRANSFERS: Self = Self::new("transfers", 9_000, 110);

    const fn new(name: &'static str, transactions: u64, length: usize) -> Self {
        Self {
            name,
            transactions,
            length,
        }
    }

    fn block_bytes(self) -> usize {
        self.transactions as usize * self.length
    }
}

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let mut figures = Vec::new();
    // First, while the process is small.
    if options.wants(CPU) || options.wants(MEMORY) {
        figures.extend(idle::measure(&runtime, options)?);
    }
    for shape in [Shape::SMALL, Shape::MIDDLE, Shape::LARGE] {
        let names = NAMES.iter().filter(|name| {
            let group = name.strip_prefix("committee.");
            group.is_some_and(|name| name.starts_with(shape.name))
        });
        let names: Vec<&'static str> = names.copied().collect();
        if names.iter().any(|name| options.wants(name)) {
            figures.extend(rate(&runtime, options, shape, &names)?);
        }
    }
    if [DEAD, DEAD_PACED, RESTARTING]
        .iter()
        .any(|name| options.wants(name))
    {
        figures.extend(faults(&runtime, options)?);
    }
    figures.extend(transfers::measure(&runtime, options)?);
    Ok(figures)
}

fn seconds(options: &Options, full: usize, quick: usize) -> Duration {
    Duration::from_secs(options.size(full, quick) as u64)
}

/// The rate with blocks of a shape, with all members but the dead ones.
fn run(
    runtime: &Runtime,
    shape: Shape,
    (pace_ms, window): (u64, u64),
    dead: &[usize],
    restarts: Option<(usize, Duration)>,
    time: Duration,
) -> Result<Rates, Failure> {
    runtime.block_on(async {
        let mut network = Network::start(shape, pace_ms, dead)?;
        network.connected(3 - dead.len()).await?;
        // Timeouts have found their length by then.
        network.run(window, Duration::from_secs(1), None).await?;
        network.run(window, time, restarts).await
    })
}

fn rate(
    runtime: &Runtime,
    options: &Options,
    shape: Shape,
    names: &[&'static str],
) -> Result<Vec<Figure>, Failure> {
    let time = seconds(options, 10, 2);
    // Alternately, for the machine may change its pace.
    let half = time / 2;
    let bare = [
        bare::measure(shape, WINDOW, half)?,
        run(runtime, shape, (0, WINDOW), &[], None, time)?,
        bare::measure(shape, WINDOW, half)?,
    ];
    let [first, full, second] = bare;
    let engine = f64::midpoint(first.blocks, second.blocks);
    // One block at a time: what waits for its turn would be counted otherwise.
    let single = run(runtime, shape, (0, 1), &[], None, half)?;
    let alone = bare::measure(shape, 1, half)?;
    let ms = |rates: &Rates, percent| rates.finality.percentile(percent).as_secs_f64() * 1e3;
    let values = [
        ("blocks_per_s", full.blocks, "blocks/s"),
        ("mb_per_s", full.megabytes, "MB/s"),
        ("finality_p50_ms", ms(&single, 50), "ms"),
        ("finality_p99_ms", ms(&single, 99), "ms"),
        ("to_bare_engine", full.blocks / engine, "x"),
    ];
    let figures = values.into_iter().filter_map(|(end, value, unit)| {
        let name = *names.iter().find(|name| name.ends_with(end))?;
        let detail = match end {
            "blocks_per_s" => format!(
                "{WINDOW} blocks' worth waiting; the bare engine makes {} blocks/s, {} MB/s: four replicas in one \
                 thread with logs in memory, no links and no codec",
                digits(engine),
                digits(engine * shape.block_bytes() as f64 / 1e6)
            ),
            "finality_p50_ms" => format!(
                "one block at a time, {} blocks/s; the bare engine {} ms at {} blocks/s",
                digits(single.blocks),
                digits(ms(&alone, 50)),
                digits(alone.blocks)
            ),
            _ => String::new(),
        };
        Some(Figure::new(name, value, unit, &ON).detail(detail))
    });
    Ok(figures.collect())
}

fn faults(runtime: &Runtime, options: &Options) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    let mut compare = |name, pace_ms, dead: &[usize], restarts, time| -> Result<(), Failure> {
        if !options.wants(name) {
            return Ok(());
        }
        let shape = Shape::SMALL;
        let load = (pace_ms, WINDOW);
        let all = run(runtime, shape, load, &[], None, time)?.blocks;
        let less = run(runtime, shape, load, dead, restarts, time)?.blocks;
        let (less_text, all_text) = (digits(less), digits(all));
        let detail = format!("{less_text} blocks/s against {all_text} with all, small blocks");
        figures.push(Figure::new(name, less / all, "x", &ON).detail(detail));
        Ok(())
    };
    compare(DEAD, 0, &[2], None, seconds(options, 20, 4))?;
    compare(DEAD_PACED, PACE_MS, &[2], None, seconds(options, 40, 8))?;
    let every = Duration::from_secs(5);
    let restarts = Some((3, every));
    compare(RESTARTING, 0, &[], restarts, seconds(options, 30, 8))?;
    let cores = cores();
    for figure in &mut figures {
        figure.detail += "; cores for all: ";
        figure.detail += &cores.to_string();
    }
    Ok(figures)
}
