//! What a ticker notices of tasks that read files.

use std::{
    fs, io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::io::AsyncReadExt;

use crate::{case::Contestant, hosts::tokio_ct};

const EACH: Duration = Duration::from_millis(1);
const TICKS: usize = 300;

fn file() -> Rc<tempfile::TempDir> {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    fs::write(folder.path().join("file"), vec![7; 4 << 20]).expect("it can be written");
    Rc::new(folder)
}

/// The 99th percentile of how late it was.
async fn tick() -> Duration {
    let mut late = Vec::new();
    for _ in 0..TICKS {
        let begun = Instant::now();
        tokio::time::sleep(EACH).await;
        late.push(begun.elapsed().saturating_sub(EACH));
    }
    late.sort();
    late[TICKS * 99 / 100]
}

async fn by_ours(path: std::path::PathBuf, done: Arc<AtomicBool>) -> io::Result<()> {
    let mut buf = vec![0; 64 * 1024];
    while !done.load(Ordering::Relaxed) {
        let file = anyio::fs::File::open(&path).await?;
        while file.read(&mut buf).await? > 0 && !done.load(Ordering::Relaxed) {}
    }
    Ok(())
}

async fn by_tokio(path: std::path::PathBuf, done: Arc<AtomicBool>) -> io::Result<()> {
    let mut buf = vec![0; 64 * 1024];
    while !done.load(Ordering::Relaxed) {
        let mut file = tokio::fs::File::open(&path).await?;
        while file.read(&mut buf).await? > 0 && !done.load(Ordering::Relaxed) {}
    }
    Ok(())
}

pub(super) fn contestants() -> Vec<Contestant> {
    let folder = file();
    let [a, b] = [(); 2].map(|()| folder.clone());
    let run = |iterations: u64, spawn: &dyn Fn(&tokio::runtime::Runtime, Arc<AtomicBool>)| {
        let mut all = Duration::ZERO;
        for _ in 0..iterations {
            let runtime = tokio_ct();
            let done = Arc::new(AtomicBool::new(false));
            (0..8).for_each(|_| spawn(&runtime, done.clone()));
            all += runtime.block_on(tick());
            done.store(true, Ordering::Relaxed);
        }
        all
    };
    vec![
        Contestant::new("anyio", move |iterations| {
            let path = a.path().join("file");
            run(iterations, &|runtime, done| drop(runtime.spawn(by_ours(path.clone(), done))))
        }),
        Contestant::new("tokio", move |iterations| {
            let path = b.path().join("file");
            run(iterations, &|runtime, done| drop(runtime.spawn(by_tokio(path.clone(), done))))
        }),
    ]
}
