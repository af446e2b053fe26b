//! Executors for one thread, in which nothing but the futures themselves may wake: whoever waits for something else is
//! reported as deadlocked rather than waited for. The same futures and the same seed give the same run.

use std::pin::Pin;
use std::task::Poll;

use crate::Polled;

/// A boxed future that need not be `Send`.
pub type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Polls `future` as long as it is woken, and returns its output.
///
/// # Panics
///
/// When the future is pending and nobody has woken it.
///
/// # Examples
///
/// ```
/// assert_eq!(anyio_future_contract::block_on(async { 1 + 1 }), 2);
/// ```
///
/// ```should_panic
/// anyio_future_contract::block_on(std::future::pending::<()>());
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    block_on_for(usize::MAX, future)
}

/// Polls `future` as long as it is woken, at most `steps` times, and returns its output.
///
/// # Panics
///
/// When the future is pending and nobody has woken it, or when it is pending after `steps` polls.
#[track_caller]
pub fn block_on_for<F: Future>(steps: usize, future: F) -> F::Output {
    let mut polled = Polled::new(future);
    for _ in 0..steps {
        if let Poll::Ready(output) = polled.poll() {
            return output;
        }
        assert!(polled.is_woken(), "deadlock: the future is pending and nobody has woken it");
    }
    panic!("the future is still pending after poll {steps}");
}

/// Polls the futures that are woken, one at a time in an order that `seed` decides, and returns their outputs in the order
/// of the futures.
///
/// A future is dropped as soon as it is ready.
///
/// # Panics
///
/// When futures are pending and nobody has woken any of them. The message has their indices and the seed.
///
/// # Examples
///
/// ```
/// use anyio_future_contract::run_all;
///
/// for seed in 0..10 {
///     assert_eq!(run_all(seed, vec![Box::pin(async { 'a' }), Box::pin(async { 'b' })]), ['a', 'b']);
/// }
/// ```
#[track_caller]
pub fn run_all<T>(seed: u64, futures: Vec<BoxedFuture<'_, T>>) -> Vec<T> {
    run_all_for(usize::MAX, seed, futures)
}

/// Does what [`run_all`] does, with at most `steps` polls in all.
///
/// # Panics
///
/// When futures are pending and nobody has woken any of them, or when futures are pending after `steps` polls. The message
/// has their indices and the seed.
#[track_caller]
pub fn run_all_for<T>(steps: usize, seed: u64, futures: Vec<BoxedFuture<'_, T>>) -> Vec<T> {
    let mut order = Order::new(seed);
    let mut tasks: Vec<_> = futures.into_iter().map(Task::new).collect();
    let mut step = 0;
    loop {
        let running = indices(&tasks, |task| task.is_running());
        if running.is_empty() {
            return tasks.into_iter().filter_map(Task::into_output).collect();
        }
        let woken = indices(&tasks, |task| task.is_woken());
        assert!(
            !woken.is_empty(),
            "deadlock: the futures {running:?} are pending and nobody has woken them (seed {seed})"
        );
        assert!(step < steps, "the futures {running:?} are still pending after poll {steps} (seed {seed})");
        tasks[woken[order.below(woken.len())]].step();
        step += 1;
    }
}

fn indices<T>(items: &[T], predicate: impl Fn(&T) -> bool) -> Vec<usize> {
    (0..items.len()).filter(|&index| predicate(&items[index])).collect()
}

enum Task<'a, T> {
    Running(Polled<BoxedFuture<'a, T>>),
    Finished(T),
}

impl<'a, T> Task<'a, T> {
    fn new(future: BoxedFuture<'a, T>) -> Self {
        let polled = Polled::new(future);
        // The first poll needs no other reason.
        polled.counts().waker().wake();
        Self::Running(polled)
    }

    fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    fn is_woken(&self) -> bool {
        matches!(self, Self::Running(polled) if polled.is_woken())
    }

    fn step(&mut self) {
        if let Self::Running(polled) = self
            && let Poll::Ready(output) = polled.poll()
        {
            *self = Self::Finished(output);
        }
    }

    fn into_output(self) -> Option<T> {
        match self {
            Self::Running(_) => None,
            Self::Finished(output) => Some(output),
        }
    }
}

/// Random numbers: xorshift64*.
struct Order(u64);

impl Order {
    fn new(seed: u64) -> Self {
        // Zero is the one state which xorshift never leaves.
        Self((seed ^ 0x9E37_79B9_7F4A_7C15).max(1))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        // The low bits are weak.
        let random = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        (random % bound as u64) as usize
    }
}
