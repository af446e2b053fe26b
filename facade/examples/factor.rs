//! A server that factors numbers, one a line: `cargo run --release --example factor -- 127.0.0.1:7000`. Each connection is a
//! task of one group, offloaded to a worker thread, so a long computation (18446744073709551557) holds up nobody else. Ctrl-C
//! cancels them all: each says good-bye to its client, for which it has a second, and a shell then sees 130.

use std::{env, io, net::TcpListener, net::TcpStream, time::Duration};

use anyio::{CancelError, CancelExt, Cancelled, CompletedExt, checkpoint, move_on_after, offload, shield, task_group};
use async_io::Async;
use futures_lite::{AsyncBufReadExt, AsyncWriteExt, StreamExt, io::BufReader};

#[anyio::main(cancel_on_signals = [INT, TERM])]
async fn main() -> io::Result<()> {
    let listener = Async::new(TcpListener::bind(env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into()))?)?;
    println!("listening on {}", listener.get_ref().local_addr()?);
    let served = task_group(async |tg| -> io::Result<()> {
        loop {
            let (client, _) = listener.accept().or_cancelled().await?;
            tg.start_soon(offload(serve(client)));
        }
    });
    served.await.completed()
}

async fn serve(mut client: Async<TcpStream>) -> io::Result<()> {
    match answer(&client).await {
        Err(error) if error.is_cancelled() => {
            shield(move_on_after(Duration::from_secs(1), client.write_all(b"good-bye\n").or_cancelled())).await.ok();
            Err(error)
        }
        // A client that hung up is no failure of the server.
        _ => Ok(()),
    }
}

async fn answer(mut client: &Async<TcpStream>) -> io::Result<()> {
    let mut lines = BufReader::new(client).lines();
    while let Some(line) = lines.next().cancellable().await? {
        let reply = match line?.parse() {
            Ok(number) => factors(number).await?,
            Err(error) => format!("{error}\n"),
        };
        client.write_all(reply.as_bytes()).or_cancelled().await?;
    }
    Ok(())
}

async fn factors(mut rest: u64) -> Result<String, Cancelled> {
    let (mut line, mut divisor) = (format!("{rest}:"), 2);
    while rest > 1 {
        checkpoint().await?;
        match rest % divisor {
            0 => (line, rest) = (format!("{line} {divisor}"), rest / divisor),
            _ if divisor > rest / divisor => divisor = rest,
            _ => divisor += 1,
        }
    }
    Ok(line + "\n")
}
