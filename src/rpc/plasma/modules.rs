//! Modules: what they offer, and what they answer.

use plasma_core::{Address, Bytes, Query};
use plasma_exec::JsonAbi;
use serde_json::Value;

use crate::rpc::{
    error::{Outcome, Refusal},
    methods::Methods,
    node::Node,
};

pub(super) fn register(methods: &mut Methods) {
    methods.read("plasma_schema", 0, |node, _| schema(node));
    methods.read("plasma_abi", 2, |node, arguments| {
        let address: Address = arguments.required(0, "address")?;
        let query = Query::Module {
            module: "abi".into(),
            input: Bytes::copy_from_slice(address.as_slice()),
        };
        let json = node.at(arguments, 1)?.bytes(&query)?;
        // Its author wrote it: whatever stands there is shown, if it is one.
        let abi: JsonAbi = serde_json::from_slice(&json).map_err(|error| {
            Refusal::refused(format!(
                "what the module of {address} says of itself is no ABI: {error}"
            ))
        })?;
        Ok(serde_json::to_value(abi).unwrap_or_default())
    });
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
