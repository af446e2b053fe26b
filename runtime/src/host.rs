//! What the crates above build on. No part of the promise to users.

use std::{any::Any, borrow::Cow, fmt, future::Future, panic::Location, sync::Arc, time::Instant};

use anyio_cancel_scope::RunRecord;

pub use crate::LeftOver;
use crate::{
    job::Job,
    pool::{Entry, Pool},
    slot::Slot,
    sync::Mutex,
};

/// Something that belongs to a `run` and is to end with it.
pub trait Ending: Send + Sync + 'static {
    /// Ends it, and waits for that until `until` at most. Called when all futures of the `run` are gone.
    fn end(&self, until: Instant) -> Ended;
}

/// What came of an [`Ending`].
#[derive(Default)]
pub struct Ended {
    /// What has not ended.
    pub left_over: Vec<LeftOver>,
    /// The first panic that nobody took.
    pub panic: Option<Box<dyn Any + Send>>,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").field("left_over", &self.left_over).finish_non_exhaustive()
    }
}

/// A left-over of this name, started there.
pub fn left_over(name: Cow<'static, str>, started_at: &'static Location<'static>) -> LeftOver {
    LeftOver { name, started_at }
}

/// Has the `run` of this record end something with itself.
pub fn end_with(run: &RunRecord, ending: Arc<dyn Ending>) {
    run.entry(Endings::default).0.lock().push(ending);
}

/// Everything that is to end with a `run`.
#[derive(Default)]
struct Endings(Mutex<Vec<Arc<dyn Ending>>>);

/// Ends what is to end with the `run` of this record, the last comer first.
pub(crate) fn end(run: &RunRecord, until: Instant) -> Ended {
    let mut all = Ended::default();
    let Some(endings) = run.find::<Endings>() else { return all };
    loop {
        let Some(ending) = endings.0.lock().pop() else { break };
        let Ended { left_over, panic } = ending.end(until);
        all.left_over.extend(left_over);
        all.panic = all.panic.or(panic);
    }
    all
}

/// Whether jobs can be [spawned](spawn) in the `run` of this record.
pub fn is_run(run: &RunRecord) -> bool {
    run.find::<Arc<Pool>>().is_some()
}

/// Polls `job` on the worker threads of the `run` of this record, with what holds here. When the `run` ends first, it is dropped
/// there. It does not panic.
///
/// # Errors
/// `job`, if the `run` has ended.
pub fn spawn<F>(run: &RunRecord, job: F) -> Result<(), F>
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(pool) = run.find::<Arc<Pool>>().map(|pool| (*pool).clone()) else { return Err(job) };
    let Some(entry) = Entry::admit(pool.clone()) else { return Err(job) };
    pool.spawn(Job::new(job, Arc::new(Slot::new()), Some(entry))).detach();
    Ok(())
}
