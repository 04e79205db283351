//! What every implementation of [`TraceProvider`] keeps to.
//!
//! ```
//! # use plasma_core::{ClaimRange, TraceProvider};
//! fn my_provider_conforms(provider: &dyn TraceProvider, range: &ClaimRange) {
//!     plasma_core::conformance::traces::check(provider, range, &[24, 14, 14], 3);
//! }
//! ```

use crate::{
    B256, ClaimRange, DisputeTerms, InnerTrace, OuterTrace, Stretch, Trace, TraceError,
    TraceProvider, keccak256,
};

/// Where a packed machine state has its committed output.
const OUTPUT: usize = 346;

/// Checks the outer trace of a claim and the machine's run over one of its segments. `heights` are the levels'.
/// Panics with what is wrong.
pub fn check(provider: &dyn TraceProvider, range: &ClaimRange, heights: &[u8], segment: u64) {
    let terms = DisputeTerms {
        heights: heights.to_vec(),
    };
    assert!(
        provider
            .derived()
            .is_ok_and(|derived| derived >= range.entries),
        "the range is derived"
    );
    let outer = provider.outer(range).expect("the range is derived");
    check_tree(&*outer, heights[0], segment);
    check_outer(&*outer, range, segment);
    let leaf = outer.node(0, segment).expect("the segment is there");
    check_levels(provider, range, &terms, segment, leaf);
    let beyond = ClaimRange {
        entries: u64::MAX,
        ..*range
    };
    assert!(
        matches!(provider.outer(&beyond), Err(TraceError::Behind { .. })),
        "a claim about entries that are not derived is waited for"
    );
    let elsewhere = ClaimRange {
        settled: keccak256(range.settled),
        ..*range
    };
    assert!(
        matches!(provider.outer(&elsewhere), Err(TraceError::Diverged { .. })),
        "a claim from another state than is derived is an alarm"
    );
}

fn check_outer(outer: &dyn OuterTrace, range: &ClaimRange, segment: u64) {
    let settled = outer.settled().expect("it is derived");
    assert_eq!(
        settled.hash(),
        range.settled,
        "the trace starts from what is settled"
    );
    assert_eq!(
        settled.entry, range.from,
        "the settled checkpoint stands before the first entry"
    );
    let last = last_leaf(outer);
    for index in [0, segment, last] {
        let checkpoint = outer.checkpoint(index).expect("it is there");
        let leaf = outer.node(0, index);
        assert_eq!(
            Ok(checkpoint.hash()),
            leaf,
            "leaf {index} is its checkpoint's hash"
        );
    }
    let end = outer.checkpoint(last).expect("it is there");
    assert_eq!(
        end.entry, range.entries,
        "the trace ends after the last entry"
    );
    assert_eq!(
        (end.steps_root, end.next_step),
        (B256::ZERO, 0),
        "it ends between entries"
    );
}

/// The machine's run at each level: around the step in which the run's stretches begin, in the middle, and at the end.
fn check_levels(
    provider: &dyn TraceProvider,
    range: &ClaimRange,
    terms: &DisputeTerms,
    segment: u64,
    leaf: B256,
) {
    let shape = |level: u8| {
        let stride_log2 = terms.stride_log2(level).expect("the level exists");
        (stride_log2, terms.heights[usize::from(level)])
    };
    let (stride_log2, height) = shape(1);
    let whole = Stretch {
        range: *range,
        segment,
        first: 0,
        stride_log2,
        height,
    };
    let run = provider.inner(&whole).expect("the segment is derived");
    let state = run.final_state().expect("the run is known");
    assert_eq!(
        B256::from_slice(&state[OUTPUT..]),
        leaf,
        "the machine commits to the checkpoint that was computed natively"
    );
    let mut stretch = whole;
    for level in 1..terms.heights.len() as u8 {
        let trace = provider.inner(&stretch).expect("the segment is derived");
        check_tree(&*trace, terms.heights[usize::from(level)], 1);
        check_inner(&*trace);
        if terms.is_last(level) {
            assert!(
                trace.step_proof(0).is_ok_and(|proof| !proof.is_empty()),
                "a step is proven"
            );
            return;
        }
        let (stride_log2, height) = shape(level + 1);
        let middle = last_leaf(&*trace) / 2;
        let deeper = stretch.within(middle, stride_log2, height);
        let end = provider
            .inner(&deeper)
            .and_then(|deeper| deeper.node(0, last_leaf(&*deeper)));
        assert_eq!(
            end,
            trace.node(0, middle),
            "a stretch ends in the leaf that it leads to"
        );
        stretch = deeper;
    }
}

fn check_inner(trace: &dyn InnerTrace) {
    let state = trace.final_state().expect("the run is known");
    assert_eq!(
        Ok(keccak256(state)),
        trace.node(0, last_leaf(trace)),
        "the last leaf is the final state's hash"
    );
}

fn check_tree<T: Trace + ?Sized>(trace: &T, height: u8, index: u64) {
    assert_eq!(trace.height(), height, "the tree is as high as its level");
    let root = trace.root().expect("it is known");
    let commitment = trace.commitment().expect("it is known");
    assert_eq!(commitment.root, root);
    for index in [0, index, last_leaf(trace)] {
        let leaf = trace.node(0, index).expect("it is there");
        let proof = trace.proof(index).expect("it is there");
        let proven = proof
            .iter()
            .enumerate()
            .fold(leaf, |node, (height, sibling)| {
                let is_left = (index >> height) & 1 == 0;
                let [left, right] = if is_left {
                    [node, *sibling]
                } else {
                    [*sibling, node]
                };
                keccak256([left.0, right.0].concat())
            });
        assert_eq!(proven, root, "leaf {index} is under the root");
    }
    assert!(
        matches!(
            trace.node(height + 1, 0),
            Err(TraceError::OutOfRange { .. })
        ),
        "nothing is above the root"
    );
    assert!(
        matches!(
            trace.node(0, 1 << height),
            Err(TraceError::OutOfRange { .. })
        ),
        "nothing is beside the last leaf"
    );
}

fn last_leaf<T: Trace + ?Sized>(trace: &T) -> u64 {
    (1 << trace.height()) - 1
}
