//! What the parts of the pool hold for each other: each index has what it should, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::mempool::{
    Mempool,
    pooled::{Lane, Pooled},
    slab::{Id, Slab},
    sorted::Sorted,
};

impl Mempool {
    /// Every transaction is where it should be, and in all of the places; no number of what is gone is left.
    pub(super) fn check_indexes(&self) {
        let all: Vec<Id<Pooled>> = self.transactions.ids().collect();
        for id in &all {
            let it = &self.transactions[*id];
            assert_eq!(self.find(&it.hash), Some(*id), "its name");
            let account = &self.accounts[it.account];
            assert_eq!(self.accounts.find(&account.address), Some(it.account));
            let waits = it.lane.is_some();
            let (here, there) = if waits {
                (&account.waiting, &account.in_flight)
            } else {
                (&account.in_flight, &account.waiting)
            };
            assert_eq!(here.get(it.nonce), Some(*id), "its slot");
            assert_ne!(there.get(it.nonce), Some(*id), "one slot");
            if let Some(lane) = it.lane {
                assert_eq!(lane, account.lane(it.nonce), "its lane");
            }
        }
        let waiting = |id: &&Id<Pooled>| self.transactions[**id].lane.is_some();
        let waiting: BTreeSet<Id<Pooled>> = all.iter().filter(waiting).copied().collect();
        assert_eq!(self.hashes.len(), all.len(), "names");
        let lanes = [Lane::Ready, Lane::Following, Lane::Gapped];
        let ranked = lanes.iter().flat_map(|lane| self.lanes.worst(*lane));
        let ranked: Vec<Id<Pooled>> = ranked.map(|it| it.id).collect();
        same(&ranked, &waiting, "ranked");
        let turns = self.lanes.turns().range(0..u128::MAX);
        let turns: Vec<_> = turns.flat_map(|it| it.iter(&self.transactions)).collect();
        same(&turns, &waiting, "turning points");
        let expiries = self.expiries.range(0..u64::MAX);
        let expiries: Vec<_> = expiries
            .flat_map(|it| it.iter(&self.transactions))
            .collect();
        let expiring = waiting.iter().copied();
        let expiring = expiring.filter(|id| self.transactions[*id].expires_at.is_some());
        same(&expiries, &expiring.collect(), "expiries");
        self.check_accounts(&all);
    }

    fn check_accounts(&self, all: &[Id<Pooled>]) {
        let (mut slots, mut watched) = (0, 0);
        for id in self.accounts.ids() {
            let account = &self.accounts[id];
            assert!(!account.is_empty(), "an empty account is forgotten");
            assert_eq!(self.accounts.find(&account.address), Some(id));
            let waiting: Vec<_> = account.waiting.ascending().collect();
            slots += waiting.len() + account.in_flight.ascending().count();
            watched += usize::from(!waiting.is_empty());
            let size = |(_, id): &(u64, Id<Pooled>)| self.transactions[*id].size();
            assert_eq!(account.bytes, waiting.iter().map(size).sum::<usize>());
        }
        assert_eq!(slots, all.len(), "slots");
        let checks: BTreeSet<_> = self.accounts.watched().collect();
        assert_eq!(checks.len(), self.accounts.watched().count());
        assert_eq!(checks.len(), watched, "who is looked up");
    }
}

fn same(listed: &[Id<Pooled>], expected: &BTreeSet<Id<Pooled>>, what: &str) {
    assert_eq!(listed.len(), expected.len(), "{what}");
    let listed: BTreeSet<_> = listed.iter().copied().collect();
    assert_eq!(listed, *expected, "{what}");
}

#[derive(Clone, Debug)]
enum Step {
    /// So far above all that were there.
    Append(u64),
    Insert(u64),
    RemoveFirst,
    Remove(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1..4_u64).prop_map(Step::Append),
        3 => (0..200_u64).prop_map(Step::Insert),
        3 => Just(Step::RemoveFirst),
        4 => (0..200_u64).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(plasma_core::conformance::cases(256)))]

    #[test]
    fn what_is_sorted_is_as_a_map(steps in steps()) {
        let mut slab = Slab::<u64>::default();
        let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
        let mut highest = 0;
        for step in steps {
            match step {
                Step::Append(_) | Step::Insert(_) => {
                    let number = match step {
                        Step::Append(more) => highest + more,
                        Step::Insert(number) => number,
                        _ => 0,
                    };
                    highest = highest.max(number);
                    map.entry(number).or_insert_with(|| {
                        let id = slab.insert(number);
                        sorted.insert(number, id);
                        id
                    });
                }
                Step::RemoveFirst | Step::Remove(_) => {
                    let number = match step {
                        Step::Remove(number) => number,
                        _ => map.first_key_value().map_or(0, |(number, _)| *number),
                    };
                    let removed = sorted.remove(number);
                    prop_assert_eq!(removed, map.remove(&number));
                    if let Some(id) = removed {
                        prop_assert_eq!(slab.remove(id), number);
                    }
                }
            }
            let all: Vec<_> = map.iter().map(|(number, id)| (*number, *id)).collect();
            prop_assert_eq!(sorted.ascending().collect::<Vec<_>>(), all.clone());
            prop_assert_eq!(sorted.descending().collect::<Vec<_>>(), all.iter().rev().copied().collect::<Vec<_>>());
            prop_assert_eq!(sorted.is_empty(), all.is_empty());
            prop_assert_eq!((sorted.first(), sorted.last()), (all.first().copied(), all.last().copied()));
            for number in 0..20 {
                prop_assert_eq!(sorted.get(number), map.get(&number).copied());
                let free = (number..=u64::MAX).find(|number| !map.contains_key(number));
                prop_assert_eq!(Some(sorted.free_from(number)), free);
            }
            prop_assert_eq!(slab.len(), map.len());
        }
    }
}

#[test]
fn what_was_long_gives_its_memory_back() {
    let mut slab = Slab::<u64>::default();
    let mut sorted = Sorted::default();
    for number in 0..10_000 {
        sorted.insert(number, slab.insert(number));
    }
    // From both ends and from the middle.
    for number in (0..9_990).rev() {
        sorted.remove(number);
    }
    assert!(sorted.capacity() <= 64, "{}", sorted.capacity());
    assert_eq!(sorted.first().map(|(number, _)| number), Some(9_990));
}
