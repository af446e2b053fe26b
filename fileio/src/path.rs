//! A path, and what can be said of it without asking the system.

use std::{
    borrow::Cow,
    env,
    ffi::OsStr,
    fmt, io,
    ops::Div,
    path::{Component, Components, Display, Path as StdPath, PathBuf, StripPrefixError},
    sync::Arc,
};

/// A path whose operations on files are async. It owns its text, and is cheap to clone.
///
/// What can be said of a path alone is said at once: [`join`](Self::join), [`parent`](Self::parent),
/// [`file_name`](Self::file_name). What asks the system is a future that borrows nothing, with the errors of std, and the path in the
/// message. It is compared, ordered and hashed as [`std::path::Path`].
///
/// Mirrors AnyIO's [`Path`](https://anyio.readthedocs.io/en/stable/api.html#anyio.Path); names are those of Rust's `std`.
///
/// # Examples
/// ```
/// use anyio_fileio::{Path, TemporaryDirectory};
///
/// # futures_lite::future::block_on(async {
/// let folder = TemporaryDirectory::new().await?;
/// let path = folder.path().join("greeting.txt");
/// path.write("hello").await?;
/// assert_eq!(path.read_to_string().await?, "hello");
/// assert!(path.is_file().await?);
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    path: Arc<StdPath>,
}

impl Path {
    /// A path of this text.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into() }
    }

    /// The folder in which the process is.
    ///
    /// # Errors
    /// Those of [`std::env::current_dir`].
    pub fn cwd() -> io::Result<Self> {
        env::current_dir().map(Self::from)
    }

    /// The folder of the user, if it is known.
    pub fn home() -> Option<Self> {
        env::home_dir().map(Self::from)
    }

    /// As std has it.
    pub fn as_std(&self) -> &StdPath {
        &self.path
    }

    /// As the system has it.
    pub fn as_os_str(&self) -> &OsStr {
        self.path.as_os_str()
    }

    /// A copy as std has it.
    pub fn to_path_buf(&self) -> PathBuf {
        self.path.to_path_buf()
    }

    /// As text, if it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        self.path.to_str()
    }

    /// As text; what is no UTF-8 is replaced.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }

    /// To be shown.
    pub fn display(&self) -> Display<'_> {
        self.path.display()
    }

    /// This path and then that one; that one alone if it is absolute.
    #[must_use]
    pub fn join(&self, path: impl AsRef<StdPath>) -> Self {
        self.path.join(path).into()
    }

    /// The path without its last part; `None` of a root, and of nothing.
    pub fn parent(&self) -> Option<Self> {
        self.path.parent().map(Self::from)
    }

    /// This path, its parent, the parent of that, and so on.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        self.path.ancestors().map(Self::from)
    }

    /// The parts.
    pub fn components(&self) -> Components<'_> {
        self.path.components()
    }

    /// The last part, unless it is `..` or a root.
    pub fn file_name(&self) -> Option<&OsStr> {
        self.path.file_name()
    }

    /// The last part, up to its last dot.
    pub fn file_stem(&self) -> Option<&OsStr> {
        self.path.file_stem()
    }

    /// What is behind the last dot of the last part.
    pub fn extension(&self) -> Option<&OsStr> {
        self.path.extension()
    }

    /// Everything behind a dot in the last part, as `["tar", "gz"]` (AnyIO's `suffixes`). Empty if it is no UTF-8.
    pub fn extensions(&self) -> Vec<&str> {
        let name = self.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.trim_start_matches('.').split('.').skip(1).collect()
    }

    /// With another last part.
    #[must_use]
    pub fn with_file_name(&self, name: impl AsRef<OsStr>) -> Self {
        self.path.with_file_name(name).into()
    }

    /// With another extension; an empty one takes it away.
    ///
    /// # Panics
    /// When the extension has a `/` in it, as in std.
    #[must_use]
    pub fn with_extension(&self, extension: impl AsRef<OsStr>) -> Self {
        self.path.with_extension(extension).into()
    }

    /// With another last part up to its last dot.
    #[must_use]
    pub fn with_file_stem(&self, stem: impl AsRef<OsStr>) -> Self {
        let mut name = stem.as_ref().to_owned();
        if let Some(extension) = self.extension() {
            name.push(".");
            name.push(extension);
        }
        self.with_file_name(name)
    }

    /// Whether it says where it begins.
    pub fn is_absolute(&self) -> bool {
        self.path.is_absolute()
    }

    /// Whether it depends on where the process is.
    pub fn is_relative(&self) -> bool {
        self.path.is_relative()
    }

    /// Whether it begins at a root.
    pub fn has_root(&self) -> bool {
        self.path.has_root()
    }

    /// Whether it begins with all parts of that one (AnyIO's `is_relative_to`).
    pub fn starts_with(&self, base: impl AsRef<StdPath>) -> bool {
        self.path.starts_with(base)
    }

    /// Whether it ends with all parts of that one.
    pub fn ends_with(&self, child: impl AsRef<StdPath>) -> bool {
        self.path.ends_with(child)
    }

    /// What comes after `base` (AnyIO's `relative_to`).
    ///
    /// # Errors
    /// When it does not begin with `base`.
    pub fn strip_prefix(&self, base: impl AsRef<StdPath>) -> Result<Self, StripPrefixError> {
        self.path.strip_prefix(base).map(Self::from)
    }

    /// How to get here from `base`, by `..` where it must be (AnyIO's `relative_to(walk_up=True)`). `None` if one is absolute and the other
    /// is not, and if a `..` in `base` hides where it leads.
    pub fn relative_to(&self, base: impl AsRef<StdPath>) -> Option<Self> {
        let base = base.as_ref();
        if self.is_absolute() != base.is_absolute() {
            return None;
        }
        let same = self.components().zip(base.components()).take_while(|(here, there)| here == there).count();
        let mut relative = PathBuf::new();
        for part in base.components().skip(same) {
            match part {
                Component::ParentDir => return None,
                Component::CurDir => {}
                _ => relative.push(Component::ParentDir),
            }
        }
        relative.extend(self.components().skip(same));
        Some(relative.into())
    }

    /// With the folder of the user in place of a `~` at the beginning. `~name` stays as it is.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) when the folder of the user is not known.
    pub fn expanduser(&self) -> io::Result<Self> {
        match self.path.strip_prefix("~") {
            Err(_) => Ok(self.clone()),
            Ok(rest) => Self::home().map(|home| home.join(rest)).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "nobody knows the folder of the user: set HOME")
            }),
        }
    }
}

impl AsRef<StdPath> for Path {
    fn as_ref(&self) -> &StdPath {
        &self.path
    }
}

impl AsRef<OsStr> for Path {
    fn as_ref(&self) -> &OsStr {
        self.path.as_os_str()
    }
}

impl From<PathBuf> for Path {
    fn from(path: PathBuf) -> Self {
        Self { path: path.into() }
    }
}

impl From<&StdPath> for Path {
    fn from(path: &StdPath) -> Self {
        Self { path: path.into() }
    }
}

impl From<&str> for Path {
    fn from(path: &str) -> Self {
        StdPath::new(path).into()
    }
}

impl From<String> for Path {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<&OsStr> for Path {
    fn from(path: &OsStr) -> Self {
        StdPath::new(path).into()
    }
}

impl From<Path> for PathBuf {
    fn from(path: Path) -> Self {
        path.to_path_buf()
    }
}

impl PartialEq<StdPath> for Path {
    fn eq(&self, other: &StdPath) -> bool {
        &*self.path == other
    }
}

impl PartialEq<&StdPath> for Path {
    fn eq(&self, other: &&StdPath) -> bool {
        &*self.path == *other
    }
}

impl PartialEq<PathBuf> for Path {
    fn eq(&self, other: &PathBuf) -> bool {
        &*self.path == other.as_path()
    }
}

/// [`Path::join`], as in AnyIO.
impl<P: AsRef<StdPath>> Div<P> for Path {
    type Output = Self;

    fn div(self, path: P) -> Self {
        self.join(path)
    }
}

/// [`Path::join`], as in AnyIO.
impl<P: AsRef<StdPath>> Div<P> for &Path {
    type Output = Path;

    fn div(self, path: P) -> Path {
        self.join(path)
    }
}

/// As that of std.
impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.path, f)
    }
}
