//! What the system refuses.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::{Command, Output},
};

use anyio_fileio::{File, OpenOptions, Path, PathError};
use anyio_streams::ByteSendError;
use rustix::process::{Resource, Rlimit};

use crate::support::{folder, folders, kind, not_tried, run};

#[test]
fn a_full_device_is_told() {
    run(async {
        let full = OpenOptions::new().write(true).open("/dev/full").await?;
        assert_eq!(kind(full.write_all(b"x").await), io::ErrorKind::StorageFull);
        Ok(())
    });
}

/// Runs a test of this binary again, by a shell that prepares it and then has `$TEST` run it.
fn again(test: &str, shell: &mut Command, prepare: &str) -> Output {
    let run = format!("{} --exact {test} --nocapture", std::env::current_exe().unwrap().display());
    shell.args(["sh", "-c", &format!("{prepare} ANYIO_AGAIN=1 exec {run}")]).output().unwrap()
}

#[track_caller]
fn passed(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn is_again() -> bool {
    std::env::var_os("ANYIO_AGAIN").is_some()
}

/// Where there is less than a megabyte of room: what went out is told, and is there.
fn what_does_not_fit_is_told(folder: &Path, expected: io::ErrorKind) {
    run(async {
        let path = folder.join("file");
        let file = OpenOptions::new().read(true).write(true).create(true).open(&path).await?;
        let data: Vec<u8> = (0..2_000_000_u32).map(|at| (at / 99) as u8).collect();
        let written = file.write_all(&data).await;
        let error = match written {
            // What is collected is refused later.
            Ok(()) => file.flush().await.unwrap_err(),
            Err(error) => {
                let sent = error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent;
                assert!(fs::metadata(&path)?.len() <= sent as u64, "no more than was told");
                error
            }
        };
        assert_eq!(error.kind(), expected, "{error:?}");
        let there = fs::read(&path)?;
        assert!(!there.is_empty() && data.starts_with(&there));
        assert_eq!(kind(path.write(&data).await), expected);
        assert_eq!(kind(folder.join("new").write_atomic(&data).await), expected);
        assert_eq!(fs::read_dir(folder)?.count(), 1, "the temporary file is gone");
        Ok(())
    });
}

#[test]
fn a_file_that_may_not_be_so_large_keeps_what_fits() {
    let test = "limits::a_file_that_may_not_be_so_large_keeps_what_fits";
    if !is_again() {
        return passed(&again(test, &mut Command::new("env"), "trap '' XFSZ; ulimit -f 1000;"));
    }
    for (_folder, path) in folders() {
        what_does_not_fit_is_told(&path, io::ErrorKind::FileTooLarge);
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_nothing_is_lost() {
    let test = "limits::a_disk_that_is_full_is_told_and_nothing_is_lost";
    if is_again() {
        return what_does_not_fit_is_told(&Path::new("/mnt"), io::ErrorKind::StorageFull);
    }
    // A file system of its own, in a world of its own; root needs no other user for it.
    let mount = "mount -t tmpfs -o size=700k none /mnt || exit 77;";
    for options in ["-m", "-rm"] {
        let output = again(test, Command::new("unshare").arg(options), mount);
        let text = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(77) && !text.starts_with("unshare: ") {
            return passed(&output);
        }
    }
    not_tried(test, "nothing can be mounted here");
}

#[test]
fn a_limit_of_file_size_is_told_when_it_is_flushed_and_can_be_told_again() {
    // Bytes that are collected are refused later: by the flush, not in silence.
    let test = "limits::a_limit_of_file_size_is_told_when_it_is_flushed_and_can_be_told_again";
    if !is_again() {
        return passed(&again(test, &mut Command::new("env"), "trap '' XFSZ; ulimit -f 8;"));
    }
    let (_folder, path) = folder();
    run(async {
        let file = File::create(path.join("file")).await?;
        let written = file.write_all(&[7; 100_000]).await;
        let flushed = file.flush().await;
        assert!(written.is_err() || flushed.is_err());
        assert!(file.flush().await.is_err(), "what is not written is tried again");
        assert!(file.close().await.is_err());
        Ok(())
    });
}

#[test]
fn what_an_error_left_unwritten_is_written_when_it_can_be() {
    let test = "limits::what_an_error_left_unwritten_is_written_when_it_can_be";
    if !is_again() {
        return passed(&again(test, &mut Command::new("env"), "trap '' XFSZ;"));
    }
    let limit = |current| {
        let now = rustix::process::getrlimit(Resource::Fsize);
        rustix::process::setrlimit(Resource::Fsize, Rlimit { current, maximum: now.maximum }).unwrap();
    };
    for (_folder, path) in folders() {
        let path = path.join("file");
        // More than is on its way at a time, so that there is something behind what fails.
        let data: Vec<u8> = (0..900_000_u32).map(|at| (at ^ (at >> 8)) as u8).collect();
        run(async {
            let file = File::create(&path).await?;
            limit(Some(300_000));
            let (mut at, mut error) = (data.len(), file.write_all(&data).await);
            match &error {
                Ok(()) => error = file.flush().await,
                Err(told) => at = told.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent,
            }
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
            limit(None);
            file.write_all(&data[at..]).await?;
            file.flush().await?;
            assert!(fs::read(&path)? == data, "{} bytes, or others", fs::metadata(&path)?.len());
            Ok(())
        });
    }
}

#[test]
fn a_process_without_free_descriptors_is_told() {
    let test = "limits::a_process_without_free_descriptors_is_told";
    if !is_again() {
        return passed(&again(test, &mut Command::new("env"), "ulimit -n 40;"));
    }
    let (_folder, path) = folder();
    fs::write(path.join("file"), "text").unwrap();
    run(async {
        let mut open = Vec::new();
        let error = loop {
            match File::open(path.join("file")).await {
                Ok(file) => open.push(file),
                Err(error) => break error,
            }
        };
        let told = error.get_ref().unwrap().downcast_ref::<PathError>().unwrap();
        assert_eq!(told.raw_os_error(), Some(rustix::io::Errno::MFILE.raw_os_error()));
        assert!(path.join("file").exists().await?, "a look needs no descriptor");
        assert!(path.read_dir().await.is_err());
        open.pop();
        assert_eq!(path.join("file").read_to_string().await?, "text");
        Ok(())
    });
}

#[test]
fn what_is_not_permitted_is_told() {
    if !is_again() && rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root: it is tried as somebody else, who can get at the test by a copy.
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let copy = folder.path().join("test");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut command = Command::new(copy);
        command.args(["--exact", "limits::what_is_not_permitted_is_told"]).env("ANYIO_AGAIN", folder.path());
        return passed(&command.uid(65_534).gid(65_534).output().unwrap());
    }
    let folder = match std::env::var_os("ANYIO_AGAIN") {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let folder = folder.unwrap();
    let path = Path::new(folder.path()).join("secret");
    fs::write(&path, "text").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    run(async {
        assert_eq!(kind(File::open(&path).await), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(path.read().await), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(path.write("x").await), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(path.copy(path.with_extension("copy")).await), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(Path::new("/").chown(Some(1), None).await), io::ErrorKind::PermissionDenied);
        assert!(path.exists().await?);
        let closed = path.with_file_name("closed");
        closed.join("below").create_dir_all().await?;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000))?;
        assert_eq!(kind(closed.join("below").exists().await), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(closed.join("new").write_atomic("x").await), io::ErrorKind::PermissionDenied);
        let (mut walk, mut refused) = (path.parent().unwrap().walk(), 0);
        loop {
            match walk.next().await {
                Ok(None) => break,
                Ok(Some(_)) => {}
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 1, "of the folder that is closed");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700))
    });
}
