//! The wheel against a sorted map, and at its edges.

use std::collections::{BTreeMap, HashMap};

use super::*;

impl<T> Wheel<T> {
    /// Asserts the invariants of the module head and returns the number of timers.
    fn check(&self) -> usize {
        let mut linked = 0;
        for head in 0..=CASCADE {
            let (level, slot) = (head / SLOTS, head % SLOTS);
            let mut last = head;
            let mut index = self.nodes[head as usize].next;
            while index != head {
                let node = &self.nodes[index as usize];
                assert!(index > CASCADE && node.previous == last && node.id != 0 && node.value.is_some());
                assert!(node.tick >= self.elapsed, "invariant 1");
                if head != CASCADE {
                    let shift = level * SLOT_BITS;
                    assert_eq!((node.tick >> shift) & SLOT_MASK, u64::from(slot), "invariant 2");
                    let above = shift + SLOT_BITS;
                    assert_eq!(node.tick.checked_shr(above), self.elapsed.checked_shr(above), "invariant 2");
                    let own = (self.elapsed >> shift) & SLOT_MASK;
                    assert!(u64::from(slot) > own || (level == 0 && u64::from(slot) == own), "invariant 2");
                    assert!(self.nodes[head as usize].tick <= node.tick, "invariant 5");
                }
                linked += 1;
                last = index;
                index = node.next;
            }
            assert_eq!(self.nodes[head as usize].previous, last);
            if head != CASCADE {
                let bit = self.occupied[level as usize] >> slot & 1;
                assert_eq!(bit == 1, last != head, "invariant 4");
            }
        }
        for (level, occupied) in self.occupied.iter().enumerate() {
            assert_eq!(self.levels >> level & 1 == 1, *occupied != 0, "invariant 4");
        }
        let mut index = self.free;
        let mut free = 0;
        while index != NONE {
            let node = &self.nodes[index as usize];
            assert!(node.id == 0 && node.value.is_none(), "invariant 7");
            free += 1;
            index = node.next;
        }
        assert_eq!(linked + free, self.nodes.len() - CASCADE as usize - 1, "a node is neither linked nor free");
        linked
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A distance of any order of magnitude, with the edges of slots and levels among them.
    fn distance(&mut self) -> u64 {
        let bits = self.below(64) as u32;
        match self.below(4) {
            0 => 1u64 << bits,
            1 => (1u64 << bits) - 1,
            _ => self.next() >> bits,
        }
    }
}

fn drain(wheel: &mut Wheel<u64>, now: u64) -> Vec<u64> {
    let mut due = Vec::new();
    while !wheel.advance(now, 3, &mut due) {
        assert!(wheel.next_tick().is_some());
        wheel.check();
    }
    due
}

/// Runs random operations against a sorted map, with `distance` choosing how far timers and jumps go.
fn against_a_model(seed: u64, operations: usize, distance: impl Fn(&mut Random) -> u64) {
    let mut random = Random(seed);
    let mut wheel = Wheel::new();
    let mut model: BTreeMap<(u64, u64), TimerKey> = BTreeMap::new();
    let mut ticks: HashMap<u64, u64> = HashMap::new();
    let mut stale = Vec::new();
    let (mut now, mut next_value) = (0u64, 0u64);
    for _ in 0..operations {
        match random.below(10) {
            0..=3 => {
                let tick = match random.below(8) {
                    0 => now.saturating_sub(distance(&mut random)),
                    _ => now.saturating_add(distance(&mut random)),
                };
                let key = wheel.insert(tick, next_value);
                // The past is raised to the present: it fires with the next advance.
                model.insert((tick.max(now), next_value), key);
                ticks.insert(next_value, tick.max(now));
                next_value += 1;
            }
            4 | 5 if next_value > 0 => {
                let value = random.below(next_value);
                if let Some(tick) = ticks.remove(&value) {
                    let key = model.remove(&(tick, value)).unwrap();
                    assert_eq!(wheel.remove(key), Some(value));
                    stale.push(key);
                }
            }
            6 | 7 if next_value > 0 => {
                let value = random.below(next_value);
                if let Some(tick) = ticks.get_mut(&value) {
                    let key = model.remove(&(*tick, value)).unwrap();
                    *tick = now.saturating_add(distance(&mut random));
                    assert!(wheel.rearm(key, *tick));
                    model.insert((*tick, value), key);
                }
            }
            8 if !stale.is_empty() => {
                let key = stale[random.below(stale.len() as u64) as usize];
                assert_eq!(wheel.remove(key), None);
                assert!(!wheel.rearm(key, now));
                assert_eq!(wheel.replace(key, 7), Err(7));
            }
            _ => {
                let next = wheel.next_tick();
                assert_eq!(next.is_none(), model.is_empty());
                if let Some((&(earliest, _), _)) = model.first_key_value() {
                    assert!(next.unwrap() <= earliest, "the next tick would be slept through");
                }
                now = match next {
                    Some(next) if random.below(2) == 0 => next.max(now),
                    _ => now.saturating_add(distance(&mut random)),
                };
                let fired = drain(&mut wheel, now);
                let mut last = 0;
                for value in fired {
                    let tick = ticks.remove(&value).expect("fired twice, or fired though removed");
                    assert!(tick <= now, "early");
                    assert!(tick >= last, "out of order");
                    last = tick;
                    stale.push(model.remove(&(tick, value)).unwrap());
                }
                assert!(model.keys().next().is_none_or(|&(tick, _)| tick > now), "late");
                assert!(wheel.next_tick().is_none_or(|tick| tick > now), "would spin");
            }
        }
        assert_eq!(wheel.check(), model.len());
    }
    let rest = drain(&mut wheel, u64::MAX);
    assert_eq!(rest.len(), model.len());
    assert_eq!(wheel.check(), 0);
}

#[test]
fn fires_like_a_sorted_map_at_short_distances() {
    for seed in 1..=20 {
        against_a_model(seed, 500, |random| random.below(300));
    }
}

#[test]
fn fires_like_a_sorted_map_at_all_distances() {
    for seed in 1..=20 {
        against_a_model(seed, 500, |random| {
            let bits = random.below(40) as u32;
            random.next() >> (63 - bits)
        });
    }
}

#[test]
fn fires_like_a_sorted_map_up_to_the_end_of_time() {
    for seed in 1..=40 {
        against_a_model(seed, 80, Random::distance);
    }
}

#[test]
fn next_tick_is_exact_while_the_earliest_timer_is_armed() {
    let mut wheel = Wheel::new();
    for tick in [u64::MAX, 1 << 50, 70_000, 5_003, 5_002] {
        wheel.insert(tick, tick);
        assert_eq!(wheel.next_tick(), Some(tick));
    }
    assert_eq!(drain(&mut wheel, 5_001), []);
    assert_eq!(wheel.next_tick(), Some(5_002));
    assert_eq!(drain(&mut wheel, 5_002), [5_002]);
    assert_eq!(wheel.next_tick(), Some(5_003));
}

#[test]
fn one_advance_touches_a_bounded_number_of_timers() {
    let mut wheel = Wheel::new();
    for value in 0..100 {
        wheel.insert(1_000, value);
    }
    let mut due = Vec::new();
    let mut calls = 1;
    while !wheel.advance(1_000, 10, &mut due) {
        calls += 1;
    }
    assert_eq!(due, (0..100).collect::<Vec<_>>());
    // Each timer moves once from level 1 to level 0 and once out of the wheel.
    assert_eq!(calls, 20);
}

#[test]
fn a_slot_that_is_being_taken_apart_can_change() {
    let mut wheel = Wheel::new();
    let keys: Vec<_> = (0..10).map(|value| wheel.insert(100, value)).collect();
    let mut due = Vec::new();
    assert!(!wheel.advance(99, 4, &mut due));
    assert_eq!(wheel.next_tick(), Some(wheel.elapsed()));
    assert_eq!(wheel.remove(keys[9]), Some(9));
    assert_eq!(wheel.remove(keys[0]), Some(0));
    assert!(wheel.rearm(keys[8], 98));
    assert!(wheel.rearm(keys[7], 5_000));
    wheel.insert(99, 10);
    assert_eq!(wheel.check(), 9);
    assert_eq!(drain(&mut wheel, 99), [8, 10]);
    assert_eq!(drain(&mut wheel, 100).len(), 6);
    assert_eq!(drain(&mut wheel, 5_000), [7]);
}

#[test]
fn a_clock_reading_from_before_changes_nothing() {
    let mut wheel = Wheel::new();
    assert_eq!(drain(&mut wheel, 10), []);
    wheel.insert(7, 7);
    assert_eq!(drain(&mut wheel, 9), []);
    assert_eq!((wheel.elapsed(), wheel.next_tick()), (10, Some(10)));
    assert_eq!(drain(&mut wheel, 10), [7]);
}

#[test]
fn nodes_are_used_again() {
    let mut wheel = Wheel::new();
    for round in 0..1_000 {
        let key = wheel.insert(round, round);
        assert_eq!(wheel.remove(key), Some(round));
    }
    assert_eq!(wheel.nodes.len(), CASCADE as usize + 2);
}
