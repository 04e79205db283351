//! What a contract failed with, in words.

use alloc::{format, string::String};

use alloy_primitives::hex;
use alloy_sol_types::{Panic, PanicKind, Revert, SolError};

/// The longest part of a contract's own words that a receipt repeats, in bytes.
const MAX_REASON: usize = 256;

/// What a contract reverted with, in words.
pub(crate) fn revert_reason(output: &[u8]) -> String {
    const REVERTED: &str = "execution reverted";
    if output.is_empty() {
        return REVERTED.into();
    }
    if let Ok(revert) = Revert::abi_decode(output) {
        return format!("{REVERTED}: {}", shortened(&revert.reason));
    }
    if let Ok(panic) = Panic::abi_decode(output) {
        let kind = panic.kind().map_or("unknown code", PanicKind::as_str);
        return format!("{REVERTED}: panic {:#04x}: {kind}", panic.code);
    }
    let shown = &output[..output.len().min(MAX_REASON / 2)];
    let more = if shown.len() < output.len() {
        "..."
    } else {
        ""
    };
    format!(
        "{REVERTED}: custom error {}{more}",
        hex::encode_prefixed(shown)
    )
}

/// The beginning of a text that is long.
pub(crate) fn shortened(text: &str) -> String {
    if text.len() <= MAX_REASON {
        return text.into();
    }
    let mut end = MAX_REASON;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    #[test]
    fn reverts_are_put_into_words() {
        let said = |text: &str| Revert::from(text).abi_encode();
        let long = "x".repeat(1_000);
        let cases = [
            (Vec::new(), "execution reverted".to_string()),
            (said("no"), "execution reverted: no".into()),
            (
                said(&long),
                format!("execution reverted: {}...", &long[..256]),
            ),
            (
                Panic {
                    code: U256::from(0x11),
                }
                .abi_encode(),
                "execution reverted: panic 0x11: arithmetic underflow or overflow".into(),
            ),
            (
                Panic {
                    code: U256::from(0x99),
                }
                .abi_encode(),
                "execution reverted: panic 0x99: unknown code".into(),
            ),
            (
                hex!("11223344").to_vec(),
                "execution reverted: custom error 0x11223344".into(),
            ),
            (
                alloc::vec![0xab; 1_000],
                format!("execution reverted: custom error 0x{}...", "ab".repeat(128)),
            ),
            // The selector of Error(string), and nothing that it could mean.
            (
                hex!("08c379a0").to_vec(),
                "execution reverted: custom error 0x08c379a0".into(),
            ),
        ];
        for (output, reason) in cases {
            assert_eq!(revert_reason(&output), reason);
        }
    }
}
