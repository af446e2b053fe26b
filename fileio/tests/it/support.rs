//! What the tests share.

use std::{fs, future::Future, io, path::PathBuf};

use anyio_cancel_scope::{CancelScope, is_cancellation};
use anyio_fileio::Path;
use futures_lite::future::block_on;

/// Runs a test to its end.
pub(crate) fn run<T>(test: impl Future<Output = io::Result<T>>) -> T {
    match block_on(test) {
        Ok(value) => value,
        Err(error) => panic!("{error} ({error:?})"),
    }
}

/// A folder on the disk, and one in memory, which keep to different ways; both go with the test.
pub(crate) fn folders() -> Vec<(tempfile::TempDir, Path)> {
    let disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on the disk");
    let mut folders = vec![disk];
    if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
        folders.push(memory);
    }
    folders
        .into_iter()
        .map(|folder| {
            let path = folder.path().into();
            (folder, path)
        })
        .collect()
}

/// A folder on the disk.
pub(crate) fn folder() -> (tempfile::TempDir, Path) {
    folders().swap_remove(0)
}

/// What comes of an operation in a scope that is cancelled before.
#[track_caller]
pub(crate) fn cancelled<T>(operation: impl Future<Output = io::Result<T>>) {
    let scope = CancelScope::new();
    scope.cancel();
    match block_on(scope.enter(operation)) {
        Ok(_) => panic!("it did what it should not, in a cancelled scope"),
        Err(error) => assert!(is_cancellation(&error), "{error:?}"),
    }
}

/// Says that a claim was not tried here, where a test that passed is silent.
pub(crate) fn not_tried(claim: &str, why: &str) {
    let _ = io::Write::write_all(&mut io::stderr(), format!("not tried: {claim}: {why}\n").as_bytes());
}

/// The kind of an error.
#[track_caller]
pub(crate) fn kind<T>(result: io::Result<T>) -> io::ErrorKind {
    match result {
        Ok(_) => panic!("it worked, but should not"),
        Err(error) => error.kind(),
    }
}

/// A FIFO.
pub(crate) fn fifo(folder: &Path) -> PathBuf {
    let path = folder.to_path_buf().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a fifo");
    path
}

/// The file is not in the page cache any more.
pub(crate) fn forget(path: &Path) {
    let file = fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}
