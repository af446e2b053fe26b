//! Several errors of one group.

use std::{
    error::Error,
    fmt::{self, Debug, Display},
    io, slice, vec,
};

use anyio_cancel_scope::{BoxError, CancelError, Cancelled};

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
    /// A group is found where it is an error itself, inside an [`io::Error`], or anywhere among the sources of an error, such
    /// as below a context or in a variant of an enum (one that is `#[error(transparent)]` hides it). Groups of the same error
    /// type are found, and groups of [`io::Error`] and [`BoxError`] inside any other.
    pub fn leaves(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        Leaves { groups: vec![self.errors_of()], find: find::<E> }
    }
}

type Errors<'a> = Box<dyn Iterator<Item = &'a (dyn Error + 'static)> + 'a>;

/// The leaves of nested groups, from left to right: what is left of each group on the way down to the one at hand.
struct Leaves<'a> {
    groups: Vec<Errors<'a>>,
    find: for<'b> fn(&'b (dyn Error + 'static)) -> Option<Errors<'b>>,
}

impl<'a> Iterator for Leaves<'a> {
    type Item = &'a (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(error) = self.groups.last_mut()?.next() else {
                self.groups.pop();
                continue;
            };
            match (self.find)(error) {
                Some(group) => self.groups.push(group),
                None => return Some(error),
            }
        }
    }
}

impl<E: CancelError + 'static> ErrorGroup<E> {
    fn errors_of(&self) -> Errors<'_> {
        Box::new(self.errors.iter().map(CancelError::as_error))
    }
}

/// The group that `error` is, or the nearest that it carries.
fn find<'a, E: CancelError + Debug + Display + 'static>(error: &'a (dyn Error + 'static)) -> Option<Errors<'a>> {
    let mut at = Some(error);
    while let Some(mut error) = at {
        // An `io::Error` leaves what it holds out of its sources.
        while let Some(held) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            error = held;
        }
        let same = || error.downcast_ref::<ErrorGroup<E>>().map(ErrorGroup::errors_of);
        let io = || error.downcast_ref::<ErrorGroup<io::Error>>().map(ErrorGroup::errors_of);
        let boxed = || error.downcast_ref::<ErrorGroup<BoxError>>().map(ErrorGroup::errors_of);
        let group = same().or_else(io).or_else(boxed);
        if group.is_some() {
            return group;
        }
        at = error.source();
    }
    None
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
