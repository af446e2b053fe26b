//! The process-wide generation: a number that moves after every change that could change what some scope's verdict is.
//!
//! # Invariants
//! 1. Whoever changes a flag, a shield or a parent stores the change first and bumps afterwards; whoever caches a verdict
//!    reads the generation first and the flags afterwards. So a verdict cached for generation `g` is right as long as the
//!    generation is `g`, and a checkpoint needs one load, at any depth of the tree.
//! 2. Flags and the generation are `SeqCst`: "set a flag, then look at a list" races with "enter the list, then look at
//!    the flags", and only a total order keeps both sides from missing each other.

use crate::sync::{AtomicU64, Ordering, process_wide};

/// The first generation. Zero is never reached, so that a cache of generation 0 is empty.
const FIRST: u64 = 1;

process_wide! {
    static GENERATION: AtomicU64 = AtomicU64::new(FIRST);
}

pub(crate) fn current() -> u64 {
    GENERATION.load(Ordering::SeqCst)
}

/// Moves the generation on, and tells which one it left.
pub(crate) fn bump() -> u64 {
    GENERATION.fetch_add(1, Ordering::SeqCst)
}
