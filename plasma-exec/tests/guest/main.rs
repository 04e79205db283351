//! Natively and in the fault-proof machine: the built-in programs come to the same checkpoints as the node does, over
//! every segment of random chains.

mod chain;
mod dearest;
mod evm;
mod largest;
mod malformed;
mod modules;
mod payments;
mod people;
mod token;
mod wasm;
