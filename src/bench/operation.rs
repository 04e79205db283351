//! What people do, before any backend has a word for it.

use clap::ValueEnum;
use serde::Serialize;

use super::{Model, World};

/// A kind of work, in the same words on every backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// XPL, from anybody to anybody.
    Transfers,
    /// A token, from anybody to anybody.
    Token,
    /// Swaps in pools whose product stays constant, each person in a pool of their own choice.
    Swaps,
    /// Limit orders around one price, half of which cross, and cancellations: one of six operations is one.
    Orderbook,
    /// XPL, from everybody to one account.
    HotKey,
    /// Of ten operations four transfers of XPL, three of a token, two swaps and one of an order book.
    Mixed,
}

impl Workload {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Transfers,
        Self::Token,
        Self::Swaps,
        Self::Orderbook,
        Self::HotKey,
        Self::Mixed,
    ];

    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::Token => "token",
            Self::Swaps => "swaps",
            Self::Orderbook => "orderbook",
            Self::HotKey => "hot-key",
            Self::Mixed => "mixed",
        }
    }

    /// Whether people need tokens before it.
    pub fn uses_tokens(self) -> bool {
        !matches!(self, Self::Transfers | Self::HotKey)
    }

    /// Whether it needs pools.
    pub fn uses_pools(self) -> bool {
        matches!(self, Self::Swaps | Self::Mixed)
    }

    /// Whether it needs order books.
    pub fn uses_books(self) -> bool {
        matches!(self, Self::Orderbook | Self::Mixed)
    }
}

/// Something that somebody does. People, pools and books are numbers in the [`World`]; amounts are in the smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Pays XPL.
    Transfer {
        /// Who pays.
        from: usize,
        /// Whom.
        to: usize,
        /// How much, in wei.
        amount: u64,
    },
    /// Pays with token 0.
    TokenTransfer {
        /// Who pays.
        from: usize,
        /// Whom.
        to: usize,
        /// How much.
        amount: u64,
    },
    /// Swaps one token for the other, at any price.
    Swap {
        /// Who swaps.
        by: usize,
        /// In which pool.
        pool: usize,
        /// Which token they give: 0 or 1.
        side: usize,
        /// How much of it.
        amount: u64,
    },
    /// Places a limit order: fills what crosses, lets the rest wait.
    PlaceOrder {
        /// Who places it.
        by: usize,
        /// In which book.
        book: usize,
        /// Whether they sell token 0 for token 1, or buy it.
        sell: bool,
        /// How much of token 1 for one of token 0.
        price: u8,
        /// How much of token 0.
        amount: u64,
    },
    /// Cancels an order that waits.
    CancelOrder {
        /// Whose it is.
        by: usize,
        /// In which book.
        book: usize,
        /// Its number: the side that sells is 0, and above the place of 64 bits are the price and the side.
        order: u128,
    },
}

impl Operation {
    /// Who does it: who signs for it.
    pub fn by(&self) -> usize {
        match self {
            Self::Transfer { from, .. } | Self::TokenTransfer { from, .. } => *from,
            Self::Swap { by, .. } | Self::PlaceOrder { by, .. } | Self::CancelOrder { by, .. } => {
                *by
            }
        }
    }

    /// What it is called.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Transfer { .. } => "a transfer of XPL",
            Self::TokenTransfer { .. } => "a transfer of a token",
            Self::Swap { .. } => "a swap",
            Self::PlaceOrder { .. } => "an order",
            Self::CancelOrder { .. } => "a cancellation",
        }
    }
}

/// Numbers that look random and are the same for the same seed, in every version (`SplitMix64`).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn amount(&mut self, most: usize) -> u64 {
        1 + self.below(most) as u64
    }
}

/// The price around which orders are placed, and how far they are from it at most.
const MIDDLE: usize = 128;
const SPREAD: usize = 8;

/// The operations of a workload, one after another, each done to the model when it is made: so nobody cancels what is
/// filled.
pub(super) fn operations(world: &World, seed: u64, count: usize) -> (Vec<Operation>, Model) {
    let mut random = Random::new(seed);
    let mut model = Model::new(world);
    let operations = (0..count).map(|_| {
        let operation = next(world, &model, &mut random);
        model.apply(&operation);
        operation
    });
    (operations.collect(), model)
}

fn next(world: &World, model: &Model, random: &mut Random) -> Operation {
    let people = world.people();
    let kind = match world.workload() {
        Workload::Mixed => match random.below(10) {
            0..4 => Workload::Transfers,
            4..7 => Workload::Token,
            7..9 => Workload::Swaps,
            _ => Workload::Orderbook,
        },
        kind => kind,
    };
    let by = random.below(people);
    match kind {
        Workload::HotKey => Operation::Transfer {
            // Somebody else than the one whom everybody pays.
            from: 1 + random.below(people - 1),
            to: 0,
            amount: random.amount(1_000),
        },
        Workload::Token => Operation::TokenTransfer {
            from: by,
            to: random.below(people),
            amount: random.amount(1_000),
        },
        Workload::Swaps => Operation::Swap {
            by,
            pool: world.pool_of(by),
            side: random.below(2),
            amount: random.amount(1_000_000),
        },
        Workload::Orderbook => {
            let book = world.book_of(by);
            if random.below(6) == 0
                && let Some(order) = model.an_order_of(book, by)
            {
                return Operation::CancelOrder { by, book, order };
            }
            Operation::PlaceOrder {
                by,
                book,
                sell: random.below(2) == 0,
                price: (MIDDLE - SPREAD + random.below(2 * SPREAD + 1)) as u8,
                amount: random.amount(100),
            }
        }
        Workload::Transfers | Workload::Mixed => Operation::Transfer {
            from: by,
            to: random.below(people),
            amount: random.amount(1_000),
        },
    }
}
