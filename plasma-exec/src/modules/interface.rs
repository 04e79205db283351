//! What a module answers to: its address, its ABI, and the typed data by which its calls are signed.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use alloy_json_abi::{Function, JsonAbi, Param, StateMutability};
use alloy_primitives::{Address, B256, Bytes, b256, hex, keccak256};
use plasma_core::{ChainId, Words};
use serde_json::{Value, json};

use super::{
    Module,
    words::{Argument, ArgumentType, read_arguments},
};

/// The name of the EIP-712 domain.
pub const DOMAIN_NAME: &str = "Plasma";
/// The version of the EIP-712 domain.
pub const DOMAIN_VERSION: &str = "1";

/// Keccak-256 of `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)`. These four are part
/// of every native call's digest.
const DOMAIN_TYPE: B256 = b256!("8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");
/// Keccak-256 of the same with `bytes32 salt` at its end: what a key signs under that signs for an account other than its
/// own, which is the salt.
const SALTED_DOMAIN_TYPE: B256 =
    b256!("d87cd6ef79d4e2b95e15ce8abf732db51ec771f1ca2edccf22a46c729ac56472");
/// Keccak-256 of [`DOMAIN_NAME`].
const DOMAIN_NAME_HASH: B256 =
    b256!("6cd2712748e36aa8827f0857938560273640a96a7c40212307362ce444bfa854");
/// Keccak-256 of [`DOMAIN_VERSION`].
const DOMAIN_VERSION_HASH: B256 =
    b256!("c89efdaa54c0f20c7adf612882df0950f5a951637e0307cdcb4c672f298b8bc6");
/// What every native call is signed with, after its own arguments.
const ENVELOPE: [(&str, &str); 4] = [
    ("uint64", "nonce"),
    ("uint64", "expires_at"),
    ("uint256", "max_fee"),
    ("bytes32", "genesis_hash"),
];

/// A module's name, address and ABI, with all that follows from them.
///
/// One ABI serves four ways: Ethereum transactions to the module's address with ABI calldata, native calls
/// signed as EIP-712 typed data, `eth_call` queries, and events as logs.
#[derive(Clone, Debug)]
pub struct Interface {
    name: String,
    address: Address,
    abi: JsonAbi,
    functions: BTreeMap<[u8; 4], Callable>,
    errors: BTreeMap<[u8; 4], CustomError>,
    /// The hash of the domain on the first chain that it was asked for: most know one.
    #[cfg(feature = "std")]
    domain: std::sync::OnceLock<(ChainId, B256)>,
}

/// A custom error of a module, and how to read what it says.
#[derive(Clone, Debug)]
struct CustomError {
    name: String,
    /// Names and types of its fields; `None` where one is of a type that is not read.
    fields: Option<Vec<(String, ArgumentType)>>,
}

/// A function of a module.
#[derive(Clone, Debug)]
pub(crate) struct Callable {
    pub(crate) signature: String,
    pub(crate) payable: bool,
    /// `None` where an argument is of a type that typed data of one level does not carry.
    pub(crate) typed: Option<TypedCall>,
}

/// The typed data by which calls of one function are signed.
#[derive(Clone, Debug)]
pub(crate) struct TypedCall {
    primary: String,
    type_hash: B256,
    members: Vec<Member>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    type_name: String,
    argument: ArgumentType,
}

/// What a native call is signed with besides its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) nonce: u64,
    pub(crate) expires_at: u64,
    pub(crate) max_fee: alloy_primitives::U256,
    pub(crate) genesis: B256,
}

/// The address of the module of this name: the last 20 bytes of keccak-256 over `plasma.module.` and the name.
///
/// No key is known to it, so what a module owns only the module can move.
pub fn module_address(name: &str) -> Address {
    let hash = keccak256(format!("plasma.module.{name}"));
    Address::from_slice(&hash[12..])
}

impl Interface {
    /// The interface of a module of this name and ABI.
    pub fn new(name: &str, abi: JsonAbi) -> Self {
        let functions = abi.functions().map(|function| {
            let callable = Callable {
                signature: function.signature(),
                payable: function.state_mutability == StateMutability::Payable,
                typed: TypedCall::of(function),
            };
            (function.selector().0, callable)
        });
        let functions = functions.collect();
        let errors = abi.errors().map(|error| {
            let field = |input: &Param| Some((input.name.clone(), ArgumentType::parse(&input.ty)?));
            let fields = error.inputs.iter().map(field).collect();
            (
                error.selector().0,
                CustomError {
                    name: error.name.clone(),
                    fields,
                },
            )
        });
        let errors = errors.collect();
        Self {
            name: name.into(),
            address: module_address(name),
            abi,
            functions,
            errors,
            #[cfg(feature = "std")]
            domain: std::sync::OnceLock::new(),
        }
    }

    /// The interface of a module.
    pub fn of<M: Module>(module: &M) -> Self {
        Self::new(M::NAME, module.abi())
    }

    /// The module's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The module's address: [`module_address`].
    pub fn address(&self) -> Address {
        self.address
    }

    /// The module's ABI.
    pub fn abi(&self) -> &JsonAbi {
        &self.abi
    }

    /// The function that `input` calls.
    pub(crate) fn function(&self, input: &[u8]) -> Option<&Callable> {
        self.functions.get(input.first_chunk()?)
    }

    /// A custom error in words, with its values, if it is one of this module's.
    pub(crate) fn describe_error(&self, data: &[u8]) -> Option<String> {
        let CustomError { name, fields } = self.errors.get(data.first_chunk()?)?;
        let read = |fields: &Vec<(String, ArgumentType)>| {
            let values = read_arguments(fields.iter().map(|(_, kind)| kind), &data[4..])?;
            let shown = fields.iter().zip(&values).map(|((field, kind), value)| {
                let value = kind.show(value);
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), String::from);
                format!("{field}: {text}")
            });
            Some(shown.collect::<Vec<_>>().join(", "))
        };
        let values = fields.as_ref().and_then(read);
        Some(format!(
            "{name}({})",
            values.unwrap_or_else(|| hex::encode_prefixed(&data[4..]))
        ))
    }

    /// The module's part of the chain's schema.
    pub(crate) fn schema(&self) -> Value {
        let native: BTreeMap<_, _> = self
            .functions
            .iter()
            .filter_map(|(selector, function)| {
                let typed = function.typed.as_ref()?;
                let value = json!({
                    "selector": Bytes::copy_from_slice(selector),
                    "primaryType": typed.primary,
                    "types": typed.types(false),
                });
                Some((function.signature.as_str(), value))
            })
            .collect();
        json!({ "address": self.address, "abi": self.abi, "native": native })
    }

    /// The EIP-712 domain that native calls of this module are signed under, for an account that is not the key's own
    /// where one is given.
    pub(crate) fn domain(&self, chain_id: ChainId, account: Option<Address>) -> Value {
        let mut domain = json!({
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain_id.0,
            "verifyingContract": self.address,
        });
        if let Some(account) = account {
            domain["salt"] = json!(account.into_word());
        }
        domain
    }

    /// The hash of that domain.
    pub(crate) fn domain_hash(&self, chain_id: ChainId, account: Option<Address>) -> B256 {
        #[cfg(feature = "std")]
        if account.is_none() {
            let first = || (chain_id, self.hash_domain(chain_id, None));
            let (known, hash) = self.domain.get_or_init(first);
            if *known == chain_id {
                return *hash;
            }
        }
        self.hash_domain(chain_id, account)
    }

    fn hash_domain(&self, chain_id: ChainId, account: Option<Address>) -> B256 {
        let kind = if account.is_some() {
            SALTED_DOMAIN_TYPE
        } else {
            DOMAIN_TYPE
        };
        let words = Words::new()
            .word(kind)
            .word(DOMAIN_NAME_HASH)
            .word(DOMAIN_VERSION_HASH)
            .uint(chain_id.0)
            .address(self.address);
        account.into_iter().fold(words, Words::address).keccak()
    }
}

impl TypedCall {
    fn of(function: &Function) -> Option<Self> {
        let mut members = Vec::with_capacity(function.inputs.len());
        for input in &function.inputs {
            let named = !input.name.is_empty()
                && ENVELOPE.iter().all(|(_, name)| *name != input.name)
                && members
                    .iter()
                    .all(|member: &Member| member.name != input.name);
            let argument = ArgumentType::parse(&input.ty).filter(|_| named)?;
            members.push(Member {
                name: input.name.clone(),
                type_name: input.ty.clone(),
                argument,
            });
        }
        let primary = upper_camel(&function.name);
        if primary == "EIP712Domain" {
            return None;
        }
        let mut typed = Self {
            primary,
            type_hash: B256::ZERO,
            members,
        };
        let list: Vec<String> = typed
            .all_members()
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        typed.type_hash = keccak256(format!("{}({})", typed.primary, list.join(",")));
        Some(typed)
    }

    fn all_members(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self
            .members
            .iter()
            .map(|member| (&*member.type_name, &*member.name));
        own.chain(ENVELOPE)
    }

    fn arguments<'a>(&self, input: &'a [u8]) -> Option<Vec<Argument<'a>>> {
        read_arguments(
            self.members.iter().map(|member| &member.argument),
            input.get(4..)?,
        )
    }

    /// The digest that is signed; `None` when `input` is not the canonical calldata of its arguments.
    pub(crate) fn digest(&self, domain: B256, input: &[u8], envelope: &Envelope) -> Option<B256> {
        let words = Words::new().word(self.type_hash);
        let words = self
            .arguments(input)?
            .iter()
            .fold(words, |words, argument| words.word(argument.word().into()));
        let content = words
            .uint(envelope.nonce)
            .uint(envelope.expires_at)
            .uint(envelope.max_fee)
            .word(envelope.genesis)
            .keccak();
        let mut bytes = [0; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(domain.as_slice());
        bytes[34..].copy_from_slice(content.as_slice());
        Some(keccak256(bytes))
    }

    /// The types of the typed data, as `eth_signTypedData_v4` takes them.
    fn types(&self, salted: bool) -> Value {
        let member = |(kind, name): (&str, &str)| json!({ "name": name, "type": kind });
        let domain = [
            ("string", "name"),
            ("string", "version"),
            ("uint256", "chainId"),
            ("address", "verifyingContract"),
        ];
        let domain = domain
            .into_iter()
            .chain(salted.then_some(("bytes32", "salt")));
        let mut types = serde_json::Map::new();
        types.insert("EIP712Domain".into(), domain.map(member).collect());
        types.insert(
            self.primary.clone(),
            self.all_members().map(member).collect(),
        );
        types.into()
    }

    /// The typed data, as `eth_signTypedData_v4` takes it.
    pub(crate) fn typed_data(
        &self,
        domain: Value,
        input: &[u8],
        envelope: &Envelope,
    ) -> Option<Value> {
        let mut message = serde_json::Map::new();
        for (member, argument) in self.members.iter().zip(self.arguments(input)?) {
            message.insert(member.name.clone(), member.argument.show(&argument));
        }
        message.insert("nonce".into(), envelope.nonce.to_string().into());
        message.insert("expires_at".into(), envelope.expires_at.to_string().into());
        message.insert("max_fee".into(), envelope.max_fee.to_string().into());
        message.insert("genesis_hash".into(), json!(envelope.genesis));
        Some(json!({
            "types": self.types(domain.get("salt").is_some()),
            "primaryType": self.primary,
            "domain": domain,
            "message": message,
        }))
    }
}

/// `transfer` is `Transfer`, `send_message` is `SendMessage`.
fn upper_camel(name: &str) -> String {
    name.split('_')
        .flat_map(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
        })
        .collect()
}
