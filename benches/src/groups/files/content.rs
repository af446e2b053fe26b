//! Large files: their bytes and their lines.

use std::{
    fs,
    hint::black_box,
    io::{self, BufRead, Read, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    rc::Rc,
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt as _};

use super::contestants::{by_std, on_block_on, on_tokio};
use crate::case::Contestant;

const PIECE: usize = 64 * 1024;
pub(super) const PIECES: u64 = 1024;
const LINE: usize = 64;
pub(super) const LINES: u64 = 262_144;

/// A folder for the files of a contestant, or of all of them.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn disk() -> Self {
        Self { folder: tempfile::tempdir().expect("there is a folder for temporary files") }
    }

    fn memory() -> Self {
        Self { folder: tempfile::tempdir_in("/dev/shm").expect("there is a folder in memory") }
    }

    /// With a cached file, for so many contestants.
    fn with_file<const N: usize>(content: &[u8], times: u64) -> [Rc<Self>; N] {
        let place = Rc::new(Self::disk());
        let mut file = fs::File::create(place.file()).expect("it can be made");
        (0..times).try_for_each(|_| file.write_all(content)).expect("it can be written");
        file.sync_all().expect("it can be brought to the disk");
        [(); N].map(|()| place.clone())
    }

    fn file(&self) -> PathBuf {
        self.path("file")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
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
    let [a, b, c, d] = Place::with_file(&[7; PIECE], PIECES).map(|place| {
        move || {
            prepare(&place.file());
            (place.file(), vec![0; PIECE])
        }
    });
    vec![
        on_block_on("anyio", async move || {
            let (path, mut buf) = a();
            let file = anyio::fs::File::open(path).await?;
            while file.read(black_box(&mut buf)).await? > 0 {}
            Ok(())
        }),
        by_std(move || {
            let (path, mut buf) = b();
            let mut file = fs::File::open(path)?;
            while file.read(black_box(&mut buf))? > 0 {}
            Ok(())
        }),
        on_tokio(async move || {
            let (path, mut buf) = c();
            let mut file = tokio::fs::File::open(path).await?;
            while file.read(black_box(&mut buf)).await? > 0 {}
            Ok(())
        }),
        on_block_on("async-fs", async move || {
            let (path, mut buf) = d();
            let mut file = async_fs::File::open(path).await?;
            while AsyncReadExt::read(&mut file, black_box(&mut buf)).await? > 0 {}
            Ok(())
        }),
    ]
}

pub(super) fn seq_write() -> Vec<Contestant> {
    writes(Place::disk)
}

pub(super) fn seq_write_memory() -> Vec<Contestant> {
    writes(Place::memory)
}

fn writes(place: fn() -> Place) -> Vec<Contestant> {
    let [a, b, c, d] = [(); 4].map(|()| {
        let place = place();
        move || (place.file(), vec![7; PIECE])
    });
    vec![
        on_block_on("anyio", async move || {
            let (path, data) = a();
            let file = anyio::fs::File::create(path).await?;
            for _ in 0..PIECES {
                file.write_all(black_box(&data)).await?;
            }
            file.close().await
        }),
        by_std(move || {
            let (path, data) = b();
            let mut file = fs::File::create(path)?;
            (0..PIECES).try_for_each(|_| file.write_all(black_box(&data)))
        }),
        on_tokio(async move || {
            let (path, data) = c();
            let mut file = tokio::fs::File::create(path).await?;
            for _ in 0..PIECES {
                file.write_all(black_box(&data)).await?;
            }
            file.flush().await
        }),
        on_block_on("async-fs", async move || {
            let (path, data) = d();
            let mut file = async_fs::File::create(path).await?;
            for _ in 0..PIECES {
                AsyncWriteExt::write_all(&mut file, black_box(&data)).await?;
            }
            AsyncWriteExt::flush(&mut file).await
        }),
    ]
}

pub(super) fn lines() -> Vec<Contestant> {
    let mut line = vec![b'x'; LINE];
    line[LINE - 1] = b'\n';
    let [a, b, c, d] = Place::with_file(&line, LINES);
    vec![
        on_block_on("anyio", async move || {
            let mut lines = anyio::fs::File::open(a.file()).await?.into_lines();
            while let Some(line) = lines.next().await? {
                black_box(line);
            }
            Ok(())
        }),
        by_std(move || {
            let file = io::BufReader::with_capacity(PIECE, fs::File::open(b.file())?);
            file.lines().try_for_each(|line| line.map(|line| drop(black_box(line))))
        }),
        on_tokio(async move || {
            let file = tokio::io::BufReader::with_capacity(PIECE, tokio::fs::File::open(c.file()).await?);
            let mut lines = file.lines();
            while let Some(line) = lines.next_line().await? {
                black_box(line);
            }
            Ok(())
        }),
        on_block_on("async-fs", async move || {
            let file = futures::io::BufReader::with_capacity(PIECE, async_fs::File::open(d.file()).await?);
            let mut lines = futures::AsyncBufReadExt::lines(file);
            while let Some(line) = lines.next().await {
                black_box(line?);
            }
            Ok(())
        }),
    ]
}

pub(super) fn copy() -> Vec<Contestant> {
    let [a, b, c] = Place::with_file(&[7; PIECE], 256);
    vec![
        on_block_on("anyio", async move || anyio::fs::Path::from(a.file()).copy(a.path("anyio")).await.map(drop)),
        by_std(move || fs::copy(b.file(), b.path("std")).map(drop)),
        on_tokio(async move || tokio::fs::copy(c.file(), c.path("tokio")).await.map(drop)),
    ]
}
