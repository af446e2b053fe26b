//! A process for a test that deals with real signals, or with its own end: this program again, with that test alone.
//!
//! The child tells on its standard output how far it came, and waits for nothing but what the parent does then.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{self, ChildStdout, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
};

use anyio::signals::Signal;

const CHILD: &str = "ANYIO_TESTS_CHILD";

/// More than any test takes, on any machine: a child that lives longer hangs.
const SECONDS: libc::c_uint = 300;

/// In the child: runs the closure, and exits. In the parent: the [`Child`].
macro_rules! child {
    ($body:expr) => {{
        fn here() {}
        $crate::child::of(std::any::type_name_of_val(&here), $body)
    }};
}
pub(crate) use child;

pub(crate) fn of(here: &str, body: impl FnOnce()) -> Child {
    let test = here.strip_suffix("::here").and_then(|path| path.split_once("::")).expect("it is a test").1;
    if env::var(CHILD).is_ok_and(|asked| asked == test) {
        as_started_from_a_terminal();
        body();
        say("end");
        // Not by `process::exit`: that frees the main thread's stack for signals, on which a handler may be about to return.
        // SAFETY: it takes nothing but a number, and everything is written out.
        unsafe { libc::_exit(0) };
    }
    Child::start(test, &["--nocapture"])
}

/// Whoever runs the tests may ignore signals: in the background, under `nohup`.
fn as_started_from_a_terminal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::USR1] {
        set(signal, libc::SIG_DFL);
    }
    // SAFETY: it takes nothing but a number.
    unsafe { libc::alarm(SECONDS) };
}

/// In the child: tells the parent.
pub(crate) fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said: {word}").and_then(|()| out.flush()).expect("the parent listens");
}

/// In the child: has this thread handle the signal before it returns.
pub(crate) fn raise(signal: Signal) {
    // SAFETY: it takes nothing but a number.
    assert_eq!(unsafe { libc::raise(signal.as_raw()) }, 0);
}

/// In the child: puts `SIG_DFL` or `SIG_IGN` in force.
pub(crate) fn set(signal: Signal, disposition: libc::sighandler_t) {
    // SAFETY: neither is a handler.
    assert_ne!(unsafe { libc::signal(signal.as_raw(), disposition) }, libc::SIG_ERR);
}

/// In the child: what is in force.
pub(crate) fn disposition(signal: Signal) -> libc::sighandler_t {
    let mut action = std::mem::MaybeUninit::zeroed();
    // SAFETY: nothing is installed, there is room for the answer, and all zero is an action.
    unsafe {
        assert_eq!(libc::sigaction(signal.as_raw(), std::ptr::null(), action.as_mut_ptr()), 0);
        let action: libc::sigaction = action.assume_init();
        action.sa_sigaction
    }
}

pub(crate) struct Child {
    process: process::Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
    output: String,
    errors: Option<JoinHandle<String>>,
}

impl Child {
    /// Runs one test that is ignored otherwise, under the test harness with all that it does.
    pub(crate) fn specimen(test: &str) -> Self {
        Self::start(test, &["--ignored"])
    }

    fn start(test: &str, options: &[&str]) -> Self {
        let mut process = Command::new(env::current_exe().expect("this program has a path"))
            .args([test, "--exact", "--test-threads=1"])
            .args(options)
            .env(CHILD, test)
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this program can be run again");
        let lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let mut errors = process.stderr.take().expect("it is piped");
        let errors = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = errors.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self { process, lines, said: Vec::new(), output: String::new(), errors: Some(errors) }
    }

    /// Waits for what the child says next, which has to be this.
    #[track_caller]
    pub(crate) fn says(&mut self, expected: &str) {
        match self.next_word() {
            Some(word) => assert_eq!(word, expected, "after {:?}", self.said),
            None => panic!("it ended before it said {expected:?}: {:?}\n{}", self.process.wait(), self.errors()),
        }
        self.said.push(expected.to_owned());
    }

    /// The harness writes the name of the test into the same line.
    fn next_word(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.expect("it writes text");
            self.output.extend([&line, "\n"]);
            if let Some((_, word)) = line.split_once("said: ") {
                return Some(word.to_owned());
            }
        }
    }

    pub(crate) fn send(&self, signal: Signal) {
        let process = self.process.id().try_into().expect("it is the number of a process");
        // SAFETY: it takes nothing but numbers, of a process that was not waited for yet.
        assert_eq!(unsafe { libc::kill(process, signal.as_raw()) }, 0);
    }

    /// Waits for its end.
    #[must_use = "judge it"]
    pub(crate) fn ends(mut self) -> Ended {
        while let Some(word) = self.next_word() {
            self.said.push(word);
        }
        let status = self.process.wait().expect("it can be waited for");
        let errors = self.errors();
        Ended { status, said: std::mem::take(&mut self.said), output: std::mem::take(&mut self.output), errors }
    }

    fn errors(&mut self) -> String {
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How a child ended.
pub(crate) struct Ended {
    status: ExitStatus,
    said: Vec<String>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ended {
    /// Its closure came to its end.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        let this = self.with_code(0);
        assert_eq!(this.said.last().map(String::as_str), Some("end"), "{}", this.errors);
        this
    }

    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{:?} after {:?}\n{}", self.status, self.said, self.errors);
        self
    }

    /// By this signal: a shell would see 128 and its number.
    #[track_caller]
    pub(crate) fn by(self, signal: Signal) -> Self {
        let by = self.status.signal().map(Signal::from_raw);
        assert_eq!(by, Some(signal), "{:?} after {:?}\n{}{}", self.status, self.said, self.output, self.errors);
        self
    }

    /// It had nothing more to say than the parent waited for.
    #[track_caller]
    pub(crate) fn having_said(self, last: &str) -> Self {
        assert_eq!(self.said.last().map(String::as_str), Some(last), "{}", self.errors);
        self
    }

    /// What it wrote to its standard error is this, and nothing else.
    #[track_caller]
    pub(crate) fn with_errors(self, expected: &str) -> Self {
        assert_eq!(self.errors, expected);
        self
    }
}
