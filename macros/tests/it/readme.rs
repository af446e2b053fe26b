//! The example of the README, with the one line it needs where there is no `anyio`.

use crate::mock as anyio;

#[test]
fn the_example_of_the_readme_holds() {
    use anyio::{CancelError, Cancelled};
    use std::io;

    #[derive(Debug, thiserror::Error, CancelError)]
    #[cancel(crate = anyio)]
    enum FetchError {
        #[error("cancelled")]
        Cancelled(#[from] Cancelled),
        #[error("cannot read the answer")]
        Read(#[from] io::Error),
        #[error("the old answer was cancelled, which is not us")]
        #[cancel(never)]
        Earlier(#[source] io::Error),
        #[error("no such page: {0}")]
        NotFound(String),
    }

    let cancelled = || io::Error::other(Cancelled);
    assert!(FetchError::from(Cancelled).is_cancelled());
    assert!(FetchError::from(cancelled()).is_cancelled());
    assert!(!FetchError::from(io::Error::other("disk on fire")).is_cancelled());
    assert!(!FetchError::Earlier(cancelled()).is_cancelled());
    assert!(!FetchError::NotFound("index".to_owned()).is_cancelled());
}

#[test]
fn it_is_the_example_of_the_readme() {
    let (_, rest) = include_str!("../../README.md").split_once("```rust,ignore\n").expect("the example begins");
    let (example, _) = rest.split_once("```").expect("the example ends");
    let mut here = include_str!("readme.rs").lines().map(str::trim);
    for line in example.lines().map(str::trim) {
        assert!(here.any(|other| other == line), "not here, or not in this order: {line}");
    }
}
