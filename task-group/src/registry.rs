//! Every group and every root task of the process, for the task tree.
//!
//! A group enters once, not its children: they are found through it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use anyio_cancel_scope::host::{TaskHost, TaskRef, trial_id};
use slab::Slab;

use crate::hub::Hub;

struct Registry {
    groups: Slab<Weak<Hub>>,
    roots: Slab<Root<Weak<dyn TaskHost>>>,
}

/// A root task.
#[derive(Clone)]
pub(crate) struct Root<T> {
    pub(crate) task: T,
    /// The watched run in which it was made; 0 if there is none.
    pub(crate) trial: u64,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { groups: Slab::new(), roots: Slab::new() });

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn add(hub: Weak<Hub>) -> usize {
    registry().groups.insert(hub)
}

pub(crate) fn remove(key: usize) {
    let entry = registry().groups.try_remove(key);
    drop(entry);
}

/// The groups that exist now, in no order that is promised.
pub(crate) fn groups() -> Vec<Arc<Hub>> {
    let groups: Vec<Weak<Hub>> = registry().groups.iter().map(|(_, hub)| hub.clone()).collect();
    groups.iter().filter_map(Weak::upgrade).collect()
}

/// The root tasks that exist now.
pub(crate) fn roots() -> Vec<Root<TaskRef>> {
    let roots: Vec<_> = registry().roots.iter().map(|(_, root)| root.clone()).collect();
    roots.iter().filter_map(|root| Some(Root { task: root.task.upgrade()?, trial: root.trial })).collect()
}

/// A root task in the registry, until dropped.
#[derive(Debug)]
pub(crate) struct RootEntry(usize);

impl RootEntry {
    pub(crate) fn new(root: &TaskRef) -> Self {
        let root = Root { task: Arc::downgrade(root), trial: trial_id() };
        Self(registry().roots.insert(root))
    }
}

impl Drop for RootEntry {
    fn drop(&mut self) {
        let entry = registry().roots.try_remove(self.0);
        drop(entry);
    }
}
