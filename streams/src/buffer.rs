//! Bytes between a stream and its reader, as plain data.
//!
//! # Invariants
//! 1. `start <= end <= storage.len()`; what is to be read lies in `start..end`.
//! 2. The storage grows only to what a reader asked for; when it is empty, a storage above `capacity` is let go.

use crate::{ByteReceiveStream, ReceiveError};

pub(crate) struct Buffer {
    storage: Vec<u8>,
    start: usize,
    end: usize,
    capacity: usize,
}

impl Buffer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { storage: Vec::new(), start: 0, end: 0, capacity }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.storage[self.start..self.end]
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
    }

    /// Takes as much as fits.
    #[inline]
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> usize {
        let count = self.len().min(buf.len());
        buf[..count].copy_from_slice(&self.bytes()[..count]);
        self.consume(count);
        count
    }

    /// Takes so many bytes, which are there.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let bytes = self.bytes()[..count].to_vec();
        self.consume(count);
        bytes
    }

    /// Takes what is before a delimiter, which is there, and it as well.
    #[inline]
    pub(crate) fn take_until(&mut self, at: usize, delimiter: &[u8]) -> Vec<u8> {
        let bytes = self.bytes()[..at].to_vec();
        self.consume(at + delimiter.len());
        bytes
    }

    /// Takes so many bytes, which are there, to the end of `to`.
    #[inline]
    pub(crate) fn append_to(&mut self, to: &mut Vec<u8>, count: usize) -> usize {
        to.extend_from_slice(&self.bytes()[..count]);
        self.consume(count);
        count
    }

    pub(crate) fn append(&mut self, data: &[u8]) {
        self.make_room(data.len(), usize::MAX);
        self.storage[self.end..self.end + data.len()].copy_from_slice(data);
        self.end += data.len();
    }

    /// Receives more from `stream`, behind what is there. `wanted` is how much is to be there in all, as far as that is known: it
    /// is not asked for more than the capacity at a time, so a wish that is never met costs no memory. It is asked for half of
    /// the capacity at least, so that no read is small because the last one left little room.
    ///
    /// Beyond `most`, the storage grows only by what is asked for.
    pub(crate) async fn fill<S: ByteReceiveStream>(
        &mut self,
        stream: &S,
        wanted: usize,
        most: usize,
    ) -> Result<(), ReceiveError> {
        let missing = wanted.saturating_sub(self.len()).clamp(self.capacity.div_ceil(2), self.capacity);
        self.make_room(missing, most);
        let count = stream.receive(&mut self.storage[self.end..]).await?;
        self.end += count;
        Ok(())
    }

    /// Makes room for so many bytes behind what is there.
    fn make_room(&mut self, count: usize, most: usize) {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
            if self.storage.len() > self.capacity {
                self.storage = Vec::new();
            }
        }
        if self.storage.len() - self.end >= count {
            return;
        }
        if self.start > 0 {
            self.storage.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.len());
        }
        let least = self.end + count;
        if self.storage.len() < least {
            // Doubled, so that what grows byte by byte is not copied each time.
            let doubled = (2 * self.storage.len()).min(2 * least).min(most);
            let length = least.max(self.capacity).max(doubled);
            self.storage.reserve_exact(length - self.storage.len());
            self.storage.resize(length, 0);
        }
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.storage.truncate(self.end);
        self.storage.drain(..self.start);
        self.storage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_back_what_was_put_in() {
        let mut buffer = Buffer::new(4);
        buffer.append(b"abcdef");
        let mut buf = [0; 4];
        assert_eq!((buffer.read(&mut buf), &buf), (4, b"abcd"));
        buffer.append(b"ghi");
        assert_eq!((buffer.bytes(), buffer.len()), (&b"efghi"[..], 5));
        buffer.consume(2);
        assert_eq!(buffer.into_bytes(), b"ghi");
    }

    #[test]
    fn what_it_grew_to_is_let_go_when_it_is_empty() {
        let mut buffer = Buffer::new(4);
        buffer.append(&[7; 1000]);
        assert!(buffer.storage.len() >= 1000);
        buffer.consume(1000);
        buffer.append(b"x");
        assert_eq!((buffer.storage.len(), buffer.bytes()), (4, &b"x"[..]));
    }

    #[test]
    fn room_at_the_front_is_used_before_it_grows() {
        let mut buffer = Buffer::new(4);
        buffer.append(b"abcd");
        buffer.consume(3);
        buffer.append(b"efg");
        assert_eq!((buffer.storage.len(), buffer.bytes()), (4, &b"defg"[..]));
    }

    #[test]
    fn it_grows_to_the_most_that_is_wanted_and_not_to_twice_of_it() {
        let stream = crate::FuturesIo::reader(futures_lite::io::repeat(b'x'));
        let mut buffer = Buffer::new(8);
        futures_lite::future::block_on(async {
            while buffer.len() < 1025 {
                buffer.fill(&stream, 0, 1025).await.unwrap();
            }
        });
        assert!(buffer.storage.capacity() <= 1025 + 8, "{}", buffer.storage.capacity());
    }
}
