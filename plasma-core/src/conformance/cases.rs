//! How much is tried.

/// How many cases a property is tried with: `usual`, or many times as many where the environment variable
/// `PLASMA_LONG` is set, as `cargo xtask test --long` sets it.
pub fn cases(usual: u32) -> u32 {
    if std::env::var_os("PLASMA_LONG").is_some() {
        usual.saturating_mul(32)
    } else {
        usual
    }
}
