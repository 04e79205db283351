//! Memory for a program that runs once: what is given back is kept in lists by size, the rest follows a mark.
//!
//! ```text
//!   start                                mark        high                          end
//!     | given out, or in a list for its size | given back | never touched: zeroes    |
//! ```
//! Invariants: a block's room is the size of its class, at least what was asked for; a block is in at most one
//! list; memory from `high` on has not been written since the program began. Every operation takes constant time, but
//! for copying and zeroing what it must. Blocks are not joined: a size that was once in use stays cut that way, so a
//! program's memory is at most the sum over the classes of the most that each held at once.
//!
//! Unsafe here: an allocator hands out raw memory, by the contract of [`GlobalAlloc`](core::alloc::GlobalAlloc).
#![allow(unsafe_code)]

use core::{alloc::Layout, ptr};

/// Every block is aligned to, and a multiple of, so many bytes: room for a list's link.
const GRAIN: usize = 16;
/// Classes for each doubling of size.
const STEPS: usize = 4;
/// From 16 bytes to 2^32.
const CLASSES: usize = 32 * STEPS;

/// Memory between two addresses.
pub(crate) struct Heap {
    /// Where the memory begins that is in no block.
    mark: usize,
    /// Where the memory begins that was never in a block.
    high: usize,
    end: usize,
    /// The first block of each class's list, linked through its first word; 0 for none.
    lists: [usize; CLASSES],
    /// The same for blocks that are aligned to their size, a power of two.
    aligned: [usize; 32],
}

impl Heap {
    /// No memory yet.
    pub(crate) const fn empty() -> Self {
        Self {
            mark: 0,
            high: 0,
            end: 0,
            lists: [0; CLASSES],
            aligned: [0; 32],
        }
    }

    /// All memory from `start` to `end`.
    ///
    /// # Safety
    ///
    /// The memory is nobody else's, and zero.
    pub(crate) unsafe fn init(&mut self, start: usize, end: usize) {
        let start = start.next_multiple_of(GRAIN);
        (self.mark, self.high, self.end) = (start, start, end);
    }

    /// Whether it was never given memory.
    #[cfg(target_os = "none")]
    fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// A block, and whether it is known to be zero; `None` when there is no memory left for it.
    ///
    /// # Safety
    ///
    /// As [`GlobalAlloc::alloc`](core::alloc::GlobalAlloc::alloc).
    #[inline]
    pub(crate) unsafe fn alloc(&mut self, layout: Layout) -> Option<(*mut u8, bool)> {
        let block = Class::of(layout)?;
        let list = self.list(block);
        if *list != 0 {
            let place = ptr::with_exposed_provenance_mut::<usize>(*list);
            // SAFETY: a block in a list is aligned, has room for a word, and holds its link there.
            *list = unsafe { place.read() };
            return Some((place.cast(), false));
        }
        let start = match block {
            Class::Plain(_) => self.mark,
            Class::Aligned(bits) => self.mark.checked_next_multiple_of(1 << bits)?,
        };
        let end = start
            .checked_add(block.size())
            .filter(|end| *end <= self.end)?;
        let fresh = start >= self.high;
        self.mark = end;
        self.high = self.high.max(end);
        Some((ptr::with_exposed_provenance_mut(start), fresh))
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// As [`GlobalAlloc::dealloc`](core::alloc::GlobalAlloc::dealloc).
    #[inline]
    pub(crate) unsafe fn dealloc(&mut self, place: *mut u8, layout: Layout) {
        // What was given out had a class.
        let Some(block) = Class::of(layout) else {
            return;
        };
        let start = place.expose_provenance();
        if start + block.size() == self.mark {
            self.mark = start;
            return;
        }
        let list = self.list(block);
        // SAFETY: the block is the heap's again and has room for a word; blocks are aligned to more than one.
        #[allow(clippy::cast_ptr_alignment)]
        unsafe {
            place.cast::<usize>().write(*list);
        }
        *list = start;
    }

    /// Whether a block could be given `size` bytes where it stands.
    ///
    /// # Safety
    ///
    /// As [`GlobalAlloc::realloc`](core::alloc::GlobalAlloc::realloc).
    #[inline]
    pub(crate) unsafe fn resize(&mut self, place: *mut u8, layout: Layout, size: usize) -> bool {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return false;
        };
        let (Some(old), Some(new)) = (Class::of(layout), Class::of(wanted)) else {
            return false;
        };
        if old == new {
            return true;
        }
        let start = place.expose_provenance();
        let (Class::Plain(_), Class::Plain(_)) = (old, new) else {
            return false;
        };
        if start + old.size() != self.mark || start + new.size() > self.end {
            return false;
        }
        self.mark = start + new.size();
        self.high = self.high.max(self.mark);
        true
    }

    /// The most memory that was ever given out.
    #[cfg(test)]
    fn used(&self, start: usize) -> usize {
        self.high - start
    }

    fn list(&mut self, block: Class) -> &mut usize {
        match block {
            Class::Plain(class) => &mut self.lists[class as usize],
            Class::Aligned(bits) => &mut self.aligned[bits as usize],
        }
    }
}

/// What a block is like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Aligned to 16 bytes; sizes go up in four steps for each doubling.
    Plain(u32),
    /// Aligned to its size, two to this power.
    Aligned(u32),
}

impl Class {
    #[inline]
    fn of(layout: Layout) -> Option<Self> {
        if layout.align() > GRAIN {
            let size = layout
                .size()
                .max(layout.align())
                .checked_next_power_of_two()?;
            let bits = size.trailing_zeros();
            return (bits < 32).then_some(Self::Aligned(bits));
        }
        // In grains, less one, so that a power of two is the last of its doubling.
        let last = layout.size().max(1).div_ceil(GRAIN) - 1;
        if last < STEPS {
            return Some(Self::Plain(last as u32));
        }
        let bits = last.ilog2();
        let class = (bits - 1) * STEPS as u32 + (last >> (bits - 2)) as u32 - STEPS as u32;
        ((class as usize) < CLASSES).then_some(Self::Plain(class))
    }

    #[inline]
    fn size(self) -> usize {
        match self {
            Self::Aligned(bits) => 1 << bits,
            Self::Plain(class) => {
                let (doubling, step) = (class as usize / STEPS, class as usize % STEPS);
                let grains = if doubling == 0 {
                    step + 1
                } else {
                    (STEPS + step + 1) << (doubling - 1)
                };
                grains * GRAIN
            }
        }
    }
}

#[cfg(target_os = "none")]
mod global {
    use core::{
        alloc::{GlobalAlloc, Layout},
        cell::UnsafeCell,
        ptr,
    };

    use super::Heap;
    use crate::{Exit, ecall::halt};

    struct Global(UnsafeCell<Heap>);

    // SAFETY: the machine has one hart and no interrupts.
    unsafe impl Sync for Global {}

    #[global_allocator]
    static GLOBAL: Global = Global(UnsafeCell::new(Heap::empty()));

    impl Global {
        #[allow(clippy::mut_from_ref)]
        fn heap(&self) -> &mut Heap {
            unsafe extern "C" {
                static mut _heap_start: u8;
                static mut _heap_end: u8;
            }
            // SAFETY: one hart; no reference outlives a call of the allocator, which calls nothing of the program's.
            let heap = unsafe { &mut *self.0.get() };
            if heap.is_empty() {
                // SAFETY: the linker script gives this memory to nobody else, and the machine begins with zeroes.
                unsafe {
                    heap.init(
                        (&raw mut _heap_start).expose_provenance(),
                        (&raw mut _heap_end).expose_provenance(),
                    );
                }
            }
            heap
        }
    }

    // SAFETY: each method does what the trait says, as the heap's invariants have it. It ends the program rather
    // than giving null: the program would have no way on, and its outcome must not depend on how it tries.
    unsafe impl GlobalAlloc for Global {
        #[inline]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's.
            match unsafe { self.heap().alloc(layout) } {
                Some((place, _)) => place,
                None => halt(Exit::OUT_OF_MEMORY),
            }
        }

        #[inline]
        unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
            // SAFETY: the caller's.
            unsafe { self.heap().dealloc(place, layout) }
        }

        #[inline]
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's.
            match unsafe { self.heap().alloc(layout) } {
                Some((place, true)) => place,
                Some((place, false)) => {
                    // SAFETY: the block has room for the layout.
                    unsafe { ptr::write_bytes(place, 0, layout.size()) };
                    place
                }
                None => halt(Exit::OUT_OF_MEMORY),
            }
        }

        #[inline]
        unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: the caller's; the new block has room for what is copied.
            unsafe {
                if self.heap().resize(place, layout, size) {
                    return place;
                }
                let wanted = Layout::from_size_align_unchecked(size, layout.align());
                let new = self.alloc(wanted);
                ptr::copy_nonoverlapping(place, new, layout.size().min(size));
                self.dealloc(place, layout);
                new
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_class_has_room_for_what_is_in_it_and_little_more() {
        for size in (0..5_000).chain([8 << 20, (8 << 20) + 1, 255 << 20]) {
            let class = Class::of(Layout::from_size_align(size, 8).expect("valid")).expect("small");
            let room = class.size();
            assert!(
                room >= size.max(1) && room.is_multiple_of(GRAIN),
                "{size}: {room}"
            );
            assert!(
                room <= (size + size / 4).max(size + GRAIN).max(GRAIN),
                "{size}: {room}"
            );
            let again = Class::of(Layout::from_size_align(room, 8).expect("valid"));
            assert!(again == Some(class), "{size}");
        }
        assert!(Class::of(Layout::from_size_align(1 << 40, 8).expect("valid")).is_none());
        assert!(Class::of(Layout::from_size_align(1 << 40, 64).expect("valid")).is_none());
    }

    /// A program's requests, at random: blocks keep what was written to them, are aligned, and do not overlap.
    #[test]
    fn blocks_keep_what_is_written_to_them() {
        let mut memory = alloc::vec![0_u64; 1 << 20];
        let start = memory.as_mut_ptr().expose_provenance();
        let mut heap = Heap::empty();
        // SAFETY: the memory is this test's, and zero.
        unsafe { heap.init(start, start + (8 << 20)) };
        let mut seed = 7_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize
        };
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..20_000_u32 {
            if held.len() > 64 || (random() % 3 == 0 && !held.is_empty()) {
                let (place, layout, fill) = held.swap_remove(random() % held.len());
                // SAFETY: the block was given out for this layout.
                unsafe {
                    let bytes = core::slice::from_raw_parts(place, layout.size());
                    assert!(bytes.iter().all(|byte| *byte == fill), "round {round}");
                    let size = 1 + random() % 9_000;
                    if random() % 2 == 0 && heap.resize(place, layout, size) {
                        let layout = Layout::from_size_align(size, layout.align()).expect("valid");
                        ptr::write_bytes(place, fill, size);
                        held.push((place, layout, fill));
                    } else {
                        heap.dealloc(place, layout);
                    }
                }
                continue;
            }
            let align = 1 << (random() % 9);
            let layout = Layout::from_size_align(1 + random() % 9_000, align).expect("valid");
            // SAFETY: a layout with a size.
            let (place, zero) = unsafe { heap.alloc(layout) }.expect("8 MiB are enough");
            assert_eq!(place.addr() % align, 0);
            // SAFETY: the block has room for the layout.
            unsafe {
                if zero {
                    let bytes = core::slice::from_raw_parts(place, layout.size());
                    assert!(bytes.iter().all(|byte| *byte == 0), "round {round}");
                }
                ptr::write_bytes(place, round as u8, layout.size());
            }
            held.push((place, layout, round as u8));
        }
        assert!(heap.used(start) < 8 << 20);
    }

    #[test]
    fn memory_that_is_used_up_is_refused_and_what_comes_back_is_given_again() {
        let mut memory = alloc::vec![0_u64; 1 << 10];
        let start = memory.as_mut_ptr().expose_provenance();
        let mut heap = Heap::empty();
        let kib = Layout::from_size_align(1 << 10, 8).expect("valid");
        // SAFETY: the memory is this test's, and zero; blocks go back as they came.
        unsafe {
            heap.init(start, start + (8 << 10));
            let blocks: Vec<_> = core::iter::from_fn(|| heap.alloc(kib)).collect();
            assert!((7..=8).contains(&blocks.len()), "{}", blocks.len());
            heap.dealloc(blocks[2].0, kib);
            assert_eq!(heap.alloc(kib), Some((blocks[2].0, false)));
            assert_eq!(heap.alloc(kib), None);
        }
    }
}
