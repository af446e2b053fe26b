//! A one-shot event, with a switch for each bug that it can have.

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use anyio_future_contract::{Contract, Suite};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Bug {
    None,
    IsAlwaysReady,
    ForgetsThatItIsSet,
    KeepsNoWaker,
    KeepsTheFirstWaker,
    AddsAWakerAtEachPoll,
    LeaksItsWakerOnDrop,
    LeaksItsWakerWhenSet,
    WakesTooEarly,
    NeverWakes,
    ClonesUnderItsLock,
    ClonesUnderItsLockToReplace,
    WakesUnderItsLock,
    DropsTheWokenWakerUnderItsLock,
    DropsTheStaleWakerUnderItsLock,
    DropsTheLeavingWakerUnderItsLock,
    PanicsWhenSet,
}

pub(crate) struct Event {
    bug: Bug,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_set: bool,
    tickets: u64,
    waiting: Vec<(u64, Waker)>,
}

impl Event {
    pub(crate) fn new(bug: Bug) -> Self {
        Self { bug, state: Mutex::default() }
    }

    pub(crate) fn set(&self) {
        assert!(self.bug != Bug::PanicsWhenSet, "planted");
        let mut state = self.state.lock().unwrap();
        state.is_set = self.bug != Bug::ForgetsThatItIsSet;
        if self.bug == Bug::NeverWakes {
            return;
        }
        let waiting = mem::take(&mut state.waiting);
        let wake = |waiting: &[(u64, Waker)]| waiting.iter().for_each(|(_, waker)| waker.wake_by_ref());
        match self.bug {
            Bug::WakesUnderItsLock => wake(&waiting),
            Bug::DropsTheWokenWakerUnderItsLock => {
                drop(state);
                wake(&waiting);
                let _state = self.state.lock().unwrap();
                drop(waiting);
            }
            Bug::LeaksItsWakerWhenSet => {
                drop(state);
                wake(&waiting);
                mem::forget(waiting);
            }
            _ => {
                drop(state);
                wake(&waiting);
            }
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.state.lock().unwrap().is_set
    }

    pub(crate) fn wait(self: Arc<Self>) -> Wait {
        Wait { event: self, ticket: None }
    }
}

pub(crate) struct Wait {
    event: Arc<Event>,
    ticket: Option<u64>,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let event = Arc::clone(&self.event);
        let cloned = match event.bug {
            Bug::ClonesUnderItsLock => None,
            Bug::ClonesUnderItsLockToReplace if self.ticket.is_some() => None,
            _ => Some(cx.waker().clone()),
        };
        let mut state = event.state.lock().unwrap();
        let waker = cloned.unwrap_or_else(|| cx.waker().clone());
        if state.is_set || event.bug == Bug::IsAlwaysReady {
            return Poll::Ready(());
        }
        let ticket = *self.ticket.get_or_insert_with(|| {
            state.tickets += 1;
            state.tickets
        });
        let place = state.waiting.iter().position(|&(other, _)| other == ticket);
        let mut stale = None;
        match (place, event.bug) {
            (_, Bug::KeepsNoWaker) | (Some(_), Bug::KeepsTheFirstWaker) => {}
            (None, _) | (Some(_), Bug::AddsAWakerAtEachPoll) => state.waiting.push((ticket, waker)),
            (Some(place), Bug::DropsTheStaleWakerUnderItsLock) => state.waiting[place].1 = waker,
            (Some(place), _) => stale = Some(mem::replace(&mut state.waiting[place].1, waker)),
        }
        drop(state);
        drop(stale);
        if event.bug == Bug::WakesTooEarly {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        if self.event.bug == Bug::LeaksItsWakerOnDrop {
            return;
        }
        let mut state = self.event.state.lock().unwrap();
        let (gone, staying) = mem::take(&mut state.waiting).into_iter().partition(|&(other, _)| other == ticket);
        state.waiting = staying;
        if self.event.bug == Bug::DropsTheLeavingWakerUnderItsLock {
            drop::<Vec<_>>(gone);
        } else {
            drop(state);
        }
    }
}

pub(crate) fn suite(bug: Bug) -> Suite<Event, ()> {
    Contract::new(move || Event::new(bug)).future(Event::wait).due(Event::set)
}
