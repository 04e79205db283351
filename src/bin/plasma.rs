//! The `plasma` command.
//!
//! It counts what it allocates when `plasma bench` asks, and only here: the library leaves the allocator to whoever uses
//! it. The allocators with counters that there are count always: in numbers that all threads write, or in memory that is
//! kept for every thread there ever was, which a node must not have. So this one is our own, and needs what the lints
//! deny. It hands every call on to the system's allocator with the very arguments that it got, and gives back what that
//! one gave; counting touches no memory of the caller's. While it is off, it costs the look at a flag that nobody writes.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use plasma_sdk::bench::Allocated;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static IS_ON: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[inline]
fn note(bytes: usize) {
    if IS_ON.load(Relaxed) {
        COUNT.fetch_add(1, Relaxed);
        BYTES.fetch_add(bytes as u64, Relaxed);
    }
}

// SAFETY: each method is the system allocator's of the same name, called with the same arguments, so whoever keeps the
// contract towards this one keeps it towards that one, and has its promises. `note` neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's, see above; so below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

/// What some work allocates, on all threads. A growing allocation counts once more, with all of its bytes.
fn count(work: &mut dyn FnMut()) -> Allocated {
    COUNT.store(0, Relaxed);
    BYTES.store(0, Relaxed);
    IS_ON.store(true, Relaxed);
    work();
    IS_ON.store(false, Relaxed);
    Allocated {
        count: COUNT.load(Relaxed),
        bytes: BYTES.load(Relaxed),
    }
}

fn main() -> ExitCode {
    plasma_sdk::cli::main(Some(count))
}
