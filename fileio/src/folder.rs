//! Reading a folder, on a thread.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::OwnedFd,
    path::{Path as StdPath, PathBuf},
    vec,
};

use rustix::{
    fs::{AtFlags, CWD, FileType as Kind, Mode, OFlags, openat, statat},
    io::retry_on_intr,
};

use crate::{
    DirEntry, FileType, Path,
    path_error::{tell, told},
    sys,
};

/// A folder that is being read.
pub(crate) struct Folder {
    path: Path,
    depth: usize,
    fd: OwnedFd,
    names: vec::IntoIter<(OsString, Kind)>,
    more: bool,
}

impl Folder {
    /// What stands in it will have that depth. A path that leads through a link at its end is gone along only if `follows` says so.
    pub(crate) fn open(path: Path, depth: usize, follows: bool) -> io::Result<Self> {
        let more = if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
        let fd = told(open_deep(path.as_std(), more), "read the folder", &path)?;
        Ok(Self { path, depth, fd, names: Vec::new().into_iter(), more: true })
    }

    pub(crate) fn next(&mut self) -> Option<io::Result<DirEntry>> {
        loop {
            let Some((name, kind)) = self.names.next() else {
                if !self.more {
                    return None;
                }
                let mut names = Vec::new();
                match sys::list(&self.fd, &mut names) {
                    Ok(more) => self.more = more,
                    Err(error) => {
                        self.more = false;
                        return Some(Err(tell(error, "read the folder", &self.path)));
                    }
                }
                self.names = names.into_iter();
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            // Some file systems do not say here what it is.
            let kind = if kind == Kind::Unknown { self.look(&name) } else { kind };
            return Some(Ok(DirEntry::new(self.path.clone(), name, FileType::from(kind), self.depth)));
        }
    }

    fn look(&self, name: &OsStr) -> Kind {
        let found = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        found.map_or(Kind::Unknown, |found| Kind::from_raw_mode(found.st_mode))
    }
}

/// How long a path may be for the system, with room for the end.
const LONGEST: usize = 4000;

/// Opens a folder whose path may be longer than the system takes, piece by piece.
fn open_deep(path: &StdPath, more: OFlags) -> io::Result<OwnedFd> {
    let mut at: Option<OwnedFd> = None;
    let mut piece = PathBuf::new();
    let open = |at: &Option<OwnedFd>, piece: &StdPath, more: OFlags| {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | more;
        retry_on_intr(|| match at {
            Some(fd) => openat(fd, piece, flags, Mode::empty()),
            None => openat(CWD, piece, flags, Mode::empty()),
        })
    };
    if path.as_os_str().len() > LONGEST {
        for part in path.components() {
            if piece.as_os_str().len() + part.as_os_str().len() + 1 > LONGEST {
                at = Some(open(&at, &piece, OFlags::empty())?);
                piece = PathBuf::new();
            }
            piece.push(part);
        }
    } else {
        piece = path.to_path_buf();
    }
    if piece.as_os_str().is_empty() {
        // As std has it: an empty path leads nowhere.
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(open(&at, &piece, more)?)
}

/// What a path of any length leads to: the device, the number, and whether it is a folder.
pub(crate) fn identity(path: &StdPath) -> io::Result<(u64, u64)> {
    let fd = open_deep(path, OFlags::empty())?;
    let found = rustix::fs::fstat(&fd)?;
    Ok((found.st_dev, found.st_ino))
}
