//! The same under every executor, with nobody but its own threads and the reactor's.

use std::{future::Future, pin::Pin, thread, time::Duration};

use anyio_cancel_scope::{CancelScope, fail_after, move_on_after};
use anyio_signals::{Signal, ctrl_c};
use futures::StreamExt;

use crate::support::{alone, open, raise};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

fn on_every_executor(work: impl Fn() -> Work) {
    futures::executor::block_on(work());
    futures_lite::future::block_on(work());
    anyio_reactor::block_on(work());
    smol::block_on(async { smol::spawn(work()).await });
    let local = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    local.block_on(async { tokio::spawn(work()).await.unwrap() });
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async { tokio::spawn(work()).await.unwrap() });
}

fn raise_elsewhere(signals: &'static [Signal]) -> thread::JoinHandle<()> {
    thread::spawn(|| signals.iter().copied().for_each(raise))
}

#[test]
fn signals_arrive() {
    alone!(|| {
        on_every_executor(|| {
            Box::pin(async {
                let receiver = open(&[Signal::USR1, Signal::USR2]);
                for _ in 0..20 {
                    let sender = raise_elsewhere(&[Signal::USR1, Signal::USR2]);
                    assert_eq!(receiver.next().await, Ok(Signal::USR1));
                    assert_eq!(receiver.stream().next().await, Some(Ok(Signal::USR2)));
                    sender.join().unwrap();
                }
            })
        });
    });
}

#[test]
fn ctrl_c_arrives() {
    alone!(|| {
        on_every_executor(|| {
            Box::pin(async {
                let held = open(&[Signal::INT]);
                let wait = async {
                    let mut wait = Box::pin(ctrl_c());
                    assert!(futures_lite::future::poll_once(&mut wait).await.is_none());
                    let sender = raise_elsewhere(&[Signal::INT]);
                    wait.await?;
                    sender.join().unwrap();
                    std::io::Result::Ok(())
                };
                fail_after(Duration::from_secs(60), wait).await.unwrap();
                drop(held);
            })
        });
    });
}

#[test]
fn a_wait_ends_with_its_scope() {
    alone!(|| {
        on_every_executor(|| {
            Box::pin(async {
                let receiver = open(&[Signal::USR1]);
                assert_eq!(move_on_after(Duration::from_millis(2), receiver.next()).await, Ok(None));
                let scope = CancelScope::new();
                let other = scope.clone();
                let canceller = thread::spawn(move || other.cancel());
                assert_eq!(scope.run(receiver.next()).await, Ok(None));
                canceller.join().unwrap();
            })
        });
    });
}

#[test]
fn a_sub_executor_sees_every_delivery() {
    alone!(|| {
        on_every_executor(|| {
            Box::pin(async {
                let receivers: Vec<_> = (0..10).map(|_| open(&[Signal::USR1])).collect();
                let mut waits: futures::stream::FuturesUnordered<_> = receivers.iter().map(|one| one.next()).collect();
                let sender = raise_elsewhere(&[Signal::USR1]);
                let mut came = 0;
                while let Some(end) = waits.next().await {
                    assert_eq!(end, Ok(Signal::USR1));
                    came += 1;
                }
                assert_eq!(came, 10);
                sender.join().unwrap();
            })
        });
    });
}
