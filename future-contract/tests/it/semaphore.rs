//! A semaphore that hands its permits over first come, first served, with a switch for each bug that it can have.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use anyio_future_contract::{Contract, Suite};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bug {
    None,
    LosesTheGrantOnDrop,
    KeepsTheGrantFromTheLine,
    LeavesItsPlaceTakenOnDrop,
    PassesOnUnderItsLock,
}

pub(crate) struct Semaphore {
    bug: Bug,
    state: Mutex<State>,
}

/// Invariant: there are no permits while somebody waits.
#[derive(Default)]
struct State {
    permits: usize,
    tickets: u64,
    waiting: VecDeque<(u64, Waker)>,
    granted: Vec<u64>,
}

impl State {
    #[must_use = "it is to be woken after unlocking"]
    fn release(&mut self) -> Option<Waker> {
        match self.waiting.pop_front() {
            Some((ticket, waker)) => {
                self.granted.push(ticket);
                Some(waker)
            }
            None => {
                self.permits += 1;
                None
            }
        }
    }

    fn try_acquire(&mut self) -> bool {
        let has_permit = self.permits > 0;
        self.permits -= usize::from(has_permit);
        has_permit
    }

    fn claim(&mut self, ticket: u64) -> bool {
        let place = self.granted.iter().position(|&other| other == ticket);
        place.map(|place| self.granted.swap_remove(place)).is_some()
    }
}

impl Semaphore {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, state: Mutex::default() }
    }

    pub(crate) fn release(&self) {
        let waker = self.state.lock().unwrap().release();
        waker.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn try_acquire(&self) -> bool {
        self.state.lock().unwrap().try_acquire()
    }

    pub(crate) async fn acquire(self: Arc<Self>) -> Permit {
        Acquire { semaphore: &self, ticket: None }.await;
        Permit(self)
    }
}

/// Releases on drop.
pub(crate) struct Permit(Arc<Semaphore>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.release();
    }
}

struct Acquire<'a> {
    semaphore: &'a Semaphore,
    ticket: Option<u64>,
}

impl Future for Acquire<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let semaphore = self.semaphore;
        let waker = cx.waker().clone();
        let mut state = semaphore.state.lock().unwrap();
        let is_acquired = match self.ticket {
            None => state.try_acquire(),
            Some(ticket) => state.claim(ticket),
        };
        if is_acquired {
            self.ticket = None;
            return Poll::Ready(());
        }
        let ticket = *self.ticket.get_or_insert_with(|| {
            state.tickets += 1;
            state.tickets
        });
        let place = state.waiting.iter_mut().find(|(other, _)| *other == ticket);
        let stale = match place {
            Some((_, place)) => Some(mem::replace(place, waker)),
            None => {
                state.waiting.push_back((ticket, waker));
                None
            }
        };
        drop(state);
        drop(stale);
        Poll::Pending
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let bug = self.semaphore.bug;
        let mut state = self.semaphore.state.lock().unwrap();
        if state.claim(ticket) {
            match bug {
                Bug::LosesTheGrantOnDrop => {}
                Bug::KeepsTheGrantFromTheLine => state.permits += 1,
                Bug::PassesOnUnderItsLock => state.release().into_iter().for_each(Waker::wake),
                _ => {
                    let next = state.release();
                    drop(state);
                    next.into_iter().for_each(Waker::wake);
                }
            }
            return;
        }
        let place = state.waiting.iter().position(|&(other, _)| other == ticket);
        let place = place.expect("who was not granted waits");
        let stale = if bug == Bug::LeavesItsPlaceTakenOnDrop {
            Some(mem::replace(&mut state.waiting[place].1, Waker::noop().clone()))
        } else {
            state.waiting.remove(place).map(|(_, waker)| waker)
        };
        drop(state);
        drop(stale);
    }
}

pub(crate) fn suite(bug: Bug) -> Suite<Semaphore, Permit> {
    Contract::new(move || Semaphore::new(bug))
        .future(Semaphore::acquire)
        .due(Semaphore::release)
        .passed_on(Semaphore::try_acquire)
}
