//! Cancellation: nothing happens on entry (R4), nothing is lost on the way, a file is closed on every way out.

use std::{
    fs::{self, FileTimes},
    future::{Future, poll_fn},
    io::{self, SeekFrom},
    os::unix::fs::{FileExt, PermissionsExt},
    task::Poll,
};

use anyio_cancel_scope::{CancelScope, is_cancellation, shield};
use anyio_fileio::{File, OpenOptions};
use anyio_future_contract::Polled;
use anyio_streams::ByteSendError;

use crate::support::{cancelled, folder, folders, forget, run};

#[test]
fn no_operation_of_a_file_does_anything_in_a_cancelled_scope() {
    // R4
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, "abcdef").unwrap();
        cancelled(File::open(&path));
        cancelled(File::create(&path));
        cancelled(OpenOptions::new().write(true).create(true).open(path.with_extension("new")));
        assert!(!path.with_extension("new").as_std().exists());
        let file = run(OpenOptions::new().read(true).write(true).open(&path));
        let mut bytes = [0; 4];
        cancelled(file.read(&mut bytes));
        cancelled(file.read_exact(&mut bytes));
        cancelled(file.read_to_end(&mut Vec::new()));
        cancelled(file.read_to_string(&mut String::new()));
        cancelled(file.read_at(&mut bytes, 0));
        cancelled(file.write(b"x"));
        cancelled(file.write_all(b"x"));
        cancelled(file.write_at(b"x", 0));
        cancelled(file.flush());
        cancelled(file.seek(SeekFrom::Start(3)));
        cancelled(file.tell());
        cancelled(file.rewind());
        cancelled(file.set_len(0));
        cancelled(file.sync_all());
        cancelled(file.sync_data());
        cancelled(file.metadata());
        cancelled(file.set_permissions(fs::Permissions::from_mode(0o600)));
        cancelled(file.set_times(FileTimes::new()));
        cancelled(file.lock());
        cancelled(file.lock_shared());
        cancelled(file.lines().next());
        cancelled(async { file.lines().next_bytes().await.map(drop) });
        assert_eq!(run(file.tell()), 0);
        assert_eq!(fs::read(&path).unwrap(), b"abcdef");
        cancelled(file.close());
    }
}

#[test]
fn no_operation_of_a_path_does_anything_in_a_cancelled_scope() {
    // R4
    for (_folder, folder) in folders() {
        let path = folder.join("file");
        fs::write(&path, "abcdef").unwrap();
        cancelled(path.exists());
        cancelled(path.is_file());
        cancelled(path.metadata());
        cancelled(path.symlink_metadata());
        cancelled(path.is_mount());
        cancelled(path.owner());
        cancelled(path.group());
        cancelled(path.same_file(&path));
        cancelled(path.read());
        cancelled(path.read_to_string());
        cancelled(path.write("x"));
        cancelled(path.write_atomic("x"));
        cancelled(path.touch());
        cancelled(path.remove_file());
        cancelled(path.rename(folder.join("other")));
        cancelled(path.copy(folder.join("other")));
        cancelled(path.hard_link(folder.join("other")));
        cancelled(folder.join("link").symlink_to(&path));
        cancelled(path.read_link());
        cancelled(path.canonicalize());
        cancelled(path.set_permissions(fs::Permissions::from_mode(0o000)));
        cancelled(path.chown(None, None));
        cancelled(folder.join("sub").create_dir());
        cancelled(folder.join("sub/sub").create_dir_all());
        cancelled(folder.remove_dir());
        cancelled(folder.remove_dir_all());
        cancelled(folder.read_dir());
        cancelled(async { folder.walk().next().await });
        cancelled(async { folder.glob("*")?.next().await });
        assert_eq!(fs::read_dir(folder.as_std()).unwrap().count(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"abcdef");
    }
}

#[test]
fn a_cancelled_write_tells_how_much_was_written() {
    // H6
    for (_folder, path) in folders() {
        let path = path.join("file");
        let scope = CancelScope::new();
        let data = vec![7; 20_000_000];
        let sent = run(async {
            let file = File::create(&path).await?;
            let error = scope
                .enter(async {
                    let mut write = Box::pin(file.write_all(&data));
                    let mut polls = 0;
                    poll_fn(|cx| {
                        polls += 1;
                        if polls == 3 {
                            scope.cancel();
                        }
                        write.as_mut().poll(cx)
                    })
                    .await
                })
                .await
                .expect_err("so much is not written in three polls");
            assert!(is_cancellation(&error), "{error:?}");
            let sent = error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent;
            // What was written goes on from there.
            file.write_all(&data[sent..]).await?;
            file.close().await?;
            Ok(sent)
        });
        assert!(sent > 0 && sent < data.len(), "{sent}");
        assert_eq!(fs::read(&path).unwrap(), data);
    }
}

/// Polls an operation so many times, drops it, and tells whether it was ready before.
fn dropped_after<T>(polls: usize, operation: impl Future<Output = T>) -> bool {
    let mut operation = Polled::new(operation);
    (0..polls).any(|_| matches!(operation.poll(), Poll::Ready(_)))
}

#[test]
fn a_read_that_is_dropped_at_any_step_loses_nothing() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        let content: Vec<u8> = (0..300_000_u32).map(|at| (at / 100) as u8).collect();
        fs::write(&path, &content).unwrap();
        for polls in 0..4 {
            run(async {
                // Not in the page cache: the read has to wait.
                let std = fs::File::open(&path)?;
                std.sync_all()?;
                rustix::fs::fadvise(&std, 0, None, rustix::fs::Advice::DontNeed)?;
                let file = File::open(&path).await?;
                let mut buf = vec![0; 1000];
                let before = if dropped_after(polls, file.read(&mut buf)) { 1000 } else { 0 };
                let mut rest = Vec::new();
                file.read_to_end(&mut rest).await?;
                assert_eq!(rest, content[before..], "dropped after {polls} polls");
                Ok(())
            });
        }
    }
}

#[test]
fn a_read_that_is_cancelled_between_two_pieces_loses_neither() {
    let (_folder, path) = folder();
    let path = path.join("file");
    let content: Vec<u8> = (0..400_000_u32).map(|at| (at / 100) as u8).collect();
    fs::write(&path, &content).unwrap();
    for _ in 0..20 {
        forget(&path);
        // Its beginning is cached, and the rest is not.
        let std = fs::File::open(&path).unwrap();
        rustix::fs::fadvise(&std, 0, None, rustix::fs::Advice::Random).unwrap();
        std.read_exact_at(&mut [0; 40_960], 0).unwrap();
        run(async {
            let (file, scope) = (File::open(&path).await?, CancelScope::new());
            let mut whole = vec![0; content.len()];
            let mut read = Polled::new(scope.enter(file.read_exact(&mut whole)));
            let first = read.poll();
            scope.cancel();
            let done = match first {
                Poll::Ready(done) => done,
                Poll::Pending => read.assert_ready(),
            };
            drop(read);
            if done.is_err() {
                whole.clear();
                file.read_to_end(&mut whole).await?;
            }
            assert!(whole == content, "{} of {} bytes, or others", whole.len(), content.len());
            Ok(())
        });
    }
}

#[test]
fn a_write_after_a_read_that_was_dropped_goes_where_the_position_was() {
    let (_folder, path) = folder();
    let path = path.join("file");
    for polls in 0..3 {
        fs::write(&path, [7; 100_000]).unwrap();
        run(async {
            let file = OpenOptions::new().read(true).write(true).open(&path).await?;
            forget(&path);
            let mut buf = [0; 8];
            let done = dropped_after(polls, file.read(&mut buf));
            file.write_all(b"XY").await?;
            file.flush().await?;
            let at = if done { 8 } else { 0 };
            let mut expected = vec![7; 100_000];
            expected[at..at + 2].copy_from_slice(b"XY");
            assert!(fs::read(&path)? == expected, "dropped after {polls} polls");
            Ok(())
        });
    }
}

#[test]
fn a_change_that_has_begun_is_waited_for_in_a_cancelled_scope() {
    // T1
    for (_folder, path) in folders() {
        let (from, to) = (path.join("from"), path.join("to"));
        fs::write(&from, vec![7; 64 << 20]).unwrap();
        let scope = CancelScope::new();
        let copied = run(async {
            let mut copy = Box::pin(scope.enter(from.copy(&to)));
            let mut begun = false;
            poll_fn(|cx| {
                let polled = copy.as_mut().poll(cx);
                if polled.is_pending() && !begun {
                    // Its thread has made the file.
                    while !to.as_std().exists() {
                        std::thread::yield_now();
                    }
                    begun = true;
                    scope.cancel();
                    return copy.as_mut().poll(cx);
                }
                polled
            })
            .await
        });
        assert_eq!(copied, 64 << 20);
        assert_eq!(fs::metadata(&to).unwrap().len(), 64 << 20);
    }
}

#[test]
fn an_operation_that_is_dropped_at_any_step_leaves_the_file_in_order() {
    let (_folder, path) = folder();
    for polls in 0..4 {
        let path = path.join(polls.to_string());
        run(async {
            let file = OpenOptions::new().read(true).write(true).create(true).open(&path).await?;
            file.write_all(b"first").await?;
            dropped_after(polls, file.flush());
            dropped_after(polls, file.sync_all());
            dropped_after(polls, file.metadata());
            dropped_after(polls, file.seek(SeekFrom::Start(0)));
            dropped_after(polls, file.read_at(&mut [0; 5], 0));
            file.seek(SeekFrom::End(0)).await?;
            file.write_all(b"second").await?;
            dropped_after(polls, file.close());
            Ok(())
        });
        assert_eq!(fs::read(&path).unwrap(), b"firstsecond", "dropped after {polls} polls");
    }
}

#[test]
fn a_file_in_a_cancelled_scope_is_closed_and_written() {
    let (_folder, path) = folder();
    let path = path.join("file");
    let scope = CancelScope::new();
    let open_before = fs::read_dir("/proc/self/fd").unwrap().count();
    let result: io::Result<Option<()>> = futures_lite::future::block_on(scope.run(async {
        let file = File::create(&path).await?;
        file.write_all(b"text").await?;
        scope.cancel();
        file.close().await
    }));
    assert!(matches!(result, Ok(None)));
    assert_eq!(fs::read(&path).unwrap(), b"text");
    // Other tests open files meanwhile, but none of ours stays.
    let fds: Vec<_> = fs::read_dir("/proc/self/fd").unwrap().flatten().collect();
    let ours = fds.iter().filter_map(|fd| fs::read_link(fd.path()).ok()).filter(|to| to == path.as_std()).count();
    assert_eq!(ours, 0, "of {open_before}");
}

#[test]
fn a_shield_lets_a_file_be_closed_in_a_cancelled_scope() {
    let (_folder, path) = folder();
    let path = path.join("file");
    let scope = CancelScope::new();
    let closed = futures_lite::future::block_on(scope.enter(async {
        let file = File::create(&path).await?;
        file.write_all(b"text").await?;
        scope.cancel();
        shield(file.close()).await
    }));
    closed.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"text");
}
