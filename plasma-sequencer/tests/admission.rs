//! A transaction that is admitted while a block is executed waits for nothing that has happened already.

use std::{
    sync::{
        Arc, Condvar, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, executor::block_on};
use plasma_core::{
    Address, Admission, B256, BlockHeader, BoxFuture, Bytes, ChainId, ChainUpdate, Env, Gas, Gate,
    Height, NonceRule, Rejection, Sequencer as _, Signer, SubmitError, Task, Timestamp, TokioEnv,
    U256, transaction_hash,
};
use plasma_sequencer::{MemoryJournal, SoloConfig, SoloSequencer};

const CHAIN: ChainId = ChainId(7);

/// What a gate says of a cheap transaction whose sender can pay for it.
fn admission(transaction: &[u8], sender: Address, nonce: u64, nonce_rule: NonceRule) -> Admission {
    Admission {
        hash: transaction_hash(transaction),
        sender,
        nonce,
        nonce_rule,
        gas_limit: Gas(1),
        max_fee_per_gas: 1,
        priority_fee_per_gas: 1,
        max_cost: U256::ONE,
        balance: U256::from(100),
        expires_at: None,
    }
}

/// One account, whose first transaction is executed just when its second one was looked at.
#[derive(Default)]
struct Door {
    sequencer: OnceLock<Weak<SoloSequencer>>,
    next: AtomicU64,
}

impl Gate for Door {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let (nonce, next) = (u64::from(transaction[0]), self.next.load(Ordering::SeqCst));
        if nonce == 1 && next == 0 {
            self.next.store(1, Ordering::SeqCst);
            let sequencer = self.sequencer.get().and_then(Weak::upgrade);
            let update = ChainUpdate::Executed {
                height: Height(1),
                state_root: B256::repeat_byte(1),
            };
            block_on(sequencer.expect("it runs").observe(update)).expect("it is news");
        }
        let (sender, rule) = (Address::repeat_byte(1), NonceRule::Sequential { next });
        Ok(admission(transaction, sender, nonce, rule))
    }
}

fn config() -> SoloConfig {
    let genesis = BlockHeader {
        chain_id: CHAIN,
        ..BlockHeader::default()
    };
    SoloConfig::new(CHAIN, genesis)
}

/// A sequencer behind this door.
fn start(door: Arc<dyn Gate>, config: SoloConfig) -> SoloSequencer {
    start_in(Arc::new(TokioEnv), door, config)
}

fn start_in(env: Arc<dyn Env>, door: Arc<dyn Gate>, config: SoloConfig) -> SoloSequencer {
    let sequencer = SoloSequencer::start(
        config,
        Signer::from_bytes(&B256::repeat_byte(1)).expect("a key"),
        env,
        door,
        Box::new(MemoryJournal::new()),
    );
    sequencer.expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_admitted_while_a_block_is_executed_is_in_the_next_one() {
    let door = Arc::new(Door::default());
    let sequencer = Arc::new(start(door.clone(), config()));
    let _ = door.sequencer.set(Arc::downgrade(&sequencer));
    let mut blocks = sequencer.blocks(Height(1));
    for nonce in 0..2 {
        let bytes = Bytes::from(vec![nonce]);
        let answers = sequencer.submit_all(vec![bytes.clone()]).await;
        assert_eq!(answers, [Ok(transaction_hash(&bytes))]);
        let block = tokio::time::timeout(Duration::from_secs(30), blocks.next()).await;
        let block = block.expect("a block in time").expect("a block");
        assert_eq!(block.expect("a block").block.transactions, [bytes]);
    }
}

/// A door at which the first to come are held up until it is opened; it counts how many it was asked about together.
#[derive(Default)]
struct Slow {
    open: Mutex<bool>,
    opened: Condvar,
    single: AtomicU64,
    together: AtomicU64,
}

impl Slow {
    fn answer(transaction: &[u8]) -> Result<Admission, Rejection> {
        if transaction[0] == 0xff {
            return Err(Rejection::Malformed("it begins with 0xff".to_owned()));
        }
        let sender = Address::from_word(transaction_hash(transaction));
        let rule = NonceRule::Window { base: 0 };
        Ok(admission(transaction, sender, 0, rule))
    }
}

impl Gate for Slow {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        self.single.fetch_add(1, Ordering::SeqCst);
        let mut open = self.open.lock().expect("nobody panics");
        while !*open {
            open = self.opened.wait(open).expect("nobody panics");
        }
        Self::answer(transaction)
    }

    fn admit_all(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Rejection>> {
        self.together
            .fetch_add(transactions.len() as u64, Ordering::SeqCst);
        transactions
            .iter()
            .map(|bytes| Self::answer(bytes))
            .collect()
    }
}

#[test]
fn who_waits_at_the_door_enters_together_and_who_gives_up_holds_up_nobody() {
    const WAITING: u64 = 300;
    let doors = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(doors as usize + 2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let door = Arc::new(Slow::default());
        let sequencer = Arc::new(start(door.clone(), config()));
        let send = |first: u8, number: u64| {
            let bytes = Bytes::from([&[first][..], &number.to_be_bytes()].concat());
            let sequencer = Arc::clone(&sequencer);
            tokio::spawn(async move {
                let promise = sequencer.submit(bytes.clone()).await;
                (bytes, promise)
            })
        };
        // As many as may admit at once are held up at the door.
        let mut sent: Vec<_> = (0..doors).map(|number| send(1, number)).collect();
        while door.single.load(Ordering::SeqCst) < doors {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let impatient: Vec<_> = (0..20).map(|number| send(2, number)).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        sent.extend(
            (0..WAITING).map(|number| send(if number % 10 == 3 { 0xff } else { 3 }, number)),
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
        impatient.iter().for_each(tokio::task::JoinHandle::abort);
        *door.open.lock().expect("nobody panics") = true;
        door.opened.notify_all();
        for task in sent {
            let answer = tokio::time::timeout(Duration::from_secs(30), task).await;
            let (bytes, promise) = answer.expect("an answer in time").expect("no panic");
            match promise {
                Ok(promise) => {
                    assert_eq!(promise.transaction, transaction_hash(&bytes));
                    assert_eq!(promise.verify(), Ok(true));
                    assert_ne!(bytes[0], 0xff);
                }
                Err(error) => assert_eq!(bytes[0], 0xff, "{error}"),
            }
        }
        let (single, together) = (
            door.single.load(Ordering::SeqCst),
            door.together.load(Ordering::SeqCst),
        );
        assert!(
            together >= WAITING - 2 * doors,
            "{together} entered together"
        );
        assert!(single <= 3 * doors, "{single} entered by themselves");
        // Idle again: the next one waits for nobody.
        let (_, promise) = send(4, 0).await.expect("no panic");
        promise.expect("it is taken");
    });
}

/// Where it is always the same time, so that nobody is tired of waiting.
struct NoTime;

impl Env for NoTime {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        TokioEnv.spawn(name, task)
    }

    fn random(&self, out: &mut [u8]) {
        TokioEnv.random(out);
    }
}

/// A door at which batches are held up that begin with 1, until it is opened.
#[derive(Default)]
struct Held {
    slow: Slow,
    held: AtomicU64,
}

impl Gate for Held {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        Slow::answer(transaction)
    }

    fn admit_all(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Rejection>> {
        if transactions[0][0] == 1 {
            self.held.fetch_add(1, Ordering::SeqCst);
            drop(self.slow.admit(&transactions[0]));
        }
        self.slow.admit_all(transactions)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_that_are_being_admitted_share_a_block() {
    let door = Arc::new(Held::default());
    let sequencer = Arc::new(start_in(Arc::new(NoTime), door.clone(), config()));
    let mut blocks = sequencer.blocks(Height(1));
    let batch = |first: u8| vec![Bytes::from(vec![first, 0]), Bytes::from(vec![first, 1])];
    let held = tokio::spawn({
        let (sequencer, batch) = (Arc::clone(&sequencer), batch(1));
        async move { sequencer.submit_all(batch).await }
    });
    while door.held.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answers = sequencer.submit_all(batch(2)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // Others are on their way in, and no time passes.
    let early = tokio::time::timeout(Duration::from_millis(50), blocks.next()).await;
    assert!(early.is_err(), "a block without them");
    *door.slow.open.lock().expect("nobody panics") = true;
    door.slow.opened.notify_all();
    let answers = held.await.expect("no panic");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let block = tokio::time::timeout(Duration::from_secs(30), blocks.next()).await;
    let block = block.expect("a block in time").expect("a block");
    let mut transactions = block.expect("a block").block.transactions;
    transactions.sort();
    assert_eq!(transactions, [batch(1), batch(2)].concat());
}

/// A door that lets each in once, and answers only about the first three of many.
#[derive(Default)]
struct Once(Mutex<Vec<Bytes>>);

impl Gate for Once {
    fn admit(&self, transaction: &[u8]) -> Result<Admission, Rejection> {
        let mut seen = self.0.lock().expect("nobody panics");
        if seen.iter().any(|bytes| **bytes == *transaction) {
            return Err(Rejection::Malformed("it was here before".to_owned()));
        }
        seen.push(Bytes::copy_from_slice(transaction));
        Slow::answer(transaction)
    }

    fn admit_all(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Rejection>> {
        let some = transactions.iter().take(3);
        some.map(|bytes| self.admit(bytes)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_that_is_submitted_gets_its_own_answer() {
    let config = SoloConfig {
        byte_limit: 100,
        ..config()
    };
    let sequencer = start(Arc::new(Once::default()), config);
    let named = |text: &'static str| {
        let bytes = Bytes::from_static(text.as_bytes());
        (transaction_hash(&bytes), bytes)
    };
    let ((one_hash, one), (other_hash, other)) = (named("one"), named("other"));
    // It is in a block, or waits, for no execution is reported.
    assert_eq!(
        sequencer.submit_all(vec![one.clone()]).await,
        [Ok(one_hash)]
    );
    let long = Bytes::from(vec![0; 101]);
    let refused = Bytes::from_static(b"\xff");
    let all = vec![long, one.clone(), other, refused, one];
    let answers = sequencer.submit_all(all).await;
    let [long, known, taken, refused, silent] = &answers[..] else {
        panic!("as many answers: {answers:?}");
    };
    let too_large = Rejection::TooLarge {
        length: 101,
        limit: 100,
    };
    assert_eq!(*long, Err(SubmitError::Rejected(too_large)));
    assert_eq!(
        *known,
        Err(SubmitError::AlreadyKnown(one_hash)),
        "whatever the gate says of it by now"
    );
    assert_eq!(*taken, Ok(other_hash));
    let rejected = matches!(refused, Err(SubmitError::Rejected(Rejection::Malformed(_))));
    assert!(rejected, "{refused:?}");
    let unavailable = matches!(silent, Err(SubmitError::Unavailable(_)));
    assert!(unavailable, "{silent:?}");
}
