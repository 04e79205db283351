//! The solo sequencer, on both of its journals, and the one that leaves order to the root keep to what every sequencer
//! keeps to.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use plasma_core::{
    B256, BlockHeader, BoxFuture, Env, Gate, Sequencer, Signer, Task, Timestamp, TokioEnv,
    conformance::sequencer::{
        SequencerFixture, TOY_BLOCK_GAS, TOY_POOL_BYTES, TOY_SENDER_BYTES, check_sequencer,
    },
};
use plasma_sequencer::{
    BasedConfig, BasedSequencer, FileJournal, Journal, MemoryJournal, MempoolLimits, SoloConfig,
    SoloSequencer,
};

/// An environment whose clock is tokio's, which a test can stop.
struct StoppedClock {
    began: tokio::time::Instant,
}

impl Env for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000 + self.began.elapsed().as_millis() as u64)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioEnv.sleep(duration)
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        TokioEnv.spawn(name, task)
    }

    fn random(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

struct Solo {
    env: Arc<dyn Env>,
    /// Journals in files here, or in memory.
    directory: Option<PathBuf>,
    memories: Mutex<HashMap<u32, MemoryJournal>>,
    block_time: Duration,
}

impl Solo {
    fn new(directory: Option<PathBuf>, block_time: Duration) -> Self {
        Self {
            env: Arc::new(TokioEnv),
            directory,
            memories: Mutex::default(),
            block_time,
        }
    }

    fn with_env(self, env: impl Env + 'static) -> Self {
        Self {
            env: Arc::new(env),
            ..self
        }
    }
}

impl SequencerFixture for Solo {
    fn env(&self) -> Arc<dyn Env> {
        Arc::clone(&self.env)
    }

    fn open(&self, medium: u32, genesis: BlockHeader, gate: Arc<dyn Gate>) -> Arc<dyn Sequencer> {
        let journal: Box<dyn Journal> = if let Some(directory) = &self.directory {
            let directory = directory.join(medium.to_string());
            Box::new(FileJournal::open(directory, &genesis, &TokioEnv).expect("a journal"))
        } else {
            let mut memories = self.memories.lock().expect("no test panicked");
            Box::new(memories.entry(medium).or_default().reopen())
        };
        let (bytes, sender_bytes) = (TOY_POOL_BYTES, TOY_SENDER_BYTES);
        let config = SoloConfig {
            block_time: self.block_time,
            gas_limit: TOY_BLOCK_GAS,
            limits: MempoolLimits {
                bytes,
                sender_bytes,
                ..MempoolLimits::default()
            },
            ..SoloConfig::new(genesis.chain_id, genesis)
        };
        let signer = Signer::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
        let sequencer = SoloSequencer::start(config, signer, self.env(), gate, journal);
        Arc::new(sequencer.expect("a sequencer"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    check_sequencer(&Solo::new(Some(folder.path().into()), Duration::ZERO)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory() {
    check_sequencer(&Solo::new(None, Duration::ZERO)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_pace() {
    check_sequencer(&Solo::new(None, Duration::from_millis(50))).await;
}

/// One thread and a clock that jumps: every await is a place where another task may come first.
#[tokio::test(start_paused = true)]
async fn in_paused_time() {
    let clock = StoppedClock {
        began: tokio::time::Instant::now(),
    };
    check_sequencer(&Solo::new(None, Duration::from_millis(250)).with_env(clock)).await;
}

struct Based {
    env: Arc<dyn Env>,
}

impl SequencerFixture for Based {
    fn env(&self) -> Arc<dyn Env> {
        Arc::clone(&self.env)
    }

    fn open(&self, _medium: u32, genesis: BlockHeader, gate: Arc<dyn Gate>) -> Arc<dyn Sequencer> {
        let config = BasedConfig {
            gas_limit: TOY_BLOCK_GAS,
            limits: MempoolLimits {
                bytes: TOY_POOL_BYTES,
                sender_bytes: TOY_SENDER_BYTES,
                ..MempoolLimits::default()
            },
            ..BasedConfig::new(genesis.chain_id, genesis)
        };
        let signer = Signer::from_bytes(&B256::repeat_byte(0x43)).expect("a key");
        Arc::new(BasedSequencer::start(config, signer, self.env(), gate).expect("a pool"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_root() {
    let env = Arc::new(TokioEnv);
    check_sequencer(&Based { env }).await;
}

#[tokio::test(start_paused = true)]
async fn by_the_root_in_paused_time() {
    let clock = StoppedClock {
        began: tokio::time::Instant::now(),
    };
    let env = Arc::new(clock);
    check_sequencer(&Based { env }).await;
}
