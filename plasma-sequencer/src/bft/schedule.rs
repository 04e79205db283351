//! Which committee certifies which blocks.

use plasma_core::{Committee, Epoch, Timestamp};

use super::context::{CommitteeError, Domain, Seats};

/// Committees remembered after their time, for those who catch up and for evidence.
const MAX_TERMS: usize = 1_024;

/// Committees by the time from which they certify.
///
/// Who certifies a block follows from its parent's time: the last committee whose time had come by
/// then. So all who have the parent agree, and nothing halts at a border, as long as each member
/// knows of a change when its time comes. One that may not know of all changes up to its head's time
/// [waits](Self::informed) before it takes part, lest two committees certify one height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Ascending.
    terms: Vec<(Timestamp, Committee)>,
    /// All changes up to this time are known.
    known_until: Timestamp,
}

/// Why a committee does not follow the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It could not agree on anything.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// It does not come later than the last one.
    #[error(
        "epoch {epoch} from {from} ms does not follow epoch {last} from {last_from} ms; both must be higher"
    )]
    Order {
        /// The new one's term.
        epoch: Epoch,
        /// Its time.
        from: Timestamp,
        /// The last one's term.
        last: Epoch,
        /// Its time.
        last_from: Timestamp,
    },
}

impl Schedule {
    /// One committee from the beginning on, and no other until one is announced.
    pub fn new(committee: Committee) -> Result<Self, CommitteeError> {
        check(&committee)?;
        Ok(Self {
            terms: vec![(Timestamp(0), committee)],
            known_until: Timestamp(u64::MAX),
        })
    }

    /// Another committee certifies what follows the first block of time `from` or later. Told twice
    /// it changes nothing.
    pub fn announce(&mut self, from: Timestamp, committee: Committee) -> Result<(), ScheduleError> {
        check(&committee)?;
        let told = |(time, known): &(Timestamp, Committee)| *time == from && *known == committee;
        if self.terms.iter().any(told) {
            return Ok(());
        }
        let (last_from, last) = self.terms.last().expect("there is always one");
        if from <= *last_from || committee.epoch <= last.epoch {
            return Err(ScheduleError::Order {
                epoch: committee.epoch,
                from,
                last: last.epoch,
                last_from: *last_from,
            });
        }
        self.terms.push((from, committee));
        if self.terms.len() > MAX_TERMS {
            self.terms.remove(0);
        }
        Ok(())
    }

    /// Says that all changes up to `time` were announced. Until it is said, there are none to come.
    pub fn inform(&mut self, time: Timestamp) {
        self.known_until = time;
    }

    /// Whether it is known who certifies what follows a block of time `head`.
    pub fn informed(&self, head: Timestamp) -> bool {
        head <= self.known_until
    }

    /// Who certifies what follows a block of time `head`.
    pub fn after(&self, head: Timestamp) -> &Committee {
        let after = self.terms.partition_point(|(from, _)| *from <= head);
        &self.terms[after.saturating_sub(1)].1
    }

    /// The next change for a chain whose head is of time `head`: a block of that time hands over.
    pub fn next_change(&self, head: Timestamp) -> Option<Timestamp> {
        let after = self.terms.partition_point(|(from, _)| *from <= head);
        self.terms.get(after).map(|(from, _)| *from)
    }

    /// Who certifies in a term.
    pub fn of(&self, epoch: Epoch) -> Option<&Committee> {
        let term = |(_, committee): &&(Timestamp, Committee)| committee.epoch == epoch;
        self.terms.iter().find(term).map(|(_, committee)| committee)
    }
}

fn check(committee: &Committee) -> Result<(), CommitteeError> {
    let domain = Domain {
        chain_id: plasma_core::ChainId(0),
        epoch: committee.epoch,
        base: 0,
    };
    Seats::new(committee.clone(), domain).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasma_core::{Address, Seat};

    fn committee(epoch: u64, keys: &[u8]) -> Committee {
        let seat = |key: &u8| Seat {
            key: Address::repeat_byte(*key),
            weight: 1,
        };
        Committee {
            epoch: Epoch(epoch),
            seats: keys.iter().map(seat).collect(),
        }
    }

    #[test]
    fn a_block_is_certified_by_the_committee_of_its_parents_time() {
        let mut schedule = Schedule::new(committee(1, &[1])).expect("a committee");
        for _ in 0..2 {
            let told = schedule.announce(Timestamp(10), committee(2, &[2]));
            assert_eq!(told, Ok(()));
        }
        for (head, epoch, change) in [
            (0, 1, Some(10)),
            (9, 1, Some(10)),
            (10, 2, None),
            (1_000, 2, None),
        ] {
            let head = Timestamp(head);
            assert_eq!(schedule.after(head).epoch, Epoch(epoch));
            assert_eq!(schedule.next_change(head), change.map(Timestamp));
        }
        assert_eq!(schedule.of(Epoch(2)), Some(&committee(2, &[2])));
        assert_eq!(schedule.of(Epoch(3)), None);
        for (from, epoch) in [(10, 3), (9, 3), (11, 2), (11, 1)] {
            let refused = schedule.announce(Timestamp(from), committee(epoch, &[3]));
            assert!(
                matches!(refused, Err(ScheduleError::Order { .. })),
                "{from}"
            );
        }
        let empty = schedule.announce(Timestamp(11), committee(3, &[]));
        assert_eq!(empty, Err(CommitteeError::Size(0).into()));
    }

    #[test]
    fn who_may_not_know_of_a_change_knows_that() {
        let mut schedule = Schedule::new(committee(1, &[1])).expect("a committee");
        assert!(schedule.informed(Timestamp(u64::MAX)));
        schedule.inform(Timestamp(20));
        assert!(schedule.informed(Timestamp(20)));
        assert!(!schedule.informed(Timestamp(21)));
    }
}
