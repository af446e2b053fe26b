//! Closing several resources that are one, and closing what has something left to send.

use std::{error::Error, fmt, io};

use anyio_cancel_scope::CancelError;

use crate::{BoxFuture, ByteSendError, ByteSendStream};

/// How to send on an `S`, for whoever knows only that it can be closed: who sends leaves it there for the closing.
pub(crate) type SendOn<S> = for<'a> fn(&'a S, &'a [u8]) -> BoxFuture<'a, Result<(), ByteSendError>>;

pub(crate) fn send_on<'a, S: ByteSendStream>(
    stream: &'a S,
    data: &'a [u8],
) -> BoxFuture<'a, Result<(), ByteSendError>> {
    Box::pin(stream.send(data))
}

/// What several resources failed with, which were closed together. It stands inside an [`io::Error`].
#[derive(Debug)]
pub struct ClosingErrors(Vec<io::Error>);

impl ClosingErrors {
    /// The errors, in the order in which the resources were closed.
    pub fn iter(&self) -> impl Iterator<Item = &io::Error> {
        self.0.iter()
    }

    /// The error for what several closings came to: a failure comes before a cancellation, and one comes as it is.
    pub(crate) fn join(results: impl IntoIterator<Item = io::Result<()>>) -> io::Result<()> {
        let (cancelled, mut failed): (Vec<_>, Vec<_>) =
            results.into_iter().filter_map(Result::err).partition(CancelError::is_cancelled);
        match failed.len() {
            0 => cancelled.into_iter().next().map_or(Ok(()), Err),
            1 => Err(failed.remove(0)),
            _ => Err(io::Error::new(failed[0].kind(), Self(failed))),
        }
    }
}

impl fmt::Display for ClosingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed to close: ", self.0.len())?;
        for (at, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Error for ClosingErrors {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.first().map(|error| error as _)
    }
}
