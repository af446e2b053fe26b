//! How much of something is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts those of its units that are alive, on whatever threads they are.
///
/// # Examples
///
/// ```
/// use anyio_future_contract::Census;
///
/// let census = Census::default();
/// let (one, other) = (census.one(), census.one());
/// drop(one);
/// assert_eq!(census.count(), 1);
/// drop(other);
/// assert_eq!(census.count(), 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Census(Arc<AtomicUsize>);

impl Census {
    /// One more, to be put into what has to be dropped.
    pub fn one(&self) -> Alive {
        self.0.fetch_add(1, Ordering::SeqCst);
        Alive(self.0.clone())
    }

    /// Returns how many are alive.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A unit of a [`Census`]: it is alive until dropped.
#[derive(Debug)]
#[must_use = "it is alive until this is dropped"]
pub struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
