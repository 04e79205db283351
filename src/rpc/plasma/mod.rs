//! The methods of our own: stages of finality, messages, modules, bytes.

mod bytes;
mod chain;
mod finality;
mod modules;
mod outbox;
mod tree;
mod typed;
mod vouch;

pub(super) use tree::OutboxTree;

use super::methods::Methods;

pub(super) fn register(methods: &mut Methods) {
    chain::register(methods);
    finality::register(methods);
    modules::register(methods);
    typed::register(methods);
    outbox::register(methods);
    bytes::register(methods);
}
