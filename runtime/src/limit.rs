//! The limit of a test in real time.

use std::{
    io::{self, Write},
    panic::Location,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, RunRecord, host::Observer};
use anyio_task_group::debug::task_tree;

/// How long a test that was cancelled may take to clean up.
const CLEAN_UP: Duration = Duration::from_secs(5);

/// A thread that cancels a test whose time is up, and ends the process if that does not help.
pub(crate) struct Watchdog {
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
    pub(crate) fn begin(
        limit: Duration,
        root: CancelScope,
        record: Arc<RunRecord>,
        observer: Option<Arc<dyn Observer>>,
        place: &'static Location<'static>,
    ) -> Self {
        let state = Arc::new(State::default());
        let watched = state.clone();
        let name = thread::current().name().unwrap_or("test").to_owned();
        // Without a thread there is no limit, but the test can run.
        let thread = thread::Builder::new().name(format!("{name} (limit)"));
        let watch = move || watched.watch(limit, &root, &name, observer.as_deref(), place);
        let thread = thread.spawn(move || record.enter(watch)).ok();
        Self { state, thread }
    }

    /// The test ended. Gives the task tree if its time was up before.
    pub(crate) fn end(mut self) -> Option<String> {
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

    fn watch(
        &self,
        limit: Duration,
        root: &CancelScope,
        name: &str,
        observer: Option<&dyn Observer>,
        place: &Location<'_>,
    ) {
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
             was cancelled. It cannot be ended otherwise, so the process is. The tasks are\n{}{}",
            task_tree(),
            observer.and_then(Observer::told).unwrap_or_default()
        );
        std::process::abort();
    }
}
