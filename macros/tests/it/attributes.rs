//! `#[cancel(..)]`.

use crate::mock::{BoxError, CancelError, Cancelled};
use std::io;

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = crate::mock)]
enum Job {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("the other side was cancelled")]
    #[cancel(never)]
    Peer(#[source] Cancelled),
    #[error("the other side was cancelled, by field")]
    PeerField {
        #[cancel(never)]
        source: BoxError,
    },
    #[error(transparent)]
    #[cancel(never)]
    Past(io::Error),
    #[error("text")]
    Text {
        #[cancel(never)]
        #[source]
        source: io::Error,
    },
    #[error("nothing in it")]
    #[cancel(never)]
    Unit,
}

#[test]
fn never_stops_it_on_a_variant_and_on_a_field() {
    assert!(Job::from(Cancelled).is_cancelled());
    assert!(!Job::Peer(Cancelled).is_cancelled());
    assert!(!Job::PeerField { source: Cancelled.into() }.is_cancelled());
    assert!(!Job::Past(io::Error::other(Cancelled)).is_cancelled());
    assert!(!Job::Text { source: io::Error::other(Cancelled) }.is_cancelled());
    assert!(!Job::Unit.is_cancelled());
}

/// A field that is called `source` but is no error of its own would not compile without it.
#[derive(Debug, CancelError)]
#[cancel(crate = crate::mock)]
struct Parse {
    #[cancel(never)]
    source: String,
}

impl std::fmt::Display for Parse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot parse {}", self.source)
    }
}

impl std::error::Error for Parse {}

impl From<Cancelled> for Parse {
    fn from(_: Cancelled) -> Self {
        Parse { source: String::new() }
    }
}

#[test]
fn never_allows_a_source_that_is_no_error() {
    assert!(!Parse::from(Cancelled).is_cancelled());
}

mod elsewhere {
    pub(crate) mod reexported {
        pub(crate) use crate::mock::{__derive, CancelError};
    }
}

#[derive(Debug, thiserror::Error, CancelError)]
#[cancel(crate = elsewhere::reexported)]
#[error("relative")]
struct Relative(#[from] Cancelled);

#[test]
fn a_relative_path_will_do() {
    assert!(Relative::from(Cancelled).is_cancelled());
}

mod blanket {
    use crate::mock::Cancelled;

    #[expect(dead_code, reason = "it is here to be in the way")]
    pub(crate) trait IsCancelled {
        fn is_cancelled(&self) -> bool {
            false
        }
    }

    impl<T> IsCancelled for T {}

    #[derive(Debug, thiserror::Error, crate::mock::CancelError)]
    #[cancel(crate = crate::mock)]
    #[error("beside a trait of everything")]
    pub(super) struct Beside(#[from] Cancelled);
}

#[test]
fn a_blanket_trait_in_scope_does_not_answer() {
    assert!(CancelError::is_cancelled(&blanket::Beside::from(Cancelled)));
}
