//! All of several futures.

use std::{future::Future, panic::Location, pin::Pin, sync::Arc};

use anyio_cancel_scope::{CancelError, CompletedExt, host};

use crate::{
    ErrorGroup,
    child::ChildEnd,
    group::{Core, Group},
    part::{Part, Sink},
    sync::Mutex,
};

/// Runs all of the futures at once, as tasks of one group, and gives their values in the order of the futures.
///
/// They may borrow, and so may their values. If one fails, the others are cancelled and waited for.
///
/// Mirrors AnyIO's [`gather`](https://anyio.readthedocs.io/en/stable/api.html); there a failure always comes as a group.
///
/// # Errors
/// The error of the one that failed, or an [`ErrorGroup`] of several; `Cancelled` if they were interrupted from outside.
///
/// # Panics
/// With the first panic of one of them.
///
/// # Cancel safety
/// Dropping the future drops all of them, and the values that were there already.
///
/// # Examples
/// ```
/// use anyio_task_group::gather;
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// let words = [String::from("a"), String::from("bc")];
/// let lengths = gather(words.iter().map(async |word| io::Result::Ok(word.len()))).await?;
/// assert_eq!(lengths, [1, 2]);
/// # io::Result::Ok(()) }).unwrap();
/// ```
#[track_caller]
pub fn gather<I, Fut, T, E>(iter: I) -> impl Future<Output = Result<Vec<T>, E>>
where
    I: IntoIterator<Item = Fut>,
    Fut: Future<Output = Result<T, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    let futures: Vec<Pin<Box<Fut>>> = iter.into_iter().map(Box::pin).collect();
    all(futures, Location::caller())
}

async fn all<Fut, T, E>(futures: Vec<Pin<Box<Fut>>>, place: &'static Location<'static>) -> Result<Vec<T>, E>
where
    Fut: Future<Output = Result<T, E>>,
    E: CancelError + From<ErrorGroup<E>>,
{
    let values = Arc::new(Values::of(futures.len()));
    let sink = values.clone();
    Group::new(&"gather", place, move |core: Arc<Core<Part<Fut, Values<T>>, E>>| {
        for (index, future) in futures.into_iter().enumerate() {
            core.start_part(index, future, &sink, place);
        }
        std::future::ready(Ok(()))
    })
    .await
    .completed()?;
    let count = values.len();
    values.take(count).ok_or_else(|| host::cancelled().into())
}

/// The values of parts, each at its index.
pub(crate) struct Values<T> {
    values: Mutex<Vec<Option<T>>>,
}

impl<T> Values<T> {
    pub(crate) fn of(count: usize) -> Self {
        Self { values: Mutex::new(std::iter::repeat_with(|| None).take(count).collect()) }
    }

    pub(crate) fn put(&self, index: usize, value: T) {
        let mut values = self.values.lock();
        if values.len() <= index {
            values.resize_with(index + 1, || None);
        }
        values[index] = Some(value);
    }

    fn len(&self) -> usize {
        self.values.lock().len()
    }

    /// All `count` values, if every part gave one: one may have been interrupted by what is gone again.
    pub(crate) fn take(&self, count: usize) -> Option<Vec<T>> {
        let values = std::mem::take(&mut *self.values.lock());
        let values: Vec<T> = values.into_iter().flatten().collect();
        (values.len() == count).then_some(values)
    }
}

impl<T, E> Sink<T, E> for Values<T> {
    fn end(&self, index: usize, end: ChildEnd<T, E>) -> ChildEnd<(), E> {
        match end {
            ChildEnd::Value(value) => {
                self.put(index, value);
                ChildEnd::Value(())
            }
            ChildEnd::Interrupted => ChildEnd::Interrupted,
            ChildEnd::Failed(error) => ChildEnd::Failed(error),
        }
    }
}
