//! What may go to other threads, and what may be moved.

use anyio_runtime::{Builder, offload};

fn is_send<T: Send>(_: &T) {}
fn is_unpin<T: Unpin>(_: &T) {}

#[test]
fn a_builder_may_go_to_another_thread() {
    is_send(&Builder::new());
}

#[test]
fn an_offloaded_future_is_send_and_unpin_whatever_it_runs() {
    let pinned = async {
        let local = std::marker::PhantomPinned;
        std::future::ready(()).await;
        let _local = local;
        7
    };
    let offloaded = offload(pinned);
    is_send(&offloaded);
    is_unpin(&offloaded);
}

#[test]
fn it_compiles_where_the_compiler_is_not_general_enough() {
    fn spawned(_: impl Future<Output = ()> + Send + 'static) {}
    async fn work(text: &str) -> usize {
        text.len()
    }
    spawned(async {
        let parts = anyio_task_group::gather((0..4).map(|_| {
            offload(async {
                let text = String::from("text");
                Ok::<_, std::io::Error>(work(&text).await)
            })
        }));
        drop(parts.await);
    });
    let boxed: Vec<Box<dyn Future<Output = usize> + Send + Unpin>> = vec![Box::new(offload(work("text")))];
    drop(boxed);
}
