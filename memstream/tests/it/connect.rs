//! Memory listeners, and what connects to them.

use std::io;

use anyio_cancel_scope::CancelScope;
use anyio_memstream::{
    MemoryConnectable, MemoryListener, memory_byte_listener, memory_object_listener, memory_object_stream_pair,
};
use anyio_streams::{
    AsyncResource, Buffered, BufferedConnectable, ByteStreamConnectable, DynByteListener, DynByteStreamConnectable,
    DynListener, DynObjectListener, DynObjectStreamConnectable, Listener, MultiListener, ObjectStream,
    ObjectStreamConnectable, TextConnectable, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use anyio_task_group::task_group;
use futures_lite::future::block_on;

use crate::support::{Steps, cancelled, now, panic_of, waiting, why};

/// A client as users write it.
async fn ask(server: &impl ByteStreamConnectable) -> io::Result<String> {
    let stream = Buffered::new(server.connect().await?);
    anyio_streams::ByteSendStream::send(&stream, b"name?\n").await?;
    Ok(stream.receive_line(80).await?.unwrap_or_default())
}

/// A server as users write it.
async fn serve(listener: &impl Listener<Stream: anyio_streams::ByteStream>) -> io::Result<()> {
    loop {
        let stream = Buffered::new(listener.accept().await?);
        while let Some(line) = stream.receive_line(80).await? {
            assert_eq!(line, "name?");
            anyio_streams::ByteSendStream::send(&stream, b"ada\n").await?;
        }
    }
}

// N15
#[test]
fn a_client_meets_its_server_without_sockets() {
    let (connectable, listener) = memory_byte_listener(3);
    let asked = task_group(async |tg| -> io::Result<(String, String)> {
        tg.start_soon(async { serve(&listener).await });
        let by_name = ask(&connectable).await?;
        let boxed: Box<dyn DynByteStreamConnectable> = Box::new(connectable.clone());
        let asked = (by_name, ask(&boxed).await?);
        tg.cancel();
        Ok(asked)
    });
    assert_eq!(block_on(asked).unwrap(), Some(("ada".into(), "ada".into())));
}

#[test]
fn who_connects_need_not_wait_to_be_accepted() {
    let (connectable, listener) = memory_byte_listener(8);
    let clients: Vec<_> = (0..128).map(|_| now(connectable.connect()).unwrap()).collect();
    let mut one_too_many = waiting(connectable.connect());
    now(clients[0].send(b"first")).unwrap();
    let first = now(listener.accept()).unwrap();
    assert_eq!(now(first.receive(&mut [0; 8])).unwrap(), 5);
    one_too_many.ends().unwrap();
}

#[test]
fn a_closed_listener_refuses() {
    let (connectable, listener) = memory_byte_listener(8);
    let left = now(connectable.connect()).unwrap();
    let mut accept_elsewhere = waiting(async {
        now(listener.accept()).unwrap();
        listener.accept().await
    });
    listener.close();
    assert_eq!(why(accept_elsewhere.ends()), "closed");
    assert_eq!(why(now(listener.accept())), "closed");
    let error = now(connectable.connect()).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (io::ErrorKind::ConnectionRefused, "the memory listener is closed")
    );
    drop(accept_elsewhere);
    // What it had accepted was dropped.
    assert!(now(left.receive(&mut [0])).unwrap_err().is_end_of_stream());
}

#[test]
fn a_listener_ends_when_nobody_can_connect_any_more() {
    let (connectable, listener) = memory_byte_listener(8);
    let _client = now(connectable.clone().connect()).unwrap();
    drop(connectable);
    now(listener.accept()).unwrap();
    assert_eq!(why(now(listener.accept())), "end");
}

// R4
#[test]
fn cancelled_in_time_nobody_is_connected() {
    let (connectable, listener) = memory_byte_listener(8);
    let error = now(cancelled().enter(connectable.connect())).unwrap_err();
    assert!(anyio_cancel_scope::CancelError::is_cancelled(&error));
    let scope = CancelScope::new();
    let mut accept = waiting(scope.enter(listener.accept()));
    scope.cancel();
    assert_eq!(why(accept.ends()), "cancelled");
    now(connectable.connect()).unwrap();
    now(listener.accept()).unwrap();
}

#[test]
fn objects_are_connected_too() {
    let (connectable, listener) = memory_object_listener::<String>(1);
    let boxed: Box<dyn DynObjectStreamConnectable<String>> = Box::new(connectable);
    let client = now(boxed.connect()).unwrap();
    let listener: Box<dyn DynObjectListener<String>> = Box::new(listener);
    let server = now(listener.accept()).unwrap();
    now(client.send("ping".into())).unwrap();
    assert_eq!(now(server.receive()).unwrap(), "ping");
    now(client.send_eof()).unwrap();
    assert_eq!(why(now(server.receive())), "end");
    now(server.send("pong".into())).unwrap();
    assert_eq!(now(client.receive()).unwrap(), "pong");
}

#[test]
fn a_pair_of_object_streams_is_connected_both_ways() {
    let (here, there) = memory_object_stream_pair(1);
    now(here.send(1)).unwrap();
    now(there.send(2)).unwrap();
    assert_eq!((now(there.receive()).unwrap(), now(here.receive()).unwrap()), (1, 2));
    here.close();
    assert_eq!(why(now(here.receive())), "closed");
    assert_eq!(why(now(there.receive())), "end");
    assert_eq!(now(there.send(3)).unwrap_err().into_item(), 3);
}

// anyio: tests/streams/test_buffered.py::test_buffered_connectable
// anyio: tests/streams/test_text.py::test_text_connectable
#[test]
fn what_is_connected_can_be_wrapped_beforehand() {
    let (connectable, listener) = memory_byte_listener(80);
    let buffered = now(BufferedConnectable::new(connectable.clone()).connect()).unwrap();
    let text = now(TextConnectable::new(connectable).connect()).unwrap();
    now(now(listener.accept()).unwrap().send(b"one\ntwo")).unwrap();
    assert_eq!(now(buffered.receive_line(9)).unwrap().unwrap(), "one");
    now(now(listener.accept()).unwrap().send("zwölf".as_bytes())).unwrap();
    assert_eq!(now(text.receive()).unwrap(), "zwölf");
}

#[test]
fn boxed_listeners_of_every_form_accept() {
    let (connectable, listener) = memory_byte_listener(8);
    let typed: &dyn DynListener<_> = &listener;
    let client = now(connectable.connect()).unwrap();
    let accepted = now(typed.accept()).unwrap();
    now(client.send(b"x")).unwrap();
    assert_eq!(now(accepted.receive(&mut [0])).unwrap(), 1);
    let hidden: Box<dyn DynByteListener> = Box::new(listener);
    now(connectable.connect()).unwrap();
    now(hidden.dyn_accept()).unwrap();
    hidden.close();
    assert_eq!(why(now(hidden.accept()).map(drop)), "closed");
}

type Ends =
    (Vec<MemoryConnectable<anyio_memstream::MemoryByteStream>>, Vec<MemoryListener<anyio_memstream::MemoryByteStream>>);

fn several(count: usize) -> Ends {
    (0..count).map(|_| memory_byte_listener(8)).unzip()
}

// W8
#[test]
fn several_listeners_are_one() {
    let (connectables, listeners) = several(3);
    let listener = MultiListener::new(listeners);
    let mut accept = waiting(listener.accept());
    now(connectables[2].connect()).unwrap();
    assert!(accept.is_woken());
    accept.ends().unwrap();
    drop(accept);
    now(connectables[0].connect()).unwrap();
    now(listener.accept()).unwrap();
    listener.close();
    for connectable in &connectables {
        assert_eq!(now(connectable.connect()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
    assert_eq!(why(now(listener.accept())), "closed");
}

#[test]
fn an_accept_that_is_dropped_or_cancelled_loses_no_connection_of_any_listener() {
    let (connectables, listeners) = several(2);
    let listener = MultiListener::new(listeners);
    drop(waiting(listener.accept()));
    // Handed to the accepts that were begun, and that nobody polls now.
    now(connectables[0].connect()).unwrap();
    now(connectables[1].connect()).unwrap();
    assert_eq!(why(now(cancelled().enter(listener.accept()))), "cancelled");
    now(listener.accept()).unwrap();
    now(listener.accept()).unwrap();
    let scope = CancelScope::new();
    let mut accept = waiting(scope.enter(listener.accept()));
    scope.cancel();
    assert!(accept.is_woken());
    assert_eq!(why(accept.ends()), "cancelled");
    drop(accept);
    now(connectables[1].connect()).unwrap();
    now(listener.accept()).unwrap();
}

#[test]
fn a_busy_listener_does_not_keep_others_waiting() {
    let (connectables, listeners) = several(2);
    let listener = MultiListener::new(listeners);
    let busy: Vec<_> = (0..5).map(|_| now(connectables[0].connect()).unwrap()).collect();
    let other = now(connectables[1].connect()).unwrap();
    now(other.send(b"x")).unwrap();
    let accepted = [now(listener.accept()).unwrap(), now(listener.accept()).unwrap()];
    let others = accepted.iter().filter(|stream| waiting_is_over(stream)).count();
    assert_eq!(others, 1);
    drop(busy);
}

fn waiting_is_over(stream: &anyio_memstream::MemoryByteStream) -> bool {
    let mut buf = [0];
    let mut receive = anyio_future_contract::Polled::new(stream.receive(&mut buf));
    receive.step().is_ready()
}

// H4
#[test]
fn a_connection_that_was_granted_when_several_listeners_were_closed_is_dropped() {
    let (connectables, listeners) = several(2);
    let listener = MultiListener::new(listeners);
    let mut accept = waiting(listener.accept());
    let stream = now(connectables[1].connect()).unwrap();
    listener.close();
    assert_eq!(why(accept.ends()), "closed");
    drop(accept);
    assert_eq!(why(now(stream.receive(&mut [0]))), "end");
}

#[test]
fn no_listener_at_all_waits_and_does_not_end() {
    let listener = MultiListener::new(several(0).1);
    drop(waiting(listener.accept()));
    listener.close();
    assert_eq!(why(now(listener.accept())), "closed");
}

#[test]
fn several_listeners_accept_for_one_task_at_a_time() {
    let (connectables, listeners) = several(2);
    let listener = MultiListener::new(listeners);
    let accept = waiting(listener.accept());
    assert!(now(listener.accept()).unwrap_err().is_busy());
    drop(accept);
    now(connectables[0].connect()).unwrap();
    now(listener.accept()).unwrap();
    assert_eq!(listener.listeners().count(), 2);
}

#[test]
fn several_listeners_have_ended_when_all_have() {
    let (mut connectables, listeners) = several(2);
    let listener = MultiListener::new(listeners);
    drop(connectables.remove(0));
    for _ in 0..3 {
        now(connectables[0].connect()).unwrap();
        now(listener.accept()).unwrap();
    }
    let mut accept = waiting(listener.accept());
    drop(connectables);
    assert!(accept.is_woken());
    assert_eq!(why(accept.ends()), "end");
    drop(accept);
    assert_eq!(why(now(listener.accept())), "end");
    listener.close();
    assert_eq!(why(now(listener.accept())), "closed");
}

#[test]
fn closing_several_listeners_drops_the_connections_that_were_not_accepted() {
    let (connectables, listeners) = several(2);
    let listener = MultiListener::new(listeners);
    drop(waiting(listener.accept()));
    let client = now(connectables[0].connect()).unwrap();
    now(listener.aclose()).unwrap();
    let mut buf = [0];
    assert!(now(client.receive(&mut buf)).unwrap_err().is_end_of_stream());
    let none = MultiListener::new(several(0).1);
    none.close();
    assert_eq!(why(now(none.accept())), "closed");
}

#[test]
fn listeners_nest() {
    let (connectables, mut listeners) = several(3);
    let last = MultiListener::new(listeners.pop());
    let first = MultiListener::new(listeners);
    let listener = MultiListener::new([first, last]);
    for connectable in &connectables {
        now(connectable.connect()).unwrap();
        now(listener.accept()).unwrap();
    }
    now(listener.aclose()).unwrap();
    assert!(now(connectables[2].connect()).is_err());
}

#[test]
fn a_listener_of_streams_without_room_is_refused() {
    assert!(panic_of(|| memory_byte_listener(0)).contains("give it 1 at least"));
}
