//! Members, their disks, their users, and what is checked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_malachitebft_core_types::LinearTimeouts;
use plasma_core::{
    B256, Block, Bytes, ChainUpdate, Committee, Epoch, Gate, Height, MAX_BODY_BYTES, Seat, Signer,
    Timestamp,
    conformance::sequencer::{
        TOY_BLOCK_GAS, ToyLedger, ToyTransaction, sequential, toy_genesis, toy_root,
    },
    keccak256,
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};

use super::{
    liars::Liary,
    network::{Delivery, Network},
    root::Root,
    scenario::{Event, Liar, Scenario},
};
use crate::{
    Journal as _, MemoryJournal,
    bft::{
        AppConfig, MemoryLog, Message, Replica, ReplicaConfig, RoundLog, Schedule, SequencerApp,
        Verifier,
        log::{LogEntry, LogPlace},
    },
};

/// When virtual time begins, in milliseconds since 1970.
pub(super) const DAWN: u64 = 1_000_000;
/// Heights that must come after the faults.
const HEIGHTS_AFTER: u64 = 3;
/// How long users wait before they send something again.
const IMPATIENCE_MS: u64 = 1_500;

/// What came of a run.
pub(super) struct Outcome {
    pub(super) height: u64,
    /// From the end of the faults to the next block that all have.
    pub(super) recovery_ms: u64,
    /// Liars against whom somebody has evidence.
    pub(super) accused: usize,
}

/// A log that fails on demand, as when the machine stops in the middle of a write.
struct FailingLog {
    log: MemoryLog,
    fuse: Arc<std::sync::atomic::AtomicI64>,
}

/// Larger than any number of operations in a run.
const NO_FUSE: i64 = i64::MAX;

impl FailingLog {
    fn burn(&self) -> Result<(), crate::JournalError> {
        use std::sync::atomic::Ordering::SeqCst;
        if self.fuse.load(SeqCst) == NO_FUSE || self.fuse.fetch_sub(1, SeqCst) > 0 {
            return Ok(());
        }
        let path = "crash".into();
        Err(crate::JournalError::Failed { path })
    }
}

impl RoundLog for FailingLog {
    fn read(&mut self) -> Result<(LogPlace, Vec<LogEntry>), crate::JournalError> {
        self.log.read()
    }

    fn append(&mut self, entry: &LogEntry) -> Result<(), crate::JournalError> {
        self.burn()?;
        self.log.append(entry)
    }

    fn sync(&mut self) -> Result<(), crate::JournalError> {
        self.burn()?;
        self.log.sync()
    }

    fn reset(&mut self, place: LogPlace) -> Result<(), crate::JournalError> {
        self.burn()?;
        self.log.reset(place)
    }
}

pub(super) struct Node {
    pub(super) key: Signer,
    liar: Option<Liary>,
    /// Of twins, which half it talks to.
    half: Option<bool>,
    pub(super) replica: Option<Replica>,
    pub(super) journal: MemoryJournal,
    log: MemoryLog,
    fuse: Arc<std::sync::atomic::AtomicI64>,
    pub(super) ledger: Arc<ToyLedger>,
    pub(super) executed: Height,
    skew: i64,
    /// When it comes back.
    up_at: Option<u64>,
    down_ms: u64,
}

impl Node {
    pub(super) fn honest(&self) -> bool {
        self.liar.is_none()
    }

    pub(super) fn clock(&self, now: u64) -> Timestamp {
        Timestamp((DAWN + now).saturating_add_signed(self.skew))
    }
}

/// What a user wants in a block.
pub(super) struct Wish {
    pub(super) bytes: Bytes,
    /// When it was sent last.
    pub(super) sent: u64,
}

/// A committee and all around it.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) rng: SmallRng,
    pub(super) now: u64,
    committee: Committee,
    pub(super) terms: Vec<(Timestamp, Committee)>,
    pub(super) nodes: Vec<Node>,
    network: Network,
    events: BTreeMap<(u64, usize), Event>,
    pub(super) verifier: Arc<Verifier>,
    /// The one block at each height, term and base of rounds, as anybody's certificate shows.
    pub(super) certified: BTreeMap<(Height, Epoch, u32), B256>,
    /// Bytes of blocks, as honest members have them.
    pub(super) bodies: BTreeMap<B256, B256>,
    /// The derived chain: what honest members certified, but for what the root overrode.
    pub(super) chain: BTreeMap<Height, Block>,
    /// Who is told what of the root, and when.
    pub(super) root: Root,
    pub(super) included: BTreeMap<B256, Height>,
    pub(super) wishes: Vec<Wish>,
    wished: u64,
    next_wish: u64,
    quiet: bool,
    pub(super) last_block: u64,
    pub(super) longest_pause: u64,
    pub(super) trace: B256,
}

impl World {
    pub(super) fn new(scenario: Scenario) -> Self {
        let keys: Vec<Signer> = (0..scenario.weights.len())
            .map(|number| {
                let secret = keccak256(format!("sequencer {number}"));
                Signer::from_bytes(&secret).expect("a key")
            })
            .collect();
        let seats: Vec<Seat> = keys
            .iter()
            .zip(&scenario.weights)
            .map(|(key, weight)| Seat {
                key: key.address(),
                weight: *weight,
            })
            .collect();
        let first = scenario.terms.first().map(|(_, seats)| seats.clone());
        let committee = term(
            0,
            &seats,
            &first.unwrap_or_else(|| (0..keys.len()).collect()),
        );
        let mut terms = vec![(Timestamp(0), committee.clone())];
        for ((at, seated), epoch) in scenario.terms.iter().skip(1).zip(1..) {
            terms.push((Timestamp(DAWN + at), term(epoch, &seats, seated)));
        }
        let mut rng = SmallRng::seed_from_u64(scenario.seed ^ 0x5eed);
        let mut nodes = Vec::new();
        let lie = |seat| {
            let lying = scenario.liars.iter().find(|(liar, _)| *liar == seat);
            lying.map(|(_, kind)| *kind)
        };
        for (seat, key) in keys.iter().enumerate() {
            nodes.push(Self::node(key, lie(seat), None, &mut rng, &scenario));
        }
        for (seat, key) in keys.iter().enumerate() {
            if lie(seat) == Some(Liar::Twins) {
                nodes[seat].half = Some(false);
                let twin = Self::node(key, lie(seat), Some(true), &mut rng, &scenario);
                nodes.push(twin);
            }
        }
        let root = Root::new(&scenario, nodes.len(), &mut rng);
        let events = scenario.events.iter().cloned().enumerate();
        let events = events.map(|(number, (at, event))| ((at, number), event));
        let mut world = Self {
            network: Network::new(&scenario),
            events: events.collect(),
            rng,
            now: 0,
            terms,
            committee,
            nodes,
            verifier: Arc::new(Verifier::new()),
            certified: BTreeMap::new(),
            bodies: BTreeMap::new(),
            chain: BTreeMap::new(),
            root,
            included: BTreeMap::new(),
            wishes: Vec::new(),
            wished: 0,
            next_wish: 0,
            quiet: false,
            last_block: 0,
            longest_pause: 0,
            trace: B256::ZERO,
            scenario,
        };
        for node in 0..world.nodes.len() {
            world.start(node);
        }
        world
    }

    fn node(
        key: &Signer,
        lie: Option<Liar>,
        half: Option<bool>,
        rng: &mut SmallRng,
        scenario: &Scenario,
    ) -> Node {
        Node {
            key: key.clone(),
            liar: lie.map(Liary::new),
            half,
            replica: None,
            journal: MemoryJournal::new(),
            log: MemoryLog::new(),
            fuse: Arc::new(NO_FUSE.into()),
            ledger: Arc::new(ToyLedger::default()),
            executed: Height(0),
            skew: rng.random_range(-scenario.skew_ms..=scenario.skew_ms),
            up_at: None,
            down_ms: 0,
        }
    }

    pub(super) fn committee(&self) -> &Committee {
        &self.committee
    }

    /// Everybody is told of a committee for what follows the first block of a time or later. At 0 it
    /// is the first one.
    pub(super) fn appoint(&mut self, from: Timestamp, committee: Committee) {
        self.terms.retain(|(time, _)| *time != from);
        self.terms.push((from, committee));
        for node in 0..self.nodes.len() {
            self.start(node);
        }
    }

    fn start(&mut self, number: usize) {
        let kept = self.rng.random_range(0..8);
        let mut schedule = Schedule::new(self.terms[0].1.clone()).expect("a committee");
        let known = self.known(number);
        for (from, committee) in &self.terms[1..] {
            if *from <= known {
                schedule
                    .announce(*from, committee.clone())
                    .expect("one after the other");
            }
        }
        if self.scenario.told_late {
            schedule.inform(known);
        }
        let ms = Duration::from_millis;
        let config = ReplicaConfig {
            timeouts: LinearTimeouts {
                propose: ms(600),
                propose_delta: ms(200),
                prevote: ms(300),
                prevote_delta: ms(100),
                precommit: ms(300),
                precommit_delta: ms(100),
                rebroadcast: ms(700),
                max_timeout: ms(self.scenario.max_timeout_ms),
            },
            part_bytes: self.scenario.part_bytes,
            probe_ms: 1_500,
            pace_ms: 0,
        };
        let now = self.now;
        let node = &mut self.nodes[number];
        node.replica = None;
        node.up_at = None;
        node.fuse
            .store(NO_FUSE, std::sync::atomic::Ordering::SeqCst);
        node.log = node.log.reopen(kept);
        let log = FailingLog {
            log: node.log.clone(),
            fuse: Arc::clone(&node.fuse),
        };
        let app = AppConfig {
            gas_limit: TOY_BLOCK_GAS,
            byte_limit: MAX_BODY_BYTES,
            ..AppConfig::new(toy_genesis())
        };
        let gate: Arc<dyn Gate> = Arc::<ToyLedger>::clone(&node.ledger);
        let journal = Box::new(node.journal.reopen());
        let app = SequencerApp::new(app, node.key.clone(), schedule, gate, journal)
            .expect("a journal of this chain");
        let verifier = Arc::clone(&self.verifier);
        let replica = Replica::new(config, app, Box::new(log), verifier, node.clock(now));
        let replica = replica.unwrap_or_else(|error| panic!("node {number} cannot start: {error}"));
        node.replica = Some(replica);
        self.settle(number);
    }

    /// Plays the scenario, and checks it.
    pub(super) fn run(&mut self) -> Outcome {
        let calm_at = self.scenario.calm_at;
        while self.now < calm_at {
            self.step(calm_at);
        }
        self.network.calm();
        self.events.clear();
        self.root.calm();
        for number in 0..self.nodes.len() {
            self.nodes[number]
                .fuse
                .store(NO_FUSE, std::sync::atomic::Ordering::SeqCst);
            if self.nodes[number].replica.is_none() {
                self.start(number);
            }
        }
        let (from, patience) = (self.highest(), self.scenario.patience());
        let mut recovery_ms = 0;
        for height in 1..=HEIGHTS_AFTER {
            let until = self.now + patience;
            while self.lowest() < from + height {
                assert!(
                    self.now < until,
                    "no honest member may be below {} after {patience} ms, but one is at {}: {:?}",
                    from + height,
                    self.lowest(),
                    self.heads(),
                );
                self.step(until);
            }
            if height == 1 {
                recovery_ms = self.now - calm_at;
            }
        }
        let until = self.now + patience + 2 * IMPATIENCE_MS;
        // Users say no new things, but what a member lost in a crash they say again.
        self.quiet = true;
        while !self.wishes.is_empty() || self.lowest() < self.highest() {
            assert!(
                self.now < until,
                "{} transactions are in no block: {:?}",
                self.wishes.len(),
                self.heads()
            );
            self.step(until);
        }
        self.check_all_equal();
        Outcome {
            height: self.highest().0,
            recovery_ms,
            accused: self.check_evidence(),
        }
    }

    /// Lets time go by.
    pub(super) fn run_for(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.now < until {
            self.step(until);
        }
        self.check_evidence();
    }

    pub(super) fn highest(&self) -> Height {
        let heads = self.nodes.iter().filter(|node| node.honest());
        heads.map(|node| node.executed).max().unwrap_or_default()
    }

    pub(super) fn lowest(&self) -> Height {
        let heads = self.nodes.iter().filter(|node| node.honest());
        heads.map(|node| node.executed).min().unwrap_or_default()
    }

    fn heads(&self) -> Vec<(u64, String)> {
        let show = |node: &Node| {
            let lie = node.liar.as_ref().map(|liar| liar.kind);
            let replica = node.replica.as_ref().map(|replica| {
                let app = replica.app();
                let (domain, head) = (replica.seats().domain(), app.head());
                let seats = replica.seats().committee().seats.len();
                format!(
                    "{:?}, head {} {}, epoch {}, base {}, {seats} seats, own {}, informed {}, news {}",
                    replica.round(),
                    head.height,
                    &head.hash().to_string()[..8],
                    domain.epoch,
                    domain.base,
                    replica.seats().member(&app.address()).is_some(),
                    app.informed(),
                    app.has_news(),
                )
            });
            (node.executed.0, format!("{replica:?} {lie:?}"))
        };
        self.nodes.iter().map(show).collect()
    }

    pub(super) fn longest_pause_ms(&self) -> u64 {
        self.longest_pause
    }

    /// What all of the run comes down to.
    pub(super) fn trace(&self) -> B256 {
        self.trace
    }

    /// The next thing that happens, or nothing until `until`.
    fn step(&mut self, until: u64) {
        let members = self.nodes.iter().filter_map(|node| {
            let replica = node.replica.as_ref()?;
            let due = replica.deadline().0.saturating_add_signed(-node.skew);
            Some(due.saturating_sub(DAWN))
        });
        let back = self.nodes.iter().filter_map(|node| node.up_at);
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let next = members
            .chain(back)
            .chain(event)
            .chain(self.network.next())
            .chain([self.next_wish, self.root.due()])
            .min()
            .unwrap_or(until);
        self.now = next.clamp(self.now, until);
        if let Some(entry) = self.events.first_entry()
            && entry.key().0 <= self.now
        {
            let event = entry.remove();
            return self.happen(event);
        }
        if self.next_wish <= self.now {
            return self.wish();
        }
        if self.root.due() <= self.now {
            return self.hear_of_root();
        }
        if let Some(delivery) = self.network.pop(self.now) {
            return self.deliver(&delivery);
        }
        for number in 0..self.nodes.len() {
            if self.nodes[number].up_at.is_some_and(|at| at <= self.now) {
                self.start(number);
            }
            let now = self.nodes[number].clock(self.now);
            if let Some(replica) = &mut self.nodes[number].replica
                && replica.deadline() <= now
            {
                replica.tick(now);
                self.settle(number);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Crash {
                node,
                after,
                down_ms,
            } => {
                let node = &mut self.nodes[node];
                if node.honest() && node.replica.is_some() {
                    node.down_ms = down_ms;
                    node.fuse
                        .store(after.into(), std::sync::atomic::Ordering::SeqCst);
                }
            }
            Event::Derive { node } => self.derive(node),
            Event::Force { back } => self.force(back, true),
            Event::Forget { back } => self.force(back, false),
            Event::Part { sides } => self.network.part(Some(sides)),
            Event::Heal => self.network.part(None),
        }
    }

    /// A user sends something new, and again what is in no block for long.
    fn wish(&mut self) {
        self.next_wish = self.now + self.scenario.pace_ms;
        if self.quiet {
            return self.send_wishes();
        }
        let toy = ToyTransaction::new(sequential(self.wished as u32 % 5), self.wished / 5);
        self.wished += 1;
        self.wishes.push(Wish {
            bytes: toy.to_bytes(),
            sent: 0,
        });
        self.send_wishes();
    }

    fn send_wishes(&mut self) {
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|number| self.nodes[*number].honest() && self.nodes[*number].replica.is_some())
            .collect();
        if up.is_empty() {
            return;
        }
        for wish in 0..self.wishes.len() {
            let Wish { bytes, sent } = &mut self.wishes[wish];
            if *sent != 0 && self.now < *sent + IMPATIENCE_MS {
                continue;
            }
            *sent = self.now.max(1);
            let bytes = bytes.clone();
            let number = up[self.rng.random_range(0..up.len())];
            let now = self.nodes[number].clock(self.now);
            if let Some(replica) = &mut self.nodes[number].replica {
                // Known, or its nonce is used by now: then it is in a block that this user has not
                // seen yet.
                let _ = replica.enter(vec![bytes], now);
                replica.poke(now);
            }
            self.settle(number);
        }
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let number = delivery.to;
        let Ok(message) = Message::from_bytes(&delivery.bytes) else {
            return;
        };
        let node = &mut self.nodes[number];
        if let Some(liar) = &mut node.liar {
            liar.hear(&delivery.bytes, &message);
        }
        let now = node.clock(self.now);
        if let Some(replica) = &mut node.replica {
            self.trace = keccak256([self.trace.as_slice(), &delivery.bytes].concat());
            replica.receive(delivery.from, message, now);
            self.settle(number);
        }
    }

    /// Executes what a member certified, and carries out what it says.
    pub(super) fn settle(&mut self, number: usize) {
        self.execute(number);
        let node = &mut self.nodes[number];
        let Some(replica) = &mut node.replica else {
            return;
        };
        replica.latencies().for_each(drop);
        // It went on from a block of the root's, which its node has executed.
        replica.rewound();
        if let Some(failure) = replica.failure() {
            let crash = failure.to_string().contains("crash");
            assert!(crash, "node {number} stopped: {failure}");
            node.replica = None;
            node.up_at = Some(self.now + node.down_ms);
            return;
        }
        let outputs: Vec<_> = replica.outputs().collect();
        let domain = *replica.seats().domain();
        for output in outputs {
            self.inspect(&output.message);
            let bytes = Arc::new(output.message.to_bytes());
            for to in 0..self.nodes.len() {
                let address = self.nodes[to].key.address();
                let meant = output.to.is_none_or(|key| key == address);
                let (sender, receiver) = (&self.nodes[number], &self.nodes[to]);
                let half = |node: &Node, other: usize| {
                    node.half.is_none_or(|half| half == (other % 2 == 1))
                };
                let reached = half(sender, to) && half(receiver, number);
                if to == number || !meant || !reached {
                    continue;
                }
                let from = sender.key.address();
                let key = sender.key.clone();
                let rng = &mut self.rng;
                let said = match &mut self.nodes[number].liar {
                    Some(liar) => liar.lie(rng, (&key, &domain), &output.message, &bytes),
                    None => vec![Arc::clone(&bytes)],
                };
                for bytes in said {
                    let delivery = Delivery { to, from, bytes };
                    self.network.send(&mut self.rng, self.now, number, delivery);
                }
            }
        }
    }

    fn execute(&mut self, number: usize) {
        loop {
            let next = self.nodes[number].executed.next();
            let held = self.nodes[number].journal.reopen().get(next);
            let Ok(Some(certified)) = held else {
                return;
            };
            if self.nodes[number].honest() {
                self.check(&certified);
            }
            let now = self.nodes[number].clock(self.now);
            let node = &mut self.nodes[number];
            node.ledger.execute(&certified.block.transactions);
            node.executed = next;
            let state_root = toy_root(next, certified.block.header.hash());
            if let Some(replica) = &mut node.replica {
                let update = ChainUpdate::Executed {
                    height: next,
                    state_root,
                };
                replica.observe(update, now).expect("known news");
                assert_eq!(
                    replica.app().diverged(),
                    None,
                    "node {number} executed otherwise"
                );
            }
        }
    }
}

/// A committee of some of all seats.
fn term(epoch: u64, all: &[Seat], seats: &[usize]) -> Committee {
    let seats = seats.iter().map(|seat| all[*seat]).collect();
    let epoch = Epoch(epoch);
    Committee { epoch, seats }
}
