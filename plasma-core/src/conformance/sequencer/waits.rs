//! The suite's part about what waits: who is taken in, who is refused, and how much.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Suite, TOY_BALANCE, TOY_BLOCK_GAS, TOY_POOL_BYTES, TOY_SENDER_BYTES, ToyTransaction,
    sequential, windowed,
};
use crate::{
    Bytes, MAX_TRANSACTION_BYTES, Rejection, Severe as _, Severity, SubmitError, U256,
    transaction_hash,
};

/// A transaction that waits: nothing comes before its nonce.
fn gapped(sender: u32) -> ToyTransaction {
    ToyTransaction::new(sequential(sender), 5)
}

impl Suite<'_> {
    pub(super) async fn refusals_say_why(&self, medium: u32) {
        let mut node = self.grown(medium).await;
        let sender = sequential(2);

        let long = Bytes::from(alloc::vec![0; MAX_TRANSACTION_BYTES + 1]);
        let refused = node.sequencer.submit(long).await;
        let (length, limit) = (MAX_TRANSACTION_BYTES + 1, MAX_TRANSACTION_BYTES);
        assert_eq!(refused, Err(Rejection::TooLarge { length, limit }.into()));

        let refused = node
            .sequencer
            .submit(Bytes::from_static(b"not a transaction"))
            .await;
        assert!(
            matches!(refused, Err(SubmitError::Rejected(Rejection::Malformed(_)))),
            "{refused:?}"
        );

        // What the gate says comes through as it is.
        let used = node
            .submit(&ToyTransaction::new(sequential(1), 0).paying(99))
            .await;
        let low = Rejection::NonceTooLow {
            sender: sequential(1),
            next: 6,
            got: 0,
        };
        assert_eq!(used, Err(low.into()));

        let greedy = ToyTransaction {
            gas: TOY_BLOCK_GAS.0 + 1,
            ..gapped(2)
        };
        let refused = node.submit(&greedy).await;
        assert!(
            matches!(
                refused,
                Err(SubmitError::Rejected(Rejection::GasLimit { .. }))
            ),
            "{refused:?}"
        );

        let late = ToyTransaction {
            expires_at: Some(0),
            ..gapped(2)
        };
        let refused = node.submit(&late).await;
        assert!(
            matches!(
                refused,
                Err(SubmitError::Rejected(Rejection::Expired { .. }))
            ),
            "{refused:?}"
        );

        let first = gapped(2).paying(1_000);
        let (bytes, _) = node.send(&first).await;
        let again = node.submit(&first).await;
        assert_eq!(
            again,
            Err(SubmitError::AlreadyKnown(transaction_hash(&bytes)))
        );
        assert_eq!(
            again.map_err(|error| error.severity()),
            Err(Severity::Fatal)
        );

        let cheap = node.submit(&gapped(2).paying(1_099)).await;
        assert_eq!(
            cheap,
            Err(SubmitError::Underpriced {
                offered: 1_099,
                needed: 1_100
            })
        );
        let half = ToyTransaction {
            max_fee: 5_000,
            priority: 1_000,
            ..gapped(2)
        };
        let half = node.submit(&half).await;
        assert_eq!(
            half,
            Err(SubmitError::Underpriced {
                offered: 1_000,
                needed: 1_100
            })
        );
        let (better, _) = node.send(&gapped(2).paying(1_100)).await;
        assert_eq!(
            node.sequencer.pending_by_hash(&transaction_hash(&bytes)),
            None,
            "replaced"
        );
        assert_eq!(node.sequencer.pending(10), core::slice::from_ref(&better));

        // Each alone can be paid for; both together cannot.
        let rest = TOY_BALANCE - 1;
        let dear = ToyTransaction {
            nonce: 6,
            cost: rest + 1,
            ..gapped(2)
        };
        let (balance, needed) = (U256::from(TOY_BALANCE), U256::from(rest + 2));
        assert_eq!(
            node.submit(&dear).await,
            Err(Rejection::Funds {
                sender,
                balance,
                needed
            }
            .into())
        );

        // Once the gap is closed, what waited is included, replaced ones are not.
        let mut sent = Vec::new();
        for nonce in 0..5 {
            sent.push(node.send(&ToyTransaction::new(sender, nonce)).await);
        }
        while node.included(&better).is_empty() {
            node.follow().await;
        }
        assert!(
            node.included(&bytes).is_empty(),
            "a replaced transaction was included"
        );
        node.follow_until(&sent).await;
    }

    pub(super) async fn what_waits_is_known(&self, medium: u32) {
        let node = self.grown(medium).await;
        let account = sequential(3);
        assert_eq!(node.sequencer.pending_nonce(&account), None);
        assert_eq!(node.sequencer.pending(10), Vec::<Bytes>::new());
        let mut sent = Vec::new();
        for (sender, fee) in [(3, 20), (4, 40), (5, 30)] {
            sent.push(node.send(&gapped(sender).paying(fee)).await.0);
        }
        assert_eq!(
            node.sequencer.pending(10),
            [sent[1].clone(), sent[2].clone(), sent[0].clone()]
        );
        assert_eq!(node.sequencer.pending(1), [sent[1].clone()]);
        let now = node.env.now();
        assert_eq!(
            node.sequencer.ready(usize::MAX, now),
            Vec::<Bytes>::new(),
            "what is behind a gap is not ready"
        );
        let hash = transaction_hash(&sent[0]);
        assert_eq!(node.sequencer.pending_by_hash(&hash), Some(sent[0].clone()));
        assert_eq!(
            node.sequencer.pending_nonce(&account),
            Some(0),
            "the gap is to be filled first"
        );
        for nonce in 0..5 {
            node.send(&ToyTransaction::new(account, nonce)).await;
        }
        assert_eq!(node.sequencer.pending_nonce(&account), Some(6));
    }

    pub(super) async fn floods_are_bounded(&self, medium: u32) {
        let mut node = self.open(medium);
        let padding = alloc::vec![7; 10_000];
        let flood = |sender, nonce, fee| {
            ToyTransaction {
                nonce,
                padding: padding.clone(),
                ..gapped(sender)
            }
            .paying(fee)
        };
        let mut taken = 0;
        let refused = loop {
            match node.submit(&flood(1, 5 + taken, 10)).await {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
            assert!(taken < 1_000, "one sender has no limit");
        };
        assert!(
            matches!(
                refused,
                SubmitError::SenderFull {
                    limit: TOY_SENDER_BYTES,
                    ..
                }
            ),
            "{refused}"
        );
        assert_eq!(refused.severity(), Severity::Transient);

        let mut sender = 2;
        let refused = loop {
            match node.submit(&flood(sender, 5, 10)).await {
                Ok(_) => sender += 1,
                Err(error) => break error,
            }
            assert!(sender < 10_000, "the pool has no limit");
        };
        assert_eq!(
            refused,
            SubmitError::PoolFull {
                offered: 10,
                limit: TOY_POOL_BYTES
            }
        );
        // Who pays more gets in, and the bound holds.
        for better in 0..50 {
            node.send(&flood(20_000 + better, 5, 11)).await;
        }
        let waiting: usize = node
            .sequencer
            .pending(usize::MAX)
            .iter()
            .map(|bytes| bytes.len())
            .sum();
        assert!(waiting <= TOY_POOL_BYTES, "{waiting} bytes wait");
        // What can be executed comes before what pays and cannot.
        let sent = [node
            .send(&ToyTransaction::new(windowed(9), 0).paying(1))
            .await];
        node.follow_until(&sent).await;
    }

    pub(super) async fn what_becomes_unpayable_is_dropped(&self, medium: u32) {
        let mut node = self.open(medium);
        let waiting = ToyTransaction {
            cost: TOY_BALANCE / 2,
            ..gapped(1)
        };
        let (bytes, _) = node.send(&waiting).await;
        node.ledger.take(sequential(1), TOY_BALANCE);
        // Some block has to be executed for a sequencer to look again.
        let sent = [node.send(&ToyTransaction::new(windowed(1), 0)).await];
        node.follow_until(&sent).await;
        for _ in 0..100 {
            if node
                .sequencer
                .pending_by_hash(&transaction_hash(&bytes))
                .is_none()
            {
                return;
            }
            node.env.sleep(Duration::from_millis(20)).await;
        }
        panic!("what its sender can no more pay for still waits");
    }
}
