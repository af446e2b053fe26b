//! Looking at what a path leads to. Who is cancelled leaves the look alone.

use std::{
    fs::{self, Metadata},
    future::Future,
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path as StdPath,
};

use crate::{
    Path, devices,
    entry::{Operation, spend},
    hop::{self, OnCancel},
    path_error::told,
    sys,
};

impl Path {
    /// What the system knows of what it leads to.
    ///
    /// # Errors
    /// Those of [`std::fs::metadata`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn metadata(&self) -> impl Future<Output = io::Result<Metadata>> + Send + 'static + use<> {
        self.look_at(Operation::new(&"metadata"), true)
    }

    /// What the system knows of it, which may be a link.
    ///
    /// # Errors
    /// Those of [`std::fs::symlink_metadata`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn symlink_metadata(&self) -> impl Future<Output = io::Result<Metadata>> + Send + 'static + use<> {
        self.look_at(Operation::new(&"symlink_metadata"), false)
    }

    fn look_at(
        &self,
        mut operation: Operation,
        follow: bool,
    ) -> impl Future<Output = io::Result<Metadata>> + Send + 'static + use<> {
        let path = self.clone();
        async move { told(stat(&path, &mut operation, follow).await, "look at", &path) }
    }

    /// Whether it leads to something.
    ///
    /// # Errors
    /// What the system says, except that there is nothing; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn exists(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"exists"), true, |_| true)
    }

    /// Whether it leads to a regular file. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_file(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_file"), true, Metadata::is_file)
    }

    /// Whether it leads to a folder. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_dir(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_dir"), true, Metadata::is_dir)
    }

    /// Whether it is a symbolic link. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_symlink(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_symlink"), false, Metadata::is_symlink)
    }

    /// Whether it leads to a FIFO. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_fifo(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_fifo"), true, |metadata| metadata.file_type().is_fifo())
    }

    /// Whether it leads to a socket. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_socket(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_socket"), true, |metadata| metadata.file_type().is_socket())
    }

    /// Whether it leads to a block device. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_block_device(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_block_device"), true, |metadata| metadata.file_type().is_block_device())
    }

    /// Whether it leads to a character device. `false` if there is nothing.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_char_device(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.is(Operation::new(&"is_char_device"), true, |metadata| metadata.file_type().is_char_device())
    }

    fn is(
        &self,
        mut operation: Operation,
        follow: bool,
        holds: fn(&Metadata) -> bool,
    ) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        let path = self.clone();
        async move {
            match stat(&path, &mut operation, follow).await {
                Ok(metadata) => Ok(holds(&metadata)),
                Err(error) if is_nothing(&error) => Ok(false),
                error => told(error.map(|_| false), "look at", &path),
            }
        }
    }

    /// Whether both lead to the same file.
    ///
    /// # Errors
    /// Those of [`metadata`](Self::metadata), of either.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn same_file<P: AsRef<StdPath>>(
        &self,
        other: P,
    ) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<P> {
        let (here, there) = (self.metadata(), Self::from(other.as_ref()).metadata());
        async move {
            let (here, there) = (here.await?, there.await?);
            Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
        }
    }

    /// Whether it is where a file system is mounted: a folder on another device than the one above it, or a root. `false` if there is
    /// nothing, and of a link. A folder that is mounted a second time within its own file system is not seen to be.
    ///
    /// # Errors
    /// Those of [`exists`](Self::exists).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn is_mount(&self) -> impl Future<Output = io::Result<bool>> + Send + 'static + use<> {
        self.job(&"is_mount", "look at", OnCancel::Leave, |path| {
            let here = match fs::symlink_metadata(path) {
                Err(error) if is_nothing(&error) => return Ok(false),
                here => here?,
            };
            if !here.is_dir() {
                return Ok(false);
            }
            let above = fs::symlink_metadata(path.join(".."))?;
            Ok(here.dev() != above.dev() || here.ino() == above.ino())
        })
    }

    /// The name of the user whose it is.
    ///
    /// # Errors
    /// Those of [`metadata`](Self::metadata), which knows the number; [`NotFound`](io::ErrorKind::NotFound) when that has no name.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn owner(&self) -> impl Future<Output = io::Result<String>> + Send + 'static + use<> {
        self.job(&"owner", "find the owner of", OnCancel::Leave, |path| {
            let number = fs::metadata(path)?.uid();
            let user = nix::unistd::User::from_uid(number.into())?;
            user.map(|user| user.name).ok_or_else(|| nameless("user", number))
        })
    }

    /// The name of the group whose it is.
    ///
    /// # Errors
    /// Those of [`owner`](Self::owner).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn group(&self) -> impl Future<Output = io::Result<String>> + Send + 'static + use<> {
        self.job(&"group", "find the group of", OnCancel::Leave, |path| {
            let number = fs::metadata(path)?.gid();
            let group = nix::unistd::Group::from_gid(number.into())?;
            group.map(|group| group.name).ok_or_else(|| nameless("group", number))
        })
    }

    /// Where a symbolic link leads to.
    ///
    /// # Errors
    /// Those of [`std::fs::read_link`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn read_link(&self) -> impl Future<Output = io::Result<Self>> + Send + 'static + use<> {
        self.job(&"read_link", "read the link", OnCancel::Leave, |path| fs::read_link(path).map(Self::from))
    }

    /// The absolute path without links, `.` and `..` (AnyIO's `resolve`).
    ///
    /// # Errors
    /// Those of [`std::fs::canonicalize`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn canonicalize(&self) -> impl Future<Output = io::Result<Self>> + Send + 'static + use<> {
        self.job(&"canonicalize", "resolve", OnCancel::Leave, |path| fs::canonicalize(path).map(Self::from))
    }

    /// Runs `job` on a thread.
    #[track_caller]
    pub(crate) fn job<T, J>(
        &self,
        verb: anyio_cancel_scope::Verb,
        text: &'static str,
        on_cancel: OnCancel,
        job: J,
    ) -> impl Future<Output = io::Result<T>> + Send + 'static + use<T, J>
    where
        T: Send + 'static,
        J: FnOnce(&StdPath) -> io::Result<T> + Send + 'static,
    {
        let mut operation = Operation::new(verb);
        let path = self.clone();
        async move {
            operation.enter().await?;
            let there = path.clone();
            let done = hop::run_io(&mut operation, None, on_cancel, move || job(there.as_std())).await;
            told(done, text, &path)
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn nameless(what: &str, number: u32) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("the {what} {number} has no name"))
}

/// In place, if it is known there.
async fn stat(path: &Path, operation: &mut Operation, follow: bool) -> io::Result<Metadata> {
    operation.enter().await?;
    if let Some(found) = sys::stat(path.as_std(), follow) {
        spend(0);
        let (metadata, file) = found?;
        if devices::known(metadata.dev()).is_none() {
            devices::find(operation, None, metadata.dev(), file).await?;
        }
        return Ok(metadata);
    }
    let path = path.clone();
    let job = move || match follow {
        true => fs::metadata(path.as_std()),
        false => fs::symlink_metadata(path.as_std()),
    };
    hop::run_io(operation, None, OnCancel::Leave, job).await
}
