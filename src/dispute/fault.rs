//! Dishonest traces, for a devnet that shows how they are beaten.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use plasma_core::{
    B256, Bytes, Checkpoint, ClaimRange, Height, InnerTrace, OuterTrace, ProgramIdentity, Stretch,
    Trace, TraceError, TraceProvider, keccak256,
};
use plasma_exec::{Machine, Status};

use super::{
    provider::{ChainTraces, MachineRun},
    splice::Splice,
};

/// How somebody lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A false state root, defended down to one step of the machine.
    WrongRoot,
    /// The right end over a false trace.
    WrongTrace,
    /// A claim with nothing behind it: no move can be made for it.
    WithheldData,
    /// A false state root, claimed and then never defended.
    Stalled,
}

impl FaultKind {
    const ALL: [(Self, &'static str); 4] = [
        (Self::WrongRoot, "wrong-root"),
        (Self::WrongTrace, "wrong-trace"),
        (Self::WithheldData, "withheld-data"),
        (Self::Stalled, "stalled"),
    ];
}

/// A lie about one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How.
    pub kind: FaultKind,
    /// About the first segment that this block, or a later one, ends in.
    pub at: Height,
}

/// Why a text names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault; write wrong-root@N, wrong-trace@N, withheld-data@N or stalled@N, N being a block's height from 1"
)]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let error = || FaultError(text.to_owned());
        let (name, height) = text.split_once('@').unwrap_or((text, "1"));
        let kind = FaultKind::ALL.iter().find(|(_, known)| *known == name);
        let height: u64 = height.parse().map_err(|_| error())?;
        match kind {
            Some((kind, _)) if height > 0 => Ok(Self {
                kind: *kind,
                at: Height(height),
            }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = FaultKind::ALL.iter().find(|(kind, _)| *kind == self.kind);
        write!(f, "{}@{}", name.map_or("", |(_, name)| name), self.at)
    }
}

/// The traces of somebody who lies once and is honest otherwise.
pub struct FaultyTraces {
    honest: Arc<ChainTraces>,
    fault: Fault,
    /// The last run that was bent: it is asked for at every move.
    run: Mutex<Option<(Stretch, Arc<FaultyRun>)>>,
}

impl FaultyTraces {
    /// Lies about what these say.
    pub fn new(honest: Arc<ChainTraces>, fault: Fault) -> Self {
        Self {
            honest,
            fault,
            run: Mutex::default(),
        }
    }

    /// The leaf that the lie is about; `None` for a claim that it does not touch.
    fn place(&self, outer: &dyn OuterTrace) -> Result<Option<u64>, TraceError> {
        if outer.settled()?.height >= self.fault.at {
            return Ok(None);
        }
        let mut last = None;
        for index in 0..1 << outer.height() {
            let checkpoint = outer.checkpoint(index)?;
            if last == Some(checkpoint) {
                break; // The padding.
            }
            if checkpoint.height >= self.fault.at {
                return Ok(Some(index));
            }
            last = Some(checkpoint);
        }
        Ok(None)
    }
}

/// What a liar makes of a checkpoint.
fn bent(honest: &Checkpoint) -> Checkpoint {
    Checkpoint {
        state_root: keccak256(honest.state_root),
        ..*honest
    }
}

impl TraceProvider for FaultyTraces {
    fn derived(&self) -> Result<u64, TraceError> {
        self.honest.derived()
    }

    fn outer(&self, range: &ClaimRange) -> Result<Arc<dyn OuterTrace>, TraceError> {
        let honest = self.honest.outer(range)?;
        let Some(at) = self.place(&*honest)? else {
            return Ok(honest);
        };
        let (mut tail, mut index) = (Vec::new(), at);
        let last = honest.checkpoint((1 << honest.height()) - 1)?;
        loop {
            let checkpoint = honest.checkpoint(index)?;
            let lies = match self.fault.kind {
                FaultKind::WrongTrace => index == at && checkpoint != last,
                _ => true,
            };
            tail.push(if lies { bent(&checkpoint) } else { checkpoint });
            if checkpoint == last {
                break;
            }
            index += 1;
        }
        let hashes = tail.iter().map(Checkpoint::hash).collect();
        let Some(trace) = Splice::new(honest.clone(), at, hashes) else {
            return Ok(honest);
        };
        Ok(Arc::new(FaultyOuter {
            honest,
            trace,
            at,
            tail,
            silent: matches!(
                self.fault.kind,
                FaultKind::WithheldData | FaultKind::Stalled
            ),
        }))
    }

    fn inner(&self, stretch: &Stretch) -> Result<Arc<dyn InnerTrace>, TraceError> {
        let mut kept = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, run)) = &*kept
            && known == stretch
        {
            return Ok(run.clone());
        }
        let lies = self.outer(&stretch.range)?;
        let run = self.honest.run(stretch)?;
        let claimed = lies.node(0, stretch.segment)?;
        let steps = run.steps();
        let mut end = run.machine_at(steps)?;
        if end.registers().outcome() == claimed || end.registers().status == Status::Running {
            return Ok(run);
        }
        // The run is followed to the step that commits to the outcome, and from there on it says something else.
        let commit = first_step_with(&run, end.registers().output)?;
        let stride = 1_u64 << stretch.stride_log2;
        let at = commit / stride;
        let mut machine = run.continued(commit + 1, claimed)?;
        let mut tail = Vec::new();
        let mut done = commit + 1;
        loop {
            let next = (at + tail.len() as u64 + 1) * stride;
            run_on(&mut machine, next - done, &run)?;
            done = next;
            tail.push(machine.state().hash());
            if machine.registers().status != Status::Running {
                break;
            }
        }
        end = machine;
        let base: Arc<dyn Trace> = run.clone();
        let trace = Splice::new(base, at, tail).ok_or(TraceError::OutOfRange {
            what: "leaf",
            index: at,
            limit: steps,
        })?;
        let run = Arc::new(FaultyRun {
            honest: run,
            trace,
            state: Bytes::copy_from_slice(&end.state().encode()),
        });
        *kept = Some((*stretch, run.clone()));
        Ok(run)
    }
}

fn run_on(machine: &mut Machine, steps: u64, run: &MachineRun) -> Result<(), TraceError> {
    machine
        .run(steps, run.oracle())
        .map(|_| ())
        .map_err(|error| TraceError::Unavailable(error.to_string()))
}

/// The first step, from 0, after which the machine has this output. Halving, for an output is committed to once.
fn first_step_with(run: &MachineRun, output: B256) -> Result<u64, TraceError> {
    let (mut low, mut high) = (0, run.steps());
    while low < high {
        let middle = low.midpoint(high);
        if run.machine_at(middle + 1)?.registers().output == output {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

struct FaultyOuter {
    honest: Arc<dyn OuterTrace>,
    trace: Splice,
    at: u64,
    tail: Vec<Checkpoint>,
    /// Whether nothing is said after the claim.
    silent: bool,
}

impl Trace for FaultyOuter {
    fn height(&self) -> u8 {
        self.trace.height()
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.trace.node(height, index)
    }

    fn children(&self, height: u8, index: u64) -> Result<(B256, B256), TraceError> {
        if self.silent {
            return Err(TraceError::Unavailable(
                "nothing is behind this claim".to_owned(),
            ));
        }
        self.trace.children(height, index)
    }
}

impl OuterTrace for FaultyOuter {
    fn checkpoint(&self, index: u64) -> Result<Checkpoint, TraceError> {
        match index.checked_sub(self.at) {
            Some(place) => {
                let place = (place as usize).min(self.tail.len() - 1);
                Ok(self.tail[place])
            }
            None => self.honest.checkpoint(index),
        }
    }

    fn settled(&self) -> Result<Checkpoint, TraceError> {
        self.honest.settled()
    }

    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        self.honest.program()
    }
}

struct FaultyRun {
    honest: Arc<MachineRun>,
    trace: Splice,
    state: Bytes,
}

impl Trace for FaultyRun {
    fn height(&self) -> u8 {
        self.trace.height()
    }

    fn node(&self, height: u8, index: u64) -> Result<B256, TraceError> {
        self.trace.node(height, index)
    }
}

impl InnerTrace for FaultyRun {
    fn final_state(&self) -> Result<Bytes, TraceError> {
        Ok(self.state.clone())
    }

    fn program(&self) -> Result<ProgramIdentity, TraceError> {
        self.honest.program()
    }

    fn step_proof(&self, _: u64) -> Result<Bytes, TraceError> {
        Err(TraceError::Unavailable(
            "no proof shows what is false".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_by_kind_and_block() {
        for text in [
            "wrong-root@7",
            "wrong-trace@1",
            "withheld-data@2",
            "stalled@90",
        ] {
            let fault: Fault = text.parse().expect("a fault");
            assert_eq!(fault.to_string(), text);
        }
        assert_eq!(
            "stalled".parse(),
            Ok(Fault {
                kind: FaultKind::Stalled,
                at: Height(1)
            })
        );
        for text in [
            "",
            "wrong",
            "wrong-root@",
            "wrong-root@0",
            "wrong-root@x",
            "@3",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }
}
