//! Chapters on memory object streams.

use anyio::{CancelScope, CompletedExt, Result, memory_object_stream, move_on_after, ok, run, task_group, yield_now};
use std::time::Duration;

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "each producer closes its clone",
        elsewhere: "a counter of producers, or a special item, tells the consumer when it may stop",
        show: producers,
    },
    Chapter {
        title: "iteration ends by itself",
        elsewhere: "who waits for the next item does so for ever when its sender failed",
        show: iteration,
    },
    Chapter {
        title: "a send without receivers gives the item back",
        elsewhere: "the item is gone with the error, or with the future that a timeout dropped",
        show: item_back,
    },
    Chapter {
        title: "a receive that loses a race loses no item",
        elsewhere: "what was handed to the receive is dropped with it",
        show: lost_race,
    },
    Chapter {
        title: "statistics of a stream",
        elsewhere: "how full it is, and who waits, nobody can tell",
        show: statistics,
    },
];

fn producers() -> Result<String> {
    run(async {
        let (send, receive) = memory_object_stream(2);
        let sum = task_group(async |tg| -> Result<u32> {
            for producer in 1..=3 {
                let send = send.clone();
                tg.start_soon(async move {
                    for number in 0..producer {
                        send.send(number).await?;
                    }
                    ok(())
                });
            }
            // The producers have their own.
            send.close();
            let mut sum = 0;
            while let Some(number) = receive.next().await? {
                sum += number;
            }
            Ok(sum)
        });
        let sum = sum.await.completed()?;
        assert_eq!(sum, 4);
        Ok(format!("three producers came and went, and it ended at {sum}"))
    })
}

fn iteration() -> Result<String> {
    run(async {
        let (send, receive) = memory_object_stream(8);
        let mut seen = 0;
        let failed = task_group(async |tg| -> Result<()> {
            // It fails in the middle, and its end is dropped with it.
            tg.start_soon(async move {
                for number in 0..5 {
                    send.send(number).await?;
                }
                Err::<(), _>("the source dried up".into())
            });
            while receive.next().await?.is_some() {
                seen += 1;
            }
            Ok(())
        });
        let error = failed.await.expect_err("the source failed");
        // What was buffered before is still there.
        while receive.next().await?.is_some() {
            seen += 1;
        }
        assert_eq!(seen, 5);
        Ok(format!("{seen} items, the end, and \"{error}\""))
    })
}

fn item_back() -> Result<String> {
    run(async {
        let (send, receive) = memory_object_stream(0);
        let late = CancelScope::after(Duration::from_millis(5)).enter(send.send(String::from("letter"))).await;
        let letter = late.expect_err("nobody took it").into_item();
        drop(receive);
        let error = send.send(letter).await.expect_err("nobody is there");
        assert!(error.is_broken());
        let why = error.to_string();
        assert_eq!(error.into_item(), "letter");
        Ok(format!("after a timeout, and again with \"{why}\", the letter came back"))
    })
}

fn lost_race() -> Result<String> {
    run(async {
        let (send, receive) = memory_object_stream(0);
        {
            let mut loser = Box::pin(receive.receive());
            assert!(futures_lite::future::poll_once(&mut loser).await.is_none());
            // Handed to the receive, which is then dropped, as a `select!` drops the branches that lose.
            send.try_send("parcel")?;
        }
        let parcel = receive.try_receive()?;
        assert!(move_on_after(Duration::ZERO, receive.receive()).await?.is_none());
        Ok(format!("the {parcel} was there for the next one"))
    })
}

fn statistics() -> Result<String> {
    run(async {
        let (send, receive) = memory_object_stream(2);
        let seen = task_group(async |tg| -> Result<_> {
            for number in 0..5 {
                let send = send.clone();
                tg.start_soon(async move { ok(send.send(number).await?) });
            }
            while receive.statistics().tasks_waiting_send < 3 {
                yield_now().await;
            }
            let seen = receive.statistics();
            receive.close();
            // Those who still wait are told, and what was buffered is counted.
            tg.cancel();
            Ok(seen)
        });
        let seen = seen.await.completed()?;
        let (used, waiting, open) = (seen.current_buffer_used, seen.tasks_waiting_send, seen.open_send_streams);
        let dropped = send.statistics().dropped;
        assert_eq!((used, waiting, dropped), (2, 3, 2));
        Ok(format!("{used} buffered, {waiting} sends waiting, {open} open ends; then {dropped} items that nobody took"))
    })
}
