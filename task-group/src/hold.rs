//! Keeping a group open for something that is not its child.

use std::{fmt, sync::Arc};

use anyio_cancel_scope::host;

use crate::bell::Bell;

/// Keeps a group from returning until it is dropped.
///
/// For work that runs elsewhere on behalf of a task, and may outlive the future that waits for it: a dropped `offload`
/// ends only when its worker has dropped it, and the group waits for that.
#[must_use = "the group is free to return as soon as this is dropped"]
pub struct Hold {
    bell: Arc<Bell>,
}

impl Hold {
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        bell.hold();
        Self { bell }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.bell.release();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

/// Keeps the innermost group around this code from returning; `None` outside of any group.
///
/// # Examples
/// ```
/// use anyio_task_group::{hold, task_group};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// # futures_lite::future::block_on(async {
/// static DONE: AtomicBool = AtomicBool::new(false);
/// task_group(async |_tg| -> std::io::Result<()> {
///     let hold = hold();
///     std::thread::spawn(move || {
///         DONE.store(true, Ordering::SeqCst);
///         drop(hold);
///     });
///     Ok(())
/// }).await?;
/// assert!(DONE.load(Ordering::SeqCst));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub fn hold() -> Option<Hold> {
    let mut at = host::scope();
    while let Some(scope) = at {
        if let Some(bell) = scope.owner().and_then(|owner| owner.clone().downcast::<Bell>().ok()) {
            return Some(Hold::new(bell));
        }
        at = scope.parent();
    }
    None
}
