//! What was there before, and what others do meanwhile.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};

use anyio_signals::{Signal, SignalError, open_signal_receiver};
use libc::{SA_NOCLDSTOP, SA_NODEFER, SA_ONSTACK, SA_RESTART, SA_SIGINFO, SIG_DFL, SIG_IGN, c_int, c_void, siginfo_t};

use crate::support::{
    Plain, WithInfo, alone, blocks, child, handler, in_force, open, put_back, raise, say, set, set_with_mask, unread,
};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static OTHER_CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: c_int) {
    CALLS.fetch_add(1, SeqCst);
}

extern "C" fn count_other(_: c_int) {
    OTHER_CALLS.fetch_add(1, SeqCst);
}

fn calls() -> (usize, usize) {
    (CALLS.load(SeqCst), OTHER_CALLS.load(SeqCst))
}

fn address(handler: Plain) -> usize {
    handler as *const () as usize
}

#[test]
fn after_the_last_receiver_closed_the_process_dies_of_ctrl_c() {
    child!(|| {
        let (one, other) = (open(&[Signal::INT]), open(&[Signal::INT, Signal::TERM]));
        raise(Signal::INT);
        drop(one);
        raise(Signal::INT);
        assert_eq!(unread(&other), [Signal::INT; 2]);
        other.close();
        say("closed");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "closed");
}

#[test]
fn it_does_so_after_many_times_too() {
    child!(|| {
        for _ in 0..1000 {
            let receiver = open(&[Signal::TERM, Signal::INT]);
            raise(Signal::INT);
            assert_eq!(unread(&receiver), [Signal::INT]);
        }
        say("closed");
        raise(Signal::TERM);
    })
    .died_of(Signal::TERM, "closed");
}

#[test]
fn nohup_stays_nohup() {
    alone!(|| {
        set(Signal::HUP, SIG_IGN, 0);
        let receiver = open(&[Signal::HUP]);
        raise(Signal::HUP);
        assert_eq!(unread(&receiver), [Signal::HUP]);
        drop(receiver);
        assert_eq!(handler(Signal::HUP), SIG_IGN);
        raise(Signal::HUP);
    });
}

#[test]
fn handler_flags_and_mask_come_back() {
    alone!(|| {
        let flags = SA_NODEFER | SA_NOCLDSTOP;
        set_with_mask(Signal::USR1, address(count), flags, &[Signal::USR2, Signal::TERM]);
        let before = in_force(Signal::USR1);
        let receiver = open(&[Signal::USR1]);
        let ours = in_force(Signal::USR1);
        assert_ne!(ours.sa_sigaction, before.sa_sigaction);
        let asked = SA_RESTART | SA_SIGINFO | SA_ONSTACK;
        assert_eq!(ours.sa_flags & (asked | SA_NODEFER), asked);
        drop(receiver);
        let after = in_force(Signal::USR1);
        assert_eq!((after.sa_sigaction, after.sa_flags), (before.sa_sigaction, before.sa_flags));
        for signal in [Signal::USR2, Signal::TERM, Signal::HUP] {
            assert_eq!(blocks(&after, signal), blocks(&before, signal));
        }
    });
}

#[test]
fn a_handler_that_was_there_before_is_called_too() {
    alone!(|| {
        set(Signal::USR1, address(count), 0);
        let (one, other) = (open(&[Signal::USR1]), open(&[Signal::USR1]));
        raise(Signal::USR1);
        assert_eq!(calls().0, 1);
        assert_eq!((unread(&one), unread(&other)), (vec![Signal::USR1], vec![Signal::USR1]));
        drop((one, other));
        raise(Signal::USR1);
        assert_eq!(calls().0, 2);
    });
}

static SENDER: AtomicI32 = AtomicI32::new(0);
static BLOCKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_info(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    assert!(number == libc::SIGUSR1 && !info.is_null() && !context.is_null());
    // SAFETY: the system filled it; the set is filled before it is read.
    unsafe {
        SENDER.store((*info).si_pid(), SeqCst);
        let mut blocked = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut blocked);
        BLOCKED.store(libc::sigismember(&blocked, libc::SIGUSR2) == 1, SeqCst);
    }
}

#[test]
fn it_gets_what_it_was_installed_for() {
    alone!(|| {
        let handler: WithInfo = note_info;
        set_with_mask(Signal::USR1, handler as *const () as usize, SA_SIGINFO, &[Signal::USR2]);
        let receiver = open(&[Signal::USR1]);
        raise(Signal::USR1);
        assert_eq!(SENDER.load(SeqCst), std::process::id() as i32);
        assert!(BLOCKED.load(SeqCst), "its mask holds");
        assert_eq!(unread(&receiver), [Signal::USR1]);
    });
}

static ORDER: AtomicUsize = AtomicUsize::new(0);

extern "C" fn raise_another(_: c_int) {
    raise(Signal::TERM);
    assert_eq!(ORDER.fetch_add(1, SeqCst), 0);
}

extern "C" fn come_second(_: c_int) {
    assert_eq!(ORDER.fetch_add(1, SeqCst), 1);
}

/// Two frames of the system may be all that a stack for signals has room for.
#[test]
fn no_handler_interrupts_another_on_its_thread() {
    alone!(|| {
        set(Signal::INT, address(raise_another), 0);
        set(Signal::TERM, address(come_second), 0);
        let receiver = open(&[Signal::INT, Signal::TERM]);
        for signal in [Signal::INT, Signal::TERM].map(in_force) {
            assert!([Signal::INT, Signal::TERM, Signal::HUP, Signal::CHLD].iter().all(|other| blocks(&signal, *other)));
            assert!([Signal::SEGV, Signal::ABRT].iter().all(|fault| !blocks(&signal, *fault)), "they would end it");
        }
        raise(Signal::INT);
        assert_eq!(ORDER.load(SeqCst), 2);
        assert_eq!(unread(&receiver), [Signal::INT, Signal::TERM]);
    });
}

extern "C" fn spoil_errno(_: c_int) {
    // SAFETY: the call fails, and says so in `errno`.
    assert_eq!(unsafe { libc::close(-1) }, -1);
}

#[test]
fn errno_is_as_it_was() {
    alone!(|| {
        set(Signal::USR1, address(spoil_errno), 0);
        let _receiver = open(&[Signal::USR1]);
        // SAFETY: they take nothing but numbers.
        let error = unsafe {
            libc::kill(libc::getpid(), -1);
            libc::raise(libc::SIGUSR1);
            std::io::Error::last_os_error()
        };
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    });
}

#[test]
fn a_handler_installed_after_ours_is_left_alone() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        set(Signal::USR1, address(count), 0);
        raise(Signal::USR1);
        assert_eq!(unread(&receiver), [], "it does not call ours");
        drop(receiver);
        assert_eq!(handler(Signal::USR1), address(count));
        raise(Signal::USR1);
        assert_eq!(calls().0, 2);
    });
}

#[test]
fn a_new_receiver_gets_signals_over_such_a_handler() {
    alone!(|| {
        let early = open(&[Signal::USR1]);
        set(Signal::USR1, address(count), 0);
        let late = open(&[Signal::USR1]);
        raise(Signal::USR1);
        assert_eq!((unread(&early).len(), unread(&late).len(), calls().0), (1, 1, 1));
        drop(late);
        drop(early);
        assert_eq!(handler(Signal::USR1), address(count));
    });
}

/// What the handler below calls: the one that was there before it.
static BEFORE: AtomicUsize = AtomicUsize::new(0);

extern "C" fn call_what_was_before(number: c_int, info: *mut siginfo_t, context: *mut c_void) {
    CALLS.fetch_add(1, SeqCst);
    let before = BEFORE.load(SeqCst);
    // SAFETY: it is a handler of ours, which has this form.
    let before = unsafe { std::mem::transmute::<*const (), WithInfo>(before as *const ()) };
    before(number, info, context);
}

/// Installs the handler that calls ours.
fn chain(signal: Signal) {
    let handler: WithInfo = call_what_was_before;
    let before = set(signal, handler as *const () as usize, SA_SIGINFO);
    BEFORE.store(before.sa_sigaction, SeqCst);
}

#[test]
fn a_handler_that_calls_ours_passes_each_delivery_on_once() {
    alone!(|| {
        set(Signal::USR1, address(count_other), 0);
        let receiver = open(&[Signal::USR1]);
        chain(Signal::USR1);
        raise(Signal::USR1);
        assert_eq!((unread(&receiver).len(), calls()), (1, (1, 1)));

        // Closed, ours is still called, and still passes on to the one before it.
        drop(receiver);
        raise(Signal::USR1);
        assert_eq!(calls(), (2, 2));

        // Opened again, ours is above and below at once.
        for round in 1..=100 {
            let receiver = open(&[Signal::USR1]);
            raise(Signal::USR1);
            assert_eq!((unread(&receiver).len(), calls()), (1, (2 + round, 2 + round)));
        }
        raise(Signal::USR1);
        assert_eq!(calls(), (103, 103));
    });
}

#[test]
fn ours_called_by_others_with_nobody_there_does_not_end_the_process() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        chain(Signal::USR1);
        drop(receiver);
        raise(Signal::USR1);
        assert_eq!(calls().0, 1);
        // Nor does the one below, with somebody there again.
        let receiver = open(&[Signal::USR1]);
        raise(Signal::USR1);
        assert_eq!((unread(&receiver).len(), calls().0), (1, 2));
    });
}

#[test]
fn ours_put_back_with_nobody_there_is_the_system_s_default() {
    child!(|| {
        let receiver = open(&[Signal::INT, Signal::WINCH, Signal::USR1]);
        let ours = [Signal::INT, Signal::WINCH, Signal::USR1].map(|signal| (signal, set(signal, address(count), 0)));
        drop(receiver);
        for (signal, ours) in ours {
            put_back(signal, &ours);
        }
        raise(Signal::WINCH);
        // Wanted again, it is there already.
        let receiver = open(&[Signal::USR1]);
        raise(Signal::USR1);
        assert_eq!(unread(&receiver), [Signal::USR1]);
        drop(receiver);
        assert_eq!(handler(Signal::USR1), SIG_DFL);
        say("put back");
        raise(Signal::INT);
    })
    .died_of(Signal::INT, "put back");
}

#[test]
fn ours_put_back_from_below_a_later_one_receives() {
    alone!(|| {
        let early = open(&[Signal::USR1]);
        let ours = set(Signal::USR1, address(count), 0);
        let late = open(&[Signal::USR1]);
        // As a library does that has its handler in place for a while only.
        put_back(Signal::USR1, &ours);
        raise(Signal::USR1);
        assert_eq!((unread(&early).len(), unread(&late).len(), calls().0), (1, 1, 0));
        drop((early, late));
        assert_eq!(handler(Signal::USR1), SIG_DFL);
    });
}

#[test]
fn who_covers_ours_again_and_again_is_told() {
    alone!(|| {
        let mut refused = None;
        for _ in 0..20 {
            match open_signal_receiver(&[Signal::USR2, Signal::USR1]) {
                Ok(_receiver) => drop(set(Signal::USR1, address(count), 0)),
                Err(error) => refused = Some(error),
            }
        }
        let why: SignalError = refused.expect("there is an end to it").downcast().unwrap();
        assert_eq!(why, SignalError::Covered(Signal::USR1));
        assert_eq!(handler(Signal::USR1), address(count));
        assert_eq!(handler(Signal::USR2), SIG_DFL, "nothing stays installed");
        raise(Signal::USR1);
        assert_eq!(calls().0, 1);
    });
}

#[test]
fn ctrl_z_is_received_and_comes_back() {
    alone!(|| {
        let receiver = open(&[Signal::TSTP]);
        raise(Signal::TSTP);
        assert_eq!(unread(&receiver), [Signal::TSTP]);
        drop(receiver);
        assert_eq!(handler(Signal::TSTP), SIG_DFL);
    });
}
