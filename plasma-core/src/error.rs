//! What an error asks of whoever receives it.

use core::fmt;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The world was busy or away: the same call may succeed later.
    Transient,
    /// What the caller believed has changed (a reorganised root, an overridden block): read anew, then go on.
    Reset,
    /// It will never succeed as it stands: someone has to act.
    Fatal,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "transient",
            Self::Reset => "reset",
            Self::Fatal => "fatal",
        })
    }
}

/// An error that says what to do next. Every port's error is one.
pub trait Severe: core::error::Error {
    /// What to do about this error.
    fn severity(&self) -> Severity;
}
