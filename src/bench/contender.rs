//! Who takes part in the bench.

use plasma_core::{Bytes, Execution, Query};
use plasma_exec::Parallelism;

use super::{Nonces, Operation, World};

/// An execution, and how it says what people do.
///
/// Contract. Everything follows from the arguments: the same world gives the same genesis, the same set-up and the same
/// transactions. An operation that is encoded does all that [`Operation`] says, and nothing is done ahead of it in
/// [`set_up`](Self::set_up). What is not supported is `None`, and shows as such.
pub trait Contender: Send + Sync {
    /// What the table calls it.
    fn name(&self) -> &str;

    /// An execution that has seen nothing, spread over threads as `parallelism` says, if it can be.
    fn execution(&self, parallelism: Parallelism) -> Box<dyn Execution>;

    /// The genesis configuration, in which everybody has [`FUNDS`](super::FUNDS).
    fn genesis(&self, world: &World) -> Vec<u8>;

    /// Blocks of transactions that make the world as the workload needs it: contracts, tokens, pools, books.
    fn set_up(&self, world: &World, nonces: &mut Nonces) -> Vec<Vec<Bytes>> {
        let _ = (world, nonces);
        Vec::new()
    }

    /// An operation as a transaction that [who does it](Operation::by) signed; `None` for what this execution cannot do.
    fn encode(&self, world: &World, operation: &Operation, nonce: u64) -> Option<Bytes>;

    /// The query whose reply, or the last word of it, answers; `None` for what cannot be asked, which is not checked then.
    fn ask(&self, world: &World, fact: &Fact) -> Option<Query> {
        let _ = (world, fact);
        None
    }
}

/// Something that must be the same on every backend. (So must XPL, which every [`Execution`] can be asked about.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// How much of a token somebody has outside of order books.
    Tokens {
        /// Who.
        person: usize,
        /// 0 or 1.
        token: usize,
    },
    /// What is in a pool.
    Reserve {
        /// The pool.
        pool: usize,
        /// Of token 0 or 1.
        side: usize,
    },
    /// What somebody has in an order book and no order locks.
    Free {
        /// The book.
        book: usize,
        /// Who.
        person: usize,
        /// Of token 0 or 1.
        token: usize,
    },
    /// The best price at which orders wait; 0 for none.
    Best {
        /// The book.
        book: usize,
        /// Of those who sell, or who buy.
        sell: bool,
    },
    /// How many orders wait at a price.
    Waiting {
        /// The book.
        book: usize,
        /// Of those who sell, or who buy.
        sell: bool,
        /// The price.
        price: u8,
    },
    /// What is left of an order.
    Order {
        /// The book.
        book: usize,
        /// Its number.
        order: u128,
    },
}
