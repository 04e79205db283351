//! The file journal, through crashes that tear writes at any byte and damage at any other.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use plasma_core::{
    B256, Block, BlockHeader, BoxFuture, Bytes, Certificate, CertifiedBlock, Env, Height, Signer,
    Task, Timestamp,
};
use proptest::prelude::*;

use super::{FileJournal, Journal, JournalError, MemoryJournal};
use crate::frames::Storage;

struct NoTime;

impl Env for NoTime {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
    fn spawn(&self, _: &'static str, _: BoxFuture<'static, ()>) -> Task {
        Task::new(|| {})
    }
    fn random(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

/// A disk that keeps only what was synchronised, and of the rest what the crash leaves.
#[derive(Clone, Debug, Default)]
struct Platter {
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    bytes: Vec<u8>,
    durable: usize,
    /// Fails the write that would bring the file beyond this length, after writing up to it.
    full_at: Option<usize>,
}

/// What a crash leaves of a write that was not synchronised.
#[derive(Clone, Copy, Debug)]
enum Tear {
    /// So many of its bytes.
    Cut(usize),
    /// Its length, with zeros from this byte on: the size was written and the data was not.
    Zeros(usize),
    /// All but this byte, which is another.
    Garbage(usize),
}

impl Platter {
    fn with(bytes: &[u8]) -> Self {
        let state = State {
            bytes: bytes.to_vec(),
            durable: bytes.len(),
            full_at: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.state.lock().expect("one thread").bytes.clone()
    }

    fn open(&self) -> Result<FileJournal, JournalError> {
        FileJournal::on(Box::new(self.clone()), genesis().hash(), &NoTime)
    }
}

impl Storage for Platter {
    fn path(&self) -> String {
        "platter".into()
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().expect("one thread").bytes.len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock().expect("one thread");
        let from = state
            .bytes
            .get(offset as usize..)
            .and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().expect("one thread");
        let room = state
            .full_at
            .map_or(usize::MAX, |full| full.saturating_sub(state.bytes.len()));
        let written = bytes.len().min(room);
        state.bytes.extend_from_slice(&bytes[..written]);
        if written == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state.lock().expect("one thread");
        state.durable = state.bytes.len();
        Ok(())
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.state.lock().expect("one thread");
        state.bytes.truncate(length as usize);
        state.durable = state.bytes.len();
        Ok(())
    }
    fn rewrite(&mut self, head: &[u8], parts: &[(u64, u64)]) -> io::Result<()> {
        let mut state = self.state.lock().expect("one thread");
        let mut fresh = head.to_vec();
        for &(offset, length) in parts {
            fresh.extend_from_slice(&state.bytes[offset as usize..(offset + length) as usize]);
        }
        state.durable = fresh.len();
        state.bytes = fresh;
        Ok(())
    }
}

fn genesis() -> BlockHeader {
    BlockHeader {
        timestamp: Timestamp(1),
        ..BlockHeader::default()
    }
}

fn block_after(parent: &BlockHeader, flavour: u8) -> CertifiedBlock {
    let signer = Signer::from_bytes(&B256::repeat_byte(3)).expect("a key");
    let header = BlockHeader {
        height: parent.height.next(),
        parent: parent.hash(),
        timestamp: parent.timestamp + 1,
        // Seals are hashes of batches: no two blocks of a chain have the same.
        seal: plasma_core::Words::new()
            .uint(flavour)
            .uint(parent.height.0)
            .keccak(),
        ..BlockHeader::default()
    };
    let certificate = Certificate::solo(&signer, &header);
    let transactions = vec![Bytes::from(vec![flavour; usize::from(flavour) % 50])];
    CertifiedBlock {
        block: Block {
            header,
            transactions,
        },
        certificate,
    }
}

fn blocks(count: u8) -> Vec<CertifiedBlock> {
    let mut blocks: Vec<CertifiedBlock> = Vec::new();
    for flavour in 1..=count {
        let parent = blocks
            .last()
            .map_or_else(genesis, |last| last.block.header.clone());
        blocks.push(block_after(&parent, flavour));
    }
    blocks
}

fn held(journal: &dyn Journal) -> Vec<CertifiedBlock> {
    let mut held = Vec::new();
    let mut from = Height(0);
    while let Some(height) = journal.next(from) {
        held.push(journal.get(height).expect("readable").expect("held"));
        from = height.next();
    }
    held
}

/// A file of `count` blocks, and where each begins.
fn written(count: u8) -> (Platter, Vec<usize>) {
    let platter = Platter::default();
    let mut journal = platter.open().expect("a new journal");
    let mut starts = Vec::new();
    for block in blocks(count) {
        starts.push(platter.bytes().len());
        journal.append(&block).expect("appended");
    }
    (platter, starts)
}

/// A crash during the last write leaves the earlier blocks, and the last one wholly or not at all.
fn check_torn(bytes: &[u8], last: usize, tear: Tear) {
    let mut left = bytes.to_vec();
    match tear {
        Tear::Cut(kept) => left.truncate(last + kept),
        Tear::Zeros(from) => left[last + from..].fill(0),
        Tear::Garbage(at) => left[last + at] ^= 0x55,
    }
    let platter = Platter::with(&left);
    let mut journal = platter
        .open()
        .unwrap_or_else(|error| panic!("{tear:?}: {error}"));
    let all = blocks(3);
    let intact = left == bytes;
    let expected = if intact { &all[..] } else { &all[..2] };
    assert_eq!(held(&journal), expected, "{tear:?}");
    let cut = if intact {
        0
    } else {
        (left.len() - last) as u64
    };
    assert_eq!(journal.torn_bytes(), cut, "{tear:?}");
    // It can be written again, and then read.
    if !intact {
        journal.append(&all[2]).expect("appended");
    }
    drop(journal);
    assert_eq!(held(&platter.open().expect("reopened")), all, "{tear:?}");
}

#[test]
fn a_write_torn_at_any_byte_is_cut_off() {
    let (platter, starts) = written(3);
    let (bytes, last) = (platter.bytes(), starts[2]);
    for at in 0..bytes.len() - last {
        for tear in [Tear::Cut(at), Tear::Zeros(at), Tear::Garbage(at)] {
            check_torn(&bytes, last, tear);
        }
    }
    check_torn(&bytes, last, Tear::Cut(bytes.len() - last));
}

#[test]
fn a_creation_torn_at_any_byte_begins_anew() {
    let (platter, starts) = written(1);
    let bytes = platter.bytes();
    for at in 0..starts[0] {
        let platter = Platter::with(&bytes[..at]);
        let mut journal = platter
            .open()
            .unwrap_or_else(|error| panic!("cut at {at}: {error}"));
        journal.append(&blocks(1)[0]).expect("appended");
        assert_eq!(held(&platter.open().expect("reopened")), blocks(1));
    }
}

#[test]
fn damage_before_the_end_is_an_error_and_nothing_is_touched() {
    let (platter, starts) = written(3);
    let bytes = platter.bytes();
    for at in 0..starts[2] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let platter = Platter::with(&damaged);
        let start = starts
            .iter()
            .rev()
            .find(|start| **start <= at)
            .copied()
            .unwrap_or_default();
        match platter.open() {
            Err(JournalError::Corrupt { offset, .. }) => {
                assert_eq!(offset, start as u64, "byte {at}");
            }
            Err(error) => panic!("byte {at}: {error}"),
            Ok(_) => panic!("byte {at}: damage went unnoticed"),
        }
        assert_eq!(platter.bytes(), damaged, "byte {at}");
    }
    let error = platter_error(&bytes, starts[1]);
    assert!(
        error.contains("platter is damaged at byte") && error.contains("restore"),
        "{error}"
    );
}

fn platter_error(bytes: &[u8], at: usize) -> String {
    let mut damaged = bytes.to_vec();
    damaged[at] ^= 1;
    Platter::with(&damaged)
        .open()
        .err()
        .expect("damaged")
        .to_string()
}

#[test]
fn a_full_disk_stops_the_journal_and_loses_nothing() {
    let (platter, _) = written(2);
    let before = platter.bytes();
    let all = blocks(3);
    for room in 0..40 {
        let platter = Platter::with(&before);
        let mut journal = platter.open().expect("a journal");
        platter.state.lock().expect("one thread").full_at = Some(before.len() + room);
        assert!(matches!(
            journal.append(&all[2]),
            Err(JournalError::Io {
                action: "writing",
                ..
            })
        ));
        assert!(matches!(
            journal.append(&all[2]),
            Err(JournalError::Failed { .. })
        ));
        platter.state.lock().expect("one thread").full_at = None;
        drop(journal);
        let mut journal = platter.open().expect("reopened");
        journal.append(&all[2]).expect("there is room again");
        assert_eq!(held(&platter.open().expect("reopened")), all);
    }
}

#[test]
fn one_process_at_a_time_and_one_chain_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = FileJournal::open(folder.path(), &genesis(), &NoTime).expect("a journal");
    journal.append(&blocks(1)[0]).expect("appended");
    let second = FileJournal::open(folder.path(), &genesis(), &NoTime);
    assert!(matches!(second, Err(JournalError::InUse { .. })));
    drop(journal);
    let other = BlockHeader {
        timestamp: Timestamp(2),
        ..genesis()
    };
    let other = FileJournal::open(folder.path(), &other, &NoTime);
    assert!(matches!(other, Err(JournalError::OtherChain { .. })));
    let again = FileJournal::open(folder.path(), &genesis(), &NoTime).expect("a journal");
    assert_eq!(held(&again), blocks(1));
}

#[test]
fn a_block_that_does_not_follow_is_refused() {
    let mut journal = MemoryJournal::new();
    let all = blocks(3);
    journal.append(&all[0]).expect("the first");
    assert!(matches!(
        journal.append(&all[0]),
        Err(JournalError::NotNext { .. })
    ));
    assert!(matches!(
        journal.append(&all[2]),
        Err(JournalError::NotNext { .. })
    ));
}

/// What is done to a journal.
#[derive(Clone, Debug)]
enum Action {
    Append(u8),
    /// Back to one of our blocks, so many before the head.
    Back(u8),
    /// To a block from elsewhere, at a height relative to the head.
    Elsewhere(i8),
    Prune(u8),
    Reopen,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        6 => (1..250_u8).prop_map(Action::Append),
        1 => (0..6_u8).prop_map(Action::Back),
        1 => (-4..4_i8).prop_map(Action::Elsewhere),
        1 => (0..40_u8).prop_map(Action::Prune),
        2 => Just(Action::Reopen),
    ];
    prop::collection::vec(action, 1..60)
}

proptest! {
    // Each case synchronises dozens of writes.
    #![proptest_config(ProptestConfig::with_cases(plasma_core::conformance::cases(32)))]

    /// On disk it is the same as in memory, but that a file may keep longer what is pruned.
    #[test]
    fn the_file_is_as_the_memory(actions in actions()) {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || FileJournal::open(folder.path(), &genesis(), &NoTime).expect("a journal");
        let (mut file, mut memory) = (Some(open()), MemoryJournal::new());
        let mut pruned = Height(0);
        for action in actions {
            let on_disk = file.as_mut().expect("open");
            let head = memory.head().cloned().unwrap_or_else(genesis);
            let mut to = None;
            match action {
                Action::Append(flavour) => {
                    let block = block_after(&head, flavour);
                    on_disk.append(&block).expect("appended");
                    memory.append(&block).expect("appended");
                }
                Action::Back(by) => {
                    let back = Height(head.height.0.saturating_sub(u64::from(by)));
                    if let Some(block) = on_disk.get(back).expect("readable")
                        && back >= pruned
                    {
                        to = Some(block.block.header);
                    }
                }
                Action::Elsewhere(by) => {
                    let height = Height(head.height.0.saturating_add_signed(by.into()).max(pruned.0 + 1));
                    let timestamp = head.timestamp + 5;
                    to = Some(BlockHeader { height, timestamp, ..BlockHeader::default() });
                }
                Action::Prune(below) => {
                    pruned = pruned.max(Height(below.into()).min(head.height));
                    on_disk.prune(pruned).expect("pruned");
                    memory.prune(pruned).expect("pruned");
                }
                Action::Reopen => {
                    drop(file.take());
                    file = Some(open());
                }
            }
            if let Some(to) = to {
                file.as_mut().expect("open").rewind(&to).expect("rewound");
                memory.rewind(&to).expect("rewound");
            }
            let file = file.as_ref().expect("open");
            prop_assert_eq!(file.head(), memory.head());
            let from = |blocks: Vec<CertifiedBlock>| -> Vec<_> {
                blocks.into_iter().filter(|block| block.block.header.height >= pruned).collect()
            };
            let (on_disk, in_memory) = (from(held(file)), from(held(&memory)));
            prop_assert_eq!(&on_disk, &in_memory);
            for block in on_disk {
                let seal = block.block.header.seal;
                prop_assert!(file.sealed(&seal).is_some() && memory.sealed(&seal).is_some());
            }
        }
    }
}

#[test]
fn pruning_frees_the_disk_and_keeps_the_head() {
    let (platter, _) = written(30);
    let before = platter.bytes().len();
    let mut journal = platter.open().expect("a journal");
    journal.prune(Height(10)).expect("not worth it yet");
    assert_eq!(platter.bytes().len(), before);
    journal.prune(Height(28)).expect("pruned");
    assert!(platter.bytes().len() < before / 5);
    assert_eq!(held(&journal), blocks(30)[27..]);
    let parent = blocks(30)[29].block.header.clone();
    journal.append(&block_after(&parent, 31)).expect("appended");
    journal.prune(Height(99)).expect("pruned");
    drop(journal);
    let journal = platter.open().expect("reopened");
    assert_eq!(held(&journal), blocks(31)[30..]);
    assert_eq!(journal.first(), Some(Height(31)));
}
