//! Temporary files.

use std::{env, fmt, future::Future, io, ops::Deref, path::Path as StdPath, sync::Arc};

use tempfile::TempPath;

use crate::{
    File, Path, devices,
    entry::Operation,
    hop::{self, OnCancel},
    inode::Inode,
};

/// Where the system keeps temporary files.
pub fn gettempdir() -> Path {
    env::temp_dir().into()
}

/// Makes a temporary file without a name, for reading and writing (AnyIO's `TemporaryFile`). The system removes it when it is closed,
/// however the process ends.
///
/// # Errors
/// What the system says; `Cancelled` inside, in a cancelled scope.
///
/// # Cancel safety
/// What was made for a call that is gone is removed.
#[track_caller]
pub fn temporary_file() -> impl Future<Output = io::Result<File>> + Send + 'static {
    let mut operation = Operation::new(&"temporary_file");
    async move {
        operation.enter().await?;
        hop::run_io(&mut operation, None, OnCancel::Wait, || wrapped(tempfile::tempfile()?, None)).await
    }
}

/// On a thread: it looks up where the file is.
pub(crate) fn wrapped(file: std::fs::File, path: Option<Path>) -> io::Result<File> {
    let (inode, device) = (Inode::of(&file)?, devices::look_up(&file)?);
    Ok(File::new(Arc::new(file), &inode, device, path, None))
}

/// A temporary file with a name, for reading and writing. It is removed when it is dropped, on every way out; if the process is killed,
/// it stays.
///
/// It is used as a [`File`].
///
/// # Examples
/// ```
/// use anyio_fileio::NamedTemporaryFile;
///
/// # futures_lite::future::block_on(async {
/// let file = NamedTemporaryFile::new().await?;
/// file.write_all(b"text").await?;
/// file.flush().await?;
/// assert_eq!(file.path().read_to_string().await?, "text");
/// let path = file.path().clone();
/// drop(file);
/// assert!(!path.exists().await?);
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub struct NamedTemporaryFile {
    file: File,
    name: TempPath,
    path: Path,
}

impl NamedTemporaryFile {
    /// Makes one where the system keeps such files.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// What was made for a call that is gone is removed.
    #[track_caller]
    pub fn new() -> impl Future<Output = io::Result<Self>> + Send + 'static {
        Self::made(Operation::new(&"new"), tempfile::NamedTempFile::new)
    }

    /// Makes one in that folder.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// What was made for a call that is gone is removed.
    #[track_caller]
    pub fn new_in(folder: impl AsRef<StdPath>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        let folder = folder.as_ref().to_path_buf();
        Self::made(Operation::new(&"new_in"), move || tempfile::NamedTempFile::new_in(folder))
    }

    async fn made(
        mut operation: Operation,
        make: impl FnOnce() -> io::Result<tempfile::NamedTempFile> + Send + 'static,
    ) -> io::Result<Self> {
        operation.enter().await?;
        let job = move || {
            let (file, name) = make()?.into_parts();
            let path: Path = (&*name).into();
            Ok(Self { file: wrapped(file, Some(path.clone()))?, name, path })
        };
        hop::run_io(&mut operation, None, OnCancel::Wait, job).await
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it where it is.
    ///
    /// # Errors
    /// What the system says; it is removed then.
    pub fn keep(self) -> io::Result<(File, Path)> {
        self.name.keep().map_err(|error| error.error)?;
        Ok((self.file, self.path))
    }

    /// Flushes, closes and removes it, and tells what went wrong.
    ///
    /// # Errors
    /// Those of [`File::close`]; what the system says of the removal. It is closed and removed in any case.
    ///
    /// # Cancel safety
    /// It is closed and removed in any case.
    #[track_caller]
    pub fn close(self) -> impl Future<Output = io::Result<()>> + Send {
        let Self { file, name, path } = self;
        let closed = file.close();
        let mut operation = Operation::new(&"close");
        async move {
            closed.await?;
            let removed = hop::run_io(&mut operation, None, OnCancel::Wait, move || name.close()).await;
            crate::path_error::told(removed, "remove", &path)
        }
    }
}

impl Deref for NamedTemporaryFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl fmt::Debug for NamedTemporaryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedTemporaryFile").field("path", &self.path).finish_non_exhaustive()
    }
}
