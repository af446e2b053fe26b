//! One claim per test about the transitions of the queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Wake, Waker};

use anyio_wait_queue::{Left, Ticket, WaitQueue};

use crate::common::{Wakes, grant, join, noop};

#[test]
fn an_empty_queue_is_one_word_and_can_be_static() {
    static QUEUE: Mutex<WaitQueue> = Mutex::new(WaitQueue::new());
    assert!(QUEUE.lock().unwrap().is_empty());
    assert_eq!(size_of::<WaitQueue>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Ticket>>(), size_of::<Ticket>());
}

// H1
#[test]
fn grants_come_in_the_order_of_joining() {
    let mut queue = WaitQueue::new();
    let mut tickets: Vec<_> = (0..5).map(|_| join(&mut queue)).collect();
    for number in 0..5 {
        grant(&mut queue, number);
    }
    let claimed: Vec<_> = tickets.iter_mut().map(|ticket| queue.claim(ticket)).collect();
    assert_eq!(claimed, [Some(0), Some(1), Some(2), Some(3), Some(4)]);
}

// H1
#[test]
fn newcomers_do_not_overtake() {
    let mut queue = WaitQueue::new();
    let mut early = join(&mut queue);
    let gone = join(&mut queue);
    let mut late = join(&mut queue);
    drop(queue.leave(gone.unwrap()));
    let mut newcomer = join(&mut queue); // sits in the slot that stood before `late`

    grant(&mut queue, "early");
    grant(&mut queue, "late");
    assert_eq!(queue.claim(&mut newcomer), None);
    assert_eq!(queue.claim(&mut late), Some("late"));
    assert_eq!(queue.claim(&mut early), Some("early"));

    grant(&mut queue, "newcomer");
    assert_eq!(queue.claim(&mut newcomer), Some("newcomer"));
}

// H1
#[test]
fn an_unclaimed_grant_does_not_hold_up_the_line() {
    let mut queue = WaitQueue::new();
    let (mut first, mut second) = (join(&mut queue), join(&mut queue));
    grant(&mut queue, 1);
    grant(&mut queue, 2);
    assert_eq!((queue.waiting(), queue.granted(), queue.is_empty()), (0, 2, true));
    assert_eq!(queue.claim(&mut second), Some(2));
    assert_eq!(queue.claim(&mut first), Some(1));
}

#[test]
fn a_grant_that_nobody_waits_for_comes_back() {
    let mut queue = WaitQueue::<String>::new();
    assert_eq!(queue.grant("item".to_owned()).unwrap_err(), "item");

    let _granted = join(&mut queue);
    grant(&mut queue, "first".to_owned());
    assert_eq!(queue.grant("second".to_owned()).unwrap_err(), "second");
}

// H2
#[test]
fn a_leaving_waiter_gives_its_grant_back() {
    let mut queue = WaitQueue::new();
    let (first, mut second) = (join(&mut queue), join(&mut queue));
    grant(&mut queue, "permit");

    let Left::Granted(permit) = queue.leave(first.unwrap()) else { panic!("it had its grant") };
    grant(&mut queue, permit);
    assert_eq!(queue.claim(&mut second), Some("permit"));
    assert_eq!((queue.waiting(), queue.granted()), (0, 0));
}

// H2
#[test]
fn a_waiter_that_left_is_out_of_line() {
    let mut queue = WaitQueue::new();
    let (first, mut second) = (join(&mut queue), join(&mut queue));
    assert!(matches!(queue.leave(first.unwrap()), Left::Waiting { .. }));
    grant(&mut queue, "permit");
    assert_eq!(queue.claim(&mut second), Some("permit"));
}

#[test]
fn whoever_leaves_first_last_or_in_the_middle_the_others_keep_their_order() {
    for leaver in 0..4 {
        let mut queue = WaitQueue::new();
        let mut tickets: Vec<_> = (0..4).map(|_| join(&mut queue)).collect();
        drop(queue.leave(tickets[leaver].take().unwrap()));
        for turn in 0..3 {
            grant(&mut queue, turn);
        }
        let claimed: Vec<_> = tickets.iter_mut().filter_map(|ticket| queue.claim(ticket)).collect();
        assert_eq!(claimed, [0, 1, 2]);
    }
}

// H3
#[test]
fn a_payload_goes_to_the_granter_or_back_to_who_leaves() {
    let mut queue = WaitQueue::<(), String>::new();
    let mut taken = Some(queue.join("taken".to_owned(), noop()));
    let left = queue.join("left".to_owned(), noop());

    assert_eq!(queue.first().unwrap(), "taken");
    let (_waker, payload) = queue.grant(()).unwrap();
    assert_eq!(payload, "taken");
    assert_eq!(queue.first().unwrap(), "left");

    assert!(matches!(queue.leave(left), Left::Waiting { payload, .. } if payload == "left"));
    assert_eq!(queue.first(), None);
    assert_eq!(queue.claim(&mut taken), Some(()));
}

// H3
#[test]
fn grant_all_gives_each_its_own_payload_back() {
    let mut queue = WaitQueue::<Result<(), u32>, u32>::new();
    let wakes = Wakes::new();
    let mut tickets: Vec<_> = (0..10).map(|item| Some(queue.join(item, wakes.clone().into()))).collect();
    let (_waker, item) = queue.grant(Ok(())).unwrap();
    assert_eq!(item, 0);

    let woken = queue.grant_all(Err);
    assert_eq!((woken.len(), wakes.count()), (9, 0));
    woken.wake();
    assert_eq!(wakes.count(), 9);

    assert_eq!(queue.claim(&mut tickets[0]), Some(Ok(())));
    for item in 1..10 {
        assert_eq!(queue.claim(&mut tickets[item as usize]), Some(Err(item)));
    }
}

#[test]
fn grant_many_stops_at_its_limit_and_at_the_end_of_the_line() {
    let mut queue = WaitQueue::<()>::new();
    assert!(queue.grant_many(3, |()| ()).is_empty());
    let _tickets: Vec<_> = (0..5).map(|_| join(&mut queue)).collect();
    assert_eq!(queue.grant_many(0, |()| ()).len(), 0);
    assert_eq!(queue.grant_many(3, |()| ()).len(), 3);
    assert_eq!(queue.waiting(), 2);
    assert_eq!(queue.grant_many(3, |()| ()).len(), 2);
    assert_eq!((queue.waiting(), queue.granted()), (0, 5));
}

// One of several owners is gone: its waiters are told, wherever they stand.
#[test]
fn grant_where_grants_to_those_that_match_and_leaves_the_others_in_their_places() {
    let owners = ['a', 'b', 'a', 'a', 'b', 'c', 'a'];
    for chosen in ['a', 'b', 'c', 'd'] {
        let mut queue = WaitQueue::<(usize, char), (usize, char)>::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tickets: Vec<_> = (owners.iter().enumerate())
            .map(|(place, &owner)| Some(queue.join((place, owner), Waker::from(Arc::new(Place(place, order.clone()))))))
            .collect();
        let mut asked = Vec::new();
        let woken = queue.grant_where(
            |&(place, owner)| {
                asked.push(place);
                owner == chosen
            },
            |payload| payload,
        );
        // Each waiter is looked at once, and nobody is woken inside.
        assert_eq!(asked, [0, 1, 2, 3, 4, 5, 6]);
        assert!(order.lock().unwrap().is_empty());
        let expected: Vec<usize> = (0..owners.len()).filter(|&place| owners[place] == chosen).collect();
        assert_eq!((woken.len(), queue.granted()), (expected.len(), expected.len()));
        woken.wake();
        assert_eq!(*order.lock().unwrap(), expected);

        let left: Vec<usize> = (0..owners.len()).filter(|&place| owners[place] != chosen).collect();
        assert_eq!(queue.waiting(), left.len());
        for place in left {
            assert_eq!(queue.first(), Some(&(place, owners[place])));
            let (_waker, payload) = queue.grant((99, 'z')).unwrap();
            assert_eq!(payload, (place, owners[place]));
        }
        for (place, ticket) in tickets.iter_mut().enumerate() {
            let expected = if owners[place] == chosen { (place, chosen) } else { (99, 'z') };
            assert_eq!(queue.claim(ticket), Some(expected));
        }
    }
}

#[test]
fn grant_where_of_an_empty_line_asks_nobody() {
    let mut queue = WaitQueue::<()>::new();
    assert!(queue.grant_where(|()| panic!("nobody is there"), |()| ()).is_empty());
    let mut granted = join(&mut queue);
    grant(&mut queue, ());
    assert!(queue.grant_where(|()| panic!("nobody waits"), |()| ()).is_empty());
    assert_eq!(queue.claim(&mut granted), Some(()));
}

/// Tells its place when it is woken.
struct Place(usize, Arc<Mutex<Vec<usize>>>);

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

#[test]
fn a_claim_without_a_grant_changes_nothing() {
    let mut queue = WaitQueue::<()>::new();
    assert_eq!(queue.claim(&mut None), None);
    let mut ticket = join(&mut queue);
    assert_eq!(queue.claim(&mut ticket), None);
    assert!(ticket.is_some());
    assert_eq!(queue.waiting(), 1);
}

#[test]
fn the_waker_that_was_given_last_is_woken() {
    let mut queue = WaitQueue::new();
    let (old, new) = (Wakes::new(), Wakes::new());
    let (old_waker, new_waker) = (Waker::from(old.clone()), Waker::from(new.clone()));
    let mut ticket = Some(queue.join((), old_waker.clone()));
    let held = ticket.as_ref().unwrap();
    assert!(queue.will_wake(held, &old_waker));
    assert!(!queue.will_wake(held, &new_waker));

    let stale = queue.refresh(held, new_waker.clone());
    assert!(stale.will_wake(&old_waker));
    assert!(queue.will_wake(held, &new_waker));

    grant(&mut queue, ());
    assert_eq!((old.count(), new.count()), (0, 1));
    assert!(queue.claim(&mut ticket).is_some());
}

#[test]
fn a_waker_that_comes_after_the_grant_goes_back() {
    let mut queue = WaitQueue::new();
    let ticket = join(&mut queue).unwrap();
    grant(&mut queue, ());

    let late = Waker::from(Wakes::new());
    assert!(!queue.will_wake(&ticket, &late));
    assert!(queue.refresh(&ticket, late.clone()).will_wake(&late));
    assert!(matches!(queue.leave(ticket), Left::Granted(())));
}

#[test]
fn a_waiter_keeps_its_place_when_its_waker_is_exchanged() {
    let mut queue = WaitQueue::new();
    let (mut first, _second) = (join(&mut queue), join(&mut queue));
    drop(queue.refresh(first.as_ref().unwrap(), noop()));
    grant(&mut queue, ());
    assert_eq!(queue.claim(&mut first), Some(()));
}

#[test]
fn tickets_go_with_a_queue_that_is_moved() {
    let mut queue = WaitQueue::new();
    let mut ticket = join(&mut queue);
    let mut moved = std::mem::take(&mut queue);
    grant(&mut moved, ());
    assert_eq!(moved.claim(&mut ticket), Some(()));
}

#[test]
fn a_ticket_of_another_queue_panics_and_touches_nobody() {
    type Mistake = fn(&mut WaitQueue, Ticket);
    let mistakes: [Mistake; 4] = [
        |queue, ticket| drop(queue.leave(ticket)),
        |queue, ticket| drop(queue.refresh(&ticket, noop())),
        |queue, ticket| _ = queue.will_wake(&ticket, Waker::noop()),
        |queue, ticket| _ = queue.claim(&mut Some(ticket)),
    ];
    let mut other = WaitQueue::<()>::new();
    for mistake in mistakes {
        let (mut waiting, mut granted, mut unused) = (WaitQueue::new(), WaitQueue::new(), WaitQueue::new());
        let mut tickets = [join(&mut waiting), join(&mut granted)];
        grant(&mut granted, ());
        for queue in [&mut waiting, &mut granted, &mut unused] {
            let foreign = join(&mut other).unwrap();
            let panic = catch_unwind(AssertUnwindSafe(|| mistake(queue, foreign))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"the ticket belongs to another wait queue"));
        }
        assert_eq!((waiting.waiting(), granted.granted()), (1, 1));
        assert_eq!(granted.claim(&mut tickets[1]), Some(()));
        grant(&mut waiting, ());
        assert_eq!(waiting.claim(&mut tickets[0]), Some(()));
    }
    assert_eq!(other.waiting(), 12);
}

#[test]
fn a_future_that_panics_with_a_foreign_ticket_does_not_panic_again_when_dropped() {
    let mut ticket = join(&mut WaitQueue::<()>::new());
    let mut queue = WaitQueue::<()>::new();
    assert!(catch_unwind(AssertUnwindSafe(|| queue.claim(&mut ticket))).is_err());
    assert!(ticket.is_none());
}

/// A waker, a grant and a payload that take the lock of their queue when they are woken or dropped.
struct Intruder(Weak<Mutex<WaitQueue<Intruder, Intruder>>>);

impl Intruder {
    fn takes_the_lock(&self) {
        if let Some(queue) = self.0.upgrade() {
            drop(queue.try_lock().expect("foreign code runs only while the queue is unlocked"));
        }
    }
}

impl Wake for Intruder {
    fn wake(self: Arc<Self>) {
        self.takes_the_lock();
    }
}

impl Drop for Intruder {
    fn drop(&mut self) {
        self.takes_the_lock();
    }
}

#[test]
fn no_foreign_code_runs_inside() {
    let queue = Arc::new(Mutex::new(WaitQueue::<Intruder, Intruder>::new()));
    let intruder = || Intruder(Arc::downgrade(&queue));
    let waker = || Waker::from(Arc::new(intruder()));
    let join = || {
        let (payload, waker) = (intruder(), waker());
        Some(queue.lock().unwrap().join(payload, waker))
    };
    // A macro, so that the guard is gone before anybody looks at what the transition returned.
    macro_rules! unlocked {
        ($queue:ident, $transition:expr) => {{
            let mut $queue = queue.lock().unwrap();
            let returned = $transition;
            drop($queue);
            returned
        }};
    }
    let mut tickets: Vec<_> = (0..40).map(|_| join()).collect();

    let (fresh, ticket) = (waker(), tickets[0].as_ref().unwrap());
    drop(unlocked!(queue, queue.refresh(ticket, fresh)));

    let item = intruder();
    let (granted, _payload) = unlocked!(queue, queue.grant(item)).ok().unwrap();
    granted.wake();
    let (late, ticket) = (waker(), tickets[0].as_ref().unwrap());
    drop(unlocked!(queue, queue.refresh(ticket, late)));
    assert!(unlocked!(queue, queue.claim(&mut tickets[0])).is_some());

    for leaver in tickets.drain(1..20).flatten() {
        drop(unlocked!(queue, queue.leave(leaver)));
    }
    unlocked!(queue, queue.grant_many(5, |payload| payload)).wake();
    let mut every_second = false;
    let chosen = |_: &Intruder| {
        every_second = !every_second;
        every_second
    };
    unlocked!(queue, queue.grant_where(chosen, |payload| payload)).wake();
    drop(unlocked!(queue, queue.grant_all(|payload| payload)));

    for ticket in tickets.iter_mut().filter(|ticket| ticket.is_some()) {
        assert!(unlocked!(queue, queue.claim(ticket)).is_some());
    }
    let item = intruder();
    drop(unlocked!(queue, queue.grant(item)));
}

#[test]
fn debug_shows_counts_and_no_values() {
    let mut queue = WaitQueue::<&str, &str>::new();
    let (ticket, other) = (queue.join("secret", noop()), queue.join("secret", noop()));
    drop(queue.grant("secret"));
    assert_eq!(format!("{queue:?}"), "WaitQueue { waiting: 1, granted: 1 }");
    assert_eq!(format!("{ticket:?}"), "Ticket { .. }");
    assert_eq!(format!("{:?}", queue.leave(ticket)), "Granted(..)");
    assert_eq!(format!("{:?}", queue.leave(other)), "Waiting { .. }");
}
