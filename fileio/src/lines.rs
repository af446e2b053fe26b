//! The lines of a file.

use std::{borrow::Borrow, fmt, future::Future, io};

use crate::{File, entry::Operation};

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// The lines of a file, from where its position was. Made by [`File::lines`] and [`File::into_lines`].
///
/// It reads ahead: the position of the file is behind the lines that were taken.
pub struct Lines<F = File> {
    file: F,
    bytes: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl File {
    /// The lines from here on. They borrow the file.
    ///
    /// # Examples
    /// ```
    /// use anyio_fileio::{File, Path, TemporaryDirectory};
    ///
    /// # futures_lite::future::block_on(async {
    /// let folder = TemporaryDirectory::new().await?;
    /// let path = folder.path().join("poem");
    /// path.write("roses\nviolets\n").await?;
    ///
    /// let file = File::open(&path).await?;
    /// let mut lines = file.lines();
    /// while let Some(line) = lines.next().await? {
    ///     println!("{line} are a colour");
    /// }
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    pub fn lines(&self) -> Lines<&Self> {
        Lines::new(self)
    }

    /// The same, which own the file.
    pub fn into_lines(self) -> Lines {
        Lines::new(self)
    }
}

impl<F: Borrow<File> + Send + Sync> Lines<F> {
    fn new(file: F) -> Self {
        Self { file, bytes: Vec::new(), taken: 0, filled: 0 }
    }

    /// The next line, without its `\n` or `\r\n`; `None` at the end.
    ///
    /// # Errors
    /// Those of [`File::read`]; [`InvalidData`](io::ErrorKind::InvalidData) for a line that is no UTF-8, after which the next one
    /// comes.
    ///
    /// # Cancel safety
    /// Nothing is lost: half a line is kept.
    #[expect(
        clippy::should_implement_trait,
        reason = "the word of AnyIO, and of all that is iterated over by awaiting"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = io::Result<Option<String>>> + Send {
        let mut operation = Operation::new(&"next");
        async move {
            operation.enter().await?;
            match self.find(&mut operation).await? {
                None => Ok(None),
                Some(line) => match std::str::from_utf8(line) {
                    Ok(line) => Ok(Some(line.to_owned())),
                    Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
                },
            }
        }
    }

    /// The next line as it is, whatever its bytes, without its `\n`; `None` at the end. It allocates nothing.
    ///
    /// # Errors
    /// Those of [`File::read`].
    ///
    /// # Cancel safety
    /// Nothing is lost: half a line is kept.
    #[track_caller]
    pub fn next_bytes(&mut self) -> impl Future<Output = io::Result<Option<&[u8]>>> + Send {
        let mut operation = Operation::new(&"next_bytes");
        async move {
            operation.enter().await?;
            Ok(self.find_raw(&mut operation).await?.map(|(line, _)| line))
        }
    }

    async fn find(&mut self, operation: &mut Operation) -> io::Result<Option<&[u8]>> {
        Ok(match self.find_raw(operation).await? {
            Some((line, true)) => Some(line.strip_suffix(b"\r").unwrap_or(line)),
            unended => unended.map(|(line, _)| line),
        })
    }

    /// The next line, and whether a `\n` ended it.
    async fn find_raw(&mut self, operation: &mut Operation) -> io::Result<Option<(&[u8], bool)>> {
        let mut looked = self.taken;
        let (line, next) = loop {
            if let Some(end) = memchr::memchr(b'\n', &self.bytes[looked..self.filled]) {
                break (self.taken..looked + end, looked + end + 1);
            }
            let left = self.filled - self.taken;
            if self.taken > 0 {
                self.bytes.copy_within(self.taken..self.filled, 0);
                (self.taken, self.filled) = (0, left);
            }
            looked = left;
            if self.bytes.len() < self.filled + PIECE {
                self.bytes.resize(self.filled + PIECE, 0);
            }
            let file = self.file.borrow();
            let mut turn = file.kind.turn().await?;
            let read = turn.read(&mut self.bytes[left..], operation, file.limiter()).await?;
            if read == 0 {
                if left == 0 {
                    return Ok(None);
                }
                break (0..left, left);
            }
            self.filled += read;
            operation.breathe().await?;
        };
        self.taken = next;
        Ok(Some((&self.bytes[line.clone()], next > line.end)))
    }
}

impl<F: fmt::Debug> fmt::Debug for Lines<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("file", &self.file).finish_non_exhaustive()
    }
}
