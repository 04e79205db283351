//! A chain's transition as a program.

use plasma_core::{Execution, keccak256, transition};

use crate::{Exit, ecall, oracle};

/// Makes of an execution the program that proves its chains: reads which checkpoint to go on from, and commits to the
/// one after it.
///
/// ```no_run
/// #![cfg_attr(target_os = "none", no_std, no_main)]
/// # #[derive(Default)] struct MyExecution;
/// # use plasma_core::*;
/// # impl Execution for MyExecution {
/// #     fn genesis(&self, _: &mut dyn State, _: &[u8]) -> Result<(), ExecutionError> { Ok(()) }
/// #     fn admit(&self, _: &dyn StateRead, _: &BlockContext, _: &[u8]) -> Result<Admission, Rejection> {
/// #         Err(Rejection::Malformed("it is empty".into()))
/// #     }
/// #     fn apply(&self, _: &mut dyn State, _: &BlockContext, _: &Step) -> Receipt { Receipt::default() }
/// #     fn query(&self, _: &dyn StateRead, _: &BlockContext, _: &Query) -> Result<Reply, QueryError> {
/// #         Err(QueryError::Unsupported("anything".into()))
/// #     }
/// #     fn view(&self, _: &BlockContext, _: &[u8]) -> Option<TransactionView> { None }
/// # }
///
/// plasma_guest::program!(MyExecution::default());
/// ```
#[macro_export]
macro_rules! program {
    ($execution:expr) => {
        $crate::entry!(plasma_guest_transition);

        fn plasma_guest_transition() -> $crate::Exit {
            $crate::prove(&$execution)
        }
    };
}

/// What [`program!`] does: one transition of a chain on `execution`.
pub fn prove(execution: &dyn Execution) -> Exit {
    // The machine begins with the input's hash as its key.
    let input = keccak256(oracle::rest());
    match transition(&input, &oracle::Oracle, execution) {
        Ok(checkpoint) => {
            ecall::commit(&checkpoint.hash().0);
            Exit::SUCCESS
        }
        Err(_) => Exit::BAD_INPUT,
    }
}
