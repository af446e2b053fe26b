//! Signals by name and number, and what the system does at one that nobody catches.

use std::{fmt, ops::RangeInclusive};

/// A signal, by its number on this system.
///
/// The constants have the names without `SIG`. Real-time signals have none: they go by number, as does whatever else the
/// system has.
///
/// # Examples
/// ```
/// use anyio_signals::Signal;
///
/// assert_eq!(Signal::INT.to_string(), "SIGINT");
/// assert_eq!(Signal::from_raw(15), Signal::TERM);
/// assert_eq!(128 + Signal::INT.as_raw(), 130);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

/// Constants, and the table of their names.
macro_rules! named {
    ($($(#[$attribute:meta])* $name:ident = $constant:ident: $what:literal;)*) => {
        impl Signal {
            $($(#[$attribute])* #[doc = concat!("`", stringify!($constant), "`: ", $what)]
            pub const $name: Self = Self(libc::$constant);)*

            const NAMES: &[(Self, &str)] = &[$($(#[$attribute])* (Self::$name, stringify!($constant)),)*];
        }
    };
}

named! {
    HUP = SIGHUP: "the terminal is gone; for daemons by custom: read the configuration again.";
    INT = SIGINT: "Ctrl-C.";
    QUIT = SIGQUIT: "Ctrl-\\\\: end, and leave a core dump.";
    ILL = SIGILL: "a fault of the program. It cannot be received.";
    TRAP = SIGTRAP: "for debuggers. It cannot be received.";
    ABRT = SIGABRT: "the program gave itself up. It cannot be received.";
    BUS = SIGBUS: "a fault of the program. It cannot be received.";
    FPE = SIGFPE: "a fault of the program. It cannot be received.";
    KILL = SIGKILL: "the end, at once. It cannot be received.";
    USR1 = SIGUSR1: "for the program to use.";
    SEGV = SIGSEGV: "a fault of the program. It cannot be received.";
    USR2 = SIGUSR2: "for the program to use.";
    PIPE = SIGPIPE: "a write to a pipe that nobody reads. Rust programs ignore it from the start.";
    ALRM = SIGALRM: "a timer of `alarm` or `setitimer` rang.";
    TERM = SIGTERM: "the request to end.";
    CHLD = SIGCHLD: "a child process ended or stopped.";
    CONT = SIGCONT: "go on after a stop. The process goes on whether it is received or not.";
    STOP = SIGSTOP: "stop, at once. It cannot be received.";
    TSTP = SIGTSTP: "Ctrl-Z.";
    TTIN = SIGTTIN: "a read from the terminal in the background.";
    TTOU = SIGTTOU: "a write to the terminal in the background.";
    URG = SIGURG: "urgent data at a socket.";
    XCPU = SIGXCPU: "the limit of processor time is used up.";
    XFSZ = SIGXFSZ: "the limit of a file's size was met.";
    VTALRM = SIGVTALRM: "a timer of processor time of the program rang.";
    PROF = SIGPROF: "a timer of processor time rang, as profilers use it.";
    WINCH = SIGWINCH: "the terminal has another size.";
    IO = SIGIO: "a descriptor that was asked to tell is ready.";
    SYS = SIGSYS: "a system call that is not allowed. It cannot be received.";
    #[cfg(any(target_os = "linux", target_os = "android"))]
    PWR = SIGPWR: "the power fails.";
    #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
    INFO = SIGINFO: "Ctrl-T.";
}

/// What happens at a signal that nobody catches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum DefaultAction {
    Ends,
    Stops,
    Nothing,
}

impl Signal {
    /// The signal with this number on this system; it need not exist.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The number on this system.
    pub const fn as_raw(self) -> i32 {
        self.0
    }

    /// Whether there is such a signal for programs to use.
    pub(crate) fn exists(self) -> bool {
        self.name().is_some() || Self::real_time().is_some_and(|numbers| numbers.contains(&self.0))
    }

    /// The real-time signals that the C library leaves to programs.
    pub(crate) fn real_time() -> Option<RangeInclusive<i32>> {
        #[cfg(target_os = "linux")]
        return Some(libc::SIGRTMIN()..=libc::SIGRTMAX());
        #[cfg(not(target_os = "linux"))]
        return None;
    }

    pub(crate) const fn default_action(self) -> DefaultAction {
        match self {
            Self::CHLD | Self::CONT | Self::URG | Self::WINCH => DefaultAction::Nothing,
            #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
            Self::IO | Self::INFO => DefaultAction::Nothing,
            Self::STOP | Self::TSTP | Self::TTIN | Self::TTOU => DefaultAction::Stops,
            _ => DefaultAction::Ends,
        }
    }

    fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(signal, _)| *signal == self).map(|(_, name)| *name)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), Self::real_time()) {
            (Some(name), _) => f.write_str(name),
            (None, Some(numbers)) if numbers.contains(&self.0) => write!(f, "SIGRTMIN+{}", self.0 - numbers.start()),
            _ => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
