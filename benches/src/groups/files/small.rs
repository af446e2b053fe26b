//! Small files, of which a process has many.

use std::{
    fs,
    hint::black_box,
    io::{self, Read},
    path::PathBuf,
};

use compio::io::AsyncReadAt;
use futures::AsyncReadExt;
use tokio::io::AsyncReadExt as _;

use super::contestants::{by_std, on_block_on, on_compio, on_monoio, on_tokio};
use crate::case::Contestant;

pub(super) const COUNT: u64 = 1000;
const SIZE: usize = 4096;

struct Files {
    _folder: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

/// As many files as operations, in a folder on the disk, cached.
fn files() -> Files {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let paths: Vec<PathBuf> = (0..COUNT).map(|n| folder.path().join(n.to_string())).collect();
    for path in &paths {
        fs::write(path, vec![7; SIZE]).expect("it can be written");
        fs::read(path).expect("it can be read");
    }
    Files { _folder: folder, paths }
}

/// An operation on each of the files.
fn each(mut f: impl FnMut(&PathBuf) -> io::Result<()>) -> impl FnMut() -> io::Result<()> {
    let files = files();
    move || files.paths().iter().try_for_each(&mut f)
}

fn each_async(f: impl AsyncFn(&PathBuf) -> io::Result<()>) -> impl AsyncFn() -> io::Result<()> {
    let files = files();
    async move || {
        for path in files.paths() {
            f(path).await?;
        }
        Ok(())
    }
}

fn is_whole(size: usize) -> io::Result<()> {
    assert_eq!(size, SIZE);
    Ok(())
}

pub(super) fn read4k() -> Vec<Contestant> {
    vec![
        on_block_on(
            "anyio",
            each_async(async |path| {
                let file = anyio::fs::File::open(path).await?;
                let mut buf = [0; SIZE];
                is_whole(file.read(black_box(&mut buf)).await?)
            }),
        ),
        by_std(each(|path| {
            let mut buf = [0; SIZE];
            is_whole(fs::File::open(path)?.read(black_box(&mut buf))?)
        })),
        on_tokio(each_async(async |path| {
            let mut file = tokio::fs::File::open(path).await?;
            let mut buf = [0; SIZE];
            is_whole(file.read(black_box(&mut buf)).await?)
        })),
        on_block_on(
            "async-fs",
            each_async(async |path| {
                let mut file = async_fs::File::open(path).await?;
                let mut buf = [0; SIZE];
                is_whole(AsyncReadExt::read(&mut file, black_box(&mut buf)).await?)
            }),
        ),
        on_monoio(each_async(async |path| {
            let file = monoio::fs::File::open(path).await?;
            let (count, _buf) = file.read_at(vec![0; SIZE], 0).await;
            is_whole(count?)?;
            file.close().await
        })),
        on_compio(each_async(async |path| {
            let file = compio::fs::File::open(path).await?;
            let (count, _buf) = file.read_at(vec![0; SIZE], 0).await.into();
            is_whole(count?)?;
            file.close().await
        })),
    ]
}

pub(super) fn slurp4k() -> Vec<Contestant> {
    vec![
        on_block_on(
            "anyio",
            each_async(async |path| is_whole(anyio::fs::Path::from(path.as_path()).read().await?.len())),
        ),
        by_std(each(|path| is_whole(fs::read(path)?.len()))),
        on_tokio(each_async(async |path| is_whole(tokio::fs::read(path).await?.len()))),
        on_block_on("async-fs", each_async(async |path| is_whole(async_fs::read(path).await?.len()))),
        on_compio(each_async(async |path| is_whole(compio::fs::read(path).await?.len()))),
    ]
}

pub(super) fn stat() -> Vec<Contestant> {
    let size = |found: fs::Metadata| is_whole(found.len() as usize);
    vec![
        on_block_on(
            "anyio",
            each_async(async move |path| size(anyio::fs::Path::from(path.as_path()).metadata().await?)),
        ),
        by_std(each(move |path| size(fs::metadata(path)?))),
        on_tokio(each_async(async move |path| size(tokio::fs::metadata(path).await?))),
        on_block_on("async-fs", each_async(async move |path| size(async_fs::metadata(path).await?))),
        on_compio(each_async(async |path| is_whole(compio::fs::metadata(path).await?.len() as usize))),
    ]
}
