use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::bindings::{self, Binding, Head, Value};

pin_project! {
    /// The future of [`ContextVar::scope`](crate::ContextVar::scope).
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        key: usize,
        value: Value,
        local: bool,
        // Made for the bindings around at the last poll, and made anew when those are others.
        head: Head,
        outer: usize,
        #[pin]
        fut: F,
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(key: usize, value: Value, local: bool, fut: F) -> Self {
        Self { key, value, local, head: None, outer: 0, fut }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let outer = bindings::head_address();
        if this.head.is_none() || outer != *this.outer {
            *this.head = Some(Binding::new(*this.key, this.value.clone(), *this.local, bindings::head()));
            *this.outer = outer;
        }
        bindings::with(this.head, || this.fut.poll(cx))
    }
}

impl<F> fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("local", &self.local).finish_non_exhaustive()
    }
}
