//! A first chain.
fn main() {}
