//! Changing what a path leads to. A change that has begun is waited for, in a cancelled scope too.

use std::{
    fs::{self, Permissions},
    future::Future,
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path as StdPath, PathBuf},
};

use crate::{Path, hop::OnCancel, path_error::PathError};

impl Path {
    /// Makes a folder.
    ///
    /// # Errors
    /// Those of [`std::fs::create_dir`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn create_dir(&self) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"create_dir", "make the folder", OnCancel::Wait, |path| fs::create_dir(path))
    }

    /// Makes a folder, and those above it that are not there. It is no error if it is there.
    ///
    /// # Errors
    /// Those of [`std::fs::create_dir_all`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn create_dir_all(&self) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"create_dir_all", "make the folder", OnCancel::Wait, |path| fs::create_dir_all(path))
    }

    /// Removes a file or a link (AnyIO's `unlink`).
    ///
    /// # Errors
    /// Those of [`std::fs::remove_file`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn remove_file(&self) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"remove_file", "remove", OnCancel::Wait, |path| fs::remove_file(path))
    }

    /// Removes an empty folder (AnyIO's `rmdir`).
    ///
    /// # Errors
    /// Those of [`std::fs::remove_dir`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn remove_dir(&self) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"remove_dir", "remove the folder", OnCancel::Wait, |path| fs::remove_dir(path))
    }

    /// Removes a folder and all that is in it. Links are removed, not followed.
    ///
    /// # Errors
    /// Those of [`std::fs::remove_dir_all`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn remove_dir_all(&self) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"remove_dir_all", "remove the folder", OnCancel::Wait, |path| fs::remove_dir_all(path))
    }

    /// Gives it another name, in place of what had that (AnyIO's `rename` and `replace`). Both must be on one file system.
    ///
    /// # Errors
    /// Those of [`std::fs::rename`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn rename<P: AsRef<StdPath>>(&self, to: P) -> impl Future<Output = io::Result<()>> + Send + 'static + use<P> {
        let to = to.as_ref().to_path_buf();
        self.job(&"rename", "rename", OnCancel::Wait, move |path| {
            with_both(|here, there| fs::rename(here, there), path, to)
        })
    }

    /// Copies the content and the permissions of a file, over what is there, and tells how many bytes.
    ///
    /// # Errors
    /// Those of [`std::fs::copy`], with the path; [`InvalidInput`](io::ErrorKind::InvalidInput) when both are one file, or one is a
    /// FIFO; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn copy<P: AsRef<StdPath>>(&self, to: P) -> impl Future<Output = io::Result<u64>> + Send + 'static + use<P> {
        let to = to.as_ref().to_path_buf();
        self.job(&"copy", "copy", OnCancel::Wait, move |path| with_both(copy, path, to))
    }

    /// Gives the file one more name. (AnyIO's `hardlink_to` is called on the new name.)
    ///
    /// # Errors
    /// Those of [`std::fs::hard_link`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn hard_link<P: AsRef<StdPath>>(
        &self,
        to: P,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<P> {
        let to = to.as_ref().to_path_buf();
        self.job(&"hard_link", "link", OnCancel::Wait, move |path| {
            with_both(|here, there| fs::hard_link(here, there), path, to)
        })
    }

    /// Makes a symbolic link here that leads to `target`.
    ///
    /// # Errors
    /// Those of [`std::os::unix::fs::symlink`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn symlink_to<P: AsRef<StdPath>>(
        &self,
        target: P,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<P> {
        let target = target.as_ref().to_path_buf();
        self.job(&"symlink_to", "make the link", OnCancel::Wait, move |path| std::os::unix::fs::symlink(target, path))
    }

    /// Changes the permissions (AnyIO's `chmod`). [`PermissionsExt::from_mode`](std::os::unix::fs::PermissionsExt::from_mode) makes them.
    ///
    /// # Errors
    /// Those of [`std::fs::set_permissions`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn set_permissions(
        &self,
        permissions: Permissions,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"set_permissions", "change the permissions of", OnCancel::Wait, |path| {
            fs::set_permissions(path, permissions)
        })
    }

    /// Changes the owner, by number; `None` leaves it. Whose it is tell [`owner`](Self::owner) and [`group`](Self::group), and, by number,
    /// [`metadata`](Self::metadata), as [`MetadataExt`](std::os::unix::fs::MetadataExt).
    ///
    /// # Errors
    /// Those of [`std::os::unix::fs::chown`], with the path; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn chown(
        &self,
        user: Option<u32>,
        group: Option<u32>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static + use<> {
        self.job(&"chown", "change the owner of", OnCancel::Wait, move |path| {
            std::os::unix::fs::chown(path, user, group)
        })
    }
}

/// As std does it, but not onto itself, which would empty it, and not where it would wait for somebody else.
fn copy(here: &StdPath, there: &StdPath) -> io::Result<u64> {
    let refuse = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    let from = fs::metadata(here)?;
    let to = fs::metadata(there).ok();
    if from.file_type().is_fifo() || to.as_ref().is_some_and(|to| to.file_type().is_fifo()) {
        return refuse("a FIFO cannot be copied, nor be copied to");
    }
    if to.is_some_and(|to| (to.dev(), to.ino()) == (from.dev(), from.ino())) {
        return refuse("both are the same file");
    }
    fs::copy(here, there)
}

/// The error tells the other path.
fn with_both<T>(
    call: impl FnOnce(&StdPath, &StdPath) -> io::Result<T>,
    here: &StdPath,
    there: PathBuf,
) -> io::Result<T> {
    call(here, &there).map_err(|error| {
        let kind = error.kind();
        io::Error::new(kind, PathError::between(here, there, error))
    })
}
