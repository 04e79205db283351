//! `plasma program run --block`: a block's segments, natively and in the machine.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;
use plasma_core::Height;
use plasma_exec::Program;

use super::{Failure, bridge::Target, program, verify};
use crate::{builtin_program, replay};

#[derive(Args)]
pub(super) struct ReplayArgs {
    /// Replay this block of a chain in the machine, and compare with what the node makes of it. The chain is derived
    /// from its root first, as `plasma verify` does.
    #[arg(long, value_name = "HEIGHT")]
    pub(super) block: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// Replays the block with a program: the chain's own, or the one that is built in for its execution.
pub(super) async fn run(
    args: &ReplayArgs,
    height: u64,
    file: Option<&PathBuf>,
) -> Result<ExitCode, Failure> {
    let open = args.target.open()?;
    let (verifier, remote) = verify::launch(&open, None, None).await?;
    let program = match file {
        Some(file) => Program::from_elf(&program::read(file)?)?,
        None => builtin_program(&remote.execution).ok_or_else(|| {
            format!(
                "the chain executes `{}`, whose program is not built in; build it with `plasma program build` and name \
                 the file",
                remote.execution
            )
        })?,
    };
    println!("program: {}", program.identity());
    let derived = verify::derive(&verifier).await?;
    let outcome = if derived.0 < height || height == 0 {
        Err(format!(
            "block {height} is not published; blocks 1 to {derived} are, so try one of those or wait"
        )
        .into())
    } else {
        segments(&verifier, &program, Height(height)).await
    };
    verifier.stop().await?;
    outcome
}

async fn segments(
    verifier: &crate::RunningChain,
    program: &Program,
    height: Height,
) -> Result<ExitCode, Failure> {
    let chain = verifier.chain();
    let entries = chain.inbox().entry_count()?;
    let mut same = true;
    for entry in 0..entries {
        let Some(trace) = chain.outer_trace(entry, entry + 1)? else {
            break;
        };
        if trace.last().height < height {
            continue;
        }
        for index in 0..trace.leaves.len() as u64 {
            let agreed = trace.before(index);
            let opens = agreed.is_between_entries();
            // The entry of the block is opened, and then its own segments are executed.
            if !opens && agreed.height.next() != height {
                continue;
            }
            let bytes = match chain.segment_bytes(&agreed)? {
                Some(blob) => Some(verifier.da().fetch(&blob).await?),
                None => None,
            };
            let inputs = chain.segment_inputs(&agreed, bytes.as_ref())?;
            let started = Instant::now();
            let replayed = replay(program, &inputs)?;
            let what = if opens {
                format!("opening entry {entry}")
            } else {
                format!("block {height} from step {}", agreed.next_step)
            };
            println!(
                "{what}: {} instructions in {:.2} s, checkpoint {}: {}",
                replayed.instructions,
                started.elapsed().as_secs_f64(),
                inputs.next.hash(),
                if replayed.same {
                    "the same in the machine".to_owned()
                } else {
                    format!(
                        "DIFFERENT in the machine ({:?}, {})",
                        replayed.status, replayed.code
                    )
                }
            );
            same &= replayed.same;
        }
        break;
    }
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
