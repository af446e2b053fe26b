//! Work that belongs to one scope, whoever polls it (R15).

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{
    ambient::{self, Frame, Sight, Visit},
    generation,
    leaf::{Leaf, LeafSlot},
    node::ScopeRef,
    scope_node::ScopeNode,
    tree,
    waker_id::WakerId,
};

pin_project! {
    /// The future of [`CancelExt::in_scope`](crate::CancelExt::in_scope) and
    /// [`CancelExt::in_current_scope`](crate::CancelExt::in_current_scope).
    #[must_use = "futures do nothing unless polled"]
    pub struct InScope<F> {
        #[pin]
        fut: F,
        bond: Bond,
    }
}

impl<F> InScope<F> {
    pub(crate) fn new(fut: F, scope: Option<ScopeRef>) -> Self {
        Self { fut, bond: Bond { scope, leaf: None, user: User::Ahead } }
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.bond.poll(cx, |cx| this.fut.poll(cx))
    }
}

impl<F> fmt::Debug for InScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InScope").finish_non_exhaustive()
    }
}

/// The hold of bound work on its scope. It is always registered there, for the enclosing waker says nothing about it.
struct Bond {
    scope: Option<ScopeRef>,
    leaf: LeafSlot,
    user: User,
}

enum User {
    Ahead,
    /// A scope, which may have a deadline.
    Of(Arc<ScopeNode>),
    /// A place that needs no user: a task, or none at all.
    Nothing,
}

impl Bond {
    fn poll<R>(&mut self, cx: &mut Context<'_>, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        if let User::Ahead = self.user {
            self.user = match self.scope.clone().and_then(|scope| scope.as_scope()) {
                Some(node) => {
                    node.begin_use();
                    User::Of(node)
                }
                None => User::Nothing,
            };
        }
        let generation = generation::current();
        let entry = tree::verdict_elsewhere(self.scope.as_ref());
        let polled = {
            let sight = Sight { generation, verdict: entry, waker: WakerId::of(cx.waker()), in_task: false };
            let frame = Frame { scope: self.scope.take(), sight };
            let _visit = Visit::new(&mut self.scope, frame);
            body(cx)
        };
        match &polled {
            Poll::Ready(_) => self.end(),
            Poll::Pending => {
                if let Some(scope) = &self.scope {
                    let new = Leaf::register(&mut self.leaf, scope.clone(), cx.waker());
                    if let User::Of(node) = &self.user {
                        node.arm();
                    }
                    // As in a seat: what changed before the leaf was there woke nobody, and may have been hidden meanwhile.
                    if new && generation::current() != generation {
                        let now = tree::verdict_elsewhere(Some(scope));
                        if now.is_cancelled() || now.is_stopping() != entry.is_stopping() {
                            cx.waker().wake_by_ref();
                        }
                    }
                }
            }
        }
        polled
    }

    fn end(&mut self) {
        self.leaf = None;
        if let User::Of(node) = std::mem::replace(&mut self.user, User::Nothing) {
            node.end_use();
        }
    }
}

impl Drop for Bond {
    fn drop(&mut self) {
        self.end();
    }
}

/// The scope here, to bind work to.
pub(crate) fn current() -> Option<ScopeRef> {
    ambient::scope()
}
