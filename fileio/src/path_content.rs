//! The whole content of a file.

use std::{
    fs::{self, Permissions},
    future::Future,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path as StdPath,
    sync::Arc,
};

use rustix::{fs::FileType, io::Errno};

use crate::{
    File, OpenOptions, Path,
    devices::{self, Device},
    disk::{AT_ONCE, retry},
    entry::{Operation, spend},
    hop::{self, OnCancel},
    inode::Inode,
    path_error::told,
    sys::{self, Tried},
};

impl Path {
    /// Reads the file.
    ///
    /// # Errors
    /// Those of [`std::fs::read`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost of a regular file.
    #[track_caller]
    pub fn read(&self) -> impl Future<Output = io::Result<Vec<u8>>> + Send + 'static + use<> {
        let mut operation = Operation::new(&"read");
        let path = self.clone();
        async move { told(read_all(&path, &mut operation).await, "read", &path) }
    }

    /// Reads the file as UTF-8.
    ///
    /// # Errors
    /// Those of [`std::fs::read_to_string`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost of a regular file.
    #[track_caller]
    pub fn read_to_string(&self) -> impl Future<Output = io::Result<String>> + Send + 'static + use<> {
        let mut operation = Operation::new(&"read_to_string");
        let path = self.clone();
        async move {
            let read = read_all(&path, &mut operation).await.and_then(|bytes| {
                String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
            });
            told(read, "read", &path)
        }
    }

    /// Makes or empties the file, and writes all of it. What is no regular file is waited for as [`File`] does.
    ///
    /// # Errors
    /// Those of [`std::fs::write`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for, if it is a regular file.
    #[track_caller]
    pub fn write<P: AsRef<[u8]>>(&self, data: P) -> impl Future<Output = io::Result<()>> + Send + 'static + use<P> {
        let (operation, path, data) = (Operation::new(&"write"), self.clone(), data.as_ref().to_vec());
        async move { told(write_all(operation, &path, data).await, "write", &path) }
    }

    /// Writes a new file, brings it to the disk, and puts it in the place of the old one in one step: whatever happens, a crash or a
    /// loss of power too, the path leads to all of the old content or to all of the new. There is nothing else left behind, unless
    /// the process was killed: a hidden temporary file then.
    ///
    /// A link is followed; one that leads nowhere is replaced. The permissions of the old file are kept, its owner and its other names
    /// are not.
    ///
    /// # Errors
    /// What the system says, with the path; [`InvalidInput`](io::ErrorKind::InvalidInput) when it leads to something that is no regular
    /// file; `Cancelled` inside, in a cancelled scope. The old content is there then, unless what failed is to bring the new name to the
    /// disk, which is last.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn write_atomic<P: AsRef<[u8]>>(
        &self,
        data: P,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<P> {
        let data = data.as_ref().to_vec();
        self.job(&"write_atomic", "replace", OnCancel::Wait, move |path| replace(path, &data))
    }

    /// Makes the file if it is not there, and sets its times to now if it is.
    ///
    /// # Errors
    /// What the system says, with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn touch(&self) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"touch", "touch", OnCancel::Wait, |path| {
            use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
            let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            let times = Timestamps { last_access: now, last_modification: now };
            match utimensat(CWD, path, &times, AtFlags::empty()) {
                // A link that leads nowhere is followed, too.
                Err(Errno::NOENT) => fs::OpenOptions::new().append(true).create(true).open(path).map(drop),
                touched => Ok(touched?),
            }
        })
    }
}

async fn write_all(mut operation: Operation, path: &Path, data: Vec<u8>) -> io::Result<()> {
    operation.enter().await?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let (how, place) = (options.clone(), path.clone());
    let job = move || {
        let file = match how.open_without_waiting(place.as_std()) {
            // A FIFO without a reader.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NXIO) => return Ok(Some((None, data))),
            opened => opened?,
        };
        if Inode::of(&file)?.of == FileType::RegularFile {
            (&file).write_all(&data)?;
            return Ok(None);
        }
        Ok(Some((Some(File::wrap(file)?), data)))
    };
    match hop::run_io(&mut operation, None, OnCancel::Wait, job).await? {
        None => Ok(()),
        Some((Some(file), data)) => file.write_all(&data).await,
        Some((None, data)) => options.open_path(path.clone()).await?.write_all(&data).await,
    }
}

async fn read_all(path: &Path, operation: &mut Operation) -> io::Result<Vec<u8>> {
    operation.enter().await?;
    let mut options = OpenOptions::new();
    let file = match sys::open(path.as_std(), options.read(true)) {
        Some(opened) => {
            spend(0);
            let file = opened?;
            let inode = Inode::of(&file)?;
            let device = devices::known(inode.device);
            if inode.of == FileType::RegularFile {
                let size = usize::try_from(inode.size).unwrap_or(usize::MAX);
                return read_open(file, device, size, operation).await;
            }
            // A FIFO must not be opened again: a writer has seen this one.
            File::new(Arc::new(file), &inode, device.unwrap_or(Device::Remote), None, None)
        }
        None => options.open_path(path.clone()).await?,
    };
    let mut bytes = Vec::new();
    file.kind.turn().await?.read_rest(&mut bytes, operation, None).await?;
    Ok(bytes)
}

/// Reads as much as fits in one call, which for most files is everything.
async fn read_open(
    file: fs::File,
    device: Option<Device>,
    size: usize,
    operation: &mut Operation,
) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size.min(AT_ONCE) + 1];
    let mut filled = 0;
    loop {
        let room = &mut bytes[filled..];
        let tried = match device {
            Some(Device::Memory) => Tried::Done(retry(|| (&file).read(room))),
            _ => sys::read(&file, room),
        };
        let Tried::Done(read) = tried else { break };
        let read = read?;
        spend(read);
        filled += read;
        // A file that was as long as the system said has ended; one of no length may be made as it is read.
        if read == 0 || (filled == size && size > 0) {
            bytes.truncate(filled);
            return Ok(bytes);
        }
        if filled == bytes.len() {
            let more = (size + 1).saturating_sub(filled).clamp(8 * 1024, AT_ONCE);
            bytes.resize(filled + more, 0);
        }
        operation.breathe().await?;
    }
    bytes.truncate(filled);
    let job = move || {
        (&file).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    hop::run_io(operation, None, OnCancel::Leave, job).await
}

fn replace(path: &StdPath, data: &[u8]) -> io::Result<()> {
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(error) => return Err(error),
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => StdPath::new("."),
    };
    // Without an old file, as a new one is made: what the umask leaves of it.
    let mut builder = tempfile::Builder::new();
    let mut new = builder.prefix(".new-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    match fs::metadata(&target) {
        Ok(old) if old.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(old) if !old.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file: write to it"));
        }
        Ok(old) => new.as_file().set_permissions(old.permissions())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    new.write_all(data)?;
    new.as_file().sync_all()?;
    new.persist(&target).map_err(|error| error.error)?;
    // So that the new name is on the disk, too.
    fs::File::open(folder)?.sync_all()
}
