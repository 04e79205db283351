//! A dispute as the root holds it: tournaments, claims, matches and their clocks.
//!
//! ```text
//!   chain ──> outer tournament (level 0, leaves are checkpoints)
//!               claim ── claim ── ...          one may dangle: it waits for an opponent
//!                  \      /
//!                   match ──halves──> one leaf ──seal──> inner tournament (level 1, leaves are machine states)
//!                                                           match ──halves──> one step ──proof──> decided
//! ```
//!
//! Everything is a value read at one block. Clocks are given by the second at which they end, so that what a
//! match waits for at any second is a pure function, [`MatchView::phase`] and [`TournamentView::phase`], equal to
//! the contract's own.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256, keccak256};

use crate::{ChainId, Seconds, Words};

/// One of a match's two claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum Side {
    /// The claim that waited.
    One,
    /// The claim that came.
    Two,
}

impl Side {
    /// The opponent.
    pub fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }
}

/// The outermost tournament of a chain's round.
pub fn outer_tournament(chain: ChainId, round: u64) -> B256 {
    Words::new()
        .word(keccak256("plasma.tournament.v1"))
        .uint(chain.0)
        .uint(round)
        .keccak()
}

/// What names a match: its tournament and its two commitments, never a place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct MatchKey {
    /// The tournament that it is in.
    pub tournament: B256,
    /// The commitment that waited.
    pub one: B256,
    /// The commitment that came.
    pub two: B256,
}

impl MatchKey {
    /// The id: keccak-256 over the three words.
    pub fn id(&self) -> B256 {
        Words::new()
            .word(self.tournament)
            .word(self.one)
            .word(self.two)
            .keccak()
    }

    /// The tournament that the match opens when it comes down to one leaf.
    pub fn inner_tournament(&self) -> B256 {
        Words::new().word(self.tournament).word(self.id()).keccak()
    }

    /// A side's commitment.
    pub fn commitment(&self, side: Side) -> B256 {
        match side {
            Side::One => self.one,
            Side::Two => self.two,
        }
    }

    /// The side on which a commitment plays.
    pub fn side_of(&self, commitment: B256) -> Option<Side> {
        if self.one == commitment {
            Some(Side::One)
        } else {
            (self.two == commitment).then_some(Side::Two)
        }
    }
}

/// What is the same for all disputes of the deployed contracts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct DisputeTerms {
    /// The height of each level's tree, outermost first; empty where there are no disputes.
    pub heights: Vec<u8>,
}

impl DisputeTerms {
    /// The binary logarithm of the machine steps between two leaves of an inner level; `None` for level 0, whose
    /// leaves are segments, and for a level that does not exist.
    pub fn stride_log2(&self, level: u8) -> Option<u8> {
        let level = usize::from(level);
        let below = self.heights.get(level + 1..)?;
        (level > 0).then(|| {
            below
                .iter()
                .fold(0_u8, |sum, height| sum.saturating_add(*height))
        })
    }

    /// Whether a match of this level ends in one step of the machine.
    pub fn is_last(&self, level: u8) -> bool {
        usize::from(level) + 1 == self.heights.len()
    }
}

/// Where a claim stands in its tournament.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum Standing {
    /// It waits for an opponent, or for the window's end.
    Dangling,
    /// It plays this match.
    Playing(B256),
    /// It lost.
    Out,
    /// It won its tournament.
    Winner,
}

/// A claim in a tournament.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct TournamentClaim {
    /// The trace's root.
    pub commitment: B256,
    /// Who put up its bond.
    pub claimant: Address,
    /// What its last leaf says: a checkpoint's hash at levels 0 and 1, a machine state's at deeper levels.
    pub outcome: B256,
    /// Seconds that it has left for its next match, before grace.
    pub allowance: u64,
    /// Halves of beaten claims' bonds, in wei; lost with the claim.
    pub earned: U256,
    /// Where it stands.
    pub standing: Standing,
}

/// A side's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Clock {
    /// Seconds left when it last stood still.
    pub allowance: u64,
    /// Since when it ticks; `None` while it stands.
    pub since: Option<Seconds>,
}

impl Clock {
    /// The first second that is too late. `None` while it stands.
    pub fn expires(&self) -> Option<Seconds> {
        self.since
            .map(|since| Seconds(since.0.saturating_add(self.allowance)))
    }

    /// Whether a move at this second is too late.
    pub fn is_over(&self, now: Seconds) -> bool {
        self.expires().is_some_and(|expires| now >= expires)
    }

    /// Seconds left at `now`.
    pub fn left(&self, now: Seconds) -> u64 {
        match self.expires() {
            Some(expires) => expires.0.saturating_sub(now.0).min(self.allowance),
            None => self.allowance,
        }
    }
}

/// How far a match is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub enum MatchStage {
    /// The sides open nodes of their trees in turn.
    Halving {
        /// Whose node is to be opened.
        turn: Side,
        /// The node's height above the leaves, at least 1. At 1 its children are the leaves, and it is sealed.
        height: u8,
        /// The node's place among the nodes of its height, from the left.
        index: u64,
        /// The node, which is of the side on turn.
        node: B256,
        /// The left child of the opponent's node at the same place.
        left: B256,
        /// The right child of the opponent's node.
        right: B256,
    },
    /// The first leaf that differs is known, and an inner tournament decides between its two values.
    Inner {
        /// The inner tournament.
        tournament: B256,
        /// The leaf's place.
        index: u64,
        /// The leaf before it, which both agree on.
        agreed: B256,
        /// The leaf as side one has it.
        one: B256,
        /// The leaf as side two has it.
        two: B256,
    },
    /// As before, on the last level: one step of the machine decides, and both clocks tick.
    Leaf {
        /// The leaf's place.
        index: u64,
        /// The leaf before it, which both agree on.
        agreed: B256,
        /// The leaf as side one has it.
        one: B256,
        /// The leaf as side two has it.
        two: B256,
    },
}

/// A match that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct MatchView {
    /// Its name.
    pub key: MatchKey,
    /// How far it is.
    pub stage: MatchStage,
    /// The clock of side one.
    pub clock_one: Clock,
    /// The clock of side two.
    pub clock_two: Clock,
}

/// What a match waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchPhase {
    /// For this side to open a node, or to seal.
    Turn(Side),
    /// For one step's proof, from anyone.
    Proof,
    /// For the inner tournament of this id.
    Inner(B256),
    /// For anyone to say that this side's opponent ran out of time.
    WonByTime(Side),
    /// For anyone to say that both ran out of time.
    BothOut,
}

impl MatchView {
    /// A side's clock.
    pub fn clock(&self, side: Side) -> Clock {
        match side {
            Side::One => self.clock_one,
            Side::Two => self.clock_two,
        }
    }

    /// What it waits for at this second. A clock's last second is the one before [`Clock::expires`]; from that
    /// second on the move is the opponent's, and only the opponent's.
    pub fn phase(&self, now: Seconds) -> MatchPhase {
        match self.stage {
            MatchStage::Inner { tournament, .. } => MatchPhase::Inner(tournament),
            MatchStage::Halving { turn, .. } if self.clock(turn).is_over(now) => {
                MatchPhase::WonByTime(turn.other())
            }
            MatchStage::Halving { turn, .. } => MatchPhase::Turn(turn),
            MatchStage::Leaf { .. } => {
                if self.clock_one.is_over(now) && self.clock_two.is_over(now) {
                    MatchPhase::BothOut
                } else {
                    MatchPhase::Proof
                }
            }
        }
    }
}

/// Why an inner tournament was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Contest {
    /// The match one level up that waits for it.
    pub parent: MatchKey,
    /// The place, in the parent's trace, of the leaf that differs.
    pub index: u64,
    /// That leaf as the parent's side one has it.
    pub one: B256,
    /// That leaf as the parent's side two has it.
    pub two: B256,
}

/// A tournament that is not resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct TournamentView {
    /// Its id.
    pub id: B256,
    /// 0 for the outer one.
    pub level: u8,
    /// When the first claim could join.
    pub opened_at: Seconds,
    /// The first second that is too late to join.
    pub closes_at: Seconds,
    /// What all its traces start from: the settled checkpoint's hash, or the machine's state.
    pub start: B256,
    /// Seconds that are added to each side's clock for each match.
    pub grace: u64,
    /// What a claim puts up, in wei.
    pub bond: U256,
    /// The program that decides it; zero for none, and then no clock runs.
    pub program: B256,
    /// What it decides; `None` for the outer one.
    pub contest: Option<Contest>,
    /// The claim that waits for an opponent.
    pub dangling: Option<B256>,
    /// Its claims, in the order in which they joined.
    pub claims: Vec<TournamentClaim>,
    /// Its matches that are not over, in the order in which they began.
    pub matches: Vec<MatchView>,
}

/// What a tournament waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TournamentPhase {
    /// Claims may join.
    Joining,
    /// For its matches.
    Playing,
    /// For anyone to take note that this claim won.
    Won(B256),
    /// For anyone to take note that no claim is left.
    NoSurvivor,
}

impl TournamentView {
    /// What it waits for at this second. The window's last second is the one before
    /// [`closes_at`](Self::closes_at).
    pub fn phase(&self, now: Seconds) -> TournamentPhase {
        if now < self.closes_at {
            TournamentPhase::Joining
        } else if !self.matches.is_empty() {
            TournamentPhase::Playing
        } else if let Some(winner) = self.dangling {
            TournamentPhase::Won(winner)
        } else {
            TournamentPhase::NoSurvivor
        }
    }

    /// A claim by its commitment.
    pub fn claim(&self, commitment: B256) -> Option<&TournamentClaim> {
        self.claims
            .iter()
            .find(|claim| claim.commitment == commitment)
    }

    /// The match that a commitment plays.
    pub fn match_of(&self, commitment: B256) -> Option<(&MatchView, Side)> {
        self.matches
            .iter()
            .find_map(|found| Some((found, found.key.side_of(commitment)?)))
    }
}
