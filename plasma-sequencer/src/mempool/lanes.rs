//! What waits, ranked, in a lane for each thing that it may wait for.

use super::{
    list::Lists,
    pooled::{Lane, Pooled, TURN},
    ranking::{Ranked, Ranking, worse_first},
    slab::{Id, Slab},
};

/// The lanes, at the base fee of the next block.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    base_fee: u128,
    ready: Ranking,
    following: Ranking,
    gapped: Ranking,
    /// All of them, by their turning points.
    turns: Lists<u128, Pooled, TURN>,
}

impl Lanes {
    pub(super) fn base_fee(&self) -> u128 {
        self.base_fee
    }

    #[cfg(test)]
    pub(super) fn turns(&self) -> &Lists<u128, Pooled, TURN> {
        &self.turns
    }

    pub(super) fn of(&self, lane: Lane) -> &Ranking {
        match lane {
            Lane::Ready => &self.ready,
            Lane::Following => &self.following,
            Lane::Gapped => &self.gapped,
        }
    }

    fn of_mut(&mut self, lane: Lane) -> &mut Ranking {
        match lane {
            Lane::Ready => &mut self.ready,
            Lane::Following => &mut self.following,
            Lane::Gapped => &mut self.gapped,
        }
    }

    /// Puts a transaction on a lane, or on none, from wherever it is.
    pub(super) fn place(&mut self, slab: &mut Slab<Pooled>, id: Id<Pooled>, lane: Option<Lane>) {
        let pooled = &mut slab[id];
        let before = std::mem::replace(&mut pooled.lane, lane);
        if before == lane {
            return;
        }
        let (offer, base_fee) = (pooled.offer, self.base_fee);
        match before {
            Some(before) => self.of_mut(before).remove(&offer, base_fee),
            None => self.turns.push(slab, offer.turn(), id),
        }
        match lane {
            Some(lane) => self.of_mut(lane).insert(&offer, base_fee, id),
            None => self.turns.remove(slab, offer.turn(), id),
        }
    }

    /// Ranks anew those whose turning point the base fee passes.
    pub(super) fn set_base_fee(&mut self, slab: &Slab<Pooled>, base_fee: u128) {
        let before = std::mem::replace(&mut self.base_fee, base_fee);
        let turns = std::mem::take(&mut self.turns);
        for list in turns.range(before.min(base_fee)..before.max(base_fee)) {
            for id in list.iter(slab) {
                let Pooled { offer, lane, .. } = &slab[id];
                if let Some(lane) = lane {
                    let lane = self.of_mut(*lane);
                    lane.remove(offer, before);
                    lane.insert(offer, base_fee, id);
                }
            }
        }
        self.turns = turns;
    }

    /// The affordable ones on a lane, best first.
    pub(super) fn best(&self, lane: Lane) -> impl Iterator<Item = Ranked> {
        self.of(lane).best(self.base_fee)
    }

    /// All on a lane, worst first.
    pub(super) fn worst(&self, lane: Lane) -> impl Iterator<Item = Ranked> {
        self.of(lane).worst(self.base_fee)
    }

    /// What could be in a block, worst first.
    pub(super) fn worst_in_line(&self) -> impl Iterator<Item = Ranked> {
        let (ready, following) = (&self.ready, &self.following);
        worse_first(ready.worst(self.base_fee), following.worst(self.base_fee))
    }
}
