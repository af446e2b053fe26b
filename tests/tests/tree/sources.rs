//! What every source file is like.

use std::path::Path;

use crate::workspace::{crates, hold, read, shown};

/// Crates in which one small file with a safe face may use `unsafe`: dispositions of signals, `pre_exec`.
const MAY_HAVE_UNSAFE: [&str; 2] = ["signals", "process"];

/// From so many lines on, a file has to begin with what it is.
const NEEDS_A_HEAD: usize = 60;
const LONGEST: usize = 500;
const LONGEST_LIB: usize = 100;

fn is_lib(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "lib.rs")
}

#[test]
fn no_crate_has_unsafe_code() {
    let mut broken = Vec::new();
    for member in crates().iter().filter(|member| member.folder != "benches") {
        let lib = read(&member.path.join("src/lib.rs"));
        if lib.contains("#![forbid(unsafe_code)]") {
            continue;
        }
        let exceptions =
            member.sources().iter().filter(|path| !is_lib(path) && read(path).contains("(unsafe_code")).count();
        let may = MAY_HAVE_UNSAFE.contains(&member.folder.as_str());
        if !(may && lib.contains("#![deny(unsafe_code)]") && exceptions <= 1) {
            broken.push(format!("`{}`: write #![forbid(unsafe_code)] into src/lib.rs", member.folder));
        }
    }
    hold(
        "`unsafe` is forbidden in every crate; `signals` and `process` may deny it, and allow it in one file.",
        broken,
    );
}

#[test]
fn the_readme_is_the_front_page_of_the_docs() {
    let mut broken = Vec::new();
    for member in crates().iter().filter(|member| member.folder != "benches") {
        if !read(&member.path.join("src/lib.rs")).starts_with("#![doc = include_str!(\"../README.md\")]") {
            broken.push(format!("`{}`: begin src/lib.rs with #![doc = include_str!(\"../README.md\")]", member.folder));
        }
    }
    hold("One text for the README and for rustdoc, so that it is tested and cannot drift.", broken);
}

#[test]
fn a_file_is_one_noun_long() {
    let mut broken = Vec::new();
    for path in crates().iter().flat_map(|member| member.sources()) {
        let lines = read(&path).lines().count();
        if lines > LONGEST {
            broken.push(format!("{} has {lines} lines: look for the second noun in it", shown(&path)));
        }
        if is_lib(&path) && lines >= LONGEST_LIB {
            broken.push(format!("{} has {lines} lines: it is a table of contents, move the rest out", shown(&path)));
        }
    }
    hold("A file of src has 500 lines at most, lib.rs less than 100.", broken);
}

#[test]
fn a_file_begins_with_what_it_is() {
    let mut broken = Vec::new();
    for path in crates().iter().flat_map(|member| member.sources()).filter(|path| !is_lib(path)) {
        let text = read(&path);
        if !text.starts_with("//!") && text.lines().count() >= NEEDS_A_HEAD {
            broken.push(format!("{}: begin it with `//!`: what it is, its invariants, its lock order", shown(&path)));
        }
    }
    hold("A module that is not trivial (60 lines or more) begins with `//!`.", broken);
}

#[test]
fn library_code_does_not_print() {
    let words = ["println!", "print!"];
    let mut broken = Vec::new();
    for path in crates().iter().filter(|member| member.is_published()).flat_map(|member| member.sources()) {
        for (number, line) in read(&path).lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|word| code.contains(word)) {
                broken.push(format!("{}:{}: {code}", shown(&path), number + 1));
            }
        }
    }
    hold("Library code prints nothing: return it, or leave it to the panic message.", broken);
}
