//! What `#[anyio::main]` and `#[anyio::test]` call. No part of the promise to users but through them.

use std::{
    future::Future,
    io::{self, Write},
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    process::{ExitCode, Termination},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyio_cancel_scope::{CancelError, CancelScope};
use anyio_task_group::debug::task_tree;

use crate::{Builder, session::Ended, watch::end_by};

pub use anyio_cancel_scope::VirtualClock;
#[cfg(feature = "signals")]
pub use anyio_signals::Signal;

/// How long a test that was cancelled may take to clean up.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With `Ok`, with `()`, or with a type of its own that decides on the exit code itself.
    Fine,
    /// With an error that says that it was cancelled.
    Interrupted,
    /// With another error.
    Failed,
}

/// What a function returned, to be asked for its [`Outcome`]: `(&&&Returned(&output)).outcome()` finds the most that can be known
/// of the type.
#[derive(Debug)]
pub struct Returned<'a, T>(pub &'a T);

/// Of a result whose error can be a cancellation.
pub trait OfCancelError {
    /// How it ended.
    fn outcome(&self) -> Outcome;
}

impl<T, E: CancelError> OfCancelError for &&Returned<'_, Result<T, E>> {
    fn outcome(&self) -> Outcome {
        match self.0 {
            Ok(_) => Outcome::Fine,
            Err(error) if error.is_cancelled() => Outcome::Interrupted,
            Err(_) => Outcome::Failed,
        }
    }
}

/// Of any result.
pub trait OfResult {
    /// How it ended.
    fn outcome(&self) -> Outcome;
}

impl<T, E> OfResult for &Returned<'_, Result<T, E>> {
    fn outcome(&self) -> Outcome {
        if self.0.is_ok() { Outcome::Fine } else { Outcome::Failed }
    }
}

/// Of anything else.
pub trait OfAny {
    /// How it ended.
    fn outcome(&self) -> Outcome;
}

impl<T> OfAny for Returned<'_, T> {
    fn outcome(&self) -> Outcome {
        Outcome::Fine
    }
}

/// Runs `main`. After a signal, unless it ended well, that signal ends the process: a shell then sees what happened. An error that
/// is more than the cancellation is reported first, as Rust does it for any `main`.
#[track_caller]
pub fn run_main<F>(builder: Builder, fut: F, outcome: impl FnOnce(&F::Output) -> Outcome) -> F::Output
where
    F: Future,
    F::Output: Termination,
{
    let Ended { output, signal } = builder.run_in(None, fut);
    let signal = match (signal, outcome(&output)) {
        (None, _) | (_, Outcome::Fine) => return output,
        (Some(signal), Outcome::Interrupted) => {
            drop(output);
            signal
        }
        (Some(signal), Outcome::Failed) => {
            let _: ExitCode = output.report();
            signal
        }
    };
    // As Rust does at the end of any `main`; a signal would end it without.
    let _ = io::stdout().flush();
    end_by(signal)
}

/// Runs a test, within a limit of real time.
#[track_caller]
pub fn run_test<F: Future>(builder: Builder, limit: Duration, fut: F) -> F::Output {
    let root = CancelScope::new().named("test");
    let guard = Watchdog::begin(limit, root.clone(), Location::caller());
    let ended = catch_unwind(AssertUnwindSafe(|| builder.run_in(Some(root), fut)));
    let late = guard.end().map(|tree| {
        format!(
            "test: it took longer than its limit of {limit:?}, and was cancelled; give it more with \
             `#[anyio::test(time_limit = SECONDS)]`. When the time was up the tasks of this process were\n{tree}"
        )
    });
    match (ended, late) {
        (Ok(ended), None) => ended.output,
        (Ok(ended), Some(late)) => {
            drop(ended);
            panic!("{late}");
        }
        (Err(payload), None) => resume_unwind(payload),
        (Err(payload), Some(late)) => {
            // The panic, such as that of an `unwrap` of the cancellation, would hide what it comes from.
            drop(catch_unwind(AssertUnwindSafe(|| drop(payload))));
            panic!("{late}");
        }
    }
}

/// A thread that cancels a test whose time is up, and ends the process if that does not help.
struct Watchdog {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    progress: Mutex<Progress>,
    bell: Condvar,
}

#[derive(Default)]
struct Progress {
    ended: bool,
    /// The task tree when the time was up.
    tree: Option<String>,
}

impl Watchdog {
    fn begin(limit: Duration, root: CancelScope, place: &'static Location<'static>) -> Self {
        let state = Arc::new(State::default());
        let watched = state.clone();
        let name = thread::current().name().unwrap_or("test").to_owned();
        // Without a thread there is no limit, but the test can run.
        let thread = thread::Builder::new().name(format!("{name} (limit)"));
        let thread = thread.spawn(move || watched.watch(limit, &root, &name, place)).ok();
        Self { state, thread }
    }

    /// The test ended. Gives the task tree if its time was up before.
    fn end(mut self) -> Option<String> {
        self.join();
        self.state.lock().tree.take()
    }

    fn join(&mut self) {
        self.state.lock().ended = true;
        self.state.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.join();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end, for so long; tells whether it came.
    fn ends_within(&self, limit: Duration) -> bool {
        let waited = self.bell.wait_timeout_while(self.lock(), limit, |progress| !progress.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    fn watch(&self, limit: Duration, root: &CancelScope, name: &str, place: &Location<'_>) {
        if self.ends_within(limit) {
            return;
        }
        let tree = task_tree().to_string();
        {
            let mut progress = self.lock();
            if progress.ended {
                return;
            }
            progress.tree = Some(tree);
        }
        root.cancel_because(format!("the limit of the test, {limit:?}, was over"));
        if self.ends_within(CLEAN_UP) {
            return;
        }
        // Not by `eprintln!`, which a test harness may capture and lose.
        let _ = writeln!(
            io::stderr(),
            "test {name} at {place}: it took longer than its limit of {limit:?}, and did not end within {CLEAN_UP:?} after it \
             was cancelled. It cannot be ended otherwise, so the process is. The tasks are\n{}",
            task_tree()
        );
        std::process::abort();
    }
}
