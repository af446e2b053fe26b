//! What a task may give.

use std::convert::Infallible;

/// The output of a task: `Result<T, E>` with the group's error type, `()`, or `!` for one that only ends by being
/// cancelled and dropped.
///
/// It cannot be implemented outside of this crate.
#[diagnostic::on_unimplemented(
    message = "a task of this group must give `Result<T, {E}>` or `()`, this one gives `{Self}`",
    label = "this task gives `{Self}`",
    note = "convert the error inside the task (`?` does it where `{E}: From<..>`), or end the task in `Ok(())`"
)]
pub trait TaskOutput<E>: sealed::Sealed {
    /// What the task's handle gives.
    type Value;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, E>;
}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals `TaskOutput`")]
    pub trait Sealed {}
    impl<T, E> Sealed for Result<T, E> {}
    impl Sealed for () {}
    impl Sealed for super::Never {}
}

/// `!`, which has no name on stable Rust but as the return type of a function pointer.
type Never = <fn() -> ! as never::Returns>::Output;

mod never {
    #[expect(unnameable_types, reason = "it only spells `!`")]
    pub trait Returns {
        type Output;
    }

    impl<R> Returns for fn() -> R {
        type Output = R;
    }
}

impl<T, E> TaskOutput<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Self {
        self
    }
}

impl<E> TaskOutput<E> for () {
    type Value = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<E> TaskOutput<E> for Never {
    type Value = Infallible;

    fn into_result(self) -> Result<Infallible, E> {
        self
    }
}
