//! Large files: their bytes and their lines.

use std::{
    fs,
    future::Future,
    hint::black_box,
    io::{self, BufRead, Read, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    case::Contestant,
    hosts::{block_on, tokio_mt},
};

const PIECE: usize = 64 * 1024;
pub(super) const PIECES: u64 = 1024;
const LINE: usize = 64;
pub(super) const LINES: u64 = 262_144;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn disk() -> Rc<Self> {
        Rc::new(Self { folder: tempfile::tempdir().expect("there is a folder for temporary files") })
    }

    fn memory() -> Rc<Self> {
        Rc::new(Self { folder: tempfile::tempdir_in("/dev/shm").expect("there is a folder in memory") })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A cached file.
    fn file(&self, content: &[u8], times: u64) -> PathBuf {
        let path = self.path("file");
        let mut file = fs::File::create(&path).expect("it can be made");
        (0..times).try_for_each(|_| file.write_all(content)).expect("it can be written");
        file.sync_all().expect("it can be brought to the disk");
        path
    }
}

fn sync(mut f: impl FnMut() -> io::Result<()>, iterations: u64) -> Duration {
    let begun = Instant::now();
    (0..iterations).try_for_each(|_| f()).expect("it works");
    begun.elapsed()
}

async fn timed<F: Future<Output = io::Result<()>>>(f: impl Fn() -> F, iterations: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        f().await.expect("it works");
    }
    begun.elapsed()
}

pub(super) fn seq_read() -> Vec<Contestant> {
    reads(|_| {})
}

pub(super) fn seq_read_cold() -> Vec<Contestant> {
    reads(|path| {
        let file = fs::File::open(path).expect("it is there");
        rustix::fs::fadvise(file.as_fd(), 0, None, rustix::fs::Advice::DontNeed).expect("it can be forgotten");
    })
}

fn reads(prepare: fn(&Path)) -> Vec<Contestant> {
    let place = Place::disk();
    let path = place.file(&[7; PIECE], PIECES);
    let [a, b, c, d] = [(); 4].map(|()| (place.clone(), path.clone()));
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            let (_place, path) = &a;
            block_on(timed(
                async || {
                    prepare(path);
                    let file = anyio::fs::File::open(path).await?;
                    let mut buf = vec![0; PIECE];
                    while file.read(black_box(&mut buf)).await? > 0 {}
                    Ok(())
                },
                iterations,
            ))
        }),
        Contestant::new("std", move |iterations| {
            let (_place, path) = &b;
            sync(
                || {
                    prepare(path);
                    let mut file = fs::File::open(path)?;
                    let mut buf = vec![0; PIECE];
                    while file.read(black_box(&mut buf))? > 0 {}
                    Ok(())
                },
                iterations,
            )
        }),
        Contestant::new("tokio", move |iterations| {
            let (_place, path) = &c;
            runtime.block_on(timed(
                async || {
                    prepare(path);
                    let mut file = tokio::fs::File::open(path).await?;
                    let mut buf = vec![0; PIECE];
                    while file.read(black_box(&mut buf)).await? > 0 {}
                    Ok(())
                },
                iterations,
            ))
        }),
        Contestant::new("async-fs", move |iterations| {
            let (_place, path) = &d;
            block_on(timed(
                async || {
                    prepare(path);
                    let mut file = async_fs::File::open(path).await?;
                    let mut buf = vec![0; PIECE];
                    while AsyncReadExt::read(&mut file, black_box(&mut buf)).await? > 0 {}
                    Ok(())
                },
                iterations,
            ))
        }),
    ]
}

pub(super) fn seq_write() -> Vec<Contestant> {
    writes(Place::disk)
}

pub(super) fn seq_write_memory() -> Vec<Contestant> {
    writes(Place::memory)
}

fn writes(place: fn() -> Rc<Place>) -> Vec<Contestant> {
    let [a, b, c, d] = [(); 4].map(|()| place());
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            block_on(timed(
                async || {
                    let file = anyio::fs::File::create(a.path("written")).await?;
                    let data = vec![7; PIECE];
                    for _ in 0..PIECES {
                        file.write_all(black_box(&data)).await?;
                    }
                    file.close().await
                },
                iterations,
            ))
        }),
        Contestant::new("std", move |iterations| {
            sync(
                || {
                    let mut file = fs::File::create(b.path("written"))?;
                    let data = vec![7; PIECE];
                    (0..PIECES).try_for_each(|_| file.write_all(black_box(&data)))
                },
                iterations,
            )
        }),
        Contestant::new("tokio", move |iterations| {
            runtime.block_on(timed(
                async || {
                    let mut file = tokio::fs::File::create(c.path("written")).await?;
                    let data = vec![7; PIECE];
                    for _ in 0..PIECES {
                        file.write_all(black_box(&data)).await?;
                    }
                    file.flush().await
                },
                iterations,
            ))
        }),
        Contestant::new("async-fs", move |iterations| {
            block_on(timed(
                async || {
                    let mut file = async_fs::File::create(d.path("written")).await?;
                    let data = vec![7; PIECE];
                    for _ in 0..PIECES {
                        AsyncWriteExt::write_all(&mut file, black_box(&data)).await?;
                    }
                    AsyncWriteExt::flush(&mut file).await
                },
                iterations,
            ))
        }),
    ]
}

pub(super) fn lines() -> Vec<Contestant> {
    let place = Place::disk();
    let mut line = vec![b'x'; LINE];
    line[LINE - 1] = b'\n';
    let path = place.file(&line, LINES);
    let [a, b, c, d] = [(); 4].map(|()| (place.clone(), path.clone()));
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            let (_place, path) = &a;
            block_on(timed(
                async || {
                    let mut lines = anyio::fs::File::open(path).await?.into_lines();
                    while let Some(line) = lines.next().await? {
                        black_box(line);
                    }
                    Ok(())
                },
                iterations,
            ))
        }),
        Contestant::new("std", move |iterations| {
            let (_place, path) = &b;
            sync(
                || {
                    let file = io::BufReader::with_capacity(PIECE, fs::File::open(path)?);
                    file.lines().try_for_each(|line| line.map(|line| drop(black_box(line))))
                },
                iterations,
            )
        }),
        Contestant::new("tokio", move |iterations| {
            let (_place, path) = &c;
            runtime.block_on(timed(
                async || {
                    let file = tokio::io::BufReader::with_capacity(PIECE, tokio::fs::File::open(path).await?);
                    let mut lines = file.lines();
                    while let Some(line) = lines.next_line().await? {
                        black_box(line);
                    }
                    Ok(())
                },
                iterations,
            ))
        }),
        Contestant::new("async-fs", move |iterations| {
            let (_place, path) = &d;
            block_on(timed(
                async || {
                    let file = futures::io::BufReader::with_capacity(PIECE, async_fs::File::open(path).await?);
                    let mut lines = futures::AsyncBufReadExt::lines(file);
                    while let Some(line) = lines.next().await {
                        black_box(line?);
                    }
                    Ok(())
                },
                iterations,
            ))
        }),
    ]
}

pub(super) fn copy() -> Vec<Contestant> {
    let place = Place::disk();
    let path = place.file(&[7; PIECE], 256);
    let [a, b, c] = [(); 3].map(|()| (place.clone(), path.clone()));
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            let (place, path) = &a;
            let (path, to) = (anyio::fs::Path::from(path.clone()), place.path("anyio"));
            block_on(timed(async || path.copy(&to).await.map(drop), iterations))
        }),
        Contestant::new("std", move |iterations| {
            let (place, path) = &b;
            sync(|| fs::copy(path, place.path("std")).map(drop), iterations)
        }),
        Contestant::new("tokio", move |iterations| {
            let (place, path) = &c;
            let to = place.path("tokio");
            runtime.block_on(timed(async || tokio::fs::copy(path, &to).await.map(drop), iterations))
        }),
    ]
}
