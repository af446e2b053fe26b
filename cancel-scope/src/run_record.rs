//! What belongs to one `run`, without this crate knowing what it is.

use std::{
    any::{Any, TypeId},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use crate::{
    ambient,
    trial::{Observer, Trial},
};

/// The state of one `run`, on which upper crates hang theirs by type. Outside of any `run` a process-wide one serves.
#[derive(Default)]
pub struct RunRecord {
    entries: Link,
    threads: Busy,
    descriptors: Busy,
    /// Who wants to know when nothing is busy any more; only a `run` whose clock jumps does.
    watcher: Mutex<Option<Waker>>,
    trial: Option<Trial>,
}

/// A list that only grows, so that it is read without a lock. Few things are ever on it.
type Link = OnceLock<Box<Entry>>;

struct Entry {
    of: TypeId,
    value: Arc<dyn Any + Send + Sync>,
    next: Link,
}

impl RunRecord {
    /// An empty record, for a new `run`.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// An empty record, for a `run` that is watched.
    #[doc(hidden)]
    pub fn on_trial(observer: Option<Arc<dyn Observer>>) -> Arc<Self> {
        Arc::new(Self { trial: Some(Trial::new(observer)), ..Self::default() })
    }

    /// What it has more, if it is watched.
    #[doc(hidden)]
    pub fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// The record of the `run` in which this is called, or the process-wide one.
    pub fn current() -> Arc<Self> {
        ambient::run().unwrap_or_else(|| Self::outside_of_any().clone())
    }

    fn outside_of_any() -> &'static Arc<Self> {
        static OUTSIDE: OnceLock<Arc<RunRecord>> = OnceLock::new();
        OUTSIDE.get_or_init(Self::new)
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
            let of = TypeId::of::<T>();
            let mut link = &self.entries;
            loop {
                let entry = link.get_or_init(|| Box::new(Entry { of, value: new.clone(), next: Link::new() }));
                if entry.of == of {
                    return entry.value.clone().downcast().expect("entries are kept under their own type");
                }
                link = &entry.next;
            }
        })
    }

    /// The entry of type `T`, if there is one.
    pub fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.value_of::<T>().and_then(|value| value.clone().downcast().ok())
    }

    /// A clone of the entry of type `T` of the current record, if there is one. `T::clone` must not ask for the current record.
    #[doc(hidden)]
    pub fn find_here<T: Clone + Send + Sync + 'static>() -> Option<T> {
        ambient::peek_run(|run| {
            let record = run.unwrap_or_else(|| Self::outside_of_any());
            record.value_of::<T>().and_then(|value| value.downcast_ref::<T>().cloned())
        })
    }

    fn value_of<T: 'static>(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        let mut link = &self.entries;
        while let Some(entry) = link.get() {
            if entry.of == TypeId::of::<T>() {
                return Some(&entry.value);
            }
            link = &entry.next;
        }
        None
    }

    /// Runs `f` with this record as the current one.
    pub fn enter<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        ambient::with_run(self, f)
    }

    /// Says that something outside of all tasks is at work for one of them, until what it returns is dropped.
    #[doc(hidden)]
    pub fn outside(self: &Arc<Self>, what: Outside) -> AtWork {
        self.busy(what).begin();
        if let Some(trial) = &self.trial {
            trial.outside();
        }
        AtWork { record: self.clone(), what }
    }

    /// How much of this is at work.
    #[doc(hidden)]
    pub fn at_work(&self, what: Outside) -> usize {
        self.look(what).at_work()
    }

    /// Looks at what is at work. If nothing is, and a second look is the same, then nothing was in between.
    #[doc(hidden)]
    pub fn look(&self, what: Outside) -> Seen {
        Seen(self.busy(what).0.load(Ordering::SeqCst))
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

    fn busy(&self, what: Outside) -> &Busy {
        match what {
            Outside::Thread => &self.threads,
            Outside::Descriptor => &self.descriptors,
        }
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

/// How much is at work, in the lower half, and how often something has begun to be, in the upper one.
#[derive(Default)]
struct Busy(AtomicU64);

impl Busy {
    fn begin(&self) {
        self.0.fetch_add((1 << 32) + 1, Ordering::SeqCst);
    }

    /// Tells whether it was the last one.
    fn end(&self) -> bool {
        Seen(self.0.fetch_sub(1, Ordering::SeqCst)).at_work() == 1
    }
}

/// See [`RunRecord::look`].
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(u64);

impl Seen {
    /// How much was at work.
    pub fn at_work(self) -> usize {
        self.0 as u32 as usize
    }
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
        if self.record.busy(self.what).end() {
            self.record.tell_watcher();
        }
    }
}
