//! A temporary folder.

use std::{fmt, future::Future, io};

use anyio_cancel_scope::Cancelled;
use tempfile::TempDir;

use crate::{
    Path,
    entry::Operation,
    hop::{self, OnCancel},
};

/// A temporary folder, which is removed with all that is in it when it is dropped, on every way out.
///
/// Dropping it removes on the thread that drops; [`cleanup`](Self::cleanup) does it on one of the pool, and tells errors.
///
/// # Examples
/// See [`File`](crate::File).
pub struct TemporaryDirectory {
    folder: TempDir,
    path: Path,
}

impl TemporaryDirectory {
    /// Makes one where the system keeps such folders.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// What was made for a call that is gone is removed.
    #[track_caller]
    pub fn new() -> impl Future<Output = io::Result<Self>> + Send + 'static {
        Self::made(Operation::new(&"new"), tempfile::tempdir)
    }

    /// Makes one in that folder.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// What was made for a call that is gone is removed.
    #[track_caller]
    pub fn new_in(folder: impl AsRef<std::path::Path>) -> impl Future<Output = io::Result<Self>> + Send + 'static {
        let folder = folder.as_ref().to_path_buf();
        Self::made(Operation::new(&"new_in"), move || tempfile::tempdir_in(folder))
    }

    async fn made(
        mut operation: Operation,
        make: impl FnOnce() -> io::Result<TempDir> + Send + 'static,
    ) -> io::Result<Self> {
        operation.enter().await?;
        let folder = hop::run_io(&mut operation, None, OnCancel::Wait, make).await?;
        let path = folder.path().into();
        Ok(Self { folder, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it.
    pub fn keep(self) -> Path {
        self.folder.keep().into()
    }

    /// Removes it with all that is in it. It does so in a cancelled scope too.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// It is removed in any case.
    #[track_caller]
    pub fn cleanup(self) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let mut operation = Operation::new(&"cleanup");
        async move {
            let entered: Result<(), Cancelled> = operation.enter().await;
            entered?;
            hop::run_io(&mut operation, None, OnCancel::Wait, move || self.folder.close()).await
        }
    }
}

impl fmt::Debug for TemporaryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryDirectory").field("path", &self.path).finish_non_exhaustive()
    }
}
