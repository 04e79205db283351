//! What came of a transaction, in the words of the floor.

use alloc::{string::ToString, vec::Vec};

use plasma_core::{Log, Receipt, Status};
use revm::context_interface::result::{ExecutionResult, Output};

use super::{predeploys, session::gas_used};
use crate::ethereum::{revert_reason, shortened};

/// The receipt of a transaction that was paid for.
pub(super) fn receipt_of(result: ExecutionResult, gas_price: u128) -> Receipt {
    let gas_used = gas_used(&result);
    let base = Receipt {
        gas_used,
        gas_price,
        ..Receipt::default()
    };
    match result {
        ExecutionResult::Success { logs, output, .. } => {
            let logs: Vec<Log> = logs.into_iter().map(log).collect();
            let (output, created) = match output {
                Output::Call(output) => (output, None),
                Output::Create(output, created) => (output, created),
            };
            let messages = predeploys::messages(&logs);
            Receipt {
                output,
                logs,
                messages,
                created,
                ..base
            }
        }
        ExecutionResult::Revert { output, .. } => {
            let reason = revert_reason(&output);
            Receipt {
                status: Status::Reverted,
                output,
                reason,
                ..base
            }
        }
        ExecutionResult::Halt { reason, .. } => Receipt {
            status: Status::Reverted,
            reason: shortened(&reason.to_string()),
            ..base
        },
    }
}

fn log(log: alloy_primitives::Log) -> Log {
    let (topics, data) = log.data.split();
    Log {
        address: log.address,
        topics,
        data,
    }
}
