//! The task that wakes the replica, and what is done with what it says.

use std::{
    pin::pin,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use futures::future::select;
use metrics::{counter, gauge, histogram};
use plasma_core::{Address, BlockHeader, ChainUpdate, Height, Seat, SequencerError};
use tokio::sync::Notify;

use super::Shared;
use crate::{
    bft::{
        replica::{Output, Replica},
        wire::Message,
    },
    feed::Source as _,
};

/// The longest that the replica is not looked after.
const LONGEST_SLEEP_MS: u64 = 1_000;

/// Wakes the replica when it is due or has news, until the sequencer is gone.
pub(super) async fn run(shared: Weak<Shared>, work: Arc<Notify>) {
    loop {
        // Whoever is about to submit right now comes in too.
        crate::feed::give_way().await;
        let Some(wait) = shared.upgrade().and_then(|shared| shared.drive()) else {
            return;
        };
        let Some(sleep) = shared.upgrade().map(|shared| shared.env.sleep(wait)) else {
            return;
        };
        select(sleep, pin!(work.notified())).await;
    }
}

impl Shared {
    /// Does what is due. Gives how long nothing will be; `None` once it is closed.
    fn drive(&self) -> Option<Duration> {
        let mut replica = self.replica();
        let replica = replica.as_mut()?;
        blocking(|| replica.tick(self.env.now()));
        if let Some((header, kept)) = replica.rewound() {
            self.rewind(header, kept);
        }
        self.settle(replica);
        let now = self.env.now();
        let wait = replica.deadline().0.saturating_sub(now.0);
        Some(Duration::from_millis(wait.clamp(1, LONGEST_SLEEP_MS)))
    }

    /// Takes a peer's message.
    pub(super) fn receive(&self, from: Address, message: Message) {
        let mut replica = self.replica();
        let Some(replica) = replica.as_mut() else {
            return;
        };
        if self.parted(&from, replica) {
            return;
        }
        let now = self.env.now();
        if !self.budgets.allows(&from, &message, now) {
            counter!("plasma_bft_dropped_total", "reason" => "budget").increment(1);
            return;
        }
        counter!("plasma_bft_received_total", "kind" => message.kind()).increment(1);
        let (before, expenses) = (replica.deadline(), replica.expenses());
        blocking(|| replica.receive(from, message, now));
        self.budgets.spent(&from, expenses, replica.expenses(), now);
        self.settle(replica);
        if replica.deadline() < before {
            self.work.notify_one();
        }
    }

    pub(super) fn observe(&self, update: ChainUpdate) -> Result<(), SequencerError> {
        let mut replica = self.replica();
        let replica = replica.as_mut().ok_or(SequencerError::Stopped)?;
        let told = blocking(|| replica.observe(update, self.env.now()))?;
        if let Some((header, kept)) = told {
            self.rewind(header, kept);
        }
        self.settle(replica);
        self.work.notify_one();
        Ok(())
    }

    fn rewind(&self, header: BlockHeader, kept: Height) {
        tracing::warn!(height = %header.height, "the derived chain overrides the committee's");
        // What is certified by now comes after it: all before was given to the feed.
        self.feed().rewind(header, kept);
        self.changes.send_replace(());
    }

    /// Gives certified blocks to readers, and messages to the links.
    pub(super) fn settle(&self, replica: &mut Replica) {
        let mut news = false;
        for certified in replica.certified() {
            gauge!("plasma_sequencer_height").set(certified.block.header.height.0 as f64);
            counter!("plasma_sequencer_blocks_total").increment(1);
            let count = certified.block.transactions.len() as u64;
            counter!("plasma_sequencer_transactions_total").increment(count);
            self.feed().push(Arc::new(certified));
            news = true;
        }
        if news {
            self.changes.send_replace(());
            self.show_misses(replica);
        }
        for latency in replica.latencies() {
            histogram!("plasma_bft_height_seconds").record(latency as f64 / 1_000.0);
        }
        for output in replica.outputs() {
            if let Message::Vote(_) = output.message {
                counter!("plasma_bft_votes_total").increment(1);
            }
            self.carry(replica, output);
        }
        let round = replica.round().as_u32().map_or(-1.0, f64::from);
        gauge!("plasma_bft_round").set(round);
        if let Some(failure) = replica.failure()
            && self.feed().failure.is_none()
        {
            gauge!("plasma_bft_failed").set(1.0);
            self.fail(failure.clone());
        }
    }
}

impl Shared {
    /// How many turns in a row each seat missed, of those that changed.
    fn show_misses(&self, replica: &Replica) {
        let show = |seat: &Seat, misses: u32| {
            gauge!("plasma_bft_misses", "seat" => seat.key.to_string()).set(f64::from(misses));
        };
        let (schedule, committee) = (replica.app().schedule(), replica.app().committee());
        let shown = self.shown.lock();
        let mut shown = shown.unwrap_or_else(PoisonError::into_inner);
        let (epoch, before) = &mut *shown;
        if *epoch != committee.epoch {
            let seats = schedule.of(*epoch).map_or(&[][..], |gone| &gone.seats);
            for seat in seats {
                show(seat, 0);
            }
            (*epoch, *before) = (committee.epoch, Vec::new());
        }
        before.resize(committee.seats.len(), 0);
        let now = committee.seats.iter().zip(replica.app().turns().misses());
        for ((seat, misses), before) in now.zip(before) {
            if *before != misses {
                show(seat, misses);
                let more = u64::from(misses.saturating_sub(*before));
                let key = seat.key.to_string();
                counter!("plasma_bft_missed_turns_total", "seat" => key).increment(more);
                *before = misses;
            }
        }
    }

    fn carry(&self, replica: &Replica, Output { to, message }: Output) {
        let (bytes, binds): (Arc<[u8]>, _) = (message.to_bytes().into(), message.binds());
        match to {
            Some(key) if !self.parted(&key, replica) => self.links.send(&key, &bytes, binds),
            Some(_) => {}
            None if self.fault.is_none() => self.links.send_all(&bytes, binds),
            None => {
                for peer in &self.config.peers {
                    if !self.parted(&peer.key, replica) {
                        self.links.send(&peer.key, &bytes, binds);
                    }
                }
            }
        }
        let twin = self.fault.as_ref().and_then(|fault| {
            let place = (&self.signer, replica.seats().domain());
            fault.twin(&message, place, self.env.now())
        });
        if let Some(twin) = twin {
            tracing::warn!("voting for two blocks, as a fault that was asked for");
            self.links.send_all(&twin.to_bytes().into(), true);
        }
    }

    fn parted(&self, peer: &Address, replica: &Replica) -> bool {
        let head = replica.app().head().height;
        let fault = self.fault.as_ref();
        fault.is_some_and(|fault| fault.parts(peer, head, self.env.now()))
    }
}

/// Runs what waits for a disk; where the runtime has other threads, they take over what else is to
/// be done.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}
