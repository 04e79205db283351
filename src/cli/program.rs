//! `plasma program`: programs of the fault-proof machine.

use std::{
    fs::{self, File},
    io::Read as _,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand};
use plasma_core::B256;
use plasma_exec::{Machine, NoOracle, Program, Status};

use super::{
    Failure,
    replay::{self, ReplayArgs},
    toolchain::{TARGET, Toolchain},
};

/// The most bytes of an executable that are read: the machine has 2^32 of memory, and no program comes near.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// The exit status after a trap: one that no exit code of 7 bits and no shell's own takes.
const TRAPPED: u8 = 254;
/// The exit status when the limit comes first.
const UNFINISHED: u8 = 253;

/// Build and run programs of the fault-proof machine, and say what the root knows them by.
#[derive(Subcommand)]
pub(crate) enum ProgramCommand {
    /// Build a crate that is a program, and print its identity.
    Build(BuildArgs),
    /// Run an executable for RISC-V (RV64IMAC, no operating system), linked anywhere below 4 GiB; or, with `--block`,
    /// replay a block of a chain in the machine and compare.
    ///
    /// It ends with ECALL, a7 = 93 and the exit code in a0. The exit status of this command is the code's lowest eight
    /// bits; 254 after a trap, 253 when the limit comes first.
    Run(RunArgs),
    /// Print the identity of a guest program: what the chain's registration holds.
    Hash(HashArgs),
}

#[derive(Args)]
pub(crate) struct BuildArgs {
    /// The crate's folder.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Put the program here. Default: where cargo does.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// An ELF64 executable for RISC-V. With `--block`, the chain's program; by default the one that is built in for the
    /// chain's execution.
    #[arg(required_unless_present = "block")]
    file: Option<PathBuf>,
    /// The most instructions to execute; 0 for no end.
    #[arg(long, default_value_t = 0)]
    limit: u64,
    #[command(flatten)]
    replay: ReplayArgs,
}

#[derive(Args)]
pub(crate) struct HashArgs {
    /// An ELF64 executable for RISC-V.
    file: PathBuf,
}

pub(crate) async fn run(command: ProgramCommand) -> Result<ExitCode, Failure> {
    match command {
        ProgramCommand::Build(args) => build(&args).map(|()| ExitCode::SUCCESS),
        ProgramCommand::Run(args) => match (args.replay.block, &args.file) {
            (Some(height), file) => replay::run(&args.replay, height, file.as_ref()).await,
            (None, Some(file)) => run_bare(file, args.limit),
            (None, None) => Err("name an executable, or a block with `--block`".into()),
        },
        ProgramCommand::Hash(args) => {
            let program = Program::from_elf(&read(&args.file)?)?;
            println!("{}", program.identity());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn build(args: &BuildArgs) -> Result<(), Failure> {
    let toolchain = Toolchain::find()?;
    eprintln!(
        "building for {TARGET} with {}",
        toolchain.version(&args.path)?
    );
    let mut file = toolchain.build(&args.path, None)?;
    let bytes = read(&file)?;
    let program = Program::from_elf(&bytes)?;
    if let Some(out) = &args.out {
        fs::write(out, &bytes).map_err(|error| format!("{}: {error}", out.display()))?;
        file.clone_from(out);
    }
    println!("{}: {} bytes", file.display(), bytes.len());
    println!("identity: {}", program.identity());
    Ok(())
}

fn run_bare(file: &PathBuf, limit: u64) -> Result<ExitCode, Failure> {
    let program = Program::from_bare_elf(&read(file)?)?;
    let mut machine = Machine::new(&program, B256::ZERO);
    let limit = if limit == 0 { u64::MAX } else { limit };
    let status = machine.run(limit, &NoOracle)?;
    let registers = machine.registers();
    let code = match status {
        Status::Halted => {
            println!("exit code: {}", registers.code);
            (registers.code & 0xff) as u8
        }
        Status::Trapped => {
            let cause = registers
                .cause()
                .map_or("an unknown cause", |cause| cause.words());
            let (number, pc) = (registers.code, registers.pc);
            println!(
                "trap: {cause} (cause {number}) at pc {pc:#x}, {}",
                instruction(&machine, pc)
            );
            TRAPPED
        }
        Status::Running => {
            println!("no end within {limit} instructions; raise --limit");
            UNFINISHED
        }
    };
    println!("instructions: {}", machine.steps());
    Ok(ExitCode::from(code))
}

/// What stands at an address, as the file has it.
fn instruction(machine: &Machine, pc: u64) -> String {
    let bytes = |length| machine.memory(pc, length).filter(|bytes| !bytes.is_empty());
    match bytes(2).as_deref() {
        Some([low, high]) if low & 3 != 3 => format!("instruction {high:02x}{low:02x}"),
        _ => match bytes(4).as_deref() {
            Some([a, b, c, d]) => format!("instruction {d:02x}{c:02x}{b:02x}{a:02x}"),
            _ => "outside memory".to_owned(),
        },
    }
}

pub(super) fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    let name = path.display();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!(
            "{name} is over the limit of {MAX_FILE_BYTES} bytes; strip it, or give the program itself"
        )
        .into());
    }
    Ok(bytes)
}
