//! The tests of the crate, one file a noun. `anyio.md` beside tells where each test of AnyIO's went.

mod support;

mod atomic;
mod cancel;
mod file;
mod limits;
mod lines;
mod live;
mod locks;
mod oracle;
mod path;
mod pure;
mod send_sync;
mod siblings;
mod streams;
mod swept;
mod temporary;
mod walk;
