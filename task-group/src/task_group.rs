//! `task_group`, and the handle that its body and children start tasks with.

use std::{any::Any, borrow::Cow, fmt, future::Future, panic::Location, pin::Pin, sync::Arc};

use anyio_cancel_scope::{CancelError, CancelScope};

use crate::{
    ErrorGroup, Hold, NeverStarted, TaskHandle, TaskInfo, TaskOutput, TaskStatus,
    child::{Child, ChildEnd, InTask, NewChild},
    group::{Core, Group},
    handle::Repr,
    inbox::Late,
    start::{Start, Starting},
    task::{Name, Task},
};

/// A child that may move to another thread with its group.
pub(crate) type SendChild<'env, E> = Pin<Box<dyn Future<Output = ChildEnd<(), E>> + Send + 'env>>;

/// Runs `body` with a group of tasks, and returns when the body and all tasks have ended.
///
/// The tasks are polled in place, inside the task that awaits the group: they may borrow what lives around the call, need
/// no executor, and end with the group even when it is dropped. For parallelism, start `offload(fut)` in it.
///
/// * A body or a task that fails cancels the group's scope; the others get their chance to clean up, and are waited for.
/// * A new task always runs to its first checkpoint, also in a group that is cancelled already.
/// * Scopes and shields around a `start_soon` do not reach the task: its parent is the group's scope.
///
/// `body` is called at the first poll. Write it as `async |tg| { .. }`. The error type is not inferred where the group is
/// awaited with `?`: write `async |tg| -> io::Result<_> { .. }`, or end the body in `anyio::ok(..)`.
///
/// Mirrors AnyIO's [`create_task_group`](https://anyio.readthedocs.io/en/stable/tasks.html). Different here: one error comes
/// out as it is, not as a group of one; a group that was cancelled by itself gives `None`; tasks may borrow.
///
/// # Errors
/// One error comes out as it is, several as [`ErrorGroup`]: the body's first, then the tasks' in the order in which they
/// ended. `Cancelled` when work was interrupted by a scope further out.
///
/// `Ok(Some(value))` is the body's value; `Ok(None)` means that the group was cancelled by itself before the body came to
/// one.
///
/// # Panics
/// With the first panic of a task or of the body, after the others were cancelled and have ended.
///
/// # Cancel safety
/// Dropping the future drops every task at once, then the body.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{sleep, CompletedExt};
/// use anyio_task_group::task_group;
/// use std::{io, time::Duration};
///
/// # futures_lite::future::block_on(async {
/// let names = vec![String::from("ada"), String::from("grace")];
/// let mut longest = 0;
/// task_group(async |tg| -> io::Result<()> {
///     for name in &names {
///         tg.start_soon(async move {
///             sleep(Duration::from_millis(1)).await?;
///             println!("hello {name}");
///             io::Result::Ok(())
///         });
///     }
///     longest = names.iter().map(String::len).max().unwrap_or(0);
///     Ok(())
/// }).await.completed()?;
/// assert_eq!(longest, 5);
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn task_group<'env, T, E, F, Fut>(body: F) -> impl Future<Output = Result<Option<T>, E>>
where
    E: CancelError + From<ErrorGroup<E>> + Send + 'env,
    F: FnOnce(TaskGroup<'env, E>) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Group::new(&"task_group", Location::caller(), |core| body(TaskGroup { core }))
}

/// Starts tasks in a group, cancels it, lists it.
///
/// A handle: clone it, give it to tasks, send it to threads. It does not keep the group open.
pub struct TaskGroup<'env, E> {
    core: Arc<Core<SendChild<'env, E>, E>>,
}

impl<'env, E> TaskGroup<'env, E> {
    /// Starts a task. It is polled for the first time by the group, not here, and always runs to its first checkpoint.
    ///
    /// Its parent scope is the group's; scopes around this call do not reach it. The handle may be dropped: the group
    /// waits for the task in any case.
    ///
    /// # Panics
    /// When the group has returned. (In a group that was dropped, or while this thread is panicking, the future is dropped
    /// instead, and the handle says `TaskCancelled`.)
    ///
    /// # Examples
    /// ```
    /// use anyio_task_group::task_group;
    /// use std::io;
    ///
    /// # futures_lite::future::block_on(async {
    /// task_group(async |tg| -> io::Result<()> {
    ///     let answer = tg.start_soon(async { io::Result::Ok(6 * 7) });
    ///     tg.start_soon(async { println!("a task may give `()`, too") });
    ///     assert_eq!(answer.join().await?, 42);
    ///     Ok(())
    /// }).await?;
    /// # io::Result::Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn start_soon<F, T>(&self, fut: F) -> TaskHandle<T>
    where
        F: Future + Send + 'env,
        F::Output: TaskOutput<E, Value = T>,
        T: Send + 'static,
        E: CancelError + 'env,
    {
        self.launch(Name::of_type::<F>(), Location::caller(), fut)
    }

    /// Starts a task and waits until it says that it is ready: `start` returns the value that it gives to
    /// [`TaskStatus::started`], and its handle.
    ///
    /// Until then the task's failure is this call's: its error comes out of here, and the group is not touched. From then
    /// on the task is the group's like any other.
    ///
    /// # Errors
    /// The task's own error if it fails before it is ready; [`NeverStarted`] if it ends without saying so; `Cancelled` if
    /// the caller is cancelled meanwhile: then the task is cancelled, and waited for.
    ///
    /// # Panics
    /// With the task's panic, if it panics before it is ready. When the group has returned.
    ///
    /// # Cancel safety
    /// Dropped before the task is ready, the task is cancelled, and a failure of it goes to the group; dropped after, the
    /// task lives on and the value is dropped.
    ///
    /// # Examples
    /// ```
    /// use anyio_cancel_scope::sleep_forever;
    /// use anyio_task_group::task_group;
    /// use std::io;
    ///
    /// # futures_lite::future::block_on(async {
    /// task_group(async |tg| -> io::Result<()> {
    ///     let (port, server) = tg.start(async |status| {
    ///         status.started(8080);
    ///         sleep_forever().await?;
    ///         Ok(())
    ///     }).await?;
    ///     assert_eq!(port, 8080);
    ///     server.cancel();
    ///     Ok(())
    /// }).await?;
    /// # io::Result::Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn start<V, T, F, Fut>(
        &self,
        f: F,
    ) -> impl Future<Output = Result<(V, TaskHandle<T>), E>> + use<'env, V, T, F, Fut, E>
    where
        V: Send + 'static,
        F: FnOnce(TaskStatus<V>) -> Fut,
        Fut: Future + Send + 'env,
        Fut::Output: TaskOutput<E, Value = T>,
        T: Send + 'static,
        E: From<NeverStarted> + CancelError + Send + 'env,
    {
        self.handshake(Name::of_type::<Fut>(), Location::caller(), f)
    }

    /// Names the task that is started next: `tg.task("reader").start_soon(..)`.
    pub fn task(&self, name: impl Into<Cow<'static, str>>) -> TaskBuilder<'_, 'env, E> {
        TaskBuilder { group: self, name: Name::Given(name.into()) }
    }

    #[track_caller]
    fn launch<F, T>(&self, name: Name, place: &'static Location<'static>, fut: F) -> TaskHandle<T>
    where
        F: Future + Send + 'env,
        F::Output: TaskOutput<E, Value = T>,
        T: Send + 'static,
        E: CancelError + 'env,
    {
        let (child, handle) =
            joint(&self.core, name, place, || -> SendChild<'env, E> { Box::pin(Child::new(fut, InTask)) });
        self.core.submit(child, "TaskGroup::start_soon");
        handle
    }

    fn handshake<V, T, F, Fut>(
        &self,
        name: Name,
        place: &'static Location<'static>,
        f: F,
    ) -> impl Future<Output = Result<(V, TaskHandle<T>), E>> + use<'env, V, T, F, Fut, E>
    where
        V: Send + 'static,
        F: FnOnce(TaskStatus<V>) -> Fut,
        Fut: Future + Send + 'env,
        Fut::Output: TaskOutput<E, Value = T>,
        T: Send + 'static,
        E: From<NeverStarted> + CancelError + Send + 'env,
    {
        let core = self.core.clone();
        Start::new(core.clone(), place, move |starting: &Starting<V, E>| {
            let fut = f(starting.cell.status());
            joint(&core, name, place, || -> SendChild<'env, E> { Box::pin(starting.child(fut, InTask)) })
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

    /// Has the group end with a panic of one of its tasks that somebody else was to take, and did not.
    ///
    /// # Errors
    /// The panic, if the group has ended.
    #[doc(hidden)]
    pub fn leave_panic(&self, payload: Box<dyn Any + Send>) -> Result<(), Box<dyn Any + Send>> {
        self.core.leave_late(Late::Panicked(payload)).map_err(|late| match late {
            Late::Panicked(payload) => payload,
            Late::Failed(_) => unreachable!("it comes back as it was"),
        })
    }

    /// Keeps the group from returning until the [`Hold`] is dropped.
    pub fn hold(&self) -> Hold {
        Hold::new(self.core.hub.bell.clone())
    }
}

impl<E> Clone for TaskGroup<'_, E> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("scope", &self.scope()).finish_non_exhaustive()
    }
}

/// A task of a [`TaskGroup`] that has a name and is not started yet.
#[must_use = "nothing is started before `start_soon` or `start` is called"]
pub struct TaskBuilder<'a, 'env, E> {
    group: &'a TaskGroup<'env, E>,
    name: Name,
}

impl<'env, E> TaskBuilder<'_, 'env, E> {
    /// [`TaskGroup::start_soon`] under this name.
    ///
    /// # Panics
    /// When the group has returned.
    #[track_caller]
    pub fn start_soon<F, T>(self, fut: F) -> TaskHandle<T>
    where
        F: Future + Send + 'env,
        F::Output: TaskOutput<E, Value = T>,
        T: Send + 'static,
        E: CancelError + 'env,
    {
        self.group.launch(self.name, Location::caller(), fut)
    }

    /// [`TaskGroup::start`] under this name.
    ///
    /// # Errors
    /// As [`TaskGroup::start`].
    ///
    /// # Panics
    /// As [`TaskGroup::start`].
    ///
    /// # Cancel safety
    /// As [`TaskGroup::start`].
    #[track_caller]
    pub fn start<V, T, F, Fut>(
        self,
        f: F,
    ) -> impl Future<Output = Result<(V, TaskHandle<T>), E>> + use<'env, V, T, F, Fut, E>
    where
        V: Send + 'static,
        F: FnOnce(TaskStatus<V>) -> Fut,
        Fut: Future + Send + 'env,
        Fut::Output: TaskOutput<E, Value = T>,
        T: Send + 'static,
        E: From<NeverStarted> + CancelError + Send + 'env,
    {
        self.group.handshake(self.name, Location::caller(), f)
    }
}

impl<E> fmt::Debug for TaskBuilder<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder").field("name", &self.name.as_str()).finish_non_exhaustive()
    }
}

/// A child whose value may move between threads: it is kept with the rest of its task.
fn joint<C, E, T: Send + 'static>(
    core: &Core<C, E>,
    name: Name,
    place: &'static Location<'static>,
    future: impl FnOnce() -> C,
) -> (NewChild<C>, TaskHandle<T>) {
    let task: Arc<Task<T>> = Task::new(core.hub.clone(), name, place);
    (NewChild::new(future(), task.clone()), TaskHandle::new(Repr::Joint(task)))
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use std::{
        future::poll_fn,
        io,
        sync::{Mutex, OnceLock},
        task::{Context, Poll, Waker},
    };

    use anyio_cancel_scope::yield_now;

    use super::*;
    use crate::TaskState;

    // A task holds what its group shares: in the book of a group that is gone it would be held for ever
    #[test]
    fn a_group_that_is_dropped_keeps_nothing_of_tasks_that_it_never_polled() {
        let kept = OnceLock::new();
        let mut group = Box::pin(task_group(async |tg| -> io::Result<()> {
            assert!(kept.set(tg).is_ok());
            yield_now().await;
            Ok(())
        }));
        assert!(group.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let tg: &TaskGroup<'_, io::Error> = kept.get().unwrap();
        let task = tg.start_soon(async {});
        assert_eq!(tg.core.hub.book.lock().members().len(), 1);
        drop(group);
        assert!(tg.core.hub.book.lock().members().is_empty());
        assert_eq!(task.status(), TaskState::Cancelled);
    }

    // hub.rs, invariant 3
    #[test]
    fn whoever_wakes_the_tasks_of_a_turn_finds_room_for_them() {
        const TASKS: usize = 100;
        let hub = OnceLock::new();
        let wakers: Mutex<Vec<Waker>> = Mutex::default();
        let mut group = Box::pin(task_group(async |tg| -> io::Result<()> {
            assert!(hub.set(tg.core.hub.clone()).is_ok());
            for _ in 0..TASKS {
                tg.start_soon(poll_fn(|cx| {
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::<()>::Pending
                }));
            }
            Ok(())
        }));
        for _turn in 0..3 {
            assert!(group.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let woken = std::mem::take(&mut *wakers.lock().unwrap());
            let hub = hub.get().unwrap();
            let room = hub.room();
            assert!(woken.len() == TASKS && room >= TASKS, "room for {room}");
            woken.into_iter().for_each(Waker::wake);
            assert_eq!(hub.room(), room);
        }
    }

    // book.rs: a group may live as long as its program
    #[test]
    fn a_group_keeps_nothing_of_tasks_that_ended() {
        let group = task_group(async |tg| -> io::Result<()> {
            for _ in 0..100 {
                tg.start_soon(async {});
                tg.start_soon(yield_now());
                yield_now().await;
            }
            yield_now().await;
            assert!(tg.core.hub.book.lock().members().is_empty());
            Ok(())
        });
        futures_lite::future::block_on(group).unwrap();
    }
}
