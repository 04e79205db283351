//! Budgets that fill up again with time.

use plasma_core::Timestamp;

/// So much at once, and so much a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    rate: u64,
    burst: u64,
    left: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one: `rate` a second, at most `burst` at once.
    pub(super) fn new(rate: u64, burst: u64, now: Timestamp) -> Self {
        Self {
            rate,
            burst,
            left: burst,
            at: now,
        }
    }

    /// Whether something is left.
    pub(super) fn open(&mut self, now: Timestamp) -> bool {
        self.fill(now);
        self.left > 0
    }

    /// Takes what was spent, or all that is left. Gives for how long nothing more should be spent, in milliseconds.
    pub(super) fn spend(&mut self, amount: u64, now: Timestamp) -> u64 {
        self.fill(now);
        let over = amount.saturating_sub(self.left);
        self.left = self.left.saturating_sub(amount);
        over.saturating_mul(1_000) / self.rate.max(1)
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.0.saturating_sub(self.at.0);
        let gained = passed.saturating_mul(self.rate) / 1_000;
        // What is less than one waits for the next time. A clock that was set back gains nothing.
        if gained > 0 || now < self.at {
            self.at = now;
            self.left = self.left.saturating_add(gained).min(self.burst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_fills_up_with_time_and_no_further() {
        let mut bucket = Bucket::new(10, 5, Timestamp(0));
        assert_eq!(bucket.spend(5, Timestamp(0)), 0);
        assert!(!bucket.open(Timestamp(99)));
        assert!(bucket.open(Timestamp(100)), "a tenth of ten");
        assert_eq!(bucket.spend(3, Timestamp(100)), 200, "two over");
        assert!(!bucket.open(Timestamp(100)));
        assert_eq!(bucket.spend(5, Timestamp(10_000)), 0);
        assert!(!bucket.open(Timestamp(10_000)), "never more than a burst");
        assert!(
            !bucket.open(Timestamp(0)),
            "a clock that goes back gives nothing"
        );
        assert!(bucket.open(Timestamp(100)));
    }
}
