//! The public surface, as people write it: each module is one use, and all of them must compile.
//!
//! The names are those of the sketch from which the surface was made. A use whose crate is still to come stands in
//! [`WAITING`]; when the facade has the word for it, it moves into the file of its topic, and the test below insists.
//! What must *not* compile stands in `src/refused.rs` and in `tests/ui`.

#![allow(unused, unused_qualifications, reason = "the uses are compiled, not run, and written as users write them")]
#![allow(
    clippy::all,
    clippy::semicolon_if_nothing_returned,
    reason = "the uses are compiled, not run, and written as users write them"
)]

mod prelude;

mod attributes;
mod byte_streams;
mod byte_traits;
mod contexts;
mod errors;
mod files;
mod groups;
mod handles;
mod handshake;
mod many;
mod memory;
mod runtime;
mod scopes;
mod signals;
mod streams;
mod sync;
mod threads;

use std::collections::BTreeSet;

/// How many uses the sketch has.
const ALL: usize = 213;

const FILES: &[&str] = &[
    include_str!("attributes.rs"),
    include_str!("byte_streams.rs"),
    include_str!("byte_traits.rs"),
    include_str!("contexts.rs"),
    include_str!("errors.rs"),
    include_str!("files.rs"),
    include_str!("groups.rs"),
    include_str!("handles.rs"),
    include_str!("handshake.rs"),
    include_str!("many.rs"),
    include_str!("memory.rs"),
    include_str!("runtime.rs"),
    include_str!("scopes.rs"),
    include_str!("signals.rs"),
    include_str!("streams.rs"),
    include_str!("sync.rs"),
    include_str!("threads.rs"),
];

/// Uses that wait for a crate, under a word that the facade has as soon as the crate is there.
const WAITING: &[(&str, &[&str])] = &[];

#[test]
fn every_use_is_compiled_or_waits() {
    let mut names = BTreeSet::new();
    let modules = FILES.iter().flat_map(|file| file.lines().filter_map(|line| line.strip_prefix("mod ")));
    for name in
        modules.map(|line| line.trim_end_matches(" {")).chain(WAITING.iter().flat_map(|(_, names)| *names).copied())
    {
        assert!(names.insert(name), "{name} is there twice, or still stands in WAITING");
    }
    assert_eq!(names.len(), ALL, "a use was lost, or ALL is to be raised");
}

#[test]
fn nothing_waits_for_what_the_facade_has() {
    // What the facade re-exports, by its lines and by its names.
    let facade = concat!(include_str!("../../../facade/src/lib.rs"), include_str!("../tree/public-names.txt"));
    for (word, names) in WAITING {
        assert!(
            !facade.contains(word),
            "the facade has `{word}` now: move the uses {names:?} out of WAITING, into the file of their topic"
        );
    }
}

#[test]
fn the_message_for_a_group_without_an_error_type_is_pinned() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
