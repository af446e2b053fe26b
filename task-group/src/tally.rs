//! What a group has seen fail, and what it makes of that when everything has ended (G2).

use anyio_cancel_scope::{CancelError, Cause, check_cancelled, host, host::ScopeRef};

use crate::{ErrorGroup, child::ChildEnd, hub::Hub};

pub(crate) struct Tally<E> {
    /// The body's error, which comes first whenever it came.
    body: Option<E>,
    children: Vec<E>,
    /// Someone was interrupted because the group was effectively cancelled: work is missing.
    interrupted: bool,
}

impl<E> Tally<E> {
    pub(crate) fn new() -> Self {
        Self { body: None, children: Vec::new(), interrupted: false }
    }

    /// Notes how the body ended, in the group's scope; hands out its value.
    pub(crate) fn body<T>(&mut self, hub: &Hub, end: ChildEnd<T, E>) -> Option<T> {
        match end {
            ChildEnd::Value(value) => return Some(value),
            ChildEnd::Interrupted => self.interrupted = true,
            ChildEnd::Failed(error) => {
                self.body = Some(error);
                fail(hub);
            }
        }
        None
    }

    /// Notes how a child ended, in the group's scope; hands out its value.
    pub(crate) fn child<V>(&mut self, hub: &Hub, end: ChildEnd<V, E>) -> Option<V> {
        match end {
            ChildEnd::Value(value) => return Some(value),
            // One that was cancelled by its handle alone leaves no work undone.
            ChildEnd::Interrupted => self.interrupted |= host::situation().cancelled,
            ChildEnd::Failed(error) => self.failed(hub, error),
        }
        None
    }

    pub(crate) fn failed(&mut self, hub: &Hub, error: E) {
        self.children.push(error);
        fail(hub);
    }

    pub(crate) fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Takes the errors: one as it is, several as a group.
    pub(crate) fn take_error(&mut self) -> Option<E>
    where
        E: From<ErrorGroup<E>>,
    {
        join_errors(self.body.take().into_iter().chain(self.children.drain(..)).collect())
    }
}

/// One error as it is, several as a group.
pub(crate) fn join_errors<E: From<ErrorGroup<E>>>(mut errors: Vec<E>) -> Option<E> {
    if errors.len() > 1 { Some(ErrorGroup::new(errors).into()) } else { errors.pop() }
}

/// A failure cancels the group; the others get their chance.
fn fail(hub: &Hub) {
    let scope: ScopeRef = hub.scope.clone();
    host::cancel(&scope, Cause::TaskFailed);
}

/// What comes out of a group in which nobody failed, decided in the scope around it when it is left.
pub(crate) fn leave<T, E: CancelError>(hub: &Hub, value: Option<T>, interrupted: bool) -> Result<Option<T>, E> {
    let node = hub_node(hub);
    let visible_above = !node.is_shielded() && check_cancelled().is_err();
    if interrupted && visible_above {
        return Err(host::cancelled().into());
    }
    let own = node.is_cancelled();
    if value.is_none() && !own {
        return Err(host::cancelled().into());
    }
    if interrupted && own {
        node.set_caught();
    }
    Ok(value)
}

fn hub_node(hub: &Hub) -> &host::Node {
    host::Host::node(&*hub.scope)
}
