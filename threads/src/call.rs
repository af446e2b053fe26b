//! The future of a thread where somebody else polls it: its output and its panic go to that thread.

use std::{
    future::Future,
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::answer::{Responder, caught};

pin_project! {
    pub(crate) struct Call<F, T> {
        #[pin]
        work: Option<F>,
        responder: Option<Responder<T>>,
    }

    impl<F, T> PinnedDrop for Call<F, T> {
        fn drop(this: Pin<&mut Self>) {
            // The future goes before its thread is told.
            let mut this = this.project();
            let dropped = caught(|| this.work.set(None));
            drop(this.responder.take());
            if let Err(payload) = dropped
                && !std::thread::panicking()
            {
                resume_unwind(payload);
            }
        }
    }
}

impl<F: Future> Call<F, F::Output> {
    pub(crate) fn new(work: F, responder: Responder<F::Output>) -> Self {
        Self { work: Some(work), responder: Some(responder) }
    }
}

impl<F: Future> Future for Call<F, F::Output> {
    type Output = ();

    /// Panics only with a panic of the future that nobody waits for any more.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(work) = this.work.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        let output = match caught(|| work.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(payload),
        };
        // Its own panic comes first, then that of its destructor.
        let dropped = caught(|| this.work.set(None));
        let output = output.and_then(|output| dropped.map(|()| output));
        if let Some(responder) = this.responder.take()
            && let Err(Err(payload)) = responder.give(output)
        {
            resume_unwind(payload);
        }
        Poll::Ready(())
    }
}
