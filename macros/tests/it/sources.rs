//! Which fields are asked, and that each is asked in the best way its type knows.

use crate::mock::{BoxError, CancelError, Cancelled, is_cancellation};
use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

fn cancelled_io() -> io::Error {
    io::Error::other(Cancelled)
}

fn other_io() -> io::Error {
    io::Error::other("disk on fire")
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Inner {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("io")]
    Io(#[from] io::Error),
    #[error("full")]
    Full,
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Outer {
    #[error("outer")]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Inner(#[from] Inner),
    #[error("boxed")]
    Boxed(#[source] Box<Inner>),
    #[error("shared")]
    Shared { source: Arc<io::Error>, attempt: u32 },
    #[error("anything")]
    Any(#[from] BoxError),
    #[error("perhaps")]
    Perhaps(#[source] Option<Inner>),
    #[error("perhaps boxed, {again:?}")]
    PerhapsBoxed { again: Option<Box<Outer>>, source: Option<Box<Outer>> },
    #[error("plain")]
    Plain(Cancelled, io::Error),
    #[error("plain, {at}")]
    PlainNamed { cause: Cancelled, at: usize },
    #[error("raw")]
    Raw { r#source: Cancelled },
    #[error("marked before named: {source}")]
    Marked {
        #[source]
        cause: Inner,
        r#source: String,
    },
    #[error(transparent)]
    Unmarked(Leaf),
    #[error(transparent)]
    Anyhow(anyhow::Error),
}

/// An error that is no `CancelError`.
#[derive(Debug, thiserror::Error)]
#[error("leaf")]
struct Leaf(#[source] BoxError);

#[test]
fn from_and_source_are_asked() {
    assert!(Inner::from(Cancelled).is_cancelled());
    assert!(Inner::from(cancelled_io()).is_cancelled());
    assert!(!Inner::from(other_io()).is_cancelled());
    assert!(!Inner::Full.is_cancelled());
}

#[test]
fn as_error_is_the_error_itself() {
    assert!(Inner::Full.as_error().is::<Inner>());
}

#[test]
fn a_transparent_variant_is_seen_though_its_source_skips_it() {
    let error = Inner::from(Cancelled);
    assert!(!is_cancellation(&error), "transparent hides it from the walker: the derive is needed");
    assert!(error.is_cancelled());
    assert!(Outer::from(error).is_cancelled());
}

#[test]
fn an_enum_in_an_enum_is_asked_by_its_own_rules() {
    assert!(Outer::from(Inner::from(cancelled_io())).is_cancelled());
    assert!(!Outer::from(Inner::Full).is_cancelled());
}

#[test]
fn pointers_are_looked_through() {
    assert!(Outer::Boxed(Box::new(Cancelled.into())).is_cancelled());
    assert!(!Outer::Boxed(Box::new(Inner::Full)).is_cancelled());
    assert!(Outer::Shared { source: Arc::new(cancelled_io()), attempt: 1 }.is_cancelled());
    assert!(!Outer::Shared { source: Arc::new(other_io()), attempt: 2 }.is_cancelled());
}

#[test]
fn an_option_is_asked_when_it_is_there() {
    assert!(Outer::Perhaps(Some(Cancelled.into())).is_cancelled());
    assert!(!Outer::Perhaps(Some(Inner::Full)).is_cancelled());
    assert!(!Outer::Perhaps(None).is_cancelled());

    let boxed = |error: Outer| Some(Box::new(error));
    assert!(Outer::PerhapsBoxed { again: None, source: boxed(Cancelled.into()) }.is_cancelled());
    assert!(!Outer::PerhapsBoxed { again: boxed(Cancelled.into()), source: None }.is_cancelled());
}

#[test]
fn forgotten_types_are_walked() {
    assert!(Outer::from(BoxError::from(Cancelled)).is_cancelled());
    assert!(Outer::from(BoxError::from(cancelled_io())).is_cancelled());
    assert!(!Outer::from(BoxError::from("no")).is_cancelled());
    assert!(Outer::Anyhow(anyhow::Error::new(Cancelled).context("while reading")).is_cancelled());
    assert!(!Outer::Anyhow(anyhow::anyhow!("no")).is_cancelled());
}

#[test]
fn an_error_that_is_no_cancel_error_is_walked() {
    assert!(Outer::Unmarked(Leaf(Cancelled.into())).is_cancelled());
    assert!(!Outer::Unmarked(Leaf("no".into())).is_cancelled());
}

#[test]
fn fields_that_are_no_sources_are_not_looked_at() {
    assert!(!Outer::Plain(Cancelled, cancelled_io()).is_cancelled());
    assert!(!Outer::PlainNamed { cause: Cancelled, at: 3 }.is_cancelled());
    assert!(!Outer::Raw { r#source: Cancelled }.is_cancelled());
}

#[test]
fn a_mark_goes_before_the_name() {
    assert!(Outer::Marked { cause: Cancelled.into(), r#source: "cancelled".to_owned() }.is_cancelled());
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
#[error("struct")]
struct Named {
    #[from]
    source: Cancelled,
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
#[error(transparent)]
struct Opaque(#[from] Outer);

impl From<Cancelled> for Opaque {
    fn from(cancelled: Cancelled) -> Self {
        Opaque(cancelled.into())
    }
}

#[test]
fn structs_are_like_one_variant() {
    assert!(Named::from(Cancelled).is_cancelled());
    assert!(Opaque::from(Cancelled).is_cancelled());
    assert!(Opaque(Outer::from(Inner::from(Cancelled))).is_cancelled());
    assert!(!Opaque(Outer::from(Inner::Full)).is_cancelled());
}

/// The whole enum is transparent, one variant is not.
#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
#[error(transparent)]
enum AllTransparent {
    Cancelled(#[from] Cancelled),
    Io(io::Error),
    #[error("opaque")]
    Opaque(Cancelled),
}

#[test]
fn transparent_on_the_enum_holds_for_variants_without_a_message() {
    assert!(AllTransparent::from(Cancelled).is_cancelled());
    assert!(AllTransparent::Io(cancelled_io()).is_cancelled());
    assert!(!AllTransparent::Opaque(Cancelled).is_cancelled());
}

/// Without `thiserror`: the marks are the derive's own.
#[derive(Debug, CancelError)]
#[cancel(crate = crate::mock)]
enum ByHand {
    Two(#[source] Leaf, #[source] Box<dyn Error>),
    Local(#[source] Rc<dyn Error>),
    Static(#[source] &'static (dyn Error + Send + Sync)),
    #[expect(dead_code, reason = "it has no value; it must compile without a warning about dead code in the derive")]
    Never(#[source] std::convert::Infallible),
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("by hand")
    }
}

impl Error for ByHand {}

impl From<Cancelled> for ByHand {
    fn from(cancelled: Cancelled) -> Self {
        ByHand::Local(Rc::new(cancelled))
    }
}

#[test]
fn any_of_several_marked_fields_will_do() {
    assert!(ByHand::from(Cancelled).is_cancelled());
    assert!(ByHand::Static(&Cancelled).is_cancelled());
    assert!(ByHand::Two(Leaf(Cancelled.into()), "no".into()).is_cancelled());
    assert!(ByHand::Two(Leaf("no".into()), Box::new(cancelled_io())).is_cancelled());
    assert!(!ByHand::Two(Leaf("no".into()), "no".into()).is_cancelled());
}

/// An error that says itself that it is a cancellation, with nothing to walk to.
#[derive(Debug, thiserror::Error)]
#[error("aborted")]
struct Aborted;

impl From<Cancelled> for Aborted {
    fn from(_: Cancelled) -> Self {
        Aborted
    }
}

impl CancelError for Aborted {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }

    fn is_cancelled(&self) -> bool {
        true
    }
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
#[error("wrapped")]
struct Wrapped(#[source] Arc<Aborted>);

impl From<Cancelled> for Wrapped {
    fn from(cancelled: Cancelled) -> Self {
        Wrapped(Arc::new(cancelled.into()))
    }
}

#[test]
fn the_own_answer_of_a_source_counts() {
    assert!(Wrapped::from(Cancelled).is_cancelled());
}

/// No value, no question.
#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Nothing {}

impl From<Cancelled> for Nothing {
    fn from(_: Cancelled) -> Self {
        unreachable!("this test never cancels")
    }
}

#[test]
fn an_empty_enum_compiles() {
    fn is_cancel_error<E: CancelError>() {}
    is_cancel_error::<Nothing>();
}
