//! What the tests poll with: futures under a waker that counts, waits that are granted by hand, and a stand-in for
//! sub-executors.

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use anyio_cancel_scope::{CancelExt, CancelScope, Cancelled, Checkpoint, checkpoint, sleep_forever};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Counts how often it was woken; its clones can be counted too.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    pub(crate) fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A boxed future under a counting waker.
pub(crate) struct Probe<'a, T> {
    future: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    count: Arc<Count>,
    waker: Waker,
    seen: usize,
}

impl<'a, T: fmt::Debug> Probe<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        fresh_budget();
        let count = Arc::<Count>::default();
        Self { future: Some(Box::pin(future)), waker: Waker::from(count.clone()), count, seen: 0 }
    }

    pub(crate) fn poll(&mut self) -> Poll<T> {
        self.seen = self.wakes();
        let future = self.future.as_mut().expect("the future is still there");
        let polled = future.as_mut().poll(&mut Context::from_waker(&self.waker));
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }

    /// Polls, and expects it to wait without having asked to be polled again.
    #[track_caller]
    pub(crate) fn pending(&mut self) {
        if let Poll::Ready(output) = self.poll() {
            panic!("it should wait, but gave {output:?}");
        }
        assert!(!self.is_woken(), "it waits, but woke itself");
    }

    #[track_caller]
    pub(crate) fn ready(&mut self) -> T {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it should be ready, but waits"),
        }
    }

    /// Expects that it was woken since the last poll, and is ready now.
    #[track_caller]
    pub(crate) fn woken_ready(&mut self) -> T {
        assert!(self.is_woken(), "nobody woke it");
        self.ready()
    }

    /// Polls as long as it is woken.
    pub(crate) fn drive(&mut self) -> Poll<T> {
        loop {
            if let Poll::Ready(output) = self.poll() {
                return Poll::Ready(output);
            }
            if !self.is_woken() {
                return Poll::Pending;
            }
        }
    }

    /// Expects it to wait, at the latest when nobody wakes it any more: sub-executors wake themselves now and then, and so does
    /// a wrapper in a cancelled scope when another test changes something while it is polled for the first time.
    #[track_caller]
    pub(crate) fn waits(&mut self) {
        if let Poll::Ready(output) = self.drive() {
            panic!("it should wait, but gave {output:?}");
        }
    }

    #[track_caller]
    pub(crate) fn drive_ready(&mut self) -> T {
        match self.drive() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it should come to its end, but waits"),
        }
    }

    pub(crate) fn wakes(&self) -> usize {
        self.count.wakes()
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.wakes() > self.seen
    }

    /// How many clones of the waker are held by somebody else.
    pub(crate) fn held(&self) -> usize {
        Arc::strong_count(&self.count) - 2
    }

    /// From here on it is polled with another waker; the count of wakes starts anew.
    pub(crate) fn replace_waker(&mut self) -> Arc<Count> {
        let count = Arc::<Count>::default();
        self.waker = Waker::from(count.clone());
        self.seen = 0;
        std::mem::replace(&mut self.count, count)
    }

    pub(crate) fn drop_future(&mut self) {
        self.future = None;
    }
}

/// Brings this thread's count of checkpoints to where the next 127 do not yield.
pub(crate) fn fresh_budget() {
    loop {
        let mut one = Box::pin(checkpoint());
        if one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            break;
        }
    }
}

/// A wait that is granted by hand: the plainest operation built on [`Checkpoint`].
#[derive(Clone, Default)]
pub(crate) struct Slot {
    value: Rc<Cell<Option<u32>>>,
    waker: Rc<RefCell<Option<Waker>>>,
    tries: Rc<Cell<usize>>,
}

impl Slot {
    pub(crate) fn put(&self, value: u32) {
        self.value.set(Some(value));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        let value = self.value.get();
        value.is_some()
    }

    /// How often an operation looked whether there is a value.
    pub(crate) fn tries(&self) -> usize {
        self.tries.get()
    }

    #[track_caller]
    pub(crate) fn take(&self) -> impl Future<Output = Result<u32, Cancelled>> + use<> {
        let slot = self.clone();
        let mut checkpoint = Checkpoint::new(&"take");
        std::future::poll_fn(move |cx| {
            ready!(checkpoint.poll_entry(cx))?;
            slot.tries.set(slot.tries.get() + 1);
            if let Some(value) = slot.value.take() {
                return Poll::Ready(Ok(value));
            }
            *slot.waker.borrow_mut() = Some(cx.waker().clone());
            checkpoint.poll_pending(cx).map(Err)
        })
    }
}

/// Polls its future with a waker of its own, and only when that was woken: as a sub-executor does.
pub(crate) struct Foreign<F> {
    future: Pin<Box<F>>,
    relay: Arc<Relay>,
    waker: Waker,
}

#[derive(Default)]
struct Relay {
    outer: std::sync::Mutex<Option<Waker>>,
    idle: std::sync::atomic::AtomicBool,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.idle.store(false, Ordering::SeqCst);
        let outer = self.outer.lock().unwrap().take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

pub(crate) fn foreign<F: Future>(future: F) -> Foreign<F> {
    let relay = Arc::<Relay>::default();
    Foreign { future: Box::pin(future), waker: Waker::from(relay.clone()), relay }
}

impl<F> Foreign<F> {
    /// A way to count the clones of its waker: the two of its own are not counted.
    pub(crate) fn held(&self) -> Box<dyn Fn() -> usize> {
        let relay = Arc::downgrade(&self.relay);
        Box::new(move || relay.strong_count().saturating_sub(2))
    }
}

impl<F: Future> Future for Foreign<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        *this.relay.outer.lock().unwrap() = Some(cx.waker().clone());
        if this.relay.idle.swap(true, Ordering::SeqCst) {
            return Poll::Pending;
        }
        this.future.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

/// Sets its flag when it is dropped.
pub(crate) struct Dropped(pub(crate) Rc<Cell<bool>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

/// A wait for ever, as a future that knows nothing of cancellation.
pub(crate) fn never() -> impl Future<Output = Result<(), Cancelled>> {
    std::future::pending().cancellable()
}

/// A wait for ever that gives the type the others have.
#[track_caller]
pub(crate) fn forever() -> impl Future<Output = Result<(), Cancelled>> {
    sleep_forever()
}

/// Forty wrappers around `body`, so that those who look for what holds in it leave notes on their way.
pub(crate) async fn deep<F: Future<Output = Result<(), Cancelled>>>(body: F) -> Result<(), Cancelled> {
    let mut nest: Pin<Box<dyn Future<Output = Result<(), Cancelled>> + '_>> = Box::pin(body);
    for _ in 0..40 {
        nest = Box::pin(async move { CancelScope::new().run(nest).await.map(|_| ()) });
    }
    nest.await
}

/// Lets whoever asks next find out anew what holds where.
pub(crate) fn something_changes() {
    CancelScope::new().cancel();
}

/// Runs what it was given on another thread, and waits for that.
pub(crate) fn on_another_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|threads| threads.spawn(f).join().expect("the other thread does not panic"))
}
