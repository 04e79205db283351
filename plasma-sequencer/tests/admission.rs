//! A transaction that is admitted while a block is executed waits for nothing that has happened already.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, executor::block_on};
use plasma_core::{
    Address, Admission, B256, BlockHeader, Bytes, ChainId, ChainUpdate, Gas, Gate, Height,
    NonceRule, Rejection, Sequencer as _, Signer, TokioEnv, U256, transaction_hash,
};
use plasma_sequencer::{MemoryJournal, SoloConfig, SoloSequencer};

const CHAIN: ChainId = ChainId(7);

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
        Ok(Admission {
            hash: transaction_hash(transaction),
            sender: Address::repeat_byte(1),
            nonce,
            nonce_rule: NonceRule::Sequential { next },
            gas_limit: Gas(1),
            max_fee_per_gas: 1,
            priority_fee_per_gas: 1,
            max_cost: U256::ONE,
            balance: U256::from(100),
            expires_at: None,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_admitted_while_a_block_is_executed_is_in_the_next_one() {
    let door = Arc::new(Door::default());
    let genesis = BlockHeader {
        chain_id: CHAIN,
        ..BlockHeader::default()
    };
    let sequencer = SoloSequencer::start(
        SoloConfig::new(CHAIN, genesis),
        Signer::from_bytes(&B256::repeat_byte(1)).expect("a key"),
        Arc::new(TokioEnv),
        door.clone(),
        Box::new(MemoryJournal::new()),
    );
    let sequencer = Arc::new(sequencer.expect("it starts"));
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
