//! The variable: a key, which is its address, and what holds where it is not set.

use std::{any::Any, fmt, future::Future, sync::Arc};

use crate::{Scoped, bindings};

/// A variable that is set around a future, and seen by everything that is polled inside it.
///
/// Declare it with [`context_var!`](crate::context_var). The tasks of a group inherit it from whoever starts them; a
/// variable marked `#[local]` is not inherited.
///
/// Mirrors Python's [`contextvars`](https://docs.python.org/3/library/contextvars.html), as
/// [AnyIO](https://anyio.readthedocs.io/en/stable/tasks.html#context-propagation) carries them on. There is no `set`: a value
/// holds for the future that it was set around, so nothing has to be reset.
pub struct ContextVar<T: 'static> {
    default: Option<fn() -> T>,
    local: bool,
}

impl<T: Clone + Send + Sync + 'static> ContextVar<T> {
    #[doc(hidden)]
    pub const fn __new(default: Option<fn() -> T>, local: bool) -> Self {
        Self { default, local }
    }

    /// Runs `fut` with the variable set to `value`.
    ///
    /// # Cancel safety
    /// Adds nothing to what `fut` says.
    ///
    /// # Examples
    /// ```
    /// use anyio_context_vars::context_var;
    ///
    /// context_var! { static USER: String; }
    ///
    /// # futures_lite::future::block_on(async {
    /// USER.scope("ada".into(), async {
    ///     assert_eq!(USER.get().as_deref(), Some("ada"));
    ///     USER.scope("grace".into(), async { assert_eq!(USER.get().as_deref(), Some("grace")) }).await;
    ///     assert_eq!(USER.get().as_deref(), Some("ada"));
    /// }).await;
    /// assert_eq!(USER.get(), None);
    /// # });
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, fut: F) -> Scoped<F> {
        Scoped::new(self.key(), Arc::new(value), self.local, fut)
    }

    /// The value here: the one that is set, or else the default. `None` if there is neither.
    pub fn get(&'static self) -> Option<T> {
        self.with(|value| value.cloned())
    }

    /// Runs `f` on the value here, without cloning it.
    pub fn with<R>(&'static self, f: impl FnOnce(Option<&T>) -> R) -> R {
        let value = bindings::find(self.key());
        let set = value.as_ref().and_then(|value| {
            let value: &(dyn Any + Send + Sync) = &**value;
            value.downcast_ref::<T>()
        });
        match set {
            Some(value) => f(Some(value)),
            None => f(self.default.map(|default| default()).as_ref()),
        }
    }

    /// A variable is known by where it stands: that is why it is a `static`.
    fn key(&'static self) -> usize {
        std::ptr::from_ref(self) as usize
    }
}

impl<T: Clone + Send + Sync + fmt::Debug + 'static> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("local", &self.local).finish_non_exhaustive()
    }
}
