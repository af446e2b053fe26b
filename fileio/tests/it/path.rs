//! Paths.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path as StdPath,
    process::Command,
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, is_cancellation, move_on_after};
use anyio_fileio::{File, Path, PathError};
use anyio_streams::ByteSendError;

use crate::support::{fifo, folder, folders, kind, run};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn looks_tell_what_std_tells() {
    for (_folder, path) in folders() {
        fs::write(path.join("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", path.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", path.join("dangling")).unwrap();
        run(async {
            for name in ["file", "link", "dangling", "missing", "file/below", "."] {
                let path = path.join(name);
                for _ in 0..2 {
                    let (ours, std) = (path.metadata().await, fs::metadata(&path));
                    match (ours, std) {
                        (Ok(ours), Ok(std)) => assert_eq!((ours.ino(), ours.len()), (std.ino(), std.len())),
                        (ours, std) => assert_eq!(kind(ours), kind(std), "{path:?}"),
                    }
                    let (ours, std) = (path.symlink_metadata().await, fs::symlink_metadata(&path));
                    match (ours, std) {
                        (Ok(ours), Ok(std)) => assert_eq!((ours.ino(), ours.mode()), (std.ino(), std.mode())),
                        (ours, std) => assert_eq!(kind(ours), kind(std), "{path:?}"),
                    }
                    let std = path.as_std();
                    assert_eq!(path.exists().await?, std.exists(), "{path:?}");
                    assert_eq!(path.is_file().await?, std.is_file(), "{path:?}");
                    assert_eq!(path.is_dir().await?, std.is_dir(), "{path:?}");
                    assert_eq!(path.is_symlink().await?, std.is_symlink(), "{path:?}");
                }
            }
            Ok(())
        });
    }
}

#[test]
fn contents_of_all_sizes_are_read_whole() {
    for (_folder, path) in folders() {
        run(async {
            for size in [0, 1, 4096, 524_287, 524_288, 524_289, 3_000_000] {
                let data: Vec<u8> = (0..size).map(|at| (at / 99) as u8).collect();
                path.join("file").write(&data).await?;
                assert!(path.join("file").read().await? == data, "of {size}");
            }
            Ok(())
        });
    }
    run(async {
        assert!(Path::new("/proc/self/maps").read_to_string().await?.len() > 100);
        assert!(Path::new("/proc/self/cmdline").read().await?.len() > 3);
        Ok(())
    });
}

#[test]
fn changes_change() {
    for (_folder, path) in folders() {
        run(async {
            let (a, b) = (path.join("a"), path.join("b"));
            a.touch().await?;
            assert_eq!(a.read().await?, b"");
            let before = a.metadata().await?.mtime_nsec();
            fs::File::options().write(true).open(&a)?.set_modified(std::time::UNIX_EPOCH)?;
            a.touch().await?;
            assert!(a.metadata().await?.mtime() > 0, "{before}");
            a.write("text").await?;
            assert_eq!(a.copy(&b).await?, 4);
            a.rename(&b).await?;
            assert!(!a.exists().await?);
            b.hard_link(&a).await?;
            assert!(a.same_file(&b).await?);
            // Roots of file systems, with the same number on each.
            assert!(!Path::new("/proc").same_file("/sys").await?);
            path.join("link").symlink_to("b").await?;
            assert_eq!(path.join("link").read_link().await?, *StdPath::new("b"));
            assert_eq!(path.join("link").canonicalize().await?, b.canonicalize().await?);
            a.set_permissions(fs::Permissions::from_mode(0o600)).await?;
            assert_eq!(a.metadata().await?.mode() & 0o777, 0o600);
            let of = a.metadata().await?;
            a.chown(Some(of.uid()), Some(of.gid())).await?;
            a.remove_file().await?;
            path.join("x/y").create_dir_all().await?;
            path.join("x/y").create_dir_all().await?;
            assert_eq!(kind(path.join("x").create_dir().await), io::ErrorKind::AlreadyExists);
            assert_eq!(kind(path.join("x").remove_dir().await), io::ErrorKind::DirectoryNotEmpty);
            path.join("x").remove_dir_all().await?;
            assert!(!path.join("x").exists().await?);
            Ok(())
        });
    }
}

#[test]
fn a_touch_follows_a_link_that_leads_nowhere() {
    let (_folder, path) = folder();
    std::os::unix::fs::symlink("new", path.join("link")).unwrap();
    run(async {
        path.join("link").touch().await?;
        assert!(path.join("link").is_symlink().await? && path.join("new").is_file().await?);
        assert_eq!(kind(path.join("missing/new").touch().await), io::ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn a_copy_onto_itself_is_refused_and_leaves_the_content() {
    let (_folder, path) = folder();
    run(async {
        path.join("a").write("text").await?;
        path.join("a").hard_link(path.join("b")).await?;
        path.join("link").symlink_to("a").await?;
        for to in ["a", "b", "link"] {
            assert_eq!(kind(path.join("a").copy(path.join(to)).await), io::ErrorKind::InvalidInput, "{to}");
        }
        assert_eq!(path.join("a").read().await?, b"text");
        Ok(())
    });
}

#[test]
fn errors_tell_both_paths_and_the_number() {
    let (_folder, path) = folder();
    run(async {
        let error = path.join("from").rename(path.join("to")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let text = error.to_string();
        assert!(text.starts_with("cannot rename") && text.contains("from") && text.contains("to"), "{text}");
        let told = error.get_ref().unwrap().downcast_ref::<PathError>().unwrap();
        assert_eq!(told.raw_os_error(), Some(2));
        assert_eq!(told.path(), &path.join("from"));
        assert_eq!(told.other(), Some(&path.join("to")));
        let error = Path::new("/dev/full").write("x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.get_ref().unwrap().downcast_ref::<PathError>().unwrap().raw_os_error(), Some(28));
        Ok(())
    });
}

/// What `stat` says, by a format of its own.
fn by_stat(format: &str, path: &Path) -> String {
    let output = Command::new("stat").args(["-L", "-c", format]).arg(path.as_std()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn owners_and_groups_have_names() {
    let (_folder, path) = folder();
    std::os::unix::fs::symlink("/proc", path.join("link")).unwrap();
    run(async {
        for path in [Path::new("/proc"), path.join("link"), path.clone()] {
            assert_eq!(path.owner().await?, by_stat("%U", &path));
            assert_eq!(path.group().await?, by_stat("%G", &path));
        }
        assert_eq!(kind(path.join("missing").owner().await), io::ErrorKind::NotFound);
        if rustix::process::geteuid().is_root() {
            path.chown(Some(987_654), Some(987_654)).await?;
            for error in [path.owner().await.unwrap_err(), path.group().await.unwrap_err()] {
                assert_eq!(error.kind(), io::ErrorKind::NotFound);
                assert!(error.to_string().contains("987654 has no name"), "{error}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_place_where_something_is_mounted_is_told() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), "").unwrap();
    std::os::unix::fs::symlink("/", path.join("link")).unwrap();
    run(async {
        for place in ["/", "/proc", "/proc/../proc"] {
            assert!(Path::new(place).is_mount().await?, "{place}");
        }
        for place in [Path::new("/proc/self"), path.clone(), path.join("file"), path.join("link"), path.join("missing")]
        {
            assert!(!place.is_mount().await?, "{place:?}");
        }
        Ok(())
    });
}

#[test]
fn a_fifo_is_read_to_its_end() {
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::write(fifo, "through a fifo").unwrap()
    });
    assert_eq!(run(Path::new(fifo).read_to_string()), "through a fifo");
    writer.join().unwrap();
}

#[test]
fn a_write_to_a_fifo_waits_for_a_reader_and_can_be_cancelled() {
    let (_folder, path) = folder();
    let fifo = Path::new(fifo(&path));
    run(async {
        assert_eq!(move_on_after(SOON, fifo.write("x")).await?, None, "there is no reader");
        let reader = File::open(&fifo).await?;
        let large = vec![7; 1 << 20];
        let error = CancelScope::after(SOON).enter(fifo.write(&large)).await.unwrap_err();
        assert!(is_cancellation(&error), "it is full: {error:?}");
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await?;
        let sent = error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent;
        assert_eq!(bytes.len(), sent, "what went out is told");
        fifo.write("text").await?;
        reader.read_exact(&mut bytes[..4]).await?;
        assert_eq!(&bytes[..4], b"text");
        Ok(())
    });
}

#[test]
fn a_fifo_is_not_copied() {
    let (_folder, path) = folder();
    let fifo = Path::new(fifo(&path));
    run(async {
        path.join("file").write("text").await?;
        assert_eq!(kind(fifo.copy(path.join("new")).await), io::ErrorKind::InvalidInput);
        assert_eq!(kind(path.join("file").copy(&fifo).await), io::ErrorKind::InvalidInput);
        assert!(!path.join("new").exists().await?);
        assert_eq!(path.join("file").copy("/dev/null").await?, 4);
        Ok(())
    });
}

#[test]
fn special_files_are_told_apart() {
    let (_folder, path) = folder();
    let fifo = Path::new(fifo(&path));
    let _socket = std::os::unix::net::UnixListener::bind(path.join("socket")).unwrap();
    run(async {
        assert!(fifo.is_fifo().await? && !fifo.is_file().await?);
        assert!(path.join("socket").is_socket().await?);
        assert!(path.join("socket").write("x").await.is_err(), "nobody opens a socket");
        assert!(path.join("socket").read().await.is_err());
        assert!(Path::new("/dev/null").is_char_device().await?);
        assert!(!Path::new("/dev/null").is_block_device().await?);
        assert!(!path.join("missing").is_fifo().await?);
        Ok(())
    });
}
