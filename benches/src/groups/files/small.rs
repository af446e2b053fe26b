//! Small files, of which a process has many.

use std::{
    fs,
    future::Future,
    hint::black_box,
    io::{self, Read},
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use futures::AsyncReadExt;
use tokio::io::AsyncReadExt as _;

use crate::{
    case::Contestant,
    hosts::{block_on, tokio_mt},
};

pub(super) const COUNT: u64 = 1000;

struct Files {
    _folder: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

/// As many files as operations, in a folder on the disk, cached.
fn files() -> Rc<Files> {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let paths: Vec<PathBuf> = (0..COUNT).map(|n| folder.path().join(n.to_string())).collect();
    for path in &paths {
        fs::write(path, vec![7; 4096]).expect("it can be written");
        fs::read(path).expect("it can be read");
    }
    Rc::new(Files { _folder: folder, paths })
}

fn each(files: &Files, iterations: u64, mut f: impl FnMut(&PathBuf)) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        files.paths.iter().for_each(&mut f);
    }
    begun.elapsed()
}

async fn each_async<F: Future<Output = io::Result<()>>>(
    files: &Files,
    iterations: u64,
    f: impl Fn(PathBuf) -> F,
) -> Duration {
    let mut time = Duration::ZERO;
    for _ in 0..iterations {
        let paths = files.paths.clone();
        let begun = Instant::now();
        for path in paths {
            f(path).await.expect("it works");
        }
        time += begun.elapsed();
    }
    time
}

fn monoio() -> monoio::Runtime<monoio::IoUringDriver> {
    monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build().expect("there is io_uring")
}

pub(super) fn read4k() -> Vec<Contestant> {
    let files = [(); 5].map(|()| files());
    let [a, b, c, d, e] = files;
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            block_on(each_async(&a, iterations, async |path: PathBuf| {
                let file = anyio::fs::File::open(path).await?;
                let mut buf = [0; 4096];
                assert_eq!(file.read(black_box(&mut buf)).await?, 4096);
                Ok(())
            }))
        }),
        Contestant::new("std", move |iterations| {
            each(&b, iterations, |path| {
                let mut buf = [0; 4096];
                let count = fs::File::open(path).and_then(|mut file| file.read(black_box(&mut buf)));
                assert_eq!(count.expect("it works"), 4096);
            })
        }),
        Contestant::new("tokio", move |iterations| {
            runtime.block_on(each_async(&c, iterations, async |path: PathBuf| {
                let mut file = tokio::fs::File::open(path).await?;
                let mut buf = [0; 4096];
                assert_eq!(file.read(black_box(&mut buf)).await?, 4096);
                Ok(())
            }))
        }),
        Contestant::new("async-fs", move |iterations| {
            block_on(each_async(&d, iterations, async |path: PathBuf| {
                let mut file = async_fs::File::open(path).await?;
                let mut buf = [0; 4096];
                assert_eq!(AsyncReadExt::read(&mut file, black_box(&mut buf)).await?, 4096);
                Ok(())
            }))
        }),
        Contestant::new("monoio", move |iterations| {
            monoio().block_on(each_async(&e, iterations, async |path: PathBuf| {
                let file = monoio::fs::File::open(path).await?;
                let (count, _buf) = file.read_at(vec![0; 4096], 0).await;
                assert_eq!(count?, 4096);
                file.close().await
            }))
        }),
    ]
}

pub(super) fn slurp4k() -> Vec<Contestant> {
    let [a, b, c, d] = [(); 4].map(|()| files());
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            block_on(each_async(&a, iterations, async |path: PathBuf| {
                anyio::fs::Path::from(path).read().await.map(|bytes| assert_eq!(bytes.len(), 4096))
            }))
        }),
        Contestant::new("std", move |iterations| {
            each(&b, iterations, |path| assert_eq!(fs::read(path).expect("it works").len(), 4096))
        }),
        Contestant::new("tokio", move |iterations| {
            runtime.block_on(each_async(&c, iterations, async |path: PathBuf| {
                tokio::fs::read(path).await.map(|bytes| assert_eq!(bytes.len(), 4096))
            }))
        }),
        Contestant::new("async-fs", move |iterations| {
            block_on(each_async(&d, iterations, async |path: PathBuf| {
                async_fs::read(path).await.map(|bytes| assert_eq!(bytes.len(), 4096))
            }))
        }),
    ]
}

pub(super) fn stat() -> Vec<Contestant> {
    let [a, b, c, d] = [(); 4].map(|()| files());
    let runtime = tokio_mt();
    vec![
        Contestant::new("anyio", move |iterations| {
            block_on(each_async(&a, iterations, async |path: PathBuf| {
                anyio::fs::Path::from(path).metadata().await.map(|found| assert_eq!(found.len(), 4096))
            }))
        }),
        Contestant::new("std", move |iterations| {
            each(&b, iterations, |path| assert_eq!(fs::metadata(path).expect("it works").len(), 4096))
        }),
        Contestant::new("tokio", move |iterations| {
            runtime.block_on(each_async(&c, iterations, async |path: PathBuf| {
                tokio::fs::metadata(path).await.map(|found| assert_eq!(found.len(), 4096))
            }))
        }),
        Contestant::new("async-fs", move |iterations| {
            block_on(each_async(&d, iterations, async |path: PathBuf| {
                async_fs::metadata(path).await.map(|found| assert_eq!(found.len(), 4096))
            }))
        }),
    ]
}
