//! Code that runs where something is dropped.

use std::fmt;

/// Calls a closure when it is dropped.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// use anyio_future_contract::OnDrop;
///
/// let told = Cell::new(false);
/// drop(OnDrop(|| told.set(true)));
/// assert!(told.get());
/// ```
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<F: FnMut()> fmt::Debug for OnDrop<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDrop").finish_non_exhaustive()
    }
}
