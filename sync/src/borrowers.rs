//! The keys in whose names tokens are borrowed.
//!
//! Hashing, comparing and dropping keys is foreign code, so none of it runs under the lock: keys are hashed before, and a
//! key is compared with those of the same hash outside, one by one, until all that are there are known to be different.
//!
//! # Invariants
//! 1. No two entries of the list have equal keys.
//! 2. An entry is in the list from before its wait joins a line until its token comes back, or its wait ends without one.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{sync::Mutex, wait::Place};

pub(crate) struct Borrowers {
    hasher: RandomState,
    entries: Mutex<HashMap<u64, Vec<Arc<Entry>>>>,
}

/// A key that has a token, or waits for one.
pub(crate) struct Entry {
    key: Box<dyn Key>,
    hash: u64,
    place: Place,
    has_token: AtomicBool,
}

impl Entry {
    /// It has its token now.
    pub(crate) fn granted(&self) {
        self.has_token.store(true, Ordering::Relaxed);
    }
}

trait Key: Any + Send + Sync {
    fn equals(&self, other: &dyn Key) -> bool;
}

impl<K: Eq + Send + Sync + 'static> Key for K {
    fn equals(&self, other: &dyn Key) -> bool {
        (other as &dyn Any).downcast_ref::<K>().is_some_and(|other| self == other)
    }
}

impl Borrowers {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), entries: Mutex::new(HashMap::new()) }
    }

    /// An entry that is not in the list yet.
    pub(crate) fn entry<K: Hash + Eq + Send + Sync + 'static>(&self, key: K, place: Place) -> Arc<Entry> {
        let hash = self.hasher.hash_one((TypeId::of::<K>(), &key));
        Arc::new(Entry { key: Box::new(key), hash, place, has_token: AtomicBool::new(false) })
    }

    /// Puts the entry into the list, unless its key is there.
    pub(crate) fn enter(&self, entry: &Arc<Entry>) -> bool {
        let mut different: Vec<Arc<Entry>> = Vec::new();
        while let Some(other) = self.enter_beside(entry, &different) {
            if entry.key.equals(&*other.key) {
                return false;
            }
            different.push(other);
        }
        true
    }

    /// Puts the entry into the list if all of its hash that are there are known to be different; else gives another one.
    fn enter_beside(&self, entry: &Arc<Entry>, different: &[Arc<Entry>]) -> Option<Arc<Entry>> {
        let mut entries = self.entries.lock();
        let alike = entries.entry(entry.hash).or_default();
        let is_known = |other: &&Arc<Entry>| different.iter().any(|known| Arc::ptr_eq(known, other));
        let other = alike.iter().find(|other| !is_known(other)).cloned();
        if other.is_none() {
            alike.push(entry.clone());
        }
        other
    }

    /// Takes the entry out of the list. The caller's is dropped last, and so not under the lock.
    pub(crate) fn leave(&self, entry: &Arc<Entry>) {
        let mut entries = self.entries.lock();
        if let Some(alike) = entries.get_mut(&entry.hash) {
            alike.retain(|other| !Arc::ptr_eq(entry, other));
            if alike.is_empty() {
                entries.remove(&entry.hash);
            }
        }
    }

    /// Those that have a token.
    pub(crate) fn holding(&self) -> Vec<Borrower> {
        let entries = self.entries.lock();
        let all = entries.values().flatten();
        all.filter(|entry| entry.has_token.load(Ordering::Relaxed)).map(|entry| Borrower(entry.clone())).collect()
    }
}

/// A key that has a token of a [`CapacityLimiter`](crate::CapacityLimiter), as its
/// [statistics](crate::CapacityLimiter::statistics) show it.
#[derive(Clone)]
pub struct Borrower(Arc<Entry>);

impl Borrower {
    /// The key, if it is of this type.
    pub fn key<K: 'static>(&self) -> Option<&K> {
        (&*self.0.key as &dyn Any).downcast_ref()
    }

    /// Where the token was asked for.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.place
    }
}

impl fmt::Debug for Borrower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Borrower").field(&format_args!("{}", self.0.place)).finish()
    }
}
