//! What is done in place lets others run (R12).

use std::{cell::Cell, fs, future::Future, io, task::Poll};

use anyio_cancel_scope::{CancelScope, is_cancellation};
use anyio_fileio::{File, OpenOptions, Path};
use anyio_future_contract::Polled;
use anyio_sync::CapacityLimiter;
use anyio_task_group::local_task_group;

use crate::support::{folders, forget, not_tried, run};

#[test]
fn a_task_that_reads_cached_data_lets_its_siblings_run() {
    // R12
    for (_folder, path) in folders() {
        let path = &path.join("file");
        fs::write(path, vec![7; 1_000_000]).unwrap();
        let (turns, done) = (&Cell::new(0), &Cell::new(false));
        run(async {
            let group = local_task_group(async |tg| -> io::Result<_> {
                tg.start_soon(async move {
                    while !done.get() {
                        turns.set(turns.get() + 1);
                        anyio_cancel_scope::yield_now().await;
                    }
                });
                let file = File::open(path).await?;
                let (mut buf, mut read) = (vec![0; 64 * 1024], 0);
                for _ in 0..20 {
                    file.rewind().await?;
                    loop {
                        let count = file.read(&mut buf).await?;
                        if count == 0 {
                            break;
                        }
                        read += count;
                    }
                }
                assert_eq!(read, 20_000_000);
                let by_pieces = turns.replace(0);
                assert!(by_pieces >= 20, "the sibling had {by_pieces} turns in 20 MB");
                file.rewind().await?;
                for _ in 0..20 {
                    file.rewind().await?;
                    file.read_to_end(&mut Vec::new()).await?;
                }
                assert!(turns.get() >= 10, "the sibling had {} turns in 20 MB at once", turns.get());
                done.set(true);
                Ok(())
            });
            group.await.map(drop)
        });
    }
}

/// An operation on 8 MiB: it gives way ten times at least, and is cancelled after so many polls of them.
#[track_caller]
fn gives_way<T, F: Future<Output = io::Result<T>>>(operation: impl Fn() -> F) {
    let mut polled = Polled::new(operation());
    let mut pending = 0;
    while polled.poll().is_pending() {
        assert!(polled.is_woken(), "it waits for nobody");
        pending += 1;
    }
    assert!(pending >= 10, "it gave way {pending} times");
    let scope = CancelScope::new();
    let mut polled = Polled::new(scope.enter(operation()));
    (0..5).for_each(|_| polled.assert_pending());
    scope.cancel();
    match polled.poll() {
        Poll::Ready(Err(error)) => assert!(is_cancellation(&error), "{error:?}"),
        Poll::Ready(Ok(_)) => panic!("it went on to its end"),
        Poll::Pending => panic!("it does not see that it is cancelled"),
    }
}

#[test]
fn what_does_a_lot_gives_way_and_sees_a_cancellation_meanwhile() {
    // R12
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        return not_tried("what does a lot in place", "there is no file system in memory here");
    };
    let path = &Path::from(folder.path()).join("file");
    let data = &vec![7; 8 << 20];
    fs::write(path, data).unwrap();
    // Where it is was looked up.
    drop(run(File::open(path)));
    gives_way(|| path.read());
    gives_way(|| async move { File::open(path).await?.read_to_end(&mut Vec::new()).await });
    gives_way(|| async move { File::open(path).await?.read_exact(&mut data.clone()).await });
    gives_way(|| async move { File::open(path).await?.into_lines().next().await });
    gives_way(|| async move { OpenOptions::new().write(true).open(path).await?.write_all(data).await });
}

#[test]
fn what_was_written_to_its_end_is_not_cancelled_afterwards() {
    // R3
    for (_folder, path) in folders() {
        let path = path.join("file");
        // As much as is done before somebody gives way.
        let data = vec![7; 512 * 1024];
        run(async {
            let (file, scope) = (File::create(&path).await?, CancelScope::new());
            let mut write = Polled::new(scope.enter(file.write_all(&data)));
            loop {
                match write.poll() {
                    Poll::Ready(written) => return written,
                    Poll::Pending if fs::metadata(&path)?.len() == data.len() as u64 => scope.cancel(),
                    Poll::Pending => {}
                }
            }
        });
    }
}

#[test]
fn what_is_not_cached_is_read_on_a_thread() {
    let disks = folders().into_iter().filter(|(_folder, path)| !path.starts_with("/dev/shm"));
    for (_folder, path) in disks {
        if rustix::fs::statfs(path.as_std()).unwrap().f_type == 0x0102_1994 {
            return not_tried("a cold file", "there is no disk here");
        }
        let path = path.join("file");
        fs::write(&path, vec![7; 100_000]).unwrap();
        run(async {
            if let Ok(memory) = tempfile::NamedTempFile::new_in("/dev/shm") {
                // That one is read in place, which says nothing of the next.
                File::open(memory.path()).await?.read(&mut [0; 8]).await?;
            }
            let limiter = CapacityLimiter::new(1);
            let file = OpenOptions::new().read(true).limiter(&limiter).open(&path).await?;
            forget(&path);
            let token = limiter.try_acquire().unwrap();
            let mut buf = [0; 8];
            let mut read = Polled::new(file.read(&mut buf));
            while read.poll().is_pending() {
                if !read.is_woken() {
                    drop(token);
                    return Ok(());
                }
            }
            panic!("it was read in place");
        });
    }
}
