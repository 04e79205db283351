//! A load that keeps as much waiting as is asked for, and what came of it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use plasma_core::Bytes;
use plasma_sdk::bench::{Times, rate};

use super::{Shape, load::transaction};

/// What was agreed on.
pub(super) struct Rates {
    pub(super) blocks: f64,
    pub(super) megabytes: f64,
    /// From submit to certified.
    pub(super) finality: Times,
}

/// Keeps so many blocks' worth of transactions waiting.
pub(super) struct Window {
    shape: Shape,
    most: u64,
    next: u64,
    waiting: HashMap<u64, Instant>,
    times: Vec<Duration>,
    blocks: usize,
    bytes: usize,
}

impl Window {
    /// Numbers begin at `next`: none is taken twice.
    pub(super) fn new(shape: Shape, blocks: u64, next: u64) -> Self {
        Self {
            shape,
            most: blocks * shape.transactions,
            next,
            waiting: HashMap::new(),
            times: Vec::new(),
            blocks: 0,
            bytes: 0,
        }
    }

    /// What is to be submitted now.
    pub(super) fn due(&mut self) -> Vec<Bytes> {
        let mut due = Vec::new();
        // By whole blocks, so that a block is not made of what came first.
        while self.waiting.len() as u64 + self.shape.transactions <= self.most {
            for _ in 0..self.shape.transactions {
                due.push(transaction(self.next, self.shape.length));
                self.waiting.insert(self.next, Instant::now());
                self.next += 1;
            }
        }
        due
    }

    /// A block was certified.
    pub(super) fn block(&mut self, bytes: usize, numbers: &[u64]) {
        self.blocks += 1;
        self.bytes += bytes;
        let sent = numbers.iter().filter_map(|one| self.waiting.remove(one));
        self.times.extend(sent.map(|sent| sent.elapsed()));
    }

    /// The number after the last.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn rates(self, took: Duration) -> Rates {
        Rates {
            blocks: rate(self.blocks, took),
            megabytes: rate(self.bytes, took) / 1e6,
            finality: Times::new(self.times),
        }
    }
}
