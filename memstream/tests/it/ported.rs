//! AnyIO's own tests. What became of the others stands in `anyio.md`.

use anyio_cancel_scope::CancelScope;
use anyio_memstream::memory_object_stream;
use anyio_streams::AsyncResource;
use anyio_task_group::task_group;
use futures_lite::future::block_on;
use std::{io, sync::Mutex};

use crate::support::{Steps, back, cancelled, now, waiting, why};

// anyio: tests/streams/test_memory.py::test_receive_then_send
#[test]
fn a_receiver_that_waits_gets_what_is_sent() {
    let (send, receive) = memory_object_stream(0);
    let mut receiver = waiting(async { (receive.receive().await.unwrap(), receive.receive().await.unwrap()) });
    now(send.send("hello")).unwrap();
    let mut second = waiting(send.send("anyio"));
    assert_eq!(receiver.ends(), ("hello", "anyio"));
    second.ends().unwrap();
}

// anyio: tests/streams/test_memory.py::test_receive_then_send_nowait
#[test]
fn two_receivers_that_wait_get_what_is_sent_without_waiting() {
    let (send, receive) = memory_object_stream(0);
    let (mut first, mut second) = (waiting(receive.receive()), waiting(receive.receive()));
    send.try_send("hello").unwrap();
    send.try_send("anyio").unwrap();
    assert_eq!((first.ends().unwrap(), second.ends().unwrap()), ("hello", "anyio"));
}

// anyio: tests/streams/test_memory.py::test_send_then_receive_nowait
#[test]
fn what_a_send_waits_with_can_be_taken_without_waiting() {
    let (send, receive) = memory_object_stream(0);
    let mut sending = waiting(send.send("hello"));
    assert_eq!(receive.try_receive().unwrap(), "hello");
    assert!(sending.is_woken());
    sending.ends().unwrap();
}

// anyio: tests/streams/test_memory.py::test_send_is_unblocked_after_receive_nowait
#[test]
fn taking_without_waiting_lets_a_send_have_the_room() {
    let (send, receive) = memory_object_stream(1);
    send.try_send("hello").unwrap();
    let mut sending = waiting(send.send("anyio"));
    assert_eq!(receive.try_receive().unwrap(), "hello");
    assert!(sending.is_woken());
    sending.ends().unwrap();
    assert_eq!(receive.statistics().current_buffer_used, 1);
    assert_eq!(receive.try_receive().unwrap(), "anyio");
}

// anyio: tests/streams/test_memory.py::test_send_nowait_then_receive_nowait
#[test]
fn the_buffer_keeps_the_order() {
    let (send, receive) = memory_object_stream(2);
    send.try_send("hello").unwrap();
    send.try_send("anyio").unwrap();
    assert_eq!((receive.try_receive().unwrap(), receive.try_receive().unwrap()), ("hello", "anyio"));
}

// anyio: tests/streams/test_memory.py::test_iterate
#[test]
fn iteration_ends_with_the_stream() {
    let (send, receive) = memory_object_stream(0);
    let received = Mutex::new(Vec::new());
    let group = task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            while let Some(item) = receive.next().await? {
                received.lock().unwrap().push(item);
            }
            io::Result::Ok(())
        });
        send.send("hello").await?;
        send.send("anyio").await?;
        send.aclose().await
    });
    assert_eq!(block_on(group).unwrap(), Some(()));
    assert_eq!(received.into_inner().unwrap(), ["hello", "anyio"]);
}

// anyio: tests/streams/test_memory.py::test_receive_send_closed_send_stream
#[test]
fn a_closed_send_end_ends_the_stream_and_refuses() {
    let (send, receive) = memory_object_stream(0);
    block_on(send.aclose()).unwrap();
    assert!(receive.try_receive().unwrap_err().is_end_of_stream());
    assert_eq!(why(now(receive.receive())), "end");
    assert_eq!(back(now(send.send(1))), (1, "closed"));
    assert!(send.try_send(1).unwrap_err().is_closed());
}

// anyio: tests/streams/test_memory.py::test_receive_send_closed_receive_stream
#[test]
fn a_closed_receive_end_refuses_and_breaks_sends() {
    let (send, receive) = memory_object_stream(0);
    block_on(receive.aclose()).unwrap();
    assert!(receive.try_receive().unwrap_err().is_closed());
    assert_eq!(why(now(receive.receive())), "closed");
    assert_eq!(back(now(send.send(1))), (1, "broken"));
    assert!(send.try_send(1).unwrap_err().is_broken());
}

// anyio: tests/streams/test_memory.py::test_cancel_receive
#[test]
fn a_cancelled_receive_is_out_of_line() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut receiving = waiting(scope.run(receive.receive()));
    scope.cancel();
    assert!(receiving.is_woken());
    assert!(receiving.ends().unwrap().is_none());
    assert!(send.try_send("hello").unwrap_err().would_block());
}

// anyio: tests/streams/test_memory.py::test_cancel_send
#[test]
fn a_cancelled_send_withdraws_its_item() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(send.send("hello")));
    scope.cancel();
    assert!(sending.is_woken());
    assert_eq!(back(sending.ends()), ("hello", "cancelled"));
    assert!(receive.try_receive().unwrap_err().would_block());
}

// anyio: tests/streams/test_memory.py::test_clone
#[test]
fn a_clone_goes_on_when_the_original_is_closed() {
    let (first_send, first_receive) = memory_object_stream(1);
    let (send, receive) = (first_send.clone(), first_receive.clone());
    first_send.close();
    first_receive.close();
    send.try_send("hello").unwrap();
    assert_eq!(receive.try_receive().unwrap(), "hello");
}

// anyio: tests/streams/test_memory.py::test_clone_closed
#[test]
fn a_clone_of_a_closed_end_is_closed() {
    let (send, receive) = memory_object_stream::<u32>(1);
    send.close();
    receive.close();
    assert!(send.clone().try_send(1).unwrap_err().is_closed());
    assert!(receive.clone().try_receive().unwrap_err().is_closed());
    let statistics = send.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (0, 0));
}

// anyio: tests/streams/test_memory.py::test_close_send_while_receiving
#[test]
fn closing_the_last_send_end_ends_a_receive_that_waits() {
    let (send, receive) = memory_object_stream::<u32>(1);
    let mut receiving = waiting(receive.receive());
    send.close();
    assert!(receiving.is_woken());
    assert_eq!(why(receiving.ends()), "end");
}

// anyio: tests/streams/test_memory.py::test_close_receive_while_sending
#[test]
fn closing_the_last_receive_end_breaks_a_send_that_waits() {
    // An item that is nothing is given back like any other.
    let (send, receive) = memory_object_stream::<Option<&str>>(0);
    let (mut sending, mut nothing) = (waiting(send.send(Some("hello"))), waiting(send.send(None)));
    receive.close();
    assert!(sending.is_woken() && nothing.is_woken());
    assert_eq!(back(sending.ends()), (Some("hello"), "broken"));
    assert_eq!(back(nothing.ends()), (None, "broken"));
}

// anyio: tests/streams/test_memory.py::test_receive_after_send_closed
#[test]
fn what_is_buffered_can_be_read_after_the_last_send_end_closed() {
    let (send, receive) = memory_object_stream(1);
    now(send.send("hello")).unwrap();
    send.close();
    assert_eq!(now(receive.receive()).unwrap(), "hello");
    assert_eq!(why(now(receive.receive())), "end");
}

// anyio: tests/streams/test_memory.py::test_receive_when_cancelled
#[test]
fn a_receive_in_a_cancelled_scope_takes_nothing() {
    let (send, receive) = memory_object_stream(1);
    now(send.send("hello")).unwrap();
    let mut next = waiting(send.send("world"));
    assert!(now(cancelled().run(receive.receive())).unwrap().is_none());
    assert_eq!(now(receive.receive()).unwrap(), "hello");
    next.ends().unwrap();
    assert_eq!(now(receive.receive()).unwrap(), "world");
}

// anyio: tests/streams/test_memory.py::test_send_when_cancelled
#[test]
fn a_send_in_a_cancelled_scope_sends_nothing() {
    let (send, receive) = memory_object_stream(1);
    assert_eq!(back(now(cancelled().enter(send.send("hello")))), ("hello", "cancelled"));
    now(send.send("world")).unwrap();
    assert_eq!(now(receive.receive()).unwrap(), "world");
    assert!(receive.try_receive().unwrap_err().would_block());
}

// anyio: tests/streams/test_memory.py::test_cancel_during_receive
#[test]
fn an_item_that_was_handed_over_before_the_cancellation_is_received() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut receiving = waiting(scope.run(receive.receive()));
    send.try_send("hello").unwrap();
    scope.cancel();
    assert_eq!(receiving.ends().unwrap(), Some("hello"));
    assert!(scope.cancel_called());
}

// R3; anyio: tests/streams/test_memory.py::test_cancel_during_receive_buffered
#[test]
fn an_item_that_comes_after_the_cancellation_and_before_the_next_poll_is_received() {
    let (send, receive) = memory_object_stream(1);
    let scope = CancelScope::new();
    let mut receiving = waiting(scope.run(receive.receive()));
    scope.cancel();
    send.try_send("hello").unwrap();
    assert_eq!(receiving.ends().unwrap(), Some("hello"));
    assert!(receive.try_receive().unwrap_err().would_block());
}

// anyio: tests/streams/test_memory.py::test_close_receive_after_send
#[test]
fn both_ends_may_close_as_soon_as_the_item_is_handed_over() {
    let (send, receive) = memory_object_stream(0);
    let group = task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async move {
            send.send("test").await?;
            io::Result::Ok(())
        });
        tg.start_soon(async move {
            assert_eq!(receive.receive().await?, "test");
            io::Result::Ok(())
        });
        Ok(())
    });
    assert_eq!(block_on(group).unwrap(), Some(()));
}

// anyio: tests/streams/test_memory.py::test_statistics
#[test]
fn statistics_tell_the_same_from_both_ends() {
    let (send, receive) = memory_object_stream::<Option<u32>>(1);
    let (second_send, second_receive) = (send.clone(), receive.clone());
    let mut lone = waiting(async {
        second_receive.receive().await.unwrap();
        second_receive.receive().await.unwrap();
    });
    let statistics = send.statistics();
    assert_eq!(statistics, receive.statistics());
    assert_eq!(statistics.max_buffer_size, Some(1));
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (2, 2));
    assert_eq!((statistics.tasks_waiting_send, statistics.tasks_waiting_receive), (0, 1));
    assert_eq!(statistics.current_buffer_used, 0);

    for item in [None, Some(1), Some(2)] {
        if item == Some(1) {
            lone.waits();
        }
        send.try_send(item).unwrap();
    }
    assert_eq!(send.statistics().current_buffer_used, 1);
    let mut sending = waiting(second_send.send(None));
    assert_eq!((send.statistics().tasks_waiting_send, send.statistics().tasks_waiting_receive), (1, 0));
    lone.ends();
    receive.try_receive().unwrap();
    sending.ends().unwrap();
    second_send.close();
    second_receive.close();
    let statistics = receive.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (1, 1));
    assert_eq!((statistics.tasks_waiting_send, statistics.current_buffer_used), (0, 1));
}

// anyio: tests/streams/test_memory.py::test_sync_close
#[test]
fn a_dropped_end_is_closed() {
    let (send, receive) = memory_object_stream::<u32>(1);
    {
        let _send = send.clone();
        drop(send);
    }
    assert_eq!(why(now(receive.receive())), "end");

    let (send, receive) = memory_object_stream::<u32>(1);
    drop(receive);
    assert_eq!(back(now(send.send(1))), (1, "broken"));
}
