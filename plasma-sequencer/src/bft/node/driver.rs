//! The task that wakes the replica, and what is done with what it says.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::future::select;
use metrics::{counter, gauge};
use plasma_core::{Address, BlockHeader, ChainUpdate, Height, SequencerError};
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
        counter!("plasma_bft_received_total", "kind" => message.kind()).increment(1);
        let before = replica.deadline();
        blocking(|| replica.receive(from, message, self.env.now()));
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
    fn carry(&self, replica: &Replica, Output { to, message }: Output) {
        let bytes: Arc<[u8]> = message.to_bytes().into();
        match to {
            Some(key) if !self.parted(&key, replica) => self.links.send(&key, &bytes),
            Some(_) => {}
            None if self.fault.is_none() => self.links.send_all(&bytes),
            None => {
                for peer in &self.config.peers {
                    if !self.parted(&peer.key, replica) {
                        self.links.send(&peer.key, &bytes);
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
            self.links.send_all(&twin.to_bytes().into());
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
