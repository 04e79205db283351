//! Playing disputes: what to do next, from what the root says and what this node computed.
//!
//! ```text
//!   RootReader ──read_view──> DisputeView ──next_move──> Move ──move_call──> a transaction
//!                                             ^
//!                                       TraceProvider
//! ```
//! [`next_move`] is a pure function, asked anew at every block of the root. It remembers nothing, so that no
//! restart, no front-runner and no reorganisation can confuse it; what it needs to know is on the root, and what it
//! claims follows from the published bytes.

mod encode;
mod opening;
mod player;
mod reader;
mod view;

pub use encode::{MoveCall, move_call};
pub use player::{Role, next_move};
pub use reader::{Event, RootReader};
pub use view::read_view;
