//! Which thread polls what just now, so that it is not made to wait for itself.

use std::{cell::RefCell, future::Future, pin::pin, sync::Arc};

use crate::sync::thread_local_cell;

/// A future that some thread polls, now and then; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Shift(Arc<()>);

thread_local_cell! { static ON: RefCell<Vec<Shift>> = RefCell::new(Vec::new()); }

impl Shift {
    /// `fut`, while whose polls this [is here](Self::is_here).
    pub(crate) async fn attend<F: Future>(self, fut: F) -> F::Output {
        let mut fut = pin!(fut);
        std::future::poll_fn(|cx| {
            let _on = On::begin(self.clone());
            fut.as_mut().poll(cx)
        })
        .await
    }

    /// Whether this thread is polling it.
    pub(crate) fn is_here(&self) -> bool {
        // While a thread ends it polls nothing.
        ON.try_with(|on| on.borrow().iter().any(|shift| Arc::ptr_eq(&shift.0, &self.0))).unwrap_or(false)
    }
}

/// Until it is dropped.
struct On;

impl On {
    fn begin(shift: Shift) -> Self {
        let _ = ON.try_with(|on| on.borrow_mut().push(shift));
        Self
    }
}

impl Drop for On {
    fn drop(&mut self) {
        let shift = ON.try_with(|on| on.borrow_mut().pop());
        drop(shift);
    }
}
