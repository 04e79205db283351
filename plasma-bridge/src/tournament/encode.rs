//! Moves as calls of the root's contracts.

use alloy::sol_types::SolCall;
use plasma_core::{
    Address, Bytes, ChainId, Checkpoint, DisputeView, Move, ProgramIdentity, SettlementError, U256,
};

use crate::contracts::{Contracts, abi};

/// A call of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveCall {
    /// The contract.
    pub to: Address,
    /// The call.
    pub data: Bytes,
    /// Wei that go with it: a claim's bond.
    pub value: U256,
}

impl MoveCall {
    fn new(to: Address, call: &impl SolCall) -> Self {
        Self {
            to,
            data: call.abi_encode().into(),
            value: U256::ZERO,
        }
    }

    fn with_value(self, value: U256) -> Self {
        Self { value, ..self }
    }
}

/// The call that makes a move. The view says what bond a claim puts up; withdrawn is to `account`.
pub fn move_call(
    contracts: &Contracts,
    chain: ChainId,
    account: Address,
    view: &DisputeView,
    action: &Move,
) -> Result<MoveCall, SettlementError> {
    let (tournament, chain_id) = (contracts.tournament, chain.0);
    Ok(match action {
        Move::Join {
            entries,
            trace,
            checkpoint,
        } => {
            let call = abi::Tournament::joinCall {
                chainId: chain_id,
                entries: *entries,
                commitment: trace.root,
                finalState: checkpoint.into(),
                proof: trace.last.clone(),
            };
            let bond = view.outer().map_or(view.bond, |outer| outer.bond);
            MoveCall::new(tournament, &call).with_value(bond)
        }
        Move::JoinInner {
            tournament: id,
            trace,
            state,
        } => {
            let inner = view.tournament(*id).ok_or_else(|| {
                SettlementError::Stale(format!("tournament {id} is no longer there"))
            })?;
            let call = abi::Tournament::joinInnerCall {
                id: *id,
                commitment: trace.root,
                state: state.clone(),
                proof: trace.last.clone(),
            };
            MoveCall::new(tournament, &call).with_value(inner.bond)
        }
        Move::Advance {
            key,
            left,
            right,
            new_left,
            new_right,
        } => {
            let call = abi::Tournament::advanceCall {
                key: key.into(),
                left: *left,
                right: *right,
                newLeft: *new_left,
                newRight: *new_right,
            };
            MoveCall::new(tournament, &call)
        }
        Move::SealInner { key, leaf, start } => {
            // Below the outer tournament the two are not looked at.
            let (checkpoint, program) = start.unwrap_or_else(no_start);
            let call = abi::Tournament::sealInnerCall {
                key: key.into(),
                left: leaf.left,
                right: leaf.right,
                agreed: leaf.agreed,
                proof: leaf.proof.clone(),
                checkpoint: (&checkpoint).into(),
                program: (&program).into(),
            };
            MoveCall::new(tournament, &call)
        }
        Move::SealLeaf { key, leaf } => {
            let call = abi::Tournament::sealLeafCall {
                key: key.into(),
                left: leaf.left,
                right: leaf.right,
                agreed: leaf.agreed,
                proof: leaf.proof.clone(),
            };
            MoveCall::new(tournament, &call)
        }
        Move::Step {
            key,
            program,
            proof,
        } => {
            let call = abi::Tournament::stepCall {
                key: key.into(),
                program: program.into(),
                proof: proof.clone(),
            };
            MoveCall::new(tournament, &call)
        }
        Move::Timeout { key } => MoveCall::new(
            tournament,
            &abi::Tournament::timeoutCall { key: key.into() },
        ),
        Move::ResolveInner { key } => MoveCall::new(
            tournament,
            &abi::Tournament::resolveInnerCall { key: key.into() },
        ),
        Move::Settle => MoveCall::new(
            tournament,
            &abi::Tournament::settleCall { chainId: chain_id },
        ),
        Move::Restart => MoveCall::new(
            tournament,
            &abi::Tournament::restartCall { chainId: chain_id },
        ),
        Move::Force => MoveCall::new(
            contracts.inbox,
            &abi::Inbox::forceCall { chainId: chain_id },
        ),
        Move::WithdrawBond => {
            MoveCall::new(tournament, &abi::Tournament::withdrawCall { to: account })
        }
        other => {
            return Err(SettlementError::Refused(format!(
                "these contracts know no such move: {other:?}; upgrade this client"
            )));
        }
    })
}

fn no_start() -> (Checkpoint, ProgramIdentity) {
    (Checkpoint::default(), ProgramIdentity::default())
}
