//! A folder and all below it.

use std::{fmt, fs, future::Future, io, sync::Arc};

use crate::{
    DirEntry, Path,
    batches::{BATCH, Batches, Source},
    entry::Operation,
    folder::{Folder, identity},
};

impl Path {
    /// All that is below the folder, each after the folder in which it stands, in no other order.
    ///
    /// Links are told, not followed, unless [`follow_links`](Walk::follow_links) says so. Trees may be deeper than paths may be long for
    /// the system. A folder that cannot be read is told as an error, and the walk goes on.
    ///
    /// AnyIO's [`walk`](https://anyio.readthedocs.io/en/stable/api.html#anyio.Path.walk) tells each folder with the names in it; here it is item by
    /// item, from batches that a thread reads ahead.
    ///
    /// # Examples
    /// ```
    /// use anyio_fileio::TemporaryDirectory;
    ///
    /// # futures_lite::future::block_on(async {
    /// let folder = TemporaryDirectory::new().await?;
    /// folder.path().join("a/b").create_dir_all().await?;
    /// folder.path().join("a/b/c.txt").write("deep down").await?;
    ///
    /// let mut entries = folder.path().walk();
    /// while let Some(entry) = entries.next().await? {
    ///     println!("{}{}", "  ".repeat(entry.depth()), entry.file_name().display());
    /// }
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    pub fn walk(&self) -> Walk {
        Walk { state: State::Draft(Tree::new(self.clone())) }
    }
}

/// All that is below a folder. Made by [`Path::walk`].
pub struct Walk {
    state: State,
}

enum State {
    Draft(Tree),
    Begun(Batches<Tree>),
}

impl Walk {
    /// Goes no further down than so many folders: with 1, it tells what stands in the first.
    ///
    /// # Panics
    /// When the walk has begun.
    #[track_caller]
    #[must_use]
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.draft("max_depth").deepest = depth;
        self
    }

    /// Goes into folders that links lead to, too. One that leads to a folder above it is told as an error, of the kind `Other`, and
    /// not gone into.
    ///
    /// # Panics
    /// When the walk has begun.
    #[track_caller]
    #[must_use]
    pub fn follow_links(mut self, follow: bool) -> Self {
        self.draft("follow_links").follows_to = if follow { usize::MAX } else { 0 };
        self
    }

    /// Goes only into folders for which this holds. They are told nevertheless. It runs on a thread of the pool.
    ///
    /// # Panics
    /// When the walk has begun.
    #[track_caller]
    #[must_use]
    pub fn enter_if(mut self, enters: impl Fn(&DirEntry) -> bool + Send + 'static) -> Self {
        self.draft("enter_if").enters = Some(Box::new(enters));
        self
    }

    /// Goes into folders that links lead to, down to that depth.
    pub(crate) fn follow_links_to(mut self, depth: usize) -> Self {
        self.draft("follow_links_to").follows_to = depth;
        self
    }

    /// Tells only those for which this holds. It runs on a thread of the pool.
    pub(crate) fn tell_if(mut self, tells: impl Fn(&DirEntry) -> bool + Send + 'static) -> Self {
        self.draft("tell_if").tells = Some(Box::new(tells));
        self
    }

    #[track_caller]
    fn draft(&mut self, call: &str) -> &mut Tree {
        match &mut self.state {
            State::Draft(tree) => tree,
            State::Begun(_) => panic!("{call} on a walk that has begun: say it before the first `next`"),
        }
    }

    /// The next of them; `None` at the end.
    ///
    /// # Errors
    /// What the system says, with the path, after which the walk goes on; `Cancelled` inside, in a cancelled scope.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[expect(
        clippy::should_implement_trait,
        reason = "the word of AnyIO, and of all that is iterated over by awaiting"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = io::Result<Option<DirEntry>>> + Send {
        let mut operation = Operation::new(&"next");
        async move {
            if let State::Draft(tree) = &mut self.state {
                let tree = std::mem::replace(tree, Tree::new(Path::new("")));
                self.state = State::Begun(Batches::new(tree));
            }
            match &mut self.state {
                State::Begun(entries) => entries.next(&mut operation).await,
                State::Draft(_) => Ok(None),
            }
        }
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").finish_non_exhaustive()
    }
}

type Holds = Box<dyn Fn(&DirEntry) -> bool + Send>;

/// The walk, on its thread. It holds one folder open, however deep it is.
struct Tree {
    deepest: usize,
    /// Links down to that depth are gone into.
    follows_to: usize,
    enters: Option<Holds>,
    tells: Option<Holds>,
    open: Option<(Folder, Option<Arc<Above>>)>,
    todo: Vec<Todo>,
}

struct Todo {
    path: Path,
    depth: usize,
    above: Option<Arc<Above>>,
}

/// The folders above one, while links are followed.
struct Above {
    identity: (u64, u64),
    above: Option<Arc<Above>>,
}

impl Tree {
    fn new(root: Path) -> Self {
        let todo = vec![Todo { path: root, depth: 1, above: None }];
        Self { deepest: usize::MAX, follows_to: 0, enters: None, tells: None, open: None, todo }
    }

    /// Opens the next folder; `None` when there is none.
    fn open_next(&mut self) -> Option<io::Result<()>> {
        let Todo { path, depth, above } = self.todo.pop()?;
        if depth > self.deepest {
            return Some(Ok(()));
        }
        let mut here = above;
        // Where only so many are followed, no loop is endless.
        if self.follows_to == usize::MAX {
            let identity = match identity(path.as_std()) {
                Ok(identity) => identity,
                Err(error) => return Some(Err(crate::path_error::tell(error, "read the folder", &path))),
            };
            let mut at = here.as_ref();
            while let Some(above) = at {
                if above.identity == identity {
                    let error = io::Error::other("it leads to a folder above it");
                    return Some(Err(crate::path_error::tell(error, "go into", &path)));
                }
                at = above.above.as_ref();
            }
            here = Some(Arc::new(Above { identity, above: here }));
        }
        // What became a link since it was told as a folder is not gone into.
        let follows = depth == 1 || self.follows(depth - 1);
        Some(Folder::open(path, depth, follows).map(|folder| self.open = Some((folder, here))))
    }

    fn follows(&self, depth: usize) -> bool {
        depth <= self.follows_to
    }

    fn goes_into(&self, entry: &DirEntry) -> bool {
        let is_folder = || entry.file_type().is_dir() || self.follows(entry.depth()) && leads_to_a_folder(entry);
        entry.depth() < self.deepest && is_folder() && self.enters.as_ref().is_none_or(|enters| enters(entry))
    }
}

/// Whether it is a link to a folder.
pub(crate) fn leads_to_a_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_symlink() && fs::metadata(entry.path().as_std()).is_ok_and(|of| of.is_dir())
}

impl Source for Tree {
    type Item = DirEntry;

    fn fill(&mut self, batch: &mut Vec<io::Result<DirEntry>>) -> bool {
        // What is not told costs as much, so that a walk which tells little can be left as soon.
        let mut seen = 0;
        while batch.len() < BATCH && seen < 16 * BATCH {
            seen += 1;
            let Some((folder, above)) = &mut self.open else {
                match self.open_next() {
                    None => return false,
                    Some(Ok(())) => {}
                    Some(Err(error)) => batch.push(Err(error)),
                }
                continue;
            };
            let (next, above) = (folder.next(), above.clone());
            match next {
                None => self.open = None,
                Some(Err(error)) => {
                    self.open = None;
                    batch.push(Err(error));
                }
                Some(Ok(entry)) => {
                    if self.goes_into(&entry) {
                        self.todo.push(Todo { path: entry.path(), depth: entry.depth() + 1, above });
                    }
                    if self.tells.as_ref().is_none_or(|tells| tells(&entry)) {
                        batch.push(Ok(entry));
                    }
                }
            }
        }
        true
    }
}
