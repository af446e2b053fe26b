//! What no text of the repository may hold.

use std::path::Path;

use crate::workspace::{files_below, hold, read, root, shown};

/// Spelled in parts, so that this file does not find itself.
const OF_ONE_MACHINE: [&str; 6] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Use", "rs/"),
    concat!(".cargo/", "registry"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
];

const LEFT_OVER: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("db", "g!("),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
];

fn is_text(path: &Path) -> bool {
    let is_ci = path.parent().is_some_and(|folder| folder.file_name().is_some_and(|name| name == ".ci"));
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    is_ci || matches!(end, "rs" | "toml" | "md" | "yml" | "yaml" | "stderr" | "txt" | "sh" | "py")
}

fn lines_with(words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in files_below(&root(), is_text) {
        for (number, line) in read(&path).lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", shown(&path), number + 1));
            }
        }
    }
    found
}

#[test]
fn nothing_tells_of_one_machine() {
    hold(
        "No path or host of one machine stands in the tree: write it relative, or leave it out.",
        lines_with(&OF_ONE_MACHINE),
    );
}

#[test]
fn nothing_is_left_over() {
    hold("What is left to do stands in an issue, not in the tree; a placeholder is no code.", lines_with(&LEFT_OVER));
}
