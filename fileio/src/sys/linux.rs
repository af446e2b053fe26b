//! Linux: `openat2` with `RESOLVE_CACHED`, `preadv2` and `pwritev2` with `RWF_NOWAIT`.
//!
//! What each may still wait for, by its manual and its source:
//! * `RESOLVE_CACHED` keeps the walk along the path from waiting for the disk. Opening itself may ask a server, on a network file
//!   system; io_uring opens in place under the same condition. `O_NONBLOCK` keeps it from waiting for a lease, for the other end of a
//!   FIFO, for a carrier.
//! * `RWF_NOWAIT` keeps a read from waiting for the disk and for locks, and starts the read-ahead that the next one finds. The copy may
//!   fault in the caller's buffer, as any use of it may.
//! * `fstat` reads what the inode has in memory. A network file system may ask its server; see `devices`.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io::{self, IoSlice, IoSliceMut},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, StatxFlags, fstatfs, makedev, openat2, statx},
    io::{Errno, ReadWriteFlags, preadv2, pwritev2, retry_on_intr},
};

use super::Tried;
use crate::{
    OpenOptions,
    devices::{self, Device},
};

/// The offset that means the position of the file itself.
const OWN_POSITION: u64 = u64::MAX;

fn open_cached(path: &Path, flags: OFlags) -> Option<io::Result<OwnedFd>> {
    match openat2(CWD, path, flags | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::CACHED) {
        Ok(fd) => Some(Ok(fd)),
        // A kernel that does not know the call, a filter that does not let it through, what is not cached.
        Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM | Errno::INTR | Errno::TOOBIG | Errno::NXIO) => None,
        // That one has a name in std, with a message of its own.
        Err(Errno::INVAL) => None,
        Err(error) => Some(Err(error.into())),
    }
}

/// Opens what is known to the kernel, `None` if that would have to wait.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Option<io::Result<File>> {
    let flags = OFlags::from_bits_retain(options.plain_flags()?);
    if devices::saw_remote() && leads_to_a_server(path, OFlags::PATH)? {
        return None;
    }
    let opened = open_cached(path, flags | OFlags::NONBLOCK)?;
    Some(opened.map(File::from))
}

/// What is known of a path, and what it leads to.
pub(crate) fn stat(path: &Path, follow: bool) -> Option<io::Result<(Metadata, File)>> {
    let flags = if follow { OFlags::PATH } else { OFlags::PATH | OFlags::NOFOLLOW };
    if devices::saw_remote() && leads_to_a_server(path, flags)? {
        return None;
    }
    match open_cached(path, flags)? {
        Ok(fd) => {
            let file = File::from(fd);
            Some(file.metadata().map(|metadata| (metadata, file)))
        }
        // A path can be looked at without a free descriptor.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)) => None,
        Err(error) => Some(Err(error)),
    }
}

fn tried(result: Result<usize, Errno>) -> Tried<usize> {
    match result {
        Ok(count) => Tried::Done(Ok(count)),
        Err(Errno::AGAIN) => Tried::WouldWait,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Tried::Unsupported,
        Err(error) => Tried::Done(Err(error.into())),
    }
}

pub(crate) fn read(file: &File, buf: &mut [u8]) -> Tried<usize> {
    read_at(file, buf, OWN_POSITION)
}

pub(crate) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> Tried<usize> {
    tried(retry_on_intr(|| preadv2(file, &mut [IoSliceMut::new(buf)], offset, ReadWriteFlags::NOWAIT)))
}

pub(crate) fn write(file: &File, buf: &[u8]) -> Tried<usize> {
    write_at(file, buf, OWN_POSITION)
}

pub(crate) fn write_at(file: &File, buf: &[u8], offset: u64) -> Tried<usize> {
    tried(retry_on_intr(|| pwritev2(file, &[IoSlice::new(buf)], offset, ReadWriteFlags::NOWAIT)))
}

/// File systems that live in memory: tmpfs, ramfs.
const MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Those on disks of this machine, and those that the kernel makes up: ext, xfs, btrfs, f2fs, bcachefs, zfs, overlayfs, squashfs,
/// erofs, iso9660, vfat, exfat, ntfs3; proc, sysfs, cgroup, cgroup2, devpts, debugfs, tracefs, securityfs, bpf, mqueue, anonymous inodes,
/// pipes, sockets.
const LOCAL: [u64; 26] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0xca45_1a4e,
    0x2fc1_2fc1,
    0x794c_7630,
    0x7371_7368,
    0xe0f5_e1e2,
    0x9660,
    0x4d44,
    0x2011_bab0,
    0x7366_746e,
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x1cd1,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x1980_0202,
    0x0904_1934,
    0x5049_5045,
    0x534f_434b,
];

/// Where a file is. It may wait for a server.
pub(crate) fn device(file: &File) -> Device {
    match fstatfs(file).map(|system| system.f_type as u64 & 0xffff_ffff) {
        Ok(kind) if MEMORY.contains(&kind) => Device::Memory,
        Ok(kind) if LOCAL.contains(&kind) => Device::Local,
        _ => Device::Remote,
    }
}

/// Whether the path leads to a file system that may have to ask a server. It asks none.
fn leads_to_a_server(path: &Path, flags: OFlags) -> Option<bool> {
    let fd = open_cached(path, flags)?.ok()?;
    let of = statx(&fd, "", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::empty()).ok()?;
    let number = makedev(of.stx_dev_major, of.stx_dev_minor);
    Some(devices::known(number) == Some(Device::Remote))
}

/// How much of a folder is read at once.
const NAMES: usize = 32 * 1024;

/// Reads the next names of a folder, with what they are; tells whether there may be more.
pub(crate) fn list(folder: &OwnedFd, names: &mut Vec<(OsString, FileType)>) -> io::Result<bool> {
    let mut room = Vec::<u8>::with_capacity(NAMES);
    let mut entries = RawDir::new(folder, room.spare_capacity_mut());
    loop {
        match entries.next() {
            None => return Ok(false),
            Some(entry) => {
                let entry = entry?;
                names.push((OsStr::from_bytes(entry.file_name().to_bytes()).to_owned(), entry.file_type()));
            }
        }
        if entries.is_buffer_empty() {
            return Ok(true);
        }
    }
}
