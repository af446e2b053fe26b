//! Hashes every file below a directory: `convert DIR`, in worker threads under a limiter, with a progress bar.
//!
//! Ctrl-C ends it cleanly: files that are being read give up at the next block, and what was done by then is printed.
//!
//! ```text
//! cargo run --release --example convert -- facade
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, File},
    hash::{DefaultHasher, Hasher},
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio::{
    CancelScope, Cancelled, Result, from_thread, ok, open_signal_receiver, run, signals::Signal, sleep,
    sync::CapacityLimiter, task_group, to_thread,
};

/// How many files are read at once.
const AT_ONCE: usize = 8;
const BLOCK: usize = 64 * 1024;

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: convert DIR");
        return ExitCode::from(2);
    };
    match run(convert(dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("convert: {error}");
            ExitCode::from(2)
        }
    }
}

async fn convert(dir: PathBuf) -> Result<()> {
    let interrupts = open_signal_receiver(&[Signal::INT])?;
    let (work, hashes, failed) = (CancelScope::new(), Mutex::new(BTreeMap::new()), AtomicUsize::new(0));
    let (total, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ended = task_group(async |tg| -> Result<Option<()>> {
        let watched = work.clone();
        tg.task("Ctrl-C").start_soon(async move {
            interrupts.next().await?;
            watched.cancel_because("Ctrl-C");
            ok(())
        });
        tg.task("progress").start_soon(async {
            while io::stderr().is_terminal() {
                draw(done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
                sleep(Duration::from_millis(50)).await?;
            }
            ok(())
        });
        let ended = work
            .run(async {
                let files = to_thread::run_sync(move || files_below(&dir)).named("walk").await??;
                total.store(files.len(), Ordering::Relaxed);
                let limiter = CapacityLimiter::new(AT_ONCE);
                task_group(async |tg| -> Result<()> {
                    for path in files {
                        let (limiter, hashes, done, failed) = (&limiter, &hashes, &done, &failed);
                        tg.start_soon(async move {
                            let name = path.display().to_string();
                            let read = to_thread::run_sync(move || hash(&path)).limiter(limiter).named(name.clone());
                            // The inner `?`: it was interrupted in the middle of a file.
                            match read.await?? {
                                Ok(hash) => {
                                    let mut hashes = hashes.lock().unwrap_or_else(PoisonError::into_inner);
                                    hashes.insert(name, hash);
                                }
                                Err(_) => {
                                    failed.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                            done.fetch_add(1, Ordering::Relaxed);
                            ok(())
                        });
                    }
                    Ok(())
                })
                .await?;
                ok(())
            })
            .await?;
        // Those who watch are needed no more.
        tg.cancel();
        Ok(ended)
    })
    .await?
    .flatten();
    if io::stderr().is_terminal() {
        draw(done.load(Ordering::Relaxed), total.load(Ordering::Relaxed));
        eprintln!();
    }
    report(
        &hashes.into_inner().unwrap_or_else(PoisonError::into_inner),
        failed.into_inner(),
        total.into_inner(),
        ended.is_none(),
    )
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

fn draw(done: usize, total: usize) {
    const WIDTH: usize = 40;
    let full = (done * WIDTH).checked_div(total).unwrap_or(0);
    eprint!("\r[{}{}] {done} of {total}", "#".repeat(full), ".".repeat(WIDTH - full));
}

fn report(hashes: &BTreeMap<String, u64>, failed: usize, total: usize, interrupted: bool) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut write = || -> io::Result<()> {
        for (name, hash) in hashes {
            writeln!(out, "{hash:016x} {name}")?;
        }
        let how = if interrupted { "interrupted: " } else { "" };
        writeln!(out, "{how}{} of {total} files hashed, {failed} could not be read", hashes.len())
    };
    // Who reads on, as `head`, may have seen enough.
    write().or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) })
}
