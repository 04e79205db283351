//! Native calls, from the side of those who sign them.

use alloc::{format, string::String};

use alloy_primitives::{Address, B256, Bytes, U256};
use plasma_core::{Authorization, ChainId, NativeTransaction, Prover};
use serde_json::Value;

use super::{
    Interface,
    interface::{Envelope, TypedCall},
};

/// A call of a module, to be signed as EIP-712 typed data.
///
/// ```
/// use plasma_core::{Address, B256, ChainId, Ed25519Signer, Prover, Signer, U256};
/// use plasma_exec::{Bank, IBank, Interface, NativeCall, SolCall, XPL};
///
/// let bank = Interface::of(&Bank);
/// let call = IBank::transferCall { asset: XPL, to: Address::repeat_byte(1), amount: U256::from(5) };
/// let call = NativeCall {
///     module: &bank,
///     call: call.abi_encode().into(),
///     nonce: 0,
///     expires_at: 1_900_000_000,
///     max_fee: U256::from(100_000_000_000_000_u64),
/// };
/// let (chain_id, genesis) = (ChainId(4242), B256::repeat_byte(7));
/// // What a wallet is asked to sign, and the same signed here.
/// let question = call.typed_data(chain_id, genesis)?;
/// assert_eq!(question["message"]["amount"], "5");
/// let signer = Signer::from_bytes(&B256::repeat_byte(0x11)).expect("a key");
/// let transaction = call.sign(&signer, chain_id, genesis)?;
/// assert_eq!(transaction.to_bytes()[0], 0x70);
/// // A key of any other scheme signs the same digest, for the account that is its own.
/// let signer = Ed25519Signer::from_bytes(&B256::repeat_byte(0x11));
/// let transaction = call.sign(&signer, chain_id, genesis)?;
/// let sender = transaction.authorization.proof.signer(call.digest(chain_id, genesis)?);
/// assert_eq!(sender, Ok(signer.public_key().address()));
/// # Ok::<(), plasma_exec::NativeCallError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NativeCall<'a> {
    /// The module called.
    pub module: &'a Interface,
    /// Selector and arguments, ABI-encoded.
    pub call: Bytes,
    /// One of the account's unused numbers, within its window.
    pub nonce: u64,
    /// The last second, Unix time, in which a block may include it.
    pub expires_at: u64,
    /// The most that it may cost in fees, in wei of XPL.
    pub max_fee: U256,
}

/// Why a call cannot be signed as typed data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NativeCallError {
    /// The module has no function of this selector, or none of arguments that typed data carries.
    #[error("module {module:?} has no function that is signed as typed data for {input}")]
    Function {
        /// The module.
        module: String,
        /// The first bytes of the call.
        input: Bytes,
    },
    /// The arguments are not as the ABI encodes them.
    #[error("the call is not the canonical ABI encoding of {signature}; encode it anew")]
    Arguments {
        /// The function.
        signature: String,
    },
}

impl NativeCall<'_> {
    fn envelope(&self, genesis: B256) -> Envelope {
        let Self {
            nonce,
            expires_at,
            max_fee,
            ..
        } = *self;
        Envelope {
            nonce,
            expires_at,
            max_fee,
            genesis,
        }
    }

    fn typed(&self) -> Result<&TypedCall, NativeCallError> {
        let function = self.module.function(&self.call);
        function
            .and_then(|function| function.typed.as_ref())
            .ok_or_else(|| NativeCallError::Function {
                module: self.module.name().into(),
                input: self.call.slice(..self.call.len().min(4)),
            })
    }

    fn arguments_error(&self) -> NativeCallError {
        let signature = self
            .module
            .function(&self.call)
            .map(|function| function.signature.clone());
        NativeCallError::Arguments {
            signature: signature.unwrap_or_default(),
        }
    }

    /// The typed data, as `eth_signTypedData_v4` takes it.
    pub fn typed_data(&self, chain_id: ChainId, genesis: B256) -> Result<Value, NativeCallError> {
        self.typed_data_for(None, chain_id, genesis)
    }

    /// The typed data that a key signs for an account other than its own: the account is the domain's salt.
    pub fn typed_data_for(
        &self,
        account: Option<Address>,
        chain_id: ChainId,
        genesis: B256,
    ) -> Result<Value, NativeCallError> {
        self.typed()?
            .typed_data(
                self.module.domain(chain_id, account),
                &self.call,
                &self.envelope(genesis),
            )
            .ok_or_else(|| self.arguments_error())
    }

    /// The typed data as a string, for a wallet.
    pub fn typed_data_json(
        &self,
        chain_id: ChainId,
        genesis: B256,
    ) -> Result<String, NativeCallError> {
        self.typed_data(chain_id, genesis)
            .map(|value| format!("{value}"))
    }

    /// The digest that is signed.
    pub fn digest(&self, chain_id: ChainId, genesis: B256) -> Result<B256, NativeCallError> {
        self.digest_for(None, chain_id, genesis)
    }

    /// The digest that a key signs for an account other than its own.
    pub fn digest_for(
        &self,
        account: Option<Address>,
        chain_id: ChainId,
        genesis: B256,
    ) -> Result<B256, NativeCallError> {
        self.typed()?
            .digest(
                self.module.domain_hash(chain_id, account),
                &self.call,
                &self.envelope(genesis),
            )
            .ok_or_else(|| self.arguments_error())
    }

    /// Signs it, for the account that is the key's own.
    pub fn sign(
        &self,
        signer: &impl Prover,
        chain_id: ChainId,
        genesis: B256,
    ) -> Result<NativeTransaction, NativeCallError> {
        let proof = signer.prove(self.digest(chain_id, genesis)?);
        Ok(self.signed_with(proof))
    }

    /// Signs it for an account to which the key was added: see [`Keys`](crate::Keys).
    pub fn sign_for(
        &self,
        account: Address,
        signer: &impl Prover,
        chain_id: ChainId,
        genesis: B256,
    ) -> Result<NativeTransaction, NativeCallError> {
        let account = Some(account);
        let proof = signer.prove(self.digest_for(account, chain_id, genesis)?);
        Ok(self.signed_with(Authorization { account, proof }))
    }

    /// The transaction, with what a wallet gave: a signature, a proof of another scheme, or either with the account
    /// that it is for.
    pub fn signed_with(&self, authorization: impl Into<Authorization>) -> NativeTransaction {
        NativeTransaction {
            module: self.module.address(),
            call: self.call.clone(),
            nonce: self.nonce,
            expires_at: self.expires_at,
            max_fee: self.max_fee,
            authorization: authorization.into(),
        }
    }
}
