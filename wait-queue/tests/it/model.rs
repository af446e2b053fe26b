//! Long random runs against the plainest model that could be right: a `VecDeque` of who waits, a map of who was granted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use anyio_wait_queue::{Left, Ticket, WaitQueue};

use crate::common::Wakes;

struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// A waiter brings its number along, and is granted the number of the turn and its own.
struct Waiter {
    number: u64,
    ticket: Option<Ticket>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Run {
    queue: WaitQueue<(u64, u64), u64>,
    waiters: Vec<Waiter>,
    next_number: u64,
    next_turn: u64,
    // The model.
    line: VecDeque<u64>,
    granted: HashMap<u64, (u64, u64)>,
}

impl Run {
    fn join(&mut self) {
        let (number, wakes) = (self.next_number, Wakes::new());
        self.next_number += 1;
        let ticket = Some(self.queue.join(number, wakes.clone().into()));
        self.waiters.push(Waiter { number, ticket, wakes });
        self.line.push_back(number);
    }

    fn grant(&mut self) {
        let grant = (self.next_turn, u64::MAX);
        match (self.queue.grant(grant), self.line.pop_front()) {
            (Ok((waker, payload)), Some(number)) => {
                assert_eq!(payload, number);
                waker.wake();
                self.granted.insert(number, grant);
                self.next_turn += 1;
            }
            (Err(back), None) => assert_eq!(back, grant),
            _ => panic!("the queue and the model disagree on whether somebody waits"),
        }
    }

    fn grant_many(&mut self, limit: usize) {
        let mut turn = self.next_turn;
        let woken = self.queue.grant_many(limit, |number| {
            turn += 1;
            (turn, number)
        });
        let expected = limit.min(self.line.len());
        assert_eq!(woken.len(), expected);
        for (number, turn) in self.line.drain(..expected).zip(self.next_turn + 1..) {
            self.granted.insert(number, (turn, number));
        }
        self.next_turn = turn;
        woken.wake();
    }

    /// To those whose number has this remainder by three.
    fn grant_where(&mut self, remainder: u64) {
        let mut turn = self.next_turn;
        let woken = self.queue.grant_where(
            |number| number % 3 == remainder,
            |number| {
                turn += 1;
                (turn, number)
            },
        );
        let chosen: Vec<u64> = self.line.iter().copied().filter(|number| number % 3 == remainder).collect();
        assert_eq!(woken.len(), chosen.len());
        self.line.retain(|number| number % 3 != remainder);
        for (number, turn) in chosen.into_iter().zip(self.next_turn + 1..) {
            self.granted.insert(number, (turn, number));
        }
        self.next_turn = turn;
        woken.wake();
    }

    fn claim(&mut self, index: usize) {
        let waiter = &mut self.waiters[index];
        assert_eq!(self.queue.claim(&mut waiter.ticket), self.granted.remove(&waiter.number));
        if waiter.ticket.is_none() {
            assert_eq!(waiter.wakes.count(), 1);
            self.waiters.swap_remove(index);
        }
    }

    fn leave(&mut self, index: usize) {
        let waiter = self.waiters.swap_remove(index);
        match self.queue.leave(waiter.ticket.unwrap()) {
            Left::Waiting { payload, waker } => {
                assert_eq!(payload, waiter.number);
                assert!(waker.will_wake(&waiter.wakes.clone().into()));
                self.line.retain(|&number| number != waiter.number);
            }
            Left::Granted(grant) => assert_eq!(Some(grant), self.granted.remove(&waiter.number)),
        }
    }

    fn refresh(&mut self, index: usize) {
        let waiter = &mut self.waiters[index];
        let ticket = waiter.ticket.as_ref().unwrap();
        let waits = !self.granted.contains_key(&waiter.number);
        assert_eq!(self.queue.will_wake(ticket, &waiter.wakes.clone().into()), waits);
        let fresh = Wakes::new();
        let stale = self.queue.refresh(ticket, fresh.clone().into());
        assert!(stale.will_wake(&if waits { &waiter.wakes } else { &fresh }.clone().into()));
        if waits {
            waiter.wakes = fresh;
        }
    }

    fn compare(&self) {
        assert_eq!(self.queue.waiting(), self.line.len());
        assert_eq!(self.queue.granted(), self.granted.len());
        assert_eq!(self.queue.is_empty(), self.line.is_empty());
        assert_eq!(self.queue.first(), self.line.front());
    }

    /// Lets everybody finish: what was granted to whom shows whether the order was kept.
    fn finish(mut self) {
        self.grant_many(usize::MAX);
        while !self.waiters.is_empty() {
            self.claim(0);
        }
        assert!(self.granted.is_empty());
        self.compare();
    }
}

/// `crowd` is how many waiters there are at most, more or less.
fn random_run(seed: u64, steps: usize, crowd: usize) {
    let (mut random, mut run) = (Random(seed), Run::default());
    let mut filling = true;
    for _ in 0..steps {
        // Floods and ebbs, so that the line becomes long and is empty again many times.
        filling = match run.waiters.len() {
            0 => true,
            waiters if waiters >= crowd => false,
            _ => filling,
        };
        let waiters = run.waiters.len();
        match random.below(17) {
            0..6 if filling => run.join(),
            0..6 if waiters > 0 && random.below(2) == 0 => run.leave(random.below(waiters)),
            0..10 if waiters > 0 => run.claim(random.below(waiters)),
            10..12 => run.grant(),
            12 => run.grant_many(random.below(4)),
            13 if waiters > 0 => run.leave(random.below(waiters)),
            14 if waiters > 0 => run.refresh(random.below(waiters)),
            // Less often, for it empties a third of the line.
            15 if random.below(3) == 0 => run.grant_where(random.below(3) as u64),
            _ => {}
        }
        run.compare();
    }
    run.finish();
}

#[test]
fn a_small_line_does_what_the_model_does() {
    for seed in 0..300 {
        random_run(seed, 500, 6);
    }
}

#[test]
fn a_long_line_does_what_the_model_does() {
    for seed in 0..10 {
        random_run(seed, 10_000, 200);
    }
}
