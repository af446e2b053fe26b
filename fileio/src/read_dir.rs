//! What stands in a folder, item by item.

use std::{fmt, future::Future, io};

use crate::{
    DirEntry, Path,
    batches::{BATCH, Batches, Source},
    entry::Operation,
    folder::Folder,
    hop::OnCancel,
};

impl Path {
    /// Reads what stands in the folder (AnyIO's `iterdir`), in batches of a thousand, in no order.
    ///
    /// # Errors
    /// Those of [`std::fs::read_dir`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    ///
    /// # Examples
    /// ```
    /// use anyio_fileio::TemporaryDirectory;
    ///
    /// # futures_lite::future::block_on(async {
    /// let folder = TemporaryDirectory::new().await?;
    /// folder.path().join("a").write("").await?;
    /// let mut entries = folder.path().read_dir().await?;
    /// while let Some(entry) = entries.next().await? {
    ///     assert!(entry.file_type().is_file());
    /// }
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn read_dir(&self) -> impl Future<Output = io::Result<ReadDir>> + Send + 'static + use<> {
        let path = self.clone();
        self.job(&"read_dir", "read the folder", OnCancel::Leave, move |_| {
            let folder = Folder::open(path, 1, true)?;
            Ok(ReadDir { entries: Batches::begun(Batches::begin(folder)) })
        })
    }
}

impl Source for Folder {
    type Item = DirEntry;

    fn fill(&mut self, batch: &mut Vec<io::Result<DirEntry>>) -> bool {
        while batch.len() < BATCH {
            match self.next() {
                Some(entry) => batch.push(entry),
                None => return false,
            }
        }
        true
    }
}

/// What stands in a folder. Made by [`Path::read_dir`].
pub struct ReadDir {
    entries: Batches<Folder>,
}

impl ReadDir {
    /// The next of them; `None` at the end.
    ///
    /// # Errors
    /// What the system says, with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[expect(
        clippy::should_implement_trait,
        reason = "the word of AnyIO, and of all that is iterated over by awaiting"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = io::Result<Option<DirEntry>>> + Send {
        let mut operation = Operation::new(&"next");
        async move { self.entries.next(&mut operation).await }
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir").finish_non_exhaustive()
    }
}
