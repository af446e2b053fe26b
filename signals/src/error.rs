//! Why signals cannot be received.

use std::{error::Error, fmt, io};

use crate::{Signal, set::bit, signal::DefaultAction};

/// Why signals cannot be received: the error inside the [`io::Error`] of [`open_signal_receiver`](crate::open_signal_receiver).
///
/// # Examples
/// ```
/// use anyio_signals::{Signal, SignalError, open_signal_receiver};
/// use std::io::ErrorKind;
///
/// let error = open_signal_receiver(&[Signal::TERM, Signal::KILL]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidInput);
/// let why: SignalError = error.downcast().unwrap();
/// assert_eq!(why, SignalError::Uncatchable(Signal::KILL));
/// assert_eq!(
///     why.to_string(),
///     "cannot receive SIGKILL: no process can catch it; SIGTERM is the request to end that can be received",
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalError {
    /// The list of signals is empty.
    Empty,
    /// There is no signal of this number here.
    Unknown(Signal),
    /// No process can catch it: `KILL`, `STOP`.
    Uncatchable(Signal),
    /// It tells of a fault in the thread that runs, which would go on into the same fault: `SEGV`, `BUS`, `FPE`, `ILL`,
    /// `TRAP`, `SYS`, and `ABRT`, after which the process ends in any case.
    Fault(Signal),
    /// The C library keeps it for itself.
    Reserved(Signal),
    /// It does not end the process by default, and so cannot do so at the second time.
    EndsNothing(Signal),
    /// Handlers of others have covered ours again and again, and may all still call it.
    Covered(Signal),
    /// This process was forked from one that received signals, and has neither its threads nor its pipe for itself.
    Forked,
}

impl SignalError {
    /// The signal that was refused, if it is about one.
    pub fn signal(&self) -> Option<Signal> {
        match *self {
            Self::Empty | Self::Forked => None,
            Self::Unknown(signal)
            | Self::Uncatchable(signal)
            | Self::Fault(signal)
            | Self::Reserved(signal)
            | Self::EndsNothing(signal)
            | Self::Covered(signal) => Some(signal),
        }
    }

    /// Whether it can be received, as far as its number tells.
    pub(crate) fn check(signal: Signal) -> Result<Signal, Self> {
        use Signal as S;
        match signal {
            S::KILL | S::STOP => Err(Self::Uncatchable(signal)),
            S::SEGV | S::BUS | S::FPE | S::ILL | S::TRAP | S::SYS | S::ABRT => Err(Self::Fault(signal)),
            _ if signal.exists() && bit(signal) != 0 => Ok(signal),
            _ if Signal::real_time().is_some_and(|numbers| (32..*numbers.start()).contains(&signal.as_raw())) => {
                Err(Self::Reserved(signal))
            }
            _ => Err(Self::Unknown(signal)),
        }
    }

    /// Whether a process can be ended by it.
    pub(crate) fn check_ends(signal: Signal) -> Result<Signal, Self> {
        let signal = Self::check(signal)?;
        if signal.default_action() == DefaultAction::Ends { Ok(signal) } else { Err(Self::EndsNothing(signal)) }
    }
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no signals to receive: name at least one, such as Signal::INT"),
            Self::Unknown(signal) => {
                write!(f, "cannot receive {signal}: there is none here; take a constant of Signal")?;
                match Signal::real_time() {
                    Some(numbers) => write!(f, ", or a number from {} to {}", numbers.start(), numbers.end()),
                    None => Ok(()),
                }
            }
            Self::Uncatchable(signal) => {
                let instead = if *signal == Signal::KILL {
                    "SIGTERM is the request to end"
                } else {
                    "SIGTSTP is the request to stop"
                };
                write!(f, "cannot receive {signal}: no process can catch it; {instead} that can be received")
            }
            Self::Fault(signal) => write!(
                f,
                "cannot receive {signal}: it tells of a fault in the thread that runs, which no task can mend; \
                 install a handler with sigaction, which acts on the spot"
            ),
            Self::Reserved(signal) => {
                write!(f, "cannot receive {signal}: the C library keeps it for itself; take a number from SIGRTMIN on")
            }
            Self::EndsNothing(signal) => {
                write!(f, "cannot end the process at the second {signal}: it ends none by default; receive it instead")
            }
            Self::Covered(signal) => write!(
                f,
                "cannot receive {signal}: others keep installing handlers over ours; install theirs once, \
                 before the first receiver is opened"
            ),
            Self::Forked => f.write_str(
                "cannot receive signals: this process was forked from one that does; fork before the first receiver \
                 is opened, or start the program anew by exec",
            ),
        }
    }
}

impl Error for SignalError {}

/// Kind `InvalidInput` where another list of signals would do, else `Other`.
impl From<SignalError> for io::Error {
    fn from(error: SignalError) -> Self {
        let kind = match error {
            SignalError::Covered(_) | SignalError::Forked => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
