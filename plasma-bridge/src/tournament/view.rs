//! What the root knows of a chain and its dispute, read at one block.
//!
//! Events say which claims and matches there are, views by id say how they stand. So an event that a node leaves out
//! or makes up cannot change anything: the counts in the contract's storage would differ.

use alloy::sol_types::SolEvent;
use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use plasma_core::{
    Address, B256, ChainId, ClaimView, Clock, Contest, DisputeTerms, DisputeView, MatchKey,
    MatchStage, MatchView, Seconds, SettlementError, Side, Standing, TournamentClaim,
    TournamentView, U256,
};

use super::reader::{Event, RootReader, call};
use crate::contracts::{Contracts, abi};

/// Requests under way at once.
const CONCURRENT: usize = 8;
/// As many levels as the contract allows.
const MAX_LEVELS: u8 = 8;

/// Reads everything at the reader's block. `account`: whose credit is asked for.
pub async fn read_view(
    reader: &dyn RootReader,
    contracts: &Contracts,
    chain: ChainId,
    account: Option<Address>,
) -> Result<DisputeView, SettlementError> {
    let (inbox, tournament, registry) = (
        contracts.inbox,
        contracts.tournament,
        contracts.chain_registry,
    );
    let chain_id = chain.0;
    let counts = abi::Inbox::countsCall { chainId: chain_id };
    let overdue = abi::Inbox::overdueCall { chainId: chain_id };
    let settled = abi::Tournament::settledCall { chainId: chain_id };
    let current = abi::Tournament::currentCall { chainId: chain_id };
    let terms = abi::ChainRegistry::claimTermsCall { chainId: chain_id };
    let (counts, overdue, settled, current, bond, withdrawable, heights) = try_join!(
        call(reader, inbox, &counts),
        call(reader, inbox, &overdue),
        call(reader, tournament, &settled),
        call(reader, tournament, &current),
        call(reader, registry, &terms),
        credit(reader, tournament, account),
        heights(reader, tournament),
    )?;
    let version = abi::ChainRegistry::versionAtCall {
        chainId: chain_id,
        entry: settled.entries,
    };
    let version = call(reader, registry, &version).await?;
    let (round, outer) = (&current.round, &current.dispute);
    let tournaments = if outer.openedAt == 0 {
        Vec::new()
    } else {
        let tree = Tree {
            reader,
            contracts,
            chain,
            round,
        };
        tree.read(current.id, outer).await?
    };
    Ok(DisputeView {
        at: reader.at(),
        entries: counts.entries,
        messages: counts.enqueued,
        consumed: counts.consumed,
        // The inbox lets anyone force once the deadline has passed, not in its very second.
        overdue_at: (overdue.deadline != 0).then(|| Seconds(overdue.deadline.saturating_add(1))),
        settled: settled.checkpointHash,
        settled_entries: settled.entries,
        claim: claim(round, tournaments.first()),
        bond: bond.bond,
        challenge_window: bond.window,
        withdrawable,
        round: round.number,
        claimable: counts.entries.min(version.end),
        program: version.version.program,
        terms: DisputeTerms { heights },
        tournaments,
    })
}

async fn credit(
    reader: &dyn RootReader,
    tournament: Address,
    account: Option<Address>,
) -> Result<U256, SettlementError> {
    match account {
        Some(account) => call(reader, tournament, &abi::Tournament::creditCall { account }).await,
        None => Ok(U256::ZERO),
    }
}

async fn heights(reader: &dyn RootReader, tournament: Address) -> Result<Vec<u8>, SettlementError> {
    let levels = call(reader, tournament, &abi::Tournament::levelsCall {}).await?;
    let calls: Vec<_> = (0..levels.min(MAX_LEVELS))
        .map(|level| abi::Tournament::heightOfCall { level })
        .collect();
    let asked = calls.iter().map(|height| call(reader, tournament, height));
    all(asked).await
}

/// The round's first claim.
fn claim(round: &abi::Round, outer: Option<&TournamentView>) -> Option<ClaimView> {
    let outer = outer?;
    let first = outer.claim(round.first)?;
    Some(ClaimView {
        claimant: first.claimant,
        entries: round.entries,
        commitment: first.commitment,
        checkpoint: first.outcome,
        deadline: outer.closes_at,
        contested: outer.claims.len() > 1,
    })
}

/// Answers in the order of the questions, several asked at once.
async fn all<T>(
    asked: impl Iterator<Item = impl Future<Output = Result<T, SettlementError>>>,
) -> Result<Vec<T>, SettlementError> {
    // Collected first: a lazy iterator of futures that borrow cannot be sent between threads.
    let asked: Vec<_> = asked.collect();
    stream::iter(asked).buffered(CONCURRENT).try_collect().await
}

/// A round's tournaments.
struct Tree<'a> {
    reader: &'a dyn RootReader,
    contracts: &'a Contracts,
    chain: ChainId,
    round: &'a abi::Round,
}

/// What the events say of one level's tournaments, by their ids.
#[derive(Default)]
struct Heard {
    claims: Vec<(B256, B256)>,
    matches: Vec<MatchKey>,
}

impl Tree<'_> {
    /// Level by level, from the outer one on.
    async fn read(
        &self,
        id: B256,
        outer: &abi::Dispute,
    ) -> Result<Vec<TournamentView>, SettlementError> {
        let mut found = Vec::new();
        let mut level = vec![(id, outer.clone(), None)];
        for _ in 0..MAX_LEVELS {
            if level.is_empty() {
                break;
            }
            let heard = self.hear(&level).await?;
            let mut deeper = Vec::new();
            for (id, dispute, contest) in &level {
                let tournament = self.tournament(*id, dispute, *contest, &heard).await?;
                deeper.extend(self.inner_of(&tournament).await?);
                found.push(tournament);
            }
            level = deeper;
        }
        Ok(found)
    }

    /// The claims and matches of one level. Nothing needs to be heard of a round with one claim.
    async fn hear(
        &self,
        level: &[(B256, abi::Dispute, Option<Contest>)],
    ) -> Result<Heard, SettlementError> {
        let [(id, outer, None)] = level else {
            let ids: Vec<B256> = level.iter().map(|(id, ..)| *id).collect();
            let kinds = [
                abi::Tournament::JoinedInner::SIGNATURE_HASH,
                abi::Tournament::MatchStarted::SIGNATURE_HASH,
            ];
            let since = level.iter().map(|(_, dispute, _)| dispute.openedAt).min();
            return self.events(&kinds, &ids, since.unwrap_or_default()).await;
        };
        if outer.claims == 1 {
            return Ok(Heard {
                claims: vec![(*id, self.round.first)],
                matches: Vec::new(),
            });
        }
        let kinds = [
            abi::Tournament::Joined::SIGNATURE_HASH,
            abi::Tournament::MatchStarted::SIGNATURE_HASH,
        ];
        let subjects = [Contracts::topic(self.chain), *id];
        let mut heard = self.events(&kinds, &subjects, outer.openedAt).await?;
        for (tournament, _) in &mut heard.claims {
            *tournament = *id;
        }
        Ok(heard)
    }

    async fn events(
        &self,
        kinds: &[B256],
        subjects: &[B256],
        since: u64,
    ) -> Result<Heard, SettlementError> {
        let contract = self.contracts.tournament;
        let events = self
            .reader
            .events(contract, kinds, subjects, Seconds(since))
            .await?;
        let mut heard = Heard::default();
        for event in &events {
            self.listen(event, &mut heard)?;
        }
        Ok(heard)
    }

    fn listen(&self, event: &Event, heard: &mut Heard) -> Result<(), SettlementError> {
        match event.topics().first().copied().unwrap_or_default() {
            abi::Tournament::Joined::SIGNATURE_HASH => {
                let joined: abi::Tournament::Joined = decode(event)?;
                if joined.number == self.round.number {
                    heard.claims.push((B256::ZERO, joined.commitment));
                }
            }
            abi::Tournament::JoinedInner::SIGNATURE_HASH => {
                let joined: abi::Tournament::JoinedInner = decode(event)?;
                heard.claims.push((joined.dispute, joined.commitment));
            }
            abi::Tournament::MatchStarted::SIGNATURE_HASH => {
                let started: abi::Tournament::MatchStarted = decode(event)?;
                heard.matches.push(MatchKey {
                    tournament: started.dispute,
                    one: started.one,
                    two: started.two,
                });
            }
            _ => {}
        }
        Ok(())
    }

    async fn tournament(
        &self,
        id: B256,
        dispute: &abi::Dispute,
        contest: Option<Contest>,
        heard: &Heard,
    ) -> Result<TournamentView, SettlementError> {
        let keys: Vec<MatchKey> = heard
            .matches
            .iter()
            .filter(|key| key.tournament == id)
            .copied()
            .collect();
        let commitments: Vec<B256> = heard
            .claims
            .iter()
            .filter(|(tournament, _)| *tournament == id)
            .map(|(_, commitment)| *commitment)
            .collect();
        let matches = self.matches(&keys).await?;
        let claims = self.claims(id, &commitments, &matches).await?;
        let expected = (dispute.claims as usize, dispute.matches as usize);
        if (claims.len(), matches.len()) != expected {
            return Err(SettlementError::Unavailable(format!(
                "tournament {id} has {expected:?} claims and matches, and the node's events tell of {:?}",
                (claims.len(), matches.len())
            )));
        }
        Ok(TournamentView {
            id,
            level: dispute.level,
            opened_at: Seconds(dispute.openedAt),
            closes_at: Seconds(dispute.openedAt.saturating_add(dispute.window)),
            start: dispute.start,
            grace: dispute.grace,
            bond: U256::from(dispute.bond),
            program: dispute.program,
            contest,
            dangling: (!dispute.dangling.is_zero()).then_some(dispute.dangling),
            claims,
            matches,
        })
    }

    async fn matches(&self, keys: &[MatchKey]) -> Result<Vec<MatchView>, SettlementError> {
        let calls: Vec<_> = keys
            .iter()
            .map(|key| abi::Tournament::matchOfCall { id: key.id() })
            .collect();
        let asked = calls
            .iter()
            .map(|asked| call(self.reader, self.contracts.tournament, asked));
        let found = all(asked).await?;
        let live = keys.iter().zip(found);
        Ok(live
            .filter_map(|(key, found)| match_view(*key, &found.m))
            .collect())
    }

    async fn claims(
        &self,
        id: B256,
        commitments: &[B256],
        matches: &[MatchView],
    ) -> Result<Vec<TournamentClaim>, SettlementError> {
        let calls: Vec<_> = commitments
            .iter()
            .map(|commitment| abi::Tournament::entrantOfCall {
                dispute: id,
                commitment: *commitment,
            })
            .collect();
        let asked = calls
            .iter()
            .map(|asked| call(self.reader, self.contracts.tournament, asked));
        let found = all(asked).await?;
        let claims = commitments.iter().zip(found);
        Ok(claims
            .filter_map(|(commitment, found)| claim_view(*commitment, &found, matches))
            .collect())
    }

    /// The tournaments that matches of this one wait for.
    async fn inner_of(
        &self,
        outer: &TournamentView,
    ) -> Result<Vec<(B256, abi::Dispute, Option<Contest>)>, SettlementError> {
        let waiting: Vec<_> = outer
            .matches
            .iter()
            .filter_map(|found| match found.stage {
                MatchStage::Inner {
                    tournament,
                    index,
                    one,
                    two,
                    ..
                } => {
                    let contest = Contest {
                        parent: found.key,
                        index,
                        one,
                        two,
                    };
                    Some((tournament, contest))
                }
                MatchStage::Halving { .. } | MatchStage::Leaf { .. } => None,
            })
            .collect();
        let calls: Vec<_> = waiting
            .iter()
            .map(|(id, _)| abi::Tournament::disputeOfCall { id: *id })
            .collect();
        let asked = calls
            .iter()
            .map(|asked| call(self.reader, self.contracts.tournament, asked));
        let found = all(asked).await?;
        let inner = waiting.into_iter().zip(found);
        Ok(inner
            .map(|((id, contest), dispute)| (id, dispute, Some(contest)))
            .collect())
    }
}

fn decode<E: SolEvent>(event: &Event) -> Result<E, SettlementError> {
    E::decode_log_data_validate(event).map_err(|error| {
        SettlementError::Contract(format!(
            "the node gave an event that is no {}: {error}; check the contracts' addresses and the node",
            E::SIGNATURE
        ))
    })
}

/// The numbers of Solidity's `Standing`; `None` for a claim that is not there.
fn claim_view(
    commitment: B256,
    found: &abi::Entrant,
    matches: &[MatchView],
) -> Option<TournamentClaim> {
    let standing = match found.standing {
        1 => Standing::Dangling,
        2 => {
            let plays = |found: &&MatchView| found.key.side_of(commitment).is_some();
            Standing::Playing(matches.iter().find(plays)?.key.id())
        }
        3 => Standing::Out,
        4 => Standing::Winner,
        _ => return None,
    };
    Some(TournamentClaim {
        commitment,
        claimant: found.claimant,
        outcome: found.outcome,
        allowance: found.allowance,
        earned: U256::from(found.earned),
        standing,
    })
}

/// The numbers of Solidity's `Stage`; `None` for a match that is over, or not there.
fn match_view(key: MatchKey, found: &abi::Match) -> Option<MatchView> {
    let turn = if found.turnTwo { Side::Two } else { Side::One };
    let (index, agreed, one, two) = (found.position, found.node, found.left, found.right);
    let (stage, ticking): (_, &[Side]) = match found.stage {
        1 => {
            let stage = MatchStage::Halving {
                turn,
                height: found.height,
                index,
                node: found.node,
                left: found.left,
                right: found.right,
            };
            (
                stage,
                if found.turnTwo {
                    &[Side::Two]
                } else {
                    &[Side::One]
                },
            )
        }
        2 => {
            let tournament = key.inner_tournament();
            (
                MatchStage::Inner {
                    tournament,
                    index,
                    agreed,
                    one,
                    two,
                },
                &[],
            )
        }
        3 => (
            MatchStage::Leaf {
                index,
                agreed,
                one,
                two,
            },
            &[Side::One, Side::Two],
        ),
        _ => return None,
    };
    let since = Seconds(found.since.to::<u64>());
    let clock = |side, allowance: alloy::primitives::aliases::U48| Clock {
        allowance: allowance.to::<u64>(),
        since: ticking.contains(&side).then_some(since),
    };
    Some(MatchView {
        key,
        stage,
        clock_one: clock(Side::One, found.allowanceOne),
        clock_two: clock(Side::Two, found.allowanceTwo),
    })
}
