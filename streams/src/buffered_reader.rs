//! Several reads in a row, for which the buffer is claimed once.

use std::{fmt, future::Future, panic::Location};

use anyio_cancel_scope::Verb;
use spin::mutex::SpinMutexGuard;

use crate::{
    Buffered, BufferedError, ByteReceiveStream,
    buffer::Buffer,
    noted::Place,
    reads::{Claimed, Read, check_delimiter},
};

/// The reading of a [`Buffered`], claimed by [`Buffered::reader`] for several reads in a row.
///
/// Its methods are those of [`Buffered`], with the same errors and the same cancel safety.
pub struct BufferedReader<'b, S> {
    buffered: &'b Buffered<S>,
    buffer: SpinMutexGuard<'b, Buffer>,
}

impl<'b, S> BufferedReader<'b, S> {
    #[inline]
    pub(crate) fn new(buffered: &'b Buffered<S>, buffer: SpinMutexGuard<'b, Buffer>) -> Self {
        Self { buffered, buffer }
    }

    #[inline]
    fn read<'r>(&'r mut self, verb: Verb, place: Place) -> Read<impl FnOnce() -> Claimed<'r, S, &'r mut Buffer>> {
        let claim = move || {
            // All of it, so that a read holds one pointer.
            let reader = self;
            reader.buffered.check_open()?;
            Ok((reader.buffered.get_ref(), &mut *reader.buffer))
        };
        Read { claim, verb, place }
    }

    /// What is in the buffer.
    pub fn buffer(&self) -> &[u8] {
        self.buffer.bytes()
    }
}

impl<S: ByteReceiveStream> BufferedReader<'_, S> {
    /// [`Buffered::receive_exactly`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_exactly(&mut self, count: usize) -> impl Future<Output = Result<Vec<u8>, BufferedError>> + Send {
        self.read(&"receive_exactly", Location::caller()).exactly(count, move |buffer| buffer.take(count))
    }

    /// [`Buffered::receive_exactly_into`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_exactly_into(&mut self, buf: &mut [u8]) -> impl Future<Output = Result<(), BufferedError>> + Send {
        self.read(&"receive_exactly", Location::caller()).exactly(buf.len(), |buffer| {
            buffer.read(buf);
        })
    }

    /// [`Buffered::receive_until`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// When `delimiter` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_until(
        &mut self,
        delimiter: &[u8],
        max_bytes: usize,
    ) -> impl Future<Output = Result<Vec<u8>, BufferedError>> + Send {
        check_delimiter(delimiter);
        let read = self.read(&"receive_until", Location::caller());
        read.until(delimiter, max_bytes, |buffer, at| buffer.take_until(at, delimiter))
    }

    /// [`Buffered::receive_until_inclusive`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// When `delimiter` is empty.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_until_inclusive(
        &mut self,
        delimiter: &[u8],
        max_bytes: usize,
        to: &mut Vec<u8>,
    ) -> impl Future<Output = Result<usize, BufferedError>> + Send {
        check_delimiter(delimiter);
        let read = self.read(&"receive_until_inclusive", Location::caller());
        read.until(delimiter, max_bytes, |buffer, at| buffer.append_to(to, at + delimiter.len()))
    }

    /// [`Buffered::receive_line`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Nothing is lost: what came so far is in the buffer, for the next read.
    #[track_caller]
    pub fn receive_line(
        &mut self,
        max_bytes: usize,
    ) -> impl Future<Output = Result<Option<String>, BufferedError>> + Send {
        self.read(&"receive_line", Location::caller()).line(max_bytes)
    }
}

impl<S> fmt::Debug for BufferedReader<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedReader").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}
