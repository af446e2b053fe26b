//! `local_task_group`: the same group for tasks that stay on one thread.

use std::{borrow::Cow, fmt, future::Future, panic::Location, pin::Pin, sync::Arc};

use anyio_cancel_scope::{CancelError, CancelScope};

use crate::{
    ErrorGroup, Hold, NeverStarted, TaskHandle, TaskInfo, TaskOutput, TaskStatus,
    child::{Child, ChildEnd, NewChild},
    group::{Core, Group},
    handle::Repr,
    keep::Keep,
    start::{Start, Starting},
    task::{Name, Task},
};

/// A child that stays on the thread of its group.
pub(crate) type LocalChild<'env, E> = Pin<Box<dyn Future<Output = ChildEnd<(), E>> + 'env>>;

/// [`task_group`](crate::task_group) for tasks that need not be `Send`: the future of the group is not, either.
///
/// # Errors
/// As [`task_group`](crate::task_group).
///
/// # Panics
/// As [`task_group`](crate::task_group).
///
/// # Cancel safety
/// As [`task_group`](crate::task_group).
///
/// # Examples
/// ```
/// use anyio_task_group::local_task_group;
/// use std::{cell::Cell, io, rc::Rc};
///
/// # futures_lite::future::block_on(async {
/// let count = Rc::new(Cell::new(0));
/// local_task_group(async |tg| -> io::Result<()> {
///     for _ in 0..3 {
///         let count = count.clone();
///         tg.start_soon(async move { count.set(count.get() + 1) });
///     }
///     Ok(())
/// }).await?;
/// assert_eq!(count.get(), 3);
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn local_task_group<'env, T, E, F, Fut>(body: F) -> impl Future<Output = Result<Option<T>, E>>
where
    E: CancelError + From<ErrorGroup<E>> + 'env,
    F: FnOnce(LocalTaskGroup<'env, E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Group::new(&"local_task_group", Location::caller(), |core| body(LocalTaskGroup { core }))
}

/// Starts tasks in a local group, cancels it, lists it. See [`TaskGroup`](crate::TaskGroup).
pub struct LocalTaskGroup<'env, E> {
    core: Arc<Core<LocalChild<'env, E>, E>>,
}

impl<'env, E> LocalTaskGroup<'env, E> {
    /// [`TaskGroup::start_soon`](crate::TaskGroup::start_soon) for a future that need not be `Send`.
    ///
    /// # Panics
    /// When the group has returned.
    #[track_caller]
    pub fn start_soon<F, T>(&self, fut: F) -> TaskHandle<T>
    where
        F: Future + 'env,
        F::Output: TaskOutput<E, Value = T>,
        T: 'static,
        E: CancelError + 'env,
    {
        self.launch(Name::of_type::<F>(), Location::caller(), fut)
    }

    /// [`TaskGroup::start`](crate::TaskGroup::start) for a future that need not be `Send`.
    ///
    /// # Errors
    /// As [`TaskGroup::start`](crate::TaskGroup::start).
    ///
    /// # Panics
    /// As [`TaskGroup::start`](crate::TaskGroup::start).
    ///
    /// # Cancel safety
    /// As [`TaskGroup::start`](crate::TaskGroup::start).
    #[track_caller]
    pub fn start<V, T, F, Fut>(
        &self,
        f: F,
    ) -> impl Future<Output = Result<(V, TaskHandle<T>), E>> + use<'env, V, T, F, Fut, E>
    where
        V: 'static,
        F: FnOnce(TaskStatus<V>) -> Fut,
        Fut: Future + 'env,
        Fut::Output: TaskOutput<E, Value = T>,
        T: 'static,
        E: From<NeverStarted> + CancelError + 'env,
    {
        self.handshake(Name::of_type::<Fut>(), Location::caller(), f)
    }

    /// Names the task that is started next.
    pub fn task(&self, name: impl Into<Cow<'static, str>>) -> LocalTaskBuilder<'_, 'env, E> {
        LocalTaskBuilder { group: self, name: Name::Given(name.into()) }
    }

    #[track_caller]
    fn launch<F, T>(&self, name: Name, place: &'static Location<'static>, fut: F) -> TaskHandle<T>
    where
        F: Future + 'env,
        F::Output: TaskOutput<E, Value = T>,
        T: 'static,
        E: CancelError + 'env,
    {
        let (child, handle) =
            apart(&self.core, name, place, |keep| -> LocalChild<'env, E> { Box::pin(Child::new(fut, keep)) });
        self.core.submit(child, "LocalTaskGroup::start_soon");
        handle
    }

    fn handshake<V, T, F, Fut>(
        &self,
        name: Name,
        place: &'static Location<'static>,
        f: F,
    ) -> impl Future<Output = Result<(V, TaskHandle<T>), E>> + use<'env, V, T, F, Fut, E>
    where
        V: 'static,
        F: FnOnce(TaskStatus<V>) -> Fut,
        Fut: Future + 'env,
        Fut::Output: TaskOutput<E, Value = T>,
        T: 'static,
        E: From<NeverStarted> + CancelError + 'env,
    {
        let core = self.core.clone();
        Start::new(core.clone(), place, move |starting: &Starting<V, E>| {
            let fut = f(starting.cell.status());
            apart(&core, name, place, |keep| -> LocalChild<'env, E> { Box::pin(starting.child(fut, keep)) })
        })
    }

    /// Cancels the group's scope: the body and all tasks, those that are started later too.
    pub fn cancel(&self) {
        self.scope().cancel();
    }

    /// Cancels the group's scope and says why.
    pub fn cancel_because(&self, reason: impl Into<Cow<'static, str>>) {
        self.scope().cancel_because(reason);
    }

    /// The group's scope: to stop it, shield it, give it a deadline, or cancel it from elsewhere.
    pub fn scope(&self) -> CancelScope {
        CancelScope::from_node(self.core.hub.scope.clone())
    }

    /// The tasks that have not ended.
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.core.tasks()
    }

    /// Keeps the group from returning until the [`Hold`] is dropped.
    pub fn hold(&self) -> Hold {
        Hold::new(self.core.hub.bell.clone())
    }
}

impl<E> Clone for LocalTaskGroup<'_, E> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<E> fmt::Debug for LocalTaskGroup<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTaskGroup").field("scope", &self.scope()).finish_non_exhaustive()
    }
}

/// A task of a [`LocalTaskGroup`] that has a name and is not started yet.
#[must_use = "nothing is started before `start_soon` or `start` is called"]
pub struct LocalTaskBuilder<'a, 'env, E> {
    group: &'a LocalTaskGroup<'env, E>,
    name: Name,
}

impl<'env, E> LocalTaskBuilder<'_, 'env, E> {
    /// [`LocalTaskGroup::start_soon`] under this name.
    ///
    /// # Panics
    /// When the group has returned.
    #[track_caller]
    pub fn start_soon<F, T>(self, fut: F) -> TaskHandle<T>
    where
        F: Future + 'env,
        F::Output: TaskOutput<E, Value = T>,
        T: 'static,
        E: CancelError + 'env,
    {
        self.group.launch(self.name, Location::caller(), fut)
    }

    /// [`LocalTaskGroup::start`] under this name.
    ///
    /// # Errors
    /// As [`TaskGroup::start`](crate::TaskGroup::start).
    ///
    /// # Panics
    /// As [`TaskGroup::start`](crate::TaskGroup::start).
    ///
    /// # Cancel safety
    /// As [`TaskGroup::start`](crate::TaskGroup::start).
    #[track_caller]
    pub fn start<V, T, F, Fut>(
        self,
        f: F,
    ) -> impl Future<Output = Result<(V, TaskHandle<T>), E>> + use<'env, V, T, F, Fut, E>
    where
        V: 'static,
        F: FnOnce(TaskStatus<V>) -> Fut,
        Fut: Future + 'env,
        Fut::Output: TaskOutput<E, Value = T>,
        T: 'static,
        E: From<NeverStarted> + CancelError + 'env,
    {
        self.group.handshake(self.name, Location::caller(), f)
    }
}

impl<E> fmt::Debug for LocalTaskBuilder<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTaskBuilder").field("name", &self.name.as_str()).finish_non_exhaustive()
    }
}

/// A child whose value stays on its thread: it is kept apart from what the task's waker points to.
fn apart<C, E, T: 'static>(
    core: &Core<C, E>,
    name: Name,
    place: &'static Location<'static>,
    future: impl FnOnce(Arc<Keep<T>>) -> C,
) -> (NewChild<C>, TaskHandle<T>) {
    let task: Arc<Task<()>> = Task::new(core.hub.clone(), name, place);
    let keep = Arc::new(Keep::new());
    let child = NewChild::new(future(keep.clone()), task.clone());
    (child, TaskHandle::new(Repr::Apart(task, keep)))
}
