//! What both ends tell about the stream.

use anyio_memstream::{MemoryObjectStreamStatistics, memory_object_stream, memory_object_stream_unbounded};

use crate::support::{Steps, now, waiting};

#[test]
fn a_new_stream() {
    let (send, receive) = memory_object_stream::<u32>(5);
    let statistics = send.statistics();
    assert_eq!(
        format!("{statistics:?}"),
        "MemoryObjectStreamStatistics { current_buffer_used: 0, max_buffer_size: Some(5), open_send_streams: 1, \
         open_receive_streams: 1, tasks_waiting_send: 0, tasks_waiting_receive: 0, peak_buffer_used: 0, dropped: 0 }"
    );
    assert_eq!(statistics, receive.statistics());
    assert_eq!(memory_object_stream_unbounded::<u32>().0.statistics().max_buffer_size, None);
}

#[test]
fn both_ends_tell_the_same_at_every_moment() {
    let (send, receive) = memory_object_stream(2);
    let both = |expected: [usize; 4]| {
        let statistics: MemoryObjectStreamStatistics = send.statistics();
        assert_eq!(statistics, receive.statistics());
        let seen = [
            statistics.current_buffer_used,
            statistics.tasks_waiting_send,
            statistics.tasks_waiting_receive,
            statistics.peak_buffer_used,
        ];
        assert_eq!(seen, expected);
    };
    let mut receiving = [waiting(receive.receive()), waiting(receive.receive())];
    both([0, 0, 2, 0]);
    now(send.send(1)).unwrap();
    // Who has its item waits no longer, though it was not polled.
    both([0, 0, 1, 0]);
    now(send.send(2)).unwrap();
    now(send.send(3)).unwrap();
    both([1, 0, 0, 1]);
    now(send.send(4)).unwrap();
    let mut sending = [waiting(send.send(5)), waiting(send.send(6))];
    both([2, 2, 0, 2]);
    assert_eq!(receive.try_receive().unwrap(), 3);
    both([2, 1, 0, 2]);
    drop(receive.try_receive());
    drop(receive.try_receive());
    both([1, 0, 0, 2]);
    drop(receive.try_receive());
    both([0, 0, 0, 2]);
    receiving.iter_mut().for_each(|receiving| drop(receiving.ends()));
    sending.iter_mut().for_each(|sending| sending.ends().unwrap());
    both([0, 0, 0, 2]);
}

#[test]
fn the_peak_is_that_of_the_buffer() {
    let (send, receive) = memory_object_stream_unbounded();
    for round in [3, 7, 2] {
        for number in 0..round {
            now(send.send(number)).unwrap();
        }
        while receive.try_receive().is_ok() {}
    }
    assert_eq!(receive.statistics().peak_buffer_used, 7);
}

#[test]
fn they_stay_readable_when_both_ends_are_closed() {
    let (send, receive) = memory_object_stream(3);
    now(send.send(1)).unwrap();
    send.close();
    receive.close();
    assert_eq!(send.statistics(), receive.statistics());
    assert_eq!((send.statistics().dropped, send.statistics().peak_buffer_used), (1, 1));
    assert_eq!((send.statistics().open_send_streams, send.statistics().open_receive_streams), (0, 0));
}

#[test]
fn the_ends_show_them_and_never_an_item() {
    let (send, receive) = memory_object_stream(3);
    now(send.send("secret")).unwrap();
    let shown = format!("{send:?} {receive:?} {:?} {:?} {:?}", send.send("secret"), receive.receive(), receive.next());
    assert!(
        shown.starts_with("MemoryObjectSendStream { statistics: MemoryObjectStreamStatistics { current_buffer_used: 1")
    );
    assert!(shown.ends_with("Sending { .. } Receive { .. } Next { .. }"), "{shown}");
    assert!(!shown.contains("secret"));
}
