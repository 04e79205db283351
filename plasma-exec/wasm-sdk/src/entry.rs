//! How a contract begins.

use core::mem::MaybeUninit;

use crate::{Args, Reply, context::revert, ffi};

/// The longest that a contract here is called with, in bytes.
#[doc(hidden)]
pub const MAX_ARGUMENTS: usize = 4 + 32 * 8;

/// Reads what the contract was called with, and returns what it says. The arguments of a `deploy` have no selector.
#[doc(hidden)]
#[inline]
pub fn run(has_selector: bool, does: impl FnOnce(&Args<'_>) -> Reply) {
    let mut room = [MaybeUninit::uninit(); MAX_ARGUMENTS];
    let (length, bytes) = ffi::input(&mut room);
    if length > MAX_ARGUMENTS {
        revert("it is called with more than it takes");
    }
    let args = if has_selector {
        Args::new(bytes)
    } else {
        Args::without_selector(bytes)
    };
    does(&args).send();
}

/// Makes a contract of a function, and of another one that runs when it is created. Both take [`Args`] and give a
/// [`Reply`]; the arguments of the second have no selector. A text behind them is the ABI as JSON, which the chain
/// gives to who asks for it.
#[macro_export]
macro_rules! contract {
    ($call:path $(, deploy = $deploy:path)? $(, abi = $abi:expr)? $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        mod plasma_contract_entry {
            use super::*;

            #[unsafe(export_name = "call")]
            extern "C" fn plasma_contract_call() {
                $crate::run(true, $call);
            }

            $(
                #[unsafe(export_name = "deploy")]
                extern "C" fn plasma_contract_deploy() {
                    $crate::run(false, $deploy);
                }
            )?

            $(
                const TEXT: &str = $abi;

                #[unsafe(link_section = "plasma.abi")]
                static ABI: [u8; TEXT.len()] = {
                    let (mut bytes, mut i) = ([0; TEXT.len()], 0);
                    while i < TEXT.len() {
                        bytes[i] = TEXT.as_bytes()[i];
                        i += 1;
                    }
                    bytes
                };
            )?

            #[panic_handler]
            fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
                core::arch::wasm32::unreachable()
            }
        }

        #[cfg(not(target_arch = "wasm32"))]
        const _: fn(&$crate::Args<'_>) -> $crate::Reply = $call;
        $(
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(&$crate::Args<'_>) -> $crate::Reply = $deploy;
        )?
    };
}
