//! A TCP port forwarder: `proxy LISTEN TARGET [--idle 30s] [--grace 2s]`.
//!
//! Each connection is a group with one child per direction, under a deadline that every byte moves. All of them run on one
//! thread, which has nothing to compute, so the figures need no lock. Ctrl-C and `SIGTERM` stop accepting, and let connections
//! finish within the grace; then they are cancelled. A second one has its old effect: it ends the program at once.
//!
//! ```text
//! cargo run --release --example proxy -- 127.0.0.1:8080 127.0.0.1:8000
//! ```

use std::{
    cell::Cell,
    fmt::Display,
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyio::{
    CancelError, CancelExt, CancelScope, CompletedExt, LocalTaskGroup, local_task_group, now, open_signal_receiver,
    signals::{Signal, SignalReceiver},
    sleep,
};
use async_io::Async;
use clap::Parser;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

/// Forwards TCP connections to another address.
#[derive(Parser)]
struct Options {
    /// Where to listen, such as 127.0.0.1:8080.
    listen: String,
    /// Where to forward to, such as 127.0.0.1:8000 or example.org:80.
    target: String,
    /// How long a connection may be without traffic.
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    idle: Duration,
    /// How long connections may go on after Ctrl-C.
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration)]
    grace: Duration,
}

#[anyio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let (proxy, listener) = match Proxy::open(&options) {
        Ok(opened) => opened,
        Err(message) => {
            eprintln!("proxy: {message}");
            return ExitCode::from(2);
        }
    };
    match proxy.serve(listener, options.grace).await {
        Ok(()) => {
            println!("{} connections, {} B up, {} B down", proxy.count.get(), proxy.up.get(), proxy.down.get());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Proxy {
    target: SocketAddr,
    idle: Duration,
    count: Cell<u64>,
    up: Cell<u64>,
    down: Cell<u64>,
}

impl Proxy {
    fn open(options: &Options) -> Result<(Self, Async<TcpListener>), String> {
        let listen = resolve("LISTEN", &options.listen)?;
        let target = resolve("TARGET", &options.target)?;
        let listener =
            Async::<TcpListener>::bind(listen).map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let [count, up, down] = [const { Cell::new(0) }; 3];
        Ok((Self { target, idle: options.idle, count, up, down }, listener))
    }

    /// Serves until Ctrl-C, and for the grace after it.
    async fn serve(&self, listener: Async<TcpListener>, grace: Duration) -> io::Result<()> {
        let signals = open_signal_receiver(&[Signal::INT, Signal::TERM])?;
        println!("listening on {}, forwarding to {}", listener.get_ref().local_addr()?, self.target);
        let served = local_task_group(async |tg| {
            tg.task("signals").start_soon(stop_at_signal(signals, tg.scope(), grace));
            self.accept(listener, &tg).await
        });
        // `None`: the grace ran out.
        served.await.map(|_| ())
    }

    /// Accepts until the stop; then the port is closed at once.
    async fn accept<'env>(
        &'env self,
        listener: Async<TcpListener>,
        tg: &LocalTaskGroup<'env, io::Error>,
    ) -> io::Result<()> {
        while let Some(accepted) = listener.accept().or_cancelled().unless_stopping().await {
            match accepted {
                Ok((client, peer)) => drop(tg.task(peer.to_string()).start_soon(self.connection(client, peer))),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => {
                    // Out of descriptors, most likely: connections that end make room.
                    eprintln!("cannot accept: {error}");
                    sleep(Duration::from_millis(100)).await?;
                }
            }
        }
        Ok(())
    }

    /// One connection, whose errors stay its own.
    async fn connection(&self, client: Async<TcpStream>, peer: SocketAddr) -> io::Result<()> {
        let begun = Instant::now();
        self.count.set(self.count.get() + 1);
        let number = self.count.get();
        let [up, down] = [const { Cell::new(0) }; 2];
        let quiet = CancelScope::new().named("idle");
        let forwarded = quiet.run(self.forward(&client, &quiet, [&up, &down])).await;
        self.up.set(self.up.get() + up.get());
        self.down.set(self.down.get() + down.get());
        let report = |end: &dyn Display| {
            let (up, down, took) = (up.get(), down.get(), begun.elapsed());
            println!("{number} {peer}: {up} B up, {down} B down, {took:.2?}, {end}");
        };
        match forwarded {
            Ok(Some(())) => report(&"finished"),
            Ok(None) => report(&format_args!("idle for {:?}", self.idle)),
            Err(error) if error.is_cancelled() => {
                report(&"cut off: the grace ran out");
                return Err(error);
            }
            Err(error) => report(&error),
        }
        Ok(())
    }

    async fn forward(&self, client: &Async<TcpStream>, quiet: &CancelScope, bytes: [&Cell<u64>; 2]) -> io::Result<()> {
        quiet.set_deadline(Some(now() + self.idle));
        let server = Async::<TcpStream>::connect(self.target).or_cancelled().await;
        let server = server.map_err(|error| told(error, &format!("cannot reach {}", self.target)))?;
        let traffic = |count: &Cell<u64>, more: usize| {
            count.set(count.get() + more as u64);
            quiet.set_deadline(Some(now() + self.idle));
        };
        local_task_group(async |tg| -> io::Result<()> {
            tg.start_soon(pump(client, &server, |more| traffic(bytes[0], more)));
            tg.start_soon(pump(&server, client, |more| traffic(bytes[1], more)));
            Ok(())
        })
        .await
        .completed()
    }
}

/// Waits for the first signal, and begins the stop.
async fn stop_at_signal(signals: SignalReceiver, connections: CancelScope, grace: Duration) -> io::Result<()> {
    let signal = signals.next().await?;
    // The dispositions from before are back, so a second signal ends the program.
    signals.close();
    println!("{signal}: {grace:?} for open connections, a second one cuts them off");
    connections.stop(grace);
    Ok(())
}

/// Copies one direction to its end, and passes the end on.
async fn pump(mut from: &Async<TcpStream>, mut to: &Async<TcpStream>, traffic: impl Fn(usize)) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).or_cancelled().await?;
        if read == 0 {
            break;
        }
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            let written = to.write(rest).or_cancelled().await?;
            traffic(written);
            rest = &rest[written..];
        }
    }
    match to.get_ref().shutdown(Shutdown::Write) {
        // The other side has hung up altogether: there is nobody left to tell.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        shut => shut,
    }
}

/// The same error with a word on what was tried; a cancellation stays one.
fn told(error: io::Error, what: &str) -> io::Error {
    if error.is_cancelled() { error } else { io::Error::new(error.kind(), format!("{what}: {error}")) }
}

/// The first address that `address` stands for.
fn resolve(what: &str, address: &str) -> Result<SocketAddr, String> {
    let mut found = address
        .to_socket_addrs()
        .map_err(|error| format!("{what} {address:?} is no address like 127.0.0.1:8080: {error}"))?;
    found.next().ok_or_else(|| format!("{what} {address:?} stands for no address"))
}
