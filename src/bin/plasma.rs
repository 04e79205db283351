//! The `plasma` binary.
fn main() {}
