//! Where no call refuses to wait.

use std::{
    fs::{File, Metadata},
    io,
    path::Path,
};

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
