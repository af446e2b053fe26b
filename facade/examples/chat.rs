//! A chat server over the traits of object streams: `chat` shows a conversation in memory, `chat LISTEN` serves lines over TCP.
//!
//! The server takes any listener of object streams of strings. In the demonstration it is a memory listener, and the clients are
//! tasks of the same program; else it is one of sockets with lines on them, which is written here in a few lines. Each client has
//! one task that sends and one that receives, on the same object; who reads too slowly is shown out. Ctrl-C and `SIGTERM` show
//! everybody out, each with a word, for which there is a second.
//!
//! ```text
//! cargo run --release --example chat
//! cargo run --release --example chat -- 127.0.0.1:8000      # then: nc 127.0.0.1 8000
//! ```

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyio::{
    CancelError, CancelScope, CompletedExt, Result,
    memory::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_listener},
    memory_object_stream, move_on_after, ok, shield,
    streams::{
        AsyncResource, FuturesIo, LineDelimited, Listener, ObjectStream, ObjectStreamConnectable, ReceiveError,
        UnreliableObjectReceiveStream, UnreliableObjectSendStream, with_resource,
    },
    task_group,
};
use async_io::Async;

/// How many lines may wait for a client: more than another one says, if many came at once, before its task gives way.
const BACKLOG: usize = 256;

#[anyio::main(cancel_on_signals = [INT, TERM])]
async fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1) {
        None => demonstrate().await,
        Some(address) => match address.parse() {
            Ok(address) => listen(address).await,
            Err(_) => Err(format!("`{address}` is no address such as 127.0.0.1:8000").into()),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Who is there, each with the way to it.
#[derive(Default)]
struct Room {
    guests: Mutex<HashMap<u64, Guest>>,
    next: AtomicU64,
}

struct Guest {
    lines: MemoryObjectSendStream<String>,
    /// In which the guest is talked with.
    stay: CancelScope,
}

impl Room {
    fn join(&self, stay: &CancelScope) -> (u64, MemoryObjectReceiveStream<String>) {
        let (lines, receive) = memory_object_stream(BACKLOG);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.guests.lock().unwrap().insert(id, Guest { lines, stay: stay.clone() });
        (id, receive)
    }

    /// With its way to the guest, whose task that sends then ends.
    fn leave(&self, id: u64) {
        self.guests.lock().unwrap().remove(&id);
    }

    /// Tells all, but for who said it. For whom too many lines wait, the stay is over.
    fn say(&self, from: u64, line: &str) {
        self.guests.lock().unwrap().retain(|id, guest| {
            let stays = *id == from || guest.lines.try_send(line.into()).is_ok();
            if !stays {
                guest.stay.cancel();
            }
            stays
        });
    }

    async fn serve<L: Listener<Stream: ObjectStream<Item = String>>>(&self, listener: &L) -> Result<()> {
        task_group(async |tg| -> Result<()> {
            loop {
                let client = match listener.accept().await {
                    Err(ReceiveError::EndOfStream) => return Ok(()),
                    accepted => accepted?,
                };
                tg.start_soon(async move {
                    let visit = async {
                        let talked = self.talk(&client).await;
                        if talked.as_ref().is_err_and(CancelError::is_cancelled) {
                            let word = client.send("Good-bye.".into());
                            shield(move_on_after(Duration::from_secs(1), async { ok(word.await?) })).await.ok();
                        }
                        talked
                    };
                    // One client's trouble is its own.
                    match with_resource(&client, visit).await {
                        Err(error) if !error.is_cancelled() => eprintln!("chat: a client: {error}"),
                        ended => ended?,
                    }
                    ok(())
                });
            }
        })
        .await
        .completed()
    }

    async fn talk(&self, client: &impl ObjectStream<Item = String>) -> Result<()> {
        client.send("What is your name?".into()).await?;
        let name = client.receive().await?;
        let stay = CancelScope::new();
        let (id, inbox) = self.join(&stay);
        self.say(id, &format!("* {name} is here"));
        client.send(format!("Welcome, {name}.")).await?;
        let talked = stay.run(task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                while let Some(line) = inbox.next().await? {
                    match client.send(line).await {
                        // What somebody said may be too long with the name before it: that is no trouble of this one.
                        Err(error) if error.is_refused() => {}
                        sent => sent?,
                    }
                }
                ok(())
            });
            while let Some(line) = client.next().await? {
                self.say(id, &format!("{name}: {line}"));
            }
            self.leave(id);
            Ok(())
        }));
        let talked = talked.await;
        self.leave(id);
        self.say(id, &format!("* {name} has left"));
        talked.map(drop)
    }
}

/// Lines over TCP: a listener as users write it.
struct TcpLines(Async<TcpListener>);

impl AsyncResource for TcpLines {
    async fn aclose(&self) -> io::Result<()> {
        Ok(())
    }

    fn close(&self) {}
}

impl Listener for TcpLines {
    type Stream = LineDelimited<FuturesIo<Async<TcpStream>>>;

    async fn accept(&self) -> std::result::Result<Self::Stream, ReceiveError> {
        use anyio::prelude::CancelExt;
        let (stream, _) = self.0.accept().or_cancelled().await?;
        Ok(LineDelimited::new(FuturesIo::new(stream)))
    }
}

async fn listen(address: SocketAddr) -> Result<()> {
    let listener = TcpLines(Async::<TcpListener>::bind(address)?);
    println!("listening on {}", listener.0.get_ref().local_addr()?);
    match Room::default().serve(&listener).await {
        // By a signal, and nobody is left: that is how it ends.
        Err(error) if error.is_cancelled() => Ok(()),
        served => served,
    }
}

/// A guest that says its lines, each after it heard so many, and tells what it heard.
async fn visit(
    server: &impl ObjectStreamConnectable<Stream: ObjectStream<Item = String>>,
    name: &str,
    lines: &[&str],
    hears: usize,
) -> Result<Vec<String>> {
    let stream = server.connect().await?;
    with_resource(&stream, async {
        assert_eq!(stream.receive().await?, "What is your name?");
        stream.send(name.into()).await?;
        assert_eq!(stream.receive().await?, format!("Welcome, {name}."));
        let mut heard = Vec::new();
        for line in lines {
            stream.send((*line).into()).await?;
        }
        while heard.len() < hears {
            heard.push(stream.receive().await?);
        }
        Ok(heard)
    })
    .await
}

async fn demonstrate() -> Result<()> {
    let (connectable, listener) = memory_object_listener(1);
    let room = Room::default();
    let heard = task_group(async |tg| -> Result<Vec<String>> {
        let server = tg.start_soon(room.serve(&listener));
        // The first one stays until it has heard of everything.
        let first = tg.start_soon(visit(&connectable, "ada", &[], 5));
        while room.guests.lock().unwrap().is_empty() {
            anyio::yield_now().await;
        }
        visit(&connectable, "grace", &["hello, world"], 0).await?;
        visit(&connectable, "alan", &[], 0).await?;
        let heard = first.join().await?;
        server.cancel();
        Ok(heard)
    });
    let heard = heard.await.completed()?;
    println!("ada heard:");
    heard.iter().for_each(|line| println!("  {line}"));
    assert_eq!(heard.first().map(String::as_str), Some("* grace is here"));
    assert!(heard.contains(&"grace: hello, world".to_owned()) && heard.contains(&"* alan has left".to_owned()));
    Ok(())
}
