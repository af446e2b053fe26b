//! A queue that is filled one at a time and emptied many at a time.
//!
//! It hands out whole blocks, so nothing is moved twice. Blocks are small: glibc's `malloc` takes its fast lists apart for each
//! piece of 1024 bytes or more.

use std::collections::VecDeque;

/// How many are in a full block.
pub(crate) const BLOCK: usize = 24;

pub(crate) struct Blocks<T> {
    /// What comes before `last`, in blocks that are full or are what is left of one.
    before: VecDeque<Vec<T>>,
    last: Vec<T>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { before: VecDeque::new(), last: Vec::new() }
    }
}

impl<T> Blocks<T> {
    pub(crate) fn len(&self) -> usize {
        self.before.iter().map(Vec::len).sum::<usize>() + self.last.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.last.is_empty()
    }

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        if self.last.len() >= BLOCK {
            self.close_block();
        }
        self.last.push(value);
    }

    #[cold]
    fn close_block(&mut self) {
        let full = std::mem::replace(&mut self.last, Vec::with_capacity(BLOCK));
        self.before.push_back(full);
    }

    /// Takes the first ones out, at most `most`, in order; not always as many as there are.
    pub(crate) fn take(&mut self, most: usize) -> Vec<T> {
        let mut block = self.before.pop_front().unwrap_or_else(|| std::mem::take(&mut self.last));
        if block.len() > most {
            let rest = block.split_off(most);
            self.before.push_front(rest);
        }
        block
    }

    /// Takes all of them out, in order.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        self.before.drain(..).flatten().chain(std::mem::take(&mut self.last)).collect()
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use super::{BLOCK, Blocks};

    #[test]
    fn what_goes_in_comes_out_in_order_whatever_is_taken_at_a_time() {
        for most in [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, usize::MAX] {
            let mut blocks = Blocks::default();
            let mut out = Vec::new();
            for n in 0..3 * BLOCK + 5 {
                blocks.push(n);
                if n % 7 == 0 {
                    out.extend(blocks.take(most));
                }
            }
            assert_eq!(blocks.len(), 3 * BLOCK + 5 - out.len());
            while !blocks.is_empty() {
                out.extend(blocks.take(most));
            }
            assert!(out.into_iter().eq(0..3 * BLOCK + 5), "{most} at a time");
        }
    }
}
