//! Lines.

use std::{fs, io};

use anyio_fileio::File;
use proptest::prelude::*;

use crate::support::{folder, folders, kind, run};

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    fn any_text(parts in prop::collection::vec(prop_oneof![
        Just("\n".to_owned()), Just("\r\n".to_owned()), Just("\r".to_owned()), "[a-c]{0,4}", Just("x".repeat(70_000)),
    ], 0..40)) {
        let text = parts.concat();
        let expected: Vec<String> = io::BufRead::lines(text.as_bytes()).map(Result::unwrap).collect();
        for (_folder, path) in folders() {
            let path = path.join("file");
            fs::write(&path, &text).unwrap();
            let lines = run(async {
                let mut lines = File::open(&path).await?.into_lines();
                let mut all = Vec::new();
                while let Some(line) = lines.next().await? {
                    all.push(line);
                }
                assert_eq!(lines.next().await?, None);
                Ok(all)
            });
            assert_eq!(&lines, &expected);
        }
    }
}

#[test]
fn lines_are_those_of_std() {
    any_text();
}

#[test]
fn a_line_that_is_no_utf8_is_told_and_the_next_one_comes() {
    let (_folder, path) = folder();
    fs::write(path.join("file"), b"one\n\xff\nthree\n").unwrap();
    run(async {
        let file = File::open(path.join("file")).await?;
        let mut lines = file.lines();
        assert_eq!(lines.next().await?.as_deref(), Some("one"));
        assert_eq!(kind(lines.next().await), io::ErrorKind::InvalidData);
        assert_eq!(lines.next().await?.as_deref(), Some("three"));
        file.rewind().await?;
        let mut lines = file.lines();
        lines.next_bytes().await?;
        assert_eq!(lines.next_bytes().await?, Some(&b"\xff"[..]));
        Ok(())
    });
}
