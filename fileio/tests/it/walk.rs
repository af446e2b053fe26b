//! Folders, walks and patterns.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::symlink},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path as StdPath, PathBuf},
};

use anyio_fileio::{DirEntry, FileType, Path, Walk};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use crate::support::{folder, folders, kind, run};

async fn all(mut walk: Walk) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    while let Some(entry) = walk.next().await? {
        assert!(found.insert(entry.path().to_path_buf()), "{entry:?} came twice");
    }
    Ok(found)
}

fn by_std(folder: &StdPath, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            by_std(&entry.path(), found);
        }
        found.insert(entry.path());
    }
}

#[test]
fn a_walk_finds_what_std_finds() {
    for (_folder, path) in folders() {
        for a in 0..5 {
            for b in 0..40 {
                let sub = path.join(format!("a{a}/b{b}"));
                fs::create_dir_all(&sub).unwrap();
                for c in 0..30 {
                    fs::write(sub.join(format!("c{c}")), "").unwrap();
                }
            }
        }
        symlink(&path, path.join("a0/loop")).unwrap();
        let mut expected = BTreeSet::new();
        by_std(path.as_std(), &mut expected);
        assert_eq!(run(all(path.walk())), expected);
    }
}

#[test]
fn folders_come_before_what_is_in_them() {
    let (_folder, path) = folder();
    fs::create_dir_all(path.join("a/b/c")).unwrap();
    run(async {
        let mut seen = vec![path.to_path_buf()];
        let mut walk = path.walk();
        while let Some(entry) = walk.next().await? {
            assert!(seen.contains(&entry.folder().to_path_buf()));
            assert_eq!(entry.depth(), seen.len());
            seen.push(entry.path().to_path_buf());
        }
        assert_eq!(seen.len(), 4);
        Ok(())
    });
}

#[test]
fn a_walk_stays_above_its_depth_and_out_of_what_it_shall_not_enter() {
    let (_folder, path) = folder();
    fs::create_dir_all(path.join("a/b/c")).unwrap();
    fs::create_dir_all(path.join(".hidden/d")).unwrap();
    let found = run(all(path.walk().max_depth(2)));
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(run(all(path.walk().max_depth(0))).is_empty());
    let visible = |entry: &DirEntry| !entry.file_name().as_bytes().starts_with(b".");
    let found = run(all(path.walk().enter_if(visible)));
    assert!(found.contains(path.join(".hidden").as_std()) && !found.contains(path.join(".hidden/d").as_std()));
}

#[test]
fn a_walk_that_follows_links_tells_loops() {
    let (_folder, path) = folder();
    fs::create_dir_all(path.join("a")).unwrap();
    fs::create_dir_all(path.join("b/inner")).unwrap();
    symlink(path.join("b"), path.join("a/to_b")).unwrap();
    symlink(&path, path.join("a/up")).unwrap();
    run(async {
        let (mut loops, mut found) = (0, BTreeSet::new());
        let mut walk = path.walk().follow_links(true);
        loop {
            match walk.next().await {
                Ok(None) => break,
                Ok(Some(entry)) => drop(found.insert(entry.path().to_path_buf())),
                Err(error) => {
                    assert!(error.to_string().contains("above it"), "{error}");
                    loops += 1;
                }
            }
        }
        assert_eq!(loops, 1);
        assert!(found.contains(path.join("a/to_b/inner").as_std()));
        Ok(())
    });
}

#[test]
fn a_folder_that_cannot_be_read_is_told_and_the_walk_ends() {
    let (_folder, path) = folder();
    run(async {
        let mut walk = path.join("missing").walk();
        assert_eq!(kind(walk.next().await), io::ErrorKind::NotFound);
        assert!(walk.next().await?.is_none());
        let error = path.join("missing").read_dir().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("missing"));
        Ok(())
    });
}

#[test]
fn a_loop_of_links_is_gone_along_no_further_than_the_pattern() {
    let (_folder, path) = folder();
    symlink(".", path.join("again")).unwrap();
    symlink("self", path.join("self")).unwrap();
    run(async {
        let expected = ["again/again/again", "again/again/self"];
        assert_eq!(matched(&path, "*/*/*").await?, expected);
        assert_eq!(matched(&path, "**").await?, ["again", "self"]);
        Ok(())
    });
}

#[test]
fn a_folder_that_became_a_link_is_not_gone_into() {
    let ((_folder, path), (_other, outside)) = (folder(), folder());
    fs::create_dir(path.join("a")).unwrap();
    fs::write(outside.join("secret"), "").unwrap();
    let at = path.join("a");
    let replaced = move |_: &DirEntry| {
        fs::remove_dir(&at).unwrap();
        symlink(&outside, &at).unwrap();
        true
    };
    run(async {
        let mut walk = path.walk().enter_if(replaced);
        assert_eq!(walk.next().await?.unwrap().file_name(), "a");
        assert_eq!(kind(walk.next().await), io::ErrorKind::NotADirectory);
        assert!(walk.next().await?.is_none());
        Ok(())
    });
}

#[test]
fn a_folder_that_is_removed_meanwhile_is_told_and_the_walk_goes_on() {
    let (_folder, path) = folder();
    for name in ["a", "b"] {
        fs::create_dir(path.join(name)).unwrap();
        fs::write(path.join(name).join("file"), "").unwrap();
    }
    let removed = path.join("a");
    let remove = move |entry: &DirEntry| {
        if entry.file_name() == "a" {
            fs::remove_dir_all(&removed).unwrap();
        }
        true
    };
    run(async {
        let (mut walk, mut found, mut errors) = (path.walk().enter_if(remove), BTreeSet::new(), Vec::new());
        loop {
            match walk.next().await {
                Ok(None) => break,
                Ok(Some(entry)) => drop(found.insert(entry.path())),
                Err(error) => errors.push(error),
            }
        }
        assert_eq!(found, BTreeSet::from(["a", "b", "b/file"].map(|name| path.join(name))));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].kind(), io::ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn a_predicate_that_panics_ends_the_walk() {
    let (_folder, path) = folder();
    fs::create_dir(path.join("a")).unwrap();
    let mut walk = path.walk().enter_if(|_| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(|| run(walk.next()))).is_err());
    assert!(run(walk.next()).is_none());
}

#[test]
fn trees_may_be_deeper_than_paths_may_be_long() {
    let (temporary, path) = folder();
    let name = "d".repeat(200);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut at = openat(CWD, path.as_std(), flags, Mode::empty()).unwrap();
    for _ in 0..60 {
        mkdirat(&at, &*name, Mode::from_raw_mode(0o700)).unwrap();
        at = openat(&at, &*name, flags, Mode::empty()).unwrap();
    }
    let found = run(all(path.walk()));
    assert_eq!(found.len(), 60);
    assert!(found.iter().any(|path| path.as_os_str().len() > 12_000));
    run(path.remove_dir_all());
    drop(temporary);
}

#[test]
fn names_that_are_no_utf8_are_names() {
    for (_folder, path) in folders() {
        let name = OsStr::from_bytes(b"\xff\xfe");
        run(async {
            path.join(name).write("text").await?;
            assert_eq!(path.join(name).read_to_string().await?, "text");
            let mut entries = path.read_dir().await?;
            assert_eq!(entries.next().await?.unwrap().file_name(), name);
            let mut found = path.glob("*")?;
            assert_eq!(found.next().await?.unwrap().file_name(), name);
            let error = path.join(name).join("below").read().await.unwrap_err();
            assert!(error.to_string().contains("\\xFF"), "{error}");
            Ok(())
        });
    }
}

#[test]
fn entries_tell_what_they_are() {
    let (_folder, path) = folder();
    fs::create_dir(path.join("dir")).unwrap();
    fs::write(path.join("file"), "").unwrap();
    symlink("dir", path.join("link")).unwrap();
    crate::support::fifo(&path);
    run(async {
        let mut found = BTreeSet::new();
        let mut entries = path.read_dir().await?;
        while let Some(entry) = entries.next().await? {
            found.insert((entry.file_name().to_owned(), format!("{:?}", entry.file_type())));
        }
        let expected =
            [("dir", FileType::Dir), ("fifo", FileType::Fifo), ("file", FileType::File), ("link", FileType::Symlink)];
        let expected = expected.map(|(name, of)| (OsString::from(name), format!("{of:?}")));
        assert_eq!(found, BTreeSet::from(expected));
        Ok(())
    });
}

#[test]
fn a_large_folder_comes_in_batches_and_whole() {
    let (_folder, path) = folder();
    for n in 0..3000 {
        fs::write(path.join(n.to_string()), "").unwrap();
    }
    run(async {
        let mut entries = path.read_dir().await?;
        let mut names = BTreeSet::new();
        while let Some(entry) = entries.next().await? {
            names.insert(entry.file_name().to_owned());
        }
        assert_eq!(names.len(), 3000);
        Ok(())
    });
}

async fn matched(path: &Path, pattern: &str) -> io::Result<Vec<String>> {
    let mut found = path.glob(pattern)?;
    let mut names = Vec::new();
    while let Some(entry) = found.next().await? {
        names.push(entry.path().strip_prefix(path).unwrap().display().to_string());
    }
    names.sort();
    Ok(names)
}

#[test]
fn patterns_match_below_the_folder() {
    let (_folder, path) = folder();
    for name in ["a.txt", "b.TXT", "sub/c.txt", "sub/deep/d.txt", "other/e.rs", ".hidden.txt"] {
        fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
        fs::write(path.join(name), "").unwrap();
    }
    symlink(path.join("sub"), path.join("link")).unwrap();
    run(async {
        assert_eq!(matched(&path, "*.txt").await?, [".hidden.txt", "a.txt"]);
        assert_eq!(matched(&path, "**/*.txt").await?, [".hidden.txt", "a.txt", "sub/c.txt", "sub/deep/d.txt"]);
        assert_eq!(matched(&path, "sub/*").await?, ["sub/c.txt", "sub/deep"]);
        assert_eq!(matched(&path, "s*/**/d.txt").await?, ["sub/deep/d.txt"]);
        assert_eq!(matched(&path, "{sub,other}/*.*").await?, ["other/e.rs", "sub/c.txt"]);
        assert_eq!(matched(&path, "nothing").await?, Vec::<String>::new());
        let mut found = path.rglob("d.txt")?;
        assert_eq!(found.next().await?.unwrap().path(), path.join("sub/deep/d.txt"));
        let mut found = path.glob_ignore_case("B.*")?;
        assert_eq!(found.next().await?.unwrap().file_name(), "b.TXT");
        assert_eq!(matched(&path, "./sub//*.txt").await?, ["sub/c.txt"], "as a path has it");
        assert_eq!(matched(&path, "*/").await?, ["link", "other", "sub"], "folders only");
        assert_eq!(matched(&path, "**/").await?, ["link", "other", "sub", "sub/deep"]);
        assert_eq!(matched(&path, "l*/*.txt").await?, ["link/c.txt"], "through a link");
        assert_eq!(matched(&path, "{link,other}/*").await?, ["link/c.txt", "link/deep", "other/e.rs"]);
        assert_eq!(matched(&path, "{sub/deep,other}/*").await?, ["other/e.rs", "sub/deep/d.txt"]);
        for pattern in ["", "/abs", "a[", "{a", ".", "..", "../*", "sub/../*"] {
            assert_eq!(kind(path.glob(pattern)), io::ErrorKind::InvalidInput, "{pattern}");
        }
        Ok(())
    });
}
