//! The tree itself: what DESIGN and CONTRIBUTING ask of every crate, read from its files.

mod dependencies;
mod manifests;
mod order;
mod parity;
mod public_names;
mod sources;
mod texts;
mod workspace;
