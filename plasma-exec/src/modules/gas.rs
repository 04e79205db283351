//! What work costs.
//!
//! A gas buys about as much work everywhere: a signature recovery, which every transaction needs, is most of
//! [`TRANSACTION`], and the others are set against it, natively and in the fault-proof machine. A plain transfer
//! costs [`TRANSACTION`] exactly, as wallets expect.

use plasma_core::{Authorization, Proof, PublicKey, WebAuthnProof};

use super::CallError;

/// A transaction: its signature, its nonce, the fee, and a transfer of XPL.
pub const TRANSACTION: u64 = 21_000;
/// A signature of Ed25519, beside [`TRANSACTION`]: the machine has no instruction for it, and takes 950,000.
pub const ED25519: u64 = 20_000;
/// A signature of P-256, beside [`TRANSACTION`]: the machine has no instruction for it, and takes 2,160,000.
pub const P256: u64 = 45_000;
/// An added key that signs for its account: what it may do is read, what it has spent read and written.
pub const SESSION: u64 = 25_000;
/// Finding out whether bytes are a key of P-256.
pub const P256_POINT: u64 = 5_000;
/// A byte of a passkey's assertion: it is hashed.
pub const ASSERTION_BYTE: u64 = 16;
/// A zero byte of input (EIP-2028).
pub const ZERO_BYTE: u64 = 4;
/// Any other byte of input (EIP-2028).
pub const NONZERO_BYTE: u64 = 16;
/// An address in an access list (EIP-2930). Modules have no use for the list; its bytes are paid for.
pub const ACCESS_LIST_ADDRESS: u64 = 2_400;
/// A key in an access list (EIP-2930).
pub const ACCESS_LIST_KEY: u64 = 1_900;
/// Reading a key: its path in the trie is checked by whoever proves the block.
pub const READ: u64 = 2_100;
/// Writing a key that has a value.
pub const WRITE: u64 = 5_000;
/// What a key that had no value costs on top: state grows.
pub const CREATE: u64 = 15_000;
/// A byte of a value, read or written.
pub const VALUE_BYTE: u64 = 8;
/// An event.
pub const LOG: u64 = 375;
/// A topic of an event.
pub const LOG_TOPIC: u64 = 375;
/// A byte of an event.
pub const LOG_BYTE: u64 = 8;
/// A call from one module to another.
pub const CALL: u64 = 700;
/// A byte of a call from one module to another: it is encoded and decoded.
pub const CALL_BYTE: u64 = 1;
/// A message to another chain: its hash and its way up the outbox.
pub const MESSAGE: u64 = 20_000;
/// A byte of a message's payload.
pub const MESSAGE_BYTE: u64 = 16;
/// A hash, and each 32 bytes that go into it.
pub const HASH: u64 = 30;
/// Each 32 bytes of a hash.
pub const HASH_WORD: u64 = 6;
/// Each 32 bytes of a hash of more than 4,096: that is what the fault-proof machine hashes in one instruction.
pub const LONG_HASH_WORD: u64 = 32;

/// The most that one transaction may use, so that one fits into every segment of a proof: 2^28 instructions of the
/// fault-proof machine, and no unit of gas is more than 60.
pub const MAX_TRANSACTION: u64 = 4_000_000;
/// The most that a module may use at the beginning or the end of a block.
pub const MAX_HOOK: u64 = 1 << 18;
/// What settling a block's fees takes: the market, the supply, the proposer's account and an event.
pub const FEES_HOOK: u64 = 50_000;
/// The work of beginning or ending a block, beside the modules' own.
pub const BLOCK_EDGE: u64 = 10_000;
/// The most that a deposit uses: a credit, an event with the longest data that a message has, and room to spare.
pub const MAX_DEPOSIT: u64 = 1 << 17;
/// Units of work that a unit of gas is: what it buys takes 60 instructions of the fault-proof machine at most, and a unit
/// of work is 6 of them. What is known to take less than its gas counts for that.
pub const WORK: u64 = 10;
/// The work of a payment of XPL, valid or not: the most that the machine takes for one with a signature of secp256k1,
/// where each account stands 96 levels deep in the state. Two keys with so much in common take 2^48 hashes to find, and a
/// segment full of them 2^56.
pub const PAYMENT_WORK: u64 = 160_000;
/// The work of a transfer of XPL by a call of the bank, beside [`PAYMENT_WORK`]: its arguments, its checks and its event.
pub const TRANSFER_WORK: u64 = 40_000;
/// The work that a segment of a proof holds: what the longest transaction may use.
pub const SEGMENT: u64 = WORK * MAX_TRANSACTION;

/// The gas of a hash of so many bytes.
pub fn hash(length: usize) -> u64 {
    /// The most that the fault-proof machine hashes in one instruction.
    const SHORT: usize = 4_096;
    let word = if length > SHORT {
        LONG_HASH_WORD
    } else {
        HASH_WORD
    };
    HASH + word.saturating_mul(length.div_ceil(32) as u64)
}

/// The gas of a transaction before it does anything.
pub fn intrinsic(input: &[u8]) -> u64 {
    let price = |byte: &u8| if *byte == 0 { ZERO_BYTE } else { NONZERO_BYTE };
    TRANSACTION + input.iter().map(price).sum::<u64>()
}

/// The gas of an authorization beyond that of a signature of secp256k1 by the account's own key, which is in
/// [`TRANSACTION`].
pub fn authorization(authorization: &Authorization) -> u64 {
    let session = authorization.account.map_or(0, |_| SESSION);
    session + proof(&authorization.proof)
}

fn proof(proof: &Proof) -> u64 {
    match proof {
        Proof::Ed25519(_) => ED25519,
        Proof::P256(_) => P256,
        Proof::WebAuthn(WebAuthnProof {
            authenticator_data,
            client_data_rest,
            ..
        }) => P256 + ASSERTION_BYTE * (authenticator_data.len() + client_data_rest.len()) as u64,
        // The codec knows no other proof.
        _ => 0,
    }
}

/// The gas of finding out whether bytes are a key, and one for which not everybody signs.
pub(crate) fn key_check(key: &PublicKey) -> u64 {
    match key {
        PublicKey::Ed25519(_) => ED25519,
        PublicKey::P256(_) => P256_POINT,
        // An address.
        _ => HASH,
    }
}

/// Gas that is there and gas that is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    limit: u64,
    used: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: 0 }
    }

    /// Uses gas; what is missing uses up all that there is.
    pub(crate) fn charge(&mut self, gas: u64) -> Result<(), CallError> {
        let used = self.used.saturating_add(gas);
        self.used = used.min(self.limit);
        if used > self.limit {
            Err(CallError::OutOfGas)
        } else {
            Ok(())
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }
}
