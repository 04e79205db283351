//! Who takes part: everyone plays by the real player's moves, over a story of their own and at a time of their own.

use std::sync::Arc;

use plasma_bridge::{Role, next_move};
use plasma_core::{Address, B256, DisputeView, MatchStage, MatchView, Move, Seconds};

use crate::story::Story;

/// When somebody makes a move that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// With the next block.
    Prompt,
    /// In the last second.
    LastSecond,
    /// After this many seconds.
    After(u64),
    /// Not at all.
    Never,
}

/// Somebody with an account.
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) account: Address,
    pub(crate) story: Arc<Story>,
    /// When it claims in the outer tournament.
    pub(crate) joins: Pace,
    /// When it claims in inner ones.
    pub(crate) joins_inner: Pace,
    /// When it moves in matches.
    pub(crate) moves: Pace,
    /// Whether it takes note of what is over.
    pub(crate) clears: bool,
    pub(crate) role: Role,
}

impl Actor {
    /// What it does next, and the second in which that lands at the earliest; before `soon` nothing lands. `window`
    /// is when a round could begin, and how long it is open.
    pub(crate) fn plan(
        &self,
        view: &DisputeView,
        soon: u64,
        window: (Seconds, u64),
    ) -> Option<(Move, u64)> {
        let now = view.at.timestamp;
        // A false story has nothing to say where it has no data; that is its error, not ours.
        let action = next_move(view, now, self.story.as_ref(), self.role).ok()??;
        let (pace, since, last) = match &action {
            Move::Join { .. } => match view.outer() {
                Some(outer) => (self.joins, outer.opened_at, outer.closes_at),
                None => (self.joins, window.0, Seconds(window.0.0 + window.1)),
            },
            Move::JoinInner { tournament, .. } => {
                let inner = view.tournament(*tournament)?;
                (self.joins_inner, inner.opened_at, inner.closes_at)
            }
            Move::Advance { key, .. }
            | Move::SealInner { key, .. }
            | Move::SealLeaf { key, .. } => {
                let (since, expires) = turn_of(find(view, key.tournament, key.id())?);
                (self.moves, since, expires)
            }
            // Liars prove the truth only where they are of a helpful kind.
            _ if self.clears => (Pace::Prompt, now, now),
            _ => return None,
        };
        let due = match pace {
            Pace::Prompt => soon,
            Pace::LastSecond => last.0.saturating_sub(1).max(soon),
            Pace::After(seconds) => since.0.saturating_add(seconds).max(soon),
            Pace::Never => return None,
        };
        Some((action, due))
    }
}

pub(crate) fn find(view: &DisputeView, tournament: B256, id: B256) -> Option<&MatchView> {
    let tournament = view.tournament(tournament)?;
    tournament.matches.iter().find(|found| found.key.id() == id)
}

/// Since when the side on turn thinks, and the first second that is too late.
fn turn_of(found: &MatchView) -> (Seconds, Seconds) {
    let MatchStage::Halving { turn, .. } = found.stage else {
        return (Seconds(0), Seconds(u64::MAX));
    };
    let clock = found.clock(turn);
    (
        clock.since.unwrap_or_default(),
        clock.expires().unwrap_or(Seconds(u64::MAX)),
    )
}
