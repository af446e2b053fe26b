//! One task of a group: its scope, its waker, its state and its value in one allocation.
//!
//! ```text
//!   Pending ──cancel──▶ Cancelling ──▶ Cancelled
//!      │                   │  └──────▶ Finished, Failed, Panicked (what it did all the same)
//!      └──▶ Finished | Failed | Cancelled | Panicked
//! ```
//!
//! # Invariants
//! 1. The end is written once, after the value; whoever waits is woken after that, outside the lock.
//! 2. `queued` is set while the ticket is in the ready queue, before the task was taken in (which polls it in any case),
//!    and for good once it ended.

use std::{
    any::Any,
    borrow::Cow,
    cell::Cell,
    fmt,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering as StdOrdering},
    },
    task::{Wake, Waker},
};

use anyio_cancel_scope::{
    TaskRecord,
    host::{Host, Node, ScopeRef, TaskHost, TaskRef},
};

use crate::{
    TaskInfo,
    hub::{Hub, Ticket},
    joiners::Joiners,
    keep::Keep,
    sync::{AtomicBool, AtomicU32, Mutex, Ordering},
};

/// Names a task within the process; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

impl TaskId {
    /// The next one. Threads take them in blocks, so that starting a task writes nothing that is shared.
    fn next() -> Self {
        const BLOCK: u64 = 1024;
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! { static RANGE: Cell<(u64, u64)> = const { Cell::new((0, 0)) }; }
        let (mut next, mut end) = RANGE.get();
        if next == end {
            next = NEXT.fetch_add(BLOCK, StdOrdering::Relaxed);
            end = next + BLOCK;
        }
        RANGE.set((next + 1, end));
        Self(next)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What a task is doing, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// It has not ended, and is not cancelled.
    Pending,
    /// It has not ended, and is effectively cancelled: by its handle, its group, or an ancestor.
    Cancelling,
    /// It ended with a value.
    Finished,
    /// It ended with an error, which came out of its group.
    Failed,
    /// It was interrupted, or dropped with its group.
    Cancelled,
    /// It panicked; the panic came out of its group.
    Panicked,
}

/// How a task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Finished,
    Failed,
    Cancelled,
    Panicked,
}

/// The name of a task.
pub(crate) enum Name {
    Given(Cow<'static, str>),
    /// By the type of its future, which for an `async` block tells the function around it.
    OfType(fn() -> &'static str),
}

impl Name {
    pub(crate) fn of_type<F>() -> Self {
        Self::OfType(std::any::type_name::<F>)
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Given(name) => name,
            Self::OfType(name) => name().trim_end_matches("::{{closure}}"),
        }
    }
}

/// What does not depend on the type of a task's value.
pub(crate) struct Header {
    node: Node,
    hub: Option<Arc<Hub>>,
    pub(crate) key: AtomicU32,
    queued: AtomicBool,
    record: TaskRecord,
    id: TaskId,
    name: Name,
    place: &'static Location<'static>,
    outcome: Mutex<Outcome>,
}

#[derive(Default)]
struct Outcome {
    end: Option<End>,
    joiners: Joiners,
}

impl Header {
    fn new(hub: Option<Arc<Hub>>, name: Name, place: &'static Location<'static>) -> Self {
        Self {
            node: Node::default(),
            hub,
            key: AtomicU32::new(u32::MAX),
            queued: AtomicBool::new(true),
            record: TaskRecord::new(),
            id: TaskId::next(),
            name,
            place,
            outcome: Mutex::new(Outcome::default()),
        }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }

    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.place
    }

    pub(crate) fn record(&self) -> &TaskRecord {
        &self.record
    }

    pub(crate) fn parent(&self) -> Option<TaskId> {
        self.hub.as_ref()?.host
    }

    /// What stands for the task in the ready queue.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket { key: self.key.load(Ordering::Relaxed), id: self.id.0 as u32 }
    }

    /// Puts the ticket on the ready queue, unless it is there.
    fn wake(&self) {
        if !self.queued.load(Ordering::SeqCst)
            && !self.queued.swap(true, Ordering::SeqCst)
            && let Some(hub) = &self.hub
        {
            hub.push(self.ticket());
        }
    }

    /// Marks the task as queued without queueing it; tells whether it was not before.
    pub(crate) fn claim(&self) -> bool {
        !self.queued.swap(true, Ordering::SeqCst)
    }

    /// The task is about to be polled: a wake-up from now on is one for the next turn.
    pub(crate) fn unqueue(&self) {
        self.queued.store(false, Ordering::SeqCst);
    }

    /// Notes how the task ended, and wakes who waits for that. The first call counts.
    pub(crate) fn finish(&self, end: End) {
        let joiners = {
            let mut outcome = self.outcome.lock();
            if outcome.end.is_some() {
                return;
            }
            outcome.end = Some(end);
            // Mostly nobody waits.
            (!outcome.joiners.is_empty()).then(|| outcome.joiners.grant_all(|()| ()))
        };
        self.record.clear();
        if let Some(joiners) = joiners {
            joiners.wake();
        }
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.outcome.lock().end
    }

    /// Runs `f` on the end and those who wait for it, under the lock.
    pub(crate) fn with_joiners<R>(&self, f: impl FnOnce(Option<End>, &mut Joiners) -> R) -> R {
        let mut outcome = self.outcome.lock();
        let end = outcome.end;
        f(end, &mut outcome.joiners)
    }

    /// The group that polls the task; `None` for the root of a `run`.
    pub(crate) fn hub(&self) -> Option<&Arc<Hub>> {
        self.hub.as_ref()
    }

    /// Whether a checkpoint directly in the task would be cancelled.
    pub(crate) fn is_effectively_cancelled(&self) -> bool {
        let above = || {
            let scope: ScopeRef = self.hub.as_ref()?.scope.clone();
            Some(anyio_cancel_scope::host::situation_at(&scope).cancelled)
        };
        self.node.is_cancelled() || above().unwrap_or(false)
    }

    pub(crate) fn state(&self) -> TaskState {
        match self.end() {
            Some(End::Finished) => TaskState::Finished,
            Some(End::Failed) => TaskState::Failed,
            Some(End::Cancelled) => TaskState::Cancelled,
            Some(End::Panicked) => TaskState::Panicked,
            None if self.is_effectively_cancelled() => TaskState::Cancelling,
            None => TaskState::Pending,
        }
    }
}

/// A task, with room for its value.
pub(crate) struct Task<T> {
    header: Header,
    value: Keep<T>,
}

impl<T> Task<T> {
    pub(crate) fn new(hub: Arc<Hub>, name: Name, place: &'static Location<'static>) -> Arc<Self> {
        Arc::new(Self { header: Header::new(Some(hub), name, place), value: Keep::new() })
    }

    /// A task that no group polls: the root of a `run`.
    pub(crate) fn root(name: Name, place: &'static Location<'static>) -> Arc<Self> {
        Arc::new(Self { header: Header::new(None, name, place), value: Keep::new() })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn value(&self) -> &Keep<T> {
        &self.value
    }
}

impl<T: Send + 'static> Host for Task<T> {
    fn node(&self) -> &Node {
        &self.header.node
    }

    fn parent(&self) -> Option<ScopeRef> {
        let hub = self.header.hub.as_ref()?;
        Some(hub.scope.clone())
    }

    fn push_waker(self: Arc<Self>, out: &mut Vec<Waker>) {
        out.push(Waker::from(self));
    }
}

impl<T: Send + 'static> TaskHost for Task<T> {
    fn record(&self) -> &TaskRecord {
        &self.header.record
    }

    fn details(&self) -> &(dyn Any + Send + Sync) {
        &self.header
    }
}

impl<T: Send + 'static> Wake for Task<T> {
    fn wake(self: Arc<Self>) {
        self.header.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.header.wake();
    }
}

/// The header of a task of this crate.
pub(crate) fn header(task: &TaskRef) -> Option<&Header> {
    task.details().downcast_ref()
}

/// The task that is running here; `None` outside of any group and any `run`.
///
/// # Examples
/// ```
/// use anyio_task_group::{current_task, task_group};
///
/// # futures_lite::future::block_on(async {
/// task_group(async |tg| -> std::io::Result<()> {
///     tg.task("reader").start_soon(async {
///         assert_eq!(current_task().unwrap().name(), "reader");
///     });
///     Ok(())
/// }).await?;
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub fn current_task() -> Option<TaskInfo> {
    TaskInfo::of(&anyio_cancel_scope::host::task()?)
}
