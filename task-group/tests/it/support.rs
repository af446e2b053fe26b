//! What the tests share: futures that are polled only here, with wakers that count, and small things to wait for.

use std::{
    cell::RefCell,
    future::Future,
    io,
    panic::Location,
    pin::Pin,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use anyio_cancel_scope::sleep_forever;
use anyio_task_group::ErrorGroup;

/// Counts how often it was woken.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that is polled by hand.
pub(crate) struct Probe<F> {
    future: Option<Pin<Box<F>>>,
    count: Arc<Count>,
    waker: Waker,
    seen: usize,
    begun: bool,
}

impl<F: Future> Probe<F> {
    pub(crate) fn new(future: F) -> Self {
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        Self { future: Some(Box::pin(future)), count, waker, seen: 0, begun: false }
    }

    /// Polls once, whether it was woken or not.
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.begun = true;
        self.seen = self.count.get();
        let waker = self.waker.clone();
        let polled = self.future.as_mut().expect("not over").as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }

    /// Polls as an executor does: for the first time, and then for as long as it is woken.
    pub(crate) fn drive(&mut self) -> Poll<F::Output> {
        for _ in 0..1_000_000 {
            if self.begun && !self.is_woken() {
                return Poll::Pending;
            }
            if let Poll::Ready(output) = self.poll() {
                return Poll::Ready(output);
            }
        }
        panic!("it wakes itself for ever");
    }

    /// Drives it to its end.
    #[track_caller]
    pub(crate) fn finish(&mut self) -> F::Output {
        match self.drive() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it sleeps, and nobody woke it"),
        }
    }

    /// Drives it, and it must not end.
    #[track_caller]
    pub(crate) fn waits(&mut self) {
        assert!(self.drive().is_pending(), "it has ended");
    }

    /// Whether it was woken since its last poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.count.get() != self.seen
    }

    /// From now on it is polled with another waker.
    pub(crate) fn change_waker(&mut self) {
        self.count = Arc::new(Count::default());
        self.seen = 0;
        self.waker = Waker::from(self.count.clone());
    }

    pub(crate) fn drop_future(&mut self) {
        self.future = None;
    }
}

/// Runs a future that needs nobody else: it must be woken until it ends.
#[track_caller]
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    Probe::new(future).finish()
}

/// A door that is shut until it is opened. Its wait knows nothing of cancellation.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn open(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.lock().unwrap().0
    }

    pub(crate) fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let gate = self.clone();
        std::future::poll_fn(move |cx| {
            let mut state = gate.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// Counts what is alive: give a [`Alive`] to whatever must be dropped.
#[derive(Clone, Default)]
pub(crate) struct Census(Arc<AtomicUsize>);

impl Census {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn one(&self) -> Alive {
        self.0.fetch_add(1, Ordering::SeqCst);
        Alive(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
pub(crate) struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs a closure when dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Notes `what` when dropped.
    pub(crate) fn at_end(&self, what: &'static str) -> impl Sized + Send + use<> {
        let log = self.clone();
        OnDrop(move || log.add(what))
    }
}

pub(crate) fn err(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

pub(crate) async fn fail(text: &str) -> io::Result<()> {
    Err(err(text))
}

pub(crate) async fn forever() -> io::Result<()> {
    Ok(sleep_forever().await?)
}

/// The errors that came out: one, or those of a group in brackets.
pub(crate) fn told(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ErrorGroup<io::Error>>()) {
        Some(group) => format!("[{}]", group.iter().map(told).collect::<Vec<_>>().join(", ")),
        None => error.to_string(),
    }
}

thread_local! { static PANICKED_AT: RefCell<Vec<(String, u32)>> = const { RefCell::new(Vec::new()) }; }

/// Where this thread panics while `f` runs; the panics are kept quiet.
pub(crate) fn panics_in(f: impl FnOnce()) -> Vec<(String, u32)> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let quiet = QUIET.get();
            if let (true, Some(at)) = (quiet, info.location()) {
                let _ = PANICKED_AT.try_with(|places| places.borrow_mut().push((at.file().to_owned(), at.line())));
            } else {
                before(info);
            }
        }));
    });
    PANICKED_AT.take();
    let was = QUIET.replace(true);
    f();
    QUIET.set(was);
    PANICKED_AT.take()
}

thread_local! { static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) }; }

/// What `f` panics with.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let mut caught = None;
    panics_in(|| caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).err());
    let Some(payload) = caught else { panic!("it did not panic, called at {}", Location::caller()) };
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => payload.downcast::<String>().map_or_else(|_| "?".into(), |text| *text),
    }
}
