//! What a panic says.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `f`, and returns the words with which it panics.
///
/// # Panics
///
/// When it does not panic, or does so without words.
///
/// # Examples
///
/// ```
/// assert_eq!(anyio_future_contract::panic_of(|| panic!("a mistake")), "a mistake");
/// ```
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it does not panic"),
        Err(payload) => words(&*payload),
    }
}

/// Returns the words of a panic that was caught.
///
/// # Panics
///
/// When it has none.
#[track_caller]
pub fn words(payload: &(dyn Any + Send)) -> String {
    find_words(payload).expect("a panic with words").to_owned()
}

/// The words of a panic, where it has some.
pub(crate) fn find_words(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}
