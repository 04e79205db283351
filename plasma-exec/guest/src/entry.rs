//! How a program starts and how it ends.
//!
//! Unsafe here: the first instructions, which set up what compiled code takes for granted, and the symbol that they
//! jump to, which the macro makes exactly once.

#![allow(unsafe_code)]

/// How a program ends. Only a program that ends with [`Exit::SUCCESS`] has an outcome: what it committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u64);

impl Exit {
    /// It did what it was for.
    pub const SUCCESS: Self = Self(0);
    /// It panicked.
    pub const PANIC: Self = Self(101);
    /// It asked for more memory than the machine has.
    pub const OUT_OF_MEMORY: Self = Self(102);
    /// Its input is none.
    pub const BAD_INPUT: Self = Self(103);
}

/// Makes of a function `fn() -> Exit` the program that the crate is.
///
/// For other targets the crate is a binary that says what it is for, so that a workspace with a program in it still
/// builds and is checked as a whole.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[cfg(target_os = "none")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn plasma_guest_main() -> ! {
                $crate::run($main)
            }
        };

        #[cfg(not(target_os = "none"))]
        fn main() -> ::std::process::ExitCode {
            let _: fn() -> $crate::Exit = $main;
            ::std::eprintln!(
                "this program runs in the fault-proof machine: build it with `plasma program build`"
            );
            ::std::process::ExitCode::FAILURE
        }
    };
}

/// What [`entry!`] runs.
#[doc(hidden)]
pub fn run(main: fn() -> Exit) -> ! {
    #[cfg(feature = "chain")]
    crate::crypto::install();
    crate::ecall::halt(main())
}

#[cfg(target_os = "none")]
mod start {
    core::arch::global_asm!(
        ".section .text._start, \"ax\", @progbits",
        ".globl _start",
        "_start:",
        ".option push",
        ".option norelax",
        "la gp, __global_pointer$",
        ".option pop",
        // The machine gives the end of memory; the stack stands below text instead (see the linker script).
        "la sp, _stack_top",
        "j plasma_guest_main",
    );

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        crate::ecall::halt(crate::Exit::PANIC)
    }
}
