//! Following the root's head, through reorganisations, outages and limits.
//!
//! ```text
//!              start                 advance (for ever)
//!   from ──────────────> window ──┬─ head is the tip ─────> wait
//!     │ not on the root           ├─ tip is on the root ──> read on: far blocks in ranges,
//!     └─> walk back by hash       │                         the last ones each by its hash
//!                                 └─ tip is not ──────────> Reorg{to: newest that is}, DeepReorg
//! ```
//! Invariants: every block handed on continues the window's last one; nothing is handed on before
//! its inbox events continued the hash chains; what is handed on is in order and given once, but
//! for a reorganisation.

use std::{collections::VecDeque, time::Duration};

use plasma_core::{B256, ChainId, RootBlock, RootUpdate, SettlementError, Timestamp};
use tracing::{debug, warn};

use super::{
    decode::Located,
    reader::{Reader, moved},
    tracker::{Break, Contract, Tracker},
};
use crate::{
    contracts::Contracts,
    root::{Header, RootClient},
};

/// Blocks this near to the head are read one by one, by hash.
const LIVE_BLOCKS: u64 = 16;
/// Hashes fetched before the first block, so that a reorganisation right after a start is
/// understood.
const HISTORY: u64 = 32;
/// How often an incomplete answer is asked for again before the node is called broken.
const MAX_GAPS: u32 = 3;
/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(15);
/// A node may be behind what was read for this long before it is said aloud, in milliseconds.
const PATIENCE_MS: u64 = 10_000;

pub(super) struct Follower {
    root: RootClient,
    contracts: Contracts,
    chain_id: ChainId,
    from: RootBlock,
    started: bool,
    /// Blocks known to be on the root, oldest first; the last is the newest handed on, or the one
    /// before `from`.
    window: VecDeque<RootBlock>,
    next: u64,
    /// `None` until it is known where the inbox stands at the end of the window.
    tracker: Option<Tracker>,
    ready: VecDeque<RootUpdate>,
    reader: Reader,
    failures: u32,
    gaps: u32,
    behind_since: Option<Timestamp>,
    ended: bool,
}

impl Follower {
    pub(super) fn new(
        root: RootClient,
        contracts: Contracts,
        chain_id: ChainId,
        from: RootBlock,
    ) -> Self {
        let reader = Reader::new(root.clone(), contracts, chain_id);
        Self {
            root,
            contracts,
            chain_id,
            from,
            started: false,
            window: VecDeque::new(),
            next: from.number,
            tracker: None,
            ready: VecDeque::new(),
            reader,
            failures: 0,
            gaps: 0,
            behind_since: None,
            ended: false,
        }
    }

    /// The next piece of news. `None` after a reorganisation deeper than is known.
    pub(super) async fn next(&mut self) -> Option<Result<RootUpdate, SettlementError>> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Some(Ok(update));
            }
            if self.ended {
                return None;
            }
            if self.failures > 0 {
                self.root.env().sleep(self.pause()).await;
            }
            match self.advance().await {
                Ok(()) => self.failures = 0,
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    self.ended = matches!(error, SettlementError::DeepReorg(_));
                    debug!(%error, next = self.next, "following the root");
                    return Some(Err(error));
                }
            }
        }
    }

    fn pause(&self) -> Duration {
        let factor = 1_u32 << self.failures.min(10);
        self.root
            .config()
            .poll_interval()
            .saturating_mul(factor)
            .min(MAX_PAUSE)
    }

    /// One round: news into `ready`, or a pause.
    async fn advance(&mut self) -> Result<(), SettlementError> {
        if !self.started {
            self.start().await?;
            self.started = true;
            return Ok(());
        }
        let Some(head) = self.readable_head().await? else {
            return self.wait().await;
        };
        let tip = self.window.back().copied();
        if tip.is_some_and(|tip| tip.hash == head.block().hash) {
            self.behind_since = None;
            return self.wait().await;
        }
        let follows = tip.is_none_or(|tip| {
            tip.number + 1 == head.block().number && tip.hash == head.parent_hash
        });
        if !follows && !self.is_on_root(head.block().number).await? {
            return self.walk_back(head.block().number).await;
        }
        if head.block().number < self.next {
            return self.behind(head.block()).await;
        }
        self.behind_since = None;
        if !self.starts_where_asked().await? {
            return self.walk_back(head.block().number).await;
        }
        self.read(head.block()).await
    }

    /// Whether the block that was asked for is still there, as long as it was not handed on.
    async fn starts_where_asked(&self) -> Result<bool, SettlementError> {
        let first = self.next == self.from.number && !self.from.hash.is_zero();
        Ok(!first || self.stands(self.from).await?)
    }

    /// The newest block that may be read: the head, or the configured number of blocks below it.
    async fn readable_head(&self) -> Result<Option<Header>, SettlementError> {
        let latest = self.root.latest().await?;
        match self.root.config().confirmations {
            0 => Ok(Some(latest)),
            depth => match latest.block().number.checked_sub(depth) {
                Some(number) => self.root.header_at(number).await,
                None => Ok(None),
            },
        }
    }

    async fn wait(&self) -> Result<(), SettlementError> {
        self.root
            .env()
            .sleep(self.root.config().poll_interval())
            .await;
        Ok(())
    }

    /// The node is on the same chain, but has not all that was read: a lagging replica, or a root
    /// that was set back and has not gone another way yet.
    async fn behind(&mut self, head: RootBlock) -> Result<(), SettlementError> {
        let now = self.root.env().now();
        let since = *self.behind_since.get_or_insert(now);
        if now.0.saturating_sub(since.0) > PATIENCE_MS {
            self.behind_since = Some(now);
            return Err(SettlementError::Unavailable(format!(
                "it is at block {}, behind block {} that was read before",
                head.number,
                self.next.saturating_sub(1)
            )));
        }
        self.wait().await
    }

    // ---- start and reorganisations

    /// Finds the place to start from.
    async fn start(&mut self) -> Result<(), SettlementError> {
        let from = self.from;
        let Some(header) = self.root.header_at(from.number).await? else {
            let head = self.root.head().await?.number;
            return Err(SettlementError::Unavailable(format!(
                "it is at block {head} and has not reached block {}, from which it is read",
                from.number
            )));
        };
        if from.hash.is_zero() || header.block().hash == from.hash {
            self.window = self.history(&header).await?;
            self.next = from.number;
            return Ok(());
        }
        let to = self.fork_of(from).await?;
        self.reorganised(to, from.number);
        Ok(())
    }

    /// The blocks before this one.
    async fn history(&self, header: &Header) -> Result<VecDeque<RootBlock>, SettlementError> {
        let number = header.block().number;
        let first = number.saturating_sub(HISTORY.min(self.root.config().reorg_window.max(1)));
        let headers: Vec<Header> = self.reader.headers(first..number).await?;
        let linked = headers
            .iter()
            .chain([header])
            .zip(headers.iter().skip(1).chain([header]));
        let broken = linked.clone().find(|(before, after)| {
            before.block().number < after.block().number && before.block().hash != after.parent_hash
        });
        match broken {
            Some((_, after)) => Err(moved(after.block().number)),
            None => Ok(headers.iter().map(Header::block).collect()),
        }
    }

    /// The newest ancestor of an abandoned block that is on the root, if the node still knows the
    /// way.
    async fn fork_of(&self, from: RootBlock) -> Result<RootBlock, SettlementError> {
        let mut hash = from.hash;
        for _ in 0..self.root.config().reorg_window.max(1) {
            let Some(orphan) = self.root.header_of(hash).await? else {
                break;
            };
            let block = orphan.block();
            let own = self.root.header_at(block.number).await?;
            if own.is_some_and(|own| own.block().hash == block.hash) {
                return Ok(block);
            }
            hash = orphan.parent_hash;
        }
        Err(SettlementError::DeepReorg(from.number))
    }

    /// Whether the newest known block up to `number` is on the root.
    async fn is_on_root(&self, number: u64) -> Result<bool, SettlementError> {
        match self
            .window
            .iter()
            .rev()
            .find(|block| block.number <= number)
        {
            Some(known) => self.stands(*known).await,
            // A node that starts anew is behind; it shows once it has caught up.
            None => Ok(true),
        }
    }

    async fn stands(&self, block: RootBlock) -> Result<bool, SettlementError> {
        let own = self.root.header_at(block.number).await?;
        Ok(own.is_some_and(|own| own.block().hash == block.hash))
    }

    /// Finds the newest known block that stands.
    async fn walk_back(&mut self, head: u64) -> Result<(), SettlementError> {
        for place in (0..self.window.len()).rev() {
            let known = self.window[place];
            if known.number <= head && self.stands(known).await? {
                self.reorganised(known, self.next.saturating_sub(1));
                return Ok(());
            }
        }
        let oldest = self
            .window
            .front()
            .map_or(self.from.number, |block| block.number);
        Err(SettlementError::DeepReorg(oldest))
    }

    fn reorganised(&mut self, to: RootBlock, was: u64) {
        warn!(from = was, to = to.number, "the root reorganised");
        while self
            .window
            .back()
            .is_some_and(|block| block.number >= to.number)
        {
            self.window.pop_back();
        }
        self.window.push_back(to);
        self.next = to.number + 1;
        // What comes now is read for the first time.
        self.from.hash = B256::ZERO;
        self.tracker = None;
        self.ready.push_back(RootUpdate::Reorg { to });
    }

    // ---- reading

    /// Reads on, at most up to `head`, which continues the window.
    async fn read(&mut self, head: RootBlock) -> Result<(), SettlementError> {
        let far = head.number.saturating_sub(self.next) >= LIVE_BLOCKS;
        let tip = self.window.back().copied();
        let (blocks, located) = if far {
            let limit = head.number - LIVE_BLOCKS;
            let Some(read) = self.reader.range(self.next, limit).await? else {
                return Ok(());
            };
            // These do not name their parents: had the root moved below them, it would not show.
            if let Some(tip) = tip
                && !self.stands(tip).await?
            {
                return Err(moved(tip.number));
            }
            read
        } else {
            self.reader.blocks(tip, self.next, head).await?
        };
        if !self.starts_where_asked().await? {
            return Err(moved(self.from.number));
        }
        let last = blocks.last().map_or(head, |block| *block);
        let tracker = match (&self.tracker, tip) {
            (Some(tracker), _) => tracker.clone(),
            (None, Some(tip)) => Tracker::anchor(self.contract(tip)).await,
            // Before the root's first block nothing was there.
            (None, None) => Tracker::empty(),
        };
        let contract = self.contract(head);
        match updates(
            tracker,
            &contract,
            &blocks,
            located,
            last.number == head.number,
        )
        .await
        {
            Ok((tracker, updates)) => {
                self.gaps = 0;
                self.tracker = Some(tracker);
                self.ready.extend(updates);
                self.advance_to(&blocks);
                Ok(())
            }
            Err(Break::Gap(what)) if self.gaps < MAX_GAPS => {
                self.gaps += 1;
                Err(SettlementError::Unavailable(format!(
                    "{what}; asking again"
                )))
            }
            Err(Break::Gap(what)) => Err(SettlementError::Contract(format!(
                "{what}; the node's logs are incomplete, ask another"
            ))),
            Err(Break::Other(error)) => Err(error),
        }
    }

    fn contract(&self, at: RootBlock) -> Contract<'_> {
        let (root, contracts, chain_id) = (&self.root, &self.contracts, self.chain_id);
        Contract {
            root,
            contracts,
            chain_id,
            at: at.hash,
        }
    }

    fn advance_to(&mut self, blocks: &[RootBlock]) {
        let Some(last) = blocks.last() else { return };
        self.next = last.number + 1;
        self.window.extend(blocks);
        let oldest = last
            .number
            .saturating_sub(self.root.config().reorg_window.max(1));
        while self
            .window
            .front()
            .is_some_and(|block| block.number < oldest)
        {
            self.window.pop_front();
        }
    }
}

/// Folds events along, and groups them by block.
async fn updates(
    mut tracker: Tracker,
    contract: &Contract<'_>,
    blocks: &[RootBlock],
    located: Vec<Located>,
    at_head: bool,
) -> Result<(Tracker, Vec<RootUpdate>), Break> {
    let mut located = located.into_iter().peekable();
    let mut updates = Vec::with_capacity(blocks.len());
    for block in blocks {
        let mut events = Vec::new();
        while let Some(event) = located.next_if(|event| event.block == block.number) {
            events.push(tracker.apply(contract, event.found).await?);
        }
        updates.push(RootUpdate::Block {
            block: *block,
            events,
        });
    }
    if at_head {
        tracker.check(contract).await?;
    }
    Ok((tracker, updates))
}
