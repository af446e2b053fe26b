//! What is no regular file: FIFOs, terminals, devices. A wait holds no thread, lets siblings run, and can be cancelled.

use std::{
    fs,
    future::Future,
    io,
    os::fd::{AsFd, OwnedFd},
    pin::pin,
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, fail_after, is_cancellation, move_on_after, sleep};
use anyio_fileio::{File, OpenOptions, Path};
use anyio_streams::ByteSendError;
use anyio_task_group::task_group;

use crate::support::{fifo, folder, not_tried, run};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn a_read_of_a_fifo_waits_for_a_writer_and_can_be_cancelled() {
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    run(async {
        let reader = File::open(&fifo).await?;
        let waited = move_on_after(SOON, async { reader.read(&mut [0; 8]).await }).await?;
        assert_eq!(waited, None, "there is no writer, which is not an end");
        let writer = OpenOptions::new().write(true).open(&fifo).await?;
        let waited = move_on_after(SOON, async { reader.read(&mut [0; 8]).await }).await?;
        assert_eq!(waited, None, "there is nothing to read");
        writer.write_all(b"hello").await?;
        let mut buf = [0; 8];
        assert_eq!(reader.read(&mut buf).await?, 5);
        assert_eq!(&buf[..5], b"hello");
        drop(writer);
        assert_eq!(reader.read(&mut buf).await?, 0, "that is an end");
        Ok(())
    });
}

#[test]
fn a_fifo_does_not_hold_up_siblings() {
    let (_folder, path) = folder();
    let fifo = &fifo(&path);
    run(async {
        let all = task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async move {
                let reader = File::open(fifo).await?;
                let mut text = String::new();
                reader.read_to_string(&mut text).await?;
                assert_eq!(text, "from a sibling");
                io::Result::Ok(())
            });
            sleep(SOON).await?;
            let writer = OpenOptions::new().write(true).open(fifo).await?;
            writer.write_all(b"from a sibling").await?;
            writer.close().await
        });
        all.await.map(drop)
    });
}

#[test]
fn opening_a_fifo_for_writing_waits_for_a_reader_and_can_be_cancelled() {
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    run(async {
        let opened = move_on_after(SOON, OpenOptions::new().write(true).open(&fifo)).await?;
        assert!(opened.is_none());
        let reader = fs::File::options().read(true).custom_flags_nonblock().open(&fifo)?;
        let writer = OpenOptions::new().write(true).open(&fifo).await?;
        writer.write_all(b"x").await?;
        drop(reader);
        let error = writer.write_all(b"y").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        Ok(())
    });
}

trait NonBlocking {
    fn custom_flags_nonblock(&mut self) -> &mut Self;
}

impl NonBlocking for fs::OpenOptions {
    fn custom_flags_nonblock(&mut self) -> &mut Self {
        use std::os::unix::fs::OpenOptionsExt;
        self.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
    }
}

#[test]
fn a_write_into_a_full_fifo_tells_how_much_went_out() {
    // H6
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    run(async {
        let reader = File::open(&fifo).await?;
        let writer = OpenOptions::new().write(true).open(&fifo).await?;
        let data: Vec<u8> = (0..1_000_000_u32).map(|at| (at / 1000) as u8).collect();
        let scope = CancelScope::after(SOON);
        let error = scope.enter(writer.write_all(&data)).await.unwrap_err();
        assert!(is_cancellation(&error), "{error:?}");
        let sent = error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent;
        assert!(sent > 0 && sent < data.len());
        drop(writer);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await?;
        assert_eq!(read, data[..sent]);
        Ok(())
    });
}

#[test]
fn a_cancelled_read_exact_of_a_fifo_gives_back_what_it_had() {
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    run(async {
        let reader = File::open(&fifo).await?;
        let writer = OpenOptions::new().write(true).open(&fifo).await?;
        writer.write_all(b"abc").await?;
        let mut buf = [0; 6];
        assert_eq!(move_on_after(SOON, async { reader.read_exact(&mut buf).await }).await?, None);
        writer.write_all(b"def").await?;
        reader.read_exact(&mut buf).await?;
        assert_eq!(&buf, b"abcdef");
        Ok(())
    });
}

#[test]
fn a_pipe_that_others_made_blocking_waits_too() {
    let (read, write) = rustix::pipe::pipe().unwrap();
    run(async {
        let (reader, writer) = (File::wrap(read.into())?, File::wrap(write.into())?);
        assert_eq!(move_on_after(SOON, async { reader.read(&mut [0; 8]).await }).await?, None);
        writer.write_all(b"x").await?;
        assert_eq!(reader.read(&mut [0; 8]).await?, 1);
        let flags = rustix::fs::fcntl_getfl(reader.as_fd())?;
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK), "it stays as it was");
        Ok(())
    });
}

#[test]
fn a_terminal_does_not_hold_up_siblings_and_can_be_cancelled() {
    let (near, far) = pair();
    run(async {
        let far = OpenOptions::new().read(true).write(true).open(far).await?;
        let near = File::wrap(near.into())?;
        assert_eq!(move_on_after(SOON, async { far.read(&mut [0; 8]).await }).await?, None);
        near.write_all(b"line\n").await?;
        let mut buf = [0; 8];
        assert_eq!(far.read(&mut buf).await?, 5);
        assert_eq!(&buf[..5], b"line\n");
        Ok(())
    });
}

/// A pair of terminals: the near end, and the name of the other.
fn pair() -> (OwnedFd, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap();
    (near, name.into_string().unwrap())
}

/// Writes so many bytes that nobody reads, or as many as there is room for.
fn fill(far: &str, count: usize) -> usize {
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let far = rustix::fs::open(far, flags, rustix::fs::Mode::empty()).unwrap();
    (0..count).take_while(|_| rustix::io::write(&far, b"x").is_ok()).count()
}

#[test]
fn a_terminal_that_others_made_blocking_does_not_hold_up_siblings_and_can_be_cancelled() {
    let (_near, far) = pair();
    let room = fill(&far, usize::MAX);
    run(async {
        // However little room there is, and whatever is said of it.
        for left in (0..1000).step_by(50) {
            let (near, far) = pair();
            fill(&far, room - left);
            let inherited = fs::File::options().read(true).write(true).open(far)?;
            let flags = rustix::fs::fcntl_getfl(&inherited)?;
            let far = File::wrap(inherited.try_clone()?)?;
            let text = vec![b'x'; 2000];
            let error = CancelScope::after(Duration::from_millis(1)).enter(far.write_all(&text)).await.unwrap_err();
            assert!(is_cancellation(&error), "nobody reads it: {error:?}");
            let sent = error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent;
            assert!(sent < text.len(), "{sent}");
            assert_eq!(move_on_after(SOON, async { far.read(&mut [0; 8]).await }).await?, None);
            assert_eq!(rustix::fs::fcntl_getfl(&inherited)?, flags, "it stays as it was");
            drop(near);
        }
        Ok(())
    });
}

#[test]
fn devices_that_are_always_ready_are_read_and_written() {
    run(async {
        let zero = File::open("/dev/zero").await?;
        let mut bytes = [1; 1000];
        zero.read_exact(&mut bytes).await?;
        assert_eq!(bytes, [0; 1000]);
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").await?;
        null.write_all(&bytes).await?;
        assert_eq!(null.read(&mut bytes).await?, 0);
        assert_eq!(Path::new("/dev/null").read().await?, b"");
        Ok(())
    });
}

#[anyio_testing::test(virtual_clock)]
async fn a_virtual_clock_does_not_jump_while_a_fifo_is_waited_for() -> io::Result<()> {
    let (_folder, path) = folder();
    let fifo = fifo(&path);
    let reader = File::open(&fifo).await?;
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let writer = fs::OpenOptions::new().write(true).open(fifo)?;
        let _ = begun.recv();
        io::Write::write_all(&mut &writer, b"x")
    });
    let mut buf = [0; 8];
    let read = async {
        let mut read = pin!(reader.read(&mut buf));
        std::future::poll_fn(|cx| {
            let polled = read.as_mut().poll(cx);
            let _ = begin.send(());
            polled
        })
        .await
    };
    assert_eq!(fail_after(Duration::from_secs(3600), read).await?, 1);
    drop(begin);
    writer.join().unwrap()
}

#[test]
fn an_event_without_a_file_type_is_waited_for_and_can_be_cancelled() {
    let event = rustix::event::eventfd(0, rustix::event::EventfdFlags::empty()).unwrap();
    run(async {
        let file = File::wrap(fs::File::from(event))?;
        let mut count = [0; 8];
        let waited = move_on_after(SOON, async { file.read(&mut count).await }).await?;
        assert_eq!(waited, None, "nothing happened yet");
        file.write_all(&7_u64.to_ne_bytes()).await?;
        file.read_exact(&mut count).await?;
        assert_eq!(u64::from_ne_bytes(count), 7);
        Ok(())
    });
}

#[test]
fn a_regular_file_that_waits_can_be_left_and_closed() {
    // It needs the right to read the messages of the kernel: nothing else is regular and waits.
    let Ok(messages) = fs::File::open("/proc/kmsg") else {
        return not_tried("a regular file that waits", "/proc/kmsg cannot be opened here");
    };
    let waits = |file: File| async move {
        let mut room = vec![0; 1 << 16];
        while move_on_after(SOON, async { file.read(&mut room).await }).await?.is_some() {}
        drop(file);
        io::Result::Ok(())
    };
    run(async {
        let other = File::wrap(messages.try_clone()?)?;
        waits(File::wrap(messages)?).await?;
        // What only looks is left alone on its thread.
        let mut room = [0; 8];
        assert_eq!(move_on_after(SOON, async { other.read_at(&mut room, 0).await }).await?, None);
        waits(File::open("/proc/kmsg").await?).await
    });
}
