//! A process for each test, and the dispositions as the system tells them.

use std::{
    env,
    io::Write,
    mem::MaybeUninit,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus, Stdio, exit},
    ptr,
    sync::{Arc, Condvar, Mutex},
    task::{Wake, Waker},
    time::Instant,
};

use anyio_signals::{Signal, SignalReceiver, open_signal_receiver};
use libc::{c_int, c_void, sigaction, siginfo_t};

const CHILD: &str = "ANYIO_SIGNALS_TEST";

/// More than any test takes, on any machine: a child that lives longer hangs.
const SECONDS: libc::c_uint = 300;

/// Runs a closure in a process of its own, and gives how that ended. The process is this program again, told to run the
/// test around and nothing else.
macro_rules! child {
    ($body:expr) => {{
        fn here() {}
        $crate::support::run(std::any::type_name_of_val(&here), $body)
    }};
}
pub(crate) use child;

/// The same, for a closure that has to come to its end.
macro_rules! alone {
    ($body:expr) => {
        $crate::support::child!($body).came_to_its_end()
    };
}
pub(crate) use alone;

pub(crate) fn run(here: &str, body: impl FnOnce()) -> Ended {
    let test =
        here.strip_suffix("::here").and_then(|path| path.split_once("::")).expect("it is a test of this crate").1;
    if env::var(CHILD).is_ok_and(|asked| asked == test) {
        as_started_from_a_terminal();
        body();
        say("end");
        exit(0);
    }
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .stdin(Stdio::null())
        .output()
        .expect("this program can be run again");
    let said = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once("said: "))
        .map(|(_, word)| word.into())
        .collect();
    Ended { status: output.status, said, errors: String::from_utf8_lossy(&output.stderr).into() }
}

/// Whoever runs the tests may ignore signals: in the background, under `nohup`.
fn as_started_from_a_terminal() {
    for signal in
        [Signal::INT, Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2, Signal::QUIT, Signal::WINCH, Signal::TSTP]
    {
        set(signal, libc::SIG_DFL, 0);
    }
    // SAFETY: it takes nothing but a number.
    unsafe { libc::alarm(SECONDS) };
}

/// Tells the parent how far the child came.
pub(crate) fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said: {word}").and_then(|()| out.flush()).expect("the parent listens");
}

/// How a child ended.
#[must_use = "judge it"]
pub(crate) struct Ended {
    status: ExitStatus,
    said: Vec<String>,
    errors: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn came_to_its_end(self) {
        assert!(self.status.success(), "{:?} after {:?}\n{}", self.status, self.said, self.errors);
        assert_eq!(self.said.last().map(String::as_str), Some("end"), "{}", self.errors);
    }

    /// It was ended by this signal, and this was the last that it said.
    #[track_caller]
    pub(crate) fn died_of(self, signal: Signal, last: &str) {
        let shown = (self.status.signal().map(Signal::from_raw), self.said.last().map(String::as_str));
        assert_eq!(shown, (Some(signal), Some(last)), "{:?}\n{}", self.status, self.errors);
    }

    #[track_caller]
    pub(crate) fn exited_with(self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{:?} after {:?}\n{}", self.status, self.said, self.errors);
    }
}

pub(crate) fn open(signals: &[Signal]) -> SignalReceiver {
    open_signal_receiver(signals).expect("these can be received")
}

/// Has this thread handle the signal before it returns.
pub(crate) fn raise(signal: Signal) {
    // SAFETY: it takes nothing but a number.
    assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
}

/// Sends it to this process, some thread of which handles it.
pub(crate) fn send(signal: Signal) {
    // SAFETY: they take nothing but numbers.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.as_raw()) }, 0);
}

pub(crate) fn unread(receiver: &SignalReceiver) -> Vec<Signal> {
    std::iter::from_fn(|| receiver.try_next()).collect()
}

/// The action in force.
pub(crate) fn in_force(signal: Signal) -> sigaction {
    let mut action = MaybeUninit::zeroed();
    // SAFETY: there is room for the answer, and all zero is an action.
    unsafe {
        assert_eq!(sigaction(signal.as_raw(), ptr::null(), action.as_mut_ptr()), 0);
        action.assume_init()
    }
}

pub(crate) fn handler(signal: Signal) -> usize {
    in_force(signal).sa_sigaction
}

pub(crate) fn blocks(action: &sigaction, signal: Signal) -> bool {
    // SAFETY: the system filled the set.
    unsafe { libc::sigismember(&action.sa_mask, signal.as_raw()) == 1 }
}

/// Puts a handler in force, or `SIG_DFL` or `SIG_IGN`, and gives what was.
pub(crate) fn set(signal: Signal, handler: usize, flags: c_int) -> sigaction {
    set_with_mask(signal, handler, flags, &[])
}

pub(crate) fn set_with_mask(signal: Signal, handler: usize, flags: c_int, mask: &[Signal]) -> sigaction {
    // SAFETY: the tests give handlers that are such by these flags, and the sets are made empty first.
    unsafe {
        let mut action: sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigemptyset(&mut action.sa_mask);
        for blocked in mask {
            libc::sigaddset(&mut action.sa_mask, blocked.as_raw());
        }
        put_back(signal, &action)
    }
}

pub(crate) fn put_back(signal: Signal, action: &sigaction) -> sigaction {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: the action was in force before, or is made by `set_with_mask`.
    unsafe {
        assert_eq!(sigaction(signal.as_raw(), action, old.as_mut_ptr()), 0);
        old.assume_init()
    }
}

pub(crate) type Plain = extern "C" fn(c_int);
pub(crate) type WithInfo = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Keeps the reactor busy until the gate is opened, if ever, so that only the thread of the test drains the pipe.
pub(crate) fn hold_the_reactor() -> Arc<Gate> {
    let held = Arc::new(Held::default());
    let _key = anyio_reactor::timer::arm(Instant::now(), Waker::from(held.clone()));
    held.begun.wait();
    held.end.clone()
}

#[derive(Default)]
struct Held {
    begun: Gate,
    end: Arc<Gate>,
}

impl Wake for Held {
    fn wake(self: Arc<Self>) {
        self.begun.open();
        self.end.wait();
    }
}

/// Closed until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    pub(crate) fn wait(&self) {
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.open();
    }
}
