//! Who pays best, at a base fee that moves, without sorting anew.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map},
    iter::Peekable,
};

use plasma_core::Address;

/// A transaction's place in the pool.
pub(super) type Slot = (Address, u64);

/// What a transaction offers for each unit of gas, in wei, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) max_fee: u128,
    /// At most `max_fee`.
    pub(super) priority: u128,
    pub(super) arrival: u64,
    pub(super) slot: Slot,
}

/// What the proposer gets for each unit of gas. Offers below the base fee rank below all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pay {
    affordable: bool,
    amount: u128,
}

impl Offer {
    pub(super) fn pay(&self, base_fee: u128) -> Pay {
        match self.max_fee.checked_sub(base_fee) {
            Some(room) => Pay {
                affordable: true,
                amount: room.min(self.priority),
            },
            None => Pay {
                affordable: false,
                amount: self.max_fee,
            },
        }
    }

    pub(super) fn affordable(&self, base_fee: u128) -> bool {
        self.max_fee >= base_fee
    }

    /// The base fee above which it is the fee cap, no more the priority fee, that bounds the tip.
    fn turn(&self) -> u128 {
        self.max_fee - self.priority
    }
}

/// By amount, and the earlier above the later.
type Key = (u128, Reverse<u64>);

/// Offers in the order of what they pay.
///
/// The tip is the least of the priority fee and of what the fee cap leaves above the base fee.
/// Offers that the priority fee bounds keep their order whatever the base fee, and so do those that
/// the cap bounds: so there are two sorted maps, and a base fee that moves makes only those change
/// over whose turning point it passes.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    base_fee: u128,
    by_priority: BTreeMap<Key, Offer>,
    by_cap: BTreeMap<Key, Offer>,
    /// Turning point and arrival, to the priority fee.
    turns: BTreeMap<(u128, u64), u128>,
}

impl Ranking {
    pub(super) fn insert(&mut self, offer: Offer) {
        self.turns
            .insert((offer.turn(), offer.arrival), offer.priority);
        if self.base_fee > offer.turn() {
            self.by_cap
                .insert((offer.max_fee, Reverse(offer.arrival)), offer);
        } else {
            self.by_priority
                .insert((offer.priority, Reverse(offer.arrival)), offer);
        }
    }

    pub(super) fn remove(&mut self, offer: &Offer) {
        self.turns.remove(&(offer.turn(), offer.arrival));
        if self.base_fee > offer.turn() {
            self.by_cap.remove(&(offer.max_fee, Reverse(offer.arrival)));
        } else {
            self.by_priority
                .remove(&(offer.priority, Reverse(offer.arrival)));
        }
    }

    pub(super) fn set_base_fee(&mut self, base_fee: u128) {
        let (low, high) = (self.base_fee.min(base_fee), self.base_fee.max(base_fee));
        let rising = base_fee > self.base_fee;
        for (&(turn, arrival), &priority) in self.turns.range((low, 0)..(high, 0)) {
            let as_priority = (priority, Reverse(arrival));
            let as_cap = (turn + priority, Reverse(arrival));
            let moved = if rising {
                self.by_priority
                    .remove(&as_priority)
                    .map(|offer| self.by_cap.insert(as_cap, offer))
            } else {
                self.by_cap
                    .remove(&as_cap)
                    .map(|offer| self.by_priority.insert(as_priority, offer))
            };
            debug_assert!(
                moved.is_some(),
                "every offer is where its turning point says"
            );
        }
        self.base_fee = base_fee;
    }

    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// The affordable ones, best first, the earlier first among equals.
    pub(super) fn best(&self) -> impl Iterator<Item = &Offer> {
        let affordable = self.by_cap.range((self.base_fee, Reverse(u64::MAX))..);
        Merged {
            base_fee: self.base_fee,
            one: self.by_priority.values().rev().peekable(),
            other: affordable.map(|(_, offer)| offer).rev().peekable(),
            descending: true,
        }
    }

    /// All, worst first, the later first among equals.
    pub(super) fn worst(&self) -> Worst<'_> {
        Merged {
            base_fee: self.base_fee,
            one: self.by_priority.values().peekable(),
            other: self.by_cap.values().peekable(),
            descending: false,
        }
    }
}

/// Offers from the worst on.
pub(super) type Worst<'a> =
    Merged<btree_map::Values<'a, Key, Offer>, btree_map::Values<'a, Key, Offer>>;

/// Two runs of offers, sorted alike, as one.
pub(super) struct Merged<A: Iterator, B: Iterator> {
    base_fee: u128,
    one: Peekable<A>,
    other: Peekable<B>,
    descending: bool,
}

impl<'a, A, B> Merged<A, B>
where
    A: Iterator<Item = &'a Offer>,
    B: Iterator<Item = &'a Offer>,
{
    /// Worst first, as both are.
    pub(super) fn ascending(base_fee: u128, one: A, other: B) -> Self {
        Self {
            base_fee,
            one: one.peekable(),
            other: other.peekable(),
            descending: false,
        }
    }
}

impl<'a, A, B> Iterator for Merged<A, B>
where
    A: Iterator<Item = &'a Offer>,
    B: Iterator<Item = &'a Offer>,
{
    type Item = &'a Offer;

    fn next(&mut self) -> Option<Self::Item> {
        let rank = |offer: &&Offer| (offer.pay(self.base_fee), Reverse(offer.arrival));
        let first = match (self.one.peek(), self.other.peek()) {
            (Some(one), Some(other)) => (rank(one) > rank(other)) == self.descending,
            (one, _) => one.is_some(),
        };
        if first {
            self.one.next()
        } else {
            self.other.next()
        }
    }
}
