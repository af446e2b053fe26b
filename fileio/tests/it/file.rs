//! Files: what the oracle does not say.

use std::{
    fs,
    io::{self, SeekFrom},
};

use anyio_fileio::{File, OpenOptions};
use anyio_streams::ByteSendError;
use anyio_sync::CapacityLimiter;
use anyio_task_group::gather;

use crate::support::{folder, folders, kind, run};

#[test]
fn a_missing_file_is_told_with_its_path_and_the_kind_of_std() {
    for (_folder, path) in folders() {
        run(async {
            for _ in 0..2 {
                let error = File::open(path.join("missing")).await.unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
                assert!(error.to_string().contains("missing"), "{error}");
            }
            Ok(())
        });
    }
}

#[test]
fn options_that_std_refuses_are_refused() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), "text").unwrap();
    run(async {
        let nothing = OpenOptions::new().open(path.join("file")).await;
        assert_eq!(kind(nothing), io::ErrorKind::InvalidInput);
        let truncating = OpenOptions::new().read(true).truncate(true).open(path.join("file")).await;
        assert_eq!(kind(truncating), io::ErrorKind::InvalidInput);
        let new = OpenOptions::new().write(true).create_new(true).open(path.join("file")).await;
        assert_eq!(kind(new), io::ErrorKind::AlreadyExists);
        let nul = File::open("a\0b").await;
        assert_eq!(kind(nul), io::ErrorKind::InvalidInput);
        Ok(())
    });
}

#[test]
fn a_folder_opens_and_cannot_be_read() {
    for (_folder, path) in folders() {
        run(async {
            let folder = File::open(&path).await?;
            assert_eq!(kind(folder.read(&mut [0; 8]).await), io::ErrorKind::IsADirectory);
            assert!(folder.metadata().await?.is_dir());
            folder.sync_all().await
        });
    }
}

#[test]
fn what_a_file_was_not_opened_for_is_an_error() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, "text").unwrap();
        run(async {
            let file = File::open(&path).await?;
            let error = file.write_all(b"more").await.unwrap_err();
            assert_eq!(error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent, 0);
            let file = OpenOptions::new().write(true).open(&path).await?;
            assert!(file.read(&mut [0; 4]).await.is_err());
            file.close().await
        });
        assert_eq!(fs::read(&path).unwrap(), b"text");
    }
}

#[test]
fn files_of_the_kernel_are_read_whole() {
    run(async {
        let file = File::open("/proc/self/status").await?;
        let mut text = String::new();
        file.read_to_string(&mut text).await?;
        assert!(text.contains("VmRSS"), "{text}");
        file.rewind().await?;
        let mut start = [0; 5];
        file.read_exact(&mut start).await?;
        assert_eq!(&start, b"Name:");
        Ok(())
    });
}

#[test]
fn what_is_no_utf8_is_an_error_and_can_be_read_as_bytes() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, b"ab\xff").unwrap();
        run(async {
            let file = File::open(&path).await?;
            let mut text = String::from("before");
            assert_eq!(kind(file.read_to_string(&mut text).await), io::ErrorKind::InvalidData);
            assert_eq!(text, "before");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).await?;
            assert_eq!(bytes, b"ab\xff");
            Ok(())
        });
    }
}

#[test]
fn what_was_put_back_is_ahead_of_the_position() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, b"ab\xffcd").unwrap();
        run(async {
            let file = OpenOptions::new().read(true).write(true).open(&path).await?;
            for _ in 0..2 {
                assert_eq!(kind(file.read_to_string(&mut String::new()).await), io::ErrorKind::InvalidData);
            }
            let mut one = [0; 1];
            file.read_exact(&mut one).await?;
            assert_eq!(kind(file.read_to_string(&mut String::new()).await), io::ErrorKind::InvalidData);
            file.write_all(b"X").await?;
            assert_eq!(file.tell().await?, 2);
            assert_eq!(kind(file.read_to_string(&mut String::new()).await), io::ErrorKind::InvalidData);
            assert_eq!(file.tell().await?, 2);
            assert_eq!(kind(file.read_to_string(&mut String::new()).await), io::ErrorKind::InvalidData);
            let mut rest = Vec::new();
            io::Read::read_to_end(&mut file.into_std().await?, &mut rest)?;
            assert_eq!(rest, b"\xffcd");
            Ok(())
        });
        assert_eq!(fs::read(&path).unwrap(), b"aX\xffcd");
    }
}

#[test]
fn an_end_that_comes_too_early_loses_nothing() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, b"abcdef").unwrap();
        run(async {
            let file = OpenOptions::new().read(true).write(true).open(&path).await?;
            assert_eq!(kind(file.read_exact(&mut [0; 7]).await), io::ErrorKind::UnexpectedEof);
            assert_eq!(file.read(&mut [0; 7]).await?, 0);
            assert_eq!(file.tell().await?, 6);
            Ok(())
        });
    }
}

#[test]
fn other_handles_see_what_was_flushed() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        run(async {
            let file = File::create(&path).await?;
            for byte in 0..100_u8 {
                file.write_all(&[byte]).await?;
            }
            file.flush().await?;
            assert_eq!(fs::read(&path)?.len(), 100);
            file.write_all(b"more").await?;
            assert_eq!(file.metadata().await?.len(), 104, "its own metadata knows what was written");
            let mut bytes = [0; 4];
            let both = OpenOptions::new().read(true).open(&path).await?;
            both.seek(SeekFrom::Start(100)).await?;
            both.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"more");
            Ok(())
        });
    }
}

#[test]
fn two_files_of_one_descriptor_keep_one_position() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, b"abcdef").unwrap();
        let std = fs::File::open(&path).unwrap();
        let other = std.try_clone().unwrap();
        run(async {
            let (file, other) = (File::wrap(std)?, File::wrap(other)?);
            let mut two = [0; 2];
            file.read_exact(&mut two).await?;
            other.read_exact(&mut two).await?;
            assert_eq!(&two, b"cd");
            let std = file.into_std().await?;
            let mut rest = String::new();
            io::Read::read_to_string(&mut &std, &mut rest)?;
            assert_eq!(rest, "ef");
            Ok(())
        });
    }
}

#[test]
fn a_wrapped_file_leaves_to_others_what_it_was_not_asked_for() {
    // Of sysfs, which has no reads that refuse to wait: each is a job, and many a job reads ahead.
    let std = fs::File::open("/sys/devices/system/cpu/online").unwrap();
    let whole = fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    let other = std.try_clone().unwrap();
    run(async {
        let mut some = [0; 1];
        File::wrap(std)?.read_exact(&mut some).await?;
        let rest = io::read_to_string(other)?;
        assert_eq!(String::from_utf8_lossy(&some) + &*rest, whole);
        Ok(())
    });
}

#[test]
fn into_std_writes_what_was_collected() {
    let (_folder, path) = folder();
    run(async {
        let file = File::create(path.join("file")).await?;
        file.write_all(b"abc").await?;
        let mut std = file.into_std().await?;
        io::Write::write_all(&mut std, b"def")
    });
    assert_eq!(fs::read(path.join("file")).unwrap(), b"abcdef");
}

#[test]
fn tasks_that_write_through_one_file_do_not_mix_their_writes() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        run(async {
            let file = File::create(&path).await?;
            let file = &file;
            gather((0..8_u8).map(|task| async move {
                for _ in 0..50 {
                    file.write_all(&[task; 10_000]).await?;
                }
                io::Result::Ok(())
            }))
            .await?;
            file.flush().await
        });
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 8 * 50 * 10_000);
        let mut counts = [0; 8];
        for piece in bytes.chunks(10_000) {
            assert!(piece.iter().all(|byte| *byte == piece[0]), "a write was torn");
            counts[piece[0] as usize] += 1;
        }
        assert_eq!(counts, [50; 8]);
    }
}

#[test]
fn readers_at_offsets_go_side_by_side_with_writers() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, vec![0; 80_000]).unwrap();
        run(async {
            let file = OpenOptions::new().read(true).write(true).open(&path).await?;
            let file = &file;
            gather((0..8_u8).map(|task| async move {
                let at = u64::from(task) * 10_000;
                for round in 1..20_u8 {
                    let data = [round; 10_000];
                    let mut written = 0;
                    while written < data.len() {
                        written += file.write_at(&data[written..], at + written as u64).await?;
                    }
                    let mut back = [0; 10_000];
                    assert_eq!(file.read_at(&mut back, at).await?, back.len());
                    assert_eq!(back, data);
                }
                io::Result::Ok(())
            }))
            .await?;
            assert_eq!(file.tell().await?, 0);
            Ok(())
        });
    }
}

#[test]
fn what_goes_to_an_offset_comes_after_what_was_written_before() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        run(async {
            let file = OpenOptions::new().read(true).write(true).create(true).open(&path).await?;
            file.write_all(b"abcdef").await?;
            let mut bytes = [0; 8];
            assert_eq!(file.read_at(&mut bytes, 2).await?, 4);
            assert_eq!(&bytes[..4], b"cdef");
            file.write_all(b"ghi").await?;
            assert_eq!(file.write_at(b"GH", 6).await?, 2);
            file.write_all(b"jkl").await?;
            file.close().await
        });
        assert_eq!(fs::read(&path).unwrap(), b"abcdefGHijkl");
    }
}

#[test]
fn an_offset_that_no_file_has_is_refused() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), "text").unwrap();
    run(async {
        let file = File::open(path.join("file")).await?;
        assert_eq!(kind(file.read_at(&mut [0; 4], u64::MAX).await), io::ErrorKind::InvalidInput);
        assert_eq!(file.tell().await?, 0);
        Ok(())
    });
}

#[test]
fn jobs_of_a_file_take_tokens_of_its_own_limiter() {
    let (_folder, path) = folder();
    let limiter = CapacityLimiter::new(1);
    run(async {
        let file = OpenOptions::new().write(true).create(true).limiter(&limiter).open(path.join("file")).await?;
        file.write_all(b"text").await?;
        let token = limiter.try_acquire().unwrap();
        let scope = anyio_cancel_scope::CancelScope::after(std::time::Duration::from_millis(20));
        assert!(scope.enter(file.sync_all()).await.is_err(), "it needs a token");
        drop(token);
        file.sync_all().await?;
        assert_eq!(limiter.borrowed_tokens(), 0);
        file.close().await?;
        let file = File::wrap(fs::File::create(path.join("file"))?)?.with_limiter(&limiter);
        let _token = limiter.try_acquire().unwrap();
        let scope = anyio_cancel_scope::CancelScope::after(std::time::Duration::from_millis(20));
        assert!(scope.enter(file.sync_all()).await.is_err(), "it needs a token");
        Ok(())
    });
}

#[test]
fn an_empty_buffer_reads_nothing_and_an_empty_write_writes_nothing() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), "text").unwrap();
    run(async {
        let file = OpenOptions::new().read(true).write(true).open(path.join("file")).await?;
        assert_eq!(file.read(&mut []).await?, 0);
        assert_eq!(file.write(&[]).await?, 0);
        file.read_exact(&mut []).await?;
        file.write_all(&[]).await?;
        assert_eq!(file.tell().await?, 0);
        Ok(())
    });
}
