//! Which committee certifies which heights.

use plasma_core::{Committee, Epoch, Height};

use super::context::{CommitteeError, Domain, Seats};

/// Committees remembered after their time, for those who catch up and for evidence.
const MAX_TERMS: usize = 1_024;

/// Committees by the first height of their terms. A change is told ahead, so that every node knows
/// it before the height comes; nothing halts at a border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Ascending.
    terms: Vec<(Height, Committee)>,
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
        "epoch {epoch} from height {from} does not follow epoch {last} from height {last_from}; \
         both must be higher"
    )]
    Order {
        /// The new one's term.
        epoch: Epoch,
        /// Its first height.
        from: Height,
        /// The last one's term.
        last: Epoch,
        /// Its first height.
        last_from: Height,
    },
}

impl Schedule {
    /// One committee from the beginning on.
    pub fn new(committee: Committee) -> Result<Self, CommitteeError> {
        check(&committee)?;
        Ok(Self {
            terms: vec![(Height(0), committee)],
        })
    }

    /// Another committee from `from` on. Every node must be told before the committee before it
    /// decides the height below. Told twice it changes nothing.
    pub fn add(&mut self, from: Height, committee: Committee) -> Result<(), ScheduleError> {
        check(&committee)?;
        if self
            .terms
            .iter()
            .any(|(first, known)| *first == from && *known == committee)
        {
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

    /// Who certifies the block at `height`.
    pub fn at(&self, height: Height) -> &Committee {
        let after = self.terms.partition_point(|(from, _)| *from <= height);
        &self.terms[after.saturating_sub(1)].1
    }

    /// Who certifies in a term.
    pub fn of(&self, epoch: Epoch) -> Option<&Committee> {
        self.terms
            .iter()
            .find(|(_, committee)| committee.epoch == epoch)
            .map(|(_, committee)| committee)
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
    fn each_height_has_the_committee_of_its_term() {
        let mut schedule = Schedule::new(committee(1, &[1])).expect("a committee");
        schedule.add(Height(10), committee(2, &[2])).expect("later");
        schedule.add(Height(10), committee(2, &[2])).expect("twice");
        for (height, epoch) in [(0, 1), (9, 1), (10, 2), (1_000, 2)] {
            assert_eq!(schedule.at(Height(height)).epoch, Epoch(epoch));
        }
        assert_eq!(schedule.of(Epoch(2)), Some(&committee(2, &[2])));
        assert_eq!(schedule.of(Epoch(3)), None);
        for (from, epoch) in [(10, 3), (9, 3), (11, 2), (11, 1)] {
            let refused = schedule.add(Height(from), committee(epoch, &[3]));
            assert!(
                matches!(refused, Err(ScheduleError::Order { .. })),
                "{from}"
            );
        }
        let empty = schedule.add(Height(11), committee(3, &[]));
        assert_eq!(empty, Err(CommitteeError::Size(0).into()));
    }
}
