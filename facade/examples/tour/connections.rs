//! Chapters on byte streams, their wrappers, and where they come from.

use anyio::{
    CancelError, CancelScope, CompletedExt, Result,
    memory::{memory_byte_listener, memory_byte_stream},
    ok, run,
    streams::{
        AsyncResource, Buffered, ByteSendStream, ByteStreamConnectable, DynSocketStream, Listener, ReceiveError, Text,
        with_resource,
    },
    task_group,
    typed_attrs::{AttributeRequest, TypedAttributeExt, TypedAttributeProvider, typed_attributes},
};
use std::{future::Future, io, time::Duration};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "full duplex by one object",
        elsewhere: "a stream is split in two halves, which somebody has to put together again to close it",
        show: duplex,
    },
    Chapter {
        title: "the end of a stream is no empty read",
        elsewhere: "a read of 0 bytes means the end, and who forgets to ask loops for ever",
        show: end,
    },
    Chapter {
        title: "attributes through three wrappers",
        elsewhere: "who is at the other end is known only to the innermost object",
        show: attributes,
    },
    Chapter {
        title: "a client meets its server without sockets",
        elsewhere: "the client makes its connection itself, so the test patches it, or binds ports",
        show: connectable,
    },
    Chapter {
        title: "set-up and tear-down around a body",
        elsewhere: "a timeout drops the client, and nobody says good-bye to the server",
        show: around,
    },
];

fn duplex() -> Result<String> {
    run(async {
        let (here, there) = memory_byte_stream(8);
        let (here, there) = (&here, &there);
        let counted = task_group(async |tg| -> Result<usize> {
            tg.start_soon(async { ok(there.send(b"a long answer, while the question still comes in").await?) });
            tg.start_soon(async {
                let mut buf = [0; 16];
                while there.receive(&mut buf).await.is_ok() {}
            });
            tg.start_soon(async {
                here.send(b"a long question, while the answer already comes").await?;
                ok(here.send_eof().await?)
            });
            Ok(Buffered::new(here).receive_exactly(48).await?.len())
        });
        let counted = counted.await.completed()?;
        Ok(format!("one task sent, another one received {counted} bytes, on the same object"))
    })
}

fn end() -> Result<String> {
    run(async {
        let (here, there) = memory_byte_stream(8);
        here.send(b"last").await?;
        here.send_eof().await?;
        let (mut bytes, mut buf) = (0, [0; 3]);
        let end = loop {
            match there.receive(&mut buf).await {
                Ok(count) => bytes += count,
                Err(error) => break error,
            }
        };
        assert!(matches!(end, ReceiveError::EndOfStream) && bytes == 4);
        Ok(format!("{bytes} bytes, then \"{end}\""))
    })
}

typed_attributes! {
    /// Who is at the other end.
    Peer: String;
    /// Whether nobody can listen.
    Secret: bool;
}

/// Adds what it knows of the connection.
struct Known<S>(S);

impl<S> TypedAttributeProvider for Known<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Peer>(|| "ada".into()).provide::<Secret>(|| false);
    }
}

fn attributes() -> Result<String> {
    let wrapped = Buffered::new(Buffered::new(Buffered::new(Known(()))));
    let peer = wrapped.extra::<Peer>()?;
    // A trait object has them too; this one has none.
    let socket: Box<dyn DynSocketStream> = Box::new(memory_byte_stream(1).0);
    let error = Text::new(socket).extra::<Secret>().expect_err("nobody said so");
    assert!(!wrapped.extra::<Secret>()? && error.provided().is_empty());
    let told = error.to_string();
    let told = told.split_once(" does ").map_or("", |(_, what)| what);
    Ok(format!("it is {peer}; and a provider that does not know does {}", told))
}

/// A client, which is told where to connect to.
async fn ask(server: &impl ByteStreamConnectable) -> Result<String> {
    let stream = Buffered::new(server.connect().await?);
    stream.send(b"time?\n").await?;
    Ok(stream.receive_line(80).await?.unwrap_or_default())
}

fn connectable() -> Result<String> {
    run(async {
        let (connectable, listener) = memory_byte_listener(64);
        let answer = task_group(async |tg| -> Result<String> {
            tg.start_soon(async {
                let stream = Buffered::new(listener.accept().await?);
                assert_eq!(stream.receive_line(80).await?.as_deref(), Some("time?"));
                ok(stream.send(b"tea\n").await?)
            });
            ask(&connectable).await
        });
        let answer = answer.await.completed()?;
        listener.close();
        let refused = connectable.connect().await.expect_err("it is closed");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        Ok(format!("\"{answer}\"; and when it was closed: \"{refused}\""))
    })
}

/// Something with a task of its own behind it, which lives as long as the body that uses it.
struct Service {
    stream: anyio::memory::MemoryByteStream,
}

impl Service {
    /// Sets up, runs the body, tears down: on every way out of the body.
    async fn with<T, F, Fut>(body: F) -> Result<T>
    where
        F: FnOnce(std::sync::Arc<Self>) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let (stream, there) = memory_byte_stream(64);
        let service = std::sync::Arc::new(Self { stream });
        task_group(async |tg| -> Result<T> {
            tg.task("behind the service").start_soon(async move {
                let there = Buffered::new(there);
                while let Some(line) = there.receive_line(80).await? {
                    there.send(format!("{line} yourself\n").as_bytes()).await?;
                }
                ok(())
            });
            let client = service.clone();
            // Closed gracefully, also when the body failed or was cancelled; then the task behind it ends.
            with_resource(&service.stream, body(client)).await
        })
        .await
        .completed()
    }
}

fn around() -> Result<String> {
    run(async {
        let reply = Service::with(async |service| {
            let stream = Buffered::new(&service.stream);
            stream.send(b"good-bye\n").await?;
            Ok(stream.receive_line(80).await?.unwrap_or_default())
        })
        .await?;
        let failed = Service::with(async |_| Err::<(), _>("the body failed".into())).await;
        let scope = CancelScope::after(Duration::from_millis(5));
        let late = scope.run(Service::with(async |_| Ok(anyio::sleep_forever().await?))).await?;
        let error = failed.expect_err("it failed");
        assert!(late.is_none() && !error.is_cancelled());
        Ok(format!("\"{reply}\"; torn down after \"{error}\", and after a timeout"))
    })
}
