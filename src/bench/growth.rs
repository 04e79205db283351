//! What blocks add to the state.

use plasma_core::{Changes, StateRead};

/// Bytes of a key.
const KEY_BYTES: i64 = 32;

/// What was written, and what the state is larger by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Growth {
    /// Keys that the blocks wrote, each once in a block.
    pub(super) written: u64,
    /// Keys that are there more.
    pub(super) keys: i64,
    /// Bytes that are there more, of keys and values.
    pub(super) bytes: i64,
}

impl Growth {
    /// Takes in a block's writes, over the state before it.
    pub(super) fn add(&mut self, base: &dyn StateRead, changes: &Changes) {
        for (key, value) in changes {
            // A value has at most a few KiB.
            let size =
                |length: usize| KEY_BYTES + i64::try_from(length).unwrap_or(i64::MAX - KEY_BYTES);
            let before = base.get(key).map(|value| size(value.len()));
            let after = value.as_ref().map(|value| size(value.len()));
            self.written += 1;
            self.keys += i64::from(after.is_some()) - i64::from(before.is_some());
            self.bytes += after.unwrap_or(0) - before.unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use plasma_core::{B256, Bytes, MemoryState};

    use super::*;

    #[test]
    fn what_is_new_longer_shorter_and_gone_counts() {
        let key = B256::repeat_byte;
        let value = |length: usize| Some(Bytes::from(vec![7; length]));
        let mut base = MemoryState::default();
        base.apply(&Changes::from([
            (key(1), value(10)),
            (key(2), value(20)),
            (key(3), value(5)),
        ]));
        let mut growth = Growth::default();
        let changes = [
            (key(1), value(12)),
            (key(2), None),
            (key(3), value(1)),
            (key(4), value(3)),
            (key(5), None),
        ];
        growth.add(&base, &Changes::from(changes));
        let expected = Growth {
            written: 5,
            keys: 0,
            bytes: 2 - 52 - 4 + 35,
        };
        assert_eq!(growth, expected);
    }
}
