#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod left_over;
mod offload;
mod run;

#[doc(hidden)]
#[path = "entry.rs"]
pub mod __private;
mod blocked;
mod crew;
#[doc(hidden)]
pub mod host;
mod idle;
mod idlers;
mod job;
mod limit;
mod pool;
mod session;
mod slot;
mod sync;
mod test_run;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg_attr(not(feature = "signals"), path = "no_watch.rs")]
mod watch;

/// Stands where an option of `#[test]` needs the crate `anyio-testing`, which is not there.
///
/// ```compile_fail
/// anyio_runtime::__with_testing!("cancel_sweep", ());
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __with_testing {
    ($option:literal, $run:expr) => {
        compile_error!(concat!(
            "`",
            $option,
            "` needs the feature `testing` of `anyio`: write it into the [dev-dependencies], by \
             `cargo add --dev anyio --features testing`"
        ))
    };
}

pub use builder::Builder;
pub use left_over::LeftOver;
pub use offload::offload;
pub use run::run;
