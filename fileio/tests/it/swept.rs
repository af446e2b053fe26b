//! Cancellation at every point: nothing is lost, nothing is left behind, and what says that it was cancelled did nothing.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fs,
    future::Future,
    io::{self, SeekFrom},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path as StdPath, PathBuf},
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, sleep};
use anyio_fileio::{
    File, FileReadStream, FileWriteStream, NamedTemporaryFile, OpenOptions, SpooledTemporaryFile, TemporaryDirectory,
    temporary_file,
};
use anyio_streams::ByteSendError;
use anyio_task_group::task_group;
use anyio_testing::at_end;

use crate::support::{fifo, folder, folders, forget};

/// Runs what the sweep cancels. Tests go on after it.
async fn work(work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    CancelScope::new().named("work").run(work).await.map(drop)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// How much went out, whether all of it did or not.
fn sent(written: &io::Result<()>, all: usize) -> usize {
    match written {
        Ok(()) => all,
        Err(error) => {
            error.get_ref().and_then(|inside| inside.downcast_ref::<ByteSendError>()).expect("it tells how much").sent
        }
    }
}

/// What stands in a folder and below it, with what it says.
fn snapshot(folder: &StdPath) -> BTreeMap<PathBuf, String> {
    fn look(folder: &StdPath, root: &StdPath, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let of = fs::symlink_metadata(&path).unwrap();
            let says = if of.is_dir() {
                look(&path, root, found);
                "a folder".into()
            } else if of.is_symlink() {
                format!("a link to {:?}", fs::read_link(&path).unwrap())
            } else {
                format!("{:o} {}", of.permissions().mode(), fs::read_to_string(&path).unwrap())
            };
            found.insert(path.strip_prefix(root).unwrap().to_path_buf(), says);
        }
    }
    let mut found = BTreeMap::new();
    look(folder, folder, &mut found);
    found
}

/// How many files below that folder this process has open.
fn open_below(folder: &StdPath) -> usize {
    let fds: Vec<_> = fs::read_dir("/proc/self/fd").unwrap().flatten().collect();
    fds.iter().filter_map(|fd| fs::read_link(fd.path()).ok()).filter(|path| path.starts_with(folder)).count()
}

// H6
#[anyio_testing::test(cancel_sweep = "work")]
async fn what_a_cancelled_write_did_not_write_can_be_written_after_it() -> io::Result<()> {
    for (_folder, path) in folders() {
        let (path, data) = (path.join("file"), pattern(2_500_000));
        let file = File::create(&path).await?;
        let mut at = 0;
        work(async {
            for piece in data.chunks(400_000) {
                let written = file.write_all(piece).await;
                at += sent(&written, piece.len());
                written?;
                if at == 800_000 {
                    file.flush().await?;
                }
            }
            file.sync_data().await
        })
        .await?;
        file.write_all(&data[at..]).await?;
        file.close().await?;
        assert!(fs::read(&path)? == data, "cancelled after {at} bytes");
    }
    Ok(())
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn what_was_read_before_the_cancellation_and_after_it_is_everything() -> io::Result<()> {
    for (_folder, path) in folders() {
        let (path, data) = (path.join("file"), pattern(900_000));
        fs::write(&path, &data)?;
        forget(&path);
        let file = File::open(&path).await?;
        let mut got = Vec::new();
        work(async {
            let mut buf = [0; 10_000];
            let count = file.read(&mut buf).await?;
            got.extend_from_slice(&buf[..count]);
            file.read_exact(&mut buf[..777]).await?;
            got.extend_from_slice(&buf[..777]);
            let at = file.tell().await?;
            assert_eq!(at, got.len() as u64);
            assert_eq!(file.read_at(&mut buf, 5).await?, buf.len());
            assert_eq!(buf, data[5..10_005]);
            let mut text = String::new();
            let no_text = file.read_to_string(&mut text).await.unwrap_err();
            if no_text.kind() != io::ErrorKind::InvalidData {
                return Err(no_text);
            }
            assert_eq!(text, "");
            file.read_to_end(&mut got).await?;
            Ok(())
        })
        .await?;
        file.read_to_end(&mut got).await?;
        assert!(got == data, "{} of {} bytes, or others", got.len(), data.len());
    }
    Ok(())
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn a_fifo_gives_everything_to_who_reads_after_a_cancelled_reader() -> io::Result<()> {
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    let reader = File::open(&fifo).await?;
    let writer = OpenOptions::new().write(true).open(&fifo).await?;
    let (data, got) = (pattern(150_000), Cell::new(Vec::new()));
    let (data, got, mut told) = (&data, &got, 0);
    task_group(async |tg| -> io::Result<()> {
        let told = &mut told;
        tg.start_soon(async move {
            work(async {
                for piece in data.chunks(70_000) {
                    let written = writer.write_all(piece).await;
                    *told += sent(&written, piece.len());
                    written?;
                }
                Ok(())
            })
            .await?;
            writer.write_all(&data[*told..]).await?;
            drop(writer);
            io::Result::Ok(())
        });
        let mut all = Vec::new();
        work(async {
            let mut buf = vec![0; 100_000];
            reader.read_exact(&mut buf).await?;
            all.extend_from_slice(&buf);
            let count = reader.read(&mut buf).await?;
            all.extend_from_slice(&buf[..count]);
            Ok(())
        })
        .await?;
        reader.read_to_end(&mut all).await?;
        got.set(all);
        Ok(())
    })
    .await?;
    let got = got.take();
    assert!(got == *data, "{} of {} bytes, or others", got.len(), data.len());
    Ok(())
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn every_line_comes_before_the_cancellation_or_after_it() -> io::Result<()> {
    let (_folder, path) = folder();
    let path = path.join("file");
    let text: String = (0..30_u32).map(|n| format!("{n} {}\n", "x".repeat(n as usize * 500))).collect();
    fs::write(&path, &text)?;
    forget(&path);
    let mut lines = File::open(&path).await?.into_lines();
    let mut found = Vec::new();
    work(async {
        while let Some(line) = lines.next().await? {
            found.push(line);
        }
        Ok(())
    })
    .await?;
    while let Some(line) = lines.next().await? {
        found.push(line);
    }
    assert!(found == text.lines().collect::<Vec<_>>(), "{} lines", found.len());
    Ok(())
}

// H1, H2
#[anyio_testing::test(cancel_sweep = "worker", schedules = 5)]
async fn the_others_get_the_file_when_one_of_them_is_cancelled_anywhere() -> io::Result<()> {
    let (_folder, path) = folder();
    let path = path.join("file");
    let file = File::create(&path).await?;
    task_group(async |tg| -> io::Result<()> {
        for task in 0..4_u8 {
            let file = &file;
            tg.start_soon(async move {
                let piece = vec![task; 300_000];
                let write = async {
                    for _ in 0..3 {
                        file.write_all(&piece).await?;
                    }
                    file.flush().await
                };
                if task == 1 { CancelScope::new().named("worker").run(write).await.map(drop) } else { write.await }
            });
        }
        Ok(())
    })
    .await?;
    file.close().await?;
    let mut counts = [0; 4];
    fs::read(&path)?.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    assert!(counts[1] <= 900_000 && counts == [900_000, counts[1], 900_000, 900_000], "{counts:?}");
    Ok(())
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn a_change_that_says_it_was_cancelled_did_nothing() -> io::Result<()> {
    let ((_here, here), (_there, there)) = (folder(), folder());
    let private = || fs::Permissions::from_mode(0o600);
    let done = Cell::new(0);
    // Each by us, and by std.
    macro_rules! program {
        ($($ours:expr => $std:expr;)*) => {
            work(async {
                $($ours.await?; done.set(done.get() + 1);)*
                Ok(())
            }).await?;
            let mut left = done.get();
            $(if left > 0 { left -= 1; $std?; })*
            assert_eq!(left, 0);
        };
    }
    let of = |name| here.join(name);
    let std = |name| there.to_path_buf().join(name);
    program! {
        of("a").touch() => fs::write(std("a"), "");
        of("a").write("one") => fs::write(std("a"), "one");
        of("a").write_atomic("two") => fs::write(std("a"), "two");
        of("new").write_atomic("new") => fs::write(std("new"), "new");
        of("a").copy(of("b")) => fs::copy(std("a"), std("b")).map(drop);
        of("b").rename(of("c")) => fs::rename(std("b"), std("c"));
        of("c").hard_link(of("d")) => fs::hard_link(std("c"), std("d"));
        of("link").symlink_to("a") => symlink("a", std("link"));
        of("link").write_atomic("three") => fs::write(std("a"), "three");
        of("c").set_permissions(private()) => fs::set_permissions(std("c"), private());
        of("x").create_dir() => fs::create_dir(std("x"));
        of("y/z").create_dir_all() => fs::create_dir_all(std("y/z"));
        of("d").remove_file() => fs::remove_file(std("d"));
        of("x").remove_dir() => fs::remove_dir(std("x"));
        of("y").remove_dir_all() => fs::remove_dir_all(std("y"));
    }
    assert_eq!(snapshot(here.as_std()), snapshot(there.as_std()), "after {} changes", done.get());
    Ok(())
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn every_entry_comes_before_the_cancellation_or_after_it() -> io::Result<()> {
    let (_folder, path) = folder();
    let mut expected = BTreeSet::new();
    for folder in 0..3 {
        let folder = path.join(format!("{folder}"));
        fs::create_dir(&folder)?;
        expected.extend((0..20).map(|n| folder.join(format!("{n}.txt")).to_path_buf()));
    }
    expected.iter().try_for_each(|path| fs::write(path, ""))?;
    let (mut walk, mut glob) = (path.walk().max_depth(2), path.glob("*/*.txt")?);
    let (mut walked, mut matched, mut read) = (Vec::new(), Vec::new(), Vec::new());
    let mut entries = path.join("1").read_dir().await?;
    for cancelled in [true, false] {
        let all = async {
            while let Some(entry) = walk.next().await? {
                if entry.file_type().is_file() {
                    walked.push(entry.path().to_path_buf());
                }
            }
            while let Some(entry) = glob.next().await? {
                matched.push(entry.path().to_path_buf());
            }
            while let Some(entry) = entries.next().await? {
                read.push(entry.path().to_path_buf());
            }
            Ok(())
        };
        if cancelled { work(all).await? } else { all.await? }
    }
    read.sort();
    assert!(read.iter().eq(expected.iter().filter(|file| file.starts_with(path.join("1")))), "{read:?}");
    for mut found in [walked, matched] {
        found.sort();
        assert!(found.iter().eq(&expected), "{found:?}");
    }
    Ok(())
}

#[anyio_testing::test(cancel_sweep)]
async fn nothing_temporary_is_left_wherever_it_is_cancelled() -> io::Result<()> {
    let (folder, path) = folder();
    at_end(move || {
        assert_eq!(snapshot(folder.path()), BTreeMap::new());
        assert_eq!(open_below(folder.path()), 0);
    });
    let named = NamedTemporaryFile::new_in(&path).await?;
    named.write_all(b"text").await?;
    let directory = TemporaryDirectory::new_in(&path).await?;
    directory.path().join("file").write("text").await?;
    let inner = NamedTemporaryFile::new_in(directory.path()).await?;
    inner.write_all(&vec![7; 700_000]).await?;
    inner.close().await?;
    named.flush().await?;
    directory.cleanup().await?;
    named.close().await
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn a_spooled_file_holds_what_it_said_it_took() -> io::Result<()> {
    let mut file = SpooledTemporaryFile::new(10);
    let mut expected = Vec::new();
    work(async {
        for piece in [&b"small"[..], b"more than fits", b"on the disk"] {
            let written = file.write_all(piece).await;
            expected.extend_from_slice(&piece[..sent(&written, piece.len())]);
            written?;
        }
        file.rollover().await
    })
    .await?;
    file.rollover().await?;
    assert_eq!(file.tell().await?, expected.len() as u64);
    file.seek(SeekFrom::Start(0)).await?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await?;
    assert_eq!(bytes, expected);
    Ok(())
}

#[anyio_testing::test(cancel_sweep)]
async fn no_file_stays_open_wherever_it_is_cancelled() -> io::Result<()> {
    let (folder, path) = folder();
    let fifo = fifo(&path);
    at_end(move || assert_eq!(open_below(folder.path()), 0));
    let file = File::create(path.join("file")).await?;
    file.write_all(&vec![7; 700_000]).await?;
    file.close().await?;
    let reader = FileReadStream::from_path(&fifo).await?;
    let writer = FileWriteStream::append(&fifo).await?;
    writer.send(b"text").await?;
    assert_eq!(reader.receive(&mut [0; 8]).await?, 4);
    assert_eq!(path.join("file").read().await?.len(), 700_000);
    path.join("file").canonicalize().await?;
    path.join("file").owner().await?;
    let file = temporary_file().await?;
    file.set_len(10).await?;
    assert_eq!(file.into_std().await?.metadata()?.len(), 10);
    writer.aclose().await
}

#[anyio_testing::test(cancel_sweep = "work")]
async fn who_was_cancelled_has_no_lock() -> io::Result<()> {
    let (_folder, path) = folder();
    let path = path.join("file");
    let (first, second, third) = (File::create(&path).await?, File::open(&path).await?, File::open(&path).await?);
    first.lock().await?;
    let mut locked = false;
    task_group(async |tg| -> io::Result<()> {
        let locked = &mut locked;
        tg.start_soon(async move {
            work(async {
                second.lock().await?;
                *locked = true;
                assert!(!third.try_lock()?);
                second.unlock()
            })
            .await?;
            if !*locked {
                // The first has it still, or nobody.
                sleep(Duration::from_secs(1)).await?;
                assert!(third.try_lock()?);
            }
            io::Result::Ok(())
        });
        sleep(Duration::from_millis(10)).await?;
        first.unlock()
    })
    .await
    .map(drop)
}
