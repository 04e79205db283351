//! Accounts: XPL, and which nonces are used.

use alloy_primitives::{Address, U256};
use borsh::{
    BorshDeserialize, BorshSerialize,
    io::{self, Read, Write},
};
use plasma_core::{Map, State, StateKey, StateRead, decode};

use crate::ethereum::short;

/// Where accounts are. Keys that were added to them stand beside them, under `accounts/keys`; the account itself is the
/// same whoever signs for it.
pub(crate) const ACCOUNTS: Map<Address, Account> = Map::new("accounts");

/// How many nonces an account may have in use ahead of the lowest unused one, that one included.
pub const NONCE_WINDOW: u64 = 256;

/// The nonces that an account has used: all below `base`, and those above it whose bit is set.
///
/// ```text
///   used used used | base  base+1  base+2 ...  base+255
///                  |  0      1       0            0        bits of `ahead`
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NonceWindow {
    /// The lowest unused nonce.
    pub(crate) base: u64,
    /// Bit `i` says that `base + i` is used. Bit 0 is never set.
    ahead: U256,
}

/// Whether a nonce may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceState {
    Free,
    Used,
    Beyond { last: u64 },
}

impl NonceWindow {
    pub(crate) fn state(&self, nonce: u64) -> NonceState {
        // The highest number is never used (EIP-2681), so that `base` can stand after every used one.
        let last = self.base.saturating_add(NONCE_WINDOW - 1).min(u64::MAX - 1);
        match nonce.checked_sub(self.base) {
            None => NonceState::Used,
            Some(_) if nonce > last => NonceState::Beyond { last },
            Some(ahead) if self.ahead.bit(ahead as usize) => NonceState::Used,
            Some(_) => NonceState::Free,
        }
    }

    /// Marks a free nonce as used.
    pub(crate) fn take(&mut self, nonce: u64) {
        assert_eq!(
            self.state(nonce),
            NonceState::Free,
            "only a free nonce is taken"
        );
        self.ahead.set_bit((nonce - self.base) as usize, true);
        let done = self.ahead.trailing_ones();
        self.base += done as u64;
        self.ahead >>= done;
    }
}

/// What the chain keeps of an address. An account that never was is one of zeros, and has no entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// XPL, in wei.
    pub(crate) balance: U256,
    pub(crate) nonces: NonceWindow,
}

impl Account {
    pub(crate) fn load(state: &(impl StateRead + ?Sized), address: Address) -> Self {
        Self::load_at(state, &ACCOUNTS.key(&address))
    }

    /// For whoever keeps the key, to hash it once.
    pub(crate) fn load_at(state: &(impl StateRead + ?Sized), key: &StateKey) -> Self {
        state.get(key).map_or_else(Self::default, |bytes| {
            decode(&bytes, bytes.len()).expect("accounts hold what accounts wrote")
        })
    }

    pub(crate) fn store_at(&self, state: &mut (impl State + ?Sized), key: StateKey) {
        let kept = *self != Self::default();
        state.set(key, kept.then(|| short::encoded(self)));
    }
}

/// A number as its length and its bytes, lowest first, without the zeros above: most are short.
fn write_short<W: Write>(writer: &mut W, number: &[u8]) -> io::Result<()> {
    let length = number
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    writer.write_all(&[length as u8])?;
    writer.write_all(&number[..length])
}

fn read_short<R: Read>(reader: &mut R) -> io::Result<U256> {
    let length = u8::deserialize_reader(reader)?;
    let mut bytes = [0; 32];
    let used = bytes
        .get_mut(..usize::from(length))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a number over 32 bytes"))?;
    reader.read_exact(used)?;
    Ok(U256::from_le_bytes(bytes))
}

impl BorshSerialize for Account {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        let NonceWindow { base, ahead } = self.nonces;
        write_short(writer, &self.balance.to_le_bytes::<32>())?;
        write_short(writer, &base.to_le_bytes())?;
        write_short(writer, &ahead.to_le_bytes::<32>())
    }
}

impl BorshDeserialize for Account {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let balance = read_short(reader)?;
        let base = u64::try_from(read_short(reader)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a nonce over 64 bits"))?;
        let ahead = read_short(reader)?;
        Ok(Self {
            balance,
            nonces: NonceWindow { base, ahead },
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeSet, vec, vec::Vec};

    use proptest::prelude::*;

    use plasma_core::encode;

    use super::*;

    #[test]
    fn nonces_are_used_once_in_any_order_within_the_window() {
        let mut window = NonceWindow::default();
        for nonce in [1, 3, 255] {
            window.take(nonce);
            assert_eq!(window.state(nonce), NonceState::Used);
        }
        assert_eq!(window.state(256), NonceState::Beyond { last: 255 });
        let free = |nonce: &u64| window.state(*nonce) == NonceState::Free;
        let lowest: Vec<u64> = (0..).filter(free).take(3).collect();
        assert_eq!((window.base, lowest), (0, vec![0, 2, 4]));
        window.take(0);
        assert_eq!((window.base, window.state(0)), (2, NonceState::Used));
        window.take(2);
        assert_eq!((window.base, window.state(255)), (4, NonceState::Used));
        assert_eq!(window.state(256), NonceState::Free);
    }

    #[test]
    fn the_last_nonces_of_all_end_the_account() {
        let mut window = NonceWindow {
            base: u64::MAX - 2,
            ahead: U256::ZERO,
        };
        assert_eq!(
            window.state(u64::MAX),
            NonceState::Beyond { last: u64::MAX - 1 }
        );
        window.take(u64::MAX - 1);
        window.take(u64::MAX - 2);
        assert_eq!(window.base, u64::MAX);
        assert_eq!(
            window.state(u64::MAX),
            NonceState::Beyond { last: u64::MAX - 1 }
        );
    }

    #[test]
    fn a_full_window_slides_as_a_whole() {
        let mut window = NonceWindow::default();
        (1..256).for_each(|nonce| window.take(nonce));
        window.take(0);
        assert_eq!(
            window,
            NonceWindow {
                base: 256,
                ahead: U256::ZERO
            }
        );
    }

    #[test]
    fn the_encoding_of_an_account_is_golden() {
        let mut account = Account {
            balance: U256::from(0x0102),
            ..Account::default()
        };
        account.nonces.take(0);
        account.nonces.take(3);
        assert_eq!(encode(&account), [2, 2, 1, 1, 1, 1, 4]);
    }

    proptest! {
        #[test]
        fn the_window_is_a_set_of_used_nonces(picks in prop::collection::vec(0_u64..600, 0..400)) {
            let (mut window, mut used) = (NonceWindow::default(), BTreeSet::new());
            for nonce in picks {
                let free = window.state(nonce) == NonceState::Free;
                let lowest = (0..=600).find(|n| !used.contains(n)).expect("there is one");
                prop_assert_eq!(window.base, lowest);
                prop_assert_eq!(free, !used.contains(&nonce) && nonce < lowest + NONCE_WINDOW);
                if free {
                    window.take(nonce);
                    used.insert(nonce);
                }
            }
            let account = Account { balance: U256::MAX, nonces: window };
            let bytes = encode(&account);
            prop_assert_eq!(decode::<Account>(&bytes, bytes.len()), Ok(account));
        }
    }
}
