//! A queue whose items lie in small blocks, each linked to the next.
//!
//! Blocks are small because glibc's `malloc` has fast lists for pieces of up to 120 bytes, and takes these lists apart again as
//! soon as a larger piece is given back: what a hundred thousand tasks gave back would then be merged, and cut anew for the
//! next ones.
//!
//! # Invariants
//! 1. In the order in which they come out: the chain `front`, from `taken` of its first block on, then the blocks of `back` from
//!    the last one of its chain to the first.
//! 2. A block is filled from its beginning, and is emptied from there.

/// Items of which `N` are in a block.
pub(crate) struct Blocks<T, const N: usize> {
    front: Link<T, N>,
    /// How many of the first block of `front` were taken out.
    taken: usize,
    /// The block that is being filled, and those before it.
    back: Link<T, N>,
    /// How many the first block of `back` has.
    filled: usize,
    len: usize,
}

type Link<T, const N: usize> = Option<Box<Block<T, N>>>;

struct Block<T, const N: usize> {
    items: [Option<T>; N],
    next: Link<T, N>,
}

impl<T, const N: usize> Default for Blocks<T, N> {
    fn default() -> Self {
        Self { front: None, taken: 0, back: None, filled: 0, len: 0 }
    }
}

impl<T, const N: usize> Blocks<T, N> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        self.len += 1;
        match &mut self.back {
            Some(block) if self.filled < N => {
                block.items[self.filled] = Some(item);
                self.filled += 1;
            }
            _ => self.push_block(item),
        }
    }

    fn push_block(&mut self, item: T) {
        let mut items = [const { None }; N];
        items[0] = Some(item);
        self.back = Some(Box::new(Block { items, next: self.back.take() }));
        self.filled = 1;
    }

    /// Takes the first one out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        loop {
            let Some(block) = &mut self.front else {
                self.turn_over()?;
                continue;
            };
            if let Some(item) = block.items.get_mut(self.taken).and_then(Option::take) {
                self.taken += 1;
                self.len -= 1;
                return Some(item);
            }
            self.front = block.next.take();
            self.taken = 0;
        }
    }

    /// The blocks that were filled come out next; `None` if there are none.
    fn turn_over(&mut self) -> Option<()> {
        let mut rest = self.back.take();
        while let Some(mut block) = rest {
            rest = std::mem::replace(&mut block.next, self.front.take());
            self.front = Some(block);
        }
        self.front.is_some().then_some(())
    }

    /// Those that wait, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let chain = |first| std::iter::successors(first, |block: &&Block<T, N>| block.next.as_deref());
        chain(self.front.as_deref()).chain(chain(self.back.as_deref())).flat_map(|block| block.items.iter().flatten())
    }
}

/// One block after the other, for a long chain would be dropped by as deep a recursion.
impl<T, const N: usize> Drop for Blocks<T, N> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use std::rc::Rc;

    use super::Blocks;

    #[test]
    fn what_goes_in_comes_out_in_order_whenever_it_is_taken() {
        for every in 1..10 {
            let mut blocks: Blocks<_, 3> = Blocks::default();
            let mut out = Vec::new();
            for n in 0..100 {
                blocks.push(n);
                if n % every == 0 {
                    out.extend(blocks.pop());
                    out.extend(blocks.pop());
                }
                assert_eq!(blocks.len() + out.len(), n + 1);
                let mut waiting: Vec<usize> = blocks.iter().copied().collect();
                waiting.sort_unstable();
                assert!(waiting.into_iter().eq(out.len()..=n));
            }
            out.extend(std::iter::from_fn(|| blocks.pop()));
            assert!(blocks.is_empty());
            assert!(out.into_iter().eq(0..100), "two taken at every {every}th");
        }
    }

    #[test]
    fn what_is_left_in_a_long_queue_is_dropped_without_recursion() {
        let item = Rc::new(());
        let mut blocks: Blocks<_, 1> = Blocks::default();
        for _ in 0..1_000_000 {
            blocks.push(item.clone());
        }
        drop(blocks);
        assert_eq!(Rc::strong_count(&item), 1);
    }
}
