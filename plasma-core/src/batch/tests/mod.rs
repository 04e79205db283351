//! The codec against itself, against transactions that alloy made, and against hostile bytes.

mod content;
mod hostile;
mod round_trip;
