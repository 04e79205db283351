//! The port's implementation.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use plasma_core::{
    BatchHeader, BlockHeader, BoxStream, Bytes, Certificate, ChainId, Clock, Committee,
    DisputeView, Epoch, Move, RootBlock, RootOrdering, RootReceipt, RootUpdate, Seconds,
    Settlement, SettlementError, TournamentView,
};

use super::{
    follower::Follower,
    view::{BlockReader, FirstBlock, first_since},
};
use crate::{
    RegisteredChain,
    contracts::{Contracts, abi},
    root::{Gas, RootAccount, RootCall, RootClient, root_receipt},
    tournament::{MoveCall, move_call, read_view},
};

/// What moves that wait for a time take at most; used when the node's clock lags and it cannot estimate.
const TIMED_GAS: u64 = 500_000;
/// What each byte of a batch takes at most when it comes in the call: EIP-7623's floor, and hashing and logging it.
const OPEN_GAS_PER_BYTE: u64 = 50;

/// Settlement on an EVM root, for one chain.
///
/// Without an account it only watches. All of it may be called at the same time, and again after
/// any error: a second append of a batch, a claim that stands already, a settled claim are `Stale`.
///
/// About [`events`](Settlement::events):
/// - A block is handed on once its inbox events continue the inbox's hash chains and, at the head,
///   the counts and hashes are those in the contract's storage.
/// - After an error the stream goes on by itself, with growing pauses: a node that is away gives
///   one `Unavailable` for each attempt. Only after `DeepReorg` it ends.
/// - A start from a block that is no longer on the root needs the way back to the fork, which not
///   every node keeps. Then the first item is `DeepReorg`: whoever remembers an older block starts
///   from that one.
/// - A start from a block with the zero hash takes whatever block has that number.
#[derive(Clone, Debug)]
pub struct EvmSettlement {
    root: RootClient,
    contracts: Contracts,
    chain_id: ChainId,
    account: Option<RootAccount>,
    /// Where the round's events begin.
    first: Arc<FirstBlock>,
}

impl EvmSettlement {
    /// Watches one chain on a root.
    pub fn new(root: RootClient, contracts: Contracts, chain_id: ChainId) -> Self {
        Self {
            root,
            contracts,
            chain_id,
            account: None,
            first: Arc::default(),
        }
    }

    /// Sends with this account, over the account's own connection.
    pub fn with_account(self, account: RootAccount) -> Self {
        Self {
            account: Some(account),
            ..self
        }
    }

    /// The contracts.
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// The connection.
    pub fn root(&self) -> &RootClient {
        &self.root
    }

    /// What the chain is registered with. Fails when there are no such contracts, or no such chain.
    pub async fn registered(&self) -> Result<RegisteredChain, SettlementError> {
        let call = abi::ChainRegistry::chainCall {
            chainId: self.chain_id.0,
        };
        let chain = self
            .root
            .call_latest(self.contracts.chain_registry, &call)
            .await?;
        Ok(chain.into())
    }

    fn account(&self) -> Result<&RootAccount, SettlementError> {
        self.account.as_ref().ok_or(SettlementError::ReadOnly)
    }

    async fn send(&self, call: RootCall) -> Result<RootReceipt, SettlementError> {
        let receipt = self.account()?.send(&call, Gas::Estimate).await?;
        Ok(root_receipt(&receipt))
    }

    /// Sends what the root's clock allows from some second on. A root that makes no blocks while
    /// idle estimates with its last block's time; when only that stands in the way and our own
    /// clock says it is time, it is sent unestimated, and the block that takes it has a clock that
    /// fits.
    async fn send_timed(
        &self,
        call: RootCall,
        due: Option<Seconds>,
        most: u64,
    ) -> Result<RootReceipt, SettlementError> {
        let account = self.account()?;
        let gas = match account.estimate(&call).await? {
            Ok(gas) => gas,
            Err(refusal) if refusal.is_early() => {
                let now = self.root.env().now().seconds();
                // A second of grace, since clocks differ.
                match due {
                    Some(due) if now > due => most,
                    _ => return Err(refusal.into()),
                }
            }
            Err(refusal) => return Err(refusal.into()),
        };
        Ok(root_receipt(&account.send(&call, Gas::Limit(gas)).await?))
    }

    /// The first block that is not older than the chain's registration.
    async fn find_origin(&self) -> Result<RootBlock, SettlementError> {
        let registered_at = self.registered().await?.registered_at;
        let head = self.root.head().await?.number;
        self.block(first_since(&self.root, registered_at, head).await?)
            .await
    }

    async fn block(&self, number: u64) -> Result<RootBlock, SettlementError> {
        let header = self.root.header_at(number).await?;
        header.map(|header| header.block()).ok_or_else(|| {
            SettlementError::Unavailable(format!("it has no block {number}; is it still syncing?"))
        })
    }
}

#[async_trait]
impl Settlement for EvmSettlement {
    fn events(&self, from: RootBlock) -> BoxStream<'static, Result<RootUpdate, SettlementError>> {
        let follower = Follower::new(self.root.clone(), self.contracts, self.chain_id, from);
        stream::unfold(follower, |mut follower| async move {
            follower.next().await.map(|update| (update, follower))
        })
        .boxed()
    }

    async fn origin(&self) -> Result<RootBlock, SettlementError> {
        self.find_origin().await
    }

    async fn append(
        &self,
        batch: &BatchHeader,
        sealing: &BlockHeader,
        committee: &Committee,
        certificate: &Certificate,
    ) -> Result<RootReceipt, SettlementError> {
        self.send(RootCall::new(
            self.contracts.inbox,
            &abi::Inbox::appendCall {
                batch: batch.into(),
                sealing: sealing.into(),
                seats: committee.seats.iter().map(Into::into).collect(),
                certificate: certificate.into(),
            },
        ))
        .await
    }

    async fn ordering(&self) -> Result<Option<RootOrdering>, SettlementError> {
        let at = self.root.head().await?;
        let call = abi::Inbox::orderingCall {
            chainId: self.chain_id.0,
        };
        let ordering = self.root.call(self.contracts.inbox, &call, at.hash).await?;
        Ok(Some(RootOrdering {
            at,
            based: ordering.based,
            silence: ordering.silence,
            opens_after: (ordering.opensAfter != 0).then_some(Seconds(ordering.opensAfter)),
            awaited: ordering.awaited,
            epoch: Epoch(ordering.epoch),
        }))
    }

    async fn append_open(
        &self,
        batch: &BatchHeader,
        last: &BlockHeader,
        bytes: &Bytes,
    ) -> Result<RootReceipt, SettlementError> {
        let ordering = self.ordering().await?;
        let due =
            ordering.and_then(|ordering| Some(Seconds(ordering.opens_after?.0.saturating_add(1))));
        let call = RootCall::new(
            self.contracts.inbox,
            &abi::Inbox::appendOpenCall {
                batch: batch.into(),
                last: last.into(),
                data: bytes.clone(),
            },
        );
        let most = TIMED_GAS + OPEN_GAS_PER_BYTE * bytes.len() as u64;
        self.send_timed(call, due, most).await
    }

    async fn resume(
        &self,
        header: &BlockHeader,
        committee: &Committee,
        certificate: &Certificate,
    ) -> Result<RootReceipt, SettlementError> {
        self.send(RootCall::new(
            self.contracts.inbox,
            &abi::Inbox::resumeCall {
                header: header.into(),
                seats: committee.seats.iter().map(Into::into).collect(),
                certificate: certificate.into(),
            },
        ))
        .await
    }

    async fn send_transaction(&self, transaction: &Bytes) -> Result<RootReceipt, SettlementError> {
        self.send(RootCall::new(
            self.contracts.inbox,
            &abi::Inbox::sendTransactionCall {
                chainId: self.chain_id.0,
                rawSignedTx: transaction.clone(),
            },
        ))
        .await
    }

    async fn view(&self) -> Result<DisputeView, SettlementError> {
        let reader = BlockReader {
            root: &self.root,
            at: self.root.head().await?,
            first: &self.first,
        };
        let account = self.account.as_ref().map(RootAccount::address);
        read_view(&reader, &self.contracts, self.chain_id, account).await
    }

    async fn play(&self, action: &Move) -> Result<RootReceipt, SettlementError> {
        let account = self.account()?.address();
        let view = self.view().await?;
        let MoveCall { to, data, value } =
            move_call(&self.contracts, self.chain_id, account, &view, action)?;
        let call = RootCall {
            to: Some(to),
            data,
            value,
        };
        if is_timed(action) {
            self.send_timed(call, due(action, &view), TIMED_GAS).await
        } else {
            self.send(call).await
        }
    }
}

/// Whether a move waits for a time to be over.
fn is_timed(action: &Move) -> bool {
    matches!(
        action,
        Move::Force
            | Move::Settle
            | Move::Restart
            | Move::ResolveInner { .. }
            | Move::Timeout { .. }
    )
}

/// The first second in which the root takes a move that waits for a time to be over.
fn due(action: &Move, view: &DisputeView) -> Option<Seconds> {
    match action {
        Move::Force => view.overdue_at,
        Move::Settle | Move::Restart => view.outer().map(|outer| outer.closes_at),
        Move::ResolveInner { key } => {
            let is_decided_by = |inner: &&TournamentView| {
                inner.contest.is_some_and(|contest| contest.parent == *key)
            };
            let inner = view.tournaments.iter().find(is_decided_by)?;
            Some(inner.closes_at)
        }
        Move::Timeout { key } => {
            let matches = &view.tournament(key.tournament)?.matches;
            let found = matches.iter().find(|found| found.key == *key)?;
            let clocks = [found.clock_one, found.clock_two];
            clocks.iter().filter_map(Clock::expires).max()
        }
        _ => None,
    }
}
