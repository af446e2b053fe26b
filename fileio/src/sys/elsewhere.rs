//! Where no call refuses to wait.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, Metadata},
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::fs::{Dir, FileType};

use super::Tried;
use crate::{OpenOptions, devices::Device};

pub(crate) fn open(_: &Path, _: &OpenOptions) -> Option<io::Result<File>> {
    None
}

pub(crate) fn stat(_: &Path, _: bool) -> Option<io::Result<(Metadata, File)>> {
    None
}

pub(crate) fn read(_: &File, _: &mut [u8]) -> Tried<usize> {
    Tried::Unsupported
}

pub(crate) fn read_at(_: &File, _: &mut [u8], _: u64) -> Tried<usize> {
    Tried::Unsupported
}

pub(crate) fn write(_: &File, _: &[u8]) -> Tried<usize> {
    Tried::Unsupported
}

pub(crate) fn write_at(_: &File, _: &[u8], _: u64) -> Tried<usize> {
    Tried::Unsupported
}

pub(crate) fn device(_: &File) -> Device {
    Device::Remote
}

/// Reads all names of a folder, with what they are; there are no more then.
pub(crate) fn list(folder: &OwnedFd, names: &mut Vec<(OsString, FileType)>) -> io::Result<bool> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        names.push((OsStr::from_bytes(entry.file_name().to_bytes()).to_owned(), entry.file_type()));
    }
    Ok(false)
}
