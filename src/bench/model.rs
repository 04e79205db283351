//! What must come of the operations, computed plainly.

use std::collections::{BTreeMap, VecDeque};

use plasma_core::U256;

use super::{
    Fact, Operation, World,
    world::{DEPOSIT, RESERVE, TOKENS},
};

/// The most orders that one order meets, as in the contracts.
const MOST_STEPS: u32 = 8;
const ENOUGH: &str = "people begin with more than all operations together take";

/// The logical state: who has what, what is in the pools, which orders wait.
///
/// It shares nothing with the backends, and is what they are held against.
#[derive(Clone, Debug)]
pub struct Model {
    /// XPL received and paid, by person.
    xpl: Vec<(u128, u128)>,
    tokens: Vec<[u128; 2]>,
    pools: Vec<[u128; 2]>,
    books: Vec<Book>,
}

#[derive(Clone, Debug, Default)]
struct Book {
    free: BTreeMap<usize, [u128; 2]>,
    /// Those who sell by price, and those who buy.
    sides: [BTreeMap<u8, Level>; 2],
}

/// The orders at a price, those that were cancelled with nothing in them.
#[derive(Clone, Debug, Default)]
struct Level {
    end: u64,
    queue: VecDeque<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    place: u64,
    owner: usize,
    amount: u64,
}

impl Level {
    fn waiting(&self) -> usize {
        self.queue.iter().filter(|order| order.amount > 0).count()
    }

    /// Without an order that waits there is no queue.
    fn tidy(&mut self) {
        if self.waiting() == 0 {
            self.queue.clear();
        }
    }
}

fn number(side: usize, price: u8, place: u64) -> u128 {
    (side as u128) << 72 | u128::from(price) << 64 | u128::from(place)
}

fn less(from: &mut u128, amount: u128) {
    *from = from.checked_sub(amount).expect(ENOUGH);
}

impl Model {
    /// Where everybody begins.
    pub fn new(world: &World) -> Self {
        let workload = world.workload();
        let pools = if workload.uses_pools() {
            world.pools()
        } else {
            0
        };
        let books = if workload.uses_books() {
            world.books()
        } else {
            0
        };
        let holders = if workload.uses_tokens() {
            world.people()
        } else {
            0
        };
        let mut tokens = vec![[TOKENS; 2]; holders];
        let mut all_books = vec![Book::default(); books];
        for (person, held) in tokens.iter_mut().enumerate() {
            if books > 0 {
                for held in held.iter_mut() {
                    less(held, DEPOSIT);
                }
                all_books[world.book_of(person)]
                    .free
                    .insert(person, [DEPOSIT; 2]);
            }
        }
        Self {
            xpl: vec![(0, 0); world.people()],
            tokens,
            pools: vec![[RESERVE; 2]; pools],
            books: all_books,
        }
    }

    /// Does an operation.
    pub fn apply(&mut self, operation: &Operation) {
        match *operation {
            Operation::Transfer { from, to, amount } => {
                self.xpl[from].1 += u128::from(amount);
                self.xpl[to].0 += u128::from(amount);
            }
            Operation::TokenTransfer { from, to, amount } => {
                less(&mut self.tokens[from][0], amount.into());
                self.tokens[to][0] += u128::from(amount);
            }
            Operation::Swap {
                by,
                pool,
                side,
                amount,
            } => {
                let (amount, reserves) = (u128::from(amount), &mut self.pools[pool]);
                let paid = U256::from(amount) * U256::from(997);
                let bought = U256::from(reserves[1 - side]) * paid
                    / (U256::from(reserves[side]) * U256::from(1_000) + paid);
                let bought = bought.to::<u128>();
                less(&mut self.tokens[by][side], amount);
                reserves[side] += amount;
                less(&mut reserves[1 - side], bought);
                self.tokens[by][1 - side] += bought;
            }
            Operation::PlaceOrder {
                by,
                book,
                sell,
                price,
                amount,
            } => self.books[book].place(by, sell, price, amount),
            Operation::CancelOrder { by, book, order } => self.books[book].cancel(by, order),
        }
    }

    /// An order of somebody that waits in a book.
    pub(super) fn an_order_of(&self, book: usize, person: usize) -> Option<u128> {
        let mut orders = self.books[book].orders();
        orders.find_map(|(number, order)| (order.owner == person).then_some(number))
    }

    /// XPL that somebody received, and what they paid, in wei and without fees.
    pub(super) fn xpl_of(&self, person: usize) -> (u128, u128) {
        self.xpl[person]
    }

    /// All that can be asked about, with its answer.
    pub fn facts(&self) -> Vec<(Fact, u128)> {
        let mut facts = Vec::new();
        for (person, held) in self.tokens.iter().enumerate() {
            facts.extend([0, 1].map(|token| (Fact::Tokens { person, token }, held[token])));
        }
        for (pool, reserves) in self.pools.iter().enumerate() {
            facts.extend([0, 1].map(|side| (Fact::Reserve { pool, side }, reserves[side])));
        }
        for (book, state) in self.books.iter().enumerate() {
            for (person, held) in &state.free {
                let person = *person;
                let free = |token| {
                    (
                        Fact::Free {
                            book,
                            person,
                            token,
                        },
                        held[token],
                    )
                };
                facts.extend([0, 1].map(free));
            }
            for sell in [true, false] {
                facts.push((
                    Fact::Best { book, sell },
                    state.best(sell).unwrap_or(0).into(),
                ));
                for (price, level) in &state.sides[usize::from(!sell)] {
                    let price = *price;
                    let waiting = level.waiting() as u128;
                    facts.push((Fact::Waiting { book, sell, price }, waiting));
                }
            }
            for (order, waiting) in state.orders() {
                facts.push((Fact::Order { book, order }, waiting.amount.into()));
            }
        }
        facts
    }
}

impl Book {
    /// Those that wait.
    fn orders(&self) -> impl Iterator<Item = (u128, &Waiting)> {
        let sides = self.sides.iter().enumerate();
        let levels = sides.flat_map(|(side, levels)| {
            levels
                .iter()
                .map(move |(price, level)| (side, *price, level))
        });
        levels.flat_map(|(side, price, level)| {
            let live = level.queue.iter().filter(|order| order.amount > 0);
            live.map(move |order| (number(side, price, order.place), order))
        })
    }

    fn best(&self, sell: bool) -> Option<u8> {
        let mut prices = self.sides[usize::from(!sell)]
            .iter()
            .filter(|(_, level)| level.waiting() > 0)
            .map(|(price, _)| *price);
        if sell {
            prices.next()
        } else {
            prices.next_back()
        }
    }

    fn holder(&mut self, person: usize) -> &mut [u128; 2] {
        self.free.entry(person).or_default()
    }

    fn place(&mut self, by: usize, sell: bool, price: u8, amount: u64) {
        let (side, other) = (usize::from(!sell), usize::from(sell));
        let mut left = amount;
        let mut steps = 0;
        while left > 0 {
            let best = self.best(!sell);
            let Some(at) = best.filter(|at| if sell { *at >= price } else { *at <= price }) else {
                break;
            };
            if steps == MOST_STEPS {
                return;
            }
            steps += 1;
            let level = self.sides[other].entry(at).or_default();
            let Some(first) = level.queue.front_mut() else {
                return;
            };
            let fill = first.amount.min(left);
            let owner = first.owner;
            first.amount -= fill;
            left -= fill;
            if first.amount == 0 {
                level.queue.pop_front();
            }
            level.tidy();
            let (fill, cost) = (u128::from(fill), u128::from(fill) * u128::from(at));
            let (gives, gets) = if sell { (fill, cost) } else { (cost, fill) };
            less(&mut self.holder(by)[side], gives);
            self.holder(by)[other] += gets;
            self.holder(owner)[side] += gives;
        }
        if left == 0 {
            return;
        }
        let locked = if sell { 1 } else { u128::from(price) } * u128::from(left);
        less(&mut self.holder(by)[side], locked);
        let level = self.sides[side].entry(price).or_default();
        level.queue.push_back(Waiting {
            place: level.end,
            owner: by,
            amount: left,
        });
        level.end += 1;
    }

    fn cancel(&mut self, by: usize, order: u128) {
        let (side, price) = ((order >> 72) as usize, (order >> 64) as u8);
        let Some(level) = self.sides[side].get_mut(&price) else {
            return;
        };
        let mut queue = level.queue.iter_mut();
        let Some(waiting) = queue.find(|waiting| waiting.place == order as u64) else {
            return;
        };
        let amount = std::mem::take(&mut waiting.amount);
        level.tidy();
        let unit = if side == 0 { 1 } else { u128::from(price) };
        self.holder(by)[side] += unit * u128::from(amount);
    }
}
