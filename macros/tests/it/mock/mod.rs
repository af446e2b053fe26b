//! Stands for `anyio-cancel-scope`, which this crate may not know: the trait, the walker, and the `__derive` module
//! word for word.

#[path = "derive_support.rs"]
pub mod __derive;

pub use anyio_macros::CancelError;

use std::error::Error;
use std::{fmt, io};

pub trait CancelError: From<Cancelled> {
    fn as_error(&self) -> &(dyn Error + 'static);

    fn is_cancelled(&self) -> bool {
        is_cancellation(self.as_error())
    }
}

pub fn is_cancellation(error: &(dyn Error + 'static)) -> bool {
    if error.is::<Cancelled>() {
        return true;
    }
    let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inside.is_some_and(|inside| is_cancellation(inside)) || error.source().is_some_and(is_cancellation)
}

#[derive(Clone, Copy, Debug)]
pub struct Cancelled;

pub type BoxError = Box<dyn Error + Send + Sync>;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        io::Error::other(cancelled)
    }
}

impl CancelError for Cancelled {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl CancelError for io::Error {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

impl CancelError for BoxError {
    fn as_error(&self) -> &(dyn Error + 'static) {
        &**self
    }
}
