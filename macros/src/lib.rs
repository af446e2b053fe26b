#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cancel_error;
mod crate_path;
mod entry;

use proc_macro::TokenStream;

/// Implements `CancelError` for an enum or a struct that is an error: `as_error` gives `self`, `is_cancelled` asks the
/// sources of the active variant.
///
/// A source is what it is for `thiserror`: the field marked `#[from]` or `#[source]`, else the only field of an
/// `#[error(transparent)]` variant, else the field named `source`. Other fields are not looked at, whatever they hold.
/// A source that implements `CancelError` is asked by its own `is_cancelled`, any other error is walked by
/// `is_cancellation`; `Option`, `Box`, `Rc`, `Arc` and `&` around it are looked through.
///
/// The type implements `Error` and `From<Cancelled>` by other means, such as `thiserror` and a variant
/// `Cancelled(#[from] Cancelled)`.
///
/// # Attributes
///
/// - `#[cancel(never)]` on a variant or a source field: a cancellation in it is not one of this error.
/// - `#[cancel(crate = path)]` on the type: where `CancelError` comes from, when it is neither `anyio` nor
///   `anyio-cancel-scope` in the Cargo.toml of the calling crate.
///
/// # Errors
///
/// It does not compile for a union, for a word it does not know in `cancel(..)`, for `never` on a field that is no
/// source, and where neither of the two crates is a dependency.
///
/// # Examples
///
/// The [front page](crate) has one.
#[proc_macro_derive(CancelError, attributes(cancel, from, source))]
pub fn derive_cancel_error(input: TokenStream) -> TokenStream {
    cancel_error::derive(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Runs an `async fn main` by `run`.
///
/// # Options
///
/// `#[anyio::main(worker_threads = 4, cancel_on_signals = [INT, TERM])]`: each sets what the method of `Builder` with that name
/// sets; `clock = ..` too. `crate = path` tells where the facade is re-exported.
///
/// With `cancel_on_signals`, the first of the signals cancels everything, and a second one kills. After a signal, unless `main`
/// returned `Ok` (or `()`), the signal is raised again with its default effect at the end, so that a shell sees what happened.
///
/// # Errors
///
/// It does not compile for a function that is not `async`, has parameters, or is generic, nor for an option it does not know.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Runs an `async fn` as a test, by `run`, with a time limit.
///
/// Besides what any test fails with, it fails
/// - at once when nothing can run any more: every task waits, and no timer, thread of `run` or descriptor can wake one. The message
///   has the task tree. For tests that are woken by somebody else (a `std::thread`, tokio, bare async-io) say `foreign_wakers`;
/// - when it leaves something behind: a task that has not ended, an end of a channel or a receiver of signals that is still open.
///
/// # Options
///
/// `#[anyio::test(time_limit = 10)]`: after so many seconds of real time, or after a `Duration`, the test is cancelled; if it has
/// not ended 5 seconds later, the task tree is printed and the process aborts. The default is 60. `virtual_clock` runs it under a
/// clock that jumps to the next deadline when nothing can run. `worker_threads = N`, `clock = ..` and `crate = path` as for
/// `main`.
///
/// With the feature `testing` (see the page of `anyio::testing`):
/// - `cancel_sweep`: runs it once for each point at which a checkpoint may find itself cancelled, and cancels it there; with
///   `cancel_sweep = "name"`, not the whole test but the nearest scope of that name;
/// - `schedules = N`: runs it under so many orders of the tasks that are ready;
/// - `isolated`: runs it in a process of its own, and compares what descriptors and threads there are before and after.
///
/// The first two imply `virtual_clock`, unless it says `clock = ..`, and `worker_threads = 0`, unless it says otherwise.
///
/// Other attributes of the function, such as `#[should_panic]` and `#[ignore]`, work as on any test; it may return a `Result`.
///
/// # Errors
///
/// It does not compile for a function that is not `async`, has parameters, or is generic, nor for an option it does not know.
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    entry::test(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
