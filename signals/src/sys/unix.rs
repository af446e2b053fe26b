//! Dispositions of signals on Unix: what is installed, what comes back, and the handler.
//!
//! A signal is *held* while anybody wants it. The first hold puts a handler of ours in place, and keeps the old action in a
//! record; the last one puts the old action back, if the handler in force is still ours. Whoever installed another over
//! ours meanwhile keeps it, and may call ours for ever, as it is the one that was there before.
//!
//! So there are several handlers, the *levels*: if our handler at one level may be called by others, the next hold takes
//! another one. A handler that is called from above then never calls, through the record of a later hold, the one that
//! called it. There is no end to what others can do to a disposition, but to the levels there is: then the signal is refused.
//!
//! At a delivery the handler does this:
//!
//! 1. If the signal is held, and it is the handler in charge: it counts for [`second`], writes the number into the pipe, and
//!    calls the handler of the old action, if that is one. In charge is the level which was installed last, or another one
//!    that is in force, because somebody put it back.
//! 2. Otherwise, and always in a forked child: it lets the old action have the signal, which means the system's default too,
//!    unless it is called by another handler. So between the last close and the return of the old action, and after
//!    somebody put our handler back when nobody wanted it any more, no signal is swallowed.
//!
//! # Safety
//!
//! *The handler is async-signal-safe.* It reads and writes statics by atomics and reads records, which never change and are
//! never freed; it calls `getpid`, `sigaction`, `pthread_sigmask`, `write`, `kill`, `raise` and `_exit`, which POSIX allows, and
//! handlers that others installed for this very purpose. It allocates nothing, locks nothing and cannot panic: all places
//! are looked up by `get`. The pipe does not block. `errno` is as it was when it returns. It stays callable for ever: the
//! statics stay, so does the pipe.
//!
//! *Install.* The record is published, and the level put in charge, before `sigaction` makes the handler callable, so it
//! always finds both. If `sigaction` returns another old action than was asked for just before, somebody installed one in
//! between: its record is published then, and until then a signal may reach the action before that one, which was in force
//! just before. No system lets one compare and exchange a disposition.
//!
//! *Restore.* The level is taken out of charge before `sigaction` puts the old action back. A handler that began before writes
//! to a pipe that is still there, and what it wrote is dropped, as what is unread when a receiver is closed. One that begins
//! in between lets the old action have the signal (2). If `sigaction` returns an action that is not ours, somebody installed
//! it in between, and it is put back. The handler itself changes a disposition only to end the process, so it cannot undo
//! what another thread installs at that moment.
//!
//! *Records* are leaked, and used again for the same signal and old action: there are as many as there were different ones.
//! An old action is called with what it was installed for: with `siginfo_t` and context if it has `SA_SIGINFO`, and with the
//! signals of its mask blocked, as ours is installed with its mask, and more.
//!
//! *One handler at a time runs on a thread.* It is installed with every signal in its mask that can be received, ours or not.
//! The stack for signals that Rust gives a thread has room for two frames of the system where registers are wide, so
//! handlers of different signals that interrupted each other would run over its end. What comes meanwhile stays pending,
//! or goes to another thread.
//!
//! *Forked children* share the pipe with their parent, but not the number of the process, which the handler compares.

use std::{
    collections::BTreeMap,
    io,
    mem::MaybeUninit,
    os::fd::{IntoRawFd, OwnedFd},
    ptr,
    sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering::SeqCst},
};

use libc::{SIG_DFL, SIG_IGN, c_int, c_void, sigaction, siginfo_t};

use crate::{
    Signal, SignalError, second,
    set::{HIGHEST, SignalSet},
    signal::DefaultAction,
};

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// How often others can cover a handler of ours before a signal is refused.
const LEVELS: usize = 8;

static HANDLERS: [Handler; LEVELS] =
    [handle::<0>, handle::<1>, handle::<2>, handle::<3>, handle::<4>, handle::<5>, handle::<6>, handle::<7>];

/// What the handler knows of each signal, by its number.
static SLOTS: [Slot; HIGHEST + 1] = [const { Slot::new() }; HIGHEST + 1];

/// The end of the pipe to write to, and the process which that was made for.
static OUTLET: AtomicI32 = AtomicI32::new(-1);
static PROCESS: AtomicI32 = AtomicI32::new(0);

static SOMETHING_CAME: AtomicBool = AtomicBool::new(false);

struct Slot {
    /// The level in charge, and one; 0 if the signal is not held.
    in_charge: AtomicUsize,
    /// The old action of each level.
    records: [AtomicPtr<sigaction>; LEVELS],
    /// Deliveries that did not fit into the pipe.
    unwritten: AtomicU64,
}

impl Slot {
    const fn new() -> Self {
        let records = [const { AtomicPtr::new(ptr::null_mut()) }; LEVELS];
        Self { in_charge: AtomicUsize::new(0), records, unwritten: AtomicU64::new(0) }
    }

    fn of(signal: Signal) -> Option<&'static Self> {
        SLOTS.get(usize::try_from(signal.as_raw()).ok()?)
    }

    fn record(&self, level: usize) -> Option<&'static sigaction> {
        let record = self.records.get(level)?.load(SeqCst);
        // SAFETY: it is null, or was leaked by `Dispositions::publish`, and nobody writes to it any more.
        unsafe { record.as_ref() }
    }

    /// Whether the handler at this level is the one to report a delivery.
    fn is_in_charge(&self, signal: Signal, level: usize) -> bool {
        match self.in_charge.load(SeqCst) {
            0 => false,
            in_charge if in_charge == level + 1 => true,
            _ => action_in_force(signal).is_ok_and(|action| level_of(&action) == Some(level)),
        }
    }
}

/// The books of who holds what. Whoever has them holds the lock around them.
pub(crate) struct Dispositions {
    books: BTreeMap<Signal, Book>,
}

#[derive(Default)]
struct Book {
    holds: usize,
    /// The levels at which a handler of ours is installed, or may be called by others; a bit for each.
    used: u8,
    records: Vec<&'static sigaction>,
}

impl Dispositions {
    pub(crate) const fn new() -> Self {
        Self { books: BTreeMap::new() }
    }

    /// Holds all of the signals, or none.
    pub(crate) fn hold(&mut self, signals: SignalSet) -> io::Result<()> {
        // Refused before anything is installed, none is caught in between and lost.
        signals.iter().try_for_each(|signal| self.check(signal))?;
        for (held, signal) in signals.iter().enumerate() {
            if let Err(error) = self.hold_one(signal) {
                signals.iter().take(held).for_each(|signal| self.let_go_of_one(signal));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Ends one hold of each of the signals.
    pub(crate) fn let_go(&mut self, signals: SignalSet) {
        signals.iter().for_each(|signal| self.let_go_of_one(signal));
    }

    fn check(&self, signal: Signal) -> Result<(), SignalError> {
        let old = action_in_force(signal).map_err(|_| SignalError::Unknown(signal))?;
        let is_used_up = self.books.get(&signal).is_some_and(|book| book.level().is_none());
        if is_used_up && level_of(&old).is_none() { Err(SignalError::Covered(signal)) } else { Ok(()) }
    }

    fn hold_one(&mut self, signal: Signal) -> io::Result<()> {
        let slot = Slot::of(signal).ok_or(SignalError::Unknown(signal))?;
        let old = action_in_force(signal)?;
        let book = self.books.entry(signal).or_default();
        match level_of(&old) {
            Some(level) => {
                book.used |= 1 << level;
                slot.in_charge.store(level + 1, SeqCst);
            }
            None => book.install(signal, slot, &old)?,
        }
        book.holds += 1;
        Ok(())
    }

    fn let_go_of_one(&mut self, signal: Signal) {
        let (Some(slot), Some(book)) = (Slot::of(signal), self.books.get_mut(&signal)) else { return };
        book.holds = book.holds.saturating_sub(1);
        if book.holds == 0 {
            book.restore(signal, slot);
        }
    }
}

impl Book {
    /// The lowest level that nobody uses, and its handler.
    fn level(&self) -> Option<(usize, Handler)> {
        let level = self.used.trailing_ones() as usize;
        HANDLERS.get(level).map(|handler| (level, *handler))
    }

    fn install(&mut self, signal: Signal, slot: &Slot, old: &sigaction) -> io::Result<()> {
        let (level, handler) = self.level().ok_or(SignalError::Covered(signal))?;
        self.publish(slot, level, old);
        let before = slot.in_charge.swap(level + 1, SeqCst);
        let mut action = *old;
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO | libc::SA_ONSTACK;
        block_all(&mut action.sa_mask);
        // SAFETY: the handler is async-signal-safe, stays for ever, and is for `SA_SIGINFO`; see the head.
        match unsafe { exchange_action(signal, &action) } {
            Ok(replaced) if !same(&replaced, old) && level_of(&replaced).is_none() => {
                self.publish(slot, level, &replaced);
            }
            Ok(_) => {}
            Err(error) => {
                slot.in_charge.store(before, SeqCst);
                return Err(error);
            }
        }
        self.used |= 1 << level;
        Ok(())
    }

    fn restore(&mut self, signal: Signal, slot: &Slot) {
        let in_charge = slot.in_charge.swap(0, SeqCst);
        let Ok(in_force) = action_in_force(signal) else { return };
        // Others have theirs over ours, and may call it: its level stays used.
        let Some(level) = level_of(&in_force) else { return };
        let Some(old) = slot.record(level) else { return };
        // SAFETY: this action was in force before, set by others for as long as it may be.
        let Ok(replaced) = (unsafe { exchange_action(signal, old) }) else { return };
        if level_of(&replaced) != Some(level) {
            // SAFETY: it was in force until just now.
            let _ = unsafe { exchange_action(signal, &replaced) };
        } else if in_charge == level + 1 {
            self.used &= !(1 << level);
        }
    }

    /// Shows the handler at this level its old action.
    fn publish(&mut self, slot: &Slot, level: usize, old: &sigaction) {
        let known = self.records.iter().copied().find(|record| same(record, old));
        let record = known.unwrap_or_else(|| {
            let record: &'static sigaction = Box::leak(Box::new(*old));
            self.records.push(record);
            record
        });
        if let Some(place) = slot.records.get(level) {
            place.store(ptr::from_ref(record).cast_mut(), SeqCst);
        }
    }
}

/// The handlers differ in nothing but their level.
extern "C" fn handle<const LEVEL: usize>(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the place of this thread's `errno` is always there.
    let before = unsafe { *errno() };
    on_signal(Signal::from_raw(number), LEVEL, info, context);
    // SAFETY: as above.
    unsafe { *errno() = before };
}

fn on_signal(signal: Signal, level: usize, info: *mut siginfo_t, context: *mut c_void) {
    let Some(slot) = Slot::of(signal) else { return };
    let Some(old) = slot.record(level) else { return };
    let in_charge = in_own_process() && slot.is_in_charge(signal, level);
    if in_charge {
        if second::is_second(signal) {
            die_of(signal);
        }
        report(signal, slot);
    }
    match old.sa_sigaction {
        SIG_DFL if !in_charge && !is_covered(signal, level) => do_default(signal),
        SIG_DFL | SIG_IGN => {}
        // SAFETY: the action was in force when ours was installed, with this handler, which takes what its flags say. It
        // runs in a handler of the same signal, with the signals blocked that would be without us, and more.
        handler if old.sa_flags & libc::SA_SIGINFO != 0 => unsafe {
            std::mem::transmute::<*const (), Handler>(handler as *const ())(signal.as_raw(), info, context);
        },
        // SAFETY: as above.
        handler => unsafe {
            std::mem::transmute::<*const (), extern "C" fn(c_int)>(handler as *const ())(signal.as_raw());
        },
    }
}

/// Writes the number into the pipe, or counts what does not fit.
fn report(signal: Signal, slot: &Slot) {
    // It is at most `HIGHEST`.
    if !write(signal.as_raw() as u8) {
        slot.unwritten.fetch_add(1, SeqCst);
        // The pipe may have been drained before that, with nobody to come again. If this does not fit either, it is still to
        // be drained, and what was counted is looked at after that.
        write(NO_SIGNAL);
    }
    SOMETHING_CAME.store(true, SeqCst);
}

/// A number that no receiver asks for.
const NO_SIGNAL: u8 = 0;

fn write(byte: u8) -> bool {
    loop {
        // SAFETY: one byte is read from a place that is there.
        if unsafe { libc::write(OUTLET.load(SeqCst), ptr::from_ref(&byte).cast(), 1) } == 1 {
            return true;
        }
        // SAFETY: the place of this thread's `errno` is always there.
        if unsafe { *errno() } != libc::EINTR {
            return false;
        }
    }
}

/// Whether the handler in force is another one than that of this level, which was called by it then.
fn is_covered(signal: Signal, level: usize) -> bool {
    let covers = |action: sigaction| action.sa_sigaction != SIG_DFL && level_of(&action) != Some(level);
    action_in_force(signal).is_ok_and(covers)
}

/// What the system does by default, without a change of the disposition, unless that is the end.
fn do_default(signal: Signal) {
    match signal.default_action() {
        DefaultAction::Ends => die_of(signal),
        DefaultAction::Nothing => {}
        // SAFETY: they take nothing but numbers.
        DefaultAction::Stops => unsafe {
            libc::kill(libc::getpid(), libc::SIGSTOP);
        },
    }
}

/// Ends the process by this signal, from inside of a handler or not.
fn die_of(signal: Signal) -> ! {
    raise_by_default(signal);
    // SAFETY: it takes nothing but a number.
    unsafe { libc::_exit(128 + signal.as_raw()) }
}

/// Ends the process by this signal; if it does not end a process, with the code which that would give.
pub(crate) fn end_by(signal: Signal) -> ! {
    if signal.default_action() == DefaultAction::Ends {
        raise_by_default(signal);
    }
    std::process::exit(128 + signal.as_raw())
}

/// It returns only if the process goes on after the signal by default.
fn raise_by_default(signal: Signal) {
    // More than once, as another thread may be opening a receiver.
    for _ in 0..8 {
        // SAFETY: all zero is an action: the system's default, no flags, no signals in the mask. The set is made empty before
        // it is used.
        unsafe {
            let _ = exchange_action(signal, &MaybeUninit::zeroed().assume_init());
            let mut only = MaybeUninit::zeroed();
            libc::sigemptyset(only.as_mut_ptr());
            libc::sigaddset(only.as_mut_ptr(), signal.as_raw());
            libc::pthread_sigmask(libc::SIG_UNBLOCK, only.as_ptr(), ptr::null_mut());
            libc::raise(signal.as_raw());
        }
    }
}

/// Adds all signals but those that tell of a fault: these come at once, or end the process.
fn block_all(mask: &mut libc::sigset_t) {
    for signal in (1..=HIGHEST as c_int).map(Signal::from_raw) {
        if SignalError::check(signal).is_ok() {
            // SAFETY: the set was filled by the system.
            unsafe { libc::sigaddset(mask, signal.as_raw()) };
        }
    }
}

fn level_of(action: &sigaction) -> Option<usize> {
    HANDLERS.iter().position(|handler| *handler as *const () as usize == action.sa_sigaction)
}

fn action_in_force(signal: Signal) -> io::Result<sigaction> {
    let mut action = MaybeUninit::zeroed();
    // SAFETY: nothing is installed, and there is room for the answer.
    if unsafe { sigaction(signal.as_raw(), ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was zero, which is an action, and has been written to.
    Ok(unsafe { action.assume_init() })
}

/// Puts an action in force, and returns the one that was.
///
/// # Safety
/// Its handler must be one, for what its flags say.
unsafe fn exchange_action(signal: Signal, action: &sigaction) -> io::Result<sigaction> {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: the caller has seen to the handler, and there is room for the answer.
    if unsafe { sigaction(signal.as_raw(), action, old.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was zero, which is an action, and has been written to.
    Ok(unsafe { old.assume_init() })
}

fn same(one: &sigaction, other: &sigaction) -> bool {
    // SAFETY: both sets were filled by the system.
    let blocks = |action: &sigaction, number| unsafe { libc::sigismember(&action.sa_mask, number) == 1 };
    one.sa_sigaction == other.sa_sigaction
        && one.sa_flags == other.sa_flags
        && (1..=HIGHEST as c_int).all(|number| blocks(one, number) == blocks(other, number))
}

/// Where the handler writes from now on: it is never closed.
pub(crate) fn write_to(outlet: OwnedFd) {
    PROCESS.store(process(), SeqCst);
    OUTLET.store(outlet.into_raw_fd(), SeqCst);
}

/// Whether this is the process whose pipe it is, and not a child that was forked from it.
pub(crate) fn in_own_process() -> bool {
    PROCESS.load(SeqCst) == process()
}

fn process() -> c_int {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// Whether the handler reported something since it was forgotten.
pub(crate) fn something_came() -> bool {
    SOMETHING_CAME.load(SeqCst)
}

/// Called before what came is looked for, so that nothing is forgotten that comes later.
pub(crate) fn forget_that_something_came() {
    SOMETHING_CAME.store(false, SeqCst);
}

/// The signals that did not fit into the pipe, and how often each came.
pub(crate) fn take_unwritten() -> impl Iterator<Item = (Signal, u64)> {
    let numbered = (0..).map(Signal::from_raw).zip(&SLOTS);
    numbered.map(|(signal, slot)| (signal, slot.unwritten.swap(0, SeqCst))).filter(|(_, count)| *count > 0)
}

#[cfg(any(target_os = "linux", target_os = "dragonfly", target_os = "l4re", target_os = "hurd"))]
use libc::__errno_location as errno;

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use libc::__error as errno;

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as errno;

#[cfg(any(target_os = "solaris", target_os = "illumos"))]
use libc::___errno as errno;
