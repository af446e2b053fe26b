//! One table of what may cross threads.

use std::{cell::Cell, fmt::Debug, future::Future, io};

use anyio_streams::{
    BoxFuture, ByteSendError, DynAsyncResource, DynObjectReceiveStream, DynObjectSendStream, DynObjectStream,
    DynUnreliableObjectStream, ObjectStream, ReceiveError, SendError, SendReason, TryReceiveError, TrySendError,
    TrySendReason,
};

fn everywhere<T: Send + Sync + Unpin + Debug + 'static>() {}
fn send<T: Send>() {}
fn send_sync<T: Send + Sync + ?Sized>() {}

#[test]
fn errors_go_everywhere() {
    everywhere::<ReceiveError>();
    everywhere::<SendReason>();
    everywhere::<SendError<u8>>();
    everywhere::<ByteSendError>();
    everywhere::<TryReceiveError>();
    everywhere::<TrySendReason>();
    everywhere::<TrySendError<u8>>();
    // As far as their item does.
    send::<SendError<Cell<u8>>>();
    send::<TrySendError<Cell<u8>>>();
}

#[test]
fn trait_objects_go_everywhere() {
    send_sync::<dyn DynAsyncResource>();
    send_sync::<dyn DynObjectReceiveStream<Cell<u8>>>();
    send_sync::<dyn DynObjectSendStream<Cell<u8>>>();
    send_sync::<dyn DynObjectStream<Cell<u8>>>();
    send_sync::<dyn DynUnreliableObjectStream<Cell<u8>>>();
    send::<BoxFuture<'_, ()>>();
}

// surface/src/streams.rs: the futures of any stream are `Send`, also where the stream is a type parameter.
#[test]
fn futures_of_generic_streams_are_send() {
    fn future<T>(_: impl Future<Output = T> + Send) {}
    fn of<S: ObjectStream<Item = String>>(stream: &S) {
        future::<Result<String, ReceiveError>>(stream.receive());
        future::<Result<(), SendError<String>>>(stream.send(String::new()));
        future::<io::Result<()>>(stream.send_eof());
        future::<io::Result<()>>(stream.aclose());
    }
    of(&crate::support::Queue::new());
}

#[test]
fn errors_are_small() {
    assert!(size_of::<ReceiveError>() <= 3 * size_of::<usize>());
    assert!(size_of::<SendError<()>>() <= 3 * size_of::<usize>());
}
