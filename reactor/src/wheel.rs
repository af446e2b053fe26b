//! The hierarchical timer wheel: a pure machine without clock, lock or wake-up.
//!
//! Time is a number of *ticks*. The wheel has [`LEVELS`] levels of 64 slots; a slot of level `n` spans `64^n` ticks. A
//! timer lies in the level of the highest group of six bits in which its tick differs from `elapsed`, in the slot that
//! this group names. Eleven levels cover every `u64`, so nothing is ever out of range. When `elapsed` reaches the
//! start of a slot above level 0, the slot *cascades*: its timers move to lower levels.
//!
//! ```text
//! elapsed = 0b000001_000010      tick          level  slot
//!                                000001_000101   0      5     (same upper bits: due within this turn of level 0)
//!                                000011_000000   1      3     (cascades when elapsed becomes 000011_000000)
//! ```
//!
//! Slots are circular doubly linked lists through the pool of nodes. The head of each slot is itself a node of the
//! pool, at an index from which level and slot can be read, so a timer can be unlinked without a note of where it is,
//! and a whole slot moves in constant time.
//!
//! # Invariants
//!
//! 1. A linked node has `tick >= elapsed` (ticks in the past are raised to `elapsed` when they come in).
//! 2. A node in slot `s` of level `n` agrees with `elapsed` in all groups above `n`, and its group `n` is `s`. For
//!    `n > 0`, `s` is greater than `elapsed`'s own group `n`.
//! 3. From 2: all of level `n` is due before all of level `n + 1`, and within a level the slots are in order. So the
//!    first occupied slot of the lowest occupied level holds the earliest timers.
//! 4. Bit `s` of `occupied[n]` is set iff the slot is not empty; bit `n` of `levels` is set iff `occupied[n] != 0`.
//! 5. The `tick` of a slot's head is a lower bound of the ticks in it: exact until a timer is taken out.
//! 6. The cascade list holds what is left of a slot that is being taken apart, while `elapsed` stands at the slot's
//!    start. Nothing fires before it is empty.
//! 7. A node's `id` is the one of its key while it is linked, else 0. No id is given twice.
//!
//! Moving `elapsed` forward to `now` keeps 2 if no slot starts at or before `now`: `now` then agrees with every linked
//! tick wherever `elapsed` did, and in the slot's own group it is still less.

use std::num::NonZeroU64;

const SLOT_BITS: u32 = 6;
const SLOTS: u32 = 1 << SLOT_BITS;
const SLOT_MASK: u64 = SLOTS as u64 - 1;

/// Enough for every `u64` tick.
const LEVELS: u32 = u64::BITS.div_ceil(SLOT_BITS);

/// The head of the cascade list; the heads of the slots have the indexes below it.
const CASCADE: u32 = LEVELS * SLOTS;

/// The end of the chain of free nodes.
const NONE: u32 = u32::MAX;

/// Names one armed timer.
///
/// A key is never given twice: once its timer has fired or was disarmed, it stays without effect for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    index: u32,
    id: NonZeroU64,
}

/// Timers that carry a value each.
pub(crate) struct Wheel<T> {
    /// The time which the wheel has reached.
    elapsed: u64,
    /// Bitmap of the levels that hold timers.
    levels: u16,
    /// Bitmaps of the slots that hold timers.
    occupied: [u64; LEVELS as usize],
    /// Heads first (see [`CASCADE`]), then the timers.
    nodes: Vec<Node<T>>,
    /// The first free node; the others follow through `next`.
    free: u32,
    last_id: u64,
}

struct Node<T> {
    previous: u32,
    next: u32,
    tick: u64,
    id: u64,
    value: Option<T>,
}

impl<T> Wheel<T> {
    pub(crate) fn new() -> Self {
        let head = |index| Node { previous: index, next: index, tick: u64::MAX, id: 0, value: None };
        Self {
            elapsed: 0,
            levels: 0,
            occupied: [0; LEVELS as usize],
            nodes: (0..=CASCADE).map(head).collect(),
            free: NONE,
            last_id: 0,
        }
    }

    pub(crate) fn insert(&mut self, tick: u64, value: T) -> TimerKey {
        self.last_id += 1;
        let id = NonZeroU64::new(self.last_id).expect("2^64 timers are never reached");
        let index = if self.free == NONE {
            let index = u32::try_from(self.nodes.len()).ok().filter(|&index| index != NONE);
            let index = index.expect("more than 2^32 timers are armed");
            self.nodes.push(Node { previous: index, next: index, tick, id: id.get(), value: Some(value) });
            index
        } else {
            let index = self.free;
            let node = &mut self.nodes[index as usize];
            self.free = node.next;
            node.id = id.get();
            node.value = Some(value);
            index
        };
        self.link(index, tick);
        TimerKey { index, id }
    }

    /// Moves a timer; `false` when it is no longer there.
    pub(crate) fn rearm(&mut self, key: TimerKey, tick: u64) -> bool {
        if self.find(key).is_none() {
            return false;
        }
        self.unlink(key.index);
        self.link(key.index, tick);
        true
    }

    /// Changes the value of a timer: the old one comes back, or the new one when the timer is no longer there.
    pub(crate) fn replace(&mut self, key: TimerKey, value: T) -> Result<T, T> {
        match self.find(key).and_then(|node| node.value.as_mut()) {
            Some(held) => Ok(std::mem::replace(held, value)),
            None => Err(value),
        }
    }

    pub(crate) fn remove(&mut self, key: TimerKey) -> Option<T> {
        self.find(key)?;
        self.unlink(key.index);
        self.release(key.index)
    }

    /// Moves time on to `now` and pushes the values of the timers that are due, earlier ticks first.
    ///
    /// It touches at most `moves` timers, whether they fire or cascade. `false` means that it stopped there and has to
    /// be called again, no later than at [`next_tick`](Self::next_tick).
    pub(crate) fn advance(&mut self, now: u64, moves: usize, due: &mut Vec<T>) -> bool {
        let mut left = moves;
        loop {
            let first = self.nodes[CASCADE as usize].next;
            if first != CASCADE {
                if left == 0 {
                    return false;
                }
                left -= 1;
                self.unlink(first);
                self.link(first, self.nodes[first as usize].tick);
                continue;
            }
            let Some(slot) = self.first_slot().filter(|&slot| self.start_of(slot) <= now) else {
                // No slot starts at or before `now`, so invariant 2 survives this step.
                self.elapsed = self.elapsed.max(now);
                return true;
            };
            if left == 0 {
                return false;
            }
            self.elapsed = self.elapsed.max(self.start_of(slot));
            if slot < SLOTS {
                left -= 1;
                let index = self.nodes[slot as usize].next;
                self.unlink(index);
                due.extend(self.release(index));
            } else {
                self.start_cascade(slot);
            }
        }
    }

    /// A tick before which no timer is due.
    ///
    /// It is the earliest tick itself, unless that timer left (invariant 5) or a cascade was interrupted; then it is
    /// an earlier one, and an [`advance`](Self::advance) to it finds a later one.
    pub(crate) fn next_tick(&self) -> Option<u64> {
        if self.nodes[CASCADE as usize].next != CASCADE {
            return Some(self.elapsed);
        }
        self.first_slot().map(|slot| self.nodes[slot as usize].tick)
    }

    /// The time which the wheel has reached.
    pub(crate) fn elapsed(&self) -> u64 {
        self.elapsed
    }

    fn find(&mut self, key: TimerKey) -> Option<&mut Node<T>> {
        self.nodes.get_mut(key.index as usize).filter(|node| node.id == key.id.get())
    }

    /// The head of the slot with the earliest timers (invariant 3).
    fn first_slot(&self) -> Option<u32> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros();
        Some(level * SLOTS + self.occupied[level as usize].trailing_zeros())
    }

    /// The first tick of a slot: `elapsed`'s groups above the slot's level, then the slot's, then zeros.
    fn start_of(&self, head: u32) -> u64 {
        let (level, slot) = (head / SLOTS, u64::from(head % SLOTS));
        let shift = level * SLOT_BITS;
        let above = u64::MAX.checked_shl(shift + SLOT_BITS).unwrap_or(0);
        (self.elapsed & above) | (slot << shift)
    }

    /// Puts an unlinked node where its tick belongs.
    fn link(&mut self, index: u32, tick: u64) {
        let tick = tick.max(self.elapsed);
        // The low group counts as different, so that equal ticks come to level 0.
        let difference = (tick ^ self.elapsed) | SLOT_MASK;
        let level = difference.ilog2() / SLOT_BITS;
        let slot = (tick >> (level * SLOT_BITS)) & SLOT_MASK;
        self.occupied[level as usize] |= 1 << slot;
        self.levels |= 1 << level;

        let head = level * SLOTS + slot as u32;
        let first_node = &mut self.nodes[head as usize];
        first_node.tick = first_node.tick.min(tick);
        let last = std::mem::replace(&mut first_node.previous, index);
        self.nodes[last as usize].next = index;
        let node = &mut self.nodes[index as usize];
        node.previous = last;
        node.next = head;
        node.tick = tick;
    }

    fn unlink(&mut self, index: u32) {
        let Node { previous, next, .. } = self.nodes[index as usize];
        self.nodes[previous as usize].next = next;
        self.nodes[next as usize].previous = previous;
        // Only a head can be both neighbours of the node that was alone.
        if previous == next {
            self.mark_empty(next);
        }
    }

    fn mark_empty(&mut self, head: u32) {
        if head < CASCADE {
            let (level, slot) = (head / SLOTS, head % SLOTS);
            self.occupied[level as usize] &= !(1 << slot);
            if self.occupied[level as usize] == 0 {
                self.levels &= !(1 << level);
            }
            self.nodes[head as usize].tick = u64::MAX;
        }
    }

    /// Takes the value out of an unlinked node and keeps the node for the next timer.
    fn release(&mut self, index: u32) -> Option<T> {
        let node = &mut self.nodes[index as usize];
        node.id = 0;
        node.next = self.free;
        self.free = index;
        node.value.take()
    }

    /// Moves a whole slot to the (empty) cascade list.
    fn start_cascade(&mut self, slot: u32) {
        let Node { previous: last, next: first, .. } = self.nodes[slot as usize];
        self.nodes[first as usize].previous = CASCADE;
        self.nodes[last as usize].next = CASCADE;
        self.nodes[CASCADE as usize].next = first;
        self.nodes[CASCADE as usize].previous = last;
        self.nodes[slot as usize].next = slot;
        self.nodes[slot as usize].previous = slot;
        self.mark_empty(slot);
    }
}

#[cfg(test)]
mod tests;
