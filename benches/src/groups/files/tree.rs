//! A tree of folders.

use std::{fs, hint::black_box, io, path::Path, rc::Rc, time::Instant};

use super::contestants::{by_std, on_block_on};
use crate::case::Contestant;

const FOLDERS: u64 = 500;
const FILES: u64 = 100;
pub(super) const ENTRIES: u64 = FOLDERS * (FILES + 1);

fn tree() -> Rc<tempfile::TempDir> {
    let root = tempfile::tempdir().expect("there is a folder for temporary files");
    for folder in 0..FOLDERS {
        let folder = root.path().join(format!("{}/{folder}", folder % 10)).to_path_buf();
        fs::create_dir_all(&folder).expect("it can be made");
        for file in 0..FILES {
            fs::write(folder.join(file.to_string()), "").expect("it can be written");
        }
    }
    Rc::new(root)
}

fn count_by_std(folder: &Path) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        count += 1;
        if entry.file_type()?.is_dir() {
            count += count_by_std(&entry.path())?;
        }
    }
    Ok(count)
}

/// Ten folders more than the operations that are counted.
const FOUND: u64 = ENTRIES + 10;

pub(super) fn walk() -> Vec<Contestant> {
    let root = tree();
    let [a, b, c] = [(); 3].map(|()| root.clone());
    vec![
        on_block_on("anyio", async move || {
            let (mut walk, mut count) = (anyio::fs::Path::from(a.path()).walk(), 0);
            while let Some(entry) = walk.next().await? {
                count += 1;
                black_box(entry);
            }
            are_all(count)
        }),
        by_std(move || are_all(count_by_std(b.path())?)),
        Contestant::new("walkdir", move |iterations| {
            let begun = Instant::now();
            for _ in 0..iterations {
                let found = walkdir::WalkDir::new(c.path()).min_depth(1).into_iter().map(Result::unwrap).count();
                assert_eq!(found as u64, FOUND);
            }
            begun.elapsed()
        }),
    ]
}

fn are_all(count: u64) -> io::Result<()> {
    assert_eq!(count, FOUND);
    Ok(())
}
