//! Inputs that lack something, or lie.

use plasma_core::{
    B256, Bytes, MessageKind, PreimageKind, PreimageMap, Preimages, TransitionError, Verified,
    transition,
};
use plasma_exec::{EvmExecution, ModuleRuntime};

use crate::{
    workloads::{evm_config, module_config},
    world::{World, signed, signer},
};

/// Answers one key with other bytes.
struct Liar<'a>(&'a PreimageMap, (PreimageKind, B256), Bytes);

impl Preimages for Liar<'_> {
    fn get(&self, kind: PreimageKind, hash: &B256) -> Option<Bytes> {
        if (kind, *hash) == self.1 {
            return Some(self.2.clone());
        }
        self.0.get(kind, hash)
    }
}

fn worlds() -> [World; 2] {
    let mut worlds = [
        World::new(ModuleRuntime::new(), &module_config()),
        World::new(EvmExecution::new(), &evm_config()),
    ];
    for world in &mut worlds {
        world.send(MessageKind::Deposit, signer(1).address(), 5, vec![1].into());
        let long = signed(2, |tx| {
            (tx.gas_limit, tx.input) = (1 << 20, vec![7; 9_000].into());
        });
        world.publish(vec![
            (1, vec![signed(0, |_| {}), long]),
            (1, vec![signed(0, |tx| tx.nonce = 1), vec![1, 2, 3].into()]),
        ]);
        world.check();
    }
    worlds
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for world in worlds() {
        let trace = world.trace();
        for index in 0..trace.leaves.len() as u64 {
            let inputs = world.inputs(&trace.before(index));
            let run = |preimages: &dyn Preimages| {
                transition(&inputs.input.hash(), preimages, &**world.chain.execution())
            };
            for (kind, hash, bytes) in inputs.preimages.iter() {
                let missing = Err(TransitionError::Missing { kind, hash: *hash });
                let mut less = inputs.preimages.clone();
                less.remove(kind, hash);
                assert_eq!(run(&less), missing);

                let mut flipped = bytes.to_vec();
                match flipped.last_mut() {
                    Some(last) => *last ^= 1,
                    None => flipped.push(0),
                }
                let surplus = [bytes, &[0][..]].concat();
                for lie in [flipped, surplus, Vec::new()] {
                    if lie == bytes[..] {
                        continue;
                    }
                    let liar = Liar(&inputs.preimages, (kind, *hash), lie.into());
                    assert_eq!(run(&Verified(&liar)), missing);
                }
            }
        }
    }
}

#[test]
fn what_no_honest_chain_commits_to_is_an_error_and_no_panic() {
    let [world, _] = worlds();
    let trace = world.trace();
    let execution = &**world.chain.execution();
    for index in 0..trace.leaves.len() as u64 {
        let agreed = trace.before(index);
        let inputs = world.inputs(&agreed);
        let wrong = [
            plasma_core::Checkpoint {
                next_step: u32::MAX,
                steps_count: 7,
                ..agreed
            },
            plasma_core::Checkpoint {
                steps_count: u32::MAX,
                ..agreed
            },
            plasma_core::Checkpoint {
                steps_count: 1,
                ..agreed
            },
            plasma_core::Checkpoint {
                state_root: B256::repeat_byte(0x11),
                ..agreed
            },
            plasma_core::Checkpoint {
                block: B256::ZERO,
                steps_count: 0,
                ..agreed
            },
            plasma_core::Checkpoint {
                messages: 0,
                height: plasma_core::Height(u64::MAX),
                ..agreed
            },
        ];
        for wrong in wrong {
            let mut known = inputs.preimages.clone();
            let agreed = known.insert_keccak(Bytes::copy_from_slice(wrong.words().as_bytes()));
            let input = plasma_core::TransitionInput {
                agreed,
                ..inputs.input
            };
            known.insert_keccak(Bytes::copy_from_slice(input.words().as_bytes()));
            // Whatever comes of it, it comes of it each time.
            let outcome = transition(&input.hash(), &known, execution);
            assert_eq!(outcome, transition(&input.hash(), &known, execution));
        }
    }
    let words = Bytes::from_static(b"no input");
    let mut known = PreimageMap::default();
    let hash = known.insert_keccak(words);
    let malformed = Err(TransitionError::Malformed {
        hash,
        what: "input",
    });
    assert_eq!(transition(&hash, &known, execution), malformed);
}
