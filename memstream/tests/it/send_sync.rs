//! One table of what may cross threads, what may be moved and what shows itself; and where a task is told to wait.

use std::{cell::Cell, fmt::Debug, future::Future, io, marker::PhantomPinned, rc::Rc};

use anyio_cancel_scope::Cancelled;
use anyio_memstream::{
    MemoryObjectReceiveStream, MemoryObjectSendStream, MemoryObjectStreamStatistics, Next, Receive, Sending,
    memory_object_stream,
};
use anyio_streams::{
    AsyncResource, DynObjectReceiveStream, DynObjectSendStream, ObjectReceiveStream, ObjectSendStream, ReceiveError,
    SendError,
};
use anyio_task_group::{debug::task_tree, task_group};
use futures::Stream;

use crate::support::waiting;

fn everywhere<T: Send + Sync + Unpin + Debug>() {}
fn moves<T: Unpin + Debug>() {}

#[test]
fn ends_and_futures_go_where_their_items_go() {
    // What is only `Send` is shared by a channel as well: there is a lock around it.
    everywhere::<MemoryObjectSendStream<Cell<u8>>>();
    everywhere::<MemoryObjectReceiveStream<Cell<u8>>>();
    everywhere::<Receive<'_, Cell<u8>>>();
    everywhere::<Next<'_, Cell<u8>>>();
    everywhere::<Sending<'_, u8>>();
    everywhere::<MemoryObjectStreamStatistics>();
    fn send<T: Send>() {}
    send::<Sending<'_, Cell<u8>>>();
    // An item is moved, never pinned.
    moves::<Sending<'_, PhantomPinned>>();
    moves::<Receive<'_, PhantomPinned>>();
    moves::<MemoryObjectSendStream<PhantomPinned>>();
}

#[test]
fn ends_of_what_stays_on_its_thread_stay_there() {
    trait Ambiguous<A> {
        fn some() {}
    }
    impl<T> Ambiguous<()> for T {}
    impl<T: Send> Ambiguous<u8> for T {}
    // None of these is `Send`, or the two candidates would be ambiguous.
    <MemoryObjectSendStream<Rc<()>> as Ambiguous<_>>::some();
    <MemoryObjectReceiveStream<Rc<()>> as Ambiguous<_>>::some();
    <Sending<'_, Rc<()>> as Ambiguous<_>>::some();
    let (send, receive) = memory_object_stream(1);
    send.try_send(Rc::new(1)).unwrap();
    assert_eq!(*receive.try_receive().unwrap(), 1);
}

// surface/src/memory.rs
#[test]
fn what_the_surface_promises_holds() {
    fn future<T>(_: impl Future<Output = T> + Send + Unpin) {}
    fn streams<T: Send + 'static>(send: &MemoryObjectSendStream<T>, receive: MemoryObjectReceiveStream<T>, item: T) {
        fn stream<T>(_: impl Stream<Item = Result<T, Cancelled>> + Send + Unpin) {}
        future::<Result<(), SendError<T>>>(send.send(item));
        future::<Result<T, ReceiveError>>(receive.receive());
        future::<Result<Option<T>, ReceiveError>>(receive.next());
        future::<Result<(), SendError<Option<T>>>>(send.send_all(futures::stream::empty()));
        stream(receive.stream());
        stream(receive.into_stream());
    }
    fn traits<T: Send>(
        _: &(impl ObjectSendStream<SendItem = T> + Clone),
        _: &(impl ObjectReceiveStream<Item = T> + Clone),
    ) {
    }
    let (send, receive) = memory_object_stream::<Cell<u8>>(1);
    traits(&send, &receive);
    streams(&send, receive, Cell::new(1));
    fn resource(_: &impl AsyncResource) {}
    resource(&send);
}

#[test]
fn boxed_ends_are_streams() {
    let (send, receive) = memory_object_stream(1);
    let send: Box<dyn DynObjectSendStream<u8>> = Box::new(send);
    let receive: Box<dyn DynObjectReceiveStream<u8>> = Box::new(receive);
    futures_lite::future::block_on(async {
        ObjectSend::send(&send, 1).await.unwrap();
        assert_eq!(receive.dyn_receive().await.unwrap(), 1);
        send.close();
        assert!(receive.dyn_receive().await.unwrap_err().is_end_of_stream());
    });
    use anyio_streams::UnreliableObjectSendStream as ObjectSend;
}

#[test]
fn the_task_tree_tells_where_a_task_waits() {
    let (send, receive) = memory_object_stream(0);
    let (line, send, receive) = (line!(), &send, &receive);
    let group = waiting(task_group(async move |tg| -> io::Result<()> {
        tg.task("memstream sender").start_soon(async { Ok::<_, io::Error>(send.send(1).await?) });
        tg.task("memstream forwarder")
            .start_soon(async { Ok::<_, io::Error>(send.send_all(futures::stream::pending()).await?) });
        tg.task("memstream receiver").start_soon(async { through_the_trait(&other_end()).await });
        tg.task("memstream next").start_soon(async {
            assert_eq!(other_end().next().await?, None);
            io::Result::Ok(())
        });
        let _receive = receive;
        std::future::pending().await
    }));
    let tree = task_tree();
    let waits = |name: &str| {
        let task = tree.tasks().iter().find(|task| task.name() == name).unwrap().clone();
        let (verb, place) = task.waiting().unwrap();
        assert_eq!(place.file(), file!());
        (verb, place.line() - line)
    };
    assert_eq!(waits("memstream sender"), ("send", 2));
    assert_eq!(waits("memstream forwarder").0, "send_all");
    assert_eq!(waits("memstream receiver").0, "receive");
    assert_eq!(waits("memstream next").0, "next");
    drop(group);
}

/// Of a stream that stays open.
fn other_end() -> MemoryObjectReceiveStream<u32> {
    let (send, receive) = memory_object_stream(0);
    std::mem::forget(send);
    receive
}

async fn through_the_trait(stream: &impl ObjectReceiveStream<Item = u32>) -> io::Result<()> {
    // Through a pointer to it too.
    stream.receive().await?;
    Ok(())
}
