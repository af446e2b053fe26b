use anyio_cancel_scope::RunRecord;

/// Has `check` run when the test has ended, outside of it: what it says holds however the test ends, also where a
/// [sweep](crate#a-sweep) cancelled it. It fails the test by panicking. It is not run where the test has failed already.
///
/// # Panics
/// Outside of `#[anyio::test]`.
///
/// # Examples
/// ```
/// use anyio_testing::at_end;
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
///
/// #[anyio_testing::test(cancel_sweep)]
/// async fn nobody_stays_logged_in() -> std::io::Result<()> {
///     let sessions = Arc::new(AtomicUsize::new(0));
///     let known = sessions.clone();
///     at_end(move || assert_eq!(known.load(Ordering::Relaxed), 0));
///     // ..
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn at_end(check: impl FnOnce() + Send + 'static) {
    match RunRecord::current().trial() {
        Some(trial) => trial.add_check(Box::new(check)),
        None => panic!("at_end: it belongs to a test: call it inside of `#[anyio::test]`"),
    }
}
