//! Who pays best, at a base fee that moves, without sorting anew.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
    iter::Peekable,
};

use plasma_core::Admission;

use super::{pooled::Pooled, slab::Id, sorted::Sorted};

/// What a transaction offers for each unit of gas, in wei, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) max_fee: u128,
    /// At most `max_fee`.
    pub(super) priority: u128,
    /// As a running number.
    pub(super) arrival: u64,
}

/// What the proposer gets for each unit of gas. Offers below the base fee rank below all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pay {
    affordable: bool,
    amount: u128,
}

impl Offer {
    pub(super) fn new(it: &Admission, arrival: u64) -> Self {
        Self {
            max_fee: it.max_fee_per_gas,
            priority: it.priority_fee_per_gas.min(it.max_fee_per_gas),
            arrival,
        }
    }

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
    pub(super) fn turn(&self) -> u128 {
        self.max_fee - self.priority
    }
}

/// A transaction among others: the better-paying above, and the earlier above the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked {
    pub(super) pay: Pay,
    arrival: Reverse<u64>,
    pub(super) id: Id<Pooled>,
}

impl Ranked {
    pub(super) fn new(offer: &Offer, base_fee: u128, id: Id<Pooled>) -> Self {
        Self {
            pay: offer.pay(base_fee),
            arrival: Reverse(offer.arrival),
            id,
        }
    }
}

/// Those that pay alike, in the order in which they came, by what they pay.
type Levels = BTreeMap<u128, Sorted<Pooled>>;

/// Transactions in the order of what they pay.
///
/// The tip is the least of the priority fee and of what the fee cap leaves above the base fee.
/// Offers that the priority fee bounds keep their order whatever the base fee, and so do those that
/// the cap bounds: so each kind is sorted by itself, and a base fee that moves makes only those
/// change over whose [turning point](Offer::turn) it passes. Most offers are alike, so that there are few levels.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    by_priority: Levels,
    by_cap: Levels,
    count: usize,
}

impl Ranking {
    fn level(&mut self, offer: &Offer, base_fee: u128) -> (&mut Levels, u128) {
        if base_fee > offer.turn() {
            (&mut self.by_cap, offer.max_fee)
        } else {
            (&mut self.by_priority, offer.priority)
        }
    }

    pub(super) fn insert(&mut self, offer: &Offer, base_fee: u128, id: Id<Pooled>) {
        let (levels, amount) = self.level(offer, base_fee);
        levels.entry(amount).or_default().insert(offer.arrival, id);
        self.count += 1;
    }

    /// Takes out what was put in at this base fee.
    pub(super) fn remove(&mut self, offer: &Offer, base_fee: u128) {
        let (levels, amount) = self.level(offer, base_fee);
        if let Entry::Occupied(mut level) = levels.entry(amount) {
            let removed = level.get_mut().remove(offer.arrival);
            debug_assert!(
                removed.is_some(),
                "every offer is where its turning point says"
            );
            if level.get().is_empty() {
                level.remove();
            }
            self.count -= 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The affordable ones, best first, the earlier first among equals.
    pub(super) fn best(&self, base_fee: u128) -> impl Iterator<Item = Ranked> {
        let priority = self.by_priority.iter().rev();
        let priority = priority.flat_map(|(priority, level)| {
            let pay = tip(*priority);
            level.ascending().map(move |it| ranked(pay, it))
        });
        let cap = self.by_cap.range(base_fee..).rev();
        let cap = cap.flat_map(move |(cap, level)| {
            let pay = bounded_by_cap(*cap, base_fee);
            level.ascending().map(move |it| ranked(pay, it))
        });
        Merged::new(priority, cap, |one, other| one > other)
    }

    /// All, worst first, the later first among equals.
    pub(super) fn worst(&self, base_fee: u128) -> impl Iterator<Item = Ranked> {
        let priority = self.by_priority.iter().flat_map(|(priority, level)| {
            let pay = tip(*priority);
            level.descending().map(move |it| ranked(pay, it))
        });
        let cap = self.by_cap.iter().flat_map(move |(cap, level)| {
            let pay = bounded_by_cap(*cap, base_fee);
            level.descending().map(move |it| ranked(pay, it))
        });
        worse_first(priority, cap)
    }
}

fn tip(amount: u128) -> Pay {
    Pay {
        affordable: true,
        amount,
    }
}

fn bounded_by_cap(max_fee: u128, base_fee: u128) -> Pay {
    match max_fee.checked_sub(base_fee) {
        Some(room) => tip(room),
        None => Pay {
            affordable: false,
            amount: max_fee,
        },
    }
}

fn ranked(pay: Pay, (arrival, id): (u64, Id<Pooled>)) -> Ranked {
    let arrival = Reverse(arrival);
    Ranked { pay, arrival, id }
}

/// Two runs, the worst first in both, as one.
pub(super) fn worse_first(
    one: impl Iterator<Item = Ranked>,
    other: impl Iterator<Item = Ranked>,
) -> impl Iterator<Item = Ranked> {
    Merged::new(one, other, |one, other| one < other)
}

/// Two runs, sorted alike, as one.
struct Merged<A: Iterator, B: Iterator> {
    one: Peekable<A>,
    other: Peekable<B>,
    before: fn(&Ranked, &Ranked) -> bool,
}

impl<A, B> Merged<A, B>
where
    A: Iterator<Item = Ranked>,
    B: Iterator<Item = Ranked>,
{
    fn new(one: A, other: B, before: fn(&Ranked, &Ranked) -> bool) -> Self {
        Self {
            one: one.peekable(),
            other: other.peekable(),
            before,
        }
    }
}

impl<A, B> Iterator for Merged<A, B>
where
    A: Iterator<Item = Ranked>,
    B: Iterator<Item = Ranked>,
{
    type Item = Ranked;

    fn next(&mut self) -> Option<Ranked> {
        let first = match (self.one.peek(), self.other.peek()) {
            (Some(one), Some(other)) => (self.before)(one, other),
            (one, _) => one.is_some(),
        };
        if first {
            self.one.next()
        } else {
            self.other.next()
        }
    }
}
