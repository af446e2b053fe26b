//! Several errors of one group.

use std::{
    error::Error,
    fmt::{self, Debug, Display},
    io, slice, vec,
};

use anyio_cancel_scope::{CancelError, Cancelled};

/// Two or more errors of a group, as one.
///
/// The body's error comes first, then the children's in the order in which they ended. A group inside a group keeps its
/// own `ErrorGroup` as one of the errors; [`leaves`](Self::leaves) looks through.
///
/// It is never a cancellation, whatever is in it. See
/// [AnyIO's page](https://anyio.readthedocs.io/en/stable/tasks.html#handling-multiple-errors-in-a-task-group); there even a
/// single error comes as a group, here it comes out as it is.
///
/// # Examples
/// ```
/// use anyio_task_group::{task_group, ErrorGroup};
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// let error = task_group(async |tg| -> io::Result<()> {
///     tg.start_soon(async { Err::<(), _>(io::Error::other("disk")) });
///     Err(io::Error::other("network"))
/// }).await.unwrap_err();
///
/// let group = error.get_ref().unwrap().downcast_ref::<ErrorGroup<io::Error>>().unwrap();
/// let all: Vec<String> = group.iter().map(ToString::to_string).collect();
/// assert_eq!(all, ["network", "disk"]);
/// assert_eq!(error.to_string(), "2 errors: network; disk");
/// # });
/// ```
pub struct ErrorGroup<E> {
    errors: Vec<E>,
}

impl<E> ErrorGroup<E> {
    pub(crate) fn new(errors: Vec<E>) -> Self {
        Self { errors }
    }

    /// The errors, in order.
    pub fn iter(&self) -> slice::Iter<'_, E> {
        self.errors.iter()
    }

    /// How many errors there are; an `ErrorGroup` that a group made has two at least.
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// Whether there are none, which only [`split`](Self::split) by hand could make.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The errors, by value.
    pub fn into_vec(self) -> Vec<E> {
        self.errors
    }

    /// Those errors for which `predicate` holds, and the others; `None` where there are none.
    pub fn split(self, predicate: impl FnMut(&E) -> bool) -> (Option<Self>, Option<Self>) {
        let (with, without): (Vec<E>, Vec<E>) = self.errors.into_iter().partition(predicate);
        let group = |errors: Vec<E>| (!errors.is_empty()).then(|| Self::new(errors));
        (group(with), group(without))
    }
}

impl<E: CancelError + Debug + Display + 'static> ErrorGroup<E> {
    /// The errors of this group and of the groups in it, at any depth, without the groups themselves.
    ///
    /// A group is found where it is an error itself, inside an [`io::Error`], or the direct source of an error, such as a
    /// variant of an enum (one that is `#[error(transparent)]` hides it).
    pub fn leaves(&self) -> Box<dyn Iterator<Item = &(dyn Error + 'static)> + '_> {
        Box::new(self.errors.iter().flat_map(|error| {
            let error = error.as_error();
            match Self::find(error) {
                Some(group) => group.leaves(),
                None => Box::new(std::iter::once(error)),
            }
        }))
    }

    /// The group that `error` is, or that it wraps: as an [`io::Error`], or as its source.
    fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut error = error;
        while let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            error = wrapped;
        }
        error.downcast_ref().or_else(|| error.source()?.downcast_ref())
    }
}

impl<E: Debug> Debug for ErrorGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ErrorGroup").field(&self.errors).finish()
    }
}

impl<E: Display> Display for ErrorGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} errors: ", self.errors.len())?;
        for (at, error) in self.errors.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl<E: Debug + Display> Error for ErrorGroup<E> {}

impl<E> IntoIterator for ErrorGroup<E> {
    type Item = E;
    type IntoIter = vec::IntoIter<E>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl<'a, E> IntoIterator for &'a ErrorGroup<E> {
    type Item = &'a E;
    type IntoIter = slice::Iter<'a, E>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.iter()
    }
}

/// Kind `Other`.
impl From<ErrorGroup<io::Error>> for io::Error {
    fn from(group: ErrorGroup<io::Error>) -> Self {
        Self::other(group)
    }
}

/// Several `Cancelled` are one.
impl From<ErrorGroup<Cancelled>> for Cancelled {
    fn from(group: ErrorGroup<Cancelled>) -> Self {
        group.errors.into_iter().next().unwrap_or_else(anyio_cancel_scope::host::cancelled)
    }
}
