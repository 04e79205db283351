//! Module calls as typed data: what a wallet is asked to sign, and what it signed.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{
    dyn_abi::{DynSolType, DynSolValue, JsonAbiExt as _},
    json_abi::Function,
};
use plasma_core::{
    Address, Authorization, B256, Bytes, Call, ChainId, NativeTransaction, Query, Rejection, U256,
};
use plasma_exec::{Interface, JsonAbi, NativeCall};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::vouch::{self, Given, Kind};
use crate::rpc::{
    arguments::Arguments,
    at::At,
    error::{Outcome, Refusal},
    eth::send,
    methods::{Methods, blocking},
    node::Node,
};

/// How long a call can be included unless its caller says: an hour, in seconds.
const LIFETIME: u64 = 3_600;
/// How often the base fee may double before a call with the default fee is too cheap.
const FEE_MARGIN: u64 = 2;

pub(super) fn register(methods: &mut Methods) {
    methods.work("plasma_typedData", 4, typed_data);
    methods.waiting("plasma_sendTypedData", 2, |node, arguments| async move {
        let transaction = signed(&node, &arguments).await?;
        Ok(send(&node, transaction.to_bytes()).await?.transaction)
    });
}

#[derive(Deserialize)]
struct Schema {
    modules: BTreeMap<String, Module>,
}

#[derive(Deserialize)]
struct Module {
    address: Address,
    abi: JsonAbi,
    /// By the function's signature.
    native: BTreeMap<String, Native>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Native {
    selector: Bytes,
    primary_type: String,
}

/// What to call: calldata, or a function by its name or signature with arguments as typed data
/// writes them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Calldata(Bytes),
    Named { function: String, args: Vec<Value> },
}

/// What the caller may leave to the node.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Choices {
    nonce: Option<U256>,
    /// Unix seconds.
    expires_at: Option<U256>,
    /// In wei.
    max_fee: Option<U256>,
    /// The key that will sign, where it is not the account's own but one that was added to it.
    key: Option<Address>,
    /// With what it will be signed.
    scheme: Kind,
}

/// Typed data, as far as the chain has to be told: its types follow from the module.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    primary_type: String,
    domain: Domain,
    message: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Domain {
    chain_id: U256,
    verifying_contract: Address,
    /// The account, where the key is not the account's own.
    salt: Option<B256>,
}

fn schema(at: &At<'_>) -> Outcome<Schema> {
    let json = at.bytes(&Query::Schema)?;
    serde_json::from_slice(&json)
        .map_err(|error| Refusal::internal(format!("the execution's schema: {error}")))
}

fn number(value: U256, name: &str) -> Outcome<u64> {
    u64::try_from(value)
        .map_err(|_| Refusal::invalid(format!("{name} {value} does not fit 64 bits")))
}

fn typed_data(node: &Node, arguments: &Arguments) -> Outcome<Value> {
    let module: String = arguments.required(0, "module")?;
    let wanted: Wanted = arguments.required(1, "call: calldata, or {function, args}")?;
    let from: Address = arguments.required(2, "from")?;
    let choices: Choices = arguments.optional(3, "options")?.unwrap_or_default();
    let at = node.newest()?;
    let (interface, _) = find(&at, |name, found| {
        name == module || module.parse() == Ok(found.address)
    })?
    .ok_or_else(|| {
        Refusal::not_found(format!("no module {module} here; plasma_schema lists them"))
    })?;
    let call = match wanted {
        Wanted::Calldata(bytes) => bytes,
        Wanted::Named { function, args } => {
            let mut named = interface
                .abi()
                .functions()
                .filter(|it| it.name == function || it.signature() == function);
            match (named.next(), named.next()) {
                (Some(one), None) => encode(one, args.iter().map(Some))?,
                (None, _) => {
                    return Err(Refusal::not_found(format!(
                        "module {module} has no function {function}"
                    )));
                }
                (Some(_), Some(_)) => {
                    let text = format!(
                        "module {module} has several functions {function}; give the signature"
                    );
                    return Err(Refusal::invalid(text));
                }
            }
        }
    };
    let waiting = node
        .context
        .sequencer
        .as_ref()
        .and_then(|sequencer| sequencer.pending_nonce(&from));
    let nonce = match choices.nonce {
        Some(nonce) => number(nonce, "nonce")?,
        None => at.nonce(from)?.max(waiting.unwrap_or_default()),
    };
    let expires_at = match choices.expires_at {
        Some(seconds) => number(seconds, "expiresAt")?,
        None => node.context.env.now().seconds().0 + LIFETIME,
    };
    let account = choices.key.filter(|key| *key != from).map(|_| from);
    let max_fee = match choices.max_fee {
        Some(wei) => wei,
        None => {
            let more = choices.scheme.gas(account.is_some());
            default_fee(&at, from, interface.address(), &call, more)?
        }
    };
    let call = NativeCall {
        module: &interface,
        call,
        nonce,
        expires_at,
        max_fee,
    };
    let (chain_id, genesis) = identity(node);
    call.typed_data_for(account, chain_id, genesis)
        .map_err(|error| Refusal::invalid(error.to_string()))
}

fn identity(node: &Node) -> (ChainId, B256) {
    (
        node.context.chain.genesis().chain_id,
        node.context.chain.genesis_hash(),
    )
}

fn find(at: &At<'_>, is: impl Fn(&str, &Module) -> bool) -> Outcome<Option<(Interface, Module)>> {
    let found = schema(at)?
        .modules
        .into_iter()
        .find(|(name, module)| is(name, module));
    Ok(found.map(|(name, module)| (Interface::new(&name, module.abi.clone()), module)))
}

/// What the call costs as things stand, with `more` gas for its signature, and with room for a rising base fee.
fn default_fee(
    at: &At<'_>,
    from: Address,
    module: Address,
    input: &Bytes,
    more: u64,
) -> Outcome<U256> {
    let call = Call {
        from,
        to: Some(module),
        input: input.clone(),
        ..Call::default()
    };
    let outcome = at.call(call, true)?;
    if !outcome.success {
        return Err(Refusal::reverted(
            format!("the call would fail: {}", outcome.reason),
            &outcome.output,
        ));
    }
    let base_fee = U256::from(at.fees().base_fee.max(1));
    Ok(base_fee * U256::from(outcome.gas_used.0 + more) * U256::from(FEE_MARGIN))
}

/// The transaction that typed data and its signature make.
async fn signed(node: &Arc<Node>, arguments: &Arguments) -> Outcome<NativeTransaction> {
    let data: Value = arguments.required(0, "typed data")?;
    let data = match data {
        // As wallets' own methods take it.
        Value::String(text) => serde_json::from_str(&text),
        object => serde_json::from_value(object),
    };
    let data: Signed = data
        .map_err(|error| Refusal::invalid(format!("invalid argument 0 (typed data): {error}")))?;
    let given: Given = arguments.required(
        1,
        "signature: 65 bytes, or {scheme, key, signature} of another scheme",
    )?;
    let node = node.clone();
    blocking(move || rebuild(&node, &data, &given)).await
}

fn rebuild(node: &Node, data: &Signed, given: &Given) -> Outcome<NativeTransaction> {
    let (chain_id, genesis) = identity(node);
    if data.domain.chain_id != U256::from(chain_id.0) {
        let rejection = Rejection::ChainId {
            expected: chain_id.0,
            got: data.domain.chain_id.saturating_to(),
        };
        return Err(Refusal::refused(rejection.to_string()));
    }
    let field = |name: &str| -> Outcome<&Value> {
        data.message
            .get(name)
            .ok_or_else(|| Refusal::invalid(format!("the message has no {name}")))
    };
    let uint = |name: &str| -> Outcome<U256> {
        U256::deserialize(field(name)?)
            .map_err(|error| Refusal::invalid(format!("{name} of the message: {error}")))
    };
    let signed_for: B256 = B256::deserialize(field("genesis_hash")?)
        .map_err(|error| Refusal::invalid(format!("genesis_hash of the message: {error}")))?;
    if signed_for != genesis {
        return Err(Refusal::refused(
            Rejection::Genesis {
                expected: genesis,
                got: signed_for,
            }
            .to_string(),
        ));
    }
    let at = node.newest()?;
    let address = data.domain.verifying_contract;
    let (interface, module) =
        find(&at, |_, module| module.address == address)?.ok_or_else(|| {
            Refusal::not_found(format!("no module at {address}; plasma_schema lists them"))
        })?;
    let is_it = |function: &&Function| {
        let native = module.native.get(&function.signature());
        let named = native.is_some_and(|native| {
            native.primary_type == data.primary_type
                && native.selector.as_ref() == function.selector().as_slice()
        });
        // Functions of one name differ in their arguments; the envelope has four members.
        let arguments = function.inputs.iter();
        named
            && data.message.len() == function.inputs.len() + 4
            && arguments
                .clone()
                .all(|it| data.message.contains_key(&it.name))
    };
    let function = interface.abi().functions().find(is_it).ok_or_else(|| {
        let primary = &data.primary_type;
        Refusal::not_found(format!(
            "module {} has no {primary} with these members",
            interface.name()
        ))
    })?;
    let call = encode(
        function,
        function
            .inputs
            .iter()
            .map(|input| data.message.get(&input.name)),
    )?;
    let call = NativeCall {
        module: &interface,
        call,
        nonce: number(uint("nonce")?, "nonce")?,
        expires_at: number(uint("expires_at")?, "expires_at")?,
        max_fee: uint("max_fee")?,
    };
    let account = vouch::account(data.domain.salt)?;
    let digest = call
        .digest_for(account, chain_id, genesis)
        .map_err(|error| Refusal::invalid(error.to_string()))?;
    let proof = vouch::proof(given, digest)?;
    Ok(call.signed_with(Authorization { account, proof }))
}

/// Calldata of arguments as typed data writes them.
fn encode<'a>(
    function: &Function,
    values: impl ExactSizeIterator<Item = Option<&'a Value>>,
) -> Outcome<Bytes> {
    let (signature, count) = (function.signature(), values.len());
    if count != function.inputs.len() {
        return Err(Refusal::invalid(format!(
            "{count} arguments for {signature}"
        )));
    }
    let values = function.inputs.iter().zip(values).map(|(input, value)| {
        let kind = DynSolType::parse(&input.ty).ok();
        let coerced = kind.and_then(|kind| coerce(&kind, value?));
        let (name, ty) = (&input.name, &input.ty);
        coerced
            .ok_or_else(|| Refusal::invalid(format!("argument {name} of {signature} is no {ty}")))
    });
    let values: Vec<DynSolValue> = values.collect::<Outcome<_>>()?;
    let encoded = function.abi_encode_input(&values);
    encoded
        .map(Bytes::from)
        .map_err(|error| Refusal::invalid(format!("arguments of {signature}: {error}")))
}

fn coerce(kind: &DynSolType, value: &Value) -> Option<DynSolValue> {
    let all = |inner: &DynSolType, items: &[Value]| {
        items
            .iter()
            .map(|item| coerce(inner, item))
            .collect::<Option<_>>()
    };
    match (kind, value) {
        (DynSolType::Array(inner), Value::Array(items)) => {
            all(inner, items).map(DynSolValue::Array)
        }
        (DynSolType::FixedArray(inner, size), Value::Array(items)) if items.len() == *size => {
            all(inner, items).map(DynSolValue::FixedArray)
        }
        (DynSolType::Tuple(_) | DynSolType::Array(_) | DynSolType::FixedArray(..), _) => None,
        (DynSolType::String, Value::String(text)) => Some(DynSolValue::String(text.clone())),
        (_, Value::String(text)) => kind.coerce_str(text).ok(),
        (_, Value::Number(number)) => kind.coerce_str(&number.to_string()).ok(),
        (_, Value::Bool(truth)) => kind.coerce_str(&truth.to_string()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_coerced_as_typed_data_writes_them() {
        let cases = [
            ("uint256", json!("5"), Some("5")),
            ("uint256", json!("0x10"), Some("16")),
            ("uint64", json!(7), Some("7")),
            ("int8", json!(-7), Some("-7")),
            ("uint8", json!("256"), None),
            ("uint8", json!(1.5), None),
            ("bool", json!(true), Some("true")),
            ("string", json!("[1]"), Some("\"[1]\"")),
            ("string", json!(""), Some("\"\"")),
            ("bytes", json!("0x"), Some("0x")),
            ("bytes4", json!("0x12345678"), Some("0x12345678")),
            ("bytes4", json!("0x1234567890"), None),
            ("address", json!("0x12"), None),
            ("uint8[]", json!([1, "2"]), Some("[1,2]")),
            ("uint8[2]", json!([1]), None),
            ("uint8[]", json!("[1]"), None),
            ("bool", json!(null), None),
        ];
        for (kind, value, expected) in cases {
            let parsed = DynSolType::parse(kind).expect("a type");
            let expected = expected.map(|text| parsed.coerce_str(text).expect("a value"));
            assert_eq!(coerce(&parsed, &value), expected, "{kind} {value}");
        }
    }
}
