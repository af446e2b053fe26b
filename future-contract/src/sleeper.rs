//! Whether a thread sleeps.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// The thread that made it, as others see it.
///
/// To see what a thread does *not* do, such as wake up too early, a test has to wait until it could have done so: when it has
/// gone to sleep, rather than for some time.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc::channel;
/// use std::thread;
///
/// use anyio_future_contract::Sleeper;
///
/// let (send, receive) = channel();
/// let me = Sleeper::here();
/// let other = thread::spawn(move || {
///     me.wait_until_asleep();
///     send.send("good morning")
/// });
/// assert_eq!(receive.recv(), Ok("good morning"));
/// other.join().unwrap().unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Sleeper(PathBuf);

impl Sleeper {
    /// The calling thread.
    ///
    /// # Panics
    ///
    /// Where there is no `/proc`.
    #[track_caller]
    pub fn here() -> Self {
        let here = fs::read_link("/proc/thread-self").expect("a system that tells in /proc what its threads do");
        Self(Path::new("/proc").join(here).join("stat"))
    }

    /// Waits until it sleeps, or has ended.
    pub fn wait_until_asleep(&self) {
        // The name, which may hold anything, stands in parentheses; the state is the letter after it.
        while fs::read_to_string(&self.0).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" S")) {
            thread::yield_now();
        }
    }
}
