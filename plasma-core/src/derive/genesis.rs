//! Where a chain begins.

use alloy_primitives::{Address, B256, Bytes};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::{
    BlockHeader, ChainId, Changes, Checkpoint, Execution, ExecutionError, Height, MemoryState,
    Outbox, Overlay, Timestamp,
};

/// All that a chain's first state follows from.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Genesis {
    /// The chain.
    pub chain_id: ChainId,
    /// Its birth.
    pub timestamp: Timestamp,
    /// The execution's own configuration (JSON for ours).
    pub config: Bytes,
}

/// The first state's writes, and what they are named by once a store has given their root.
#[derive(Clone, Debug)]
pub struct GenesisState {
    genesis: Genesis,
    /// The writes, in key order.
    pub changes: Changes,
}

impl Genesis {
    /// The writes of the first state.
    pub fn state(&self, execution: &dyn Execution) -> Result<GenesisState, ExecutionError> {
        let empty = MemoryState::default();
        let mut state = Overlay::new(&empty);
        execution.genesis(&mut state, &self.config)?;
        Ok(GenesisState {
            genesis: self.clone(),
            changes: state.into_changes(),
        })
    }
}

impl GenesisState {
    /// The genesis block's header. Its hash is the chain's genesis hash, and commits to the first state.
    pub fn header(&self, state_root: B256) -> BlockHeader {
        BlockHeader {
            chain_id: self.genesis.chain_id,
            height: Height(0),
            timestamp: self.genesis.timestamp,
            proposer: Address::ZERO,
            executed_root: state_root,
            ..BlockHeader::default()
        }
    }

    /// The checkpoint that the chain is registered with.
    pub fn checkpoint(&self, state_root: B256) -> Checkpoint {
        Checkpoint {
            state_root,
            outbox_root: Outbox::default().root(),
            block: self.header(state_root).hash(),
            timestamp: self.genesis.timestamp,
            ..Checkpoint::default()
        }
    }
}
