//! Wrappers as users write them: plain `async fn`s over any stream, in tasks of any executor.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyio_streams::{
    AsyncResource, DynObjectStream, ObjectReceiveStream, ObjectSendStream, ObjectStream, ReceiveError, SendError,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};

use crate::support::Queue;

/// Counts what goes through, and lets through what is long enough.
struct Filtered<S> {
    inner: S,
    least: usize,
    passed: AtomicUsize,
}

impl<S: AsyncResource> AsyncResource for Filtered<S> {
    async fn aclose(&self) -> io::Result<()> {
        self.inner.aclose().await
    }

    fn close(&self) {
        self.inner.close();
    }
}

impl<S: UnreliableObjectReceiveStream<Item = String>> UnreliableObjectReceiveStream for Filtered<S> {
    type Item = String;

    async fn receive(&self) -> Result<String, ReceiveError> {
        loop {
            let text = self.inner.receive().await?;
            if text.len() >= self.least {
                self.passed.fetch_add(1, Ordering::SeqCst);
                return Ok(text);
            }
        }
    }
}

impl<S: UnreliableObjectSendStream<SendItem = String>> UnreliableObjectSendStream for Filtered<S> {
    type SendItem = (String, usize);

    async fn send(&self, (text, times): (String, usize)) -> Result<(), SendError<(String, usize)>> {
        for count in 0..times {
            let sent = self.inner.send(text.clone()).await;
            sent.map_err(|error| SendError::new((error.item, times - count), error.reason))?;
        }
        Ok(())
    }
}

impl<S: ObjectReceiveStream<Item = String>> ObjectReceiveStream for Filtered<S> {}
impl<S: ObjectSendStream<SendItem = String>> ObjectSendStream for Filtered<S> {}

async fn work<S>(stream: S) -> io::Result<Vec<String>>
where
    S: ObjectStream<Item = String> + 'static,
{
    let filtered = Arc::new(Filtered { inner: stream, least: 3, passed: AtomicUsize::new(0) });
    let sender = filtered.clone();
    tokio::spawn(async move {
        for text in ["one", "at", "three"] {
            sender.send((text.to_owned(), 2)).await?;
        }
        io::Result::Ok(())
    })
    .await
    .unwrap()?;
    let receiver = filtered.clone();
    let texts = tokio::spawn(async move {
        let mut texts = Vec::new();
        while let Ok(text) = receiver.receive().await {
            texts.push(text);
        }
        texts
    })
    .await
    .unwrap();
    assert_eq!(filtered.passed.load(Ordering::SeqCst), texts.len());
    filtered.close();
    let (text, left) = filtered.send(("last".into(), 7)).await.unwrap_err().into_item();
    assert_eq!((text.as_str(), left), ("last", 7));
    Ok(texts)
}

#[test]
fn a_wrapper_of_plain_async_fns_goes_into_tasks() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let expected = ["one", "one", "three", "three"];
    assert_eq!(runtime.block_on(work(Queue::new())).unwrap(), expected);
    assert_eq!(runtime.block_on(work(Arc::new(Queue::new()))).unwrap(), expected);
    let boxed: Box<dyn DynObjectStream<String>> = Box::new(Queue::new());
    assert_eq!(runtime.block_on(async { tokio::spawn(work(boxed)).await.unwrap() }).unwrap(), expected);
}

#[test]
fn one_task_sends_while_another_receives_on_the_same_object() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let stream = Arc::new(Queue::<u32>::new());
    runtime.block_on(async {
        let sends = tokio::spawn({
            let stream = stream.clone();
            async move {
                for number in 0..100 {
                    stream.send(number).await.unwrap();
                }
            }
        });
        let mut received = 0;
        while received < 100 {
            match stream.receive().await {
                Ok(number) => {
                    assert_eq!(number, received);
                    received += 1;
                }
                Err(error) => {
                    assert!(error.is_end_of_stream());
                    tokio::task::yield_now().await;
                }
            }
        }
        sends.await.unwrap();
    });
}
