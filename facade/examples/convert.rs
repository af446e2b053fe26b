//! Hashes every file below a directory: `convert DIR`, in worker threads under a limiter, with a progress bar.
//!
//! Ctrl-C ends it cleanly: files that are being read give up at the next block, and what was done by then is printed. A second
//! one ends it at once.
//!
//! ```text
//! cargo run --release --example convert -- facade
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{DefaultHasher, Hasher},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use anyio::{
    CancelScope, Cancelled, Result, from_thread, ok, open_signal_receiver, signals::Signal, sync::CapacityLimiter,
    task_group, to_thread,
};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

const BLOCK: usize = 64 * 1024;

/// Hashes every file below a directory.
#[derive(Parser)]
struct Options {
    /// Where to begin. Links below it are not followed.
    dir: PathBuf,
    /// How many files are read at once.
    #[arg(long, default_value = "8")]
    at_once: usize,
}

/// What came of each file, by its name.
type Hashes = BTreeMap<String, io::Result<u64>>;

#[anyio::main]
async fn main() -> ExitCode {
    let Options { dir, at_once } = Options::parse();
    match convert(dir, at_once).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("convert: {error}");
            ExitCode::from(2)
        }
    }
}

async fn convert(dir: PathBuf, at_once: usize) -> Result<()> {
    let interrupts = open_signal_receiver(&[Signal::INT])?;
    let (work, hashes, bar) = (CancelScope::new(), Mutex::new(Hashes::new()), ProgressBar::no_length());
    bar.set_style(ProgressStyle::with_template("[{bar:40}] {pos} of {len}")?);
    let ended = task_group(async |tg| -> Result<Option<()>> {
        let watched = work.clone();
        tg.task("Ctrl-C").start_soon(async move {
            interrupts.next().await?;
            watched.cancel_because("Ctrl-C");
            ok(())
        });
        let ended = work.run(hash_all(dir, at_once, &hashes, &bar)).await?;
        // Who watches is needed no more.
        tg.cancel();
        Ok(ended)
    })
    .await?
    .flatten();
    bar.abandon();
    let total = bar.length().unwrap_or(0);
    report(&hashes.into_inner().unwrap_or_else(PoisonError::into_inner), total, ended.is_none())
}

async fn hash_all(dir: PathBuf, at_once: usize, hashes: &Mutex<Hashes>, bar: &ProgressBar) -> Result<()> {
    let files = to_thread::run_sync(move || files_below(&dir)).named("walk").await??;
    bar.set_length(files.len() as u64);
    let limiter = CapacityLimiter::new(at_once);
    task_group(async |tg| {
        for path in files {
            let limiter = &limiter;
            tg.start_soon(async move {
                let name = path.display().to_string();
                let read = to_thread::run_sync(move || hash(&path)).limiter(limiter).named(name.clone());
                // The inner `?`: it was interrupted in the middle of a file.
                let hash = read.await??;
                hashes.lock().unwrap_or_else(PoisonError::into_inner).insert(name, hash);
                bar.inc(1);
                ok(())
            });
        }
        ok(())
    })
    .await?;
    ok(())
}

/// All files below a directory; links are not followed.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut ahead) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = ahead.pop() {
        from_thread::check_cancelled()?;
        for entry in fs::read_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                ahead.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

/// The hash of a file, or why it cannot be read; it gives up when its task is cancelled.
fn hash(path: &Path) -> Result<io::Result<u64>, Cancelled> {
    let mut hasher = DefaultHasher::new();
    let mut block = vec![0; BLOCK];
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        from_thread::check_cancelled()?;
        match file.read(&mut block) {
            Ok(0) => return Ok(Ok(hasher.finish())),
            Ok(count) => hasher.write(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn report(hashes: &Hashes, total: u64, interrupted: bool) -> Result<()> {
    let (mut out, mut failed) = (io::stdout().lock(), 0);
    let mut write = || -> io::Result<()> {
        for (name, hash) in hashes {
            match hash {
                Ok(hash) => writeln!(out, "{hash:016x} {name}")?,
                Err(error) => {
                    failed += 1;
                    eprintln!("convert: {name}: {error}");
                }
            }
        }
        let (how, hashed) = (if interrupted { "interrupted: " } else { "" }, hashes.len() - failed);
        writeln!(out, "{how}{hashed} of {total} files hashed, {failed} could not be read")
    };
    // Who reads on, as `head`, may have seen enough.
    write().or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) })
}
