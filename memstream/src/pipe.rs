//! One direction of a memory byte stream, as plain data: a buffer with a bound, and who waits at its two sides.
//!
//! # Invariants
//! 1. At most one task waits at each side, from its claim to its release. Only such a task has a waker here.
//! 2. When the receiving side is closed, the buffer is empty.
//! 3. Wakers that come out are woken, or dropped, after unlocking.

use std::{collections::VecDeque, io::Read, task::Waker};

pub(crate) struct Pipe {
    bytes: VecDeque<u8>,
    capacity: usize,
    sender: Side,
    receiver: Side,
}

/// Where a task sends or receives.
#[derive(Default)]
struct Side {
    ended: bool,
    busy: bool,
    waker: Option<Waker>,
}

/// Why a side has nothing to do any more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Over {
    /// Ended by this side.
    Own,
    /// Ended by the other one.
    Other,
}

/// What came of an attempt.
#[must_use = "the waker in it is to be woken after unlocking"]
pub(crate) enum Moved {
    /// So many bytes, and whom to tell.
    Some(usize, Option<Waker>),
    Over(Over),
    Wait,
}

impl Pipe {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::new(), capacity, sender: Side::default(), receiver: Side::default() }
    }

    pub(crate) fn side(&mut self, which: Which) -> Claims<'_> {
        Claims(match which {
            Which::Sender => &mut self.sender,
            Which::Receiver => &mut self.receiver,
        })
    }

    /// Puts in as much of `data` as there is room for.
    pub(crate) fn send(&mut self, data: &[u8]) -> Moved {
        if self.sender.ended {
            return Moved::Over(Over::Own);
        }
        if self.receiver.ended {
            return Moved::Over(Over::Other);
        }
        let room = (self.capacity - self.bytes.len()).min(data.len());
        if room == 0 && !data.is_empty() {
            return Moved::Wait;
        }
        self.bytes.extend(&data[..room]);
        Moved::Some(room, self.receiver.waker.take())
    }

    /// Takes out what is there, as much as fits.
    pub(crate) fn receive(&mut self, buf: &mut [u8]) -> Moved {
        if self.receiver.ended {
            return Moved::Over(Over::Own);
        }
        // Of a ring that goes around its corner, one read gives the part before it.
        let mut taken = self.bytes.read(buf).unwrap_or(0);
        taken += self.bytes.read(&mut buf[taken..]).unwrap_or(0);
        match taken {
            0 if self.sender.ended => Moved::Over(Over::Other),
            0 => Moved::Wait,
            taken => Moved::Some(taken, self.sender.waker.take()),
        }
    }

    pub(crate) fn is_ended(&self, which: Which) -> bool {
        match which {
            Which::Sender => self.sender.ended,
            Which::Receiver => self.receiver.ended,
        }
    }

    /// Ends one side, and tells who waits at either.
    #[must_use = "wake them after unlocking"]
    pub(crate) fn end(&mut self, which: Which) -> [Option<Waker>; 2] {
        self.side(which).0.ended = true;
        if which == Which::Receiver {
            self.bytes = VecDeque::new();
        }
        [self.sender.waker.take(), self.receiver.waker.take()]
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Which {
    Sender,
    Receiver,
}

/// The task that waits at a side.
pub(crate) struct Claims<'a>(&'a mut Side);

impl Claims<'_> {
    pub(crate) fn is_busy(&self) -> bool {
        self.0.busy
    }

    #[must_use = "drop it after unlocking"]
    pub(crate) fn release(&mut self) -> Option<Waker> {
        self.0.busy = false;
        self.0.waker.take()
    }

    pub(crate) fn will_wake(&self, waker: &Waker) -> bool {
        self.0.waker.as_ref().is_some_and(|held| held.will_wake(waker))
    }

    /// Claims the side, or goes on waiting there.
    #[must_use = "drop it after unlocking"]
    pub(crate) fn wait(&mut self, waker: Waker) -> Option<Waker> {
        self.0.busy = true;
        self.0.waker.replace(waker)
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use super::*;

    fn moved(moved: Moved) -> Result<usize, Option<Over>> {
        match moved {
            Moved::Some(count, waker) => {
                drop(waker);
                Ok(count)
            }
            Moved::Over(over) => Err(Some(over)),
            Moved::Wait => Err(None),
        }
    }

    #[test]
    fn it_holds_as_much_as_its_bound_and_keeps_the_order() {
        let mut pipe = Pipe::new(3);
        assert_eq!(moved(pipe.send(b"abcd")), Ok(3));
        assert_eq!(moved(pipe.send(b"d")), Err(None));
        let mut buf = [0; 2];
        assert_eq!((moved(pipe.receive(&mut buf)), &buf), (Ok(2), b"ab"));
        // Around the corner of the ring.
        assert_eq!(moved(pipe.send(b"de")), Ok(2));
        let mut buf = [0; 9];
        assert_eq!((moved(pipe.receive(&mut buf)), &buf[..3]), (Ok(3), &b"cde"[..]));
        assert_eq!(moved(pipe.receive(&mut buf)), Err(None));
    }

    // H4
    #[test]
    fn what_was_sent_is_read_before_the_end() {
        let mut pipe = Pipe::new(3);
        assert_eq!(moved(pipe.send(b"ab")), Ok(2));
        drop(pipe.end(Which::Sender));
        assert_eq!(moved(pipe.send(b"c")), Err(Some(Over::Own)));
        assert_eq!(moved(pipe.receive(&mut [0; 9])), Ok(2));
        assert_eq!(moved(pipe.receive(&mut [0; 9])), Err(Some(Over::Other)));
        drop(pipe.end(Which::Receiver));
        assert_eq!(moved(pipe.receive(&mut [0; 9])), Err(Some(Over::Own)));
    }

    #[test]
    fn what_nobody_can_receive_is_dropped_and_refused() {
        let mut pipe = Pipe::new(3);
        assert_eq!(moved(pipe.send(b"ab")), Ok(2));
        drop(pipe.end(Which::Receiver));
        assert_eq!((pipe.len(), moved(pipe.send(b"c"))), (0, Err(Some(Over::Other))));
        assert_eq!(moved(pipe.send(b"")), Err(Some(Over::Other)));
    }

    #[test]
    fn a_side_is_busy_from_its_wait_to_its_release() {
        let mut pipe = Pipe::new(1);
        assert!(!pipe.side(Which::Sender).is_busy());
        assert!(pipe.side(Which::Sender).wait(Waker::noop().clone()).is_none());
        assert!(pipe.side(Which::Sender).is_busy() && !pipe.side(Which::Receiver).is_busy());
        // It stays claimed while its waker is out.
        let [sender, receiver] = pipe.end(Which::Receiver);
        assert!(sender.is_some() && receiver.is_none() && pipe.side(Which::Sender).is_busy());
        assert!(pipe.side(Which::Sender).release().is_none());
        assert!(!pipe.side(Which::Sender).is_busy());
    }
}
