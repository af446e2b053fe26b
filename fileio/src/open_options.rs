//! How a file is opened.

use std::{
    fs,
    future::Future,
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path as StdPath,
    sync::Arc,
    time::Duration,
};

use anyio_cancel_scope::sleep;
use anyio_sync::CapacityLimiter;
use rustix::{fs::OFlags, io::Errno};

use crate::{
    File, Path, devices,
    entry::{Operation, spend},
    hop::{self, OnCancel},
    inode::Inode,
    path_error::told,
    sys,
};

/// How a file is opened: as [`std::fs::OpenOptions`], and with the limiter of its jobs.
///
/// # Examples
/// ```
/// use anyio_fileio::{OpenOptions, TemporaryDirectory};
///
/// # futures_lite::future::block_on(async {
/// let folder = TemporaryDirectory::new().await?;
/// let log = OpenOptions::new().append(true).create(true).open(folder.path().join("log")).await?;
/// log.write_all(b"started\n").await?;
/// log.close().await?;
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: Option<u32>,
    custom_flags: i32,
    limiter: Option<CapacityLimiter>,
}

impl OpenOptions {
    /// Nothing is allowed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// For reading.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// For writing, over what is there.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// For writing, always at the end.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Throws away what is there.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Makes the file if it is not there.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Makes the file, and fails if it is there.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// The permissions of a file that is made, before the umask; 0o666 if it is not said.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// More flags for the system.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.custom_flags = flags;
        self
    }

    /// The limiter whose tokens the jobs of this file take, instead of the one of the `run`.
    pub fn limiter(&mut self, limiter: &CapacityLimiter) -> &mut Self {
        self.limiter = Some(limiter.clone());
        self
    }

    /// Opens the file.
    ///
    /// A FIFO that is opened for reading is open at once, and its reads wait for a writer. One that is opened for writing waits for a
    /// reader, as the system has it; this wait looks every few milliseconds, and holds no thread.
    ///
    /// # Errors
    /// Those of [`std::fs::OpenOptions::open`], with the path in the message; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// A file that was opened for a call that is gone is closed. With `create` or `truncate`, the file may have been made or
    /// emptied.
    #[track_caller]
    pub fn open<P: AsRef<StdPath>>(&self, path: P) -> impl Future<Output = io::Result<File>> + Send + 'static + use<P> {
        self.open_path(Path::from(path.as_ref()))
    }

    #[track_caller]
    pub(crate) fn open_path(&self, path: Path) -> impl Future<Output = io::Result<File>> + Send + 'static + use<> {
        let operation = Operation::new(&"open");
        let options = self.clone();
        async move {
            let opened = options.open_now(operation, &path).await;
            told(opened, "open", &path)
        }
    }

    async fn open_now(self, mut operation: Operation, path: &Path) -> io::Result<File> {
        operation.enter().await?;
        if let Some(opened) = sys::open(path.as_std(), &self) {
            spend(0);
            let opened = opened?;
            let inode = Inode::of(&opened)?;
            if let Some(device) = devices::known(inode.device) {
                return Ok(File::new(Arc::new(opened), &inode, device, Some(path.clone()), self.limiter));
            }
            let (device, opened) = devices::find(&mut operation, self.limiter.as_ref(), inode.device, opened).await?;
            return Ok(File::new(Arc::new(opened), &inode, device, Some(path.clone()), self.limiter));
        }
        let mut pause = Duration::from_millis(1);
        loop {
            let (options, place) = (self.clone(), path.clone());
            let job = move || {
                let opened = options.open_without_waiting(place.as_std())?;
                Ok((devices::look_up(&opened)?, Inode::of(&opened)?, opened))
            };
            match hop::run_io(&mut operation, self.limiter.as_ref(), OnCancel::Leave, job).await {
                Ok((device, inode, opened)) => {
                    return Ok(File::new(Arc::new(opened), &inode, device, Some(path.clone()), self.limiter));
                }
                // A FIFO without a reader, for which the system has no readiness.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) && self.waits_for_a_reader(path) => {
                    sleep(pause).await?;
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn waits_for_a_reader(&self, path: &Path) -> bool {
        !self.read && fs::metadata(path.as_std()).is_ok_and(|metadata| metadata.file_type().is_fifo())
    }

    /// Opens so that a FIFO or a terminal does not hold the thread. A lease of somebody else, which `O_NONBLOCK` refuses to wait for,
    /// is waited for here.
    pub(crate) fn open_without_waiting(&self, path: &StdPath) -> io::Result<fs::File> {
        match self.std(OFlags::NONBLOCK.bits() as i32).open(path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.std(0).open(path),
            opened => opened,
        }
    }

    fn std(&self, more_flags: i32) -> fs::OpenOptions {
        let mut options = fs::OpenOptions::new();
        options.read(self.read).write(self.write).append(self.append).truncate(self.truncate);
        options.create(self.create).create_new(self.create_new).custom_flags(self.custom_flags | more_flags);
        if let Some(mode) = self.mode {
            options.mode(mode);
        }
        options
    }

    /// The flags of an open that makes and changes nothing; `None` for any other, and for what std refuses.
    pub(crate) fn plain_flags(&self) -> Option<u32> {
        if self.truncate || self.create || self.create_new {
            return None;
        }
        let access = match (self.read, self.write, self.append) {
            (true, false, false) => OFlags::RDONLY,
            (false, true, false) => OFlags::WRONLY,
            (true, true, false) => OFlags::RDWR,
            (false, _, true) => OFlags::WRONLY | OFlags::APPEND,
            (true, _, true) => OFlags::RDWR | OFlags::APPEND,
            (false, false, false) => return None,
        };
        Some(access.bits() | self.custom_flags as u32)
    }
}
