//! What the root knows of a chain, read at one block.

use futures::try_join;
use plasma_core::{
    Address, ChainId, Checkpoint, ClaimView, DisputeView, Seconds, SettlementError, U256,
};

use crate::{
    contracts::{Contracts, abi},
    root::RootClient,
};

/// Everything at the newest block, by its hash: no answer is of another block.
pub(super) async fn view(
    root: &RootClient,
    contracts: &Contracts,
    chain: ChainId,
    account: Option<Address>,
) -> Result<DisputeView, SettlementError> {
    let at = root.head().await?;
    let (inbox, tournament, chain_id) = (contracts.inbox, contracts.tournament, chain.0);
    let counts = abi::Inbox::countsCall { chainId: chain_id };
    let overdue = abi::Inbox::overdueCall { chainId: chain_id };
    let settled = abi::Tournament::settledCall { chainId: chain_id };
    let open = abi::Tournament::openClaimCall { chainId: chain_id };
    let terms = abi::ChainRegistry::claimTermsCall { chainId: chain_id };
    let credit = async {
        let Some(account) = account else {
            return Ok(U256::ZERO);
        };
        root.call(
            tournament,
            &abi::Tournament::creditCall { account },
            at.hash,
        )
        .await
    };
    let (counts, overdue, settled, open, terms, withdrawable) = try_join!(
        root.call(inbox, &counts, at.hash),
        root.call(inbox, &overdue, at.hash),
        root.call(tournament, &settled, at.hash),
        root.call(tournament, &open, at.hash),
        root.call(contracts.chain_registry, &terms, at.hash),
        credit,
    )?;
    Ok(DisputeView {
        at,
        entries: counts.entries,
        messages: counts.enqueued,
        consumed: counts.consumed,
        // The inbox lets anyone force once the deadline has passed, not in its very second.
        overdue_at: (overdue.deadline != 0).then(|| Seconds(overdue.deadline.saturating_add(1))),
        settled: settled.checkpointHash,
        settled_entries: settled.entries,
        claim: claim(&open.arena, &open.claim),
        bond: terms.bond,
        challenge_window: terms.window,
        withdrawable,
    })
}

fn claim(arena: &abi::Arena, claim: &abi::Claim) -> Option<ClaimView> {
    (arena.claims != 0).then(|| ClaimView {
        claimant: claim.claimant,
        entries: arena.entries,
        commitment: arena.commitment,
        checkpoint: Checkpoint::from(&claim.finalState).hash(),
        deadline: Seconds(arena.deadline),
        contested: arena.claims > 1,
    })
}
