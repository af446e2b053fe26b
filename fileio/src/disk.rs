//! A file that can be sought in: what is done in place, what on a thread, and what is on its way.
//!
//! Reads are tried in place, and those that would wait become a job whose bytes go into `ahead`. Writes are tried in place where the
//! file system can promise not to wait; where it cannot (as ext4), they are collected in `behind`, which becomes a job when it is full.
//! While that is on its way, the next bytes are collected.
//!
//! A `Disk` is held by one operation at a time, under the lock of its file. At most one job is in the air. An operation that leaves
//! early leaves the job to the next one.
//!
//! # Invariants
//! 1. The position of the system is that of the file, `ahead` further, while nothing is in the air.
//! 2. `ahead` and (`behind` or a write in the air) are not both there.
//! 3. What a write in the air could not write comes back in front of `behind`, and its error is told once.

use std::{
    fs,
    future::{Future, poll_fn},
    io::{self, Read, Seek, SeekFrom, Write},
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use anyio_cancel_scope::Cancelled;
use anyio_sync::{CapacityLimiter, LimiterToken};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::retry_on_intr,
};

use crate::{
    devices::Device,
    entry::{Operation, spend},
    hop::{self, Flight},
    sys::{self, Tried},
};

/// How much is collected before it is written.
const BEHIND: usize = 512 * 1024;
/// How much is read at once where each read is a job.
const AHEAD: usize = 256 * 1024;
/// How much one read does in place.
pub(crate) const AT_ONCE: usize = 512 * 1024;

/// What this file does with calls.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    /// In place, where the system refuses what would wait.
    Try,
    /// In place, for it is memory.
    Plain,
    /// On a thread.
    Hop,
}

pub(crate) struct Disk {
    file: Arc<fs::File>,
    reads: Way,
    writes: Way,
    /// Whether more may be read than was asked for.
    reads_ahead: bool,
    ahead: Vec<u8>,
    taken: usize,
    behind: Vec<u8>,
    /// A buffer to collect in, when `behind` is on its way.
    spare: Vec<u8>,
    air: Option<(Flying, Flight<Landed>)>,
    write_failed: Option<io::Error>,
    read_failed: Option<io::Error>,
    unsettled: Arc<AtomicBool>,
}

/// What is in the air.
#[derive(Clone, Copy)]
enum Flying {
    Read,
    Write,
    Other,
}

enum Landed {
    Wrote { bytes: Vec<u8>, written: usize, result: io::Result<()> },
    Read(io::Result<Vec<u8>>),
    Done,
}

impl Disk {
    pub(crate) fn new(file: Arc<fs::File>, device: Device, size: u64, unsettled: Arc<AtomicBool>) -> Self {
        let way = if device == Device::Memory { Way::Plain } else { Way::Try };
        Self {
            file,
            reads: way,
            writes: way,
            reads_ahead: size > 0,
            ahead: Vec::new(),
            taken: 0,
            behind: Vec::new(),
            spare: Vec::new(),
            air: None,
            write_failed: None,
            read_failed: None,
            unsettled,
        }
    }

    /// The position may be somebody else's, too.
    pub(crate) fn read_no_more_than_asked(&mut self) {
        self.reads_ahead = false;
    }

    fn note(&self) {
        let unsettled = self.air.is_some()
            || self.taken < self.ahead.len()
            || !self.behind.is_empty()
            || self.write_failed.is_some();
        self.unsettled.store(unsettled, Ordering::Release);
    }

    fn accept(&mut self, landed: Landed) {
        match landed {
            Landed::Wrote { mut bytes, written, result } => {
                if let Err(error) = result {
                    bytes.drain(..written);
                    bytes.append(&mut self.behind);
                    self.behind = bytes;
                    self.write_failed = Some(error);
                } else {
                    bytes.clear();
                    self.spare = bytes;
                }
            }
            Landed::Read(Ok(mut bytes)) => {
                if self.taken == self.ahead.len() {
                    self.ahead = bytes;
                    self.taken = 0;
                } else {
                    self.ahead.append(&mut bytes);
                }
            }
            Landed::Read(Err(error)) => self.read_failed = Some(error),
            Landed::Done => {}
        }
        self.note();
    }

    /// Nothing is in the air any more.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some((_, air)) = &mut self.air {
            let landed = ready!(air.poll_landed(cx));
            self.air = None;
            self.accept(landed);
        }
        Poll::Ready(())
    }

    /// Waits until nothing is in the air, or for the cancellation, which leaves it there.
    fn quiet<'a>(&'a mut self, operation: &'a mut Operation) -> impl Future<Output = Result<(), Cancelled>> + 'a {
        poll_fn(move |cx| {
            if self.poll_quiet(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            operation.poll_pending(cx).map(Err)
        })
    }

    /// Gives `behind` to a thread. Nothing is in the air.
    async fn launch_write(&mut self, token: LimiterToken) {
        let bytes = mem::replace(&mut self.behind, mem::take(&mut self.spare));
        let file = self.file.clone();
        self.air = Some((Flying::Write, Flight::launch(token, move || write_out(&file, bytes)).await));
        self.note();
    }

    fn take_write_error(&mut self) -> io::Result<()> {
        let error = self.write_failed.take();
        self.note();
        error.map_or(Ok(()), Err)
    }

    /// Everything that was written is with the system.
    pub(crate) async fn flush(
        &mut self,
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<()> {
        loop {
            self.quiet(operation).await?;
            self.take_write_error()?;
            if self.behind.is_empty() {
                return Ok(());
            }
            let token = hop::token(limiter).await?;
            self.launch_write(token).await;
        }
    }

    /// Flushed, and the position of the system is that of the file.
    pub(crate) async fn settle(
        &mut self,
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<()> {
        if self.is_settled() {
            return Ok(());
        }
        self.flush(operation, limiter).await?;
        self.forget_ahead()
    }

    pub(crate) fn is_settled(&self) -> bool {
        !self.unsettled.load(Ordering::Relaxed)
    }

    fn forget_ahead(&mut self) -> io::Result<()> {
        let left = self.ahead.len() - self.taken;
        if left > 0 {
            (&*self.file).seek(SeekFrom::Current(-(left as i64)))?;
        }
        self.taken = self.ahead.len();
        self.read_failed = None;
        self.note();
        Ok(())
    }

    pub(crate) async fn read(
        &mut self,
        buf: &mut [u8],
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        if self.air.is_some() || !self.behind.is_empty() || self.write_failed.is_some() {
            // A read that was left in the air leaves its bytes in `ahead`.
            self.flush(operation, limiter).await?;
        }
        self.read_failed = None;
        if let Some(count) = self.take_ahead(buf) {
            return Ok(count);
        }
        let most = buf.len().min(AT_ONCE);
        let result = match self.reads {
            Way::Try => sys::read(&self.file, &mut buf[..most]),
            Way::Plain => Tried::Done(retry(|| (&*self.file).read(&mut buf[..most]))),
            Way::Hop => Tried::WouldWait,
        };
        match result {
            Tried::Done(result) => {
                spend(*result.as_ref().unwrap_or(&0));
                return result;
            }
            Tried::WouldWait => {}
            Tried::Unsupported => self.reads = Way::Hop,
        }
        let most = match self.reads {
            Way::Hop if self.reads_ahead => buf.len().clamp(AHEAD, 4 * AHEAD),
            _ => buf.len().min(4 * AHEAD),
        };
        let token = hop::token(limiter).await?;
        let mut room = mem::take(&mut self.ahead);
        self.taken = 0;
        let file = self.file.clone();
        let flight = Flight::launch(token, move || {
            room.resize(most, 0);
            let read = read_waiting(&file, &mut room);
            Landed::Read(read.map(|count| {
                room.truncate(count);
                room
            }))
        })
        .await;
        self.air = Some((Flying::Read, flight));
        self.note();
        self.quiet(operation).await?;
        if let Some(error) = self.read_failed.take() {
            return Err(error);
        }
        Ok(self.take_ahead(buf).unwrap_or(0))
    }

    /// Takes back what was read and not used. It is read next.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        self.ahead.splice(..self.taken, bytes.iter().copied());
        self.taken = 0;
        self.note();
    }

    fn take_ahead(&mut self, buf: &mut [u8]) -> Option<usize> {
        let left = &self.ahead[self.taken..];
        if left.is_empty() {
            return None;
        }
        let count = left.len().min(buf.len());
        buf[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        spend(count);
        self.note();
        Some(count)
    }

    pub(crate) async fn write(
        &mut self,
        data: &[u8],
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        if !matches!(self.air, None | Some((Flying::Write, _))) {
            self.quiet(operation).await?;
        }
        self.forget_ahead()?;
        if self.behind.is_empty() && self.air.is_none() && self.write_failed.is_none() {
            let data = &data[..data.len().min(AT_ONCE)];
            let result = match self.writes {
                Way::Try => sys::write(&self.file, data),
                Way::Plain => Tried::Done(retry(|| (&*self.file).write(data))),
                Way::Hop => Tried::WouldWait,
            };
            match result {
                Tried::Done(result) => {
                    spend(*result.as_ref().unwrap_or(&0));
                    return result;
                }
                Tried::WouldWait => {}
                Tried::Unsupported => self.writes = Way::Hop,
            }
        }
        if self.behind.len() >= BEHIND {
            self.quiet(operation).await?;
            self.take_write_error()?;
            let token = hop::token(limiter).await?;
            self.launch_write(token).await;
        }
        let count = data.len().min(BEHIND - self.behind.len());
        self.behind.extend_from_slice(&data[..count]);
        spend(count);
        if self.behind.len() >= BEHIND
            && self.write_failed.is_none()
            && self.has_landed()
            && let Some(token) = hop::try_token(limiter)
        {
            self.launch_write(token).await;
        }
        self.note();
        Ok(count)
    }

    /// Whether nothing is in the air, or what was has just landed well.
    fn has_landed(&mut self) -> bool {
        let Some((_, air)) = &mut self.air else { return true };
        let Some(landed) = air.try_landed() else { return false };
        self.air = None;
        self.accept(landed);
        self.write_failed.is_none()
    }

    /// Runs `job` on a thread, after everything that was written. If it is left alone, the next operation comes after it.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
        job: impl FnOnce(&fs::File) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.settle(operation, limiter).await?;
        let token = hop::token(limiter).await?;
        let (file, result) = (self.file.clone(), Arc::new(Mutex::new(None)));
        let there = result.clone();
        let flight = Flight::launch(token, move || {
            let done = job(&file);
            *there.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            Landed::Done
        })
        .await;
        self.air = Some((Flying::Other, flight));
        self.note();
        let mut shielded = false;
        poll_fn(|cx| {
            while self.poll_quiet(cx).is_pending() {
                if shielded {
                    operation.note();
                    return Poll::Pending;
                }
                let cancelled = ready!(operation.poll_pending(cx));
                if self.air.as_mut().is_some_and(|(_, air)| air.withdraw()) {
                    self.air = None;
                    self.note();
                    return Poll::Ready(Err(cancelled));
                }
                shielded = true;
            }
            Poll::Ready(Ok(()))
        })
        .await?;
        let done = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        done.unwrap_or_else(|| Err(io::Error::other("the job on the thread left no result")))
    }

    /// Moves the position; everything is settled.
    pub(crate) fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        spend(0);
        (&*self.file).seek(to)
    }
}

/// What cannot be waited for in an async way any more is done here: a write in the air is waited for, and what was collected is written.
/// An error can be told to nobody; `close` tells it. A read in the air is left to itself.
impl Drop for Disk {
    fn drop(&mut self) {
        if let Some((Flying::Write | Flying::Other, air)) = self.air.take()
            && let Some(landed) = air.land()
        {
            self.accept(landed);
        }
        if !self.behind.is_empty() {
            let _ = (&*self.file).write_all(&self.behind);
        }
    }
}

fn write_out(mut file: &fs::File, bytes: Vec<u8>) -> Landed {
    let mut written = 0;
    let mut result = Ok(());
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => {
                result = Err(io::ErrorKind::WriteZero.into());
                break;
            }
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    Landed::Wrote { bytes, written, result }
}

/// Some files of the kernel are regular, and wait all the same (`/proc/kmsg`); `O_NONBLOCK` keeps them from it.
fn read_waiting(mut file: &fs::File, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                retry_on_intr(|| poll(&mut [PollFd::new(&file, PollFlags::IN)], None))?;
            }
            result => return result,
        }
    }
}

/// Again after a signal.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
