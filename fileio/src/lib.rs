#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod file;
mod file_lock;
mod file_state;
mod lines;
mod open_options;
mod positioned;

mod path;
mod path_change;
mod path_content;
mod path_error;
mod path_look;

mod dir_entry;
mod glob;
mod read_dir;
mod walk;

mod attributes;
mod file_stream;
mod stdio;

mod spooled;
mod temporary;
mod temporary_directory;

mod batches;
mod devices;
mod disk;
mod entry;
mod folder;
mod gate;
mod hop;
mod inode;
mod live;
mod sys;
mod terminal;
mod turn;

pub use attributes::{FileDescriptor, FilePath, StdFile};
pub use dir_entry::{DirEntry, FileType};
pub use file::File;
pub use file_stream::{FileReadStream, FileWriteStream};
pub use glob::Glob;
pub use lines::Lines;
pub use open_options::OpenOptions;
pub use path::Path;
pub use path_error::PathError;
pub use read_dir::ReadDir;
pub use spooled::SpooledTemporaryFile;
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use temporary::{NamedTemporaryFile, gettempdir, temporary_file};
pub use temporary_directory::TemporaryDirectory;
pub use walk::Walk;
