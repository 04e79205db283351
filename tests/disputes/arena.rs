//! One round of claims from the first to the last move, and what must hold in it.

use std::collections::{BTreeMap, BTreeSet};

use plasma_core::{
    B256, Clock, DisputeView, MatchPhase, MatchStage, Move, Seconds, TournamentPhase, U256,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::{
    actors::Actor,
    root::Outcome,
    scenario::Scenario,
    world::{BOND, WINDOW, World},
};

/// A round that takes more blocks than this makes no progress.
const MAX_BLOCKS: u64 = 50_000;

/// The most gas that a move may take, whatever the others did before.
const MOST_GAS: [(&str, u64); 12] = [
    ("advance", 65_000),
    ("claim", 500_000),
    ("force", 100_000),
    ("join-inner", 300_000),
    ("resolve-inner", 300_000),
    ("restart", 100_000),
    ("seal-inner", 300_000),
    ("seal-leaf", 100_000),
    ("settle", 200_000),
    ("step", 350_000),
    ("timeout", 300_000),
    ("withdraw-bond", 60_000),
];

/// Gas of each kind of move that was done.
pub(crate) type GasTable = BTreeMap<&'static str, Vec<u64>>;

/// What a round came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) seconds: u64,
    pub(crate) blocks: u64,
    pub(crate) moves: u64,
    pub(crate) matches: u64,
    pub(crate) restarts: u64,
    /// The longest that it may have taken.
    pub(crate) longest: u64,
    /// Whether what settled is true.
    pub(crate) is_true: bool,
    pub(crate) gas: GasTable,
}

/// Somebody's move, and when it lands.
#[derive(Clone)]
struct Plan {
    actor: usize,
    action: Move,
    due: u64,
}

struct Round<'a> {
    world: World,
    scenario: &'a Scenario,
    rng: StdRng,
    report: Report,
    started: u64,
    /// What was sent most recently, for those who repeat it.
    sent: Vec<Move>,
    /// Sent by the honest one on a view that was undone.
    astray: Vec<Plan>,
    honest_moves: u64,
    matches: BTreeSet<B256>,
    paid: U256,
    withdrawn: U256,
}

/// Plays a round until it is settled, and checks everything.
pub(crate) fn play(scenario: &Scenario, mut world: World) -> Report {
    for actor in &scenario.actors {
        world.root.give(actor.account, scenario.purse);
    }
    for (account, code) in &scenario.refusing {
        world.root.put_code(*account, code);
    }
    let started = world.root.now();
    let mut round = Round {
        world,
        scenario,
        rng: StdRng::seed_from_u64(scenario.seed ^ 0xa7e4a),
        report: Report::default(),
        started,
        sent: Vec::new(),
        astray: Vec::new(),
        honest_moves: 0,
        matches: BTreeSet::new(),
        paid: U256::ZERO,
        withdrawn: U256::ZERO,
    };
    while round.turn() {
        round.report.blocks += 1;
        assert!(round.report.blocks < MAX_BLOCKS, "the round does not end");
    }
    round.finish();
    round.report
}

impl Round<'_> {
    /// One block. `false` once the round is settled.
    fn turn(&mut self) -> bool {
        let view = self.world.view(self.honest().account);
        if view.settled_entries > 0 {
            return false;
        }
        for tournament in &view.tournaments {
            let ids = tournament.matches.iter().map(|found| found.key.id());
            self.matches.extend(ids);
        }
        let now = view.at.timestamp.0;
        let plans = self.plans(&view);
        let next = plans
            .iter()
            .map(|plan| plan.due)
            .chain(events(&view))
            .filter(|at| *at > now)
            .min();
        // Whatever is unfinished can be moved by somebody, within bounded time.
        let next = next.unwrap_or_else(|| panic!("nobody can do anything: {view:#?}"));
        let undone = self.rng.random_range(0..100) < self.scenario.reorgs;
        let before = undone.then(|| self.world.snapshot());
        let wei = (self.paid, self.withdrawn);
        self.world.root.mine(next);
        if self.rng.random_range(0..100) < self.scenario.meddling {
            self.meddle(&view);
        }
        self.send_all(
            &view,
            plans.into_iter().filter(|plan| plan.due <= next).collect(),
        );
        if let Some(before) = before {
            let read = self.world.view(self.honest().account);
            self.astray = self
                .plans(&read)
                .into_iter()
                .filter(|plan| plan.actor == self.scenario.honest)
                .collect();
            self.world.reorganise(&before);
            self.world.root.mine(next);
            (self.paid, self.withdrawn) = wei;
        }
        true
    }

    fn honest(&self) -> &Actor {
        &self.scenario.actors[self.scenario.honest]
    }

    fn plans(&mut self, view: &DisputeView) -> Vec<Plan> {
        let now = view.at.timestamp.0;
        let soon = now + self.rng.random_range(1..=self.scenario.interval);
        let window = (Seconds(self.started), WINDOW);
        let mut plans = Vec::new();
        for (actor, who) in self.scenario.actors.iter().enumerate() {
            let is_honest = actor == self.scenario.honest;
            if is_honest && view.round < self.scenario.absent {
                continue;
            }
            let Some((action, mut due)) = who.plan(view, soon, window) else {
                continue;
            };
            if is_honest {
                let after = |range: &std::ops::Range<u64>| {
                    range.start + self.started..range.end + self.started
                };
                while let Some(range) = self
                    .scenario
                    .censored
                    .iter()
                    .map(after)
                    .find(|range| range.contains(&due))
                {
                    due = range.end;
                }
            }
            plans.push(Plan { actor, action, due });
        }
        plans
    }

    fn send_all(&mut self, view: &DisputeView, mut plans: Vec<Plan>) {
        plans.append(&mut self.astray);
        plans.shuffle(&mut self.rng);
        for plan in plans {
            let is_honest = plan.actor == self.scenario.honest;
            if is_honest && self.scenario.copier {
                let copier = self.scenario.actors.len() - 1;
                self.send(view, copier, &plan.action);
            }
            let done = self.send(view, plan.actor, &plan.action);
            self.honest_moves += u64::from(done && is_honest);
        }
    }

    fn send(&mut self, view: &DisputeView, actor: usize, action: &Move) -> bool {
        let account = self.scenario.actors[actor].account;
        let before = self.world.root.balance(account);
        let outcome = self.world.play(view, account, action);
        if let Outcome::Reverted { data } = &outcome {
            assert!(
                data.len() >= 4,
                "{} is refused without a reason",
                action.name()
            );
        }
        if let Outcome::Done { gas, .. } = outcome {
            self.report.moves += 1;
            self.report.gas.entry(action.name()).or_default().push(gas);
            if matches!(action, Move::Join { .. } | Move::JoinInner { .. }) {
                self.paid += U256::from(BOND);
            }
            if matches!(action, Move::WithdrawBond) {
                self.withdrawn += self.world.root.balance(account) - before;
            }
            if matches!(action, Move::Restart) {
                self.report.restarts += 1;
            }
        }
        if self.sent.len() == 64 {
            self.sent.swap_remove(0);
        }
        self.sent.push(action.clone());
        outcome.is_done()
    }

    /// Tries what is not due. The contract and the classifier must agree on what is.
    fn meddle(&mut self, view: &DisputeView) {
        let now = self.world.root.block().timestamp;
        let actor = self.rng.random_range(0..self.scenario.actors.len());
        for tournament in &view.tournaments {
            for found in &tournament.matches {
                let is_due = matches!(
                    found.phase(now),
                    MatchPhase::WonByTime(_) | MatchPhase::BothOut
                );
                if self.rng.random_range(0..4) == 0 {
                    let done = self.send(view, actor, &Move::Timeout { key: found.key });
                    assert_eq!(done, is_due, "a timeout at {now:?} of {found:?}");
                    return;
                }
            }
            let is_over = matches!(
                tournament.phase(now),
                TournamentPhase::Won(_) | TournamentPhase::NoSurvivor
            );
            if let Some(contest) = &tournament.contest
                && self.rng.random_range(0..4) == 0
            {
                let done = self.send(
                    view,
                    actor,
                    &Move::ResolveInner {
                        key: contest.parent,
                    },
                );
                assert_eq!(done, is_over, "a resolution at {now:?} of {tournament:?}");
                return;
            }
        }
        let Some(outer) = view.outer() else { return };
        let phase = outer.phase(now);
        if self.rng.random() && phase != TournamentPhase::NoSurvivor {
            assert!(
                !self.send(view, actor, &Move::Restart),
                "a restart in {phase:?}"
            );
        } else if !matches!(phase, TournamentPhase::Won(_)) {
            assert!(
                !self.send(view, actor, &Move::Settle),
                "settled in {phase:?}"
            );
        }
        self.repeat(view, actor);
    }

    /// Sends again what was sent before; a proof of a step with a byte that is wrong, missing or too many.
    fn repeat(&mut self, view: &DisputeView, actor: usize) {
        if self.sent.is_empty() {
            return;
        }
        let place = self.rng.random_range(0..self.sent.len());
        let action = self.sent[place].clone();
        let Move::Step {
            key,
            program,
            proof,
        } = action
        else {
            self.send(view, actor, &action);
            return;
        };
        let mut proof = proof.to_vec();
        match self.rng.random_range(0..3) {
            0 => {
                let place = self.rng.random_range(0..proof.len());
                proof[place] ^= 1 << self.rng.random_range(0..8);
            }
            1 => proof.truncate(self.rng.random_range(0..proof.len())),
            _ => proof.push(0),
        }
        let wrong = Move::Step {
            key,
            program,
            proof: proof.into(),
        };
        assert!(!self.send(view, actor, &wrong), "a wrong proof was taken");
    }

    fn finish(&mut self) {
        let view = self.world.view(self.honest().account);
        let truth = &self.world.base.truth.checkpoints[view.settled_entries as usize];
        self.report.is_true = view.settled == truth.hash();
        self.report.seconds = view.at.timestamp.0 - self.started;
        self.report.matches = self.matches.len() as u64;
        let tallest = self.world.base.heights.iter().max();
        // In each match its height, and a join, a seal, a step and what ends it; once more for what a reorganisation undid.
        let each = u64::from(tallest.copied().unwrap_or_default()) + 4;
        let bound = (self.report.matches + 1) * each + self.scenario.undone(self.report.blocks);
        let moves = self.honest_moves;
        assert!(
            moves <= bound,
            "{moves} honest moves, and {bound} are enough"
        );
        self.report.longest = self.longest();
        let (seconds, longest) = (self.report.seconds, self.report.longest);
        assert!(seconds <= longest, "{seconds} s, and {longest} are enough");
        for (name, used) in &self.report.gas {
            let most = MOST_GAS
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, most)| *most);
            let worst = used.iter().copied().max().unwrap_or_default();
            assert!(
                most.is_some_and(|most| worst <= most),
                "{name} took {worst} gas"
            );
        }
        self.pay_out();
    }

    /// The longest that a round may take with N false claims: at each level a window, and one more for each time that
    /// the claims are halved; each of those at one level may have to wait for a dispute one level down. Blocks come
    /// late, the honest one notes one thing in each, and it may be censored.
    fn longest(&self) -> u64 {
        let claims = self.scenario.actors.len() as u64;
        let halvings = u64::from(claims.next_power_of_two().ilog2());
        let levels = self.world.base.heights.len();
        let nested = (0..levels).fold(0, |below, _| WINDOW * (1 + halvings) + halvings * below);
        let censored: u64 = self
            .scenario
            .censored
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        let latency = self.scenario.interval * (self.report.blocks.min(2 * self.report.moves) + 10)
            + censored;
        // A round may be opened as late as a window after it could be.
        WINDOW + (nested + latency) * (1 + self.report.restarts)
    }

    /// Everybody takes what is owed. What was paid in is what was paid out, what burned, and what is held.
    fn pay_out(&mut self) {
        let view = self.world.view(self.honest().account);
        let mut out = U256::ZERO;
        let accounts: BTreeSet<_> = self
            .scenario
            .actors
            .iter()
            .map(|actor| actor.account)
            .collect();
        for account in accounts {
            let owed = self.world.credit(account);
            let before = self.world.root.balance(account);
            let taken = self.world.play(&view, account, &Move::WithdrawBond);
            let refuses = self
                .scenario
                .refusing
                .iter()
                .any(|(refusing, _)| *refusing == account);
            assert_eq!(
                taken.is_done(),
                !refuses && !owed.is_zero(),
                "{account} is owed {owed}: {taken:?}"
            );
            let after = self.world.root.balance(account);
            assert_eq!(
                after - before,
                if taken.is_done() { owed } else { U256::ZERO }
            );
            out += after - before;
        }
        let [held, burned, balance] = self.world.held();
        assert_eq!(
            balance,
            held + burned,
            "what the tournament has is held or burned"
        );
        assert_eq!(
            self.paid,
            self.withdrawn + out + balance,
            "wei are lost or made"
        );
    }
}

/// Seconds at which something ends by itself.
fn events(view: &DisputeView) -> Vec<u64> {
    let mut events = Vec::new();
    for tournament in &view.tournaments {
        events.push(tournament.closes_at.0);
        for found in &tournament.matches {
            let clocks = match found.stage {
                MatchStage::Inner { .. } => continue,
                _ => [found.clock_one, found.clock_two],
            };
            events.extend(clocks.iter().filter_map(Clock::expires).map(|at| at.0));
        }
    }
    events
}
