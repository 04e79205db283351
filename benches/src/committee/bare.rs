//! The engine alone: four members in one thread, their logs in memory, messages handed over as they are.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use plasma_core::{Address, ChainUpdate, Env as _, TokioEnv};
use plasma_sdk::sequencer::{
    MemoryJournal, MemoryLog, Message, Replica, ReplicaConfig, Schedule, SequencerApp, Verifier,
};

use super::{
    Shape,
    load::{Open, number},
    network::{app, committee, signer},
    rates::{Rates, Window},
};
use crate::Failure;

/// How many members there are.
const MEMBERS: u8 = 4;

/// Agrees on blocks of this shape for so long.
pub(super) fn measure(shape: Shape, window: u64, time: Duration) -> Result<Rates, Failure> {
    let mut world = World::new(shape)?;
    let mut load = Window::new(shape, window, 0);
    let began = Instant::now();
    while began.elapsed() < time {
        for bytes in load.due() {
            world.submit(bytes)?;
        }
        let progress = world.step();
        for (size, numbers) in world.decided.drain(..) {
            load.block(size, &numbers);
        }
        if !progress {
            std::thread::yield_now();
        }
    }
    Ok(load.rates(began.elapsed()))
}

struct Member {
    key: Address,
    replica: Replica,
    gate: Arc<Open>,
}

struct World {
    members: Vec<Member>,
    under_way: VecDeque<(usize, Address, Message)>,
    /// At the first member: bytes of transactions, and which.
    decided: Vec<(usize, Vec<u64>)>,
}

impl World {
    fn new(shape: Shape) -> Result<Self, Failure> {
        let mut members = Vec::new();
        for number in 1..=MEMBERS {
            let gate = Arc::new(Open::default());
            let schedule = Schedule::new(committee())?;
            let key = signer(number);
            let journal = Box::new(MemoryJournal::new());
            let app = SequencerApp::new(
                app(shape),
                key.clone(),
                schedule,
                Arc::<Open>::clone(&gate),
                journal,
            )?;
            let log = Box::new(MemoryLog::new());
            let verifier = Arc::new(Verifier::new());
            let config = ReplicaConfig::default();
            let replica = Replica::new(config, app, log, verifier, TokioEnv.now())?;
            let key = key.address();
            members.push(Member { key, replica, gate });
        }
        Ok(Self {
            members,
            under_way: VecDeque::new(),
            decided: Vec::new(),
        })
    }

    fn submit(&mut self, bytes: plasma_core::Bytes) -> Result<(), Failure> {
        let now = TokioEnv.now();
        self.members[0].replica.enter(vec![bytes], now).remove(0)?;
        Ok(())
    }

    /// Hands over one message, or lets time go by. Says whether something happened.
    fn step(&mut self) -> bool {
        let now = TokioEnv.now();
        if let Some((to, from, message)) = self.under_way.pop_front() {
            self.members[to].replica.receive(from, message, now);
            self.settle(to);
            return true;
        }
        let mut progress = false;
        for number in 0..self.members.len() {
            let replica = &mut self.members[number].replica;
            replica.tick(now);
            progress |= self.settle(number);
        }
        progress
    }

    fn settle(&mut self, number: usize) -> bool {
        let now = TokioEnv.now();
        let Member {
            replica, gate, key, ..
        } = &mut self.members[number];
        let from = *key;
        let certified: Vec<_> = replica.certified().collect();
        for block in &certified {
            let header = &block.block.header;
            gate.execute(&block.block.transactions);
            let update = ChainUpdate::Executed {
                height: header.height,
                state_root: header.parent,
            };
            let _ = replica.observe(update, now);
        }
        replica.latencies().for_each(drop);
        let outputs: Vec<_> = replica.outputs().collect();
        let progress = !outputs.is_empty() || !certified.is_empty();
        if number == 0 {
            for block in certified {
                let transactions = block.block.transactions;
                let size = transactions.iter().map(|bytes| bytes.len()).sum();
                let numbers = transactions.iter().filter_map(|bytes| self::number(bytes));
                self.decided.push((size, numbers.collect()));
            }
        }
        for output in outputs {
            for to in 0..self.members.len() {
                let meant = output.to.is_none_or(|key| key == self.members[to].key);
                if to != number && meant {
                    self.under_way.push_back((to, from, output.message.clone()));
                }
            }
        }
        progress
    }
}
