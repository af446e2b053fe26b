//! What belongs to one `run`, without this crate knowing what it is.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use crate::ambient;

/// The state of one `run`, on which upper crates hang theirs by type. Outside of any `run` a process-wide one serves.
#[derive(Default)]
pub struct RunRecord {
    entries: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl RunRecord {
    /// An empty record, for a new `run`.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The record of the `run` in which this is called, or the process-wide one.
    pub fn current() -> Arc<Self> {
        static OUTSIDE: OnceLock<Arc<RunRecord>> = OnceLock::new();
        ambient::run().unwrap_or_else(|| OUTSIDE.get_or_init(Self::new).clone())
    }

    /// Whether this is called inside a `run`.
    pub fn is_inside() -> bool {
        ambient::run().is_some()
    }

    /// The entry of type `T`, made by `init` if there is none yet.
    ///
    /// `init` runs without a lock held; if two callers race, one of the values is dropped and both get the other.
    pub fn entry<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        let key = TypeId::of::<T>();
        let found = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let entry = found.unwrap_or_else(|| {
            let new: Arc<dyn Any + Send + Sync> = Arc::new(init());
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.entry(key).or_insert(new).clone()
        });
        entry.downcast().expect("entries are kept under their own type")
    }

    /// Runs `f` with this record as the current one.
    pub fn enter<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        ambient::with_run(self, f)
    }
}

impl fmt::Debug for RunRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunRecord").finish_non_exhaustive()
    }
}
