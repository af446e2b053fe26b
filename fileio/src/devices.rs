//! What kind of file system a device number stands for, as far as it was looked up.
//!
//! Asking may wait for a server, so it is done once for each device, on a thread of the pool, and kept. A number that comes to mean
//! another file system after an unmount is taken for the old one: what is done in place there may wait for as long as its server.

use std::{
    cell::Cell,
    fs::File,
    io,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyio_sync::CapacityLimiter;

use crate::{
    entry::Operation,
    hop::{self, OnCancel},
    inode::Inode,
    sys,
};

/// Where a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Device {
    /// In memory and nowhere else: using it is like using any memory.
    Memory,
    /// On a disk of this machine, or made up by its kernel: its inodes are at hand.
    Local,
    /// On a server, or unknown: anything may wait.
    Remote,
}

static KNOWN: RwLock<Vec<(u64, Device)>> = RwLock::new(Vec::new());
static SAW_REMOTE: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The last that was asked for, which is mostly the next.
    static LAST: Cell<Option<(u64, Device)>> = const { Cell::new(None) };
}

/// What is known of it.
pub(crate) fn known(number: u64) -> Option<Device> {
    if let Some((last, device)) = LAST.get()
        && last == number
    {
        return Some(device);
    }
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().find(|(other, _)| *other == number).copied()?;
    LAST.set(Some(found));
    Some(found.1)
}

/// Whether there is any file system here that may have to ask a server.
pub(crate) fn saw_remote() -> bool {
    SAW_REMOTE.load(Ordering::Relaxed)
}

/// Finds out where an open file is. It may wait.
pub(crate) fn look_up(file: &File) -> io::Result<Device> {
    let number = Inode::of(file)?.device;
    if let Some(device) = known(number) {
        return Ok(device);
    }
    let device = sys::device(file);
    if device == Device::Remote {
        SAW_REMOTE.store(true, Ordering::Relaxed);
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.iter().all(|(other, _)| *other != number) {
        known.push((number, device));
    }
    Ok(device)
}

/// The same on a thread, if nobody did before.
pub(crate) async fn find(
    operation: &mut Operation,
    limiter: Option<&CapacityLimiter>,
    number: u64,
    file: File,
) -> io::Result<(Device, File)> {
    match known(number) {
        Some(device) => Ok((device, file)),
        None => {
            let job = move || look_up(&file).map(|device| (device, file));
            hop::run_io(operation, limiter, OnCancel::Leave, job).await
        }
    }
}
