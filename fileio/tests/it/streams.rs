//! Files and standard streams as byte streams.

use std::{
    cell::Cell,
    fs,
    io::{self, SeekFrom, Write},
    os::fd::AsRawFd,
    process::{Command, Stdio},
    time::Duration,
};

use anyio_cancel_scope::{CancelScope, move_on_after};
use anyio_fileio::{File, FileDescriptor, FilePath, FileReadStream, FileWriteStream, StdFile, stderr, stdin, stdout};
use anyio_streams::{
    AsyncResource, ByteReceiveStream, ByteSendStream, ReceiveError, Stapled, conformance::ByteStreams,
};
use anyio_typed_attrs::TypedAttributeExt;

use futures_lite::future::zip;

use crate::support::{fifo, folder, folders, run};

#[test]
fn a_file_is_received_up_to_its_end() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        fs::write(&path, "Hello").unwrap();
        run(async {
            let stream = FileReadStream::from_path(&path).await?;
            let mut buf = [0; 3];
            assert_eq!(stream.receive(&mut buf).await?, 3);
            assert_eq!(&buf, b"Hel");
            assert_eq!(stream.receive(&mut buf).await?, 2);
            assert!(stream.receive(&mut buf).await.unwrap_err().is_end_of_stream());
            assert!(stream.receive(&mut buf).await.unwrap_err().is_end_of_stream());
            Ok(())
        });
    }
}

#[test]
fn the_position_can_be_told_and_moved() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), "Hello").unwrap();
    run(async {
        let stream = FileReadStream::from_path(path.join("file")).await?;
        let mut buf = [0; 8];
        stream.receive(&mut buf).await?;
        assert_eq!(stream.tell().await?, 5);
        assert_eq!(stream.seek(SeekFrom::Start(2)).await?, 2);
        assert_eq!(stream.receive(&mut buf).await?, 3);
        assert_eq!(&buf[..3], b"llo");
        Ok(())
    });
}

#[test]
fn a_closed_stream_says_so() {
    let (_folder, path) = folder();
    run(async {
        let writer = FileWriteStream::from_path(path.join("file")).await?;
        writer.aclose().await?;
        writer.aclose().await?;
        let error = writer.send(b"x").await.unwrap_err();
        assert!(error.is_closed() && error.sent == 0);
        assert!(writer.flush().await.is_err());
        let reader = FileReadStream::from_path(path.join("file")).await?;
        reader.close();
        assert!(matches!(reader.receive(&mut [0; 4]).await, Err(ReceiveError::Closed)));
        assert!(reader.tell().await.is_err());
        Ok(())
    });
}

#[test]
#[should_panic(expected = "empty buffer")]
fn an_empty_buffer_is_refused() {
    let reader = run(FileReadStream::from_path("/dev/zero"));
    drop(reader.receive(&mut []));
}

#[test]
fn what_is_sent_is_in_the_file_when_the_stream_is_closed() {
    for (_folder, path) in folders() {
        let path = path.join("file");
        run(async {
            let writer = FileWriteStream::from_path(&path).await?;
            writer.send(b"Hel").await?;
            writer.send(b"lo").await?;
            writer.aclose().await?;
            assert_eq!(fs::read(&path)?, b"Hello");
            let writer = FileWriteStream::append(&path).await?;
            writer.send(b", World!").await?;
            writer.flush().await?;
            assert_eq!(fs::read(&path)?, b"Hello, World!");
            writer.send(b" ...").await?;
            writer.close();
            assert_eq!(fs::read(&path)?, b"Hello, World! ...");
            Ok(())
        });
    }
}

#[test]
fn streams_of_fifos_keep_the_contract_of_byte_streams() {
    // Of a file nothing comes by itself; two FIFOs are a connection. Any number of tasks may use a file.
    let (_folder, path) = folder();
    let count = Cell::new(0);
    let one_way = async || {
        count.set(count.get() + 1);
        let folder = path.join(count.get().to_string());
        folder.create_dir().await?;
        let fifo = fifo(&folder);
        let reader = FileReadStream::from_path(&fifo).await?;
        io::Result::Ok((FileWriteStream::from_path(&fifo).await?, reader))
    };
    let both_ways = async || {
        let ((there, here), (back, home)) = (one_way().await?, one_way().await?);
        Ok((Stapled::new(there, home), Stapled::new(back, here)))
    };
    futures_lite::future::block_on(ByteStreams::new(both_ways).without_busy().check());
}

#[test]
fn what_was_printed_into_a_file_is_there() {
    for (_folder, path) in folders() {
        let output = fs::File::create(path.join("output")).unwrap();
        let child = command("print").stdin(Stdio::null()).stdout(output).spawn().unwrap();
        assert_eq!(String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr), "printed");
    }
}

#[test]
fn a_close_of_the_standard_input_tells_who_waits() {
    // H4
    let mut child = process("close", Stdio::piped());
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "closed");
    drop(input);
}

#[test]
fn streams_tell_their_file_their_path_and_their_descriptor() {
    let (_folder, path) = folder();
    let path = path.join("file");
    run(async {
        let writer = FileWriteStream::from_path(&path).await?;
        assert_eq!(writer.extra::<FilePath>().unwrap(), path);
        assert!(writer.extra::<FileDescriptor>().unwrap() > 2);
        assert_eq!(writer.extra::<StdFile>().unwrap().metadata()?.len(), 0);
        let reader = FileReadStream::new(File::wrap(fs::File::open(&path)?)?);
        assert!(reader.extra::<FilePath>().is_err());
        assert_ne!(reader.extra::<StdFile>().unwrap().as_raw_fd(), reader.extra::<FileDescriptor>().unwrap());
        reader.close();
        assert!(reader.extra::<FileDescriptor>().is_err());
        Ok(())
    });
}

#[test]
fn what_the_system_refuses_breaks_the_stream() {
    run(async {
        let writer = FileWriteStream::new(anyio_fileio::OpenOptions::new().write(true).open("/dev/full").await?);
        let error = writer.send(b"x").await.unwrap_err();
        assert!(error.is_broken());
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::StorageFull);
        let reader = FileReadStream::from_path("/").await?;
        assert!(reader.receive(&mut [0; 4]).await.unwrap_err().is_broken());
        Ok(())
    });
}

#[test]
fn a_cancelled_stream_does_nothing_and_closes() {
    // R4, H5
    let (_folder, path) = folder();
    let path = path.join("file");
    run(async {
        let writer = FileWriteStream::from_path(&path).await?;
        writer.send(b"abc").await?;
        let scope = CancelScope::new();
        scope.cancel();
        let error = scope.enter(writer.send(b"def")).await.unwrap_err();
        assert!(error.is_cancelled() && error.sent == 0);
        let scope = CancelScope::new();
        scope.cancel();
        assert!(scope.enter(writer.aclose()).await.is_err());
        assert!(writer.send(b"x").await.unwrap_err().is_closed());
        assert_eq!(fs::read(&path)?, b"abc");
        Ok(())
    });
}

#[test]
fn they_are_streams() {
    fn receives(_: &impl ByteReceiveStream) {}
    fn sends(_: &impl ByteSendStream) {}
    fn closes(_: &impl AsyncResource) {}
    receives(&stdin());
    sends(&stdout());
    sends(&stderr());
    closes(&stdin());
    stdout().close();
    run(async {
        let out = stdout();
        out.close();
        assert!(out.send(b"x").await.unwrap_err().is_closed(), "this handle is closed");
        stdout().send(b"").await?;
        Ok(())
    });
}

/// What the processes below do.
#[test]
fn process_that_reads_stdin() {
    match std::env::var("ANYIO_STDIN").as_deref() {
        Ok("echo") => run(async {
            let mut buf = [0; 1000];
            loop {
                match stdin().receive(&mut buf).await {
                    Ok(count) => stderr().send(&buf[..count]).await?,
                    Err(error) if error.is_end_of_stream() => return Ok(()),
                    Err(error) => return Err(error.into()),
                }
            }
        }),
        Ok("print") => run(async {
            stdout().send(b"printed").await?;
            let printed = fs::read("/proc/self/fd/1")?;
            stderr().send(&printed[printed.len() - 7..]).await?;
            Ok(())
        }),
        Ok("close") => run(async {
            let input = stdin();
            let mut room = [0; 10];
            let (received, ()) = zip(input.receive(&mut room), async { input.close() }).await;
            assert!(received.unwrap_err().is_closed());
            stderr().send(b"closed").await?;
            Ok(())
        }),
        Ok("give up") => run(async {
            let received = async { Ok::<_, io::Error>(stdin().receive(&mut [0; 10]).await?) };
            assert_eq!(move_on_after(Duration::from_millis(50), received).await?, None);
            stderr().send(b"gave up").await?;
            Ok(())
        }),
        _ => {}
    }
}

fn command(what: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "streams::process_that_reads_stdin"]).env("ANYIO_STDIN", what);
    command.stderr(Stdio::piped());
    command
}

fn process(what: &str, input: Stdio) -> std::process::Child {
    command(what).stdin(input).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn standard_input_is_read_to_its_end() {
    let mut echo = process("echo", Stdio::piped());
    echo.stdin.take().unwrap().write_all(b"through a pipe").unwrap();
    let output = echo.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "through a pipe");
    let (_folder, path) = folder();
    fs::write(path.join("input"), "from a file").unwrap();
    let echo = process("echo", fs::File::open(path.join("input")).unwrap().into());
    assert_eq!(String::from_utf8_lossy(&echo.wait_with_output().unwrap().stderr), "from a file");
}

#[test]
fn a_read_of_standard_input_does_not_hold_up_the_end() {
    // USERS.md 39: the pipe stays open, and nothing comes.
    let mut child = process("give up", Stdio::piped());
    let input = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "gave up");
    drop(input);
}
