//! The same under every executor.

use std::{future::Future, io, pin::Pin, time::Duration};

use anyio_cancel_scope::{CompletedExt, move_on_after};
use anyio_memstream::memory_object_stream;
use anyio_task_group::task_group;
use futures::StreamExt;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

fn on_every_executor(work: impl Fn() -> Work) {
    futures::executor::block_on(work());
    futures_lite::future::block_on(work());
    smol::block_on(async { smol::spawn(work()).await });
    let local = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    local.block_on(async { tokio::spawn(work()).await.unwrap() });
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    threads.block_on(async { tokio::spawn(work()).await.unwrap() });
}

#[test]
fn items_flow_between_tasks_of_a_group() {
    on_every_executor(|| {
        Box::pin(async {
            for capacity in [0, 1, 8] {
                let (send, receive) = memory_object_stream(capacity);
                let sum = task_group(async |tg| -> io::Result<u64> {
                    for part in 0..4 {
                        let send = send.clone();
                        tg.start_soon(async move {
                            for number in 0..100 {
                                send.send(part * 100 + number).await?;
                            }
                            io::Result::Ok(())
                        });
                    }
                    drop(send);
                    let mut sums = Vec::new();
                    for _ in 0..3 {
                        let receive = receive.clone();
                        sums.push(tg.start_soon(async move {
                            let mut sum = 0;
                            while let Some(number) = receive.next().await? {
                                sum += number;
                            }
                            io::Result::Ok(sum)
                        }));
                    }
                    drop(receive);
                    let mut sum = 0;
                    for part in sums {
                        sum += part.join().await.unwrap();
                    }
                    Ok(sum)
                });
                assert_eq!(sum.await.completed().unwrap(), (0..400).sum());
            }
        })
    });
}

#[test]
fn waits_end_with_their_scope() {
    on_every_executor(|| {
        Box::pin(async {
            let (send, receive) = memory_object_stream::<u32>(0);
            let limit = Duration::from_millis(2);
            assert!(move_on_after(limit, receive.receive()).await.unwrap().is_none());
            let back = anyio_cancel_scope::CancelScope::after(limit).enter(send.send(1)).await;
            assert_eq!(back.unwrap_err().into_item(), 1);
        })
    });
}

#[test]
fn tasks_of_the_executor_talk_to_each_other() {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    threads.block_on(async {
        let (send, receive) = memory_object_stream(4);
        let senders: Vec<_> = (0..4u64)
            .map(|part| {
                let send = send.clone();
                tokio::spawn(async move {
                    send.send_all(futures::stream::iter((0..500).map(|number| part * 500 + number))).await.unwrap();
                })
            })
            .collect();
        drop(send);
        let receivers: Vec<_> = (0..2)
            .map(|_| {
                let receive = receive.clone();
                tokio::spawn(async move { receive.into_stream().map(Result::unwrap).collect::<Vec<u64>>().await })
            })
            .collect();
        drop(receive);
        let mut all = Vec::new();
        for receiver in receivers {
            all.extend(receiver.await.unwrap());
        }
        for sender in senders {
            sender.await.unwrap();
        }
        all.sort_unstable();
        assert_eq!(all, (0..2000).collect::<Vec<_>>());
    });
}

#[test]
fn select_takes_part() {
    on_every_executor(|| {
        Box::pin(async {
            let (send, receive) = memory_object_stream(1);
            let (_idle, silent) = memory_object_stream::<u32>(1);
            for number in 0..10 {
                send.send(number).await.unwrap();
                tokio::select! {
                    item = receive.receive() => assert_eq!(item.unwrap(), number),
                    _ = silent.receive() => panic!("nobody sends"),
                }
            }
        })
    });
}

#[test]
fn a_channel_joins_two_executors_and_a_thread_without_one() {
    let (to_smol, from_here) = memory_object_stream(1);
    let (to_tokio, from_smol) = memory_object_stream(0);
    let smol_thread = std::thread::spawn(move || {
        smol::block_on(async {
            while let Some(number) = from_here.next().await.unwrap() {
                to_tokio.send(number * 2).await.unwrap();
            }
        });
    });
    let tokio_thread = std::thread::spawn(move || {
        let local = tokio::runtime::Builder::new_current_thread().build().unwrap();
        local.block_on(async {
            let mut all = Vec::new();
            while let Some(number) = from_smol.next().await.unwrap() {
                all.push(number);
            }
            all
        })
    });
    for number in 0..100 {
        let mut item = number;
        while let Err(refused) = to_smol.try_send(item) {
            assert!(refused.would_block());
            item = refused.into_item();
            std::thread::yield_now();
        }
    }
    drop(to_smol);
    smol_thread.join().unwrap();
    assert_eq!(tokio_thread.join().unwrap(), (0..100).map(|number| number * 2).collect::<Vec<_>>());
}
