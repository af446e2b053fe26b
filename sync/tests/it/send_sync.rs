//! One table of what may cross threads, what may be moved, and what shows itself.

use std::{cell::Cell, fmt::Debug, marker::PhantomPinned, rc::Rc, sync::Arc};

use anyio_sync::{
    AcquireError, Borrower, Busy, CapacityLimiter, Condition, ConditionStatistics, ConditionWait, ConditionWaitFor,
    Event, EventStatistics, EventWait, LimiterAcquire, LimiterAcquireFor, LimiterStatistics, LimiterToken, Lock,
    LockGuard, LockStatistics, Locking, OwnedLockGuard, ResourceGuard, ResourceGuardEntered, ResourceGuardStatistics,
    Semaphore, SemaphoreAcquire, SemaphorePermit, SemaphoreStatistics, SetOnce, SetOnceStatistics, SetOnceWait,
    TooManyPermits, TryAcquireError,
};

/// Sees whether a type has a trait: the inherent constant is found first where its bound holds.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code)]
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        trait Otherwise {
            const HOLDS: bool = false;
        }
        impl<T: ?Sized> Otherwise for Asked<T> {}
        #[allow(dead_code)]
        impl<T: ?Sized + $bound> Asked<T> {
            const HOLDS: bool = true;
        }
        Asked::<$type>::HOLDS
    }};
}

macro_rules! table {
    ($($type:ty => $traits:literal;)*) => {$(
        let mut traits = String::new();
        for (holds, name) in
            [(has!($type: Send), "Send "), (has!($type: Sync), "Sync "), (has!($type: Unpin), "Unpin "), (has!($type: Debug), "Debug")]
        {
            traits.push_str(if holds { name } else { "" });
        }
        assert_eq!(traits.trim_end(), $traits, "{}", stringify!($type));
    )*};
}

/// `Send`, and not `Sync`.
type One = Cell<u32>;
/// Neither `Send` nor `Sync` nor `Unpin`.
type Local = (Rc<Cell<()>>, PhantomPinned);
type Predicate = fn(&mut u32) -> bool;

#[test]
fn the_table() {
    table! {
        Event => "Send Sync Unpin Debug";
        EventWait<'static> => "Send Sync Unpin Debug";
        EventStatistics => "Send Sync Unpin Debug";
        SetOnce<u32> => "Send Sync Unpin Debug";
        SetOnce<One> => "Send Unpin Debug";
        SetOnce<Local> => "Debug";
        SetOnceWait<'static, u32> => "Send Sync Unpin Debug";
        SetOnceWait<'static, One> => "Unpin Debug";
        SetOnceStatistics => "Send Sync Unpin Debug";
        Lock<u32> => "Send Sync Unpin Debug";
        Lock<One> => "Send Sync Unpin Debug";
        Lock<Local> => "Debug";
        Locking<&'static Lock<One>> => "Send Sync Unpin Debug";
        Locking<Arc<Lock<One>>> => "Send Sync Unpin Debug";
        Locking<&'static Lock<Local>> => "Unpin Debug";
        LockGuard<'static, u32> => "Send Sync Unpin Debug";
        LockGuard<'static, One> => "Send Unpin Debug";
        LockGuard<'static, Local> => "Unpin Debug";
        OwnedLockGuard<u32> => "Send Sync Unpin Debug";
        OwnedLockGuard<One> => "Send Unpin Debug";
        OwnedLockGuard<Local> => "Unpin Debug";
        LockStatistics => "Send Sync Unpin Debug";
        Condition => "Send Sync Unpin Debug";
        ConditionWait<'static, &'static Lock<One>> => "Send Unpin Debug";
        ConditionWait<'static, Arc<Lock<u32>>> => "Send Sync Unpin Debug";
        ConditionWait<'static, &'static Lock<Local>> => "Unpin Debug";
        ConditionWaitFor<'static, &'static Lock<u32>, Predicate> => "Send Sync Unpin Debug";
        ConditionWaitFor<'static, &'static Lock<u32>, Local> => "Unpin Debug";
        ConditionStatistics => "Send Sync Unpin Debug";
        Semaphore => "Send Sync Unpin Debug";
        SemaphoreAcquire<'static> => "Send Sync Unpin Debug";
        SemaphorePermit => "Send Sync Unpin Debug";
        SemaphoreStatistics => "Send Sync Unpin Debug";
        TooManyPermits => "Send Sync Unpin Debug";
        CapacityLimiter => "Send Sync Unpin Debug";
        LimiterAcquire<'static> => "Send Sync Unpin Debug";
        LimiterAcquireFor<'static> => "Send Sync Unpin Debug";
        LimiterToken => "Send Sync Unpin Debug";
        LimiterStatistics => "Send Sync Unpin Debug";
        Borrower => "Send Sync Unpin Debug";
        AcquireError => "Send Sync Unpin Debug";
        TryAcquireError => "Send Sync Unpin Debug";
        ResourceGuard => "Send Sync Unpin Debug";
        ResourceGuardEntered<'static> => "Send Sync Unpin Debug";
        ResourceGuardStatistics => "Send Sync Unpin Debug";
        Busy => "Send Sync Unpin Debug";
    }
}

fn is_send<T: Send>(_: &T) {}

// A bound that names a lifetime twice is "not general enough" for what a task holds across its waits.
#[test]
fn what_a_task_holds_across_its_waits_may_borrow() {
    let name = String::from("name");
    let (lock, owned, condition) = (Lock::new(vec![&*name]), Arc::new(Lock::new(vec![&*name])), Condition::new());
    let (once, semaphore, limiter) = (SetOnce::from(&*name), Semaphore::new(1), CapacityLimiter::new(1));
    is_send(&async {
        let mut guard = lock.lock().await?;
        let mut other = owned.lock_owned().await?;
        let _all = (semaphore.acquire().await?, limiter.acquire().await?, once.wait().await?);
        guard = condition.wait(guard).await?;
        guard = condition.wait_for(guard, |names| names.contains(&&*name)).await?;
        other = condition.wait_for(other, |names| names.contains(&&*name)).await?;
        let _token = limiter.acquire_for(1).await?;
        guard.append(&mut other);
        std::io::Result::Ok(())
    });
}
