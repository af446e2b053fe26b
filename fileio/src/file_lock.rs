//! Locks of whole files, between processes.

use std::{future::Future, io, time::Duration};

use anyio_cancel_scope::sleep;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use crate::{File, entry::Operation};

impl File {
    /// Waits until this handle alone has the file locked. The lock goes with [`unlock`](Self::unlock), or when the file is closed.
    ///
    /// It is an advisory lock: others are kept out if they ask for it, too. A lock that this handle has is changed into the new one,
    /// during which it may be lost to somebody else. The system tells nobody when a lock is free, so this looks every few
    /// milliseconds, and holds no thread.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled or dropped, it is not locked.
    ///
    /// # Examples
    /// ```
    /// use anyio_fileio::{File, TemporaryDirectory};
    ///
    /// # futures_lite::future::block_on(async {
    /// let folder = TemporaryDirectory::new().await?;
    /// let (mine, theirs) = (File::create(folder.path().join("lock")).await?, File::open(folder.path().join("lock")).await?);
    /// mine.lock().await?;
    /// assert!(!theirs.try_lock_shared()?);
    /// mine.unlock()?;
    /// assert!(theirs.try_lock_shared()?);
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.wait_for_lock(Operation::new(&"lock"), FlockOperation::NonBlockingLockExclusive)
    }

    /// Waits until no handle has the file locked for itself alone, and locks it together with any others.
    ///
    /// # Errors
    /// Those of [`lock`](Self::lock).
    ///
    /// # Cancel safety
    /// Cancelled or dropped, it is not locked.
    #[track_caller]
    pub fn lock_shared(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.wait_for_lock(Operation::new(&"lock_shared"), FlockOperation::NonBlockingLockShared)
    }

    /// Locks it for this handle alone, if nobody has it locked; tells whether it did.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_lock(&self) -> io::Result<bool> {
        self.try_operation(FlockOperation::NonBlockingLockExclusive)
    }

    /// Locks it together with others, if nobody has it alone; tells whether it did.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_lock_shared(&self) -> io::Result<bool> {
        self.try_operation(FlockOperation::NonBlockingLockShared)
    }

    /// Gives the lock back. What was written and not flushed is not with the system yet: [`flush`](Self::flush) first.
    ///
    /// # Errors
    /// What the system says.
    pub fn unlock(&self) -> io::Result<()> {
        self.try_operation(FlockOperation::NonBlockingUnlock).map(drop)
    }

    fn try_operation(&self, operation: FlockOperation) -> io::Result<bool> {
        match rustix::io::retry_on_intr(|| flock(&self.file, operation)) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn wait_for_lock(&self, mut operation: Operation, kind: FlockOperation) -> io::Result<()> {
        operation.enter().await?;
        let mut pause = Duration::from_millis(1);
        while !self.try_operation(kind)? {
            sleep(pause).await?;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        Ok(())
    }
}
