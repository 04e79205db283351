//! What a committee agrees on: one deterministic core, the same in a node and in the simulation.
//!
//! ```text
//!   submit ─► Gate ─► Mempool ──offer──► Payload ─► undecided ──commit──► Journal ─► readers
//!                                  peers' ──validate──┘             (certificate)
//! ```
//! Invariants:
//! - Synchronous, and no clock but what is passed in.
//! - A block is committed with a certificate that the root would accept, and follows the head.
//! - One block of its own is offered at a height, in whatever round, also after a restart: it is
//!   [restored](SequencerApp::restore) before anything else is offered.

mod check;
mod news;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use borsh::{BorshDeserialize, BorshSerialize};
use plasma_core::{
    Address, B256, BatchHeader, Block, BlockHeader, Bytes, Certificate, CertifiedBlock, ChainId,
    Committee, Gas, Gate, Height, MAX_BODY_BYTES, MAX_TRANSACTION_BYTES, Promise, Rejection,
    SequencerError, Signer, SubmitError, Timestamp, TransactionHash, transaction_hash,
};

use super::{
    context::{BlockHeight, Domain, Seats},
    evidence::EvidencePool,
    schedule::Schedule,
    turns::Turns,
};
use crate::{BlockBuilder, Journal, JournalError, Mempool, MempoolLimits, Picked};

pub use check::Verdict;

/// How a committee's member works. All members should be told the same.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Where the chain begins.
    pub genesis: BlockHeader,
    /// The gas of one block: the sum of its transactions' limits.
    pub gas_limit: Gas,
    /// The bytes of one block's transactions; never above [`MAX_BODY_BYTES`].
    pub byte_limit: usize,
    /// How much may wait.
    pub limits: MempoolLimits,
    /// Within how many blocks a transaction is promised.
    pub promise_blocks: u64,
    /// How many blocks may be ahead of execution for it to offer another.
    pub max_unexecuted: usize,
    /// How far a block's time may be ahead of the own clock, in milliseconds.
    pub max_drift_ms: u64,
}

impl AppConfig {
    /// The defaults for a chain.
    pub fn new(genesis: BlockHeader) -> Self {
        Self {
            genesis,
            gas_limit: Gas(1_000_000_000),
            byte_limit: MAX_BODY_BYTES,
            limits: MempoolLimits::default(),
            promise_blocks: 64,
            max_unexecuted: 256,
            max_drift_ms: 2_000,
        }
    }
}

/// What travels in parts: a block, and what its seal is the hash of.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Payload {
    /// The block.
    pub block: Block,
    /// The batch that it seals.
    pub batch: Option<BatchHeader>,
}

impl Payload {
    /// The block's hash: what is agreed on.
    pub fn id(&self) -> B256 {
        self.block.header.hash()
    }
}

/// A transaction that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// What it is called.
    pub hash: TransactionHash,
    /// The highest block that may be the first to have it, if that is promised to who asks.
    pub deadline: Height,
}

impl Entered {
    /// The promise of it, for who asks: signing takes longer than all the rest.
    pub fn promise(self, signer: &Signer, chain_id: ChainId) -> Promise {
        Promise::sign(signer, chain_id, self.hash, self.deadline)
    }
}

/// The core of one member.
pub struct SequencerApp {
    config: AppConfig,
    signer: Signer,
    gate: Arc<dyn Gate>,
    journal: Box<dyn Journal>,
    builder: BlockBuilder,
    pool: Mempool,
    schedule: Schedule,
    turns: Turns,
    /// What rounds count from after the head, until the next override.
    base: u32,
    /// Whether the next certificate tells that.
    any_base: bool,
    evidence: EvidencePool,
    /// Blocks proposed at the next height, own and others'.
    undecided: BTreeMap<B256, Payload>,
    /// The own one among them, and what it took out of the pool.
    own: Option<(B256, Vec<Picked>)>,
    /// Blocks whose execution was not reported yet.
    unexecuted: VecDeque<(Height, Vec<TransactionHash>)>,
    /// State roots that the node reported, and those that certified headers claim.
    executed: BTreeMap<Height, B256>,
    claimed: BTreeMap<Height, B256>,
    diverged: Option<Height>,
}

/// Blocks of one height that are kept: a few rounds' worth. The one that is locked on is kept too.
const MAX_UNDECIDED: usize = 32;
/// State roots kept for comparison.
const MAX_ROOTS: usize = 1_024;

impl SequencerApp {
    /// Continues where the journal ends.
    pub fn new(
        config: AppConfig,
        signer: Signer,
        schedule: Schedule,
        gate: Arc<dyn Gate>,
        journal: Box<dyn Journal>,
    ) -> Result<Self, SequencerError> {
        let genesis = config.genesis.clone();
        let head = journal.head().unwrap_or(&genesis).clone();
        if head.chain_id != genesis.chain_id {
            let (expected, found) = (genesis.chain_id, head.chain_id);
            let text = format!("a genesis of chain {expected}, and a journal of {found}");
            return Err(SequencerError::Inconsistent(text));
        }
        let committee = schedule.after(head.timestamp).clone();
        let builder = BlockBuilder::new(genesis, head, committee.epoch, signer.address());
        let mut app = Self {
            pool: Mempool::new(config.limits, config.gas_limit),
            config,
            signer,
            gate,
            journal,
            builder,
            schedule,
            turns: Turns::new(&committee),
            base: 0,
            any_base: false,
            evidence: EvidencePool::new(),
            undecided: BTreeMap::new(),
            own: None,
            unexecuted: VecDeque::new(),
            executed: BTreeMap::new(),
            claimed: BTreeMap::new(),
            diverged: None,
        };
        app.recall_turns()?;
        app.recall_blocks()?;
        Ok(app)
    }

    /// The newest certified header.
    pub fn head(&self) -> &BlockHeader {
        self.builder.head()
    }

    /// The height to agree on.
    pub fn next(&self) -> Height {
        self.head().height.next()
    }

    /// Whose address it signs as.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// The key that it signs with.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Which committee certifies when.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Learns of another committee. Heights that are certified keep theirs.
    pub fn schedule_mut(&mut self) -> &mut Schedule {
        &mut self.schedule
    }

    /// What was found out about others.
    pub fn evidence(&self) -> &EvidencePool {
        &self.evidence
    }

    /// For what the network shows.
    pub fn evidence_mut(&mut self) -> &mut EvidencePool {
        &mut self.evidence
    }

    /// What waits.
    pub fn pool(&self) -> &Mempool {
        &self.pool
    }

    /// What waits.
    pub fn pool_mut(&mut self) -> &mut Mempool {
        &mut self.pool
    }

    /// The certified blocks.
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The lowest height of which a certified header claims another state root than the node
    /// reported: two nodes executed differently.
    pub fn diverged(&self) -> Option<Height> {
        self.diverged
    }

    /// How many turns in a row each seat missed.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Counts rounds from another base: of an override that no certified block shows yet.
    pub fn rebase(&mut self, base: u32) {
        self.base = base;
    }

    /// Who decides the next height, and who proposes when.
    pub fn seats(&self) -> Seats {
        let height = self.next();
        let committee = self.committee();
        let domain = Domain {
            chain_id: self.config.genesis.chain_id,
            epoch: committee.epoch,
            base: self.base,
        };
        let seats = Seats::new(committee.clone(), domain).expect("the schedule checked it");
        seats.with_turns(self.turns.order(committee, height.0))
    }

    /// Who certifies the next height.
    pub fn committee(&self) -> &Committee {
        self.schedule.after(self.head().timestamp)
    }

    /// Whether this member knows who certifies the next height.
    pub fn informed(&self) -> bool {
        self.schedule.informed(self.head().timestamp)
    }

    /// Who comes first at the next heights, each once, without this member.
    pub fn leaders(&self, heights: u64) -> Vec<Address> {
        let (committee, mut leaders) = (self.committee(), Vec::new());
        for height in (self.next().0..).take(heights as usize) {
            let first = self.turns.order(committee, height)[0];
            let key = committee.seats[usize::from(first)].key;
            if key != self.address() && !leaders.contains(&key) {
                leaders.push(key);
            }
        }
        leaders
    }

    /// Whether there is something to agree on.
    pub fn has_news(&self) -> bool {
        let pace = self.unexecuted.len() < self.config.max_unexecuted;
        self.own.is_some() || (pace && (self.builder.has_news() || self.pool.has_ready()))
    }

    /// When the committee has to hand over to the next one, be there anything else to say or not: a
    /// chain that nobody uses would keep one whose stake is long gone.
    pub fn handover(&self) -> Option<Timestamp> {
        self.schedule.next_change(self.head().timestamp)
    }

    /// Takes transactions in from users; says of each what it is called and by when it is promised to who asks.
    ///
    /// What they have in common is done once: one look at the state, one check of all signatures.
    pub fn enter(
        &mut self,
        transactions: &[Bytes],
        now: Timestamp,
    ) -> Vec<Result<Entered, SubmitError>> {
        let limit = MAX_TRANSACTION_BYTES.min(self.config.byte_limit);
        let named: Vec<Result<TransactionHash, SubmitError>> = transactions
            .iter()
            .map(|transaction| {
                let length = transaction.len();
                if length > limit {
                    return Err(Rejection::TooLarge { length, limit }.into());
                }
                let hash = transaction_hash(transaction);
                if self.pool.contains(&hash) {
                    return Err(SubmitError::AlreadyKnown(hash));
                }
                Ok(hash)
            })
            .collect();
        let fresh: Vec<Bytes> = transactions
            .iter()
            .zip(&named)
            .filter(|(_, named)| named.is_ok())
            .map(|(transaction, _)| transaction.clone())
            .collect();
        let admissions = match &fresh[..] {
            [] => Vec::new(),
            [one] => vec![self.gate.admit(one)],
            many => self.gate.admit_all(many),
        };
        let mut admitted = fresh.into_iter().zip(admissions);
        let deadline = self.head().height + self.config.promise_blocks;
        let mut enter = |hash| {
            let Some((transaction, admission)) = admitted.next() else {
                let silent = "the gate did not answer for it".to_owned();
                return Err(SubmitError::Unavailable(silent));
            };
            let ready = self.pool.insert(hash, transaction, &admission?, now)?;
            let deadline = if ready { deadline } else { Height(u64::MAX) };
            Ok(Entered { hash, deadline })
        };
        named
            .into_iter()
            .map(|named| named.and_then(&mut enter))
            .collect()
    }

    /// Takes a transaction in, whoever sent it. Says whether a block could take it now.
    pub fn accept(
        &mut self,
        hash: TransactionHash,
        transaction: Bytes,
        now: Timestamp,
    ) -> Result<bool, SubmitError> {
        let admission = self.gate.admit(&transaction)?;
        self.pool.insert(hash, transaction, &admission, now)
    }

    /// The block to propose, if there is something to say. The same one at every call at a height.
    pub fn offer(&mut self, now: Timestamp) -> Option<Payload> {
        if let Some((id, _)) = &self.own {
            return self.undecided.get(id).cloned();
        }
        let timestamp = self.builder.timestamp(now);
        let handover = self.handover().is_some_and(|at| timestamp >= at);
        if !self.has_news() && !handover {
            return None;
        }
        self.builder.term(self.committee().epoch);
        let bytes = self.config.byte_limit.min(MAX_BODY_BYTES);
        let picked = self.pool.take(self.config.gas_limit, bytes, timestamp);
        let bodies = picked.iter().map(|picked| picked.bytes.clone()).collect();
        let block = if handover {
            self.builder.build_any(now, bodies)
        } else {
            self.builder.build(now, bodies)?
        };
        let batch = self.builder.sealing().cloned();
        let payload = Payload { block, batch };
        self.own = Some((payload.id(), picked));
        self.undecided.insert(payload.id(), payload.clone());
        Some(payload)
    }

    /// What a block could take if the root orders and not the committee: what the own offer has, for nobody may ever
    /// decide on it, and what waits.
    pub fn ready(&self, bytes: usize, now: Timestamp) -> Vec<Bytes> {
        let mut bytes = bytes.min(self.config.byte_limit);
        let mut gas = self.config.gas_limit.0;
        let mut ready = Vec::new();
        for picked in self.own.iter().flat_map(|(_, picked)| picked) {
            let needed = self.pool.gas_limit(&picked.hash).unwrap_or_default().0;
            if picked.bytes.len() > bytes || needed > gas {
                // What follows may need it.
                return ready;
            }
            bytes -= picked.bytes.len();
            gas -= needed;
            ready.push(picked.bytes.clone());
        }
        ready.extend(self.pool.ready(Gas(gas), bytes, now));
        ready
    }

    /// Knows again a block that was undecided before a restart. `own` says that it was offered.
    pub fn restore(&mut self, payload: Payload, own: bool) {
        let header = &payload.block.header;
        if header.height != self.next() || header.parent != self.builder.head_hash() {
            return;
        }
        let id = payload.id();
        if own {
            let picked = payload.block.transactions.iter().map(|bytes| Picked {
                hash: transaction_hash(bytes),
                bytes: bytes.clone(),
            });
            self.own = Some((id, picked.collect()));
        }
        self.undecided.insert(id, payload);
    }

    /// Keeps another's block until the height is decided. `locked` is not dropped for it.
    pub fn hold(&mut self, payload: Payload, locked: Option<B256>) {
        while self.undecided.len() >= MAX_UNDECIDED {
            let own = self.own.as_ref().map(|(id, _)| *id);
            let spare = self
                .undecided
                .keys()
                .find(|id| Some(**id) != own && Some(**id) != locked)
                .copied();
            let Some(spare) = spare else {
                return;
            };
            self.undecided.remove(&spare);
        }
        self.undecided.insert(payload.id(), payload);
    }

    /// A block of the next height that is here already.
    pub fn undecided(&self, id: &B256) -> Option<&Payload> {
        self.undecided.get(id)
    }

    /// Appends a decided block whose body is here. `Ok(None)` when it is not.
    pub fn commit(
        &mut self,
        certificate: Certificate,
    ) -> Result<Option<CertifiedBlock>, SequencerError> {
        let held = self.undecided.get(&certificate.block);
        let Some(payload) = held.filter(|_| self.continues(&certificate)) else {
            return Ok(None);
        };
        let block = payload.block.clone();
        self.append(CertifiedBlock { block, certificate }).map(Some)
    }

    /// Appends a block that was certified without this member. Refuses what the root would.
    pub fn adopt(&mut self, certified: CertifiedBlock) -> Result<CertifiedBlock, SequencerError> {
        let header = &certified.block.header;
        let refuse = |text: String| Err(SequencerError::Inconsistent(text));
        if header.height != self.next() || header.parent != self.builder.head_hash() {
            let (got, next) = (header.height, self.next());
            return refuse(format!("block {got} does not follow; {next} does"));
        }
        if header.chain_id != self.config.genesis.chain_id {
            return refuse(format!("a block of chain {}", header.chain_id));
        }
        if !self.continues(&certified.certificate) {
            return refuse("it was certified before the chain was overridden".into());
        }
        if let Err(error) = certified.certificate.verify(self.committee(), header) {
            return refuse(error.to_string());
        }
        if let Some(reason) = check::body(&certified.block) {
            return refuse(reason);
        }
        self.append(certified)
    }

    fn append(&mut self, certified: CertifiedBlock) -> Result<CertifiedBlock, SequencerError> {
        let header = &certified.block.header;
        self.journal.append(&certified).map_err(journal_failed)?;
        let committee = self.committee().clone();
        self.learn_base(&certified.certificate);
        self.builder.commit(header);
        self.turns.record(&committee, header);
        self.evidence
            .certificate(&committee, &certified.certificate);
        self.evidence.prune(header.height);
        self.undecided.clear();
        let hashes: Vec<TransactionHash> = certified
            .block
            .transactions
            .iter()
            .map(|bytes| transaction_hash(bytes))
            .collect();
        if let Some((_, picked)) = self.own.take() {
            self.put_back(&picked, &hashes);
        }
        for (hash, bytes) in hashes.iter().zip(&certified.block.transactions) {
            let gate = &*self.gate;
            self.pool.ordered(*hash, bytes, || gate.admit(bytes).ok());
        }
        let executed = self.executed.last_key_value();
        if executed.is_some_and(|(executed, _)| *executed >= header.height) {
            // The node had it from the root before.
            self.pool.executed(&hashes);
        } else {
            self.unexecuted.push_back((header.height, hashes));
        }
        self.claim(header.executed_height, header.executed_root);
        Ok(certified)
    }

    /// Lets the own block's transactions wait again, but for those that were ordered.
    fn put_back(&mut self, picked: &[Picked], ordered: &[TransactionHash]) {
        let ordered: std::collections::HashSet<_> = ordered.iter().collect();
        let rest: Vec<Picked> = picked
            .iter()
            .filter(|picked| !ordered.contains(&picked.hash))
            .cloned()
            .collect();
        for Picked { hash, bytes } in self.pool.put_back(&rest) {
            // Of before a restart, so the pool does not know it.
            if let Ok(admission) = self.gate.admit(&bytes) {
                let now = self.head().timestamp;
                let _ = self.pool.insert(hash, bytes, &admission, now);
            }
        }
    }

    /// Reads who missed turns. At a block that the journal does not hold, for the root made it, all is forgotten: then
    /// those who were there and those who were not agree.
    fn recall_turns(&mut self) -> Result<(), SequencerError> {
        let head = self.head().height;
        let (mut from, mut expected) = (Height(Turns::memory(head.0)), None);
        while let Some(height) = self.journal.next(from).filter(|height| *height <= head) {
            if let Some(held) = self.journal.get(height).map_err(journal_failed)? {
                let header = &held.block.header;
                if let Some(committee) = self.schedule.of(header.epoch) {
                    if expected.is_some_and(|expected| expected != height) {
                        self.turns = Turns::new(committee);
                    }
                    self.turns.record(committee, header);
                }
            }
            from = height.next();
            expected = Some(from);
        }
        if expected.is_some_and(|expected| expected != head.next()) {
            self.turns = Turns::new(self.schedule.after(self.builder.head().timestamp));
        }
        if let Some(held) = self.journal.get(head).map_err(journal_failed)? {
            self.learn_base(&held.certificate);
        } else if !self.holds_head() {
            // The chain was overridden by it, or it was missed; what follows it names it.
            self.base = Domain::base_after(self.builder.head_hash());
            self.any_base = true;
        }
        Ok(())
    }

    /// Whether the head is genesis, or in the journal; otherwise it came from the root.
    fn holds_head(&self) -> bool {
        let head = self.head().height;
        head == self.config.genesis.height
            || self.journal.get(head).is_ok_and(|held| held.is_some())
    }

    /// Goes on where a log says that it was; gives whether the log is about the height to agree on. A log of a later
    /// height is of before an override that it was not told of any more.
    pub fn resume(&mut self, height: Height, base: u32) -> bool {
        let after = Domain::base_after(self.builder.head_hash());
        if height > self.next() {
            self.base = after;
        } else if height == self.next() && (self.holds_head() || base == after) {
            self.base = base;
            return true;
        }
        false
    }

    fn learn_base(&mut self, certificate: &Certificate) {
        self.base = Domain::base_of(certificate.round);
        self.any_base = false;
    }

    /// Whether a certificate counts rounds as the chain after the head does: from the base so far,
    /// or from that of an override to the head. What was certified before an override does not come
    /// back.
    fn continues(&self, certificate: &Certificate) -> bool {
        let base = Domain::base_of(certificate.round);
        self.any_base || base == self.base || base == Domain::base_after(self.builder.head_hash())
    }

    /// Reads what was certified but not executed before the restart.
    fn recall_blocks(&mut self) -> Result<(), SequencerError> {
        let head = self.head();
        let oldest = head
            .height
            .0
            .saturating_sub(self.config.max_unexecuted as u64);
        let mut from = head.executed_height.max(Height(oldest)).next();
        while let Some(height) = self.journal.next(from) {
            let Some(held) = self.journal.get(height).map_err(journal_failed)? else {
                break;
            };
            let mut hashes = Vec::new();
            for bytes in held.block.transactions {
                let hash = transaction_hash(&bytes);
                let admission = self.gate.admit(&bytes).ok();
                self.pool.included(hash, bytes, admission.as_ref());
                hashes.push(hash);
            }
            self.unexecuted.push_back((height, hashes));
            from = height.next();
        }
        Ok(())
    }

    pub(super) fn height(&self) -> BlockHeight {
        self.next().into()
    }
}

fn journal_failed(error: JournalError) -> SequencerError {
    SequencerError::Journal(error.to_string())
}
