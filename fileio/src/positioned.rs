//! Reading and writing at a position of one's own.

use std::{future::Future, io, os::unix::fs::FileExt};

use crate::{
    File,
    devices::Device,
    disk::{AT_ONCE, retry},
    entry::{Operation, spend},
    hop::{self, OnCancel},
    sys::{self, Tried},
};

impl File {
    /// Reads what is at `offset` into `buf`, and tells how many bytes; 0 is the end of the file. The position stays.
    ///
    /// Any number of them go side by side, and do not wait for operations at the position, except for bytes that were written and
    /// are still on their way.
    ///
    /// # Errors
    /// Those of [`read`](Self::read); what cannot be sought in has no offsets.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"read_at");
        async move {
            operation.enter().await?;
            self.settle(&mut operation).await?;
            let most = buf.len().min(AT_ONCE);
            let tried = match self.device {
                Device::Memory => Tried::Done(retry(|| self.file.read_at(&mut buf[..most], offset))),
                _ => sys::read_at(&self.file, &mut buf[..most], position(offset)?),
            };
            if let Tried::Done(result) = tried {
                spend(*result.as_ref().unwrap_or(&0));
                return result;
            }
            let file = self.file.clone();
            let job = move || {
                let mut room = vec![0; most];
                retry(|| file.read_at(&mut room, offset)).map(|count| (room, count))
            };
            let (room, count) = hop::run_io(&mut operation, self.limiter(), OnCancel::Leave, job).await?;
            buf[..count].copy_from_slice(&room[..count]);
            Ok(count)
        }
    }

    /// Writes some of `data` at `offset`, and tells how many bytes. The position stays. The system has the bytes when this returns.
    ///
    /// Any number of them go side by side. A file that was opened for appending appends, whatever the offset, as Linux has it.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); what cannot be sought in has no offsets.
    ///
    /// # Cancel safety
    /// Cancelled, nothing was written. Dropped while it waits, nobody knows.
    #[track_caller]
    pub fn write_at(&self, data: &[u8], offset: u64) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"write_at");
        async move {
            operation.enter().await?;
            self.settle(&mut operation).await?;
            let data = &data[..data.len().min(AT_ONCE)];
            let tried = match self.device {
                Device::Memory => Tried::Done(retry(|| self.file.write_at(data, offset))),
                _ => sys::write_at(&self.file, data, position(offset)?),
            };
            if let Tried::Done(result) = tried {
                spend(*result.as_ref().unwrap_or(&0));
                return result;
            }
            let (file, data) = (self.file.clone(), data.to_vec());
            let job = move || retry(|| file.write_at(&data, offset));
            hop::run_io(&mut operation, self.limiter(), OnCancel::Wait, job).await
        }
    }
}

/// The largest number stands for the position of the file itself, in the calls that do not wait.
fn position(offset: u64) -> io::Result<u64> {
    match i64::try_from(offset) {
        Ok(_) => Ok(offset),
        Err(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "an offset must be below 2^63")),
    }
}
