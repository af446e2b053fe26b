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
//! 2. `QUEUED` is set while the ticket is in the ready queue, and once the task has an end or is taken out.
//! 3. The end is set under the lock of `joiners`, so whoever sees no end under it and enters is woken by the end; only not
//!    when the handle is gone, by which alone anybody waits.
//! 4. A value is put in before the end is set. Who drops the handle marks that first and looks for the end afterwards, who
//!    sets the end looks for that mark afterwards: one of them takes out a value that nobody wants.
//!
//! # Size
//! `Task<()>` and the two counts of its `Arc` take 120 bytes, up to which glibc's `malloc` has its fast lists.

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
    joiners::{Joiners, wake_all},
    keep::Keep,
    sync::Mutex,
};

/// Names a task within the process; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(u64);

/// How many ids a thread takes at a time.
const ID_BLOCK: u64 = 1024;

impl TaskId {
    /// The next one. Threads take them in blocks, so that starting a task writes nothing that is shared.
    #[inline]
    fn next() -> Self {
        thread_local! { static NEXT: Cell<u64> = const { Cell::new(0) }; }
        NEXT.with(|next| {
            let id = if next.get() % ID_BLOCK == 0 { Self::next_block() } else { next.get() };
            next.set(id + 1);
            Self(id)
        })
    }

    /// The first one of a block: one more than a multiple, so the next multiple says that the block is used up.
    #[cold]
    fn next_block() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(ID_BLOCK, StdOrdering::Relaxed)
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

/// The marks in a task's node: whether it is queued, its end, of which one bit is set, and whether its handle is
/// gone.
const QUEUED: u8 = 1;
const FINISHED: u8 = 1 << 1;
const FAILED: u8 = 1 << 2;
const CANCELLED: u8 = 1 << 3;
const PANICKED: u8 = 1 << 4;
const UNWANTED: u8 = 1 << 5;

impl End {
    /// What is set with it: nobody has to wake the task any more.
    fn marks(self) -> u8 {
        QUEUED
            | match self {
                Self::Finished => FINISHED,
                Self::Failed => FAILED,
                Self::Cancelled => CANCELLED,
                Self::Panicked => PANICKED,
            }
    }

    fn of(marks: u8) -> Option<Self> {
        match marks & !(QUEUED | UNWANTED) {
            0 => None,
            FINISHED => Some(Self::Finished),
            FAILED => Some(Self::Failed),
            CANCELLED => Some(Self::Cancelled),
            _ => Some(Self::Panicked),
        }
    }
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
            Self::OfType(name) => of_type(*name),
        }
    }
}

/// The name by a type: for an `async` block the one of the function around it.
fn of_type(name: fn() -> &'static str) -> &'static str {
    name().trim_end_matches("::{{closure}}")
}

/// What does not depend on the type of a task's value.
pub(crate) struct Header {
    node: Node,
    hub: Option<Arc<Hub>>,
    record: TaskRecord,
    id: TaskId,
    name: fn() -> &'static str,
    /// Apart, for few have one.
    given_name: Option<Box<Cow<'static, str>>>,
    place: &'static Location<'static>,
    joiners: Mutex<Joiners>,
}

impl Header {
    #[inline]
    fn new(hub: Option<Arc<Hub>>, name: Name, place: &'static Location<'static>) -> Self {
        let (name, given_name): (fn() -> &'static str, _) = match name {
            Name::Given(name) => (|| "", Some(Box::new(name))),
            Name::OfType(name) => (name, None),
        };
        Self {
            node: Node::default(),
            hub,
            record: TaskRecord::new(),
            id: TaskId::next(),
            name,
            given_name,
            place,
            joiners: Mutex::new(Joiners::new()),
        }
    }

    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    pub(crate) fn name(&self) -> &str {
        match &self.given_name {
            Some(name) => name,
            None => of_type(self.name),
        }
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
        Ticket { key: self.node.number(), id: self.id.0 as u32 }
    }

    /// Puts the ticket on the ready queue, unless it is there.
    fn wake(&self) {
        if self.node.marks() & QUEUED == 0
            && self.claim()
            && let Some(hub) = &self.hub
        {
            hub.push(self.ticket());
        }
    }

    /// Marks the task as queued without queueing it; tells whether it was not before.
    pub(crate) fn claim(&self) -> bool {
        self.node.mark(QUEUED) & QUEUED == 0
    }

    /// Notes how the task ended, and hands out who is to be woken for that. The first call counts.
    #[must_use]
    pub(crate) fn end_with(&self, end: End) -> Joiners {
        let marks = self.node.marks();
        if End::of(marks).is_some() {
            return Joiners::new();
        }
        if marks & UNWANTED != 0 {
            // Only by the handle anybody waits.
            self.node.mark(end.marks());
            self.record.clear();
            return Joiners::new();
        }
        let mut joiners = self.joiners.lock();
        self.node.mark(end.marks());
        self.record.clear();
        std::mem::replace(&mut joiners, Joiners::new())
    }

    /// Notes how the task ended, and wakes who waits for that. The first call counts.
    pub(crate) fn finish(&self, end: End) {
        wake_all(self.end_with(end));
    }

    /// The handle is gone: no value is wanted, and nobody can wait any more. Tells whether the task has ended.
    pub(crate) fn give_up(&self) -> bool {
        End::of(self.node.mark(UNWANTED)).is_some()
    }

    /// Whether the handle is there.
    pub(crate) fn is_wanted(&self) -> bool {
        self.node.marks() & UNWANTED == 0
    }

    pub(crate) fn end(&self) -> Option<End> {
        End::of(self.node.marks())
    }

    /// Runs `f` on those who wait for the end, under the lock; or tells the end.
    pub(crate) fn with_joiners<R>(&self, f: impl FnOnce(&mut Joiners) -> R) -> Result<R, End> {
        let mut joiners = self.joiners.lock();
        match self.end() {
            Some(end) => Err(end),
            None => Ok(f(&mut joiners)),
        }
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
    #[inline]
    pub(crate) fn new(hub: Arc<Hub>, name: Name, place: &'static Location<'static>) -> Arc<Self> {
        Arc::new(Self { header: Header::new(Some(hub), name, place), value: Keep::new() })
    }

    /// A task that no group polls: the root of a `run`.
    pub(crate) fn root(name: Name, place: &'static Location<'static>) -> Arc<Self> {
        Arc::new(Self { header: Header::new(None, name, place), value: Keep::new() })
    }
}

/// A task, to whoever knows the type of its value.
pub(crate) trait TaskOf<T>: TaskHost {
    fn header(&self) -> &Header;

    fn keep(&self) -> &Keep<T>;
}

impl<T: Send + 'static> TaskOf<T> for Task<T> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn keep(&self) -> &Keep<T> {
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

    fn value(&self) -> &(dyn Any + Send + Sync) {
        &self.value
    }

    fn waker(self: Arc<Self>) -> Waker {
        Waker::from(self)
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

/// The group knows the task by this key from now on.
#[inline]
pub(crate) fn set_key(task: &TaskRef, key: u32) {
    task.node().set_number(key);
}

/// The ticket is taken out of the ready queue: a wake-up from now on is one for the next turn.
#[inline]
pub(crate) fn unqueue(task: &TaskRef) {
    task.node().unmark(QUEUED);
}

/// The task is never woken again; tells whether it has no end yet.
#[inline]
pub(crate) fn silence(task: &TaskRef) -> bool {
    let node = task.node();
    End::of(node.marks()).is_none() && End::of(node.mark(QUEUED)).is_none()
}

/// The header of a task of this crate.
#[inline]
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

#[cfg(all(test, not(anyio_loom), target_pointer_width = "64"))]
mod tests {
    use super::Task;

    // P4
    #[test]
    fn a_task_without_a_value_takes_120_bytes_with_its_counts() {
        assert_eq!(2 * size_of::<usize>() + size_of::<Task<()>>(), 120);
    }
}
