//! The claims that every waiting future meets, for those of this crate.

use std::sync::Arc;

use anyio_future_contract::Contract;
use anyio_memstream::{
    MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream, memory_object_stream_unbounded,
};
use futures::StreamExt;

type Ends = (MemoryObjectSendStream<u32>, MemoryObjectReceiveStream<u32>);

fn send_one(ends: &Ends) {
    ends.0.try_send(1).unwrap();
}

fn has_one(ends: &Ends) -> bool {
    ends.1.try_receive().is_ok()
}

/// Full, with a buffer of `capacity`: each item that is taken makes one send due.
fn full(capacity: usize) -> Ends {
    let ends = memory_object_stream(capacity);
    for _ in 0..capacity {
        ends.0.try_send(0).unwrap();
    }
    ends
}

#[test]
fn receive_keeps_the_contract() {
    for capacity in [None, Some(16)] {
        Contract::new(move || capacity.map_or_else(memory_object_stream_unbounded, memory_object_stream))
            .future(|ends: Arc<Ends>| async move { ends.1.receive().await.unwrap() })
            .due(send_one)
            .passed_on(has_one)
            .check();
    }
}

#[test]
fn next_keeps_the_contract() {
    Contract::new(memory_object_stream_unbounded)
        .future(|ends: Arc<Ends>| async move { ends.1.next().await.unwrap() })
        .due(send_one)
        .passed_on(has_one)
        .check();
}

#[test]
fn a_stream_keeps_the_contract() {
    Contract::new(memory_object_stream_unbounded)
        .future(|ends: Arc<Ends>| async move { ends.1.stream().next().await })
        .due(send_one)
        .passed_on(has_one)
        .check();
}

#[test]
fn a_receive_at_the_end_keeps_the_contract() {
    Contract::new(|| memory_object_stream::<u32>(0))
        .future(|ends: Arc<Ends>| async move { ends.1.receive().await.unwrap_err() })
        .due(|ends| ends.0.close())
        .check();
}

#[test]
fn a_receive_of_a_closed_end_keeps_the_contract() {
    Contract::new(|| memory_object_stream::<u32>(0))
        .future(|ends: Arc<Ends>| async move { ends.1.receive().await.unwrap_err() })
        .due(|ends| ends.1.close())
        .check();
}

#[test]
fn send_keeps_the_contract() {
    for capacity in [1, 2, 16] {
        Contract::new(move || full(capacity))
            .future(|ends: Arc<Ends>| async move { ends.0.send(1).await.unwrap() })
            .due(|ends| drop(ends.1.try_receive()))
            .check();
    }
}

#[test]
fn a_broken_send_keeps_the_contract() {
    Contract::new(|| full(1))
        .future(|ends: Arc<Ends>| async move { ends.0.send(1).await.unwrap_err().item })
        .due(|ends| ends.1.close())
        .check();
}

#[test]
fn a_send_on_a_closed_end_keeps_the_contract() {
    Contract::new(|| full(1))
        .future(|ends: Arc<Ends>| async move { ends.0.send(1).await.unwrap_err().item })
        .due(|ends| ends.0.close())
        .check();
}

#[test]
fn send_all_keeps_the_contract() {
    Contract::new(|| full(1))
        .future(|ends: Arc<Ends>| async move { ends.0.send_all(futures::stream::iter([1])).await.unwrap() })
        .due(|ends| drop(ends.1.try_receive()))
        .check();
}
