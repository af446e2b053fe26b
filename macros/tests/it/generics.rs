//! Generic errors: written bounds are kept, and only those of `Error` are added.

use crate::mock::{CancelError, Cancelled};
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::io;

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Retry<S, const ATTEMPTS: usize = 3> {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("gave up after {ATTEMPTS}")]
    GaveUp(#[source] S),
    #[error("gave up early")]
    Early { source: Option<Box<S>> },
}

#[test]
fn a_parameter_without_a_bound_is_an_error_as_for_thiserror() {
    assert!(Retry::<io::Error>::from(Cancelled).is_cancelled());
    assert!(Retry::<_>::GaveUp(io::Error::other(Cancelled)).is_cancelled());
    assert!(!Retry::<_>::GaveUp(io::Error::other("no")).is_cancelled());
    assert!(Retry::<_>::Early { source: Some(Box::new(Cancelled)) }.is_cancelled());
    assert!(!Retry::<Cancelled>::Early { source: None }.is_cancelled());
}

/// The walker does not see it, its own answer does.
#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Hidden {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// `S` is not said to be an `Error`, and the derive does not ask for it.
#[derive(Debug, CancelError)]
#[cancel(crate = crate::mock)]
struct Asked<S>
where
    S: CancelError + Debug,
{
    source: S,
}

impl<S: CancelError + Debug> Display for Asked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked")
    }
}

impl<S: CancelError + Debug> Error for Asked<S> {}

impl<S: CancelError + Debug> From<Cancelled> for Asked<S> {
    fn from(cancelled: Cancelled) -> Self {
        Asked { source: cancelled.into() }
    }
}

#[test]
fn a_parameter_bound_by_cancel_error_is_asked_by_its_own_rules() {
    assert!(Asked::<Hidden>::from(Cancelled).is_cancelled());
    assert!(Asked::<crate::mock::BoxError>::from(Cancelled).is_cancelled());
}

trait Store {
    type Error: Error + 'static;
}

#[derive(Debug)]
struct Disk;

impl Store for Disk {
    type Error = io::Error;
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum StoreError<S: Store + ?Sized> {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("store")]
    Store(#[source] S::Error),
}

#[test]
fn an_associated_type_is_asked() {
    assert!(StoreError::<Disk>::from(Cancelled).is_cancelled());
    assert!(StoreError::<Disk>::Store(io::Error::other(Cancelled)).is_cancelled());
    assert!(!StoreError::<Disk>::Store(io::Error::other("no")).is_cancelled());
}

/// `thiserror` cannot do this one: it would ask for `Box<Tree<S>>: Error` to make `Tree<S>: Error`.
#[derive(Debug, CancelError)]
#[cancel(crate = crate::mock)]
enum Tree<S> {
    Cancelled(#[source] Cancelled),
    Leaf(#[source] S),
    Node { source: Box<Tree<S>> },
}

impl<S> Display for Tree<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tree")
    }
}

impl<S: Debug> Error for Tree<S> {}

impl<S> From<Cancelled> for Tree<S> {
    fn from(cancelled: Cancelled) -> Self {
        Tree::Cancelled(cancelled)
    }
}

#[test]
fn a_recursive_type_is_asked_down_to_its_leaf() {
    let tree = |leaf| Tree::Node { source: Box::new(Tree::Node { source: Box::new(Tree::Leaf(leaf)) }) };
    assert!(tree(io::Error::other(Cancelled)).is_cancelled());
    assert!(!tree(io::Error::other("no")).is_cancelled());
    assert!(Tree::<io::Error>::Node { source: Box::new(Cancelled.into()) }.is_cancelled());
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Borrowing<'a> {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("no such page: {0}")]
    NotFound(&'a str),
}

#[test]
fn a_lifetime_parameter_is_carried() {
    assert!(Borrowing::from(Cancelled).is_cancelled());
    assert!(!Borrowing::NotFound("index").is_cancelled());
}

macro_rules! through_a_macro {
    ($name:ident, $ty:ty) => {
        #[derive(Debug, CancelError)]
        #[cancel(crate = crate::mock)]
        struct $name(#[source] $ty);

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("in a macro")
            }
        }

        impl Error for $name {}
    };
}

through_a_macro!(InMacro, Option<Hidden>);

impl From<Cancelled> for InMacro {
    fn from(cancelled: Cancelled) -> Self {
        InMacro(Some(cancelled.into()))
    }
}

#[test]
fn a_type_that_comes_through_a_macro_is_understood() {
    assert!(InMacro::from(Cancelled).is_cancelled());
}
