//! Links to peers: each member opens one to each other, to speak; what it hears comes over those
//! that the others opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::{Either, select};
use metrics::{counter, gauge};
use plasma_core::{Address, Task};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{
    Shared,
    config::Peer,
    handshake::Identity,
    secure::{LinkError, Secure},
};
use crate::bft::wire::{MAX_MESSAGE_BYTES, Message};

/// What may wait for one peer.
const QUEUE_MESSAGES: usize = 4_096;
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// How long a peer may take to prove who it is.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long to wait before calling again: at first, and at most, in milliseconds.
const FIRST_PAUSE_MS: u64 = 25;
const LONGEST_PAUSE_MS: u64 = 2_000;
/// How long a link may be down for what waits to be still worth saying, in milliseconds.
const STALE_MS: u64 = 3_000;
/// Links that may be open to this member at once, those included that prove nothing yet.
const MAX_OPEN: usize = 1_024;

type Frame = Arc<[u8]>;

/// What waits for peers.
pub(super) struct Links {
    queues: BTreeMap<Address, Queue>,
    connected: Mutex<BTreeSet<Address>>,
}

struct Queue {
    sender: mpsc::Sender<Frame>,
    bytes: Arc<AtomicUsize>,
}

/// The end that is read.
pub(super) struct Waiting {
    receiver: mpsc::Receiver<Frame>,
    bytes: Arc<AtomicUsize>,
}

impl Links {
    pub(super) fn new(peers: &[Peer]) -> (Self, Vec<Waiting>) {
        let mut queues = BTreeMap::new();
        let mut waiting = Vec::new();
        for peer in peers {
            let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES);
            let bytes = Arc::new(AtomicUsize::new(0));
            let queue = Queue {
                sender,
                bytes: Arc::clone(&bytes),
            };
            queues.insert(peer.key, queue);
            waiting.push(Waiting { receiver, bytes });
        }
        let connected = Mutex::default();
        (Self { queues, connected }, waiting)
    }

    pub(super) fn send_all(&self, frame: &Frame) {
        self.queues.values().for_each(|queue| queue.push(frame));
    }

    pub(super) fn send(&self, to: &Address, frame: &Frame) {
        if let Some(queue) = self.queues.get(to) {
            queue.push(frame);
        }
    }

    /// Those that it can speak to.
    pub(super) fn connected(&self) -> Vec<Address> {
        let connected = self.connected.lock();
        let connected = connected.unwrap_or_else(PoisonError::into_inner);
        connected.iter().copied().collect()
    }

    fn note(&self, key: Address, up: bool) {
        let connected = self.connected.lock();
        let mut connected = connected.unwrap_or_else(PoisonError::into_inner);
        if up {
            connected.insert(key);
        } else {
            connected.remove(&key);
        }
        gauge!("plasma_bft_peers").set(connected.len() as f64);
    }
}

impl Queue {
    fn push(&self, frame: &Frame) {
        let before = self.bytes.fetch_add(frame.len(), Ordering::Relaxed);
        let fits = before + frame.len() <= QUEUE_BYTES;
        if !fits || self.sender.try_send(Arc::clone(frame)).is_err() {
            self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            counter!("plasma_bft_dropped_total").increment(1);
        }
    }
}

impl Waiting {
    async fn next(&mut self) -> Option<Frame> {
        let frame = self.receiver.recv().await?;
        self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        Some(frame)
    }

    /// Drops what a peer could not be told for long: it is said again where it still matters.
    fn clear(&mut self) {
        while let Ok(frame) = self.receiver.try_recv() {
            self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        }
    }
}

/// Keeps a link to a peer, until the sequencer is gone.
pub(super) async fn dial(shared: Weak<Shared>, me: Identity, peer: Peer, mut queue: Waiting) {
    let mut pause = FIRST_PAUSE_MS;
    let mut down = now(&shared);
    loop {
        let Some(patience) = shared.upgrade().map(|shared| shared.env.sleep(HANDSHAKE)) else {
            return;
        };
        let connect = pin!(connect(&me, &peer));
        let link = match select(connect, patience).await {
            Either::Left((link, _)) => link,
            Either::Right(_) => Err(LinkError::Io(std::io::ErrorKind::TimedOut.into())),
        };
        match link {
            Ok(mut link) => {
                pause = FIRST_PAUSE_MS;
                if now(&shared) > down + STALE_MS {
                    queue.clear();
                }
                note(&shared, peer.key, true);
                let error = speak(&mut link, &mut queue).await;
                note(&shared, peer.key, false);
                down = now(&shared);
                let Some(error) = error else {
                    return;
                };
                tracing::debug!(peer = %peer.key, %error, "a link broke");
            }
            Err(error) => {
                tracing::trace!(peer = %peer.key, address = %peer.address, %error, "no link");
            }
        }
        let duration = Duration::from_millis(pause);
        let Some(sleep) = shared.upgrade().map(|shared| shared.env.sleep(duration)) else {
            return;
        };
        sleep.await;
        pause = (pause * 2).min(LONGEST_PAUSE_MS);
    }
}

fn now(shared: &Weak<Shared>) -> u64 {
    shared
        .upgrade()
        .map_or(u64::MAX / 2, |shared| shared.env.now().0)
}

fn note(shared: &Weak<Shared>, key: Address, up: bool) {
    if let Some(shared) = shared.upgrade() {
        shared.links.note(key, up);
    }
}

async fn connect(me: &Identity, peer: &Peer) -> Result<Secure<TcpStream>, LinkError> {
    let stream = TcpStream::connect(peer.address).await?;
    stream.set_nodelay(true)?;
    me.open(stream, peer.key).await
}

/// Sends what waits; gives why it cannot go on, or `None` when there will be no more.
async fn speak(link: &mut Secure<TcpStream>, queue: &mut Waiting) -> Option<LinkError> {
    loop {
        let frame = {
            let next = pin!(queue.next());
            let closed = pin!(link.closed());
            match select(next, closed).await {
                Either::Left((frame, _)) => frame?,
                Either::Right((error, _)) => return Some(error),
            }
        };
        if let Err(error) = link.send(&frame).await {
            return Some(error);
        }
    }
}

/// Takes links, until the sequencer is gone.
pub(super) async fn listen(shared: Weak<Shared>, me: Identity, listener: TcpListener) {
    // Tasks end when this one does.
    let mut open: Vec<(Task, Arc<()>)> = Vec::new();
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Out of descriptors, say: others may be closed soon.
            let pause = Duration::from_millis(FIRST_PAUSE_MS);
            let Some(sleep) = shared.upgrade().map(|shared| shared.env.sleep(pause)) else {
                return;
            };
            sleep.await;
            continue;
        };
        open.retain(|(_, alive)| Arc::strong_count(alive) > 1);
        let Some(here) = shared.upgrade() else {
            return;
        };
        if open.len() >= MAX_OPEN {
            tracing::warn!(%address, "too many links; refused");
            continue;
        }
        let alive = Arc::new(());
        let (weak, me, token) = (Weak::clone(&shared), me.clone(), Arc::clone(&alive));
        let task = async move {
            if let Err(error) = hear(&weak, &me, stream).await {
                tracing::debug!(%address, %error, "a link ended");
            }
            drop(token);
        };
        open.push((here.env.spawn("bft-link", Box::pin(task)), alive));
    }
}

/// Listens to whoever proves to be a peer.
async fn hear(shared: &Weak<Shared>, me: &Identity, stream: TcpStream) -> Result<(), LinkError> {
    stream.set_nodelay(true)?;
    let Some(here) = shared.upgrade() else {
        return Ok(());
    };
    let patience = here.env.sleep(HANDSHAKE);
    let keys: BTreeSet<Address> = here.config.peers.iter().map(|peer| peer.key).collect();
    drop(here);
    let accept = pin!(me.accept(stream, |key| keys.contains(key)));
    let (mut link, key) = match select(accept, patience).await {
        Either::Left((link, _)) => link?,
        Either::Right(_) => return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    };
    loop {
        let bytes = link.receive(MAX_MESSAGE_BYTES).await?;
        let Some(here) = shared.upgrade() else {
            return Ok(());
        };
        match Message::from_bytes(&bytes) {
            Ok(message) => here.receive(key, message),
            Err(error) => {
                // A newer version may say what this one does not know.
                counter!("plasma_bft_malformed_total").increment(1);
                tracing::debug!(peer = %key, %error, "a message that cannot be read");
            }
        }
        drop(here);
        // One peer that says much does not keep this thread.
        crate::feed::give_way().await;
    }
}
