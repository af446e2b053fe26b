//! Errors with the path in the message.

use std::{
    error::Error,
    fmt, io,
    path::{Path as StdPath, PathBuf},
};

use anyio_cancel_scope::is_cancellation;

use crate::Path;

/// What could not be done with a path. It is inside the [`io::Error`] of operations on paths; the kind is that of std, and the error of
/// the system is its source.
#[derive(Debug)]
pub struct PathError {
    verb: &'static str,
    path: Path,
    other: Option<Path>,
    source: io::Error,
}

impl PathError {
    /// Of an operation with two paths, which is told its verb later.
    pub(crate) fn between(path: &StdPath, other: PathBuf, source: io::Error) -> Self {
        Self { verb: "", path: path.into(), other: Some(other.into()), source }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The other path, of an operation with two.
    pub fn other(&self) -> Option<&Path> {
        self.other.as_ref()
    }

    /// The number of the error, where the system said it.
    pub fn raw_os_error(&self) -> Option<i32> {
        let mut at: Option<&(dyn Error + 'static)> = Some(&self.source);
        while let Some(error) = at {
            if let Some(number) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
                return Some(number);
            }
            at = error.source();
        }
        None
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {:?}", self.verb, self.path)?;
        if let Some(other) = &self.other {
            write!(f, " to {other:?}")?;
        }
        write!(f, ": {}", self.source)
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// With the path, unless it is a cancellation or has one already.
pub(crate) fn tell(error: io::Error, verb: &'static str, path: &Path) -> io::Error {
    let mut error = error;
    if let Some(told) = error.get_mut().and_then(|inside| inside.downcast_mut::<PathError>()) {
        told.verb = verb;
        return error;
    }
    if is_cancellation(&error) {
        return error;
    }
    io::Error::new(error.kind(), PathError { verb, path: path.clone(), other: None, source: error })
}

pub(crate) fn told<T>(result: io::Result<T>, verb: &'static str, path: &Path) -> io::Result<T> {
    result.map_err(|error| tell(error, verb, path))
}
