//! The example of the page, which is compiled and run here: a doc test cannot hold a test.

use crate::planted::message_of;

mod bug;
mod cure;

/// Between two lines of `// ---`, without what keeps it from failing here.
fn example(file: &str) -> String {
    let example = file.split("// ---\n").nth(1).expect("it is marked");
    example.replace("#[ignore = \"a specimen: another test runs it\"]\npub(crate) async", "async")
}

#[test]
fn the_page_shows_the_bug_and_its_cure_as_they_are_here() {
    let page = include_str!("../../README.md");
    for file in [include_str!("page/bug.rs"), include_str!("page/cure.rs")] {
        assert!(page.contains(&example(file)), "the page is to show\n{}", example(file));
    }
}

#[test]
fn the_sweep_finds_the_bug_with_the_words_on_the_page() {
    let message = message_of(bug::every_message_arrives);
    let line = |text: &str| text.replace(char::is_whitespace, " ");
    let shown = line(include_str!("../../README.md").split("```text\n").nth(1).unwrap().split("```").next().unwrap());
    // The page does not tell the line.
    let (before, after) = message.split_once(" at testing/tests/it/page/bug.rs:").unwrap();
    let after = after.trim_start_matches(|char: char| char.is_ascii_digit() || char == ':');
    assert_eq!(line(&format!("{before} at src/connection.rs:11:28{after}")).trim(), shown.trim());
}
