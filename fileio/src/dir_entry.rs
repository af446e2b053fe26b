//! What stands in a folder.

use std::ffi::{OsStr, OsString};

use rustix::fs;

use crate::Path;

/// What something in a folder is, as the folder says it: a link is a link.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum FileType {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// Something that the system has no word for here.
    Unknown,
}

impl FileType {
    /// Whether it is a regular file.
    pub fn is_file(self) -> bool {
        self == Self::File
    }

    /// Whether it is a folder.
    pub fn is_dir(self) -> bool {
        self == Self::Dir
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(self) -> bool {
        self == Self::Symlink
    }
}

impl From<fs::FileType> for FileType {
    fn from(of: fs::FileType) -> Self {
        match of {
            fs::FileType::RegularFile => Self::File,
            fs::FileType::Directory => Self::Dir,
            fs::FileType::Symlink => Self::Symlink,
            fs::FileType::Fifo => Self::Fifo,
            fs::FileType::Socket => Self::Socket,
            fs::FileType::CharacterDevice => Self::CharDevice,
            fs::FileType::BlockDevice => Self::BlockDevice,
            fs::FileType::Unknown => Self::Unknown,
        }
    }
}

/// Something in a folder, with what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    folder: Path,
    name: OsString,
    file_type: FileType,
    depth: usize,
}

impl DirEntry {
    pub(crate) fn new(folder: Path, name: OsString, file_type: FileType, depth: usize) -> Self {
        Self { folder, name, file_type, depth }
    }

    /// The path of the folder that was read, and the name.
    pub fn path(&self) -> Path {
        self.folder.join(&self.name)
    }

    /// The folder in which it stands.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name.
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// What it is. It asks the system nothing.
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// How many folders below the one where a walk began: 1 of what stands in that.
    pub fn depth(&self) -> usize {
        self.depth
    }
}
