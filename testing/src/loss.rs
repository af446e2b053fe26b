//! What was handed out is accounted for: items that have to arrive, and resources that have to be given back.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Deref, DerefMut},
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyio_cancel_scope::RunRecord;

/// Books of what a test hands out: nothing of it may be lost, and nothing kept.
///
/// Each [`item`](Self::item) has to be [taken](Item::take) by the code of the test that it reaches; one that is dropped on its way,
/// or still is on its way in the end, was lost. Each thing that is [held](Self::hold) has to be dropped in the end. Inside of
/// `#[anyio::test]` this is looked at when the test has ended, however that was; elsewhere by [`check`](Self::check).
///
/// A clone has the same books.
///
/// # Examples
/// ```
/// use anyio_memstream::memory_object_stream;
/// use anyio_testing::Loss;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let loss = Loss::new();
/// let (send, receive) = memory_object_stream(1);
/// send.send(loss.item("a letter")).await.unwrap();
/// assert_eq!(receive.receive().await.unwrap().take(), "a letter");
/// loss.check();
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Loss {
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    next: u64,
    out: BTreeMap<u64, Entry>,
}

struct Entry {
    what: What,
    place: &'static Location<'static>,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    OnItsWay,
    Dropped,
    Held,
}

impl Loss {
    /// New books. Inside of `#[anyio::test]` they are looked at when that has ended.
    pub fn new() -> Self {
        let loss = Self { books: Arc::default() };
        if let Some(trial) = RunRecord::current().trial() {
            let loss = loss.clone();
            trial.add_check(Box::new(move || loss.check()));
        }
        loss
    }

    /// Something that has to arrive: the code that it reaches [takes](Item::take) it.
    #[track_caller]
    pub fn item<T>(&self, value: T) -> Item<T> {
        Item { value: Some(value), loss: self.clone(), key: self.enter(What::OnItsWay, Location::caller()) }
    }

    /// Something that has to be given back, by dropping it.
    #[track_caller]
    pub fn hold<T>(&self, value: T) -> Held<T> {
        Held { value, loss: self.clone(), key: self.enter(What::Held, Location::caller()) }
    }

    /// What is not accounted for: the lines that handed it out, with what became of it.
    pub fn missing(&self) -> Vec<String> {
        let told = |entry: &Entry| {
            let place = entry.place;
            match entry.what {
                What::OnItsWay => format!("an item, handed out at {place}, never arrived"),
                What::Dropped => format!("an item, handed out at {place}, was dropped on its way"),
                What::Held => format!("what was handed out at {place} was not given back"),
            }
        };
        self.lock().out.values().map(told).collect()
    }

    /// Looks whether everything is accounted for.
    ///
    /// # Panics
    /// When it is not, with every line that handed out what is missing.
    #[track_caller]
    pub fn check(&self) {
        let missing = self.missing();
        assert!(missing.is_empty(), "something was lost:\n  {}", missing.join("\n  "));
    }

    fn enter(&self, what: What, place: &'static Location<'static>) -> u64 {
        let mut books = self.lock();
        let key = books.next;
        books.next += 1;
        books.out.insert(key, Entry { what, place });
        key
    }

    fn settle(&self, key: u64) {
        self.lock().out.remove(&key);
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Loss {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loss").field("missing", &self.missing()).finish()
    }
}

/// Something that has to arrive: see [`Loss::item`].
#[must_use = "dropped, it is lost"]
pub struct Item<T> {
    value: Option<T>,
    loss: Loss,
    key: u64,
}

impl<T> Item<T> {
    /// It arrived, or came back, and is accounted for.
    pub fn take(mut self) -> T {
        self.loss.settle(self.key);
        self.value.take().expect("it is taken once")
    }
}

impl<T> Deref for Item<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("it is there until it is taken")
    }
}

impl<T> DerefMut for Item<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("it is there until it is taken")
    }
}

impl<T> Drop for Item<T> {
    fn drop(&mut self) {
        if let Some(entry) = self.loss.lock().out.get_mut(&self.key) {
            entry.what = What::Dropped;
        }
    }
}

impl<T> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").finish_non_exhaustive()
    }
}

/// Something that has to be given back: see [`Loss::hold`].
pub struct Held<T> {
    value: T,
    loss: Loss,
    key: u64,
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        self.loss.settle(self.key);
    }
}

impl<T> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}
