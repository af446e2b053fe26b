//! What a file is beside its bytes: metadata, size, times, permissions, and whether it is on the disk.

use std::{
    fs::{FileTimes, Metadata, Permissions},
    future::Future,
    io,
};

use crate::{
    File,
    devices::Device,
    entry::{Operation, spend},
    hop::{self, OnCancel},
    turn::Turn,
};

impl File {
    /// What the system knows of it, after everything that was written.
    ///
    /// # Errors
    /// What the system says, also of an earlier write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn metadata(&self) -> impl Future<Output = io::Result<Metadata>> + Send {
        let mut operation = Operation::new(&"metadata");
        async move {
            operation.enter().await?;
            self.settle(&mut operation).await?;
            if self.device != Device::Remote {
                spend(0);
                return self.file.metadata();
            }
            let file = self.file.clone();
            hop::run_io(&mut operation, self.limiter(), OnCancel::Leave, move || file.metadata()).await
        }
    }

    /// Waits until content and metadata are on the disk.
    ///
    /// # Errors
    /// What the system says, also of an earlier write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn sync_all(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.change(Operation::new(&"sync_all"), |file| file.sync_all())
    }

    /// Waits until the content is on the disk, and what is needed to find it.
    ///
    /// # Errors
    /// Those of [`sync_all`](Self::sync_all).
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn sync_data(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.change(Operation::new(&"sync_data"), |file| file.sync_data())
    }

    /// Cuts it off, or fills it up with zeros. The position stays. (AnyIO's `truncate`.)
    ///
    /// # Errors
    /// What the system says, also of an earlier write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn set_len(&self, size: u64) -> impl Future<Output = io::Result<()>> + Send {
        self.change(Operation::new(&"set_len"), move |file| file.set_len(size))
    }

    /// Changes its permissions.
    ///
    /// # Errors
    /// What the system says, also of an earlier write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn set_permissions(&self, permissions: Permissions) -> impl Future<Output = io::Result<()>> + Send {
        self.change(Operation::new(&"set_permissions"), move |file| file.set_permissions(permissions))
    }

    /// Changes its times.
    ///
    /// # Errors
    /// What the system says, also of an earlier write; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Cancelled before it began, it does nothing. Once it began, it is waited for.
    #[track_caller]
    pub fn set_times(&self, times: FileTimes) -> impl Future<Output = io::Result<()>> + Send {
        self.change(Operation::new(&"set_times"), move |file| file.set_times(times))
    }

    async fn change(
        &self,
        mut operation: Operation,
        job: impl FnOnce(&std::fs::File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        operation.enter().await?;
        match self.kind.turn().await? {
            Turn::Disk(mut disk) => disk.run(&mut operation, self.limiter(), job).await,
            Turn::Live(_) => {
                let file = self.file.clone();
                hop::run_io(&mut operation, self.limiter(), OnCancel::Wait, move || job(&file)).await
            }
        }
    }
}
