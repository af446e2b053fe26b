//! What `#[anyio::main]` and `#[anyio::test]` call. No part of the promise to users but through them.

use std::{
    fmt,
    future::Future,
    io::{self, Write},
    panic::{Location, resume_unwind},
    process::{ExitCode, Termination},
};

use anyio_cancel_scope::CancelError;

use crate::watch::end_by;
pub use crate::{
    __with_testing as with_testing, Builder,
    blocked::{Blocked, wait_all_tasks_blocked},
    test_run::{Failure, TestRun},
};

pub use anyio_cancel_scope::VirtualClock;
#[cfg(feature = "signals")]
pub use anyio_signals::Signal;

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

/// Of a result, the error in words.
pub trait OfDebug {
    /// The error, if it is one.
    fn error(&self) -> Option<String>;
}

impl<T, E: fmt::Debug> OfDebug for &Returned<'_, Result<T, E>> {
    fn error(&self) -> Option<String> {
        self.0.as_ref().err().map(|error| format!("{error:?}"))
    }
}

/// Of anything else, no words.
pub trait OfUntold {
    /// None.
    fn error(&self) -> Option<String>;
}

impl<T> OfUntold for Returned<'_, T> {
    fn error(&self) -> Option<String> {
        None
    }
}

/// How a test ended, by what it returned.
#[derive(Debug)]
pub struct Verdict {
    /// Whether it passed.
    pub outcome: Outcome,
    /// The error that it returned, in words.
    pub error: Option<String>,
}

/// Runs `main`. After a signal, unless it ended well, that signal ends the process: a shell then sees what happened. An error that
/// is more than the cancellation is reported first, as Rust does it for any `main`.
#[track_caller]
pub fn run_main<F>(builder: Builder, fut: F, outcome: impl FnOnce(&F::Output) -> Outcome) -> F::Output
where
    F: Future,
    F::Output: Termination,
{
    let ended = builder.run_in(None, None, Location::caller(), fut);
    let signal = ended.signal;
    let output = ended.output();
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
pub fn run_test<F: Future>(
    builder: Builder,
    run: TestRun,
    fut: F,
    verdict: impl FnOnce(&F::Output) -> Verdict,
) -> F::Output {
    match run.run(builder, fut, verdict) {
        Ok(output) => output,
        Err(Failure::Panicked(payload)) => resume_unwind(payload),
        Err(Failure::Told(message)) => panic!("test: {message}"),
    }
}
