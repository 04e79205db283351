//! The choice of the next move.
//!
//! ```text
//!   overdue messages? ── force (proposer)
//!   the outer tournament ── own claim absent ──> join
//!      │ own claim plays
//!      └─ match ── own turn ──> advance, seal     one step left ──> step
//!           └─ inner tournament: the same, one level down
//!   nothing of that? ── what is expired or over: timeout, resolve, settle, restart
//!                    ── what is owed: withdraw       idle round: claim (proposer)
//! ```
//!
//! What must be done before a second passes is judged by the view's clock; what may be done after one has
//! passed by `now`, which may be ahead of it. So a wrong clock costs a refused call and never a match.

use plasma_core::{
    B256, ClaimRange, DisputeView, MatchPhase, MatchStage, MatchView, Move, Seconds, Side, Stretch,
    TournamentPhase, TournamentView, TraceError, TraceProvider,
};

use super::opening;

/// What a player does of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Claims what it derived, forces what is overdue, and defends the truth.
    Proposer,
    /// Defends the truth where somebody claims something else, and stakes nothing otherwise.
    Challenger,
}

/// The next move, if there is one.
///
/// `now` is the player's own clock, which counts where the root's stands still because it makes no blocks. An error
/// is about the own traces; it is given only when nothing else is to be done, for what is expired is cleared without
/// them.
pub fn next_move(
    view: &DisputeView,
    now: Seconds,
    traces: &dyn TraceProvider,
    role: Role,
) -> Result<Option<Move>, TraceError> {
    let now = now.max(view.at.timestamp);
    if role == Role::Proposer && view.overdue_at.is_some_and(|deadline| now > deadline) {
        return Ok(Some(Move::Force));
    }
    let player = Player { view, now, traces };
    let own = match view.outer() {
        Some(outer) => player.play_outer(outer),
        None => Ok(Own::default()),
    };
    if let Ok(Own {
        action: Some(action),
        ..
    }) = own
    {
        return Ok(Some(action));
    }
    if let Some(action) = player.clear(own.as_ref().ok()) {
        return Ok(Some(action));
    }
    if !view.withdrawable.is_zero() {
        return Ok(Some(Move::WithdrawBond));
    }
    own?;
    if role == Role::Proposer && view.outer().is_none() {
        return player.open();
    }
    Ok(None)
}

/// What is ours in the dispute.
#[derive(Default)]
struct Own {
    /// What is to be done for it.
    action: Option<Move>,
    /// The own claim in each tournament that it plays, by the tournament's id.
    claims: Vec<(B256, B256)>,
    /// The hash of the checkpoint that the own outer claim ends in.
    outcome: Option<B256>,
}

impl Own {
    fn is_side(&self, found: &MatchView, side: Side) -> bool {
        let claim = (found.key.tournament, found.key.commitment(side));
        self.claims.contains(&claim)
    }
}

struct Player<'a> {
    view: &'a DisputeView,
    now: Seconds,
    traces: &'a dyn TraceProvider,
}

impl Player<'_> {
    fn range(&self, entries: u64) -> ClaimRange {
        ClaimRange {
            from: self.view.settled_entries,
            entries,
            settled: self.view.settled,
        }
    }

    /// The first claim of a round.
    fn open(&self) -> Result<Option<Move>, TraceError> {
        let entries = self.traces.derived()?.min(self.view.claimable);
        if entries <= self.view.settled_entries {
            return Ok(None);
        }
        let trace = self.traces.outer(&self.range(entries))?;
        opening::join(entries, trace.as_ref()).map(Some)
    }

    fn play_outer(&self, outer: &TournamentView) -> Result<Own, TraceError> {
        let Some(claim) = &self.view.claim else {
            return Ok(Own::default());
        };
        let range = self.range(claim.entries);
        let trace = self.traces.outer(&range)?;
        let commitment = trace.root()?;
        let mut own = Own {
            action: None,
            claims: vec![(outer.id, commitment)],
            outcome: Some(trace.node(0, last_leaf(trace.height()))?),
        };
        if outer.claim(commitment).is_none() {
            if self.may_join(outer) {
                own.action = Some(opening::join(claim.entries, trace.as_ref())?);
            }
            return Ok(own);
        }
        let Some((found, side)) = outer.match_of(commitment) else {
            return Ok(own);
        };
        match self.phase(found) {
            MatchPhase::Turn(turn) if turn == side => {
                own.action = Some(opening::outer(outer, found, trace.as_ref(), claim.entries)?);
            }
            MatchPhase::Inner(id) => {
                let (Some(inner), MatchStage::Inner { index, .. }) =
                    (self.view.tournament(id), found.stage)
                else {
                    return Ok(own);
                };
                let (stride_log2, height) = self.shape(inner)?;
                let stretch = Stretch {
                    range,
                    segment: index,
                    first: 0,
                    stride_log2,
                    height,
                };
                self.play_inner(inner, &stretch, &mut own)?;
            }
            _ => {}
        }
        Ok(own)
    }

    fn play_inner(
        &self,
        inner: &TournamentView,
        stretch: &Stretch,
        own: &mut Own,
    ) -> Result<(), TraceError> {
        let trace = self.traces.inner(stretch)?;
        let commitment = trace.root()?;
        own.claims.push((inner.id, commitment));
        if inner.claim(commitment).is_none() {
            if self.may_join(inner) {
                own.action = Some(Move::JoinInner {
                    tournament: inner.id,
                    trace: trace.commitment()?,
                    state: trace.final_state()?,
                });
            }
            return Ok(());
        }
        let Some((found, side)) = inner.match_of(commitment) else {
            return Ok(());
        };
        match (self.phase(found), found.stage) {
            (MatchPhase::Turn(turn), _) if turn == side => {
                let is_last = self.view.terms.is_last(inner.level);
                own.action = Some(opening::inner(inner, found, trace.as_ref(), is_last)?);
            }
            (MatchPhase::Proof, MatchStage::Leaf { index, .. }) => {
                own.action = Some(Move::Step {
                    key: found.key,
                    program: trace.program()?,
                    proof: trace.step_proof(index)?,
                });
            }
            (MatchPhase::Inner(id), MatchStage::Inner { index, .. }) => {
                let Some(deeper) = self.view.tournament(id) else {
                    return Ok(());
                };
                let (stride_log2, height) = self.shape(deeper)?;
                let stretch = stretch.within(index, stride_log2, height);
                // As deep as the contracts have levels, which `shape` has looked up.
                self.play_inner(deeper, &stretch, own)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes note of whatever is over, innermost first. Not of a match that our own claim alone has lost: that is
    /// the winner's business.
    fn clear(&self, own: Option<&Own>) -> Option<Move> {
        self.view
            .tournaments
            .iter()
            .rev()
            .find_map(|tournament| self.clear_one(tournament, own))
    }

    fn clear_one(&self, tournament: &TournamentView, own: Option<&Own>) -> Option<Move> {
        let timed_out = tournament
            .matches
            .iter()
            .find(|found| match found.phase(self.now) {
                MatchPhase::BothOut => true,
                MatchPhase::WonByTime(winner) => {
                    !own.is_some_and(|own| own.is_side(found, winner.other()))
                }
                MatchPhase::Turn(_) | MatchPhase::Proof | MatchPhase::Inner(_) => false,
            });
        if let Some(found) = timed_out {
            return Some(Move::Timeout { key: found.key });
        }
        match (tournament.phase(self.now), &tournament.contest) {
            (TournamentPhase::Won(_) | TournamentPhase::NoSurvivor, Some(contest)) => {
                Some(Move::ResolveInner {
                    key: contest.parent,
                })
            }
            (TournamentPhase::NoSurvivor, None) => Some(Move::Restart),
            // Not what is false, or not known to be true.
            (TournamentPhase::Won(winner), None) => {
                let outcome = tournament.claim(winner).map(|claim| claim.outcome)?;
                (own?.outcome == Some(outcome)).then_some(Move::Settle)
            }
            (TournamentPhase::Joining | TournamentPhase::Playing, _) => None,
        }
    }

    fn may_join(&self, tournament: &TournamentView) -> bool {
        self.view.at.timestamp < tournament.closes_at
    }

    fn phase(&self, found: &MatchView) -> MatchPhase {
        found.phase(self.view.at.timestamp)
    }

    /// Stride and height of an inner tournament's level.
    fn shape(&self, inner: &TournamentView) -> Result<(u8, u8), TraceError> {
        let terms = &self.view.terms;
        let height = terms.heights.get(usize::from(inner.level)).copied();
        terms
            .stride_log2(inner.level)
            .zip(height)
            .ok_or(TraceError::OutOfRange {
                what: "level",
                index: u64::from(inner.level),
                limit: terms.heights.len() as u64,
            })
    }
}

/// The place of a tree's last leaf.
fn last_leaf(height: u8) -> u64 {
    1_u64
        .checked_shl(u32::from(height))
        .map_or(u64::MAX, |count| count - 1)
}
