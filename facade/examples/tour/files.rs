//! Chapters on files.

use std::{
    io,
    time::{Duration, Instant},
};

use anyio::{
    CancelScope, Result,
    fs::{File, OpenOptions, TemporaryDirectory},
    is_cancellation, move_on_after, run,
    streams::ByteSendError,
};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "a cached file is read in place",
        elsewhere: "each open, read and stat is a job on a thread, some fifty times as dear as the call itself",
        show: in_place,
    },
    Chapter {
        title: "a file is written and closed on every way out",
        elsewhere: "bytes that were not flushed are gone when the file is dropped, and closing is skipped when it is cancelled",
        show: every_way_out,
    },
    Chapter {
        title: "a read of a pipe can be cancelled",
        elsewhere: "a thread is stuck in the read, and the program does not end",
        show: pipe,
    },
    Chapter {
        title: "a cancelled write tells how much was written",
        elsewhere: "half of it is there, and nobody knows which half",
        show: told,
    },
];

fn in_place() -> Result<String> {
    const TIMES: u32 = 2000;
    run(async {
        let folder = TemporaryDirectory::new().await?;
        let path = folder.path().join("file");
        path.write(vec![7; 4096]).await?;
        let begun = Instant::now();
        for _ in 0..TIMES {
            assert_eq!(path.read().await?.len(), 4096);
        }
        let ours = begun.elapsed() / TIMES;
        let begun = Instant::now();
        for _ in 0..TIMES {
            assert_eq!(std::fs::read(&path)?.len(), 4096);
        }
        let std = begun.elapsed() / TIMES;
        folder.cleanup().await?;
        Ok(format!("{ours:.1?} for a whole file of 4 KiB; std takes {std:.1?}"))
    })
}

fn every_way_out() -> Result<String> {
    run(async {
        let folder = TemporaryDirectory::new().await?;
        let path = folder.path().join("file");
        let scope = CancelScope::new();
        let left = scope.run(async {
            let file = File::create(&path).await?;
            file.write_all(b"every byte").await?;
            scope.cancel();
            // It closes, and says that it was cancelled.
            file.close().await
        });
        assert_eq!(left.await?, None);
        assert_eq!(path.read().await?, b"every byte");
        Ok("the scope was cancelled before the close, and every byte is in the file".into())
    })
}

fn fifo(path: &std::path::Path) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?)
}

fn pipe() -> Result<String> {
    run(async {
        let folder = TemporaryDirectory::new().await?;
        let path = folder.path().join("fifo");
        fifo(path.as_std())?;
        let reader = File::open(&path).await?;
        let mut buf = [0; 16];
        let waited = move_on_after(Duration::from_millis(5), async { reader.read(&mut buf).await }).await?;
        assert_eq!(waited, None);
        let writer = OpenOptions::new().write(true).open(&path).await?;
        writer.write_all(b"later").await?;
        assert_eq!(reader.read(&mut buf).await?, 5);
        Ok("nobody wrote for 5 ms, the read was cancelled, and the next one got what came then".into())
    })
}

fn told() -> Result<String> {
    run(async {
        let folder = TemporaryDirectory::new().await?;
        let path = folder.path().join("fifo");
        fifo(path.as_std())?;
        let reader = File::open(&path).await?;
        let writer = OpenOptions::new().write(true).open(&path).await?;
        let data = vec![7; 1_000_000];
        let late = CancelScope::after(Duration::from_millis(5)).enter(writer.write_all(&data)).await;
        let error = late.expect_err("nobody reads");
        assert!(is_cancellation(&error));
        let sent = error.get_ref().and_then(|inside| inside.downcast_ref::<ByteSendError>()).expect("it tells").sent;
        drop(writer);
        let mut read = Vec::new();
        assert_eq!(reader.read_to_end(&mut read).await?, sent);
        Ok(format!("{sent} bytes of {} went into the pipe, by the error and by the reader", data.len()))
    })
}
