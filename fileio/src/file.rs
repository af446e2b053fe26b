//! An open file.

use std::{
    fmt, fs,
    future::Future,
    io::{self, SeekFrom},
    os::fd::{AsFd, BorrowedFd},
    path::Path as StdPath,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyio_streams::ByteSendError;
use anyio_sync::{CapacityLimiter, Lock};
use rustix::fs::FileType;

use crate::{
    OpenOptions, Path,
    devices::{self, Device},
    disk::Disk,
    entry::Operation,
    inode::Inode,
    live::Live,
    turn::{Kind, Turn},
};

/// An open file.
///
/// Reading and writing move a position, as in [`std::fs::File`]. All methods take `&self`: any number of tasks may use one file; each
/// operation has its turn, and those with a position of their own, [`read_at`](Self::read_at) and [`write_at`](Self::write_at), go side by
/// side.
///
/// What the kernel has in memory is read in place, without a thread. Where the file system cannot promise to write without waiting
/// (ext4 cannot), written bytes are collected and written on a thread, up to half a megabyte at a time: [`flush`](Self::flush),
/// [`close`](Self::close), or any operation that must see them waits for that, and **tells an error of an earlier write**. Other handles and
/// processes see the bytes after that. Bytes that an error left unwritten stay collected, and are tried again.
///
/// Dropping a file closes it, in a cancelled scope too. What is still collected is written then, on the thread that drops it, and an error
/// is told to nobody: use `close` to know.
///
/// What is no regular file (a FIFO, a terminal, a socket, a device) waits by readiness: a wait holds no thread, and can be cancelled.
/// Nothing is collected for those.
///
/// Mirrors AnyIO's [`AsyncFile`](https://anyio.readthedocs.io/en/stable/api.html#anyio.AsyncFile), of which each call is one on a thread.
///
/// # Examples
/// ```
/// use anyio_fileio::{File, TemporaryDirectory};
///
/// # futures_lite::future::block_on(async {
/// let folder = TemporaryDirectory::new().await?;
/// let file = File::create(folder.path().join("greeting")).await?;
/// file.write_all(b"hello").await?;
/// file.close().await?;
///
/// let file = File::open(folder.path().join("greeting")).await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct File {
    pub(crate) file: Arc<fs::File>,
    pub(crate) kind: Kind,
    pub(crate) path: Option<Path>,
    pub(crate) limiter: Option<CapacityLimiter>,
    pub(crate) device: Device,
    unsettled: Arc<AtomicBool>,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn open(path: impl AsRef<StdPath>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        OpenOptions::new().read(true).open_path(path.as_ref().into())
    }

    /// Opens a file for writing; it is made if it is not there, and emptied if it is.
    ///
    /// # Errors
    /// Those of [`OpenOptions::open`].
    ///
    /// # Cancel safety
    /// The file may have been made or emptied.
    #[track_caller]
    pub fn create(path: impl AsRef<StdPath>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        OpenOptions::new().write(true).create(true).truncate(true).open_path(path.as_ref().into())
    }

    /// A file that is open already. Others may read it at the same position: no more is read of it than was asked for.
    ///
    /// # Errors
    /// What the system says when it is asked what kind of file it is.
    pub fn wrap(file: fs::File) -> io::Result<Self> {
        let inode = Inode::of(&file)?;
        let device = devices::known(inode.device).unwrap_or(Device::Remote);
        let mut wrapped = Self::new(Arc::new(file), &inode, device, None, None);
        if let Kind::Disk(disk) = &mut wrapped.kind {
            disk.get_mut().read_no_more_than_asked();
        }
        Ok(wrapped)
    }

    pub(crate) fn new(
        file: Arc<fs::File>,
        inode: &Inode,
        device: Device,
        path: Option<Path>,
        limiter: Option<CapacityLimiter>,
    ) -> Self {
        let unsettled = Arc::new(AtomicBool::new(false));
        // What has no type at all is an event, a timer, a watch.
        let kind = match inode.of {
            FileType::RegularFile | FileType::Directory | FileType::BlockDevice | FileType::Symlink => {
                Kind::Disk(Lock::new(Disk::new(file.clone(), device, inode.size, unsettled.clone())))
            }
            of => Kind::Live(Live::new(file.clone(), of == FileType::Fifo)),
        };
        Self { file, kind, path, limiter, device, unsettled }
    }

    /// The jobs of this file take tokens of `limiter`, instead of those of the `run`.
    #[must_use]
    pub fn with_limiter(mut self, limiter: &CapacityLimiter) -> Self {
        self.limiter = Some(limiter.clone());
        self
    }

    /// Where it was opened, if it was by a path.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_ref()
    }

    /// Reads what is there into `buf`, and tells how many bytes; 0 is the end of the file, or an empty `buf`.
    ///
    /// # Errors
    /// What the system says; an error of an earlier write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost: bytes that were read for a wait which is gone are read next.
    #[track_caller]
    pub fn read(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"read");
        async move {
            operation.enter().await?;
            self.kind.turn().await?.read(buf, &mut operation, self.limiter()).await
        }
    }

    /// Fills `buf`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read); [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) when the file ends before.
    ///
    /// # Cancel safety
    /// Cancelled, what was read goes back, and is read next. Dropped while it waits, what was read is lost track of.
    #[track_caller]
    pub fn read_exact(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<()>> + Send {
        let mut operation = Operation::new(&"read_exact");
        async move {
            operation.enter().await?;
            let mut turn = self.kind.turn().await?;
            let mut filled = 0;
            while filled < buf.len() {
                let mut read = turn.read(&mut buf[filled..], &mut operation, self.limiter()).await;
                if let Ok(count @ 1..) = read {
                    filled += count;
                    if filled < buf.len() {
                        read = operation.breathe().await.map(|()| count).map_err(io::Error::from);
                    }
                }
                match read {
                    Ok(0) => {
                        let text = "the file ended before the buffer was full";
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        turn.put_back(&buf[..filled]);
                        return Err(error);
                    }
                }
            }
            Ok(())
        }
    }

    /// Reads up to the end, behind what is in `bytes`, and tells how many bytes.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    ///
    /// # Cancel safety
    /// What was read is in `bytes`.
    #[track_caller]
    pub fn read_to_end(&self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"read_to_end");
        async move {
            operation.enter().await?;
            self.kind.turn().await?.read_rest(bytes, &mut operation, self.limiter()).await
        }
    }

    /// Reads up to the end as UTF-8, behind what is in `text`, and tells how many bytes.
    ///
    /// # Errors
    /// Those of [`read`](Self::read); [`InvalidData`](io::ErrorKind::InvalidData) when it is no UTF-8. `text` is as before then, and the
    /// bytes are read again.
    ///
    /// # Cancel safety
    /// Cancelled, what was read goes back, and is read next. Dropped while it waits, what was read is lost track of.
    #[track_caller]
    pub fn read_to_string(&self, text: &mut String) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"read_to_string");
        async move {
            operation.enter().await?;
            let mut turn = self.kind.turn().await?;
            let mut bytes = Vec::new();
            let read = turn.read_rest(&mut bytes, &mut operation, self.limiter()).await;
            let read = read.and_then(|_| {
                std::str::from_utf8(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
            });
            match read {
                Ok(more) => {
                    text.push_str(more);
                    Ok(more.len())
                }
                Err(error) => {
                    turn.put_back(&bytes);
                    Err(error)
                }
            }
        }
    }

    /// Writes some of `data`, and tells how many bytes.
    ///
    /// # Errors
    /// What the system says, also of an earlier write; `Cancelled` inside, in a cancelled scope. Nothing of `data` was written then.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was written. Dropped while it waits, neither, except to a device that cannot be waited for.
    #[track_caller]
    pub fn write(&self, data: &[u8]) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"write");
        async move {
            operation.enter().await?;
            self.kind.turn().await?.write(data, &mut operation, self.limiter()).await
        }
    }

    /// Writes all of `data`.
    ///
    /// # Errors
    /// Those of [`write`](Self::write). A [`ByteSendError`](anyio_streams::ByteSendError) is inside, which tells how much was written.
    ///
    /// # Cancel safety
    /// Cancelled, the error tells how much was written. Dropped while it waits, nobody knows.
    #[track_caller]
    pub fn write_all(&self, data: &[u8]) -> impl Future<Output = io::Result<()>> + Send {
        let mut operation = Operation::new(&"write_all");
        async move {
            let mut sent = 0;
            let written = async {
                operation.enter().await?;
                self.kind.turn().await?.write_all(data, &mut sent, &mut operation, self.limiter()).await
            };
            let written: io::Result<()> = written.await;
            written.map_err(|error| ByteSendError::new(sent, error).into())
        }
    }

    /// Waits until the system has everything that was written. It may not be on the disk yet: see [`sync_all`](Self::sync_all).
    ///
    /// # Errors
    /// What the system says of a write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn flush(&self) -> impl Future<Output = io::Result<()>> + Send {
        let mut operation = Operation::new(&"flush");
        async move {
            operation.enter().await?;
            self.kind.turn().await?.flush(&mut operation, self.limiter()).await
        }
    }

    /// Moves the position, and tells where it is.
    ///
    /// # Errors
    /// What the system says: of a position before the beginning, of a file that cannot be sought in, of an earlier write; `Cancelled`
    /// inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled, it did not move.
    #[track_caller]
    pub fn seek(&self, to: SeekFrom) -> impl Future<Output = io::Result<u64>> + Send {
        let mut operation = Operation::new(&"seek");
        async move {
            operation.enter().await?;
            let Turn::Disk(mut disk) = self.kind.turn().await? else {
                return io::Seek::seek(&mut &*self.file, to);
            };
            disk.settle(&mut operation, self.limiter()).await?;
            match to {
                SeekFrom::End(_) if self.device == Device::Remote => {
                    disk.run(&mut operation, self.limiter(), move |mut file| io::Seek::seek(&mut file, to)).await
                }
                _ => disk.seek(to),
            }
        }
    }

    /// Where the position is.
    ///
    /// # Errors
    /// Those of [`seek`](Self::seek).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn tell(&self) -> impl Future<Output = io::Result<u64>> + Send {
        self.seek(SeekFrom::Current(0))
    }

    /// Moves the position to the beginning.
    ///
    /// # Errors
    /// Those of [`seek`](Self::seek).
    ///
    /// # Cancel safety
    /// Cancelled, it did not move.
    #[track_caller]
    pub fn rewind(&self) -> impl Future<Output = io::Result<()>> + Send {
        let sought = self.seek(SeekFrom::Start(0));
        async move { sought.await.map(drop) }
    }

    /// Flushes, closes, and tells what went wrong.
    ///
    /// # Errors
    /// What the system says of a write; `Cancelled` inside, in a cancelled scope. The file is closed in any case.
    ///
    /// # Cancel safety
    /// Cancelled or dropped, the file is closed as dropping it does.
    #[track_caller]
    pub fn close(self) -> impl Future<Output = io::Result<()>> + Send {
        let mut operation = Operation::new(&"close");
        async move {
            operation.enter().await?;
            self.kind.turn().await?.flush(&mut operation, self.limiter()).await
        }
    }

    /// The file of std, at the same position. A file that was opened here has `O_NONBLOCK` set, which means nothing for a regular file.
    ///
    /// What a [`read_exact`](Self::read_exact) of a FIFO or a terminal took and put back, since it was cancelled or came to the end, is lost:
    /// read it before.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush); the file is closed then.
    ///
    /// # Cancel safety
    /// Cancelled or dropped, the file is closed as dropping it does.
    #[track_caller]
    pub fn into_std(self) -> impl Future<Output = io::Result<fs::File>> + Send {
        let mut operation = Operation::new(&"into_std");
        async move {
            operation.enter().await?;
            self.settle(&mut operation).await?;
            let Self { file, kind, .. } = self;
            drop(kind);
            // A job of a call that was dropped may hold it still.
            Arc::try_unwrap(file).or_else(|file| file.try_clone())
        }
    }

    /// Everything that was written is with the system, nothing was read that was not asked for.
    pub(crate) async fn settle(&self, operation: &mut Operation) -> io::Result<()> {
        if self.unsettled.load(Ordering::Acquire)
            && let Turn::Disk(mut disk) = self.kind.turn().await?
        {
            disk.settle(operation, self.limiter()).await?;
        }
        Ok(())
    }

    pub(crate) fn limiter(&self) -> Option<&CapacityLimiter> {
        self.limiter.as_ref()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("file", &self.file).finish_non_exhaustive()
    }
}
