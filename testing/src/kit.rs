//! A test with options of the kit: under how many orders it runs, whether it is swept, and what its failure says.

use std::{
    future::Future,
    process::{ExitCode, Termination},
};

use anyio_runtime::__private::{Builder, Failure, Outcome, TestRun, Verdict};

use crate::{control::Control, isolated, settings, sweep};

/// What is done with a test.
#[derive(Debug, Clone)]
pub struct Kit {
    name: &'static str,
    schedules: Option<u64>,
    /// With the name of the scope that is cancelled, if that is not the test's own.
    sweep: Option<Option<&'static str>>,
    isolated: bool,
    outside: bool,
}

impl Kit {
    /// Nothing more, with the test of this path.
    pub const fn new(name: &'static str) -> Self {
        Self { name, schedules: None, sweep: None, isolated: false, outside: false }
    }

    /// It is cancelled at every point.
    pub const fn cancel_sweep(self, scope: Option<&'static str>) -> Self {
        Self { sweep: Some(scope), ..self }
    }

    /// It is run under so many orders.
    ///
    /// # Panics
    /// For 0, under which it would pass without having run.
    #[track_caller]
    pub const fn schedules(self, count: u64) -> Self {
        assert!(count > 0, "`schedules = 0` does not run the test at all: it is a number from 1 on");
        Self { schedules: Some(count), ..self }
    }

    /// It is run in a process of its own.
    pub const fn isolated(self) -> Self {
        Self { isolated: true, ..self }
    }

    /// A seed does not fix everything.
    pub const fn with_things_from_outside(self) -> Self {
        Self { outside: true, ..self }
    }

    /// The seeds under which it is run; without any it is run in the order of every day.
    fn seeds(&self) -> Vec<Option<u64>> {
        match (self.schedules, settings::seed()) {
            (None, _) => vec![None],
            (Some(_), Some(seed)) => vec![Some(seed)],
            (Some(count), None) => (0..settings::schedules().unwrap_or(count)).map(Some).collect(),
        }
    }
}

/// A test as its attribute wrote it: made anew for each run.
pub(crate) struct Body<'a, M, B, V> {
    pub(crate) run: &'a M,
    pub(crate) body: &'a B,
    pub(crate) verdict: &'a V,
}

impl<M, B, V, F> Body<'_, M, B, V>
where
    M: Fn() -> (Builder, TestRun),
    B: Fn() -> F,
    F: Future<Output: Termination>,
    V: Fn(&F::Output) -> Verdict,
{
    /// Runs it once. `may_be_cancelled`: it may say that it was.
    pub(crate) fn once(
        &self,
        control: impl FnOnce(&TestRun) -> std::sync::Arc<Control>,
        may_be_cancelled: bool,
    ) -> Result<(), String> {
        let (builder, mut run) = (self.run)();
        run.observer = Some(control(&run));
        let mut seen = None;
        let output = run.run(builder, (self.body)(), |output| {
            let verdict = (self.verdict)(output);
            let copy = Verdict { outcome: verdict.outcome, error: None };
            seen = Some(verdict);
            copy
        });
        let output = output.map_err(|failure: Failure| failure.to_string())?;
        let Some(Verdict { outcome, error }) = seen else { return Ok(()) };
        let error = error.unwrap_or_else(|| "(without words)".to_owned());
        match outcome {
            // The harness would ask it too.
            Outcome::Fine => match output.report() {
                code if code == ExitCode::SUCCESS => Ok(()),
                code => Err(format!("it returned an exit code that is none of success: {code:?}")),
            },
            Outcome::Interrupted if may_be_cancelled => Ok(()),
            Outcome::Interrupted => Err(format!("it returned a cancellation, though nobody cancelled it: {error}")),
            Outcome::Failed => Err(format!("it returned an error: {error}")),
        }
    }
}

/// Runs a test with what the kit does.
///
/// # Panics
/// When the test fails, with all that is known of it.
#[track_caller]
pub fn run_kit<F: Future<Output: Termination>>(
    kit: Kit,
    run: impl Fn() -> (Builder, TestRun),
    body: impl Fn() -> F,
    verdict: impl Fn(&F::Output) -> Verdict,
) {
    let body = Body { run: &run, body: &body, verdict: &verdict };
    let judged = if kit.isolated { isolated::run(kit.name, || run_all(&kit, &body)) } else { run_all(&kit, &body) };
    if let Err(message) = judged {
        panic!("test: {message}");
    }
}

fn run_all<M, B, V, F>(kit: &Kit, body: &Body<'_, M, B, V>) -> Result<(), String>
where
    M: Fn() -> (Builder, TestRun),
    B: Fn() -> F,
    F: Future<Output: Termination>,
    V: Fn(&F::Output) -> Verdict,
{
    let seeds = kit.seeds();
    let mut swept = Vec::new();
    for seed in &seeds {
        let mut outside = kit.outside;
        let result = match kit.sweep {
            Some(scope) => sweep::run(body, scope, *seed, &mut outside).map(|new| swept.push(new)),
            None => {
                let mut control = None;
                let result = body.once(|_| control.insert(std::sync::Arc::new(Control::new(*seed))).clone(), false);
                outside |= control.is_some_and(|control| control.was_outside());
                result
            }
        };
        if let (Err(message), Some(seed)) = (&result, seed) {
            let replays = if outside {
                "brings back the choices made here, but there are threads, descriptors or clocks in it that make their own"
            } else {
                "replays exactly this"
            };
            return Err(format!("under the order of seed {seed}: {message}\n`ANYIO_TEST_SEED={seed}` {replays}"));
        }
        result?;
    }
    sweep::check(&swept)
}

/// Stands where an option of `#[test]` needs this crate: it is there.
#[doc(hidden)]
#[macro_export]
macro_rules! __with_testing_there {
    ($option:literal, $run:expr) => {
        $run
    };
}
