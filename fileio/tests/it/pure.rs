//! What can be said of a path without asking the system.

use std::{collections::HashSet, path::Path as StdPath};

use anyio_fileio::Path;

use crate::support::kind;

#[test]
fn what_is_said_of_a_path_alone_is_what_std_says() {
    for text in ["/", "", "a", "/a/b.tar.gz", "a/../b", ".hidden", "a/b/", "x.y/."] {
        let (ours, std) = (Path::from(text), StdPath::new(text));
        assert_eq!(ours, std);
        assert_eq!(ours.parent().as_ref().map(Path::as_std), std.parent());
        assert_eq!(ours.file_name(), std.file_name());
        assert_eq!(ours.file_stem(), std.file_stem());
        assert_eq!(ours.extension(), std.extension());
        assert_eq!(ours.is_absolute(), std.is_absolute());
        assert_eq!(ours.has_root(), std.has_root());
        assert!(ours.components().eq(std.components()));
        assert!(ours.ancestors().map(|path| path.to_path_buf()).eq(std.ancestors().map(StdPath::to_path_buf)));
        assert_eq!(ours.with_file_name("n"), std.with_file_name("n"));
        assert_eq!(ours.with_extension("e"), std.with_extension("e"));
        assert_eq!(format!("{ours:?} {}", ours.display()), format!("{std:?} {}", std.display()));
        assert_eq!(ours.to_str(), std.to_str());
    }
    assert_eq!(Path::new("a.tar.gz").extensions(), ["tar", "gz"]);
    assert_eq!(Path::new(".hidden").extensions(), [""; 0]);
    assert_eq!(Path::new("d/a.txt").with_file_stem("b"), Path::new("d/b.txt"));
    let all: HashSet<Path> = ["a/b", "a//b", "a/b/"].map(Path::from).into();
    assert_eq!(all.len(), 1, "one path, written in several ways");
    assert!(Path::new("a") < Path::new("b"));
}

#[test]
fn paths_are_joined_by_a_slash_too() {
    let path = Path::new("a");
    assert_eq!(&path / "b" / "c.txt", path.join("b/c.txt"));
    assert_eq!(&path / "/abs", Path::new("/abs"));
}

#[test]
fn the_way_from_one_path_to_another() {
    let path = Path::new("/a/b/c");
    assert_eq!(path.relative_to("/a"), Some(Path::new("b/c")));
    assert_eq!(path.relative_to("/a/d/e"), Some(Path::new("../../b/c")));
    assert_eq!(path.relative_to("a"), None);
    assert_eq!(Path::new("c").relative_to("../x"), None, "nobody knows where `..` leads");
    assert_eq!(path.strip_prefix("/a/b").unwrap(), Path::new("c"));
    assert!(path.strip_prefix("/d").is_err());
    assert!(path.starts_with("/a/b") && path.ends_with("b/c"));
}

#[test]
fn the_folder_of_the_user_stands_for_a_tilde() {
    let home = Path::home().unwrap();
    assert_eq!(Path::new("~/x").expanduser().unwrap(), home.join("x"));
    assert_eq!(Path::new("~").expanduser().unwrap(), home);
    assert_eq!(Path::new("x/~").expanduser().unwrap(), Path::new("x/~"));
    assert!(Path::cwd().unwrap().is_absolute());
}

#[test]
fn a_path_matches_a_pattern() {
    assert!(Path::new("a/b.rs").matches("a/*.rs").unwrap());
    assert!(!Path::new("a/b.rs").matches("*.rs").unwrap());
    assert!(Path::new("a/b/c.rs").matches("**/*.rs").unwrap());
    assert_eq!(kind(Path::new("a").matches("a[")), std::io::ErrorKind::InvalidInput);
}
