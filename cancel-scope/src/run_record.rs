//! What belongs to one `run`, without this crate knowing what it is.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
};

use crate::ambient;

/// The state of one `run`, on which upper crates hang theirs by type. Outside of any `run` a process-wide one serves.
#[derive(Default)]
pub struct RunRecord {
    entries: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    threads: AtomicUsize,
    descriptors: AtomicUsize,
    /// Who wants to know when nothing is busy any more; only a `run` whose clock jumps does.
    watcher: Mutex<Option<Waker>>,
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
        self.find().unwrap_or_else(|| {
            let new: Arc<dyn Any + Send + Sync> = Arc::new(init());
            let entry = self.entries().entry(TypeId::of::<T>()).or_insert(new).clone();
            Self::typed(entry)
        })
    }

    /// The entry of type `T`, if there is one.
    pub fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let found = self.entries().get(&TypeId::of::<T>()).cloned();
        found.map(Self::typed)
    }

    /// Runs `f` with this record as the current one.
    pub fn enter<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        ambient::with_run(self, f)
    }

    /// Says that something outside of all tasks is at work for one of them, until what it returns is dropped.
    #[doc(hidden)]
    pub fn outside(self: &Arc<Self>, what: Outside) -> AtWork {
        self.count(what).fetch_add(1, Ordering::SeqCst);
        AtWork { record: self.clone(), what }
    }

    /// How much of this is at work.
    #[doc(hidden)]
    pub fn at_work(&self, what: Outside) -> usize {
        self.count(what).load(Ordering::SeqCst)
    }

    /// Wakes `watcher` from now on whenever something ended that was at work.
    #[doc(hidden)]
    pub fn set_watcher(&self, watcher: Option<Waker>) {
        let mut slot = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *slot, watcher);
        drop(slot);
        drop(old);
    }

    /// Something ended that may have been the last thing at work.
    #[doc(hidden)]
    pub fn tell_watcher(&self) {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }

    fn count(&self, what: Outside) -> &AtomicUsize {
        match what {
            Outside::Thread => &self.threads,
            Outside::Descriptor => &self.descriptors,
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<TypeId, Arc<dyn Any + Send + Sync>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn typed<T: Send + Sync + 'static>(entry: Arc<dyn Any + Send + Sync>) -> Arc<T> {
        entry.downcast().expect("entries are kept under their own type")
    }
}

impl fmt::Debug for RunRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunRecord").finish_non_exhaustive()
    }
}

/// What may be at work outside of all tasks, and keeps a virtual clock from jumping.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// A closure on a worker thread: it will end by itself.
    Thread,
    /// A wait for a descriptor: it may never end.
    Descriptor,
}

/// See [`RunRecord::outside`].
#[doc(hidden)]
#[must_use = "it counts until it is dropped"]
#[derive(Debug)]
pub struct AtWork {
    record: Arc<RunRecord>,
    what: Outside,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.record.count(self.what).fetch_sub(1, Ordering::SeqCst) == 1 {
            self.record.tell_watcher();
        }
    }
}
