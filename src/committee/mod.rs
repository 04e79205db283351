//! What the node of a committee's member does besides ordering.
//!
//! ```text
//!   SequencerRegistry --elections--> epochs --announce--> BftSequencer --evidence--> report --> SequencerRegistry
//!                                                              |
//!                                                              +--> plasma_committee (JSON-RPC)
//! ```

mod attest;
mod epochs;
mod report;
mod view;

pub(crate) use attest::run as attest;
pub use epochs::Borders;
pub(crate) use epochs::{follow, schedule};
pub(crate) use report::run as report;
pub(crate) use view::register;
pub use view::{CommitteeView, SeatView};
