//! Wrong uses, which the compiler must refuse, each beside what is right.
//!
//! One module for each use of the sketch, under its name there. What waits for its crate: `x15_run_sync_borrow`
//! (`to_thread`).
//! `x09_group_no_annotation` stands in `tests/ui`, with the compiler's whole message.
//!
//! Rustdoc checks the error codes on nightly only; on stable the right twin, which differs in nothing else, keeps these
//! tests honest. "Future cannot be sent" has no code.

/// A task may borrow what lives around the group, not what lives in its body.
///
/// ```compile_fail,E0373
/// # use anyio::task_group;
/// async fn greet() -> anyio::Result<()> {
///     task_group(async |tg| -> anyio::Result<_> {
///         let name = String::from("x");
///         tg.start_soon(async { println!("{name}"); Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use anyio::task_group;
/// async fn greet() -> anyio::Result<()> {
///     let name = String::from("x");
///     task_group(async |tg| -> anyio::Result<_> {
///         tg.start_soon(async { println!("{name}"); Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x01_child_borrows_body_local {}

/// What is offloaded may not borrow: it runs on a thread of its own, which outlives any borrow that the compiler knows of.
///
/// ```compile_fail,E0597
/// # use anyio::offload;
/// async fn length() -> usize {
///     let name = String::from("x");
///     let name = &name;
///     offload(async move { name.len() }).await
/// }
/// ```
/// ```
/// # use anyio::offload;
/// async fn length() -> usize {
///     let name = String::from("x");
///     offload(async move { name.len() }).await
/// }
/// ```
pub mod x14_offload_borrow {}

/// A task of a `task_group` must be `Send`; one of a `local_task_group` need not.
///
/// ```compile_fail
/// # use {anyio::task_group, std::rc::Rc};
/// async fn share() -> anyio::Result<()> {
///     let number = Rc::new(1);
///     task_group(async |tg| -> anyio::Result<_> {
///         let number = number.clone();
///         tg.start_soon(async move { println!("{number}"); Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::local_task_group, std::rc::Rc};
/// async fn share() -> anyio::Result<()> {
///     let number = Rc::new(1);
///     local_task_group(async |tg| -> anyio::Result<_> {
///         let number = number.clone();
///         tg.start_soon(async move { println!("{number}"); Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x02_not_send_child {}

/// The value of a handle may not borrow; the values of `gather` may.
///
/// ```compile_fail,E0597
/// # use anyio::task_group;
/// async fn word() -> anyio::Result<()> {
///     let word = String::from("x");
///     task_group(async |tg| -> anyio::Result<_> {
///         let handle = tg.start_soon(async { Ok(word.as_str()) });
///         handle.join().await?;
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use anyio::gather;
/// async fn word() -> anyio::Result<()> {
///     let word = String::from("x");
///     let all: Vec<&str> = gather([async { anyio::ok(word.as_str()) }]).await?;
///     Ok(())
/// }
/// ```
pub mod x03_handle_value_borrows {}

/// What a task borrows must outlive the group, which the signature has to say.
///
/// ```compile_fail,E0621
/// # use anyio::{BoxError, TaskGroup};
/// fn add<'env>(tg: &TaskGroup<'env, BoxError>, number: &u32) {
///     tg.start_soon(async move { println!("{number}"); Ok(()) });
/// }
/// ```
/// ```
/// # use anyio::{BoxError, TaskGroup};
/// fn add<'env>(tg: &TaskGroup<'env, BoxError>, number: &'env u32) {
///     tg.start_soon(async move { println!("{number}"); Ok(()) });
/// }
/// ```
pub mod x04_child_outlives_borrow {}

/// A local of a function that is given a group dies before the group does.
///
/// ```compile_fail,E0373
/// # use anyio::{BoxError, TaskGroup};
/// async fn greet(tg: TaskGroup<'static, BoxError>) -> anyio::Result<()> {
///     let name = String::new();
///     tg.start_soon(async { println!("{name}"); Ok(()) });
///     Ok(())
/// }
/// ```
/// ```
/// # use anyio::{BoxError, TaskGroup};
/// async fn greet(tg: TaskGroup<'static, BoxError>) -> anyio::Result<()> {
///     let name = String::new();
///     tg.start_soon(async move { println!("{name}"); Ok(()) });
///     Ok(())
/// }
/// ```
pub mod x05_inner_scope_local_dropped {}

/// A task gives the group's error type.
///
/// ```compile_fail,E0277
/// # use {anyio::task_group, std::io};
/// # async fn work() -> anyhow::Result<u32> { Ok(1) }
/// async fn start() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(work());
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::task_group, std::io};
/// # async fn work() -> anyhow::Result<u32> { Ok(1) }
/// async fn start() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { work().await.map_err(io::Error::other) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x07_wrong_error_type {}

/// A task gives a `Result`, or nothing.
///
/// ```compile_fail,E0277
/// # use {anyio::task_group, std::io};
/// async fn start() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { 3 });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::task_group, std::io};
/// async fn start() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { Ok(3) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x08_bare_value_output {}

/// Two tasks cannot both change the same variable.
///
/// ```compile_fail,E0499
/// # use {anyio::task_group, std::io};
/// async fn count() -> io::Result<()> {
///     let mut count = 0;
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { count += 1; Ok(()) });
///         tg.start_soon(async { count += 2; Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::task_group, std::io};
/// async fn count() -> io::Result<()> {
///     let (mut one, mut two) = (0, 0);
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { one += 1; Ok(()) });
///         tg.start_soon(async { two += 2; Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x10_two_children_mut_same {}

/// What a task changes cannot be read while it runs, only after the group.
///
/// ```compile_fail,E0502
/// # use {anyio::task_group, std::io};
/// async fn count() -> io::Result<()> {
///     let mut count = 0;
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { count += 1; Ok(()) });
///         println!("{count}");
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::task_group, std::io};
/// async fn count() -> io::Result<()> {
///     let mut count = 0;
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { count += 1; Ok(()) });
///         Ok(())
///     }).await?;
///     println!("{count}");
///     Ok(())
/// }
/// ```
pub mod x11_read_while_child_mutates {}

/// The guard of a std mutex is not `Send`: a task cannot keep it across an await.
///
/// ```compile_fail
/// # use {anyio::{sleep, task_group}, std::{io, sync::Mutex, time::Duration}};
/// async fn wait() -> io::Result<()> {
///     let lock = Mutex::new(1);
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async {
///             let guard = lock.lock().unwrap();
///             sleep(Duration::ZERO).await?;
///             drop(guard);
///             Ok(())
///         });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::{sleep, task_group}, std::{io, sync::Mutex, time::Duration}};
/// async fn wait() -> io::Result<()> {
///     let lock = Mutex::new(1);
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async {
///             *lock.lock().unwrap() += 1;
///             sleep(Duration::ZERO).await?;
///             Ok(())
///         });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x12_std_mutex_guard_across_await {}

/// A loop variable lives for one turn: tasks take it by `move`.
///
/// ```compile_fail,E0373
/// # use {anyio::task_group, std::io};
/// # async fn work(n: u32) -> io::Result<u32> { Ok(n) }
/// async fn all() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         for i in 0..3 {
///             tg.start_soon(async { work(i).await?; Ok(()) });
///         }
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::task_group, std::io};
/// # async fn work(n: u32) -> io::Result<u32> { Ok(n) }
/// async fn all() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         for i in 0..3 {
///             tg.start_soon(async move { work(i).await?; Ok(()) });
///         }
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x13_loop_var_borrow {}

/// A task is ready once.
///
/// ```compile_fail,E0382
/// # use anyio::task_group;
/// async fn serve() -> anyio::Result<()> {
///     task_group(async |tg| -> anyio::Result<_> {
///         tg.start(async |status| {
///             status.started(1);
///             status.started(2);
///             Ok(())
///         }).await?;
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use anyio::task_group;
/// async fn serve() -> anyio::Result<()> {
///     task_group(async |tg| -> anyio::Result<_> {
///         tg.start(async |status| {
///             status.started(1);
///             Ok(())
///         }).await?;
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x16_started_twice {}

/// A local group stays on its thread.
///
/// ```compile_fail
/// # use anyio::local_task_group;
/// fn spawn() {
///     tokio::spawn(async {
///         local_task_group(async |tg| -> anyio::Result<_> {
///             tg.start_soon(async {});
///             Ok(())
///         }).await?;
///         anyio::ok(())
///     });
/// }
/// ```
/// ```
/// # use anyio::task_group;
/// fn spawn() {
///     tokio::spawn(async {
///         task_group(async |tg| -> anyio::Result<_> {
///             tg.start_soon(async {});
///             Ok(())
///         }).await?;
///         anyio::ok(())
///     });
/// }
/// ```
pub mod x17_local_group_in_spawn {}

/// A group's error type can carry a `Cancelled`, and several of its own.
///
/// ```compile_fail,E0277
/// # use {anyio::task_group, std::io};
/// # async fn work() -> io::Result<u32> { Ok(1) }
/// #[derive(Debug)]
/// struct Failed;
/// impl From<io::Error> for Failed {
///     fn from(_: io::Error) -> Self {
///         Failed
///     }
/// }
/// async fn start() -> Result<(), Failed> {
///     task_group(async |tg| -> Result<_, Failed> {
///         tg.start_soon(async { work().await?; Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::{CancelError, Cancelled, ErrorGroup, task_group}, std::io};
/// # async fn work() -> io::Result<u32> { Ok(1) }
/// #[derive(Debug, thiserror::Error, CancelError)]
/// enum Failed {
///     #[error("cancelled")]
///     Cancelled(#[from] Cancelled),
///     #[error("several")]
///     Several(#[from] ErrorGroup<Failed>),
///     #[error("i/o")]
///     Io(#[from] io::Error),
/// }
/// async fn start() -> Result<(), Failed> {
///     task_group(async |tg| -> Result<_, Failed> {
///         tg.start_soon(async { work().await?; Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x18_error_not_cancelerror {}

/// `?` needs a `Result` to return: a task with it ends in `Ok`.
///
/// ```compile_fail,E0277
/// # use {anyio::task_group, std::io};
/// # async fn work() -> io::Result<u32> { Ok(1) }
/// async fn start() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { work().await?; });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
/// ```
/// # use {anyio::task_group, std::io};
/// # async fn work() -> io::Result<u32> { Ok(1) }
/// async fn start() -> io::Result<()> {
///     task_group(async |tg| -> io::Result<_> {
///         tg.start_soon(async { work().await?; Ok(()) });
///         Ok(())
///     }).await?;
///     Ok(())
/// }
/// ```
pub mod x20_io_question_in_unit_child {}

/// A resource is used by several tasks, so it is `Sync`.
///
/// ```compile_fail,E0277
/// # use {anyio::streams::AsyncResource, std::{cell::RefCell, io}};
/// struct Counter(RefCell<u32>);
/// impl AsyncResource for Counter {
///     async fn aclose(&self) -> io::Result<()> { Ok(()) }
///     fn close(&self) {}
/// }
/// ```
/// ```
/// # use {anyio::streams::AsyncResource, std::{sync::Mutex, io}};
/// struct Counter(Mutex<u32>);
/// impl AsyncResource for Counter {
///     async fn aclose(&self) -> io::Result<()> { Ok(()) }
///     fn close(&self) {}
/// }
/// ```
pub mod x21_send_stream_impl_not_send {}

/// The futures of a stream are `Send`, so an implementation holds nothing across an await that is not.
///
/// ```compile_fail
/// # use {anyio::streams::*, std::{io, rc::Rc}};
/// # struct Wrapper<S>(S);
/// # impl<S: AsyncResource> AsyncResource for Wrapper<S> {
/// #     async fn aclose(&self) -> io::Result<()> { self.0.aclose().await }
/// #     fn close(&self) { self.0.close() }
/// # }
/// impl<S: UnreliableObjectReceiveStream> UnreliableObjectReceiveStream for Wrapper<S> {
///     type Item = S::Item;
///     async fn receive(&self) -> Result<S::Item, ReceiveError> {
///         let count = Rc::new(1);
///         let item = self.0.receive().await?;
///         drop(count);
///         Ok(item)
///     }
/// }
/// ```
/// ```
/// # use {anyio::streams::*, std::{io, sync::Arc}};
/// # struct Wrapper<S>(S);
/// # impl<S: AsyncResource> AsyncResource for Wrapper<S> {
/// #     async fn aclose(&self) -> io::Result<()> { self.0.aclose().await }
/// #     fn close(&self) { self.0.close() }
/// # }
/// impl<S: UnreliableObjectReceiveStream> UnreliableObjectReceiveStream for Wrapper<S> {
///     type Item = S::Item;
///     async fn receive(&self) -> Result<S::Item, ReceiveError> {
///         let count = Arc::new(1);
///         let item = self.0.receive().await?;
///         drop(count);
///         Ok(item)
///     }
/// }
/// ```
pub mod x22_wrapper_future_not_send {}
