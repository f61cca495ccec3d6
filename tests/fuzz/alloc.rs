//! Counts what each thread allocates, to check that no reader needs more memory than its input justifies.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

fn count(added: isize) {
    // A thread that is ending has no counters any more.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + added);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
    let _ = TOTAL.try_with(|total| total.set(total.get() + added.max(0) as usize));
}

// Safety: every call is passed unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The memory that a function allocated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// The greatest number of bytes that it held at one time.
    pub peak: usize,
    /// The sum of all its allocations, in bytes. It is deterministic, and quadratic if texts are copied into each other.
    pub total: usize,
}

pub fn measured(work: impl FnOnce()) -> Memory {
    let (live, total) = (LIVE.get(), TOTAL.get());
    PEAK.set(live);
    work();
    Memory {
        peak: (PEAK.get() - live).max(0) as usize,
        total: TOTAL.get() - total,
    }
}
