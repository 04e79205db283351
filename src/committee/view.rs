//! A member and its committee, as people see them.

use jsonrpsee::{RpcModule, types::ErrorObjectOwned};
use plasma_core::{Address, ChainId, Epoch, Height, Sequencer as _};
use serde::{Deserialize, Serialize};

use crate::assembly::CommitteeMember;

/// What `plasma_committee` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitteeView {
    /// The chain.
    pub chain_id: ChainId,
    /// Which member this is.
    pub me: Address,
    /// The term of the next height.
    pub epoch: Epoch,
    /// Who decides it.
    pub seats: Vec<SeatView>,
    /// The newest certified height.
    pub height: Height,
    /// The round of the next one; absent while there is nothing to agree on.
    pub round: Option<u32>,
    /// Transactions that wait.
    pub pending: usize,
    /// Who contradicted itself.
    pub accused: Vec<Address>,
    /// The lowest height at which the committee executed otherwise than this node.
    pub diverged: Option<Height>,
    /// Why the member takes no part any more.
    pub failure: Option<String>,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatView {
    /// The key that votes.
    pub key: Address,
    /// What its vote weighs.
    pub weight: u64,
    /// How many turns to propose in a row it missed.
    pub misses: u32,
    /// Whether this member can speak to it, or is it.
    pub connected: bool,
}

impl CommitteeView {
    /// How a member and its committee are; `None` once it is closed.
    pub fn of(chain_id: ChainId, member: &CommitteeMember) -> Option<Self> {
        let bft = &member.bft;
        let status = bft.status()?;
        let (me, mempool) = (bft.address(), bft.mempool());
        let misses = status.misses.iter().copied().chain(std::iter::repeat(0));
        let seats = status.committee.seats.iter().zip(misses);
        let seats = seats.map(|(seat, misses)| SeatView {
            key: seat.key,
            weight: seat.weight,
            misses,
            connected: seat.key == me || status.peers.contains(&seat.key),
        });
        Some(Self {
            chain_id,
            me,
            epoch: status.committee.epoch,
            seats: seats.collect(),
            height: bft.head().height,
            round: status.round,
            pending: mempool.ready + mempool.gapped,
            accused: status.accused,
            diverged: status.diverged,
            failure: status.failure.map(|failure| failure.to_string()),
        })
    }
}

/// Adds `plasma_committee` to a chain's methods.
pub(crate) fn register(
    module: &mut RpcModule<()>,
    chain_id: ChainId,
    member: Option<CommitteeMember>,
) {
    let registered = module.register_method("plasma_committee", move |_, (), _| {
        let refuse = |text: &str| ErrorObjectOwned::owned(-32_000, text.to_owned(), None::<()>);
        let member = member.as_ref().ok_or_else(|| {
            refuse("this node is no member of a committee; ask one of the chain's sequencers")
        })?;
        CommitteeView::of(chain_id, member).ok_or_else(|| refuse("the sequencer is stopping"))
    });
    registered.expect("no other method has this name");
}
