//! The fault-proof machine: running programs, beside another machine on the same file, and committing to runs.

use std::{fs, num::NonZeroUsize, path::PathBuf, sync::Arc};

use ckb_vm::{
    DefaultCoreMachine, DefaultMachineBuilder, DefaultMachineRunner as _, FlatMemory, ISA_A,
    ISA_IMC, SupportMachine, TraceMachine,
    machine::{
        VERSION2,
        asm::{AsmCoreMachine, AsmMachine},
    },
};
use plasma_core::B256;
use plasma_exec::{Machine, NoOracle, Program, RunTrace, Status, TraceShape};
use plasma_sdk::bench::{Times, time};

use crate::{Failure, Figure, Options, figure::digits};

const KECCAK: &str = "fpvm.mips_keccak";
const SECP256K1: &str = "fpvm.mips_secp256k1";
const DENSE: &str = "fpvm.dense_trace_us_per_step_per_core";

pub(crate) const NAMES: &[&str] = &[KECCAK, SECP256K1, DENSE];

const ON: [&str; 1] = ["one core"];
const RUNS: usize = 3;
/// The height of the trace that is committed to: so many steps are 2^20 at full size.
const TRACE_HEIGHT: usize = 20;
const QUICK_TRACE_HEIGHT: usize = 16;

pub(crate) fn measure(options: &Options) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for (name, program) in [(KECCAK, "keccak"), (SECP256K1, "secp256k1")] {
        if options.wants(name) {
            figures.push(speed(name, &read(program)?, options)?);
        }
    }
    if options.wants(DENSE) {
        figures.push(dense(&read("secp256k1")?, options)?);
    }
    Ok(figures)
}

/// A committed program.
fn read(program: &str) -> Result<Vec<u8>, Failure> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../plasma-exec/guest/artifacts");
    let path = folder.join(format!("{program}.elf"));
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn mips(steps: u64, times: &Times) -> f64 {
    times.rate(steps as usize) / 1e6
}

fn speed(name: &'static str, file: &[u8], options: &Options) -> Result<Figure, Failure> {
    let program = Program::from_elf(file)?;
    let runs = options.size(RUNS, 1);
    let mut steps = 0;
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut machine = Machine::new(&program, B256::ZERO);
        let (took, status) = time(|| machine.run(u64::MAX, &NoOracle));
        if status? != Status::Halted || machine.registers().code != 0 {
            return Err(format!("{name}: the program ended with {:?}", machine.registers()).into());
        }
        steps = machine.steps();
        times.push(took);
    }
    let ours = mips(steps, &Times::new(times));
    let others = match (interpreter(file, runs), assembly(file, runs)) {
        (Ok(interpreter), Ok(assembly)) => format!(
            "ckb-vm on the same file: {} interpreted, {} in assembly",
            digits(interpreter),
            digits(assembly)
        ),
        (Err(error), _) | (_, Err(error)) => format!("ckb-vm cannot run the file: {error}"),
    };
    let detail = format!("{steps} instructions, median of {runs} runs; {others}");
    Ok(Figure::new(name, ours, "MIPS", &ON).detail(detail))
}

/// ckb-vm's interpreter, with one unit for each instruction.
fn interpreter(file: &[u8], runs: usize) -> Result<f64, Failure> {
    let (mut times, mut steps) = (Vec::new(), 0);
    for _ in 0..runs {
        let core =
            DefaultCoreMachine::<u64, FlatMemory<u64>>::new(ISA_IMC | ISA_A, VERSION2, u64::MAX);
        let machine = DefaultMachineBuilder::new(core).instruction_cycle_func(Box::new(|_| 1));
        let mut machine = TraceMachine::new(machine.build());
        machine.load_program(&file.to_vec().into(), std::iter::empty())?;
        let (took, code) = time(|| machine.run());
        succeeded(code?)?;
        steps = machine.machine.cycles();
        times.push(took);
    }
    Ok(mips(steps, &Times::new(times)))
}

/// ckb-vm's assembly, with one unit for each instruction.
fn assembly(file: &[u8], runs: usize) -> Result<f64, Failure> {
    let (mut times, mut steps) = (Vec::new(), 0);
    for _ in 0..runs {
        let core =
            <Box<AsmCoreMachine> as SupportMachine>::new(ISA_IMC | ISA_A, VERSION2, u64::MAX);
        let machine = DefaultMachineBuilder::new(core).instruction_cycle_func(Box::new(|_| 1));
        let mut machine = AsmMachine::new(machine.build());
        machine.load_program(&file.to_vec().into(), std::iter::empty())?;
        let (took, code) = time(|| machine.run());
        succeeded(code?)?;
        steps = machine.machine.cycles();
        times.push(took);
    }
    Ok(mips(steps, &Times::new(times)))
}

fn succeeded(code: i8) -> Result<(), Failure> {
    if code == 0 {
        Ok(())
    } else {
        Err(format!("the program ended with code {code} there").into())
    }
}

fn dense(file: &[u8], options: &Options) -> Result<Figure, Failure> {
    let program = Program::from_elf(file)?;
    let start = Machine::new(&program, B256::ZERO).snapshot();
    let height = options.size(TRACE_HEIGHT, QUICK_TRACE_HEIGHT) as u32;
    let shape = TraceShape::dense(height);
    let (took, trace) = time(|| {
        RunTrace::commit(
            &program,
            &start,
            shape,
            Arc::new(NoOracle),
            NonZeroUsize::MIN,
        )
    });
    let steps = trace?.end().steps();
    let each = took.as_secs_f64() * 1e6 / steps as f64;
    Ok(Figure::new(DENSE, each, "us", &ON).detail(format!("{steps} steps of secp256k1")))
}
