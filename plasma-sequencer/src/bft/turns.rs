//! Whose turn it is to propose.
//!
//! Turns are shared out by stake, and who is absent is passed over: after a miss for 4 heights,
//! after another for 8, and so on, until a block of its own makes up for all. So one dead seat of
//! many costs a few timeouts in a thousand blocks.
//!
//! A miss must be the same at every node, and the signers of a commit certificate are not: each node
//! collects its own. What all agree on is the certified header, and it tells who made the block. If
//! that is not whose turn came first, everyone whose turn came before missed it.
//!
//! Invariants:
//! - The order at a height follows from the committee and the headers below it, since the last
//!   multiple of [`TERM`] or the committee's first block. So a node that restarts reads at most so
//!   many headers.
//! - Everyone has a turn at every height, the passed-over ones after the others: nobody can be kept
//!   from proposing when the others fail.

use plasma_core::{B256, BlockHeader, Committee, Epoch, Words, keccak256};

/// After how many heights all misses are forgotten.
pub const TERM: u64 = 1_024;
/// For how many heights the first miss counts.
const FIRST_ABSENCE: u64 = 4;
/// How often that doubles.
const MAX_DOUBLINGS: u32 = 8;
/// 2^64 divided by the golden ratio: multiples of it spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Who missed turns, as certified headers show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns {
    epoch: Epoch,
    absences: Vec<Absence>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Absence {
    misses: u32,
    /// The first height at which it is not passed over any more.
    until: u64,
}

impl Turns {
    /// Nobody missed anything yet.
    pub fn new(committee: &Committee) -> Self {
        Self {
            epoch: committee.epoch,
            absences: vec![Absence::default(); committee.seats.len()],
        }
    }

    /// From which height on headers must be [recorded](Self::record) to know the order after `head`.
    pub fn memory(head: u64) -> u64 {
        (head + 1) / TERM * TERM
    }

    /// The seats in the order in which they may propose at `height`.
    pub fn order(&self, committee: &Committee, height: u64) -> Vec<u16> {
        let known = self.epoch == committee.epoch && !height.is_multiple_of(TERM);
        let absent = |seat: u16| {
            known
                && self
                    .absences
                    .get(usize::from(seat))
                    .is_some_and(|absence| absence.until > height)
        };
        let all = 0..committee.seats.len() as u16;
        let (away, present): (Vec<u16>, Vec<u16>) = all.partition(|seat| absent(*seat));
        let mut order = Vec::with_capacity(committee.seats.len());
        draw(committee, height, present, &mut order);
        draw(committee, height, away, &mut order);
        order
    }

    /// Takes note of a certified header, the one after the last.
    pub fn record(&mut self, committee: &Committee, header: &BlockHeader) {
        let height = header.height.0;
        if self.epoch != committee.epoch || height.is_multiple_of(TERM) {
            *self = Self::new(committee);
        }
        let order = self.order(committee, height);
        let made = order
            .iter()
            .position(|seat| committee.seats[usize::from(*seat)].key == header.proposer);
        let Some(made) = made else {
            // Not the committee's block: the root ordered for a while.
            *self = Self::new(committee);
            return;
        };
        for seat in &order[..made] {
            let absence = &mut self.absences[usize::from(*seat)];
            let wait = FIRST_ABSENCE << absence.misses.min(MAX_DOUBLINGS);
            absence.misses += 1;
            absence.until = height + 1 + wait;
        }
        self.absences[usize::from(order[made])] = Absence::default();
    }

    /// How many turns in a row each seat missed.
    pub fn misses(&self) -> impl Iterator<Item = u32> {
        self.absences.iter().map(|absence| absence.misses)
    }
}

/// Draws seats by their weight. The first draw walks over the stakes in even steps from height to
/// height, so that everyone's share of the blocks is its share of the stake; the others are
/// scattered.
fn draw(committee: &Committee, height: u64, mut seats: Vec<u16>, order: &mut Vec<u16>) {
    let weight = |seat: u16| u128::from(committee.seats[usize::from(seat)].weight);
    let mut total: u128 = seats.iter().map(|seat| weight(*seat)).sum();
    let mut point = height.wrapping_mul(GOLDEN);
    while !seats.is_empty() {
        // Below 2^64 times 2^64: no overflow.
        let mut at = (u128::from(point) * total) >> 64;
        let mut drawn = 0;
        while drawn + 1 < seats.len() && at >= weight(seats[drawn]) {
            at -= weight(seats[drawn]);
            drawn += 1;
        }
        let seat = seats.remove(drawn);
        total -= weight(seat);
        order.push(seat);
        point = scatter(committee.epoch, height, order.len());
    }
}

fn scatter(epoch: Epoch, height: u64, round: usize) -> u64 {
    let word: B256 = Words::new()
        .word(keccak256(b"plasma.turn.v1"))
        .uint(epoch.0)
        .uint(height)
        .uint(round as u64)
        .keccak();
    u64::from_be_bytes(word[..8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasma_core::{Address, Height, Seat};

    fn committee(weights: &[u64]) -> Committee {
        let seats = (1..)
            .zip(weights)
            .map(|(number, weight)| Seat {
                key: Address::repeat_byte(number),
                weight: *weight,
            })
            .collect();
        Committee {
            epoch: Epoch(3),
            seats,
        }
    }

    fn header(height: u64, committee: &Committee, seat: u16) -> BlockHeader {
        BlockHeader {
            height: Height(height),
            epoch: committee.epoch,
            proposer: committee.seats[usize::from(seat)].key,
            ..BlockHeader::default()
        }
    }

    /// Blocks of each seat, and lost rounds, over `heights`; the seats in `dead` never propose.
    fn run(committee: &Committee, dead: &[u16], heights: u64) -> (Vec<u64>, u64) {
        let mut turns = Turns::new(committee);
        let (mut made, mut lost) = (vec![0; committee.seats.len()], 0);
        for height in 1..=heights {
            let order = turns.order(committee, height);
            let position = order.iter().position(|seat| !dead.contains(seat));
            let position = position.expect("somebody is alive");
            lost += position as u64;
            made[usize::from(order[position])] += 1;
            turns.record(committee, &header(height, committee, order[position]));
        }
        (made, lost)
    }

    #[test]
    fn turns_are_shared_out_by_stake() {
        let committee = committee(&[50, 30, 15, 5]);
        let (made, lost) = run(&committee, &[], 2_000);
        assert_eq!(lost, 0);
        for (made, seat) in made.iter().zip(&committee.seats) {
            let due = seat.weight * 20;
            assert!(made.abs_diff(due) <= 8, "{made} blocks for {due} due");
        }
    }

    #[test]
    fn one_dead_seat_of_four_costs_few_rounds() {
        let committee = committee(&[25, 25, 25, 25]);
        let (made, lost) = run(&committee, &[2], 4 * TERM);
        assert_eq!(made[2], 0);
        assert!(
            lost * 100 <= 4 * TERM,
            "{lost} rounds lost in {} heights",
            4 * TERM
        );
    }

    #[test]
    fn who_is_back_has_its_share_again_and_who_is_away_has_the_last_turn() {
        let committee = committee(&[1, 1, 1, 1]);
        let mut turns = Turns::new(&committee);
        let mut height = 1;
        while turns.order(&committee, height)[0] != 2 {
            let first = turns.order(&committee, height)[0];
            turns.record(&committee, &header(height, &committee, first));
            height += 1;
        }
        let second = turns.order(&committee, height)[1];
        turns.record(&committee, &header(height, &committee, second));
        assert_eq!(turns.misses().collect::<Vec<_>>(), [0, 0, 1, 0]);
        assert_eq!(turns.order(&committee, height + 1)[3], 2);
        turns.record(&committee, &header(height + 1, &committee, 2));
        assert_eq!(turns.misses().nth(2), Some(0), "made up for");
    }

    #[test]
    fn the_order_follows_from_the_headers_of_one_term() {
        let committee = committee(&[9, 8, 7, 6, 5]);
        let mut turns = Turns::new(&committee);
        let mut headers = Vec::new();
        for height in 1..=TERM + 100 {
            let order = turns.order(&committee, height);
            let seat = order[usize::from(height % 3 == 0)];
            headers.push(header(height, &committee, seat));
            turns.record(&committee, &headers[height as usize - 1]);
        }
        let mut again = Turns::new(&committee);
        let from = Turns::memory(TERM + 100).max(1) as usize;
        headers[from - 1..]
            .iter()
            .for_each(|header| again.record(&committee, header));
        assert_eq!(turns, again);
    }

    #[test]
    fn every_seat_has_a_turn_at_every_height() {
        let committee = committee(&[1_000, 1, 1, 1, 500]);
        let mut turns = Turns::new(&committee);
        for height in 1..200 {
            let mut order = turns.order(&committee, height);
            turns.record(&committee, &header(height, &committee, order[4]));
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn a_block_of_the_roots_making_forgets_all_misses() {
        let committee = committee(&[1, 1, 1]);
        let mut turns = Turns::new(&committee);
        let order = turns.order(&committee, 1);
        turns.record(&committee, &header(1, &committee, order[2]));
        assert_eq!(turns.misses().sum::<u32>(), 2);
        let forced = BlockHeader {
            height: Height(2),
            ..BlockHeader::default()
        };
        turns.record(&committee, &forced);
        assert_eq!(turns, Turns::new(&committee));
    }
}
