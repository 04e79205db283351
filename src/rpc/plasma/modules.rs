//! Modules: what they offer, and what they answer.

use plasma_core::{Bytes, Query};
use serde_json::Value;

use crate::rpc::{
    error::{Outcome, Refusal},
    methods::Methods,
    node::Node,
};

pub(super) fn register(methods: &mut Methods) {
    methods.read("plasma_schema", 0, |node, _| schema(node));
    methods.work("plasma_query", 3, |node, arguments| {
        let (module, input) = (
            arguments.required(0, "module")?,
            arguments.required(1, "input")?,
        );
        node.at(arguments, 2)?
            .bytes(&Query::Module { module, input })
    });
}

fn schema(node: &Node) -> Outcome<Value> {
    let json: Bytes = node.newest()?.bytes(&Query::Schema)?;
    let broken = |error| {
        Refusal::internal(format!(
            "the execution's schema is not JSON: {error}; this is a bug of it"
        ))
    };
    serde_json::from_slice(&json).map_err(broken)
}
