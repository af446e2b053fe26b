//! The workspace as its files show it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_path_buf()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

pub(crate) fn root_manifest() -> Table {
    manifest(&root())
}

fn manifest(folder: &Path) -> Table {
    let path = folder.join("Cargo.toml");
    read(&path).parse().unwrap_or_else(|error| panic!("cannot parse {}: {error}", path.display()))
}

/// One crate of ours.
pub(crate) struct Crate {
    pub(crate) folder: String,
    pub(crate) path: PathBuf,
    pub(crate) manifest: Table,
}

impl Crate {
    fn at(folder: &str) -> Self {
        let path = root().join(folder);
        let manifest = manifest(&path);
        Self { folder: folder.into(), path, manifest }
    }

    /// The value of a key of `[package]`.
    pub(crate) fn package(&self, key: &str) -> Option<&Value> {
        self.manifest.get("package")?.get(key)
    }

    pub(crate) fn is_published(&self) -> bool {
        self.package("publish").and_then(Value::as_bool) != Some(false)
    }

    /// What it is built from: its normal, build and target-specific dependencies.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        self.tables(&["dependencies", "build-dependencies"])
    }

    pub(crate) fn dev_dependencies(&self) -> Vec<Dependency> {
        self.tables(&["dev-dependencies"])
    }

    fn tables(&self, kinds: &[&str]) -> Vec<Dependency> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let everywhere = std::iter::once(&self.manifest);
        let mut found = Vec::new();
        for table in everywhere.chain(targets.into_iter().flat_map(|all| all.values()).filter_map(Value::as_table)) {
            for kind in kinds {
                let entries = table.get(*kind).and_then(Value::as_table).into_iter().flatten();
                found.extend(entries.map(|(name, spec)| Dependency::new(name, spec)));
            }
        }
        found
    }

    /// The files below `src`, `lib.rs` first.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        let mut files = files_below(&self.path.join("src"), |path| path.extension().is_some_and(|end| end == "rs"));
        files.sort_by_key(|path| (path.file_name().is_none_or(|name| name != "lib.rs"), path.clone()));
        files
    }
}

/// All crates of the workspace, by its list of members, and `benches`, which is a workspace of its own.
pub(crate) fn crates() -> Vec<Crate> {
    let manifest = root_manifest();
    let members = manifest["workspace"]["members"].as_array().expect("the workspace has a list of members");
    let mut crates: Vec<Crate> =
        members.iter().map(|member| Crate::at(member.as_str().expect("a member is a folder"))).collect();
    if root().join("benches/Cargo.toml").exists() {
        crates.push(Crate::at("benches"));
    }
    crates
}

/// One entry of a table of dependencies, as it is after looking it up in the workspace's table.
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) package: String,
    pub(crate) has_version: bool,
    pub(crate) has_path: bool,
}

impl Dependency {
    fn new(key: &str, spec: &Value) -> Self {
        let is_inherited = spec.get("workspace").and_then(Value::as_bool) == Some(true);
        let shared = root_manifest();
        let shared = shared["workspace"].get("dependencies").and_then(|all| all.get(key));
        let spec = if is_inherited { shared.unwrap_or(spec) } else { spec };
        Self {
            package: spec.get("package").and_then(Value::as_str).unwrap_or(key).into(),
            has_version: spec.is_str() || spec.get("version").is_some(),
            has_path: spec.get("path").is_some(),
        }
    }

    /// The folder, if it is one of our crates.
    pub(crate) fn folder(&self) -> Option<&str> {
        match self.package.strip_prefix("anyio") {
            Some("") => Some("facade"),
            Some(rest) => rest.strip_prefix('-'),
            None => None,
        }
    }
}

/// The files below `folder` that `wanted` picks, without what is built or hidden by git.
pub(crate) fn files_below(folder: &Path, wanted: impl Fn(&Path) -> bool + Copy) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a folder can be listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !matches!(name, ".git" | "target") {
                    folders.push(path);
                }
            } else if wanted(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// How a path is told: from the root of the repository.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with all that breaks the rule.
#[track_caller]
pub(crate) fn hold(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}\n  {}\n", broken.join("\n  "));
}
