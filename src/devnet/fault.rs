//! What goes wrong in a devnet on purpose.

use std::{fmt, str::FromStr};

use plasma_core::Height;

use crate::dispute::Fault;

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DevFault {
    /// Somebody claims what is false.
    Claim(Fault),
    /// The last sequencer of the committee misbehaves.
    Sequencer(SequencerFault),
}

/// How a sequencer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequencerFault {
    /// How.
    pub kind: SequencerFaultKind,
    /// From which block on.
    pub at: Height,
}

/// How a sequencer misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequencerFaultKind {
    /// It votes for two blocks at one height.
    Equivocate,
    /// It says nothing for twenty seconds.
    Silent,
    /// The committee's halves do not hear each other for ten seconds.
    Partition,
}

impl SequencerFaultKind {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Equivocate, "equivocate"),
        (Self::Silent, "silent"),
        (Self::Partition, "partition"),
    ];
}

/// Why a text names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no fault; write wrong-root@N, wrong-trace@N, withheld-data@N or stalled@N for a false claim, \
     equivocate@N, silent@N or partition@N for a sequencer, N being a block's height from 1"
)]
pub struct DevFaultError(String);

impl FromStr for DevFault {
    type Err = DevFaultError;

    fn from_str(text: &str) -> Result<Self, DevFaultError> {
        if let Ok(fault) = text.parse() {
            return Ok(Self::Claim(fault));
        }
        let error = || DevFaultError(text.to_owned());
        let (name, height) = text.split_once('@').unwrap_or((text, "1"));
        let mut all = SequencerFaultKind::ALL.iter();
        let (kind, _) = all.find(|(_, known)| *known == name).ok_or_else(error)?;
        let height: u64 = height.parse().map_err(|_| error())?;
        if height == 0 {
            return Err(error());
        }
        Ok(Self::Sequencer(SequencerFault {
            kind: *kind,
            at: Height(height),
        }))
    }
}

impl fmt::Display for DevFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(fault) => fault.fmt(f),
            Self::Sequencer(SequencerFault { kind, at }) => {
                let mut all = SequencerFaultKind::ALL.iter();
                let name = all.find(|(known, _)| known == kind);
                write!(f, "{}@{at}", name.map_or("", |(_, name)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_written() {
        for text in [
            "wrong-root@3",
            "stalled@1",
            "equivocate@7",
            "silent@1",
            "partition@20",
        ] {
            let fault: DevFault = text.parse().expect(text);
            assert_eq!(fault.to_string(), text);
        }
        for text in ["", "equivocate@0", "equivocate@x", "loud@3", "@3"] {
            let refused = text.parse::<DevFault>().expect_err(text).to_string();
            assert!(refused.contains("silent@N"), "{refused}");
        }
    }
}
