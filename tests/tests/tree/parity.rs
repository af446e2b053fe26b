//! The tables of AnyIO's tests and ours, which must not rot.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemMacro};

use crate::workspace::{crates, files_below, hold, read, root, shown};

const TABLES: &[&str] = &[
    "task-group/tests/it/anyio.md",
    "memstream/tests/it/anyio.md",
    "sync/tests/it/anyio.md",
    "threads/tests/it/anyio.md",
    "streams/tests/it/anyio.md",
    "fileio/tests/it/anyio.md",
];

/// The files of AnyIO's whose every test has a row.
const PORTED: &[&str] = &[
    "tests/test_taskgroups.py",
    "tests/test_concurrency_utils.py",
    "tests/streams/test_memory.py",
    "tests/streams/test_buffered.py",
    "tests/streams/test_text.py",
    "tests/streams/test_stapled.py",
    "tests/test_typedattr.py",
    "tests/test_contextmanagers.py",
    "tests/test_synchronization.py",
    "tests/test_futures.py",
    "tests/test_to_thread.py",
    "tests/test_from_thread.py",
];

fn tables() -> String {
    TABLES.iter().map(|table| read(&root().join(table))).collect()
}

/// The rows below the headings that name one of `PORTED`: the names on the left, and what stands on the right.
fn rows(of: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut heading = String::new();
    for line in tables().lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_owned();
        }
        let Some((left, right)) = line.strip_prefix("| ").and_then(|line| line.split_once(" | ")) else { continue };
        if heading == of {
            found.extend(left.split(", ").map(|name| (name.to_owned(), right.to_owned())));
        }
    }
    found
}

/// What the table names: the file from the root of the repository, and the test in it.
fn named() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for word in tables().split([' ', ',', ';', '|', '\n']) {
        let Some((file, name)) = word.split_once(".rs::") else { continue };
        let file = match file.split_once('/') {
            Some((folder, file)) if !file.contains('/') => format!("{folder}/tests/it/{file}.rs"),
            _ => format!("{file}.rs"),
        };
        found.insert((file, name.to_owned()));
    }
    found
}

fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().segments.last().is_some_and(|last| last.ident == "test"))
}

/// The names that a macro is given which makes tests of them.
fn made_by(item: &ItemMacro) -> Vec<String> {
    if !item.mac.path.is_ident("under_every_executor") {
        return Vec::new();
    }
    item.mac.tokens.to_string().split(',').map(|name| name.trim().to_owned()).collect()
}

fn tests_in(items: &[Item], found: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Fn(item) if is_test(&item.attrs) => drop(found.insert(item.sig.ident.to_string())),
            Item::Macro(item) => found.extend(made_by(item)),
            Item::Mod(item) => tests_in(item.content.as_ref().map_or(&[], |(_, items)| items), found),
            _ => {}
        }
    }
}

fn tests_of(path: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if path.exists() {
        let file = syn::parse_file(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", shown(path)));
        tests_in(&file.items, &mut found);
    }
    found
}

#[test]
fn every_test_that_a_table_names_exists() {
    let mut files = BTreeMap::<String, BTreeSet<String>>::new();
    let mut broken = Vec::new();
    for (file, name) in named() {
        let tests = files.entry(file.clone()).or_insert_with(|| tests_of(&root().join(&file)));
        if !tests.contains(&name) {
            broken.push(format!("{file}: there is no test {name}"));
        }
    }
    assert!(files.len() > 20, "the tables were read");
    hold("anyio.md names tests that exist.", broken);
}

/// The tests of AnyIO's that a file says it ports, each with the test under which it says so.
fn ports(path: &Path) -> Vec<(String, String)> {
    let text = read(path);
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for file in PORTED {
            let Some((_, rest)) = line
                .split_once(&format!("// anyio: {file}::"))
                .or_else(|| line.split_once(&format!("; anyio: {file}::")))
            else {
                continue;
            };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            let after = text.lines().skip(number).find_map(|line| line.strip_prefix("fn "));
            let test = after.and_then(|line| line.split_once('(')).map_or("", |(test, _)| test);
            found.push((name, test.to_owned()));
        }
    }
    found
}

#[test]
fn every_port_is_in_the_table() {
    let rows: BTreeMap<String, String> = PORTED.iter().flat_map(|file| rows(file)).collect();
    let is_test = |path: &Path| path.extension().is_some_and(|end| end == "rs");
    let mut files: Vec<PathBuf> = Vec::new();
    for member in crates() {
        files.extend(files_below(&member.path.join("tests"), is_test));
    }
    let mut broken = Vec::new();
    let mut count = 0;
    for path in files {
        for (theirs, ours) in ports(&path) {
            count += 1;
            if !rows.get(&theirs).is_some_and(|right| right.contains(&format!("::{ours}"))) {
                broken.push(format!("{}: {ours} ports {theirs}, which the table does not tell", shown(&path)));
            }
        }
    }
    assert!(count > 100, "the ports were found: {count}");
    hold("What says that it ports a test of AnyIO's stands in its row of anyio.md.", broken);
}
