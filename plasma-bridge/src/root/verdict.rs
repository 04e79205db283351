//! What a node says to a transaction.

use alloy::transports::{RpcError, TransportError};

/// What a node says to a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has it.
    Taken,
    /// The nonce was used before.
    NonceUsed,
    /// A nonce before it is missing.
    NonceGap,
    /// It offers too little.
    Underpriced,
    /// The account cannot pay for it.
    NoFunds,
    /// It can never be taken, for this reason.
    Refused(String),
}

impl Verdict {
    /// Reads a node's answer; nodes agree on words rather than on codes. `None`: it did not decide.
    pub(super) fn of(error: &TransportError) -> Option<Self> {
        let RpcError::ErrorResp(payload) = error else {
            return None;
        };
        if payload.is_retry_err() {
            return None;
        }
        Self::read(&payload.message, payload.code)
    }

    fn read(message: &str, code: i64) -> Option<Self> {
        const WORDS: [(&[&str], Option<Verdict>); 6] = [
            (
                &[
                    "already known",
                    "already imported",
                    "already in pool",
                    "already in mempool",
                ],
                Some(Verdict::Taken),
            ),
            (
                &[
                    "nonce too low",
                    "nonce is too low",
                    "old nonce",
                    "nonce has already been used",
                ],
                Some(Verdict::NonceUsed),
            ),
            (&["nonce too high", "nonce gap"], Some(Verdict::NonceGap)),
            (
                &[
                    "underpriced",
                    "fee too low",
                    "block base fee",
                    "below base fee",
                ],
                Some(Verdict::Underpriced),
            ),
            (
                &["insufficient funds", "insufficient balance"],
                Some(Verdict::NoFunds),
            ),
            (
                &[
                    "pool is full",
                    "pool full",
                    "wait for some",
                    "timeout",
                    "busy",
                    "is away",
                ],
                None,
            ),
        ];
        let lower = message.to_lowercase();
        // Not anywhere inside: "unknown transaction type" is something else.
        if lower.starts_with("known transaction") {
            return Some(Self::Taken);
        }
        let found = WORDS
            .iter()
            .find(|(words, _)| words.iter().any(|word| lower.contains(word)));
        match found {
            Some((_, verdict)) => verdict.clone(),
            None => Some(Self::Refused(format!("{message} (code {code})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_understood() {
        let refused = |text: &str| Some(Verdict::Refused(format!("{text} (code -32000)")));
        // As geth, anvil, erigon, nethermind and plasma chains say it.
        let cases = [
            ("already known", Some(Verdict::Taken)),
            ("known transaction: 0x12", Some(Verdict::Taken)),
            ("transaction already imported", Some(Verdict::Taken)),
            (
                "nonce too low: next nonce 5, tx nonce 4",
                Some(Verdict::NonceUsed),
            ),
            ("OldNonce", refused("OldNonce")),
            (
                "nonce too high: 9 is beyond the window of 0x12, 0 to 4",
                Some(Verdict::NonceGap),
            ),
            (
                "replacement transaction underpriced",
                Some(Verdict::Underpriced),
            ),
            (
                "max fee per gas 1 wei is less than the block base fee of 7 wei",
                Some(Verdict::Underpriced),
            ),
            (
                "max fee per gas less than block base fee: address 0x12",
                Some(Verdict::Underpriced),
            ),
            (
                "Insufficient funds for gas * price + value",
                Some(Verdict::NoFunds),
            ),
            ("txpool is full", None),
            (
                "0x12 has 9 bytes waiting, and the limit is 9; wait for some to be included",
                None,
            ),
            (
                "unknown transaction type",
                refused("unknown transaction type"),
            ),
            (
                "exceeds block gas limit",
                refused("exceeds block gas limit"),
            ),
        ];
        for (message, verdict) in cases {
            assert_eq!(Verdict::read(message, -32_000), verdict, "{message}");
        }
    }
}
