//! What framed streams have in common: frames go out whole.
//!
//! # Invariants
//! 1. `rest` is what is left of a frame whose beginning went out. It goes out before anything else.
//! 2. `cut` is set while a send is under way. Found set by another, that send was dropped, and nobody knows how much went out.

use std::{error::Error, fmt, io};

use spin::mutex::SpinMutex;

use crate::{
    ByteSendStream, SendReason,
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
    /// The beginning of a frame went out, and then its send was dropped instead of cancelled, so that nobody knows how to go on.
    Cut,
    /// A send was cancelled when the beginning of its frame was out, and the rest was not sent before the stream was closed.
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
            Self::Cut => f.write_str("a send was dropped while it waited, so a frame may be incomplete"),
            Self::Unsent { left } => {
                write!(f, "the last {left} bytes of a frame were not sent: flush before closing")
            }
            Self::LineBreak { position } => write!(f, "the line has a line break in it, at byte {position}"),
        }
    }
}

impl Error for FrameError {}

/// A buffer above this size is not kept.
const KEPT: usize = 64 * 1024;

pub(crate) struct FrameSender(SpinMutex<Outgoing>);

struct Outgoing {
    rest: Vec<u8>,
    cut: bool,
}

impl FrameSender {
    pub(crate) fn new() -> Self {
        Self(SpinMutex::new(Outgoing { rest: Vec::new(), cut: false }))
    }

    /// Sends the frame that `write` appends. Once its beginning is out, a cancellation leaves the rest for the next call, and the
    /// frame counts as sent.
    pub(crate) async fn send<S: ByteSendStream>(
        &self,
        stream: &S,
        place: Place,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SendReason> {
        let Some(mut outgoing) = self.0.try_lock() else { return Err(SendReason::Busy) };
        outgoing.flush(stream, place).await.map_err(|(_, reason)| reason)?;
        write(&mut outgoing.rest);
        match outgoing.flush(stream, place).await {
            Ok(()) => Ok(()),
            Err((true, SendReason::Cancelled(_))) => Ok(()),
            Err((_, reason)) => {
                // The frame is given back, so nothing of it may go out any more; nor anything else, if some of it did.
                outgoing.rest.clear();
                Err(reason)
            }
        }
    }

    /// To be asked when the stream was closed. Tells it once: what was left is dropped then.
    pub(crate) fn check_unsent(&self) -> io::Result<()> {
        match self.0.try_lock().map_or(0, |mut outgoing| std::mem::take(&mut outgoing.rest).len()) {
            0 => Ok(()),
            left => Err(io::Error::other(FrameError::Unsent { left })),
        }
    }

    pub(crate) async fn flush<S: ByteSendStream>(&self, stream: &S, place: Place) -> Result<(), SendReason> {
        let Some(mut outgoing) = self.0.try_lock() else { return Err(SendReason::Busy) };
        outgoing.flush(stream, place).await.map_err(|(_, reason)| reason)
    }
}

impl Outgoing {
    /// Sends the rest; fails with whether some of it went out.
    async fn flush<S: ByteSendStream>(&mut self, stream: &S, place: Place) -> Result<(), (bool, SendReason)> {
        if self.cut {
            return Err((true, SendReason::Broken(FrameError::Cut.into())));
        }
        if self.rest.is_empty() {
            return Ok(());
        }
        self.cut = true;
        let sent = noted(&"send", place, stream.send(&self.rest)).await;
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
