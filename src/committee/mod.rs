//! What the node of a committee's member does besides ordering.
//!
//! ```text
//!   SequencerRegistry --elections--> epochs --announce--> BftSequencer --evidence--> report --> SequencerRegistry
//!                                                              |
//!                                                              +--> plasma_committee (JSON-RPC)
//!   chain --tips, once an epoch--> Bridge on the root
//! ```

mod attest;
mod epochs;
mod report;
mod tips;
mod view;

pub(crate) use attest::run as attest;
pub use epochs::Borders;
pub(crate) use epochs::{follow, schedule};
pub(crate) use report::run as report;
pub(crate) use tips::{Tips, run as take_tips};
pub(crate) use view::register;
pub use view::{CommitteeView, SeatView};
