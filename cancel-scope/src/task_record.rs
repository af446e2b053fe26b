//! What is known of the task that runs: where it waits, and who it is.

use std::{any::Any, fmt, panic::Location, sync::Arc, task::Waker};

use crossbeam_utils::atomic::AtomicCell;

use crate::node::Host;

/// Where a task waits, and with which verb (`receive`, `lock`, ..).
///
/// Written with two relaxed stores by the wait that returns `Pending`, read by whoever shows the task tree. The two may be
/// from different waits when they are read while the task runs; each of them is whole.
#[derive(Default)]
pub struct TaskRecord {
    place: AtomicCell<Option<&'static Location<'static>>>,
    verb: AtomicCell<Option<Verb>>,
}

/// The verb of a wait, as a thin pointer: `&"receive"`.
pub type Verb = &'static &'static str;

impl TaskRecord {
    /// A record of no wait.
    pub const fn new() -> Self {
        Self { place: AtomicCell::new(None), verb: AtomicCell::new(None) }
    }

    /// The wait in which the task was when it last returned `Pending`.
    pub fn waiting(&self) -> Option<(Verb, &'static Location<'static>)> {
        Some((self.verb.load()?, self.place.load()?))
    }

    pub(crate) fn note(&self, verb: Verb, place: &'static Location<'static>) {
        self.place.store(Some(place));
        self.verb.store(Some(verb));
    }

    /// Forgets the wait, when the task ended.
    pub fn clear(&self) {
        self.verb.store(None);
    }
}

impl fmt::Debug for TaskRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskRecord").field(&self.waiting()).finish()
    }
}

/// A task, as the ambient context holds it. It is a place in the scope tree, too.
pub trait TaskHost: Host {
    /// Where it waits.
    fn record(&self) -> &TaskRecord;

    /// What the crate that made the task knows of it.
    fn details(&self) -> &(dyn Any + Send + Sync);

    /// Where its value goes.
    fn value(&self) -> &(dyn Any + Send + Sync);

    /// What wakes it.
    fn waker(self: Arc<Self>) -> Waker;
}

/// A shared handle to a task.
pub type TaskRef = Arc<dyn TaskHost>;
