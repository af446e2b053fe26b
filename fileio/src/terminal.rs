//! A terminal that others made blocking, opened once more so that no read or write of ours waits in it.
//!
//! Whether a call waits is said of an open file, which whoever inherited it shares: to change that would change it for them. A
//! terminal can be opened again by the link that the kernel has for each descriptor. The near end of a pair cannot: that
//! would make another pair.

use std::{
    fs::File,
    io::IsTerminal,
    os::fd::{AsFd, AsRawFd},
};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fstat, major, minor, open};

/// The device of all near ends.
const NEAR_ENDS: (u32, u32) = (5, 2);

/// The terminal opened again, with the same access; `None` if it is none, does not block, or cannot be opened.
pub(crate) fn reopen(file: &File) -> Option<File> {
    if !file.is_terminal() {
        return None;
    }
    let device = fstat(file).ok()?.st_rdev;
    let flags = fcntl_getfl(file.as_fd()).ok()?;
    if (major(device), minor(device)) == NEAR_ENDS || flags.contains(OFlags::NONBLOCK) {
        return None;
    }
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    let access = flags & OFlags::ACCMODE;
    let again = open(link, access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    // Where that is another file system's link it leads anywhere.
    (fstat(&again).ok()?.st_rdev == device).then(|| again.into())
}
