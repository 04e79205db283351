//! What readers of blocks see.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, MutexGuard, Weak},
    task::Poll,
};

use futures::{StreamExt as _, stream};
use plasma_core::{BlockHeader, BoxStream, CertifiedBlock, Height, SequencerError};
use tokio::sync::watch;

/// Blocks kept at hand for readers that keep up; the others read the journal.
const TAIL_BLOCKS: usize = 64;
const TAIL_BYTES: usize = 16 << 20;
/// Overrides remembered for readers that have not noticed them yet.
const MAX_OVERRIDES: usize = 1_024;

/// The newest blocks, and what happened to older ones.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) head: BlockHeader,
    /// Contiguous, up to the head, unless that is from elsewhere.
    tail: VecDeque<Arc<CertifiedBlock>>,
    tail_bytes: usize,
    /// Counts overrides.
    pub(crate) generation: u64,
    /// Those that matter to some reader, later ones higher: an override hides all before it that
    /// kept no less.
    overrides: VecDeque<Override>,
    /// Why there will be no more blocks.
    pub(crate) failure: Option<SequencerError>,
}

#[derive(Clone, Copy, Debug)]
struct Override {
    generation: u64,
    /// The highest block of before that still stands.
    kept: Height,
    /// The first block of after.
    resume: Height,
}

/// What there is for a reader.
pub(crate) enum Found {
    Block(Arc<CertifiedBlock>),
    Overridden(Height),
    InJournal,
    NotYet,
    Failed(SequencerError),
}

impl Feed {
    pub(crate) fn new(head: BlockHeader) -> Self {
        Self {
            head,
            tail: VecDeque::new(),
            tail_bytes: 0,
            generation: 0,
            overrides: VecDeque::new(),
            failure: None,
        }
    }

    pub(crate) fn push(&mut self, block: Arc<CertifiedBlock>) {
        self.head = block.block.header.clone();
        self.tail_bytes += bytes_of(&block);
        self.tail.push_back(block);
        while self.tail.len() > TAIL_BLOCKS || (self.tail_bytes > TAIL_BYTES && self.tail.len() > 1)
        {
            self.tail_bytes -= self.tail.pop_front().map_or(0, |block| bytes_of(&block));
        }
    }

    /// Goes on after `head`; blocks of ours stand up to `kept`.
    pub(crate) fn rewind(&mut self, head: BlockHeader, kept: Height) {
        self.generation += 1;
        let (generation, resume) = (self.generation, head.height.next());
        while self
            .overrides
            .pop_back_if(|earlier| earlier.kept >= kept)
            .is_some()
        {}
        self.overrides.push_back(Override {
            generation,
            kept,
            resume,
        });
        if self.overrides.len() > MAX_OVERRIDES {
            self.overrides.pop_front();
        }
        if kept == head.height {
            while self
                .tail
                .pop_back_if(|block| block.block.header.height > kept)
                .is_some()
            {}
        } else {
            self.tail.clear();
        }
        self.tail_bytes = self.tail.iter().map(|block| bytes_of(block)).sum();
        self.head = head;
    }

    fn find(&self, next: Height, generation: u64) -> Found {
        let missed = self
            .overrides
            .iter()
            .find(|one| one.generation > generation);
        if let Some(one) = missed.filter(|one| next > one.kept.next()) {
            return Found::Overridden(one.resume);
        }
        let first = self.tail.front().map(|block| block.block.header.height);
        if let Some(index) = first.and_then(|first| next.0.checked_sub(first.0))
            && let Some(block) = self.tail.get(index as usize)
        {
            return Found::Block(Arc::clone(block));
        }
        if next <= self.head.height {
            return Found::InJournal;
        }
        self.failure.clone().map_or(Found::NotYet, Found::Failed)
    }
}

fn bytes_of(block: &CertifiedBlock) -> usize {
    block
        .block
        .transactions
        .iter()
        .map(|bytes| bytes.len() + 64)
        .sum::<usize>()
        + 1_024
}

/// A sequencer, as its readers see it.
pub(crate) trait Source: Send + Sync + 'static {
    /// The newest blocks.
    fn feed(&self) -> MutexGuard<'_, Feed>;
    /// Tells of every change of the feed.
    fn changes(&self) -> watch::Receiver<()>;
    /// The first height there can be a block at.
    fn first(&self) -> Height;
    /// The block at a height that is not above the head; `None` when an override came in between.
    fn read(&self, height: Height) -> Result<Option<CertifiedBlock>, SequencerError>;
}

/// A reader's place.
struct Reader<S> {
    /// Weak, so that a forgotten stream keeps neither the sequencer nor its journal open.
    shared: Weak<S>,
    changes: watch::Receiver<()>,
    next: Height,
    generation: u64,
}

/// All blocks from `from` on, until the reader has to start anew.
pub(crate) fn stream<S: Source>(
    shared: &Arc<S>,
    from: Height,
) -> BoxStream<'static, Result<CertifiedBlock, SequencerError>> {
    let reader = Reader {
        shared: Arc::downgrade(shared),
        changes: shared.changes(),
        next: from.max(shared.first()),
        generation: shared.feed().generation,
    };
    stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.next().await {
            Ok(block) => Some((Ok(block), Some(reader))),
            // The stream ends with its error: where to go on is the reader's to decide.
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

impl<S: Source> Reader<S> {
    async fn next(&mut self) -> Result<CertifiedBlock, SequencerError> {
        loop {
            let shared = self.shared.upgrade().ok_or(SequencerError::Stopped)?;
            self.changes.mark_unchanged();
            let found = shared.feed().find(self.next, self.generation);
            let block = match found {
                Found::Block(block) => Some(Arc::unwrap_or_clone(block)),
                Found::InJournal => shared.read(self.next)?,
                Found::Overridden(height) => return Err(SequencerError::Overridden(height)),
                Found::Failed(error) => return Err(error),
                Found::NotYet => {
                    drop(shared);
                    self.changes
                        .changed()
                        .await
                        .map_err(|_| SequencerError::Stopped)?;
                    continue;
                }
            };
            if let Some(block) = block {
                self.next = self.next.next();
                return Ok(block);
            }
            // Overridden in between; look again.
        }
    }
}

/// Lets other tasks run once.
pub(crate) async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if gave {
            return Poll::Ready(());
        }
        gave = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
