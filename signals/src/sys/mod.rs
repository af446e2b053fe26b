//! What differs between systems: dispositions of signals, and the handler.

#[cfg(not(unix))]
compile_error!(
    "anyio-signals: this system has no signals, or none that are known here; leave the feature `signals` out"
);

#[cfg(unix)]
#[allow(unsafe_code, reason = "dispositions are set, and the handler runs, in the C library's terms")]
mod unix;

#[cfg(unix)]
pub(crate) use unix::*;
