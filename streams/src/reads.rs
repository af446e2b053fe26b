//! Reads that take several chunks: each enters, claims the buffer, and takes what is there; only if that is not all, it waits.
//!
//! # Invariants
//! 1. Bytes leave the buffer in the poll that returns them: a read that is cancelled or dropped leaves them there.

use std::{
    future::Future,
    ops::DerefMut,
    pin::Pin,
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::{Checkpoint, Verb};
use memchr::memmem;
use pin_project_lite::pin_project;

use crate::{BufferedError, ByteReceiveStream, ReceiveError, buffer::Buffer, noted::Place};

pub(crate) type Claimed<'s, S, B> = Result<(&'s S, B), ReceiveError>;

/// A read, before its entry.
pub(crate) struct Read<C> {
    /// Gives the stream, and the buffer, which a lock holds or the caller.
    pub(crate) claim: C,
    pub(crate) verb: Verb,
    pub(crate) place: Place,
}

impl<C> Read<C> {
    /// Waits until `count` bytes are in the buffer.
    #[inline]
    pub(crate) fn exactly<'s, S, B, T>(
        self,
        count: usize,
        take: impl FnOnce(B) -> T,
    ) -> impl Future<Output = Result<T, BufferedError>>
    where
        S: ByteReceiveStream + 's,
        C: FnOnce() -> Claimed<'s, S, B>,
        B: DerefMut<Target = Buffer>,
    {
        let Self { claim, verb, place } = self;
        Reading::new(verb, place, move || {
            let (stream, mut buffer) = claim()?;
            if buffer.len() >= count {
                return Ok(Begun::Done(take(buffer)));
            }
            Ok(Begun::Waits(async move {
                fill(&mut buffer, stream, count).await?;
                Ok(take(buffer))
            }))
        })
    }

    /// Waits until `delimiter` is in the buffer; `take` is told where.
    #[inline]
    pub(crate) fn until<'s, S, B, T>(
        self,
        delimiter: &[u8],
        max_bytes: usize,
        take: impl FnOnce(B, usize) -> T,
    ) -> impl Future<Output = Result<T, BufferedError>>
    where
        S: ByteReceiveStream + 's,
        C: FnOnce() -> Claimed<'s, S, B>,
        B: DerefMut<Target = Buffer>,
    {
        let Self { claim, verb, place } = self;
        Reading::new(verb, place, move || {
            let (stream, mut buffer) = claim()?;
            let search = Search { delimiter, max_bytes, searched: 0 };
            if let Some(at) = search.look(buffer.bytes()) {
                return Ok(Begun::Done(take(buffer, at)));
            }
            Ok(Begun::Waits(async move {
                let at = seek(&mut buffer, stream, search).await?;
                Ok(take(buffer, at))
            }))
        })
    }

    /// Takes a line, or what is left at the end of the stream.
    #[inline]
    pub(crate) fn line<'s, S, B>(self, max_bytes: usize) -> impl Future<Output = Result<Option<String>, BufferedError>>
    where
        S: ByteReceiveStream + 's,
        C: FnOnce() -> Claimed<'s, S, B>,
        B: DerefMut<Target = Buffer>,
    {
        let Self { claim, verb, place } = self;
        Reading::new(verb, place, move || {
            let (stream, mut buffer) = claim()?;
            let search = Search { delimiter: b"\n", max_bytes, searched: 0 };
            if let Some(at) = search.look(buffer.bytes()) {
                return take_line(&mut buffer, at).map(Begun::Done);
            }
            Ok(Begun::Waits(async move {
                match seek(&mut buffer, stream, search).await {
                    Ok(at) => take_line(&mut buffer, at),
                    Err(BufferedError::IncompleteRead { buffered: 0, .. }) => Ok(None),
                    Err(BufferedError::IncompleteRead { buffered, .. }) => text(buffer.take(buffered)),
                    Err(error) => Err(error),
                }
            }))
        })
    }
}

/// What came of the beginning of a read.
enum Begun<T, W> {
    Done(T),
    Waits(W),
}

pin_project! {
    /// A checkpoint, the beginning of a read, and its waits if there are any.
    struct Reading<F, W> {
        checkpoint: Checkpoint,
        begin: Option<F>,
        #[pin]
        waits: Option<W>,
    }
}

impl<F, W> Reading<F, W> {
    #[inline]
    fn new<T>(verb: Verb, place: Place, begin: F) -> Self
    where
        F: FnOnce() -> Result<Begun<T, W>, BufferedError>,
    {
        Self { checkpoint: Checkpoint::at(verb, place), begin: Some(begin), waits: None }
    }
}

impl<F, W, T> Future for Reading<F, W>
where
    F: FnOnce() -> Result<Begun<T, W>, BufferedError>,
    W: Future<Output = Result<T, BufferedError>>,
{
    type Output = Result<T, BufferedError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.begin.is_some() {
            ready!(this.checkpoint.poll_entry(cx))?;
        }
        if let Some(begin) = this.begin.take() {
            match begin()? {
                Begun::Done(value) => return Poll::Ready(Ok(value)),
                Begun::Waits(waits) => this.waits.set(Some(waits)),
            }
        }
        let Some(waits) = this.waits.as_pin_mut() else { panic!("a read was polled after it was ready") };
        let polled = waits.poll(cx);
        if polled.is_pending() {
            // Over what the stream left there.
            this.checkpoint.note();
        }
        polled
    }
}

async fn fill<S: ByteReceiveStream>(buffer: &mut Buffer, stream: &S, count: usize) -> Result<(), BufferedError> {
    while buffer.len() < count {
        match buffer.fill(stream, count, count).await {
            Ok(()) => {}
            Err(ReceiveError::EndOfStream) => {
                return Err(BufferedError::IncompleteRead { buffered: buffer.len(), wanted: Some(count) });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A delimiter, and how far it was looked for.
struct Search<'d> {
    delimiter: &'d [u8],
    max_bytes: usize,
    /// No delimiter begins before this place.
    searched: usize,
}

impl Search<'_> {
    /// Up to where the limit lets it be, with the delimiter.
    #[inline]
    fn window(&self) -> usize {
        self.max_bytes.saturating_add(self.delimiter.len())
    }

    /// Where the delimiter is in `bytes`, of which those that were looked at before are the same again.
    #[inline(always)]
    fn look(&self, bytes: &[u8]) -> Option<usize> {
        let bytes = &bytes[self.searched..bytes.len().min(self.window())];
        find(bytes, self.delimiter).map(|at| self.searched + at)
    }

    /// It is not in the first `length` bytes.
    fn missed(&mut self, length: usize) -> Result<(), BufferedError> {
        if length >= self.window() {
            return Err(BufferedError::DelimiterNotFound { max_bytes: self.max_bytes });
        }
        self.searched = (length + 1).saturating_sub(self.delimiter.len());
        Ok(())
    }
}

async fn seek<S: ByteReceiveStream>(
    buffer: &mut Buffer,
    stream: &S,
    mut search: Search<'_>,
) -> Result<usize, BufferedError> {
    loop {
        search.missed(buffer.len())?;
        match buffer.fill(stream, 0, search.window()).await {
            Ok(()) => {}
            Err(ReceiveError::EndOfStream) => {
                return Err(BufferedError::IncompleteRead { buffered: buffer.len(), wanted: None });
            }
            Err(error) => return Err(error.into()),
        }
        if let Some(at) = search.look(buffer.bytes()) {
            return Ok(at);
        }
    }
}

#[track_caller]
pub(crate) fn check_delimiter(delimiter: &[u8]) {
    assert!(!delimiter.is_empty(), "an empty delimiter is everywhere: give one of 1 byte at least");
}

#[inline]
fn find(bytes: &[u8], delimiter: &[u8]) -> Option<usize> {
    match delimiter {
        [byte] => memchr::memchr(*byte, bytes),
        _ => memmem::find(bytes, delimiter),
    }
}

#[inline(always)]
fn take_line(buffer: &mut Buffer, at: usize) -> Result<Option<String>, BufferedError> {
    let line = &buffer.bytes()[..at];
    let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
    buffer.consume(at + 1);
    text(line)
}

#[inline]
fn text(line: Vec<u8>) -> Result<Option<String>, BufferedError> {
    String::from_utf8(line).map(Some).map_err(BufferedError::NotText)
}
