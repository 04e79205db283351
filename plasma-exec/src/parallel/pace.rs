//! What steps take, to compare ways of doing them.

use std::time::{Duration, Instant};

use plasma_core::Receipt;

/// What steps took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(super) time: Duration,
    pub(super) gas: u64,
}

impl Cost {
    pub(super) fn add(&mut self, time: Duration, receipts: &[Receipt]) {
        self.time += time;
        let gas = receipts.iter().map(|receipt| receipt.gas_used.0);
        self.gas = gas.fold(self.gas, u64::saturating_add);
    }

    /// Whether it is less time for as much gas, by a ninth at least: what differs less may be chance.
    pub(super) fn is_less_than(&self, other: &Self) -> bool {
        let time = |cost: &Self, gas: u64| cost.time.as_nanos() * u128::from(gas);
        9 * time(self, other.gas) < 8 * time(other, self.gas)
    }
}

/// Takes the time of steps that are done one after the other, but not of the first ones: what is kept from one step to the
/// next is not there yet, and of a whole block they are a small part.
pub(crate) struct Pace {
    /// Steps that are still not counted.
    first: usize,
    began: Option<Instant>,
    cost: Cost,
}

impl Pace {
    pub(super) fn after(first: usize) -> Self {
        Self {
            first,
            began: None,
            cost: Cost::default(),
        }
    }

    /// A step is about to be done.
    #[cfg(any(feature = "evm", feature = "wasm"))]
    pub(crate) fn begin(&mut self) {
        if self.first == 0 {
            self.began.get_or_insert_with(Instant::now);
        }
    }

    /// A step was done.
    #[cfg(any(feature = "evm", feature = "wasm"))]
    pub(crate) fn step(&mut self, receipt: &Receipt) {
        if self.first == 0 {
            self.cost.gas = self.cost.gas.saturating_add(receipt.gas_used.0);
        } else {
            self.first -= 1;
        }
    }

    /// All that belongs to the steps so far was done.
    pub(crate) fn end(&mut self) {
        if let Some(began) = self.began.take() {
            self.cost.time += began.elapsed();
        }
    }

    /// Steps were done all at once, which began then.
    pub(super) fn at_once(&mut self, began: Instant, receipts: &[Receipt]) {
        self.cost.add(began.elapsed(), receipts);
    }

    /// What the steps took that count.
    pub(super) fn cost(self) -> Cost {
        self.cost
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use plasma_core::Gas;

    use super::*;

    fn receipt(gas: u64) -> Receipt {
        Receipt {
            gas_used: Gas(gas),
            ..Receipt::default()
        }
    }

    #[test]
    fn less_time_for_as_much_gas_is_less() {
        let cost = |time, gas| Cost {
            time: Duration::from_nanos(time),
            gas,
        };
        assert!(cost(10, 100).is_less_than(&cost(12, 100)));
        assert!(!cost(10, 100).is_less_than(&cost(11, 100)));
        assert!(cost(10, 100).is_less_than(&cost(10, 88)));
        assert!(!cost(10, 100).is_less_than(&cost(20, 200)));
    }

    #[cfg(any(feature = "evm", feature = "wasm"))]
    #[test]
    fn the_first_steps_do_not_count() {
        let mut pace = Pace::after(2);
        for gas in [100, 50, 7, 8] {
            pace.begin();
            if gas > 10 {
                std::thread::sleep(Duration::from_millis(20));
            }
            pace.step(&receipt(gas));
        }
        pace.end();
        let cost = pace.cost();
        assert_eq!(cost.gas, 15);
        assert!(cost.time < Duration::from_millis(20), "{cost:?}");
        let mut pace = Pace::after(0);
        pace.at_once(Instant::now(), &vec![receipt(3); 2]);
        assert_eq!(pace.cost().gas, 6);
    }
}
