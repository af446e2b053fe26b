//! What framed streams have in common: frames go out whole.
//!
//! # Invariants
//! 1. `rest` is what is left of a frame whose beginning went out. It goes out before anything else, and with the closing at the
//!    latest.
//! 2. `cut` is set while a send is under way. Found set by another, that send was dropped, and nobody knows how much went out; or
//!    the stream broke within a frame, which was given back.

use std::{error::Error, fmt, io};

use spin::mutex::SpinMutex;

use crate::{
    AsyncResource, Buffered, ByteSendError, ByteSendStream, ClosingErrors, SendReason,
    closing::{SendOn, send_on},
    noted::{Place, noted},
};

/// A frame that a stream cannot carry: the source of a `Broken`, or of a `Refused`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// It is longer than the limit.
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// The stream ended within it.
    Incomplete {
        /// How many bytes came before the end.
        received: usize,
        /// How many there should have been.
        length: usize,
    },
    /// The beginning of a frame went out, and then its send was dropped instead of cancelled, or failed and gave the frame back:
    /// nothing can follow.
    Cut,
    /// A send was cancelled when the beginning of its frame was out, and closing could not send the rest.
    Unsent {
        /// How many bytes were left.
        left: usize,
    },
    /// A line would be received as another one, or as several: it has a line feed in it, or a carriage return at its end.
    LineBreak {
        /// How many bytes of the line are before it.
        position: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, max } => write!(f, "a frame of {length} bytes is above the limit of {max}"),
            Self::Incomplete { received, length } => {
                write!(f, "the stream ended after {received} of the {length} bytes of a frame")
            }
            Self::Cut => f.write_str("a send was dropped while it waited, or failed, so a frame may be incomplete"),
            Self::Unsent { left } => write!(f, "the last {left} bytes of a frame were not sent"),
            Self::LineBreak { position } => write!(f, "the line has a line break in it, at byte {position}"),
        }
    }
}

impl Error for FrameError {}

/// A buffer above this size is not kept.
const KEPT: usize = 64 * 1024;

pub(crate) struct FrameSender<S>(SpinMutex<Outgoing<S>>);

struct Outgoing<S> {
    rest: Vec<u8>,
    cut: bool,
    /// Since the first send.
    send_on: Option<SendOn<S>>,
}

impl<S> FrameSender<S> {
    pub(crate) fn new() -> Self {
        Self(SpinMutex::new(Outgoing { rest: Vec::new(), cut: false, send_on: None }))
    }
}

impl<S: ByteSendStream> FrameSender<S> {
    /// Sends the frame that `write` appends. Once its beginning is out, a cancellation leaves the rest for the next call, and the
    /// frame counts as sent.
    pub(crate) async fn send(
        &self,
        stream: &S,
        place: Place,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SendReason> {
        let Some(mut outgoing) = self.0.try_lock() else { return Err(SendReason::Busy) };
        outgoing.flush(stream, place).await.map_err(|(_, reason)| reason)?;
        outgoing.send_on = Some(send_on::<S>);
        write(&mut outgoing.rest);
        match outgoing.flush(stream, place).await {
            Ok(()) => Ok(()),
            Err((true, SendReason::Cancelled(_))) => Ok(()),
            Err((begun, reason)) => {
                // The frame is given back, so nothing of it may go out any more; nor anything else, if some of it did.
                outgoing.rest.clear();
                outgoing.cut |= begun && !reason.is_closed();
                Err(reason)
            }
        }
    }

    pub(crate) async fn flush(&self, stream: &S, place: Place) -> Result<(), SendReason> {
        let Some(mut outgoing) = self.0.try_lock() else { return Err(SendReason::Busy) };
        outgoing.flush(stream, place).await.map_err(|(_, reason)| reason)
    }
}

impl<S: AsyncResource> FrameSender<S> {
    /// Sends the rest, and closes. What is left then is told once.
    pub(crate) async fn aclose(&self, stream: &Buffered<S>, place: Place) -> io::Result<()> {
        // Who sends meanwhile is told by its own error.
        let Some(mut outgoing) = self.0.try_lock() else { return stream.aclose().await };
        let flushed = outgoing.flush_for_closing(stream.get_ref(), place).await;
        let (left, cut) = match flushed {
            // It is told by another call.
            Err((_, SendReason::Cancelled(_))) => (0, false),
            _ => (std::mem::take(&mut outgoing.rest).len(), outgoing.cut),
        };
        drop(outgoing);
        let closed = stream.aclose().await;
        let unsent = || io::Error::other(if cut { FrameError::Cut } else { FrameError::Unsent { left } });
        match flushed {
            Err((_, SendReason::Cancelled(cancelled))) => Err(cancelled.into()),
            _ if left == 0 => closed,
            Err((_, reason)) if !cut && !reason.is_closed() => {
                ClosingErrors::join([Err(reason.into()), Err(unsent()), closed])
            }
            _ => ClosingErrors::join([Err(unsent()), closed]),
        }
    }
}

impl<S> Outgoing<S> {
    /// Sends the rest; fails with whether some of it went out.
    async fn flush(&mut self, stream: &S, place: Place) -> Result<(), (bool, SendReason)>
    where
        S: ByteSendStream,
    {
        if !self.begin()? {
            return Ok(());
        }
        let sent = noted(&"send", place, stream.send(&self.rest)).await;
        self.end(sent)
    }

    /// The same for who knows only that the stream can be closed.
    async fn flush_for_closing(&mut self, stream: &S, place: Place) -> Result<(), (bool, SendReason)> {
        let Some(send_on) = self.send_on.filter(|_| !self.rest.is_empty()) else { return Ok(()) };
        self.begin()?;
        let sent = noted(&"send", place, send_on(stream, &self.rest)).await;
        self.end(sent)
    }

    /// Whether there is something to send. By invariant 2.
    fn begin(&mut self) -> Result<bool, (bool, SendReason)> {
        if self.cut {
            return Err((true, SendReason::Broken(FrameError::Cut.into())));
        }
        self.cut = !self.rest.is_empty();
        Ok(self.cut)
    }

    fn end(&mut self, sent: Result<(), ByteSendError>) -> Result<(), (bool, SendReason)> {
        self.cut = false;
        match sent {
            Ok(()) => {
                self.rest.clear();
                self.rest.shrink_to(KEPT);
                Ok(())
            }
            Err(error) => {
                self.rest.drain(..error.sent);
                Err((error.sent > 0, error.reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use futures_lite::future::block_on;

    use super::*;
    use crate::FuturesIo;

    #[test]
    fn the_place_of_a_large_frame_is_not_kept() {
        let (sender, stream) = (FrameSender::new(), FuturesIo::writer(futures_lite::io::sink()));
        for length in [10 * KEPT, 1] {
            let sent = sender.send(&stream, Location::caller(), |frame| frame.resize(length, 7));
            block_on(sent).unwrap();
            assert!(sender.0.lock().rest.capacity() <= KEPT);
        }
    }
}
