//! The variables of one place, kept, and put in force elsewhere. It holds a list of `bindings`, which is never changed, so
//! that taking a snapshot is one clone.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::bindings::{self, Head};

/// The variables of one place, to carry elsewhere: to a thread, to a task of a foreign executor.
///
/// The tasks of a group need none: they inherit by themselves.
///
/// # Examples
/// ```
/// use anyio_context_vars::{Snapshot, context_var};
///
/// context_var! { static USER: String; }
///
/// # futures_lite::future::block_on(async {
/// let seen = USER.scope("ada".into(), async {
///     let snapshot = Snapshot::take();
///     std::thread::spawn(move || snapshot.enter(|| USER.get())).join().unwrap()
/// });
/// assert_eq!(seen.await.as_deref(), Some("ada"));
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Snapshot {
    head: Head,
}

impl Snapshot {
    /// The variables that are set here, without the local ones. It costs nothing where none is set.
    #[inline]
    pub fn take() -> Self {
        if bindings::head_address() == 0 {
            Self { head: None }
        } else {
            Self { head: bindings::inherited(bindings::head()) }
        }
    }

    /// Whether no variable is set in it.
    pub fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Runs `f` with these variables, and no others.
    #[inline]
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        self.clone().enter_mut(f)
    }

    /// [`enter`](Self::enter) without the cost of a clone; nothing is swapped where none is set on either side.
    #[inline]
    pub fn enter_mut<R>(&mut self, f: impl FnOnce() -> R) -> R {
        if self.head.is_none() && bindings::head_address() == 0 { f() } else { bindings::with(&mut self.head, f) }
    }

    /// Polls `fut` with these variables, and no others.
    pub fn bind<F: Future>(&self, fut: F) -> InSnapshot<F> {
        InSnapshot { snapshot: self.clone(), fut }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("empty", &self.is_empty()).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Snapshot::bind`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InSnapshot<F> {
        snapshot: Snapshot,
        #[pin]
        fut: F,
    }
}

impl<F: Future> Future for InSnapshot<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.snapshot.enter_mut(|| this.fut.poll(cx))
    }
}

impl<F> fmt::Debug for InSnapshot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InSnapshot").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}
