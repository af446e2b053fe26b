//! What file streams tell of themselves.

use std::os::fd::RawFd;

use anyio_typed_attrs::typed_attributes;

use crate::Path;

typed_attributes! {
    /// Where the file is, if it was opened by a path.
    pub FilePath: Path;
    /// The number of the descriptor, as long as the stream is open.
    pub FileDescriptor: RawFd;
    /// Another handle to the open file, with the same position.
    pub StdFile: std::fs::File;
}
