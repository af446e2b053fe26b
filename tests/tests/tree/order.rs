//! The order of the layers: a crate may use the rows above its own, and never its own row.

use crate::workspace::{Crate, crates, hold, read, shown};

/// The rows, from the words that know nothing of ours down to the judges. Crates that are still to come stand in it, too.
const ROWS: [&[&str]; 11] = [
    &["typed-attrs", "wait-queue", "context-vars", "macros", "future-contract"],
    &["reactor"],
    &["cancel-scope"],
    &["streams", "sync", "task-group"],
    &["memstream", "signals"],
    &["runtime"],
    &["threads"],
    &["fileio", "net", "tls", "process"],
    &["testing"],
    &["facade"],
    &["tests", "benches"],
];

/// What any crate's `tests/` may use, whatever its row: by path without a version, for cargo drops that when packaging.
const FOR_TESTS: [&str; 2] = ["future-contract", "testing"];

/// Packages that one library crate hides from all others.
const HIDDEN: [(&str, &str); 2] = [("async-io", "reactor"), ("blocking", "threads")];

fn row(folder: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&folder))
}

fn row_of(member: &Crate) -> usize {
    row(&member.folder)
        .unwrap_or_else(|| panic!("`{}` has no row: give it one in ROWS, and in ARCHITECTURE.md", member.folder))
}

#[test]
fn every_crate_has_a_row() {
    for member in crates() {
        row_of(&member);
    }
}

#[test]
fn a_crate_uses_rows_above_its_own_only() {
    let mut broken = Vec::new();
    for member in crates() {
        let own = row_of(&member);
        for dependency in member.dependencies() {
            let Some(folder) = dependency.folder() else { continue };
            match row(folder) {
                Some(row) if row < own => {}
                row => broken.push(format!("`{}` (row {own}) depends on `{folder}` (row {row:?})", member.folder)),
            }
        }
    }
    hold(
        "A crate may depend on crates of the rows above its own, never on its own row: move what is shared up.",
        broken,
    );
}

#[test]
fn tests_keep_the_order_too() {
    let mut broken = Vec::new();
    for member in crates() {
        let own = row_of(&member);
        for dependency in member.dev_dependencies() {
            let Some(folder) = dependency.folder() else { continue };
            if FOR_TESTS.contains(&folder) {
                if !dependency.has_path || dependency.has_version {
                    broken.push(format!(
                        "`{}` dev-depends on `{folder}` with a version: write {{ path = \"../{folder}\" }}",
                        member.folder
                    ));
                }
            } else if row(folder).is_none_or(|row| row >= own) {
                broken.push(format!("`{}` (row {own}) dev-depends on `{folder}`: test that in `tests`", member.folder));
            }
        }
    }
    hold("A crate's tests may use the rows above its own, and `future-contract` and `testing` by path.", broken);
}

#[test]
fn what_tests_are_made_with_stays_out_of_src() {
    let mut broken = Vec::new();
    for member in crates() {
        for kit in FOR_TESTS {
            let depends = member.dependencies().iter().any(|dependency| dependency.folder() == Some(kit));
            if depends && kit == "future-contract" {
                broken.push(format!("`{}` is built from `future-contract`, which is for tests only", member.folder));
            }
            let name = format!("anyio_{}", kit.replace('-', "_"));
            for path in member.sources() {
                if !depends && member.folder != kit && read(&path).contains(&name) {
                    broken.push(format!("{} names `{name}`: move the test to `tests/`", shown(&path)));
                }
            }
        }
    }
    hold("Inside `src`, under `#[cfg(test)]`, a crate that dev-depends on a kit would exist twice.", broken);
}

#[test]
fn a_hidden_package_has_one_user() {
    let mut broken = Vec::new();
    for member in crates().iter().filter(|member| member.is_published()) {
        for dependency in member.dependencies() {
            for (package, owner) in HIDDEN {
                if dependency.package == package && member.folder != owner {
                    broken.push(format!("`{}` depends on `{package}`: go through `{owner}`", member.folder));
                }
            }
        }
    }
    hold("These packages have one place each where they can be replaced.", broken);
}
