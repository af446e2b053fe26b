use std::{error::Error, fmt, io};

use anyio_cancel_scope::{
    BoxError, CancelError, CancelScope, Cancelled, CompletedExt, TimedOut, checkpoint, fail_after, is_cancellation, ok,
    sleep_forever,
};

use crate::support::Probe;

fn cancelled() -> Cancelled {
    let scope = CancelScope::new();
    scope.cancel();
    Probe::new(scope.enter(checkpoint())).ready().unwrap_err()
}

fn timed_out<E: CancelError + From<TimedOut> + fmt::Debug>() -> E {
    let body = async {
        sleep_forever().await?;
        Ok::<(), E>(())
    };
    Probe::new(fail_after(std::time::Duration::ZERO, body)).ready().unwrap_err()
}

/// Whether a scope that is cancelled absorbs this error.
fn is_absorbed<E: CancelError + fmt::Debug>(error: E) -> bool {
    let scope = CancelScope::new();
    scope.cancel();
    Probe::new(scope.run(async { Err::<(), E>(error) })).ready().is_ok_and(|end| end.is_none())
}

#[test]
fn cancelled_itself_is_seen() {
    assert!(is_absorbed(cancelled()));
}

#[test]
fn cancelled_is_seen_in_boxed_errors() {
    assert!(is_absorbed(BoxError::from(cancelled())));
    assert!(is_absorbed(Box::<dyn Error>::from(cancelled())));
    assert!(!is_absorbed(BoxError::from("a full disk")));
}

#[test]
fn cancelled_is_seen_in_io_errors_at_any_depth() {
    assert!(is_absorbed(io::Error::from(cancelled())));
    assert!(is_absorbed(io::Error::other(cancelled())));
    assert!(is_absorbed(io::Error::other(io::Error::other(cancelled()))));
    assert!(is_absorbed(io::Error::new(io::ErrorKind::BrokenPipe, Boxed(cancelled().into()))));
    assert!(!is_absorbed(io::Error::from(io::ErrorKind::Interrupted)));
    assert!(!is_absorbed(io::Error::from_raw_os_error(4)));
}

// DESIGN 5: "kind Other, never Interrupted: std retries that"
#[test]
fn cancelled_as_io_error_is_of_kind_other() {
    assert_eq!(io::Error::from(cancelled()).kind(), io::ErrorKind::Other);
}

#[test]
fn timed_out_is_no_cancellation_in_any_clothes() {
    assert!(!is_absorbed(timed_out::<BoxError>()));
    let io = timed_out::<io::Error>();
    assert_eq!(io.kind(), io::ErrorKind::TimedOut);
    assert!(!is_absorbed(io));
    assert!(timed_out::<BoxError>().to_string().starts_with("timed out after 0ns (limit set at "));
}

#[derive(Debug)]
struct Boxed(BoxError);

impl fmt::Display for Boxed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("boxed")
    }
}

impl Error for Boxed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// By hand, with the source told.
#[derive(Debug)]
enum ByHand {
    Interrupted(Cancelled),
    Io(io::Error),
    Boxed(Boxed),
    Refused,
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("by hand")
    }
}

impl Error for ByHand {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Interrupted(cancelled) => Some(cancelled),
            Self::Io(error) => Some(error),
            Self::Boxed(error) => Some(error),
            Self::Refused => None,
        }
    }
}

impl From<Cancelled> for ByHand {
    fn from(cancelled: Cancelled) -> Self {
        Self::Interrupted(cancelled)
    }
}

impl CancelError for ByHand {
    fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

#[test]
fn cancelled_is_seen_in_an_enum_by_hand() {
    assert!(is_absorbed(ByHand::from(cancelled())));
    assert!(is_absorbed(ByHand::Io(cancelled().into())));
    assert!(is_absorbed(ByHand::Boxed(Boxed(io::Error::other(cancelled()).into()))));
    assert!(!is_absorbed(ByHand::Refused));
    assert!(!is_absorbed(ByHand::Io(io::ErrorKind::NotFound.into())));
}

#[cfg(feature = "derive")]
mod derived {
    use super::*;

    #[derive(Debug, thiserror::Error, CancelError)]
    enum Inner {
        #[error("interrupted")]
        Interrupted(#[from] Cancelled),
        #[error("read")]
        Read(#[from] io::Error),
        #[error("refused")]
        Refused,
    }

    #[derive(Debug, thiserror::Error, CancelError)]
    enum Outer {
        #[error("interrupted")]
        Interrupted(#[from] Cancelled),
        #[error("inner")]
        Inner(#[from] Inner),
        #[error("late")]
        Late(#[from] TimedOut),
        #[error("another task was cancelled")]
        Elsewhere(
            #[source]
            #[cancel(never)]
            Box<Inner>,
        ),
    }

    #[test]
    fn cancelled_is_seen_in_a_derived_enum() {
        assert!(is_absorbed(Inner::from(cancelled())));
        assert!(is_absorbed(Inner::Read(cancelled().into())));
        assert!(!is_absorbed(Inner::Refused));
    }

    #[test]
    fn cancelled_is_seen_in_an_enum_in_an_enum() {
        assert!(is_absorbed(Outer::Inner(cancelled().into())));
        assert!(is_absorbed(Outer::Inner(Inner::Read(io::Error::other(cancelled())))));
        assert!(is_absorbed(Outer::from(cancelled())));
        assert!(!is_absorbed(Outer::Inner(Inner::Refused)));
    }

    #[test]
    fn what_is_marked_never_and_timed_out_are_no_cancellation() {
        assert!(!is_absorbed(Outer::Elsewhere(Box::new(cancelled().into()))));
        assert!(!is_absorbed(timed_out::<Outer>()));
    }
}

#[cfg(feature = "anyhow")]
#[test]
fn cancelled_is_seen_in_anyhow_with_and_without_context() {
    use anyhow::Context;
    assert!(is_absorbed(anyhow::Error::from(cancelled())));
    assert!(is_absorbed(Err::<(), _>(cancelled()).context("reading").context("loading").unwrap_err()));
    assert!(is_absorbed(Err::<(), _>(io::Error::other(cancelled())).context("reading").unwrap_err()));
    assert!(!is_absorbed(anyhow::anyhow!("a full disk")));
    assert!(!is_absorbed(timed_out::<anyhow::Error>().context("late")));
}

#[cfg(feature = "eyre")]
#[test]
fn cancelled_is_seen_in_eyre_with_and_without_context() {
    use eyre::WrapErr;
    assert!(is_absorbed(eyre::Report::from(cancelled())));
    assert!(is_absorbed(Err::<(), _>(cancelled()).wrap_err("reading").wrap_err("loading").unwrap_err()));
    assert!(!is_absorbed(eyre::eyre!("a full disk")));
    assert!(!is_absorbed(timed_out::<eyre::Report>()));
}

#[test]
fn the_walker_looks_at_the_error_itself_and_at_every_source() {
    assert!(is_cancellation(&cancelled()));
    assert!(is_cancellation(&Boxed(Box::new(Boxed(Box::new(cancelled()))))));
    assert!(!is_cancellation(&fmt::Error));
}

#[test]
fn question_mark_carries_cancelled_into_each_error() {
    fn through<E: CancelError + fmt::Debug>() -> bool {
        let scope = CancelScope::new();
        scope.cancel();
        let mut run = Probe::new(scope.run(async {
            checkpoint().await?;
            Ok::<(), E>(())
        }));
        run.ready().is_ok_and(|end| end.is_none())
    }
    assert!(through::<Cancelled>() && through::<io::Error>() && through::<BoxError>() && through::<ByHand>());
    assert!(ok(1).and_then(|_| Ok::<Option<()>, BoxError>(None).completed()).unwrap_err().is_cancelled());
}
