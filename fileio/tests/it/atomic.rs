//! The replacement in one step.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
    time::Duration,
};

use anyio_fileio::Path;

use crate::support::{folder, folders, kind, run};

#[test]
fn it_replaces_the_content_and_keeps_the_permissions() {
    for (_folder, path) in folders() {
        let file = path.join("file");
        run(async {
            file.write_atomic("new").await?;
            assert_eq!(file.read().await?, b"new");
            let plain = path.join("plain");
            plain.write("").await?;
            let modes = (fs::metadata(&file)?.permissions().mode(), fs::metadata(&plain)?.permissions().mode());
            assert_eq!(modes.0, modes.1, "as any new file");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640))?;
            file.write_atomic("newer").await?;
            assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o640);
            assert_eq!(file.read().await?, b"newer");
            assert_eq!(fs::read_dir(&path)?.count(), 2, "nothing is left behind");
            Ok(())
        });
    }
}

#[test]
fn it_follows_a_link_and_refuses_a_folder() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), "old").unwrap();
    symlink("file", path.join("link")).unwrap();
    run(async {
        path.join("link").write_atomic("new").await?;
        assert!(path.join("link").is_symlink().await?);
        assert_eq!(path.join("file").read().await?, b"new");
        assert_eq!(kind(path.write_atomic("x").await), io::ErrorKind::IsADirectory);
        assert_eq!(kind(path.join("missing/file").write_atomic("x").await), io::ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn it_refuses_what_is_no_regular_file_and_leaves_it_there() {
    let (_folder, path) = folder();
    let fifo = Path::new(crate::support::fifo(&path));
    run(async {
        assert_eq!(kind(fifo.write_atomic("x").await), io::ErrorKind::InvalidInput);
        assert!(fifo.is_fifo().await?);
        assert_eq!(fs::read_dir(&path)?.count(), 1, "nothing is left behind");
        Ok(())
    });
}

/// The process that is killed.
#[test]
fn writer_that_is_killed() {
    let Some(path) = std::env::var_os("ANYIO_REPLACES") else { return };
    let path = Path::new(path);
    run(async {
        for round in 0_u64.. {
            path.write_atomic(vec![round as u8; 200_000]).await?;
        }
        Ok(())
    });
}

#[test]
fn a_process_that_is_killed_leaves_the_old_content_or_the_new() {
    let (_folder, path) = folder();
    let file = path.join("file");
    fs::write(&file, vec![0; 200_000]).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..25 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "atomic::writer_that_is_killed"])
            .env("ANYIO_REPLACES", file.as_std())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Real time is the point: it is killed wherever it is then.
        std::thread::sleep(Duration::from_micros(8000 + 1370 * round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let bytes = fs::read(&file).unwrap();
        assert_eq!(bytes.len(), 200_000);
        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a mixture");
        seen.insert(bytes[0]);
    }
    assert!(seen.len() > 2, "it was always killed before it had replaced anything: {seen:?}");
}
