//! What a developer implements.

use alloc::string::String;

use alloy_json_abi::JsonAbi;
use alloy_sol_types::{SolInterface, abi::AbiDecoderConfig};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CallError, CallResult, Context, View, error::shorten, gas};

/// A native module: a part of a chain's state, and the calls that change it.
///
/// Its interface is written in Solidity's words with [`sol!`](crate::sol). From that one definition come the
/// calls that wallets send as ordinary transactions to the module's [address](crate::module_address), the same
/// calls signed as EIP-712 typed data, `eth_call` queries, logs, custom errors, and the chain's schema.
///
/// # Contract
/// - Deterministic: no clock, no randomness, no float, no iteration order of a hash map. Time is the block's.
/// - All state is read and written through [`Context`]. The module itself is configuration, the same for ever.
/// - A call that fails undoes all its writes, events and messages; nothing has to be cleaned up.
/// - Work is paid for: reads, writes, events and messages charge gas by themselves; loops and hashes over much
///   data are charged with [`Context::charge`].
/// - A call arrives from anyone, with any arguments. [`Context::caller`] is the account that signed it, whatever the scheme
///   of its key, or the address of the module that made it.
/// - A key that the caller [added](crate::Keys) may have signed: its scope names modules and functions, so give what
///   differs in risk a function of its own. Its limits count what leaves the caller's holdings of assets; what the module
///   keeps for its callers in its own state it limits by itself, by [`Context::key`].
///
/// # Example
/// A tip jar: whoever fills it is remembered, the owner empties it. Nothing is left out.
/// ```
/// use plasma_core::{Address, Item, Map, U256};
/// use plasma_exec::{
///     Answer, CallResult, Context, JsonAbi, Module, ModuleRuntime, View, XPL, sol,
/// };
///
/// sol! {
///     interface IJar {
///         function fill(string note) external payable;
///         function empty(address to) external returns (uint256 amount);
///         function givenBy(address giver) external view returns (uint256);
///
///         event Filled(address indexed giver, uint256 amount, string note);
///         error NotOwner(address caller, address owner);
///     }
/// }
///
/// const OWNER: Item<Address> = Item::new("owner");
/// const GIVEN: Map<Address, U256> = Map::new("given");
///
/// struct Jar;
///
/// #[derive(serde::Deserialize, Default)]
/// struct JarGenesis {
///     owner: Address,
/// }
///
/// impl Module for Jar {
///     const NAME: &'static str = "jar";
///     type Calls = IJar::IJarCalls;
///     type Genesis = JarGenesis;
///
///     fn abi(&self) -> JsonAbi {
///         IJar::abi::contract()
///     }
///
///     fn genesis(&self, context: &mut Context<'_>, genesis: JarGenesis) -> CallResult<()> {
///         context.store(&OWNER, &genesis.owner)
///     }
///
///     fn call(&self, context: &mut Context<'_>, call: IJar::IJarCalls) -> CallResult {
///         match call {
///             IJar::IJarCalls::fill(call) => {
///                 let (giver, amount) = (context.caller(), context.value());
///                 let given = context.get(&GIVEN, &giver)?.unwrap_or_default();
///                 context.set(&GIVEN, &giver, &(given + amount))?;
///                 context.emit(&IJar::Filled { giver, amount, note: call.note.clone() })?;
///                 call.done()
///             }
///             IJar::IJarCalls::empty(call) => {
///                 let (caller, owner) = (context.caller(), context.load(&OWNER)?.unwrap_or_default());
///                 if caller != owner {
///                     return Err(IJar::NotOwner { caller, owner }.into());
///                 }
///                 let amount = context.balance(XPL, context.address())?;
///                 context.transfer(XPL, call.to, amount)?;
///                 call.answer(&amount)
///             }
///             IJar::IJarCalls::givenBy(call) => {
///                 let given = context.get(&GIVEN, &call.giver)?.unwrap_or_default();
///                 call.answer(&given)
///             }
///         }
///     }
///
///     fn invariants(&self, view: &View<'_>) -> Result<(), String> {
///         view.load(&OWNER).map(drop).ok_or_else(|| "the jar has no owner".into())
///     }
/// }
///
/// let runtime = ModuleRuntime::new().module(Jar);
/// assert!(runtime.schema().to_string().contains("givenBy"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    note = "implement `plasma_exec::Module` for it; its documentation shows a whole small one"
)]
pub trait Module: Send + Sync + 'static {
    /// The module's name: its place in the genesis configuration, and what its address is made of. Unique in a
    /// chain; another module of the same name takes its place.
    const NAME: &'static str;

    /// The calls, as [`sol!`](crate::sol) makes them of an interface.
    type Calls: SolInterface;

    /// The module's section of the genesis configuration; its default when there is none.
    type Genesis: DeserializeOwned + Default;

    /// The ABI, as [`sol!`](crate::sol) makes it: `IName::abi::contract()`.
    fn abi(&self) -> JsonAbi;

    /// Executes a call. Gives its ABI-encoded return values: see [`Answer`](crate::Answer).
    fn call(&self, context: &mut Context<'_>, call: Self::Calls) -> CallResult;

    /// Writes the module's first state.
    fn genesis(&self, context: &mut Context<'_>, genesis: Self::Genesis) -> CallResult<()> {
        let _ = (context, genesis);
        Ok(())
    }

    /// The most gas that [`begin_block`](Self::begin_block) and [`end_block`](Self::end_block) may each use: no more
    /// than [`gas::MAX_HOOK`](crate::gas::MAX_HOOK), and 0 for a module that has neither. Every block is taken to use
    /// it when it is cut into segments, so less is better.
    fn hook_gas(&self) -> u64 {
        gas::MAX_HOOK
    }

    /// The most work of a call of this input, in tenths of a gas ([`gas::WORK`](crate::gas::WORK)), beside that of the
    /// transaction ([`gas::PAYMENT_WORK`](crate::gas::PAYMENT_WORK)); `None` where no more is known than what it pays
    /// for. Blocks are cut by it into what the fault-proof machine takes at once: a bound that is not one makes a
    /// chain whose claims cannot be defended, and no bound makes more and smaller segments. No less than the gas that
    /// the call uses.
    fn work(&self, input: &[u8]) -> Option<u64> {
        let _ = input;
        None
    }

    /// Runs before the transactions of every block, for at most [`hook_gas`](Self::hook_gas). A failure undoes what it
    /// did and stops nothing.
    fn begin_block(&self, context: &mut Context<'_>) -> CallResult<()> {
        let _ = context;
        Ok(())
    }

    /// Runs after the transactions of every block, like [`begin_block`](Self::begin_block).
    fn end_block(&self, context: &mut Context<'_>) -> CallResult<()> {
        let _ = context;
        Ok(())
    }

    /// What must hold in every state; says what does not. For tests and monitors, never for a block's outcome.
    fn invariants(&self, view: &View<'_>) -> Result<(), String> {
        let _ = view;
        Ok(())
    }
}

/// A [`Module`] whose types are forgotten.
pub(crate) trait ErasedModule: Send + Sync {
    fn call(&self, context: &mut Context<'_>, input: &[u8]) -> CallResult;
    fn genesis(&self, context: &mut Context<'_>, config: Option<&Value>) -> CallResult<()>;
    /// Within [`gas::MAX_HOOK`].
    fn hook_gas(&self) -> u64;
    fn work(&self, input: &[u8]) -> Option<u64>;
    fn begin_block(&self, context: &mut Context<'_>) -> CallResult<()>;
    fn end_block(&self, context: &mut Context<'_>) -> CallResult<()>;
    fn invariants(&self, view: &View<'_>) -> Result<(), String>;
}

/// One encoding for one call, whose decoding costs no more than its length. Bytes after it are let through for
/// the wallets that mark their transactions there; a signed native call has none.
const DECODING: AbiDecoderConfig = AbiDecoderConfig::new()
    .strict(true)
    .validate_allow_trailing_bytes(true)
    .memory_limit(1 << 24);

impl<M: Module> ErasedModule for M {
    fn call(&self, context: &mut Context<'_>, input: &[u8]) -> CallResult {
        let call = M::Calls::abi_decode_with_config(input, DECODING).map_err(|error| {
            let text = alloc::format!("invalid arguments: {error}");
            CallError::message(shorten(&text))
        })?;
        Module::call(self, context, call)
    }

    fn genesis(&self, context: &mut Context<'_>, config: Option<&Value>) -> CallResult<()> {
        let genesis = match config {
            None => M::Genesis::default(),
            // A module without a configuration takes an empty one as well as none.
            Some(config) => M::Genesis::deserialize(config)
                .or_else(|error| match config.as_object() {
                    Some(fields) if fields.is_empty() => {
                        M::Genesis::deserialize(&Value::Null).map_err(|_| error)
                    }
                    _ => Err(error),
                })
                .map_err(|error| CallError::message(alloc::format!("{error}")))?,
        };
        Module::genesis(self, context, genesis)
    }

    fn hook_gas(&self) -> u64 {
        Module::hook_gas(self).min(gas::MAX_HOOK)
    }

    fn work(&self, input: &[u8]) -> Option<u64> {
        Module::work(self, input)
    }

    fn begin_block(&self, context: &mut Context<'_>) -> CallResult<()> {
        Module::begin_block(self, context)
    }

    fn end_block(&self, context: &mut Context<'_>) -> CallResult<()> {
        Module::end_block(self, context)
    }

    fn invariants(&self, view: &View<'_>) -> Result<(), String> {
        Module::invariants(self, view)
    }
}
