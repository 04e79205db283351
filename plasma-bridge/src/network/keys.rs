//! What a key signs to become an operator's.

use plasma_core::{Address, B256, Words, keccak256};

/// The digest that a sequencer's key signs to say that it is the operator's, at one registry on one root alone.
///
/// `keccak(keccak("plasma.sequencer.key.v1") | root's chain id | registry | operator)`, as `Evidence.sol` has it.
pub fn possession_digest(root_chain_id: u64, registry: Address, operator: Address) -> B256 {
    Words::new()
        .word(keccak256(b"plasma.sequencer.key.v1"))
        .uint(root_chain_id)
        .address(registry)
        .address(operator)
        .keccak()
}
