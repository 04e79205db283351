//! Segments: what this node derived and executed, and the transition over what each segment reads, come to the same.

mod hostile;
mod malformed;
mod workloads;
mod world;
