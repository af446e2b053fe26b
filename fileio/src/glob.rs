//! What matches a pattern below a folder.

use std::{fmt, future::Future, io, path::Path as StdPath};

use globset::{GlobBuilder, GlobMatcher};

use crate::{DirEntry, Path, Walk, walk::leads_to_a_folder};

impl Path {
    /// All below the folder whose path from here matches the pattern.
    ///
    /// `*` stands for any part of one name, `?` for one character, `[a-z]` for one of these, `{a,b}` for one of those, `**` for any number of
    /// folders. A `/` at the end stands for folders only. Names that begin with a dot are matched as any other. What stands before the
    /// first `**` is gone along through links; `**` itself does not go through links.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): it is no pattern, begins at a root, or has a `..` in it.
    ///
    /// # Examples
    /// ```
    /// use anyio_fileio::TemporaryDirectory;
    ///
    /// # futures_lite::future::block_on(async {
    /// let folder = TemporaryDirectory::new().await?;
    /// folder.path().join("src").create_dir().await?;
    /// folder.path().join("src/lib.rs").write("").await?;
    /// let mut found = folder.path().glob("**/*.rs")?;
    /// assert_eq!(found.next().await?.unwrap().file_name(), "lib.rs");
    /// assert!(found.next().await?.is_none());
    /// # std::io::Result::Ok(()) }).unwrap();
    /// ```
    pub fn glob(&self, pattern: &str) -> io::Result<Glob> {
        Glob::new(self, pattern, false)
    }

    /// The same, with any number of folders in between: `rglob("*.rs")` is `glob("**/*.rs")`.
    ///
    /// # Errors
    /// Those of [`glob`](Self::glob).
    pub fn rglob(&self, pattern: &str) -> io::Result<Glob> {
        check(pattern)?;
        Glob::new(self, &format!("**/{pattern}"), false)
    }

    /// [`glob`](Self::glob), for which `a` and `A` are the same.
    ///
    /// # Errors
    /// Those of [`glob`](Self::glob).
    pub fn glob_ignore_case(&self, pattern: &str) -> io::Result<Glob> {
        Glob::new(self, pattern, true)
    }

    /// Whether the path, all of it, matches the pattern (AnyIO's `full_match`).
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput): it is no pattern.
    pub fn matches(&self, pattern: &str) -> io::Result<bool> {
        Ok(matcher(pattern, false)?.is_match(self.as_std()))
    }
}

/// What matches a pattern. Made by [`Path::glob`].
pub struct Glob {
    walk: Walk,
}

impl Glob {
    fn new(base: &Path, pattern: &str, ignore_case: bool) -> io::Result<Self> {
        check(pattern)?;
        let parts: Vec<&str> = pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.is_empty() || parts.contains(&"..") {
            let text = format!("the pattern {pattern:?} must have names, and no `..`: join that to the folder");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let (whole, folders) = (matcher(&parts.join("/"), ignore_case)?, pattern.ends_with('/'));
        // The parts up to the first `**` keep the walk out of folders in which nothing can match.
        let fixed = parts.iter().take_while(|part| !part.contains("**") && is_whole(part)).count();
        let leading = parts[..fixed].iter().map(|part| matcher(part, ignore_case)).collect::<io::Result<Vec<_>>>()?;
        let mut walk = base.walk().follow_links_to(fixed);
        if fixed == parts.len() {
            walk = walk.max_depth(fixed);
        }
        let origin = base.clone();
        let walk = walk
            .enter_if(move |entry| leading.get(entry.depth() - 1).is_none_or(|part| part.is_match(entry.file_name())))
            .tell_if(move |entry| {
                let path = entry.path();
                whole.is_match(path.as_std().strip_prefix(&origin).unwrap_or(path.as_std()))
                    && (!folders || entry.file_type().is_dir() || leads_to_a_folder(entry))
            });
        Ok(Self { walk })
    }

    /// The next match; `None` at the end.
    ///
    /// # Errors
    /// Those of [`Walk::next`].
    ///
    /// # Cancel safety
    /// Nothing is lost.
    #[expect(
        clippy::should_implement_trait,
        reason = "the word of AnyIO, and of all that is iterated over by awaiting"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = io::Result<Option<DirEntry>>> + Send {
        self.walk.next()
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Glob").finish_non_exhaustive()
    }
}

/// Whether no `{` of another part reaches into this one.
fn is_whole(part: &str) -> bool {
    part.matches('{').count() == part.matches('}').count()
}

fn check(pattern: &str) -> io::Result<()> {
    if pattern.is_empty() || StdPath::new(pattern).has_root() {
        let text = format!("the pattern {pattern:?} must be relative to the folder, and not empty");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

fn matcher(pattern: &str, ignore_case: bool) -> io::Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).case_insensitive(ignore_case).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
