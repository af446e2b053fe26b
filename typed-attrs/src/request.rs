//! A question on its way through the providers: for one attribute, or for the names of all.
//!
//! # Invariants
//! 1. A slot is written once: the first answer counts.

use std::any::{Any, TypeId, type_name};

use crate::TypedAttribute;

/// What a provider is asked. It answers with [`provide`](Self::provide), and passes the request on to what it wraps.
pub struct AttributeRequest<'r>(Question<'r>);

enum Question<'r> {
    /// The slot is an `Option<Slot<A>>` for the attribute `A` that is wanted. Its id stands beside it, so that whoever has another
    /// one finds that out without a call.
    Value {
        wanted: TypeId,
        slot: &'r mut dyn Any,
    },
    Names(&'r mut Vec<&'static str>),
}

/// What makes the slot of one attribute another type than that of any other.
struct Slot<A: TypedAttribute>(A::Value);

impl AttributeRequest<'_> {
    /// Answers if it was asked for `A` and nobody answered yet; only then `value` is called.
    #[inline]
    pub fn provide<A: TypedAttribute>(&mut self, value: impl FnOnce() -> A::Value) -> &mut Self {
        match &mut self.0 {
            Question::Value { wanted, slot } => {
                if *wanted == TypeId::of::<A>()
                    && let Some(slot @ None) = slot.downcast_mut::<Option<Slot<A>>>()
                {
                    *slot = Some(Slot(value()));
                }
            }
            Question::Names(names) => {
                let name = type_name::<A>();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        self
    }
}

/// Asks for the value of `A`.
pub(crate) fn value<A: TypedAttribute>(ask: impl FnOnce(&mut AttributeRequest<'_>)) -> Option<A::Value> {
    let mut slot: Option<Slot<A>> = None;
    ask(&mut AttributeRequest(Question::Value { wanted: TypeId::of::<A>(), slot: &mut slot }));
    slot.map(|Slot(value)| value)
}

/// Asks for the names of all attributes.
pub(crate) fn names(ask: impl FnOnce(&mut AttributeRequest<'_>)) -> Vec<&'static str> {
    let mut names = Vec::new();
    ask(&mut AttributeRequest(Question::Names(&mut names)));
    names
}

impl std::fmt::Debug for AttributeRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttributeRequest").finish_non_exhaustive()
    }
}
