//! A chain whose blocks are executed while those before them are committed is the chain that does one thing after the
//! other: the same blocks, receipts, roots and places, whatever is undone in between.
//!
//! Seeded: `PLASMA_SEED` replays a run.

use std::{
    collections::HashMap,
    sync::Arc,
    thread::{self, JoinHandle},
};

use plasma_core::{
    Address, B256, Block, BlockHeader, Bytes, ChainId, Genesis, Height, Signer, Timestamp, U256,
    body_commitment, transaction_hash,
};
use plasma_exec::{
    Bank, IBank, Interface, MemoryStore, ModuleRuntime, NativeCall, SolCall as _, XPL,
};
use plasma_sdk::{BlockAhead, Chain, ChainConfig, ChainError, Position, StoredBlock};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

const CHAIN: ChainId = ChainId(77);
const START: Timestamp = Timestamp(1_760_000_000_000);
const PEOPLE: usize = 6;

fn signers() -> Vec<Signer> {
    (1..=PEOPLE)
        .map(|n| Signer::from_bytes(&B256::repeat_byte(n as u8)).expect("a valid scalar"))
        .collect()
}

fn open() -> Chain {
    let balances: serde_json::Map<String, serde_json::Value> = signers()
        .iter()
        .map(|signer| (signer.address().to_string(), "1000000000000000000".into()))
        .collect();
    let genesis = serde_json::json!({ "balances": balances, "baseFee": "1000" });
    let config = ChainConfig {
        genesis: Genesis {
            chain_id: CHAIN,
            timestamp: START,
            config: genesis.to_string().into_bytes().into(),
        },
        execution: Arc::new(ModuleRuntime::new()),
        store: Arc::new(MemoryStore::ephemeral()),
        history: 1_000,
    };
    Chain::open(config, None).expect("the genesis is valid")
}

/// Random blocks: transfers that succeed, that fail, that are there twice, and noise.
struct Load {
    random: StdRng,
    signers: Vec<Signer>,
    nonces: Vec<u64>,
    sent: Vec<Bytes>,
    bank: Interface,
}

impl Load {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            signers: signers(),
            nonces: vec![0; PEOPLE],
            sent: Vec::new(),
            bank: Interface::of(&Bank),
        }
    }

    fn transaction(&mut self, genesis: B256) -> Bytes {
        match self.random.random_range(0..20) {
            0 => return Bytes::from_static(b"noise"),
            1 if !self.sent.is_empty() => {
                let place = self.random.random_range(0..self.sent.len());
                return self.sent[place].clone();
            }
            _ => {}
        }
        let from = self.random.random_range(0..PEOPLE);
        let nonce = self.nonces[from];
        self.nonces[from] += 1;
        let much = self.random.random_range(0..10) == 0;
        let call = IBank::transferCall {
            asset: XPL,
            to: match self.random.random_range(0..2) {
                0 => self.signers[self.random.random_range(0..PEOPLE)].address(),
                _ => Address::from(self.random.random::<[u8; 20]>()),
            },
            amount: if much { U256::MAX } else { U256::from(7) },
        };
        let call = NativeCall {
            module: &self.bank,
            call: call.abi_encode().into(),
            nonce,
            expires_at: START.0,
            max_fee: U256::from(1_000_000_000_u64),
        };
        let signed = call.sign(&self.signers[from], CHAIN, genesis);
        let bytes = signed.expect("the bank has transfers").to_bytes();
        self.sent.push(bytes.clone());
        bytes
    }

    fn block(&mut self, parent: &BlockHeader, genesis: B256) -> Block {
        let count = self.random.random_range(0..40);
        let transactions: Vec<Bytes> = (0..count).map(|_| self.transaction(genesis)).collect();
        let header = BlockHeader {
            chain_id: CHAIN,
            height: parent.height.next(),
            parent: parent.hash(),
            timestamp: parent.timestamp + 1 + self.random.random_range(0..2_000),
            proposer: Address::repeat_byte(9),
            body: body_commitment(&transactions),
            ..BlockHeader::default()
        };
        Block {
            header,
            transactions,
        }
    }
}

type Flight = (
    Option<BlockAhead>,
    JoinHandle<Result<Arc<StoredBlock>, ChainError>>,
);

fn land(flight: Option<Flight>) -> Option<Result<Arc<StoredBlock>, ChainError>> {
    flight.map(|(_, flight)| flight.join().expect("finishing does not panic"))
}

/// Blocks, and where their transactions are, by both; and the places again, from the blocks alone.
fn compare(fold: &Chain, piped: &Chain) {
    assert_eq!(fold.head(), piped.head());
    assert_eq!(fold.store().root(), piped.store().root());
    assert_eq!(fold.stages(), piped.stages());
    let mut first: HashMap<B256, Position> = HashMap::new();
    for height in (0..=fold.head().height().0).map(Height) {
        let block = fold.block(height).expect("it is there");
        assert_eq!(block, piped.block(height).expect("it is there"));
        assert_eq!(
            piped.ledger().height_of(&block.hash).expect("readable"),
            Some(height)
        );
        for (step, bytes) in (1..).zip(&block.block.transactions) {
            first
                .entry(transaction_hash(bytes))
                .or_insert(Position { height, step });
        }
    }
    for chain in [fold, piped] {
        for (hash, position) in &first {
            let found = chain.ledger().locate(hash).expect("readable");
            assert_eq!(found.as_ref(), Some(position));
        }
    }
}

#[test]
fn blocks_in_the_pipeline_are_those_of_one_after_the_other() {
    let seed = std::env::var("PLASMA_SEED")
        .map_or_else(|_| rand::random(), |text| text.parse().expect("a number"));
    println!("PLASMA_SEED={seed}");
    let mut load = Load::new(seed);
    let (fold, piped) = (open(), Arc::new(open()));
    let genesis = fold.genesis_hash();
    let mut flight: Option<Flight> = None;
    let (mut undone, mut overlapped) = (0, 0);
    for _ in 0..400 {
        if load.random.random_range(0..12) == 0 {
            // Something is undone while a block is being committed.
            let done = fold.head().height().0 - u64::from(flight.is_some());
            let to = Height(load.random.random_range(done.saturating_sub(4)..=done));
            piped.rollback(to).expect("it is there");
            match land(flight.take()) {
                None | Some(Ok(_) | Err(ChainError::NotNext { .. })) => {}
                Some(Err(error)) => panic!("{error}"),
            }
            piped.rollback(to).expect("it is there");
            fold.rollback(to).expect("it is there");
            compare(&fold, &piped);
            undone += 1;
            continue;
        }
        if load.random.random_range(0..20) == 0 {
            piped.sync().expect("memory does not fail");
        }
        let block = load.block(&fold.head().block.header, genesis);
        let stored = fold.execute(block.clone(), None).expect("it follows");
        let ahead = flight.as_ref().and_then(|(ahead, _)| ahead.clone());
        let running = |(_, flight): &Flight| !flight.is_finished();
        overlapped += u32::from(flight.as_ref().is_some_and(running));
        let begun = piped
            .begin(block, None, ahead.as_ref())
            .expect("it follows");
        if let Some(landed) = land(flight.take()) {
            landed.expect("nothing was undone");
        }
        assert_eq!(piped.head().height().next(), stored.height());
        let (ahead, chain) = (begun.ahead(), piped.clone());
        flight = Some((ahead, thread::spawn(move || chain.finish(begun))));
        if load.random.random_range(0..3) == 0 {
            let landed = land(flight.take()).expect("one is on its way");
            assert_eq!(landed.expect("nothing was undone"), stored);
        }
    }
    if let Some(landed) = land(flight.take()) {
        landed.expect("nothing was undone");
    }
    compare(&fold, &piped);
    piped.sync().expect("memory does not fail");
    compare(&fold, &piped);
    println!("{undone} times undone, {overlapped} blocks begun while one was committed");
    assert!(undone > 10 && overlapped > 0);
}

#[test]
fn what_was_begun_before_something_was_undone_never_counts() {
    let mut load = Load::new(1);
    let chain = open();
    let genesis = chain.genesis_hash();
    let one = load.block(&chain.head().block.header, genesis);
    let two = load.block(&one.header, genesis);
    let three = load.block(&two.header, genesis);
    chain.execute(one.clone(), None).expect("it follows");
    let begun = chain.begin(two.clone(), None, None).expect("it follows");
    let next = chain.begin(three, None, begun.ahead().as_ref());
    let next = next.expect("it follows what is not finished");

    chain.rollback(Height(0)).expect("it is there");
    // The same block again makes the same head, and still nothing of before counts.
    chain.execute(one, None).expect("it follows");
    for stale in [begun, next] {
        assert!(matches!(
            chain.finish(stale),
            Err(ChainError::NotNext { .. })
        ));
    }
    assert_eq!(chain.head().height(), Height(1));

    // Out of order nothing counts either.
    let begun = chain.begin(two.clone(), None, None).expect("it follows");
    let again = chain.begin(two, None, None).expect("it follows");
    let stored = chain.finish(begun).expect("it follows");
    assert!(matches!(
        chain.finish(again),
        Err(ChainError::NotNext { .. })
    ));
    let known = chain.begin(stored.block.clone(), None, None);
    let known = known.expect("it is there already");
    assert!(known.ahead().is_none());
    assert_eq!(chain.finish(known).expect("it is there already"), stored);
}
