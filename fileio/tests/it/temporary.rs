//! Temporary files and folders.

use std::{
    io::{self, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
};

use anyio_cancel_scope::{CancelScope, is_cancellation};
use anyio_fileio::{NamedTemporaryFile, SpooledTemporaryFile, TemporaryDirectory, gettempdir, temporary_file};
use anyio_streams::ByteSendError;

use crate::support::{cancelled, folder, kind, run};

#[test]
fn a_file_without_a_name_is_written_and_read() {
    run(async {
        let file = temporary_file().await?;
        file.write_all(b"text").await?;
        file.rewind().await?;
        let mut text = String::new();
        file.read_to_string(&mut text).await?;
        assert_eq!(text, "text");
        Ok(())
    });
}

#[test]
fn a_file_with_a_name_is_gone_after_it_was_closed_or_dropped() {
    let (_folder, folder) = folder();
    run(async {
        let file = NamedTemporaryFile::new_in(&folder).await?;
        let path = file.path().clone();
        assert!(path.starts_with(&folder));
        file.write_all(b"text").await?;
        file.flush().await?;
        assert_eq!(path.read().await?, b"text");
        file.close().await?;
        assert!(!path.exists().await?);
        let file = NamedTemporaryFile::new_in(&folder).await?;
        let path = file.path().clone();
        drop(file);
        assert!(!path.exists().await?);
        let (file, path) = NamedTemporaryFile::new_in(&folder).await?.keep()?;
        file.write_all(b"kept").await?;
        file.close().await?;
        assert_eq!(path.read().await?, b"kept");
        assert_eq!(kind(NamedTemporaryFile::new_in(folder.join("missing")).await), io::ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn on_every_way_out_they_are_gone() {
    let (_folder, folder) = folder();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        run::<()>(async {
            let _file = NamedTemporaryFile::new_in(&folder).await?;
            let directory = TemporaryDirectory::new_in(&folder).await?;
            directory.path().join("file").write("text").await?;
            panic!("on purpose");
        });
    }));
    assert!(panicked.is_err());
    let scope = CancelScope::new();
    let result: io::Result<Option<()>> = futures_lite::future::block_on(scope.run(async {
        let file = NamedTemporaryFile::new_in(&folder).await?;
        let _directory = TemporaryDirectory::new_in(&folder).await?;
        file.write_all(b"collected").await?;
        scope.cancel();
        file.close().await
    }));
    assert!(matches!(result, Ok(None)));
    cancelled(NamedTemporaryFile::new_in(&folder));
    cancelled(TemporaryDirectory::new_in(&folder));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_directory_goes_with_all_that_is_in_it() {
    run(async {
        let directory = TemporaryDirectory::new().await?;
        assert!(directory.path().starts_with(gettempdir()));
        directory.path().join("a/b").create_dir_all().await?;
        let path = directory.path().clone();
        directory.cleanup().await?;
        assert!(!path.exists().await?);
        let directory = TemporaryDirectory::new().await?;
        let path = directory.keep();
        assert!(path.is_dir().await?);
        path.remove_dir().await
    });
}

#[test]
fn a_spooled_file_goes_to_the_disk_when_it_is_larger_than_it_may_be() {
    run(async {
        let mut file = SpooledTemporaryFile::new(10);
        file.write_all(&[7; 10]).await?;
        assert!(!file.is_rolled_over());
        file.seek(SeekFrom::Start(2)).await?;
        file.write_all(&[8; 8]).await?;
        assert!(!file.is_rolled_over(), "it is no larger");
        file.write_all(&[9]).await?;
        assert!(file.is_rolled_over());
        file.seek(SeekFrom::Start(1)).await?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).await?;
        assert_eq!(bytes, [7, 8, 8, 8, 8, 8, 8, 8, 8, 9]);
        let mut file = SpooledTemporaryFile::new(10);
        file.write_all(b"abc").await?;
        file.seek(SeekFrom::Start(1)).await?;
        file.rollover().await?;
        let mut one = [0; 1];
        assert_eq!(file.read(&mut one).await?, 1);
        assert_eq!(&one, b"b", "the position stays");
        Ok(())
    });
}

#[test]
fn a_spooled_file_is_cut_off_and_filled_up() {
    run(async {
        let mut file = SpooledTemporaryFile::new(10);
        file.write_all(b"abcdef").await?;
        file.set_len(3).await?;
        assert_eq!(file.tell().await?, 6, "the position stays");
        file.set_len(10).await?;
        assert!(!file.is_rolled_over(), "it is no larger");
        file.set_len(11).await?;
        assert!(file.is_rolled_over());
        assert_eq!(file.tell().await?, 6, "the position stays");
        file.seek(SeekFrom::Start(0)).await?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).await?;
        assert_eq!(bytes, b"abc\0\0\0\0\0\0\0\0");
        file.set_len(1).await?;
        file.seek(SeekFrom::End(0)).await?;
        assert_eq!(file.tell().await?, 1);
        Ok(())
    });
}

#[test]
fn a_cancelled_write_to_a_spooled_file_tells_that_nothing_was_written() {
    // H6
    for data in [&b"abc"[..], b"abcdef"] {
        let (mut file, scope) = (SpooledTemporaryFile::new(3), CancelScope::new());
        scope.cancel();
        let error = futures_lite::future::block_on(scope.enter(file.write_all(data))).unwrap_err();
        assert!(is_cancellation(&error));
        assert_eq!(error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent, 0);
    }
}

#[test]
fn a_spooled_file_does_nothing_in_a_cancelled_scope() {
    // R4
    let mut file = SpooledTemporaryFile::new(3);
    cancelled(file.write_all(b"abc"));
    cancelled(file.write_all(b"abcdef"));
    cancelled(file.rollover());
    cancelled(file.set_len(2));
    run(file.write_all(b"xyz"));
    cancelled(file.seek(SeekFrom::Start(0)));
    cancelled(file.read(&mut [0; 3]));
    assert!(!file.is_rolled_over());
    assert_eq!(run(file.seek(SeekFrom::Current(0))), 3);
}
