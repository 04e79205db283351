//! What is shown of the own trace in each move.

use plasma_core::{
    B256, InnerTrace, MatchStage, MatchView, Move, OuterTrace, ProgramIdentity, SealedLeaf,
    TournamentView, Trace, TraceError,
};

/// The claim of an outer trace.
pub(super) fn join(entries: u64, trace: &dyn OuterTrace) -> Result<Move, TraceError> {
    let last = (1 << trace.height()) - 1;
    Ok(Move::Join {
        entries,
        trace: trace.commitment()?,
        checkpoint: trace.checkpoint(last)?,
    })
}

/// The move on turn in a match of the outer tournament.
pub(super) fn outer(
    tournament: &TournamentView,
    found: &MatchView,
    trace: &dyn OuterTrace,
    entries: u64,
) -> Result<Move, TraceError> {
    let (index, leaf) = match open(tournament, found, trace)? {
        Opened::Advance(action) => return Ok(action),
        Opened::Leaf(index, leaf) => (index, leaf),
    };
    let agreed = match index.checked_sub(1) {
        Some(before) => trace.checkpoint(before)?,
        None => trace.settled()?,
    };
    let program = match trace.program() {
        // Past the last entry nothing runs, so that no program is needed to tell who is right.
        Err(TraceError::NoProgram(_)) if agreed.entry == entries => ProgramIdentity::default(),
        program => program?,
    };
    Ok(Move::SealInner {
        key: found.key,
        leaf,
        start: Some((agreed, program)),
    })
}

/// The move on turn in a match of an inner tournament.
pub(super) fn inner(
    tournament: &TournamentView,
    found: &MatchView,
    trace: &dyn InnerTrace,
    is_last: bool,
) -> Result<Move, TraceError> {
    let key = found.key;
    Ok(match open(tournament, found, trace)? {
        Opened::Advance(action) => action,
        Opened::Leaf(_, leaf) if is_last => Move::SealLeaf { key, leaf },
        Opened::Leaf(_, leaf) => Move::SealInner {
            key,
            leaf,
            start: None,
        },
    })
}

enum Opened {
    /// The node is open, and the match one floor down.
    Advance(Move),
    /// The node's children are leaves, and the one of this place differs first.
    Leaf(u64, SealedLeaf),
}

/// Opens the own node that is on turn, and the child that differs from the opponent's.
fn open<T: Trace + ?Sized>(
    tournament: &TournamentView,
    found: &MatchView,
    trace: &T,
) -> Result<Opened, TraceError> {
    let MatchStage::Halving {
        height,
        index,
        left: theirs,
        ..
    } = found.stage
    else {
        return Err(TraceError::OutOfRange {
            what: "node on turn",
            index: 0,
            limit: 0,
        });
    };
    let (left, right) = trace.children(height, index)?;
    // Where the left children agree, the right ones differ, for the parents do.
    let differs = index
        .saturating_mul(2)
        .saturating_add(u64::from(left == theirs));
    if height > 1 {
        let (new_left, new_right) = trace.children(height - 1, differs)?;
        return Ok(Opened::Advance(Move::Advance {
            key: found.key,
            left,
            right,
            new_left,
            new_right,
        }));
    }
    let (agreed, proof): (B256, Vec<B256>) = match differs.checked_sub(1) {
        Some(before) => (trace.node(0, before)?, trace.proof(before)?),
        None => (tournament.start, Vec::new()),
    };
    Ok(Opened::Leaf(
        differs,
        SealedLeaf {
            left,
            right,
            agreed,
            proof,
        },
    ))
}
