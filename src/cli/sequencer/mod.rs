//! `plasma sequencer`: taking part in the network of sequencers, with a key or with stake.

mod epochs;
mod keys;
mod report;
mod rewards;
mod stake;
mod status;
mod target;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;
pub(super) use target::{NetworkTarget, grouped};

#[derive(Subcommand)]
pub(super) enum SequencerCommand {
    /// Make a key for a sequencer, and write it to a file that only you can read.
    Keygen(keys::KeygenArgs),
    /// Become the operator of a sequencer, with its key and a first bond.
    Join(keys::JoinArgs),
    /// Give your sequencer another key, from the next election on.
    RotateKey(keys::RotateArgs),
    /// Show the network: epoch, seats, stakes, who took part, what waits to be claimed.
    Status(status::StatusArgs),
    /// Bond more XPL with your own sequencer.
    Bond(stake::BondArgs),
    /// Bond XPL with somebody's sequencer.
    Delegate(stake::DelegateArgs),
    /// Take stake out, or withdraw what was taken out once it is due.
    Unbond(stake::UnbondArgs),
    /// Move stake from one sequencer to another at once; it stays liable for the first for a while.
    Redelegate(stake::RedelegateArgs),
    /// Show what you have earned, and claim it.
    Rewards(rewards::RewardsArgs),
    /// End the epoch once its length is over, and elect the next committee. Anyone may.
    Advance(epochs::AdvanceArgs),
    /// Show the root two votes of one sequencer that contradict each other. Anyone may.
    ReportEquivocation(report::ReportArgs),
}

pub(super) async fn run(command: SequencerCommand) -> Result<ExitCode, Failure> {
    match command {
        SequencerCommand::Keygen(args) => keys::generate(&args),
        SequencerCommand::Join(args) => keys::join(args).await,
        SequencerCommand::RotateKey(args) => keys::rotate(args).await,
        SequencerCommand::Status(args) => status::run(args).await,
        SequencerCommand::Bond(args) => stake::bond(args).await,
        SequencerCommand::Delegate(args) => stake::delegate(args).await,
        SequencerCommand::Unbond(args) => stake::unbond(args).await,
        SequencerCommand::Redelegate(args) => stake::redelegate(args).await,
        SequencerCommand::Rewards(args) => rewards::run(args).await,
        SequencerCommand::Advance(args) => epochs::advance(args).await,
        SequencerCommand::ReportEquivocation(args) => report::run(args).await,
    }
    .map(|()| ExitCode::SUCCESS)
}
