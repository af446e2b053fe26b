//! The allocator of the whole program: the system's, which can be told to count.
//!
//! While it does not count it costs a load and a branch more, for everybody.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

#[global_allocator]
static HEAP: Counting = Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ON_ONE_THREAD: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! { static HERE: Cell<bool> = const { Cell::new(false) }; }

struct Counting;

/// What happened on the heap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// Bytes that were asked for and not given back, without what the allocator itself needs.
    pub(crate) live: i64,
    /// How often memory was asked for, a change of size included.
    pub(crate) allocations: u64,
}

/// Counts what this thread does while `f` runs. `f` gets a function that tells the use so far.
pub(crate) fn count_here<R>(f: impl FnOnce(fn() -> Use) -> R) -> R {
    HERE.set(true);
    ON_ONE_THREAD.store(true, Ordering::SeqCst);
    let result = count(f);
    ON_ONE_THREAD.store(false, Ordering::SeqCst);
    HERE.set(false);
    result
}

/// Counts what all threads do while `f` runs. `f` gets a function that tells the use so far.
pub(crate) fn count<R>(f: impl FnOnce(fn() -> Use) -> R) -> R {
    LIVE.store(0, Ordering::SeqCst);
    ALLOCATIONS.store(0, Ordering::SeqCst);
    COUNTS.store(true, Ordering::SeqCst);
    let result = f(|| Use { live: LIVE.load(Ordering::SeqCst), allocations: ALLOCATIONS.load(Ordering::SeqCst) });
    COUNTS.store(false, Ordering::SeqCst);
    result
}

fn note(bytes: i64, allocations: u64) {
    if COUNTS.load(Ordering::Relaxed)
        && (!ON_ONE_THREAD.load(Ordering::Relaxed) || HERE.try_with(Cell::get) == Ok(true))
    {
        LIVE.fetch_add(bytes, Ordering::Relaxed);
        ALLOCATIONS.fetch_add(allocations, Ordering::Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it came, and what that returns is returned. Counting touches
// atomics, and a thread-local that needs no room and no destructor: it neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64, 1);
        // SAFETY: the caller keeps the contract of this function, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(-(layout.size() as i64), 0);
        // SAFETY: the caller keeps the contract of this function, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64, 1);
        // SAFETY: the caller keeps the contract of this function, which is the system's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size as i64 - layout.size() as i64, 1);
        // SAFETY: the caller keeps the contract of this function, which is the system's.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
