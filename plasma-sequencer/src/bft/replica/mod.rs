//! One member of a committee: the engine, the core, the log, and messages in and out.
//!
//! ```text
//!   receive ─► signatures ─► engine (core-consensus) ─► effects ─► log ─sync─► outputs
//!                  │            ▲      │ GetValue, Decide
//!              evidence      timers    ▼
//!                                 SequencerApp ─► certified blocks
//! ```
//! Invariants:
//! - Synchronous and deterministic: whoever drives it passes messages, news and the time in, and
//!   carries the [outputs](Replica::outputs) out. A node does so over sockets, the simulation over
//!   a list.
//! - Outputs are released only after the log has what they say.
//! - A height is begun when there is something to agree on, or somebody else began it: nothing to
//!   say makes no block, and no noise.
//! - It never helps itself by forgetting: where the log and what follows from it differ, the member
//!   [stops](Replica::failure) rather than sign twice.

mod bodies;
mod effects;
mod gossip;
mod inbound;
mod patience;
mod sync;
mod timers;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    sync::Arc,
};

use arc_malachitebft_core_consensus::{
    Input, LocallyProposedValue, Params, State, ThresholdParams, process,
};
use arc_malachitebft_core_types::{LinearTimeouts, Round, ValuePayload, VoteExtensionPolicy};
use plasma_core::{
    Address, B256, BlockHeader, CertifiedBlock, ChainUpdate, Committee, Height, SequencerError,
    Signature, Timestamp, encode,
};

use super::{
    app::SequencerApp,
    context::{BlockId, Domain, Key, MAX_PART_BYTES, Part, PlasmaContext, Seats},
    evidence::EVIDENCE_HEIGHTS,
    log::{LogEntry, LogPlace, RoundLog},
    schedule::ScheduleError,
    verifier::Verifier,
    wire::Message,
};

use bodies::Bodies;
use gossip::Gossip;
use patience::Patience;
use sync::Fetching;
use timers::Timers;

/// Heights ahead of the own one, and inputs of each, that the engine keeps for later.
const QUEUED_HEIGHTS: usize = 4;
const QUEUED_INPUTS: usize = 2_048;

/// How long to ask for certified blocks that the root has before going on without them, in milliseconds.
const MISSING_PATIENCE_MS: u64 = 15_000;

/// How a member works.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaConfig {
    /// The longest that each step of a round may take. Where heights take less, less is waited.
    pub timeouts: LinearTimeouts,
    /// The length of a block's parts, at most [`MAX_PART_BYTES`].
    pub part_bytes: usize,
    /// How often to ask a peer for blocks that were missed, in milliseconds.
    pub probe_ms: u64,
    /// The least time between two blocks, in milliseconds; 0 for a block as soon as there is
    /// something to say.
    pub pace_ms: u64,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        use std::time::Duration;
        let ms = Duration::from_millis;
        Self {
            timeouts: LinearTimeouts {
                propose: ms(1_000),
                propose_delta: ms(250),
                prevote: ms(300),
                prevote_delta: ms(150),
                precommit: ms(300),
                precommit_delta: ms(150),
                rebroadcast: ms(1_500),
                max_timeout: ms(10_000),
            },
            part_bytes: MAX_PART_BYTES,
            probe_ms: 2_000,
            pace_ms: 0,
        }
    }
}

/// Own precommits that are remembered.
const MAX_PRECOMMITS: usize = 4_096;

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// To whom; `None` for every other member.
    pub to: Option<Address>,
    /// What.
    pub message: Message,
}

/// What messages of peers cost beside their bytes. Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expenses {
    /// Signatures whose signer was recovered.
    pub recoveries: u64,
    /// Transactions that were looked at and refused.
    pub refusals: u64,
}

/// One member of a committee.
pub struct Replica {
    config: ReplicaConfig,
    app: SequencerApp,
    log: Box<dyn RoundLog>,
    verifier: Arc<Verifier>,
    /// There but while it works.
    engine: Option<State<PlasmaContext>>,
    /// Who decides the next height.
    seats: Seats,
    /// Whether the engine is at it.
    begun: bool,
    /// Whether the log is being read.
    recovering: bool,
    timers: Timers,
    patience: Patience,
    bodies: Bodies,
    /// The round for which the engine waits for a value of ours.
    wanted: Option<Round>,
    /// Whether the engine is done with the height.
    finished: bool,
    /// What signatures at the last heights are bound to.
    recent: BTreeMap<Height, Domain>,
    fetching: Fetching,
    gossip: Gossip,
    /// A certified block that the root has and this member has not, and how long to wait for it.
    missing: Option<(BlockHeader, u64)>,
    /// Where readers go on.
    rewound: Option<(BlockHeader, Height)>,
    /// Whether something was logged since the last synchronisation.
    unsynced: bool,
    pending: Vec<Output>,
    outputs: VecDeque<Output>,
    certified: VecDeque<CertifiedBlock>,
    /// Who counts rounds of the next height as after an override to the head.
    overridden: BTreeSet<Address>,
    /// The own precommits of late, by what they sign.
    precommits: VecDeque<(B256, Signature)>,
    failure: Option<SequencerError>,
    /// Transactions of peers that were refused.
    refusals: u64,
}

impl Replica {
    /// Continues where journal and log end.
    pub fn new(
        config: ReplicaConfig,
        app: SequencerApp,
        log: Box<dyn RoundLog>,
        verifier: Arc<Verifier>,
        now: Timestamp,
    ) -> Result<Self, SequencerError> {
        let seats = app.seats();
        let params = Params {
            address: Key(app.address()),
            threshold_params: ThresholdParams::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: true,
        };
        let engine = State::new(
            PlasmaContext,
            app.height(),
            seats.clone(),
            params,
            QUEUED_HEIGHTS,
            QUEUED_INPUTS,
        );
        let mut replica = Self {
            timers: Timers::default(),
            patience: Patience::new(config.timeouts),
            bodies: Bodies::default(),
            fetching: Fetching::new(now, config.probe_ms),
            gossip: Gossip::default(),
            missing: None,
            rewound: None,
            config,
            app,
            log,
            verifier,
            engine: Some(engine),
            seats,
            begun: false,
            recovering: false,
            wanted: None,
            finished: false,
            recent: BTreeMap::new(),
            unsynced: false,
            pending: Vec::new(),
            outputs: VecDeque::new(),
            certified: VecDeque::new(),
            overridden: BTreeSet::new(),
            precommits: VecDeque::new(),
            failure: None,
            refusals: 0,
        };
        replica.recover(now)?;
        Ok(replica)
    }

    /// The core.
    pub fn app(&self) -> &SequencerApp {
        &self.app
    }

    /// The core, to be told of committees and fees.
    pub fn app_mut(&mut self) -> &mut SequencerApp {
        &mut self.app
    }

    /// Who decides the next height.
    pub fn seats(&self) -> &Seats {
        &self.seats
    }

    /// The engine's round; nil between heights.
    pub fn round(&self) -> Round {
        match &self.engine {
            Some(engine) if self.begun => engine.round(),
            _ => Round::Nil,
        }
    }

    /// Why this member takes no part any more.
    pub fn failure(&self) -> Option<&SequencerError> {
        self.failure.as_ref()
    }

    /// The own signature under a precommit, if this member gave it lately: for a certificate that left it out.
    pub fn precommit(&self, digest: B256) -> Option<Signature> {
        let mut all = self.precommits.iter().rev();
        all.find(|(signed, _)| *signed == digest)
            .map(|(_, signature)| *signature)
    }

    /// How long the heights took that were agreed on here since the last call, from beginning to decision, in
    /// milliseconds.
    pub fn latencies(&mut self) -> impl Iterator<Item = u64> + use<> {
        self.patience.latencies().into_iter()
    }

    /// What peers cost so far.
    pub fn expenses(&self) -> Expenses {
        Expenses {
            recoveries: self.verifier.recoveries(),
            refusals: self.refusals,
        }
    }

    /// What is to be sent.
    pub fn outputs(&mut self) -> impl Iterator<Item = Output> + use<> {
        std::mem::take(&mut self.outputs).into_iter()
    }

    /// Blocks that were certified since the last call. They are in the journal.
    pub fn certified(&mut self) -> impl Iterator<Item = CertifiedBlock> + use<> {
        std::mem::take(&mut self.certified).into_iter()
    }

    /// When to call [`Self::tick`] at the latest, in the clock that is passed in.
    pub fn deadline(&self) -> Timestamp {
        if self.failure.is_some() {
            return Timestamp(u64::MAX);
        }
        let timer = self.timers.next().unwrap_or(u64::MAX);
        let begin = match self.app.handover() {
            _ if self.begun || !self.seated() => u64::MAX,
            _ if self.app.has_news() => self.pace(),
            Some(at) => self.pace().max(at.0),
            None => u64::MAX,
        };
        let due = [timer, begin, self.fetching.due(), self.bodies.due()];
        Timestamp(due.into_iter().min().unwrap_or(u64::MAX))
    }

    /// When the next height may begin by itself.
    fn pace(&self) -> u64 {
        self.app
            .head()
            .timestamp
            .0
            .saturating_add(self.config.pace_ms)
    }

    /// Whether it may begin. A head that is far ahead of the clock is not waited for.
    fn paced(&self, now: Timestamp) -> bool {
        let pace = self.pace();
        self.config.pace_ms == 0 || now.0 >= pace || pace > now.0 + 2 * self.config.pace_ms
    }

    /// Time went by.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some(timeout) = self.timers.pop(now.0) {
            if self.begun && self.failure.is_none() {
                self.run(Input::TimeoutElapsed(timeout), now);
            }
        }
        self.give_up_missing(now);
        self.reconsider(now);
        self.probe(now);
        self.release(now);
    }

    /// Takes news from the node. Gives where readers go on when the chain was overridden.
    pub fn observe(
        &mut self,
        update: ChainUpdate,
        now: Timestamp,
    ) -> Result<Option<(BlockHeader, Height)>, SequencerError> {
        if let ChainUpdate::Derived(header) = &update
            && header.height > self.app.head().height
        {
            // Others have it with its certificate.
            self.missing = Some((header.clone(), now.0.saturating_add(MISSING_PATIENCE_MS)));
            self.fetching.wish();
        }
        let told = self.app.observe(update);
        self.told(&told);
        self.reconsider(now);
        self.release(now);
        told
    }

    /// Takes up after a block that the derived chain has, once nobody gives it with its certificate.
    fn give_up_missing(&mut self, now: Timestamp) {
        let Some((header, until)) = &self.missing else {
            return;
        };
        let there = self.app.head().height >= header.height;
        if !there && now.0 < *until {
            return;
        }
        let header = header.clone();
        self.missing = None;
        let update = if there {
            ChainUpdate::Derived(header)
        } else {
            tracing::warn!(height = %header.height, "nobody gives a certified block; going on from the root's");
            ChainUpdate::Override(header)
        };
        let told = self.app.observe(update);
        self.told(&told);
        self.rewound = told.ok().flatten().or(self.rewound.take());
    }

    /// Where readers go on after the chain was overridden since the last call.
    pub fn rewound(&mut self) -> Option<(BlockHeader, Height)> {
        self.rewound.take()
    }

    fn told(&mut self, told: &Result<Option<(BlockHeader, Height)>, SequencerError>) {
        match told {
            Ok(Some(_)) => {
                self.recent.clear();
                self.turn_to_next();
                // The new base of rounds is nowhere else until a block is certified.
                self.sync();
            }
            Err(error @ SequencerError::Journal(_)) => self.fail(error.clone()),
            Ok(None) if self.app.seats().domain().base != self.seats.domain().base => {
                self.turn_to_next();
                self.sync();
            }
            _ => {}
        }
    }

    /// Looks whether there is something to agree on or to offer.
    pub fn poke(&mut self, now: Timestamp) {
        self.release(now);
    }

    /// Begins the next height where there is reason to, and lets out what may go.
    fn release(&mut self, now: Timestamp) {
        self.tell_fresh();
        if self.failure.is_none() {
            if !self.begun && self.wants(now) && self.seated() && self.paced(now) {
                self.begin(now);
            }
            self.offer(now);
        }
        self.flush();
    }

    /// Lets out what is to be said, once the log has it. What others said may be lost with a crash:
    /// they say it again.
    fn flush(&mut self) {
        if self.pending.iter().any(|output| output.message.binds()) {
            self.sync();
        }
        if self.failure.is_some() {
            self.pending.clear();
        }
        self.outputs.extend(self.pending.drain(..));
    }

    /// Makes the log durable.
    fn sync(&mut self) {
        if self.unsynced && self.failure.is_none() {
            if let Err(error) = self.log.sync() {
                self.fail(SequencerError::Journal(error.to_string()));
            }
            self.unsynced = false;
        }
    }

    /// Whether this member has a seat at the next height, as far as it can know.
    fn seated(&self) -> bool {
        self.app.informed() && self.seats.member(&self.app.address()).is_some()
    }

    /// Whether it has reason to begin the next height.
    fn wants(&self, now: Timestamp) -> bool {
        self.app.has_news() || self.app.handover().is_some_and(|at| now >= at)
    }

    /// Learns of another committee, which certifies what follows the first block of time `from` or
    /// later; and that there is no other change up to `known`, if that is told.
    pub fn announce(
        &mut self,
        terms: Vec<(Timestamp, Committee)>,
        known: Timestamp,
        now: Timestamp,
    ) -> Result<(), ScheduleError> {
        let schedule = self.app.schedule_mut();
        for (from, committee) in terms {
            schedule.announce(from, committee)?;
        }
        schedule.inform(known);
        if !self.begun && self.seats.domain().epoch != self.app.committee().epoch {
            self.turn_to_next();
        }
        self.release(now);
        Ok(())
    }

    /// Proposes, when the engine waits for that and there is something to say.
    fn offer(&mut self, now: Timestamp) {
        let Some(round) = self.wanted else {
            return;
        };
        if self.round() != round {
            self.wanted = None;
            return;
        }
        let Some(payload) = self.app.offer(now) else {
            return;
        };
        self.wanted = None;
        let id = payload.id();
        let place = (self.app.height(), round, id);
        let body = encode(&payload);
        self.append(&LogEntry::Body(payload, true));
        let parts = Part::split(
            self.app.signer(),
            self.seats.domain(),
            place,
            &body,
            self.config.part_bytes,
        );
        for part in parts {
            self.send(None, Message::Part(part));
        }
        let value = LocallyProposedValue::new(place.0, round, BlockId(id));
        self.run(Input::Propose(value), now);
    }

    /// Lets the engine begin the next height.
    fn begin(&mut self, now: Timestamp) {
        self.begun = true;
        self.patience.begin(now);
        let (height, seats) = (self.app.height(), self.seats.clone());
        let policy = VoteExtensionPolicy::Disabled;
        self.run(Input::StartHeight(height, seats, false, None, policy), now);
        let early = self.bodies.take_early();
        for (from, part) in early {
            self.receive(from, Message::Part(part), now);
        }
    }

    /// Feeds the engine.
    fn run(&mut self, input: Input<PlasmaContext>, now: Timestamp) {
        let Some(mut engine) = self.engine.take() else {
            return;
        };
        let result: Result<(), arc_malachitebft_core_consensus::Error<PlasmaContext>> = process!(
            input: input,
            state: &mut engine,
            metrics: &(),
            with: effect => Ok::<_, Infallible>(self.effect(effect, now))
        );
        self.engine = Some(engine);
        if let Err(error) = result {
            self.fail(SequencerError::Inconsistent(format!(
                "the engine stopped: {error}; restart, and restore journal and log if that does not help"
            )));
        }
        if self.finished {
            self.finished = false;
            self.turn_to_next();
        }
    }

    /// The head moved: forgets what was about the height, and waits for reason to begin the next.
    fn turn_to_next(&mut self) {
        self.seats = self.app.seats();
        self.begun = false;
        self.wanted = None;
        self.overridden.clear();
        self.timers.clear();
        self.bodies.clear();
        let place = self.place();
        if let Err(error) = self.log.reset(place) {
            self.fail(SequencerError::Journal(error.to_string()));
        }
        self.unsynced = true;
    }

    fn place(&self) -> LogPlace {
        LogPlace {
            height: self.app.next(),
            base: self.seats.domain().base,
        }
    }

    /// Says again what was said before a crash.
    fn recover(&mut self, now: Timestamp) -> Result<(), SequencerError> {
        let read = self.log.read();
        let (place, entries) = read.map_err(|error| SequencerError::Journal(error.to_string()))?;
        // An override that no certified block shows yet.
        let about = self.app.resume(place.height, place.base);
        self.seats = self.app.seats();
        if !about || entries.is_empty() {
            self.turn_to_next();
            return self.failure.clone().map_or(Ok(()), Err);
        }
        let height = self.app.height();
        let mut inputs = Vec::new();
        for entry in entries {
            if let LogEntry::Body(payload, own) = entry {
                self.app.restore(payload, own);
            } else {
                inputs.extend(entry.into_input(height));
            }
        }
        if inputs.is_empty() {
            return Ok(());
        }
        self.recovering = true;
        self.begin(now);
        if let Some(engine) = &mut self.engine {
            engine.index_wal_entries(inputs.iter());
        }
        for input in inputs {
            // A decision ends the height, and what was logged after it is about nothing.
            if self.app.height() != height || self.failure.is_some() {
                break;
            }
            self.run(input, now);
        }
        if let Some(engine) = &mut self.engine {
            engine.reset_entries_index();
        }
        self.recovering = false;
        self.release(now);
        self.failure.clone().map_or(Ok(()), Err)
    }

    fn append(&mut self, entry: &LogEntry) {
        if self.recovering {
            return;
        }
        self.unsynced = true;
        if let Err(error) = self.log.append(entry) {
            self.fail(SequencerError::Journal(error.to_string()));
        }
    }

    fn send(&mut self, to: Option<Address>, message: Message) {
        if !self.recovering {
            self.pending.push(Output { to, message });
        }
    }

    fn fail(&mut self, error: SequencerError) {
        tracing::error!(%error, "this sequencer takes no part any more");
        self.failure.get_or_insert(error);
    }

    /// Takes note of an appended block.
    fn committed(&mut self, certified: CertifiedBlock) {
        let certificate = &certified.certificate;
        let domain = Domain {
            epoch: certificate.epoch,
            base: Domain::base_of(certificate.round),
            ..*self.seats.domain()
        };
        self.recent.insert(certificate.height, domain);
        while self.recent.len() as u64 > EVIDENCE_HEIGHTS {
            self.recent.pop_first();
        }
        self.certified.push_back(certified);
        self.tell_again();
    }
}
