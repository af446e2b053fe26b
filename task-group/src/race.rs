//! The first of several futures.

use std::{future::Future, panic::Location, pin::Pin, sync::Arc};

use anyio_cancel_scope::{CancelError, Cause, host};

use crate::{
    ErrorGroup,
    child::ChildEnd,
    group::{Core, Group},
    hub::Hub,
    part::{Part, Sink},
    sync::Mutex,
    tally::join_errors,
};

/// Runs all of the futures at once, as tasks of one group, and gives the first value. The losers are cancelled, and waited
/// for.
///
/// A future that fails loses; the race goes on. When all have failed, their errors come out.
///
/// # Errors
/// When no future gave a value: the error there was, or an [`ErrorGroup`] of several; `Cancelled` if the race was
/// interrupted from outside. With a winner, the losers' errors are dropped.
///
/// # Panics
/// When there is no future at all. With the first panic of one of them, also if there is a winner.
///
/// # Cancel safety
/// Dropping the future drops all of them.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::sleep;
/// use anyio_task_group::race;
/// use std::{io, time::Duration};
///
/// # futures_lite::future::block_on(async {
/// let fetch = async |mirror: &'static str, ms| {
///     sleep(Duration::from_millis(ms)).await?;
///     io::Result::Ok(mirror)
/// };
/// assert_eq!(race([fetch("far", 5000), fetch("near", 1)]).await?, "near");
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn race<I, Fut, T, E>(iter: I) -> impl Future<Output = Result<T, E>>
where
    I: IntoIterator<Item = Fut>,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    let futures: Vec<Pin<Box<Fut>>> = iter.into_iter().map(Box::pin).collect();
    assert!(!futures.is_empty(), "race: nothing to race; give at least one future");
    first(futures, Location::caller())
}

async fn first<Fut, T, E>(futures: Vec<Pin<Box<Fut>>>, place: &'static Location<'static>) -> Result<T, E>
where
    Fut: Future<Output = Result<T, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    let line = Arc::new(Mutex::<Option<Arc<Line<T, E>>>>::default());
    let kept = line.clone();
    let group = Group::new(&"race", place, move |core: Arc<RaceCore<Fut, T, E>>| {
        let line =
            Arc::new(Line { hub: core.hub.clone(), state: Mutex::new(Outcome { winner: None, errors: Vec::new() }) });
        *kept.lock() = Some(line.clone());
        for (index, future) in futures.into_iter().enumerate() {
            core.start_part(index, future, &line, place);
        }
        std::future::ready(Ok(()))
    });
    let ended = group.await;
    let outcome = line.lock().take().map(|line| line.take());
    let Outcome { winner, errors } = outcome.unwrap_or(Outcome { winner: None, errors: Vec::new() });
    if let Some(value) = winner {
        return Ok(value);
    }
    ended?;
    Err(join_errors(errors).unwrap_or_else(|| host::cancelled().into()))
}

type RaceCore<Fut, T, E> = Core<Part<Fut, Line<T, E>>, E>;

/// The finishing line.
struct Line<T, E> {
    hub: Arc<Hub>,
    state: Mutex<Outcome<T, E>>,
}

struct Outcome<T, E> {
    winner: Option<T>,
    errors: Vec<E>,
}

impl<T, E> Line<T, E> {
    fn take(&self) -> Outcome<T, E> {
        let mut state = self.state.lock();
        Outcome { winner: state.winner.take(), errors: std::mem::take(&mut state.errors) }
    }
}

impl<T, E> Sink<T, E> for Line<T, E> {
    fn end(&self, _index: usize, end: ChildEnd<T, E>) -> ChildEnd<(), E> {
        let mut state = self.state.lock();
        match end {
            ChildEnd::Value(value) if state.winner.is_none() => {
                state.winner = Some(value);
                drop(state);
                host::cancel(&(self.hub.scope.clone() as _), Cause::Called(Some("the race is won".into())));
            }
            ChildEnd::Value(late) => {
                drop(state);
                drop(late);
            }
            ChildEnd::Failed(error) => state.errors.push(error),
            ChildEnd::Interrupted if state.winner.is_none() => return ChildEnd::Interrupted,
            ChildEnd::Interrupted => {}
        }
        ChildEnd::Value(())
    }
}
