//! The vectors that are committed beside the contracts.

use plasma_core::{B256, Bytes};
use serde::Deserialize;

use super::Step;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    rom_root: B256,
    rom_base: u64,
    proof: Bytes,
    #[serde(default)]
    next: B256,
}

#[derive(Deserialize)]
struct File {
    steps: Vec<Vector>,
    refused: Vec<Vector>,
}

impl Vector {
    fn step(&self) -> Step {
        Step {
            rom_root: self.rom_root,
            rom_base: self.rom_base,
            proof: self.proof.to_vec(),
        }
    }
}

type Accepted = Vec<(String, Step, B256)>;
type Refused = Vec<(String, Step)>;

/// Steps with the state that they give, and steps that are refused.
pub(crate) fn all() -> (Accepted, Refused) {
    let text = include_str!("../../plasma-bridge/contracts/vectors/steps.json");
    let file: File = serde_json::from_str(text).expect("the vectors have this shape");
    let accepted = file
        .steps
        .iter()
        .map(|v| (v.name.clone(), v.step(), v.next));
    let refused = file.refused.iter().map(|v| (v.name.clone(), v.step()));
    (accepted.collect(), refused.collect())
}

/// A step that reads a blob's field element over a real KZG proof.
pub(crate) fn blob_read() -> Step {
    let (accepted, _) = all();
    let found = accepted
        .into_iter()
        .find(|(name, ..)| name == "read field element 2047 of a blob");
    found.expect("the vectors have a read of a blob").1
}
