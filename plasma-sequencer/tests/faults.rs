//! The solo sequencer when something is wrong: its journal, its node, or itself on purpose.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt as _;
use plasma_core::{
    B256, BlockHeader, CertifiedBlock, ChainUpdate, Gate, Height, Sequencer, SequencerError,
    Signer, SubmitError, TokioEnv,
    conformance::sequencer::{ToyLedger, ToyTransaction, toy_genesis, toy_root, windowed},
};
use plasma_sequencer::{Journal, JournalError, MemoryJournal, SoloConfig, SoloSequencer};

fn start(config: SoloConfig, journal: impl Journal + 'static) -> SoloSequencer {
    let signer = Signer::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let gate: Arc<dyn Gate> = Arc::new(ToyLedger::default());
    SoloSequencer::start(config, signer, Arc::new(TokioEnv), gate, Box::new(journal))
        .expect("started")
}

fn config() -> SoloConfig {
    SoloConfig::new(toy_genesis().chain_id, toy_genesis())
}

async fn send(sequencer: &SoloSequencer, nonce: u64) {
    // In a window, for nobody executes here: the nonces stay where they are.
    let toy = ToyTransaction::new(windowed(1), nonce);
    sequencer.submit(toy.to_bytes()).await.expect("taken");
}

/// Waits until there are so many blocks.
async fn grow(sequencer: &SoloSequencer, blocks: u64) {
    for height in 1..=blocks {
        if sequencer.head().height < Height(height) {
            send(sequencer, height - 1).await;
            sequencer
                .blocks(Height(height))
                .next()
                .await
                .expect("endless")
                .expect("a block");
        }
    }
}

/// A journal whose disk fills up.
struct Full {
    inner: MemoryJournal,
    room: Arc<Mutex<usize>>,
}

impl Journal for Full {
    fn head(&self) -> Option<&BlockHeader> {
        self.inner.head()
    }
    fn first(&self) -> Option<Height> {
        self.inner.first()
    }
    fn next(&self, from: Height) -> Option<Height> {
        self.inner.next(from)
    }
    fn get(&self, height: Height) -> Result<Option<CertifiedBlock>, JournalError> {
        self.inner.get(height)
    }
    fn sealed(&self, seal: &B256) -> Option<Height> {
        self.inner.sealed(seal)
    }
    fn append(&mut self, block: &CertifiedBlock) -> Result<(), JournalError> {
        let mut room = self.room.lock().expect("one writer");
        *room = room.checked_sub(1).ok_or_else(|| JournalError::Failed {
            path: "full".into(),
        })?;
        self.inner.append(block)
    }
    fn rewind(&mut self, to: &BlockHeader) -> Result<(), JournalError> {
        self.inner.rewind(to)
    }
    fn prune(&mut self, below: Height) -> Result<(), JournalError> {
        self.inner.prune(below)
    }
}

#[tokio::test]
async fn a_journal_that_fails_stops_it_before_the_block_is_seen() {
    let memory = MemoryJournal::new();
    let journal = Full {
        inner: memory.clone(),
        room: Arc::new(Mutex::new(2)),
    };
    let sequencer = start(config(), journal);
    grow(&sequencer, 2).await;
    let mut blocks = sequencer.blocks(Height(1));
    send(&sequencer, 2).await;
    for height in 1..=2 {
        let block = blocks
            .next()
            .await
            .expect("endless")
            .expect("written before");
        assert_eq!(block.block.header.height, Height(height));
    }
    let error = blocks.next().await;
    assert!(
        matches!(error, Some(Err(SequencerError::Journal(_)))),
        "{error:?}"
    );
    assert!(blocks.next().await.is_none());
    let refused = sequencer
        .submit(ToyTransaction::new(windowed(1), 3).to_bytes())
        .await;
    assert!(
        matches!(refused, Err(SubmitError::Unavailable(_))),
        "{refused:?}"
    );
    assert_eq!(
        memory.reopen().head().map(|head| head.height),
        Some(Height(2))
    );
}

#[tokio::test]
async fn a_pruned_block_is_told_from_one_to_come() {
    let sequencer = start(
        SoloConfig {
            max_unexecuted: 200,
            ..config()
        },
        MemoryJournal::new(),
    );
    grow(&sequencer, 100).await;
    sequencer.prune(Height(90)).expect("pruned");
    assert!(
        sequencer
            .blocks(Height(95))
            .next()
            .await
            .expect("endless")
            .is_ok()
    );
    match sequencer.blocks(Height(5)).next().await {
        Some(Err(SequencerError::Journal(text))) => {
            assert!(
                text.contains("block 5 is not held, the journal begins at 90"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn messages_can_be_refused_on_purpose() {
    let sequencer = start(
        SoloConfig {
            ignore_messages: true,
            ..config()
        },
        MemoryJournal::new(),
    );
    sequencer
        .observe(ChainUpdate::Messages { count: 3 })
        .await
        .expect("heard");
    send(&sequencer, 0).await;
    let block = sequencer
        .blocks(Height(1))
        .next()
        .await
        .expect("endless")
        .expect("a block");
    assert_eq!(block.block.header.messages, 0);
}

#[tokio::test]
async fn it_waits_for_execution_but_not_for_ever() {
    let sequencer = start(
        SoloConfig {
            max_unexecuted: 2,
            ..config()
        },
        MemoryJournal::new(),
    );
    grow(&sequencer, 2).await;
    send(&sequencer, 2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(sequencer.head().height, Height(2), "it waits");
    let update = ChainUpdate::Executed {
        height: Height(1),
        state_root: B256::ZERO,
    };
    sequencer.observe(update).await.expect("heard");
    let third = sequencer
        .blocks(Height(3))
        .next()
        .await
        .expect("endless")
        .expect("a block");
    assert_eq!(third.block.header.executed_height, Height(1));
    // Nobody says anything any more: the chain goes on, slowly.
    send(&sequencer, 3).await;
    let mut blocks = sequencer.blocks(Height(4));
    let fourth = tokio::time::timeout(Duration::from_secs(10), blocks.next()).await;
    assert!(fourth.expect("in time").expect("endless").is_ok());
}

#[tokio::test]
async fn what_offers_less_than_the_base_fee_waits_for_it_to_fall() {
    let sequencer = start(config(), MemoryJournal::new());
    sequencer.set_base_fee(500);
    let low = ToyTransaction::new(windowed(3), 0).paying(100).to_bytes();
    let high = ToyTransaction::new(windowed(2), 0).paying(600).to_bytes();
    sequencer.submit(low.clone()).await.expect("taken");
    sequencer.submit(high.clone()).await.expect("taken");
    let first = sequencer
        .blocks(Height(1))
        .next()
        .await
        .expect("endless")
        .expect("a block");
    assert_eq!(first.block.transactions, [high]);
    sequencer.set_base_fee(100);
    let second = sequencer
        .blocks(Height(2))
        .next()
        .await
        .expect("endless")
        .expect("a block");
    assert_eq!(second.block.transactions, [low]);
}

#[tokio::test]
async fn streams_end_with_the_sequencer_and_do_not_keep_its_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || plasma_sequencer::FileJournal::open(folder.path(), &toy_genesis(), &TokioEnv);
    let sequencer = start(config(), open().expect("a journal"));
    grow(&sequencer, 1).await;
    let mut waiting = sequencer.blocks(Height(2));
    drop(sequencer);
    let journal = open().expect("free at once");
    assert_eq!(waiting.next().await, Some(Err(SequencerError::Stopped)));
    assert_eq!(journal.head().map(|head| head.height), Some(Height(1)));
}

#[tokio::test]
async fn news_of_another_chain_is_refused() {
    let sequencer = start(config(), MemoryJournal::new());
    let stranger = BlockHeader {
        height: Height(3),
        ..BlockHeader::default()
    };
    let refused = sequencer.observe(ChainUpdate::Override(stranger)).await;
    assert!(
        matches!(refused, Err(SequencerError::Inconsistent(_))),
        "{refused:?}"
    );
    let refused = sequencer
        .observe(ChainUpdate::Seal(plasma_core::BatchHeader::default()))
        .await;
    assert!(
        matches!(refused, Err(SequencerError::Inconsistent(_))),
        "{refused:?}"
    );
    // An execution that is ahead of the blocks is not put into a header.
    let update = ChainUpdate::Executed {
        height: Height(9),
        state_root: toy_root(Height(9), B256::ZERO),
    };
    sequencer.observe(update).await.expect("heard");
    grow(&sequencer, 1).await;
    let block = sequencer
        .blocks(Height(1))
        .next()
        .await
        .expect("endless")
        .expect("a block");
    assert_eq!(block.block.header.executed_height, Height(0));
}
