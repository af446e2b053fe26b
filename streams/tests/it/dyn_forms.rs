//! Trait objects are streams.

use std::sync::Arc;

use anyio_streams::{
    AsyncResource, DynAsyncResource, DynObjectReceiveStream, DynObjectSendStream, DynObjectStream,
    DynUnreliableObjectReceiveStream, DynUnreliableObjectSendStream, DynUnreliableObjectStream, ObjectReceiveStream,
    ObjectSendStream, ObjectStream, UnreliableObjectReceiveStream, UnreliableObjectSendStream, UnreliableObjectStream,
    aclose_forcefully,
};
use futures_lite::future::block_on;

use crate::support::Queue;

/// Generic over both directions, as code of users is.
async fn echo(stream: &(impl UnreliableObjectStream<Item = u32> + ?Sized)) -> u32 {
    stream.send(1).await.unwrap();
    stream.receive().await.unwrap()
}

async fn echo_in_order(stream: &(impl ObjectStream<Item = u32> + ?Sized)) -> u32 {
    stream.send(1).await.unwrap();
    stream.send(2).await.unwrap();
    stream.send_eof().await.unwrap();
    stream.receive().await.unwrap() + 10 * stream.receive().await.unwrap()
}

#[test]
fn a_trait_object_is_what_its_trait_stands_for() {
    let queue = Arc::new(Queue::<u32>::new());
    block_on(async {
        let both: &dyn DynObjectStream<u32> = &*queue;
        assert_eq!(echo_in_order(both).await, 21);
        assert_eq!(queue.ended(), 1);
        let unreliable: &dyn DynUnreliableObjectStream<u32> = &*queue;
        assert_eq!(echo(unreliable).await, 1);

        let sends: &dyn DynObjectSendStream<u32> = &*queue;
        let receives: &dyn DynObjectReceiveStream<u32> = &*queue;
        pass(sends, receives).await;
        let sends: &dyn DynUnreliableObjectSendStream<u32> = &*queue;
        let receives: &dyn DynUnreliableObjectReceiveStream<u32> = &*queue;
        sends.send(4).await.unwrap();
        assert_eq!(receives.receive().await.unwrap(), 4);
        assert!(receives.receive().await.unwrap_err().is_end_of_stream());
    });
}

async fn pass(
    sends: &(impl ObjectSendStream<SendItem = u32> + ?Sized),
    receives: &(impl ObjectReceiveStream<Item = u32> + ?Sized),
) {
    sends.send(3).await.unwrap();
    assert_eq!(receives.receive().await.unwrap(), 3);
}

#[test]
fn boxes_of_trait_objects_are_streams_and_trait_objects_again() {
    let shared = Arc::new(Queue::<u32>::new());
    let stream: Box<dyn DynObjectStream<u32>> = Box::new(shared.clone());
    let again: Box<dyn DynObjectStream<u32>> = Box::new(stream);
    let shared_again: Arc<dyn DynObjectStream<u32>> = Arc::new(again);
    block_on(async {
        assert_eq!(echo(&shared_again).await, 1);
        assert_eq!(echo_in_order(&shared_again).await, 21);
        shared_again.aclose().await.unwrap();
        AsyncResource::close(&shared_again);
    });
    assert_eq!((shared.counts(), shared.ended()), ([1, 1], 1));
}

#[test]
fn a_trait_object_becomes_one_of_a_part() {
    let stream: Box<dyn DynObjectStream<u32>> = Box::new(Queue::<u32>::new());
    let receives: Box<dyn DynObjectReceiveStream<u32>> = stream;
    let unreliable: Box<dyn DynUnreliableObjectReceiveStream<u32>> = receives;
    let resource: Box<dyn DynAsyncResource> = unreliable;
    block_on(async {
        resource.aclose().await.unwrap();
        aclose_forcefully(&*resource).await;
    });
}

#[test]
fn a_trait_object_may_borrow_and_be_of_borrowed_items() {
    let text = String::from("line");
    let queue = Queue::<&str>::new();
    let stream: Box<dyn DynObjectStream<&str> + '_> = Box::new(&queue);
    block_on(async {
        stream.send(&text).await.unwrap();
        assert_eq!(stream.receive().await.unwrap(), "line");
    });
}

#[test]
fn a_refused_item_comes_back_through_a_trait_object() {
    let stream: Box<dyn DynObjectStream<String>> = Box::new(Queue::new());
    AsyncResource::close(&stream);
    let error = block_on(stream.send("item".into())).unwrap_err();
    assert!(error.is_closed());
    assert_eq!(error.into_item(), "item");
}

#[test]
fn streams_of_several_kinds_go_into_one_list() {
    let (first, second) = (Queue::<u32>::new(), Arc::new(Queue::<u32>::new()));
    let list: Vec<Box<dyn DynObjectStream<u32>>> = vec![Box::new(first), Box::new(second)];
    block_on(async {
        for stream in &list {
            assert_eq!(echo(stream).await, 1);
        }
    });
}
