//! One run of a test: what has to hold besides what it says itself.

use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
    time::Duration,
};

use anyio_cancel_scope::{
    CancelScope, RunRecord,
    host::{Observer, Trial},
};
use anyio_task_group::host::tasks_of;

use crate::{
    __private::{Outcome, Verdict},
    Builder,
    limit::Watchdog,
    session::{Stuck, Watched},
};

/// How a test is run.
#[derive(Clone)]
pub struct TestRun {
    /// In real time.
    pub limit: Duration,
    /// It may be woken from outside, so that nobody can tell that it waits for ever.
    pub foreign_wakers: bool,
    /// Who watches its checkpoints, and decides in which order its tasks run.
    pub observer: Option<Arc<dyn Observer>>,
    /// The scope around it.
    pub root: CancelScope,
    place: &'static Location<'static>,
}

impl TestRun {
    /// One within a limit of real time, of the test that stands where this is called.
    #[track_caller]
    pub fn new(limit: Duration) -> Self {
        let root = CancelScope::new().named("test");
        Self { limit, foreign_wakers: false, observer: None, root, place: Location::caller() }
    }

    /// One that may be woken from outside.
    pub fn foreign_wakers(self) -> Self {
        Self { foreign_wakers: true, ..self }
    }

    /// Runs the test. It fails if it panics, waits for what cannot come, takes longer than its limit, or leaves something behind.
    ///
    /// # Errors
    /// How it failed. An error that it returns is none here.
    pub fn run<F: Future>(
        self,
        builder: Builder,
        fut: F,
        verdict: impl FnOnce(&F::Output) -> Verdict,
    ) -> Result<F::Output, Failure> {
        let Self { limit, foreign_wakers, observer, root, place } = self;
        let record = RunRecord::on_trial(observer.clone());
        let guard = Watchdog::begin(limit, root.clone(), record.clone(), observer, place);
        let watched = Watched { record: record.clone(), foreign_wakers };
        let ended = catch_unwind(AssertUnwindSafe(|| builder.run_in(Some(root), Some(watched), place, fut)));
        if let Some(tree) = guard.end() {
            // A panic, such as that of an `unwrap` of the cancellation, would hide what it comes from.
            drop(catch_unwind(AssertUnwindSafe(|| drop(ended))));
            return Err(Failure::Told(format!(
                "it took longer than its limit of {limit:?}, and was cancelled; give it more with \
                 `#[anyio::test(time_limit = SECONDS)]`. When the time was up the tasks of this process were\n{tree}"
            )));
        }
        let ended = ended.map_err(Failure::Panicked)?;
        let output = ended.output.map_err(|Stuck { tree, panic }| {
            let panic = panic.map(|payload| format!("\nNobody took the panic: {}", words(&*payload)));
            Failure::Told(format!(
                "nothing can run any more: every task waits, and no timer, no thread of this run and no descriptor can wake \
                 one. If something else does (a `std::thread`, tokio, async-io), say `#[anyio::test(foreign_wakers)]`. The \
                 tasks are\n{}{}",
                tree.to_string().trim_end(),
                panic.unwrap_or_default()
            ))
        })?;
        let verdict = verdict(&output);
        // An error that it returns says more than what followed from it.
        if verdict.outcome != Outcome::Failed {
            check(&record)?;
            let mut left = record.trial().map(left_over).unwrap_or_default();
            left.extend(ended.left_over.iter().map(|closure| format!("a closure on a worker thread, {closure}")));
            if !left.is_empty() {
                let left = left.join("\n  ");
                return Err(Failure::Told(format!(
                    "it left something behind, which is to end, to be closed or dropped before the test returns:\n  {left}"
                )));
            }
        }
        Ok(output)
    }
}

/// What was to be looked at in the end.
fn check(record: &RunRecord) -> Result<(), Failure> {
    let checks = record.trial().map(|trial| trial.take_checks()).unwrap_or_default();
    for check in checks {
        let checked = catch_unwind(AssertUnwindSafe(check));
        checked.map_err(|payload| Failure::Told(format!("when it had ended, {}", words(&*payload))))?;
    }
    Ok(())
}

/// What a run that has ended left behind, each with the line that made it.
fn left_over(trial: &Trial) -> Vec<String> {
    let tasks = tasks_of(trial).into_iter().map(|task| {
        let name = task.name().escape_debug();
        let waits = task.waiting().map(|(verb, place)| format!(", which waits in {verb} at {place}"));
        format!("a task \"{name}\", started at {}{}", task.started_at(), waits.unwrap_or_default())
    });
    let open = trial.open_resources().into_iter().map(|(what, place)| format!("{what}, made at {place}"));
    tasks.chain(open).collect()
}

impl fmt::Debug for TestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRun").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// How a test failed.
pub enum Failure {
    /// With this panic, which the panic hook has told.
    Panicked(Box<dyn Any + Send>),
    /// In these words.
    Told(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(words) => f.write_str(words),
            Self::Panicked(payload) => write!(f, "it panicked: {}", words(&**payload)),
        }
    }
}

/// What a panic said.
fn words(payload: &(dyn Any + Send)) -> &str {
    let words = payload.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(without words)")
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
