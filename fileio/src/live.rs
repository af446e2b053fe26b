//! A file that something happens to: a FIFO, a terminal, a socket, a device. It is waited for by readiness, so a wait holds no thread
//! and can be cancelled.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use anyio_reactor::Readiness;
use anyio_sync::CapacityLimiter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    disk::retry,
    entry::{Operation, spend},
    hop::{self, OnCancel},
    sys::{self, Tried},
    terminal,
};

pub(crate) struct Live {
    file: Arc<fs::File>,
    fifo: bool,
    /// What was read and put back.
    ahead: Mutex<VecDeque<u8>>,
    /// In the reactor, from the first wait on; `None` if it cannot be waited for, as a device that is always ready.
    readiness: OnceLock<Option<Readiness<Arc<fs::File>>>>,
    /// A terminal that blocks, opened again so that it does not.
    again: OnceLock<Option<fs::File>>,
}

impl Live {
    pub(crate) fn new(file: Arc<fs::File>, fifo: bool) -> Self {
        Self { file, fifo, ahead: Mutex::default(), readiness: OnceLock::new(), again: OnceLock::new() }
    }

    fn readiness(&self) -> Option<&Readiness<Arc<fs::File>>> {
        self.readiness.get_or_init(|| Readiness::new_as_is(self.file.clone()).ok()).as_ref()
    }

    fn terminal(&self) -> Option<&fs::File> {
        self.again.get_or_init(|| terminal::reopen(&self.file)).as_ref()
    }

    pub(crate) async fn read(
        &self,
        buf: &mut [u8],
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        let put_back = self.lock_ahead().read(buf)?;
        if put_back > 0 {
            return Ok(put_back);
        }
        loop {
            match self.try_read(buf) {
                Some(Ok(0)) if self.fifo && !self.had_a_writer() => {}
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Some(result) => {
                    spend(*result.as_ref().unwrap_or(&0));
                    return result;
                }
                None => {}
            }
            let Some(readiness) = self.readiness() else {
                let (file, mut room) = (self.file.clone(), vec![0; buf.len()]);
                let job = move || retry(|| (&*file).read(&mut room)).map(|count| (room, count));
                let (room, count) = hop::run_io(operation, limiter, OnCancel::Leave, job).await?;
                buf[..count].copy_from_slice(&room[..count]);
                return Ok(count);
            };
            operation.wait(readiness.readable()).await?;
        }
    }

    /// Takes back what was read and not used. It is read next.
    pub(crate) fn put_back(&self, bytes: &[u8]) {
        let mut ahead = self.lock_ahead();
        for byte in bytes.iter().rev() {
            ahead.push_front(*byte);
        }
    }

    fn lock_ahead(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` if it might wait.
    fn try_read(&self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        match sys::read(&self.file, buf) {
            Tried::Done(result) => Some(result),
            Tried::WouldWait => None,
            // What does not know the call is asked whether there is something, first.
            Tried::Unsupported => match self.terminal() {
                Some(mut terminal) => Some(retry(|| terminal.read(buf))),
                None => ready_now(self.file.as_fd(), PollFlags::IN).then(|| retry(|| (&*self.file).read(buf))),
            },
        }
    }

    /// Whether the end that was read is one. A FIFO reads as ended before the first writer came, too, but has not hung up then.
    fn had_a_writer(&self) -> bool {
        ready_now(self.file.as_fd(), PollFlags::IN)
    }

    /// Writes some of it.
    pub(crate) async fn write(
        &self,
        data: &[u8],
        operation: &mut Operation,
        limiter: Option<&CapacityLimiter>,
    ) -> io::Result<usize> {
        loop {
            match self.try_write(data) {
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Some(result) => {
                    spend(*result.as_ref().unwrap_or(&0));
                    return result;
                }
                None => {}
            }
            let Some(readiness) = self.readiness() else {
                let (file, data) = (self.file.clone(), data.to_vec());
                return hop::run_io(operation, limiter, OnCancel::Wait, move || retry(|| (&*file).write(&data))).await;
            };
            operation.wait(readiness.writable()).await?;
        }
    }

    fn try_write(&self, data: &[u8]) -> Option<io::Result<usize>> {
        match sys::write(&self.file, data) {
            Tried::Done(result) => Some(result),
            Tried::WouldWait => None,
            Tried::Unsupported => {
                if let Some(mut terminal) = self.terminal() {
                    return Some(retry(|| terminal.write(data)));
                }
                if !ready_now(self.file.as_fd(), PollFlags::OUT) {
                    return None;
                }
                // A file that others made blocking takes so much without waiting, once it is ready.
                let data = &data[..data.len().min(MOST_WHEN_READY)];
                Some(retry(|| (&*self.file).write(data)))
            }
        }
    }
}

const MOST_WHEN_READY: usize = 512;

fn ready_now(fd: BorrowedFd<'_>, events: PollFlags) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, events)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut fds, Some(&now)), Ok(1..)) && !fds[0].revents().is_empty()
}
