//! The descriptors and threads of this process, where `/proc` tells them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// How long a thread may take to disappear after it was joined.
const PATIENCE: Duration = Duration::from_secs(2);

/// What there was, by its number.
pub(crate) struct Snapshot {
    descriptors: BTreeMap<u64, String>,
    threads: BTreeMap<u64, String>,
}

impl Snapshot {
    /// What there is. Where the system does not tell there is nothing, now and later.
    pub(crate) fn take() -> Self {
        let link = |path: PathBuf| Ok(fs::read_link(path)?.to_string_lossy().into_owned());
        let name = |path: PathBuf| Ok(fs::read_to_string(path.join("comm"))?.trim().to_owned());
        Self { descriptors: list("/proc/self/fd", link), threads: list("/proc/self/task", name) }
    }

    /// What there is now that was not there then. Waits a little for what is about to go.
    pub(crate) fn what_is_new(&self) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let now = Self::take();
            let descriptors = now.descriptors.iter().filter(|(key, what)| self.descriptors.get(key) != Some(what));
            let threads = now.threads.iter().filter(|(key, _)| !self.threads.contains_key(key));
            let new: Vec<String> = descriptors
                .map(|(key, what)| format!("descriptor {key}, {what}"))
                .chain(threads.map(|(key, name)| format!("thread {key}, {name}")))
                .collect();
            if new.is_empty() || begun.elapsed() > PATIENCE {
                return new;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// What `read` says of each entry. What is gone meanwhile, such as the listing's own descriptor, is left out.
fn list(folder: &str, read: impl Fn(PathBuf) -> io::Result<String>) -> BTreeMap<u64, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse().ok();
    paths.into_iter().filter_map(|path| Some((number(&path)?, read(path).ok()?))).collect()
}
