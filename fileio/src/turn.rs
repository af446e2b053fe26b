//! The turn of one operation at a file.

use std::io;

use anyio_cancel_scope::Cancelled;
use anyio_sync::{CapacityLimiter, Lock, LockGuard};

use crate::{disk::Disk, entry::Operation, live::Live};

/// What a file is.
pub(crate) enum Kind {
    Disk(Lock<Disk>),
    Live(Live),
}

impl Kind {
    /// Waits for the turn. What is waited for by readiness takes none, so that one task can read while another writes.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Cancelled> {
        Ok(match self {
            Self::Live(live) => Turn::Live(live),
            Self::Disk(disk) => Turn::Disk(match disk.try_lock() {
                Some(guard) => guard,
                None => disk.lock().await?,
            }),
        })
    }
}

pub(crate) enum Turn<'a> {
    Disk(LockGuard<'a, Disk>),
    Live(&'a Live),
}

impl Turn<'_> {
    pub(crate) async fn read(
        &mut self,
        buf: &mut [u8],
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        match self {
            _ if buf.is_empty() => Ok(0),
            Self::Disk(disk) => disk.read(buf, operation, limiter).await,
            Self::Live(live) => live.read(buf, operation, limiter).await,
        }
    }

    /// Reads up to the end. What was read is behind what is in `bytes` in any case.
    pub(crate) async fn read_rest(
        &mut self,
        bytes: &mut Vec<u8>,
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        let before = bytes.len();
        let mut piece = 8 * 1024;
        loop {
            let mut tail = Tail::new(bytes, piece);
            let read = self.read(tail.room(), operation, limiter).await?;
            tail.keep(read);
            drop(tail);
            match read {
                0 => return Ok(bytes.len() - before),
                read if read == piece => piece = (piece * 4).min(crate::disk::AT_ONCE),
                _ => {}
            }
            operation.breathe().await?;
        }
    }

    pub(crate) async fn write(
        &mut self,
        data: &[u8],
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        match self {
            _ if data.is_empty() => Ok(0),
            Self::Disk(disk) => disk.write(data, operation, limiter).await,
            Self::Live(live) => live.write(data, operation, limiter).await,
        }
    }

    /// Writes all of it; how much it was is in `sent` in any case.
    pub(crate) async fn write_all(
        &mut self,
        data: &[u8],
        sent: &mut usize,
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<()> {
        while *sent < data.len() {
            match self.write(&data[*sent..], operation, limiter).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => *sent += count,
            }
            // What has gone out is not cancelled any more.
            if *sent < data.len() {
                operation.breathe().await?;
            }
        }
        Ok(())
    }

    /// Takes back what was read and not used.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        match self {
            Self::Disk(disk) => disk.put_back(bytes),
            Self::Live(live) => live.put_back(bytes),
        }
    }

    pub(crate) async fn flush(
        &mut self,
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<()> {
        match self {
            Self::Disk(disk) => disk.flush(operation, limiter).await,
            Self::Live(_) => Ok(()),
        }
    }
}

/// Room behind the bytes of a vector, which goes again unless it is kept.
struct Tail<'a> {
    bytes: &'a mut Vec<u8>,
    filled: usize,
}

impl<'a> Tail<'a> {
    fn new(bytes: &'a mut Vec<u8>, room: usize) -> Self {
        let filled = bytes.len();
        bytes.resize(filled + room, 0);
        Self { bytes, filled }
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    fn keep(&mut self, count: usize) {
        self.filled += count;
    }
}

impl Drop for Tail<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.filled);
    }
}
