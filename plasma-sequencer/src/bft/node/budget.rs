//! What one peer may cost in a second, whatever it says.
//!
//! Bytes that are over are waited for: the link is not read, so that the peer's own queue fills up. What costs more
//! than it weighs is passed over: a vote that is lost is said again, and a transaction is told again. No honest peer
//! comes near, so that nothing of what it says is lost.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use plasma_core::{Address, Timestamp};

use crate::bft::{bucket::Bucket, replica::Expenses, wire::Message};

/// Bytes of one peer in a second, and at once: some of the longest answers. A member that others catch up from, or
/// that proposes blocks of many megabytes, stays far below.
const BYTES_A_SECOND: u64 = 32 * 1024 * 1024;
const BYTES_AT_ONCE: u64 = 2 * BYTES_A_SECOND;
/// What a message weighs at least, and one that cannot be read.
const LEAST_BYTES: u64 = 1_024;
const MALFORMED_BYTES: u64 = 64 * 1_024;
/// Signers recovered for all peers in a second: a quarter of a core. Each has an equal share, within these bounds.
const RECOVERIES_A_SECOND: u64 = 6_000;
const LEAST_RECOVERIES: u64 = 200;
const MOST_RECOVERIES: u64 = 2_000;
/// Seconds of them at once: a decision of a full committee brings hundreds.
const RECOVERIES_AT_ONCE: u64 = 5;
/// Transactions of one peer that may be refused in a second, and at once: it checked them itself, but pools differ.
const REFUSALS_A_SECOND: u64 = 500;
const REFUSALS_AT_ONCE: u64 = 5_000;

/// What is left to peers.
#[derive(Debug)]
pub(super) struct Budgets(BTreeMap<Address, Mutex<Budget>>);

#[derive(Clone, Debug)]
struct Budget {
    bytes: Bucket,
    recoveries: Bucket,
    refusals: Bucket,
}

impl Budgets {
    pub(super) fn new(peers: impl ExactSizeIterator<Item = Address>, now: Timestamp) -> Self {
        let share = RECOVERIES_A_SECOND / (peers.len() as u64).max(1);
        let share = share.clamp(LEAST_RECOVERIES, MOST_RECOVERIES);
        let full = Budget {
            bytes: Bucket::new(BYTES_A_SECOND, BYTES_AT_ONCE, now),
            recoveries: Bucket::new(share, share * RECOVERIES_AT_ONCE, now),
            refusals: Bucket::new(REFUSALS_A_SECOND, REFUSALS_AT_ONCE, now),
        };
        Self(peers.map(|key| (key, Mutex::new(full.clone()))).collect())
    }

    /// Takes note of a message's length. Gives for how long not to read another, in milliseconds.
    pub(super) fn heard(
        &self,
        peer: &Address,
        bytes: usize,
        readable: bool,
        now: Timestamp,
    ) -> u64 {
        let least = if readable {
            LEAST_BYTES
        } else {
            MALFORMED_BYTES
        };
        self.of(peer).map_or(0, |mut budget| {
            budget.bytes.spend(least.max(bytes as u64), now)
        })
    }

    /// Whether a message may be looked at.
    pub(super) fn allows(&self, peer: &Address, message: &Message, now: Timestamp) -> bool {
        self.of(peer).is_some_and(|mut budget| match message {
            Message::Transactions(_) => budget.refusals.open(now),
            Message::Fetch { .. } | Message::Blocks(_) => true,
            _ => budget.recoveries.open(now),
        })
    }

    /// Takes note of what a message cost.
    pub(super) fn spent(&self, peer: &Address, before: Expenses, after: Expenses, now: Timestamp) {
        let Some(mut budget) = self.of(peer) else {
            return;
        };
        let recoveries = after.recoveries.saturating_sub(before.recoveries);
        let refusals = after.refusals.saturating_sub(before.refusals);
        budget.recoveries.spend(recoveries, now);
        budget.refusals.spend(refusals, now);
    }

    fn of(&self, peer: &Address) -> Option<MutexGuard<'_, Budget>> {
        let budget = self.0.get(peer)?;
        Some(budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasma_core::Height;

    const NOW: Timestamp = Timestamp(1_000);

    fn spent(recoveries: u64, refusals: u64) -> Expenses {
        Expenses {
            recoveries,
            refusals,
        }
    }

    #[test]
    fn who_wastes_time_is_not_listened_to_for_a_while_and_others_are() {
        let keys = [Address::repeat_byte(1), Address::repeat_byte(2)];
        let budgets = Budgets::new(keys.into_iter(), NOW);
        let transactions = Message::Transactions(Vec::new());
        budgets.spent(&keys[0], spent(7, 0), spent(7, REFUSALS_AT_ONCE), NOW);
        assert!(!budgets.allows(&keys[0], &transactions, NOW));
        assert!(budgets.allows(&keys[1], &transactions, NOW));
        assert!(budgets.allows(&keys[0], &transactions, Timestamp(1_010)));
        let fetch = Message::Fetch { from: Height(1) };
        assert!(budgets.allows(&keys[0], &fetch, NOW), "limited elsewhere");
        assert!(
            !budgets.allows(&Address::repeat_byte(3), &fetch, NOW),
            "nobody"
        );
    }

    #[test]
    fn the_share_of_each_follows_from_how_many_there_are() {
        for (peers, share) in [(1_u8, 2_000), (3, 2_000), (12, 500), (99, 200)] {
            let budgets = Budgets::new((0..peers).map(Address::repeat_byte), NOW);
            let budget = budgets.of(&Address::ZERO).expect("a peer").clone();
            assert_eq!(
                budget.recoveries,
                Bucket::new(share, 5 * share, NOW),
                "{peers}"
            );
        }
    }

    #[test]
    fn bytes_over_the_budget_are_waited_for() {
        let key = Address::repeat_byte(1);
        let budgets = Budgets::new([key].into_iter(), NOW);
        assert_eq!(budgets.heard(&key, BYTES_AT_ONCE as usize, true, NOW), 0);
        assert_eq!(
            budgets.heard(&key, BYTES_A_SECOND as usize, true, NOW),
            1_000
        );
        assert!(budgets.heard(&key, 1, false, NOW) > budgets.heard(&key, 1, true, NOW));
    }
}
