//! What may cross threads.

use anyio_fileio::{DirEntry, File, Glob, Lines, OpenOptions, Path, PathError, ReadDir, TemporaryDirectory, Walk};

fn send<T: Send>() {}
fn sync<T: Send + Sync>() {}
fn future<T: Send>(_: T) {}

#[test]
fn everything_may_go_to_another_thread() {
    sync::<File>();
    sync::<OpenOptions>();
    sync::<Path>();
    sync::<PathError>();
    sync::<DirEntry>();
    sync::<TemporaryDirectory>();
    send::<Lines>();
    send::<ReadDir>();
    send::<Walk>();
    send::<Glob>();
}

#[test]
fn every_wait_may_go_to_another_thread() {
    let path = Path::new("x");
    future(File::open("x"));
    future(path.read());
    future(path.walk().next());
    let wait = |file: &'static File| {
        future(file.read(Box::leak(Box::new([0; 4]))));
        future(file.write_all(b"x"));
        future(file.seek(std::io::SeekFrom::Start(0)));
        future(file.sync_all());
        future(file.lock());
    };
    let _ = wait;
    fn is_static<T: 'static>(_: T) {}
    is_static(File::open(&String::from("x")));
    is_static(path.read());
    is_static(path.write(&String::from("x")));
}
