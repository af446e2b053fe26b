//! What the figures were taken with: versions, processor, kernel, commit.

use std::{fs, process::Command, thread};

use serde_json::{Map, Value, json};

/// Whose version is told.
const PACKAGES: [&str; 8] = ["anyio", "async-io", "futures", "monoio", "moro", "smol", "tokio", "tokio-util"];

/// The compiler.
pub(crate) const RUSTC: &str = env!("BENCHES_RUSTC");
/// What it compiled for.
pub(crate) const TARGET: &str = env!("BENCHES_TARGET");
/// The folder of this package.
pub(crate) const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The head line of `--json`.
pub(crate) fn head() -> Value {
    json!({
        "versions": versions(),
        "rustc": RUSTC,
        "target": TARGET,
        "cpu": cpu(),
        "cpus": thread::available_parallelism().map_or(0, usize::from),
        "kernel": kernel(),
        "commit": commit(),
    })
}

/// By the lock file that this was built with.
fn versions() -> Map<String, Value> {
    let lock = include_str!("../Cargo.lock");
    let value = |line: &str, key: &str| line.strip_prefix(key).map(|rest| rest.trim_matches('"').to_string());
    let mut versions = Map::new();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = value(line, "name = ")
            && PACKAGES.contains(&name.as_str())
            && let Some(version) = lines.next().and_then(|line| value(line, "version = "))
        {
            versions.insert(name, version.into());
        }
    }
    versions
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("unknown", |(_, model)| model).into()
}

fn kernel() -> String {
    let names = rustix::system::uname();
    format!("{} {}", names.sysname().to_string_lossy(), names.release().to_string_lossy())
}

/// Of the checkout that this was built from, with a plus when there is more in it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(FOLDER).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(commit) if git(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty()) => commit + "+",
        Some(commit) => commit,
        None => "unknown".into(),
    }
}
