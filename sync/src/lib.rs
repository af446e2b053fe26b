#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod event;
mod set_once;

mod guard;
mod lock;

mod condition;
mod condition_wait_for;

mod semaphore;

mod borrowers;
mod limiter;
mod limiter_acquire_for;
mod limiter_error;

mod resource_guard;

mod pool;
mod sync;
mod tokens;
mod wait;

#[cfg(all(test, anyio_loom))]
mod loom_models;

pub use event::{Event, EventStatistics, EventWait};
pub use set_once::{SetOnce, SetOnceStatistics, SetOnceWait};

pub use guard::{Guard, Handle, LockGuard, OwnedLockGuard};
pub use lock::{Lock, LockStatistics, Locking};

pub use condition::{Condition, ConditionStatistics, ConditionWait};
pub use condition_wait_for::ConditionWaitFor;

pub use semaphore::{Semaphore, SemaphoreAcquire, SemaphorePermit, SemaphoreStatistics, TooManyPermits};

pub use borrowers::Borrower;
pub use limiter::{CapacityLimiter, LimiterAcquire, LimiterStatistics, LimiterToken};
pub use limiter_acquire_for::LimiterAcquireFor;
pub use limiter_error::{AcquireError, TryAcquireError};

pub use resource_guard::{Busy, ResourceGuard, ResourceGuardEntered, ResourceGuardStatistics};
