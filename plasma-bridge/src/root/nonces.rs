//! The order of one account's transactions.

use std::collections::{BTreeMap, BTreeSet};

use super::fees::Fees;

/// Which nonces are taken. Shared by all clones of an account, and locked while one is being taken.
///
/// ```text
///   mined | abandoned (to be replaced) | in flight | next
/// ```
/// The node's own count is asked again whenever nothing is in flight, so that a lost transaction, a
/// reorganised root or another program with the same key are noticed. A root that is set back while
/// something is in flight leaves a hole before it, which nothing in flight fills: whatever waits
/// behind it is given up, and the next transaction goes into the hole.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    next: u64,
    in_flight: BTreeSet<u64>,
    /// Given up, but maybe still in somebody's pool: the next transaction takes the place with a
    /// higher offer, so that only one of the two can ever happen.
    abandoned: BTreeMap<u64, Fees>,
}

impl Nonces {
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// The first nonce to use, and what it must outbid. `mined` and `pending` are the node's
    /// counts.
    pub(super) fn take(&mut self, mined: u64, pending: u64) -> (u64, Option<Fees>) {
        self.abandoned = self.abandoned.split_off(&mined);
        let behind_a_hole = |(nonce, _): (&u64, &Fees)| *nonce > pending;
        let set_back = self.abandoned.last_key_value().is_some_and(behind_a_hole);
        let known = if self.is_idle() || set_back {
            0
        } else {
            self.next
        };
        let mut free = known.max(pending);
        while self.in_flight.contains(&free) {
            free += 1;
        }
        let first = self.abandoned.first_entry();
        if let Some(abandoned) = first.filter(|abandoned| *abandoned.key() <= free) {
            let (nonce, fees) = abandoned.remove_entry();
            self.in_flight.insert(nonce);
            return (nonce, Some(fees));
        }
        self.in_flight.insert(free);
        self.next = free + 1;
        (free, None)
    }

    /// Whether every nonce from the node's pool up to this one is under way, so that it will be its
    /// turn.
    pub(super) fn reaches(&self, pending: u64, nonce: u64) -> bool {
        (pending..nonce).all(|before| self.in_flight.contains(&before))
    }

    /// The transaction is in a block.
    pub(super) fn done(&mut self, nonce: u64) {
        self.in_flight.remove(&nonce);
    }

    /// The node never took it: the nonce is free.
    pub(super) fn refused(&mut self, nonce: u64) {
        self.done(nonce);
        if self.next == nonce + 1 {
            self.next = nonce;
        }
    }

    /// Nobody waits for it any more, but it may still happen.
    pub(super) fn abandon(&mut self, nonce: u64, fees: Fees) {
        self.done(nonce);
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
        for nonce in [5, 6, 9] {
            nonces.done(nonce);
        }
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

    #[test]
    fn a_hole_that_the_root_left_is_filled_before_what_waits_behind_it() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(6, 6), (6, None));
        assert_eq!(nonces.take(6, 7), (7, None));
        assert!(nonces.reaches(6, 7), "6 will be mined");
        // The root is set back to 5: neither can be mined before another one is.
        assert!(!nonces.reaches(5, 6) && !nonces.reaches(5, 7));
        nonces.abandon(6, FEES);
        assert_eq!(nonces.take(5, 5), (5, None), "7 is still under way");
        nonces.done(5);
        nonces.abandon(7, FEES);
        // Where the node forgot what was behind the hole.
        assert_eq!(nonces.take(6, 6), (6, Some(FEES)));
        assert_eq!(nonces.take(6, 6), (7, Some(FEES)));
        // Where it did not.
        nonces.abandon(6, FEES);
        nonces.abandon(7, FEES);
        assert_eq!(nonces.take(8, 8), (8, None));
    }
}
