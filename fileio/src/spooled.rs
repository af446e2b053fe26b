//! A temporary file that stays in memory as long as it is small.

use std::{
    future::Future,
    io::{self, Cursor, Read, Seek, SeekFrom, Write},
};

use anyio_streams::ByteSendError;

use crate::{
    File,
    entry::{Operation, spend},
    temporary_file,
};

/// A temporary file that stays in memory until it is larger than so many bytes, and is on the disk from then on.
///
/// Its operations take `&mut self`: it is used by one task.
///
/// # Examples
/// ```
/// use anyio_fileio::SpooledTemporaryFile;
/// use std::io::SeekFrom;
///
/// # futures_lite::future::block_on(async {
/// let mut file = SpooledTemporaryFile::new(5);
/// file.write_all(b"hello").await?;
/// assert!(!file.is_rolled_over());
/// file.write_all(b"!").await?;
/// assert!(file.is_rolled_over());
/// file.seek(SeekFrom::Start(0)).await?;
/// let mut bytes = Vec::new();
/// file.read_to_end(&mut bytes).await?;
/// assert_eq!(bytes, b"hello!");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct SpooledTemporaryFile {
    most: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Cursor<Vec<u8>>),
    Disk(Box<File>),
}

impl SpooledTemporaryFile {
    /// An empty one, for `most` bytes in memory. With 0, the first byte goes to the disk.
    pub fn new(most: usize) -> Self {
        Self { most, place: Place::Memory(Cursor::new(Vec::new())) }
    }

    /// Whether it is on the disk.
    pub fn is_rolled_over(&self) -> bool {
        matches!(self.place, Place::Disk(_))
    }

    /// Puts it on the disk, if it is not. The position stays.
    ///
    /// # Errors
    /// What the system says; `Cancelled` inside, in a cancelled scope. It is in memory then, as it was.
    ///
    /// # Cancel safety
    /// Cancelled or dropped, it is in memory as it was.
    #[track_caller]
    pub fn rollover(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        let made = temporary_file();
        async move {
            let Place::Memory(memory) = &self.place else { return Ok(()) };
            let file = made.await?;
            file.write_all(memory.get_ref()).await?;
            file.seek(SeekFrom::Start(memory.position())).await?;
            self.place = Place::Disk(Box::new(file));
            Ok(())
        }
    }

    /// Reads what is there into `buf`, and tells how many bytes; 0 is the end.
    ///
    /// # Errors
    /// Those of [`File::read`].
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"read");
        async move {
            match &mut self.place {
                Place::Memory(memory) => {
                    operation.enter().await?;
                    let read = memory.read(buf)?;
                    spend(read);
                    Ok(read)
                }
                Place::Disk(file) => file.read(buf).await,
            }
        }
    }

    /// Reads up to the end, behind what is in `bytes`, and tells how many bytes.
    ///
    /// # Errors
    /// Those of [`File::read_to_end`].
    ///
    /// # Cancel safety
    /// What was read is in `bytes`.
    #[track_caller]
    pub fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>> + Send {
        let mut operation = Operation::new(&"read_to_end");
        async move {
            match &mut self.place {
                Place::Memory(memory) => {
                    operation.enter().await?;
                    let read = memory.read_to_end(bytes)?;
                    spend(read);
                    Ok(read)
                }
                Place::Disk(file) => file.read_to_end(bytes).await,
            }
        }
    }

    /// Writes all of `data`. It goes to the disk first if it would be larger then than memory may hold.
    ///
    /// # Errors
    /// Those of [`rollover`](Self::rollover) and [`File::write_all`], with a [`ByteSendError`] inside.
    ///
    /// # Cancel safety
    /// That of [`File::write_all`]; nothing was written while it goes to the disk.
    #[track_caller]
    pub fn write_all(&mut self, data: &[u8]) -> impl Future<Output = io::Result<()>> + Send {
        let mut operation = Operation::new(&"write_all");
        async move {
            let nothing = |error: io::Error| io::Error::from(ByteSendError::new(0, error));
            if let Place::Memory(memory) = &mut self.place {
                operation.enter().await.map_err(|cancelled| nothing(cancelled.into()))?;
                let end = memory.position().saturating_add(data.len() as u64);
                if end <= self.most as u64 {
                    spend(data.len());
                    return memory.write_all(data);
                }
                self.rollover().await.map_err(nothing)?;
            }
            match &self.place {
                Place::Disk(file) => file.write_all(data).await,
                Place::Memory(_) => Err(io::Error::other("it did not go to the disk")),
            }
        }
    }

    /// Cuts it off, or fills it up with zeros. The position stays. It goes to the disk first if memory may not hold so much. (AnyIO's
    /// `truncate`.)
    ///
    /// # Errors
    /// Those of [`rollover`](Self::rollover) and [`File::set_len`].
    ///
    /// # Cancel safety
    /// Cancelled before it began, it has the size that it had. Once it began, it is waited for.
    #[track_caller]
    pub fn set_len(&mut self, size: u64) -> impl Future<Output = io::Result<()>> + Send {
        let mut operation = Operation::new(&"set_len");
        async move {
            if let Place::Memory(memory) = &mut self.place {
                operation.enter().await?;
                if let Ok(size) = usize::try_from(size)
                    && size <= self.most
                {
                    memory.get_mut().resize(size, 0);
                    return Ok(());
                }
                self.rollover().await?;
            }
            match &self.place {
                Place::Disk(file) => file.set_len(size).await,
                Place::Memory(_) => Err(io::Error::other("it did not go to the disk")),
            }
        }
    }

    /// Where the position is.
    ///
    /// # Errors
    /// Those of [`seek`](Self::seek).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[track_caller]
    pub fn tell(&mut self) -> impl Future<Output = io::Result<u64>> + Send {
        self.seek(SeekFrom::Current(0))
    }

    /// Moves the position, and tells where it is.
    ///
    /// # Errors
    /// Those of [`File::seek`].
    ///
    /// # Cancel safety
    /// Cancelled, it did not move.
    #[track_caller]
    pub fn seek(&mut self, to: SeekFrom) -> impl Future<Output = io::Result<u64>> + Send {
        let mut operation = Operation::new(&"seek");
        async move {
            match &mut self.place {
                Place::Memory(memory) => {
                    operation.enter().await?;
                    memory.seek(to)
                }
                Place::Disk(file) => file.seek(to).await,
            }
        }
    }
}
