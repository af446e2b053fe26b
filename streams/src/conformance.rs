//! The claims that every stream meets, for the tests of who implements one.
//!
//! Give it a way to make a connected pair, and it checks the contract of this crate on it: the end of the stream, closing, also
//! while somebody waits, cancellation at each step, that nothing is lost, much data both ways at once. Each claim has a pair of its
//! own, and a limit of time. It runs under any executor, and for streams that wait for a system, the one that they need.
//!
//! It is what [Trio's `check_two_way_stream`](https://trio.readthedocs.io/en/stable/reference-testing.html) and its like are there.

mod bytes;
mod objects;
mod steps;

pub use bytes::ByteStreams;
pub use objects::ObjectStreams;

use std::{fmt::Write as _, future::Future, time::Duration};

use anyio_cancel_scope::CancelScope;

/// How long one claim may take, unless told otherwise.
const LIMIT: Duration = Duration::from_secs(20);

/// What a claim comes to: why it does not hold.
type Held = Result<(), String>;

/// Ends a claim that does not hold.
macro_rules! hold {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err(format!($($why)+));
        }
    };
}
use hold;

/// The claims that did not hold, so far.
struct Broken {
    told: String,
    limit: Duration,
}

impl Broken {
    fn new(limit: Duration) -> Self {
        Self { told: String::new(), limit }
    }

    async fn check(&mut self, claim: &str, holds: impl Future<Output = Held>) {
        let limit = CancelScope::after(self.limit);
        let held = limit.enter(holds).await;
        if limit.cancel_called() {
            let _ = write!(self.told, "\n  {claim}: it does not end in {:?}", self.limit);
        } else if let Err(why) = held {
            let _ = write!(self.told, "\n  {claim}: {why}");
        }
    }

    #[track_caller]
    fn tell(self) {
        assert!(self.told.is_empty(), "the stream breaks its contract:{}", self.told);
    }
}
