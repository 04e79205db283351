//! The order of one account's transactions.

use std::collections::BTreeMap;

use super::fees::Fees;

/// Which nonces are taken. Shared by all clones of an account, and locked while one is being taken.
///
/// ```text
///   mined | abandoned (to be replaced) | in flight | next
/// ```
/// The node's own count is asked again whenever nothing is in flight, so that a lost transaction, a
/// reorganised root or another program with the same key are noticed.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    next: u64,
    in_flight: u64,
    /// Given up, but maybe still in somebody's pool: the next transaction takes the place with a
    /// higher offer, so that only one of the two can ever happen.
    abandoned: BTreeMap<u64, Fees>,
}

impl Nonces {
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// The first nonce to use, and what it must outbid. `mined` and `pending` are the node's
    /// counts.
    pub(super) fn take(&mut self, mined: u64, pending: u64) -> (u64, Option<Fees>) {
        self.abandoned = self.abandoned.split_off(&mined);
        self.in_flight += 1;
        if let Some((nonce, fees)) = self.abandoned.pop_first() {
            return (nonce, Some(fees));
        }
        let known = if self.in_flight == 1 { 0 } else { self.next };
        let nonce = known.max(pending);
        self.next = nonce + 1;
        (nonce, None)
    }

    /// The transaction is in a block.
    pub(super) fn done(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The node never took it: the nonce is free.
    pub(super) fn refused(&mut self, nonce: u64) {
        self.done();
        if self.next == nonce + 1 {
            self.next = nonce;
        }
    }

    /// Nobody waits for it any more, but it may still happen.
    pub(super) fn abandon(&mut self, nonce: u64, fees: Fees) {
        self.done();
        self.abandoned.insert(nonce, fees);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEES: Fees = Fees {
        max_fee: 10,
        priority: 1,
    };

    #[test]
    fn nonces_follow_each_other_and_the_node() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(5, 5), (5, None));
        assert_eq!(
            nonces.take(5, 5),
            (6, None),
            "the node may not know of the first one yet"
        );
        assert_eq!(nonces.take(5, 9), (9, None), "another program used the key");
        (0..3).for_each(|_| nonces.done());
        assert_eq!(nonces.take(7, 7), (7, None), "the root reorganised");
    }

    #[test]
    fn a_refused_nonce_is_used_again() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(0, 0), (0, None));
        assert_eq!(nonces.take(0, 0), (1, None));
        nonces.refused(1);
        assert_eq!(nonces.take(0, 0), (1, None));
    }

    #[test]
    fn an_abandoned_transaction_is_outbid_unless_it_was_mined() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(0, 0), (0, None));
        nonces.abandon(0, FEES);
        assert_eq!(nonces.take(0, 1), (0, Some(FEES)));
        nonces.abandon(0, FEES);
        assert_eq!(nonces.take(1, 1), (1, None));
    }
}
