//! A trace that follows another one up to a leaf and then goes its own way.

use std::sync::Arc;

use plasma_core::{B256, Trace, TraceError, keccak256};

/// A trace whose leaves are another one's below `at`, and its own from there on; the last is repeated.
pub(super) struct Splice {
    base: Arc<dyn Trace>,
    at: u64,
    tail: Vec<B256>,
    /// The subtree of each height over the last leaf alone.
    padding: Vec<B256>,
}

impl Splice {
    /// `None` without a leaf of its own.
    pub(super) fn new(base: Arc<dyn Trace>, at: u64, tail: Vec<B256>) -> Option<Self> {
        let mut padding = vec![*tail.last()?];
        for height in 0..usize::from(base.height()) {
            padding.push(node(padding[height], padding[height]));
        }
        Some(Self {
            base,
            at,
            tail,
            padding,
        })
    }
}

impl Trace for Splice {
    fn height(&self) -> u8 {
        self.base.height()
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        let first = index << height;
        let end = first + (1 << height);
        if end <= self.at || height > self.height() {
            return self.base.node(height, index);
        }
        if first >= self.at + self.tail.len() as u64 {
            return Ok(self.padding[usize::from(height)]);
        }
        if height == 0 {
            // Between the splice and the end of the tail.
            return Ok(self.tail[(first - self.at) as usize]);
        }
        Ok(node(
            self.node(height - 1, 2 * index)?,
            self.node(height - 1, 2 * index + 1)?,
        ))
    }
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([left.0, right.0].concat())
}

#[cfg(test)]
mod tests {
    use plasma_core::DenseTrace;

    use super::*;

    fn leaf(n: u64) -> B256 {
        keccak256(n.to_be_bytes())
    }

    #[test]
    fn a_splice_is_the_tree_over_its_leaves() {
        for (honest, at, tail) in [
            (5, 0, 1),
            (5, 3, 1),
            (8, 7, 1),
            (5, 4, 4),
            (2, 6, 2),
            (1, 1, 3),
        ] {
            let base: Vec<B256> = (0..honest).map(leaf).collect();
            let own: Vec<B256> = (100..100 + tail).map(leaf).collect();
            let honest = DenseTrace::new(3, base.clone()).expect("fits");
            let spliced = Splice::new(Arc::new(honest), at, own.clone()).expect("not empty");
            let leaves: Vec<B256> = (0..at)
                .map(|n| base[n.min(base.len() as u64 - 1) as usize])
                .chain(own)
                .collect();
            let plain = DenseTrace::new(3, leaves).expect("fits");
            for height in 0..=3 {
                for index in 0..8 >> height {
                    assert_eq!(
                        spliced.node(height, index),
                        plain.node(height, index),
                        "node {index} at height {height}"
                    );
                }
            }
        }
    }
}
