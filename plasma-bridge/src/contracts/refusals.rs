//! What a contract means by a revert.

use std::{collections::HashMap, fmt, fmt::Write as _, sync::LazyLock};

use alloy::{
    dyn_abi::{DynSolValue, ErrorExt as _},
    json_abi::Error as AbiError,
    primitives::hex,
    sol_types::{Panic, Revert, SolError as _},
};
use plasma_core::{B256, SettlementError};

use super::RootContract;

/// Revert data beyond this many bytes are not read: a contract that we call may be a stranger's.
const MAX_REVERT_BYTES: usize = 4_096;
/// A value beyond this many characters is cut where it is shown.
const MAX_SHOWN: usize = 256;

/// Errors that say "not now": somebody was faster, or it is too early. All others say "never".
const STALE: [&str; 38] = [
    "StaleBatch",
    "MessageOverdue",
    "MessagesOutOfRange",
    "NothingOverdue",
    "NotOpen",
    "NotSilent",
    "NoAnswer",
    "EpochAhead",
    "EntriesOutOfRange",
    "WrongEntries",
    "AlreadyClaimed",
    "WindowClosed",
    "WindowOpen",
    "MatchesLeft",
    "NotWaiting",
    "ClockRunning",
    "WrongNode",
    "SplitToLeaves",
    "AlreadyResolved",
    "NoSurvivor",
    "NoClaim",
    "NothingToWithdraw",
    "OutboxNotSettled",
    "AlreadyWithdrawn",
    "UpgradePending",
    "UpgradeTooEarly",
    "NoUpgrade",
    "ClaimsPaused",
    "PauseTooEarly",
    "EpochNotOver",
    "NoCandidates",
    "StillLiable",
    "NoVote",
    "WindowOver",
    "NothingToClaim",
    "NothingToBurn",
    "NoAccusation",
    "TooEarly",
];

/// Errors that another second on the root's clock may cure.
const EARLY: [&str; 9] = [
    "WindowOpen",
    "ClockRunning",
    "NothingOverdue",
    "NotOpen",
    "UpgradeTooEarly",
    "ClaimsPaused",
    "PauseTooEarly",
    "EpochNotOver",
    "TooEarly",
];

static ERRORS: LazyLock<HashMap<[u8; 4], &'static AbiError>> = LazyLock::new(|| {
    RootContract::all()
        .flat_map(|contract| contract.abi().errors())
        .map(|error| (error.selector().0, error))
        .collect()
});

/// A revert, read: the error's name and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The custom error's name; `Error` for a plain reason, `Panic` for a failed assertion, empty
    /// when the contract gave nothing.
    pub name: String,
    /// Name and values, as in `StaleBatch(expected: 3, got: 2)`.
    pub text: String,
}

impl Refusal {
    /// Reads what a reverted call returned.
    pub fn decode(data: &[u8]) -> Self {
        let data = &data[..data.len().min(MAX_REVERT_BYTES)];
        if data.is_empty() {
            return Self::named("", "the contract gave no reason".into());
        }
        if let Ok(revert) = Revert::abi_decode(data) {
            let mut text = format!("{:?}", revert.reason);
            cut(&mut text);
            return Self::named("Error", text);
        }
        if let Ok(panic) = Panic::abi_decode(data) {
            return Self::named("Panic", panic.to_string());
        }
        let known = data.first_chunk().and_then(|selector| ERRORS.get(selector));
        let decoded = known.and_then(|error| Some((error, error.decode_error(data).ok()?)));
        let Some((error, decoded)) = decoded else {
            let mut text = format!("unknown error {}", hex::encode_prefixed(data));
            cut(&mut text);
            return Self::named("", text);
        };
        let names = error
            .inputs
            .iter()
            .map(|input| input.name.trim_end_matches('_'));
        let values: Vec<String> = names
            .zip(&decoded.body)
            .map(|(name, value)| format!("{name}: {}", show(value)))
            .collect();
        Self::named(
            &error.name,
            format!("{}({})", error.name, values.join(", ")),
        )
    }

    /// Whether looking again may show that the call is no longer needed, or possible by then.
    pub fn is_stale(&self) -> bool {
        STALE.contains(&self.name.as_str())
    }

    /// Whether the root's clock alone stands in the way.
    pub fn is_early(&self) -> bool {
        EARLY.contains(&self.name.as_str())
    }

    fn named(name: &str, text: String) -> Self {
        Self {
            name: name.into(),
            text,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Refusal> for SettlementError {
    fn from(refusal: Refusal) -> Self {
        if refusal.is_stale() {
            Self::Stale(refusal.text)
        } else {
            Self::Refused(refusal.text)
        }
    }
}

fn show(value: &DynSolValue) -> String {
    let mut text = match value {
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::Address(value) => value.to_string(),
        DynSolValue::FixedBytes(word, _) => parameter_name(word).unwrap_or(word.to_string()),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::String(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    };
    cut(&mut text);
    text
}

/// Solidity passes short names as left-aligned words: `OutOfRange("bond", ...)`.
fn parameter_name(word: &B256) -> Option<String> {
    let length = word
        .iter()
        .position(|byte| *byte == 0)
        .filter(|length| *length > 0)?;
    let (name, rest) = word.split_at(length);
    let readable = name.iter().all(u8::is_ascii_alphanumeric) && rest.iter().all(|byte| *byte == 0);
    readable.then(|| String::from_utf8_lossy(name).into_owned())
}

fn cut(text: &mut String) {
    if text.len() > MAX_SHOWN {
        let end = (0..=MAX_SHOWN)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        let rest = text.len() - end;
        text.truncate(end);
        // Writing to a string cannot fail.
        let _ = write!(text, "... ({rest} more)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::{sol, sol_types::SolValue as _};

    sol! {
        error StaleBatch(uint64 expected, uint64 got);
        error OutOfRange(bytes32 parameter, uint256 got, uint256 least, uint256 most);
        error CallFailed(bytes reason);
        error Stranger(uint256 value);
    }

    fn check(data: &[u8], text: &str, stale: bool) {
        let refusal = Refusal::decode(data);
        assert_eq!(refusal.text, text);
        assert_eq!(refusal.is_stale(), stale, "{text}");
    }

    #[test]
    fn errors_are_named_with_their_values() {
        let stale = StaleBatch {
            expected: 3,
            got: 2,
        }
        .abi_encode();
        check(&stale, "StaleBatch(expected: 3, got: 2)", true);
        let mut bond = B256::ZERO;
        bond[..4].copy_from_slice(b"bond");
        let one = plasma_core::U256::ONE;
        let range = OutOfRange {
            parameter: bond,
            got: one,
            least: one,
            most: one,
        }
        .abi_encode();
        check(
            &range,
            "OutOfRange(parameter: bond, got: 1, least: 1, most: 1)",
            false,
        );
        check(&Revert::from("no").abi_encode(), "\"no\"", false);
        check(&[], "the contract gave no reason", false);
        let stranger = Stranger { value: one }.abi_encode();
        let shown = format!("unknown error {}", hex::encode_prefixed(&stranger));
        check(&stranger, &shown, false);
    }

    #[test]
    fn hostile_revert_data_are_bounded() {
        let huge = CallFailed {
            reason: vec![7; 100_000].into(),
        }
        .abi_encode();
        assert!(Refusal::decode(&huge).text.len() < 400);
        let lying = [&StaleBatch::SELECTOR[..], &[0xff; 3]].concat();
        assert!(Refusal::decode(&lying).text.starts_with("unknown error 0x"));
        // A length field that claims more than there is.
        let claim = [
            &CallFailed::SELECTOR[..],
            &(u64::MAX, u64::MAX).abi_encode(),
        ]
        .concat();
        assert!(Refusal::decode(&claim).text.starts_with("unknown error 0x"));
    }

    #[test]
    fn every_error_that_is_called_stale_exists() {
        for name in STALE.iter().chain(&EARLY) {
            assert!(ERRORS.values().any(|error| error.name == *name), "{name}");
        }
    }
}
