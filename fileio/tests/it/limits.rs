//! What the system refuses.

use std::{fs, io, os::unix::fs::PermissionsExt, process::Command};

use anyio_fileio::{File, OpenOptions, Path, PathError};

use crate::support::{folder, kind, run};

#[test]
fn a_full_device_is_told() {
    run(async {
        let full = OpenOptions::new().write(true).open("/dev/full").await?;
        assert_eq!(kind(full.write_all(b"x").await), io::ErrorKind::StorageFull);
        Ok(())
    });
}

/// Runs a test of this binary again, in a world of its own; tells whether the system allows such worlds.
fn again(test: &str, set_up: &str) -> bool {
    let exe = std::env::current_exe().unwrap();
    let command = format!("{set_up} && ANYIO_AGAIN=1 exec {} --exact {test} --nocapture", exe.display());
    let output = Command::new("unshare").args(["-rm", "sh", "-c", &command]).output();
    match output {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
            assert!(!text.contains("panicked"), "{text}");
            false
        }
        Err(_) => false,
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_nothing_is_lost() {
    if std::env::var_os("ANYIO_AGAIN").is_none() {
        again("limits::a_disk_that_is_full_is_told_and_nothing_is_lost", "mount -t tmpfs -o size=1m none /mnt");
        return;
    }
    run(async {
        let path = Path::new("/mnt/file");
        let file = File::create(&path).await?;
        let data = vec![7; 2_000_000];
        let error = file.write_all(&data).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error:?}");
        let sent = error.get_ref().unwrap().downcast_ref::<anyio_streams::ByteSendError>().unwrap().sent;
        assert_eq!(fs::metadata(&path)?.len(), sent as u64);
        assert_eq!(kind(Path::new("/mnt/new").write_atomic(&data).await), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir("/mnt")?.count(), 1, "the temporary file is gone");
        Ok(())
    });
}

#[test]
fn a_limit_of_file_size_is_told_when_it_is_flushed_and_can_be_told_again() {
    // Bytes that are collected are refused later: by the flush, not in silence.
    if std::env::var_os("ANYIO_AGAIN").is_none() {
        let test = "limits::a_limit_of_file_size_is_told_when_it_is_flushed_and_can_be_told_again";
        let exe = std::env::current_exe().unwrap();
        let command = format!("trap '' XFSZ; ulimit -f 8; ANYIO_AGAIN=1 exec {} --exact {test}", exe.display());
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
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
fn a_process_without_free_descriptors_is_told() {
    if std::env::var_os("ANYIO_AGAIN").is_none() {
        let exe = std::env::current_exe().unwrap();
        let command = format!(
            "ulimit -n 40; ANYIO_AGAIN=1 exec {} --exact limits::a_process_without_free_descriptors_is_told",
            exe.display()
        );
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
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
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root: another user tries it.
        let (_folder, path) = folder();
        fs::write(path.join("secret"), "text").unwrap();
        fs::set_permissions(path.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        let error = run(async { Ok(Path::new("/proc/1/mem").write("x").await.err()) });
        assert!(error.is_some());
        return;
    }
    let (_folder, path) = folder();
    let path = path.join("secret");
    fs::write(&path, "text").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    run(async {
        assert_eq!(kind(File::open(&path).await), io::ErrorKind::PermissionDenied);
        assert_eq!(kind(path.read().await), io::ErrorKind::PermissionDenied);
        assert!(path.exists().await?);
        Ok(())
    });
}
