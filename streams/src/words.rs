//! What the errors have in common: their words, and what of them is shown as a source.

use std::{error::Error, io};

use anyio_cancel_scope::{BoxError, Cancelled, host, is_cancellation};

pub(crate) const CANCELLED: &str = "cancelled";
pub(crate) const CLOSED: &str = "this end of the stream is closed";
pub(crate) const END_OF_STREAM: &str = "end of stream";
pub(crate) const BROKEN: &str = "the stream is broken";
pub(crate) const WOULD_BLOCK: &str = "the operation would have to wait";

/// What `Broken` shows: a stream that broke because something else was cancelled is no cancellation of this operation.
pub(crate) fn source_of_broken(source: &BoxError) -> Option<&(dyn Error + 'static)> {
    let source: &(dyn Error + 'static) = &**source;
    (!is_cancellation(source)).then_some(source)
}

/// The kind for an `io::Error` that stands for a broken stream.
pub(crate) fn kind_of_broken(source: &BoxError) -> io::ErrorKind {
    source.downcast_ref::<io::Error>().map_or(io::ErrorKind::BrokenPipe, io::Error::kind)
}

/// The cancellation that a transport's error is, if it is one.
pub(crate) fn cancelled_in(error: &io::Error) -> Option<Cancelled> {
    let error: &(dyn Error + 'static) = error;
    is_cancellation(error).then(host::cancelled)
}
