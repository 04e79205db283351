//! Messages on their way.

use std::{collections::BTreeMap, sync::Arc};

use plasma_core::Address;
use rand::{Rng as _, rngs::SmallRng};

use super::scenario::Scenario;

/// A message to a member.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) to: usize,
    pub(super) from: Address,
    pub(super) bytes: Arc<Vec<u8>>,
}

/// What is under way, and what becomes of it.
#[derive(Debug)]
pub(super) struct Network {
    loss: u32,
    twice: u32,
    delay_ms: u64,
    sides: Option<Vec<bool>>,
    queue: BTreeMap<(u64, u64), Delivery>,
    count: u64,
    most: usize,
}

/// More than this at once means that something feeds itself: at least so many, and so many from each to each.
const MAX_UNDER_WAY: usize = 200_000;
const MAX_FOR_EACH: usize = 60;

impl Network {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            loss: scenario.loss,
            twice: scenario.twice,
            delay_ms: scenario.delay_ms,
            sides: None,
            queue: BTreeMap::new(),
            count: 0,
            most: MAX_UNDER_WAY.max(MAX_FOR_EACH * scenario.weights.len().pow(2)),
        }
    }

    pub(super) fn part(&mut self, sides: Option<Vec<bool>>) {
        self.sides = sides;
    }

    /// From now on everything arrives, and soon.
    pub(super) fn calm(&mut self) {
        (self.loss, self.twice, self.sides) = (0, 0, None);
        self.delay_ms = self.delay_ms.min(20);
    }

    pub(super) fn send(&mut self, rng: &mut SmallRng, now: u64, from: usize, delivery: Delivery) {
        if let Some(sides) = &self.sides
            && sides[from] != sides[delivery.to]
        {
            return;
        }
        if rng.random_range(0..1_000) < self.loss {
            return;
        }
        let copies = 1 + u32::from(rng.random_range(0..1_000) < self.twice);
        for _ in 0..copies {
            self.count += 1;
            let at = now + rng.random_range(1..=self.delay_ms);
            self.queue.insert((at, self.count), delivery.clone());
        }
        assert!(self.queue.len() < self.most, "a flood");
    }

    pub(super) fn next(&self) -> Option<u64> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn pop(&mut self, now: u64) -> Option<Delivery> {
        let first = self.queue.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
