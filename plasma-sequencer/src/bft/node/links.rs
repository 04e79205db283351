//! Links to peers: each member opens one to each other, to speak; what it hears comes over those
//! that the others opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, Either, select};
use metrics::{counter, gauge};
use plasma_core::{Address, Task};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
};

use super::{
    Shared,
    config::Peer,
    handshake::{AsyncStream, Identity},
    secure::{LinkError, Secure},
};
use crate::bft::wire::{MAX_MESSAGE_BYTES, Message};

/// What may wait for one peer.
const QUEUE_MESSAGES: usize = 4_096;
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// Where those bytes are so many, answers and transactions do not come on top: whoever asks much and reads slowly has
/// a quarter.
const CROWDED_BYTES: usize = QUEUE_BYTES / 4;
/// How long a peer may take to read one message.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a peer is asked for a sign of life. A cable that is pulled tells nobody, and whoever waits for the system
/// to find out waits for minutes.
const PULSE: Duration = Duration::from_secs(2);
/// How many in a row may go unanswered: as long as a peer may take to read one message.
const MISSED_PULSES: u32 = 9;
/// How long a peer may take to prove who it is.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long to wait before calling again: at first, and at most, in milliseconds.
const FIRST_PAUSE_MS: u64 = 25;
const LONGEST_PAUSE_MS: u64 = 2_000;
/// How long a link may be down for what waits to be still worth saying, in milliseconds.
const STALE_MS: u64 = 3_000;
/// Links to this member that prove nothing yet. One more, and the oldest of them is closed: so whoever opens many keeps
/// nobody out that proves its key at once.
const MAX_UNPROVEN: usize = 256;

type Frame = Arc<[u8]>;

/// What waits for peers.
pub(super) struct Links {
    queues: BTreeMap<Address, Queue>,
    connected: Mutex<BTreeSet<Address>>,
    /// The newest link from each peer; told when there is another, for then the old one is dead or one too many.
    heard: Mutex<BTreeMap<Address, Arc<Notify>>>,
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
        let links = Self {
            queues,
            connected: Mutex::default(),
            heard: Mutex::default(),
        };
        (links, waiting)
    }

    /// `binds` says that it must not be lost for the sake of others.
    pub(super) fn send_all(&self, frame: &Frame, binds: bool) {
        self.queues
            .values()
            .for_each(|queue| queue.push(frame, binds));
    }

    pub(super) fn send(&self, to: &Address, frame: &Frame, binds: bool) {
        if let Some(queue) = self.queues.get(to) {
            queue.push(frame, binds);
        }
    }

    /// Ends the link that was the newest from a peer, if there is one. Gives what ends the new one.
    fn replace(&self, key: Address) -> Arc<Notify> {
        let heard = self.heard.lock();
        let mut heard = heard.unwrap_or_else(PoisonError::into_inner);
        let end = Arc::new(Notify::new());
        if let Some(old) = heard.insert(key, Arc::clone(&end)) {
            old.notify_one();
        }
        end
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
    fn push(&self, frame: &Frame, binds: bool) {
        let before = self.bytes.fetch_add(frame.len(), Ordering::Relaxed);
        let room = if binds { QUEUE_BYTES } else { CROWDED_BYTES };
        let fits = before + frame.len() <= room;
        if !fits || self.sender.try_send(Arc::clone(frame)).is_err() {
            self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            counter!("plasma_bft_dropped_total", "reason" => "queue").increment(1);
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
            Either::Right(_) => Err(LinkError::Io(io::ErrorKind::TimedOut.into())),
        };
        match link {
            Ok(mut link) => {
                pause = FIRST_PAUSE_MS;
                if now(&shared) > down + STALE_MS {
                    queue.clear();
                }
                note(&shared, peer.key, true);
                let error = speak(&mut link, &mut queue, timer(&shared)).await;
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

/// Makes a timer; `None` when the sequencer is gone.
fn timer(shared: &Weak<Shared>) -> impl Fn(Duration) -> Option<BoxFuture<'static, ()>> {
    let shared = Weak::clone(shared);
    move |duration| Some(shared.upgrade()?.env.sleep(duration))
}

/// Sends what waits; gives why it cannot go on, or `None` when there will be no more.
async fn speak<S: AsyncStream>(
    link: &mut Secure<S>,
    queue: &mut Waiting,
    timer: impl Fn(Duration) -> Option<BoxFuture<'static, ()>>,
) -> Option<LinkError> {
    let mut unanswered = 0;
    let mut pulse = timer(PULSE)?;
    loop {
        let frame = {
            let (next, life) = (pin!(queue.next()), pin!(link.sign_of_life()));
            match select(select(next, life), pulse.as_mut()).await {
                Either::Left((Either::Left((frame, _)), _)) => frame?,
                Either::Left((Either::Right((Ok(()), _)), _)) => {
                    unanswered = 0;
                    continue;
                }
                Either::Left((Either::Right((Err(error), _)), _)) => return Some(error),
                Either::Right(_) if unanswered == MISSED_PULSES => {
                    return Some(LinkError::Lifeless);
                }
                Either::Right(_) => {
                    unanswered += 1;
                    pulse = timer(PULSE)?;
                    Frame::from([])
                }
            }
        };
        if let Err(error) = say(link, &frame, timer(PATIENCE)?).await {
            return Some(error);
        }
    }
}

/// Sends one message to a peer that reads it in time.
async fn say<S: AsyncStream>(
    link: &mut Secure<S>,
    frame: &[u8],
    patience: BoxFuture<'static, ()>,
) -> Result<(), LinkError> {
    match select(pin!(link.send(frame)), patience).await {
        Either::Left((sent, _)) => sent,
        Either::Right(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

/// Takes links, until the sequencer is gone.
pub(super) async fn listen(shared: Weak<Shared>, me: Identity, listener: TcpListener) {
    // Tasks end when this one does.
    let mut open: Vec<(Task, Arc<Stage>)> = Vec::new();
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
        open.retain(|(_, stage)| Arc::strong_count(stage) > 1);
        let unproven = |(_, stage): &(Task, Arc<Stage>)| !stage.proven.load(Ordering::Relaxed);
        if open.iter().filter(|link| unproven(link)).count() >= MAX_UNPROVEN
            && let Some(oldest) = open.iter().position(unproven)
        {
            drop(open.remove(oldest));
            counter!("plasma_bft_refused_links_total").increment(1);
        }
        let Some(here) = shared.upgrade() else {
            return;
        };
        let stage = Arc::new(Stage::default());
        let (weak, me, token) = (Weak::clone(&shared), me.clone(), Arc::clone(&stage));
        let task = async move {
            if let Err(error) = hear(&weak, &me, stream, &token).await {
                tracing::debug!(%address, %error, "a link ended");
            }
        };
        open.push((here.env.spawn("bft-link", Box::pin(task)), stage));
    }
}

/// How far a link to this member is. Held by its task alone, but for the list of all.
#[derive(Debug, Default)]
struct Stage {
    proven: AtomicBool,
}

/// Listens to whoever proves to be a peer.
async fn hear(
    shared: &Weak<Shared>,
    me: &Identity,
    stream: TcpStream,
    stage: &Stage,
) -> Result<(), LinkError> {
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
        Either::Right(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    };
    stage.proven.store(true, Ordering::Relaxed);
    let Some(end) = shared.upgrade().map(|here| here.links.replace(key)) else {
        return Ok(());
    };
    let mut end = pin!(end.notified());
    loop {
        let bytes = match select(pin!(link.receive(MAX_MESSAGE_BYTES)), end.as_mut()).await {
            Either::Left((bytes, _)) => bytes?,
            Either::Right(_) => return Ok(()),
        };
        if bytes.is_empty() {
            // Whoever asks has to hear it.
            let Some(patience) = timer(shared)(PATIENCE) else {
                return Ok(());
            };
            say(&mut link, &[], patience).await?;
        }
        let Some(here) = shared.upgrade() else {
            return Ok(());
        };
        let (length, message) = (bytes.len(), Message::from_bytes(&bytes));
        let readable = message.is_ok() || bytes.is_empty();
        let wait = here.budgets.heard(&key, length, readable, here.env.now());
        match message {
            Ok(message) => here.receive(key, message),
            Err(_) if bytes.is_empty() => {}
            Err(error) => {
                // A newer version may say what this one does not know.
                counter!("plasma_bft_malformed_total").increment(1);
                tracing::debug!(peer = %key, %error, "a message that cannot be read");
            }
        }
        let rest = (wait > 0).then(|| here.env.sleep(Duration::from_millis(wait)));
        drop(here);
        if let Some(rest) = rest {
            counter!("plasma_bft_slowed_links_total").increment(1);
            rest.await;
        }
        // One peer that says much does not keep this thread.
        crate::feed::give_way().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bft::node::handshake::tests::pair;

    fn clock(duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn queue() -> (Queue, Waiting) {
        let (sender, receiver) = mpsc::channel(QUEUE_MESSAGES);
        let bytes = Arc::new(AtomicUsize::new(0));
        let queue = Queue {
            sender,
            bytes: Arc::clone(&bytes),
        };
        (queue, Waiting { receiver, bytes })
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_gives_no_sign_of_life_is_left_and_one_that_does_is_not() {
        let (mut link, mut far) = pair().await;
        let (_queue, mut waiting) = queue();
        let started = tokio::time::Instant::now();
        let living = PULSE * (5 * MISSED_PULSES);
        let listen = async {
            while started.elapsed() < living {
                assert!(far.receive(0).await.unwrap().is_empty());
                far.send(&[]).await.unwrap();
            }
            // From here on it is there, and as good as dead.
            std::future::pending::<()>().await;
        };
        let speak = pin!(speak(&mut link, &mut waiting, |time| Some(clock(time))));
        let Either::Left((error, _)) = select(speak, pin!(listen)).await else {
            unreachable!("the other side never ends")
        };
        assert!(matches!(error, Some(LinkError::Lifeless)), "{error:?}");
        let silent = started.elapsed().saturating_sub(living);
        assert!(silent >= PULSE * MISSED_PULSES, "{silent:?}");
        assert!(silent <= PULSE * (MISSED_PULSES + 2), "{silent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_sent_between_signs_of_life() {
        let (mut link, mut far) = pair().await;
        let (queue, mut waiting) = queue();
        let frames: Vec<Frame> = [1, 70_000, 300_000, 3]
            .map(|length| vec![7; length].into())
            .into();
        let hear = async {
            let mut heard = Vec::new();
            for frame in &frames {
                queue.push(frame, true);
                tokio::time::sleep(PULSE * 2).await;
                loop {
                    let message = far.receive(MAX_MESSAGE_BYTES).await.unwrap();
                    if message.is_empty() {
                        far.send(&[]).await.unwrap();
                    } else {
                        heard.push(message);
                        break;
                    }
                }
            }
            heard
        };
        let Either::Right((heard, _)) = select(
            pin!(speak(&mut link, &mut waiting, |time| Some(clock(time)))),
            pin!(hear),
        )
        .await
        else {
            panic!("the link ended")
        };
        assert!(
            heard
                .iter()
                .map(Vec::as_slice)
                .eq(frames.iter().map(|frame| &**frame))
        );
    }
}
