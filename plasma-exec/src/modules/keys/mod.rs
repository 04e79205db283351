//! Further keys of an account: what they may do, how long, and for how much.
//!
//! ```text
//!   root key      signs for the account whose address is its own; adds, limits, revokes
//!   added key     signs for an account that says so (`grant.rs`), under a domain that has the account in it
//! ```
//! Invariants:
//! 1. Only who signs as the account itself changes its keys: an added key calls this module never, whatever its scope.
//! 2. The root key is asked for nothing that stands here, so nothing here can lock it out.
//! 3. What an added key signs takes a number of the account's own window of nonces, so it counts once; and it names the
//!    account, so it counts for no other to which the same key was added.
//! 4. Whatever leaves the account in a call that an added key signed, its fee included, counts against the key's limits.

mod grant;

use alloc::vec::Vec;

use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, Bytes, FixedBytes, U256};
use plasma_core::PublicKey;

use super::{Answer, CallError, CallResult, Context, Module, gas};
use crate::sol;

pub(crate) use grant::Session;
use grant::{GRANTS, Grant, KEYS, SPENT, Spent};

sol! {
    /// Further keys of an account.
    #[derive(Debug, PartialEq, Eq)]
    interface IKeys {
        /// Lets a key sign for the caller. `scheme` 0: secp256k1, by the 20 bytes of its address; 1: ed25519, 32 bytes;
        /// 2: secp256r1 and passkeys, 33 bytes. `expiresAt` is the last second, Unix time, in which it may; 0 for no
        /// end. It may call `functions[i]` of `modules[i]`: function zero for all of a module, module zero for all
        /// modules; with none it can do nothing. Of `assets[i]` it may spend `limits[i]` in every `period` seconds, 0
        /// for altogether; fees count as XPL, asset zero; the highest number is no limit, and an asset that is not
        /// listed cannot be spent.
        function add(
            uint8 scheme,
            bytes calldata key,
            uint64 expiresAt,
            address[] calldata modules,
            bytes4[] calldata functions,
            address[] calldata assets,
            uint256[] calldata limits,
            uint64 period
        ) external;
        /// Gives a key of the caller's another expiry, scope and limits, of which nothing is spent.
        function limit(
            address key,
            uint64 expiresAt,
            address[] calldata modules,
            bytes4[] calldata functions,
            address[] calldata assets,
            uint256[] calldata limits,
            uint64 period
        ) external;
        /// Takes a key from the caller: from the next transaction on it can sign no more.
        function revoke(address key) external;
        /// The keys that were added to an account, by their addresses.
        function keysOf(address account) external view returns (address[] memory keys);
        /// What a key of an account may do, and what it has spent in this period.
        function keyOf(address account, address key) external view returns (
            uint8 scheme,
            bytes memory publicKey,
            uint64 expiresAt,
            address[] memory modules,
            bytes4[] memory functions,
            address[] memory assets,
            uint256[] memory limits,
            uint256[] memory spent,
            uint64 period
        );
        /// The address of a key: its name here, and that of the account that is its own.
        function addressOf(uint8 scheme, bytes calldata key) external view returns (address keyAddress);

        /// A key may sign for an account.
        event Added(address indexed account, address indexed key, uint8 scheme, bytes publicKey, uint64 expiresAt);
        /// A key has another expiry, scope and limits.
        event Limited(address indexed account, address indexed key, uint64 expiresAt);
        /// A key may sign for an account no more.
        event Revoked(address indexed account, address indexed key);

        error InvalidKey(string reason);
        error RootKey(address account);
        error KnownKey(address account, address key);
        error UnknownKey(address account, address key);
        error TooManyKeys(uint256 keys, uint256 most);
        error TooManyFunctions(uint256 functions, uint256 most);
        error TooManyAssets(uint256 assets, uint256 most);
        error LengthsDiffer(uint256 first, uint256 second);
        error AssetTwice(address asset);
        error ExpiredAlready(uint64 expiresAt, uint64 time);
        error ModuleWithoutKeys(address account);
        error OverLimit(address asset, uint256 limit, uint256 spent, uint256 amount);
    }
}

/// The most keys that can be added to an account.
pub const MAX_KEYS: usize = 16;
/// The most functions in the scope of a key.
pub const MAX_KEY_FUNCTIONS: usize = 16;
/// The most assets of which a key can have a limit.
pub const MAX_KEY_ASSETS: usize = 8;

/// The module `keys`: further keys of an account, each with an expiry, a scope and limits.
///
/// ```
/// use plasma_core::{Address, B256, ChainId, Ed25519Signer, Prover, Signer, U256};
/// use plasma_exec::{Bank, IBank, IKeys, Interface, Keys, NativeCall, SolCall, XPL, module_address};
///
/// let (chain_id, genesis) = (ChainId(4242), B256::repeat_byte(7));
/// let root = Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a key");
/// let session = Ed25519Signer::from_bytes(&B256::repeat_byte(0x22));
///
/// // The account lets a key call one function for a day, and spend a thousandth of an XPL.
/// let keys = Interface::of(&Keys);
/// let add = IKeys::addCall {
///     scheme: session.public_key().scheme() as u8,
///     key: session.key().to_vec().into(),
///     expiresAt: 1_900_000_000,
///     modules: vec![module_address("bank")],
///     functions: vec![IBank::transferCall::SELECTOR.into()],
///     assets: vec![XPL],
///     limits: vec![U256::from(10).pow(U256::from(15))],
///     period: 86_400,
/// };
/// let (expires_at, max_fee) = (1_800_000_000, U256::from(10).pow(U256::from(14)));
/// let call = NativeCall { module: &keys, call: add.abi_encode().into(), nonce: 0, expires_at, max_fee };
/// let first = call.sign(&root, chain_id, genesis)?;
///
/// // From then on the key signs for the account, with the account's nonces.
/// let bank = Interface::of(&Bank);
/// let call = IBank::transferCall { asset: XPL, to: Address::repeat_byte(3), amount: U256::from(5) };
/// let call = NativeCall { module: &bank, call: call.abi_encode().into(), nonce: 1, expires_at, max_fee };
/// let second = call.sign_for(root.address(), &session, chain_id, genesis)?;
/// assert_eq!(second.authorization.account, Some(root.address()));
/// # Ok::<(), plasma_exec::NativeCallError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys;

impl Module for Keys {
    const NAME: &'static str = NAME;
    type Calls = IKeys::IKeysCalls;
    type Genesis = ();

    fn abi(&self) -> JsonAbi {
        IKeys::abi::contract()
    }

    fn hook_gas(&self) -> u64 {
        0
    }

    fn call(&self, context: &mut Context<'_>, call: IKeys::IKeysCalls) -> CallResult {
        use IKeys::IKeysCalls as Calls;
        let account = context.caller();
        match call {
            Calls::add(call) => {
                let key = checked_key(context, call.scheme, &call.key)?;
                let grant = Grant {
                    key,
                    expires_at: call.expiresAt,
                    scope: scope(&call.modules, &call.functions)?,
                    limits: limits(&call.assets, &call.limits)?,
                    period: call.period,
                };
                add(context, account, grant)?;
                call.done()
            }
            Calls::limit(call) => {
                let known = grant_of(context, account, call.key)?;
                let grant = Grant {
                    key: known.key,
                    expires_at: call.expiresAt,
                    scope: scope(&call.modules, &call.functions)?,
                    limits: limits(&call.assets, &call.limits)?,
                    period: call.period,
                };
                let expires_at = grant.expires_at;
                put(context, account, grant)?;
                context.emit(&IKeys::Limited {
                    account,
                    key: call.key,
                    expiresAt: expires_at,
                })?;
                call.done()
            }
            Calls::revoke(call) => {
                revoke(context, account, call.key)?;
                call.done()
            }
            Calls::keysOf(call) => call.answer(&list(context, call.account)?),
            Calls::keyOf(call) => {
                let grant = grant_of(context, call.account, call.key)?;
                context.charge(gas::READ)?;
                let now = context.block().timestamp.seconds().0;
                let spent = Spent::load(context.state(), call.account, &grant, now);
                call.answer(&answer(&grant, &spent))
            }
            Calls::addressOf(call) => {
                let key = checked_key(context, call.scheme, &call.key)?;
                call.answer(&key.address())
            }
        }
    }
}

/// The module's name.
pub(crate) const NAME: &str = "keys";

/// A key, if it is one, and not one for which anybody can sign.
fn checked_key(context: &mut Context<'_>, scheme: u8, bytes: &[u8]) -> CallResult<PublicKey> {
    let invalid = |error: plasma_core::KeyError| IKeys::InvalidKey {
        reason: alloc::format!("{error}"),
    };
    let key = PublicKey::from_parts(scheme, bytes).map_err(invalid)?;
    context.charge(gas::key_check(&key))?;
    key.check().map_err(invalid)?;
    Ok(key)
}

fn scope(
    modules: &[Address],
    functions: &[FixedBytes<4>],
) -> CallResult<Vec<(Address, FixedBytes<4>)>> {
    same_length(modules.len(), functions.len())?;
    if modules.len() > MAX_KEY_FUNCTIONS {
        return Err(IKeys::TooManyFunctions {
            functions: U256::from(modules.len()),
            most: U256::from(MAX_KEY_FUNCTIONS),
        }
        .into());
    }
    Ok(modules
        .iter()
        .copied()
        .zip(functions.iter().copied())
        .collect())
}

fn limits(assets: &[Address], limits: &[U256]) -> CallResult<Vec<(Address, U256)>> {
    same_length(assets.len(), limits.len())?;
    if assets.len() > MAX_KEY_ASSETS {
        return Err(IKeys::TooManyAssets {
            assets: U256::from(assets.len()),
            most: U256::from(MAX_KEY_ASSETS),
        }
        .into());
    }
    for (n, asset) in assets.iter().enumerate() {
        if assets[..n].contains(asset) {
            return Err(IKeys::AssetTwice { asset: *asset }.into());
        }
    }
    Ok(assets.iter().copied().zip(limits.iter().copied()).collect())
}

fn same_length(first: usize, second: usize) -> CallResult<()> {
    if first == second {
        return Ok(());
    }
    Err(IKeys::LengthsDiffer {
        first: U256::from(first),
        second: U256::from(second),
    }
    .into())
}

fn list(context: &mut Context<'_>, account: Address) -> CallResult<Vec<Address>> {
    context.charge(gas::READ + gas::VALUE_BYTE * (Address::len_bytes() * MAX_KEYS) as u64)?;
    Ok(KEYS.get(context.state(), &account).unwrap_or_default())
}

fn grant_of(context: &mut Context<'_>, account: Address, key: Address) -> CallResult<Grant> {
    context.charge(gas::READ + gas::VALUE_BYTE * grant::MAX_GRANT_BYTES as u64)?;
    GRANTS
        .get(context.state(), &(account, key))
        .ok_or_else(|| IKeys::UnknownKey { account, key }.into())
}

fn add(context: &mut Context<'_>, account: Address, grant: Grant) -> CallResult<()> {
    let key = grant.key.address();
    if context.is_module(account) {
        // No key is known to its address, and what it owns only its code moves.
        return Err(IKeys::ModuleWithoutKeys { account }.into());
    }
    if key == account {
        return Err(IKeys::RootKey { account }.into());
    }
    let mut keys = list(context, account)?;
    if keys.contains(&key) {
        return Err(IKeys::KnownKey { account, key }.into());
    }
    if keys.len() >= MAX_KEYS {
        return Err(IKeys::TooManyKeys {
            keys: U256::from(keys.len()),
            most: U256::from(MAX_KEYS),
        }
        .into());
    }
    keys.push(key);
    store_list(context, account, &keys)?;
    // Two values that were not there.
    context.charge(2 * gas::CREATE)?;
    let (scheme, expires_at) = (grant.key.scheme() as u8, grant.expires_at);
    let public_key = Bytes::copy_from_slice(grant.key.as_bytes());
    put(context, account, grant)?;
    context.emit(&IKeys::Added {
        account,
        key,
        scheme,
        publicKey: public_key,
        expiresAt: expires_at,
    })
}

/// Writes what a key may do, and that it has spent nothing.
fn put(context: &mut Context<'_>, account: Address, grant: Grant) -> CallResult<()> {
    let (now, expires_at) = (context.block().timestamp.seconds().0, grant.expires_at);
    if grant.is_over(now) {
        return Err(IKeys::ExpiredAlready {
            expiresAt: expires_at,
            time: now,
        }
        .into());
    }
    let spent = Spent::none(&grant, now);
    let bytes = plasma_core::encode(&grant).len() + plasma_core::encode(&spent).len();
    context.charge(2 * gas::WRITE + gas::VALUE_BYTE * bytes as u64)?;
    let place = (account, grant.key.address());
    GRANTS.set(context.state(), &place, &grant);
    SPENT.set(context.state(), &place, &spent);
    Ok(())
}

fn revoke(context: &mut Context<'_>, account: Address, key: Address) -> CallResult<()> {
    let mut keys = list(context, account)?;
    let place = keys
        .iter()
        .position(|known| *known == key)
        .ok_or(IKeys::UnknownKey { account, key })?;
    keys.remove(place);
    store_list(context, account, &keys)?;
    context.charge(2 * gas::WRITE)?;
    GRANTS.remove(context.state(), &(account, key));
    SPENT.remove(context.state(), &(account, key));
    context.emit(&IKeys::Revoked { account, key })
}

fn store_list(context: &mut Context<'_>, account: Address, keys: &[Address]) -> CallResult<()> {
    let bytes = Address::len_bytes() * keys.len();
    context.charge(gas::WRITE + gas::VALUE_BYTE * bytes as u64)?;
    match keys {
        [] => KEYS.remove(context.state(), &account),
        [_] => {
            context.charge(gas::CREATE)?;
            KEYS.set(context.state(), &account, &keys.to_vec());
        }
        _ => KEYS.set(context.state(), &account, &keys.to_vec()),
    }
    Ok(())
}

fn answer(grant: &Grant, spent: &Spent) -> IKeys::keyOfReturn {
    let (modules, functions) = grant.scope.iter().copied().unzip();
    let (assets, limits) = grant.limits.iter().copied().unzip();
    IKeys::keyOfReturn {
        scheme: grant.key.scheme() as u8,
        publicKey: Bytes::copy_from_slice(grant.key.as_bytes()),
        expiresAt: grant.expires_at,
        modules,
        functions,
        assets,
        limits,
        spent: spent.amounts.clone(),
        period: grant.period,
    }
}

/// What is over a limit, as a module's call says it.
fn over_limit(asset: Address, limit: U256, spent: U256, amount: U256) -> CallError {
    IKeys::OverLimit {
        asset,
        limit,
        spent,
        amount,
    }
    .into()
}
