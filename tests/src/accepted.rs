//! Right uses that the compiler may refuse for the sake of a signature's shape.
//!
//! `tests/surface` holds the uses of every day. These are doc tests of their own, so that one that is refused does not take
//! the others with it. What they share: a boxed error holds a hidden `'static`, which the compiler forgets inside the
//! futures of `async` functions; a future with a name then asks for `CancelError` of a box of any lifetime.

/// A limit inside a `join!`, in a function that is generic in the error, which a spawned future awaits.
///
/// ```
/// # use {anyio::{CancelError, Cancelled, move_on_after, sleep}, std::time::Duration};
/// async fn work<E: From<Cancelled>>() -> Result<(), E> {
///     sleep(Duration::ZERO).await?;
///     Ok(())
/// }
/// async fn limited<E: CancelError + Send + 'static>() {
///     let (_done, ()) = futures::join!(move_on_after(Duration::ZERO, work::<E>()), async {});
/// }
/// async fn program() {
///     limited::<anyio::BoxError>().await;
/// }
/// fn spawn() {
///     tokio::spawn(program());
/// }
/// ```
pub mod generic_limit_in_join {}

/// The same for `CancelScope::run`.
///
/// ```
/// # use {anyio::{CancelError, Cancelled, CancelScope, sleep}, std::time::Duration};
/// async fn work<E: From<Cancelled>>() -> Result<(), E> {
///     sleep(Duration::ZERO).await?;
///     Ok(())
/// }
/// async fn in_scope<E: CancelError + Send + 'static>() {
///     let (_done, ()) = futures::join!(CancelScope::new().run(work::<E>()), async {});
/// }
/// async fn program() {
///     in_scope::<anyio::BoxError>().await;
/// }
/// fn spawn() {
///     tokio::spawn(program());
/// }
/// ```
pub mod generic_scope_in_join {}

/// `map_concurrent` beside something else, in a spawned task.
///
/// ```
/// # use {anyio::{map_concurrent, ok}};
/// async fn program() {
///     let (_lengths, ()) = futures::join!(map_concurrent(["a", "b"], 2, async |word: &str| ok(word.len())), async {});
/// }
/// fn spawn() {
///     tokio::spawn(program());
/// }
/// ```
pub mod map_concurrent_in_join {}
