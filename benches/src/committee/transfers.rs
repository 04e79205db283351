//! From submit to certificate at a given rate, and where the time goes.

use std::time::{Duration, Instant};

use plasma_core::{Env as _, Sequencer as _, TokioEnv};
use plasma_sdk::bench::{Times, rate};
use tokio::runtime::Runtime;

use super::{
    ON, Shape,
    load::{number, transaction},
    network::{Arrival, Network},
    seconds,
};
use crate::{Failure, Figure, Options, figure::digits};

/// Offered transfers a second, and the figures' names.
const RATES: [(u64, [&str; 2]); 2] = [
    (
        1_000,
        [
            "committee.transfers_1000.p50_ms",
            "committee.transfers_1000.p99_ms",
        ],
    ),
    (
        20_000,
        [
            "committee.transfers_20000.p50_ms",
            "committee.transfers_20000.p99_ms",
        ],
    ),
];
/// How long to wait for what was submitted last.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn measure(runtime: &Runtime, options: &Options) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for (offered, names) in RATES {
        if names.iter().any(|name| options.wants(name)) {
            let time = seconds(options, 10, 3);
            let (times, detail) = runtime.block_on(offer(offered, time))?;
            for (name, percent) in names.into_iter().zip([50, 99]) {
                let value = times.percentile(percent).as_secs_f64() * 1e3;
                figures.push(Figure::new(name, value, "ms", &ON).detail(&*detail));
            }
        }
    }
    Ok(figures)
}

/// When a transfer was submitted.
#[derive(Clone, Copy)]
struct Sent {
    at: Instant,
    wall_ms: u64,
}

/// What became of transfers.
#[derive(Default)]
struct Outcome {
    times: Vec<Duration>,
    /// Until the block that has it was made, and from then on, in milliseconds.
    waited_ms: u64,
    agreed_ms: u64,
    blocks: usize,
}

impl Outcome {
    fn block(&mut self, arrival: &Arrival, sent: &[Sent]) {
        let header = &arrival.block.block.header;
        self.blocks += usize::from(arrival.member == 0);
        for bytes in &arrival.block.block.transactions {
            let Some(number) = number(bytes) else {
                continue;
            };
            // Each at the member that took it.
            if number % 4 != arrival.member as u64 {
                continue;
            }
            let Some(sent) = sent.get(number as usize) else {
                continue;
            };
            self.times.push(arrival.at.duration_since(sent.at));
            self.waited_ms += header.timestamp.0.saturating_sub(sent.wall_ms);
            self.agreed_ms += arrival.wall_ms.saturating_sub(header.timestamp.0);
        }
    }
}

async fn offer(offered: u64, time: Duration) -> Result<(Times, String), Failure> {
    let mut network = Network::start(Shape::TRANSFERS, 0, &[])?;
    network.connected(3).await?;
    let (mut sent, mut outcome) = (Vec::new(), Outcome::default());
    let (micros, writes) = network.writes.total();
    let began = Instant::now();
    let total = offered * time.as_secs();
    while (outcome.times.len() as u64) < total {
        let due = (began.elapsed().as_secs_f64() * offered as f64) as u64;
        while (sent.len() as u64) < due.min(total) {
            let number = sent.len() as u64;
            let (at, wall_ms) = (Instant::now(), TokioEnv.now().0);
            sent.push(Sent { at, wall_ms });
            let bytes = transaction(number, Shape::TRANSFERS.length);
            let member = network.member(number as usize % 4)?;
            member.submit(bytes).await?;
        }
        while let Some(arrival) = network.arrival(Duration::from_millis(1)).await {
            outcome.block(&arrival, &sent);
        }
        if began.elapsed() > time + PATIENCE {
            let done = outcome.times.len();
            return Err(format!(
                "{done} of {total} transfers are certified, and {} were submitted: this machine does not keep up with \
                 {offered} a second",
                sent.len()
            )
            .into());
        }
    }
    let took = began.elapsed();
    let (more, count) = network.writes.total();
    let (micros, writes) = (more - micros, count - writes);
    let each = |ms: u64| digits(ms as f64 / total as f64);
    let blocks = outcome.blocks.max(1);
    let detail = format!(
        "{} transfers/s certified in {} blocks/s; of the mean, {} ms waiting for a block and {} ms agreeing; durable \
         writes take {} ms of each member for a block, in {:.1} writes",
        digits(rate(total as usize, took)),
        digits(rate(blocks, took)),
        each(outcome.waited_ms),
        each(outcome.agreed_ms),
        digits(micros as f64 / 1e3 / 4.0 / blocks as f64),
        writes as f64 / 4.0 / blocks as f64,
    );
    Ok((Times::new(outcome.times), detail))
}
