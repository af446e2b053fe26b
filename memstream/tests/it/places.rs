//! What waits in a wrapper around a stream shows the verb and the line of who called the wrapper.

use std::{future::Future, io, pin::Pin};

use anyio_future_contract::Polled;
use anyio_memstream::memory_byte_stream;
use anyio_streams::{
    Buffered, ByteReceiveStream, DynByteReceiveStream, LengthDelimited, LineDelimited, Stapled, Text,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use anyio_task_group::{debug::task_tree, task_group};

use crate::support::Steps;

type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The verb and the line with which each of them waits.
fn waits(names: &[&'static str], waits: Vec<Wait<'_>>) -> Vec<(String, u32)> {
    let mut group = Polled::new(task_group(async move |tg| -> io::Result<()> {
        for (name, wait) in names.iter().zip(waits) {
            tg.task(*name).start_soon(wait);
        }
        std::future::pending().await
    }));
    group.waits();
    let tree = task_tree();
    let told = names.iter().map(|name| {
        let task = tree.tasks().iter().find(|task| task.name() == *name).unwrap();
        let (verb, place) = task.waiting().unwrap();
        assert_eq!(place.file(), file!(), "{name}");
        (verb.to_owned(), place.line())
    });
    told.collect()
}

macro_rules! wait {
    ($fut:expr) => {
        (line!(), Box::pin(async { drop($fut.await) }) as Wait<'_>)
    };
}

#[test]
fn waits_in_wrappers_are_told_with_their_callers() {
    let pairs: Vec<_> = (0..9).map(|_| memory_byte_stream(1)).collect();
    let [a, b, c, d, e, f, g, h, i] = pairs.as_slice() else { unreachable!() };
    let (exact, read, lines) = (Buffered::new(&a.0), Buffered::new(&b.0), Buffered::new(&c.0));
    let mut reader = read.reader().unwrap();
    let (text, sent) = (Text::new(&d.0), Text::new(&e.0));
    let (frames, sending) = (LengthDelimited::new(&f.0), LineDelimited::new(&g.0));
    let boxed: Box<dyn DynByteReceiveStream + '_> = Box::new(&h.0);
    let stapled = Stapled::new(&i.0, &i.1);
    let (expected, futures): (Vec<_>, Vec<_>) = [
        ("receive_exactly", wait!(exact.receive_exactly(2))),
        ("receive_until", wait!(reader.receive_until(b"\n", 9))),
        ("receive_line", wait!(lines.receive_line(9))),
        ("receive", wait!(text.receive())),
        ("send", wait!(sent.send_str("ab"))),
        ("receive", wait!(frames.receive())),
        ("send", wait!(sending.send("ab".into()))),
        ("receive", wait!(boxed.receive(&mut [0]))),
        ("receive", wait!(ByteReceiveStream::receive(&stapled, &mut [0]))),
    ]
    .into_iter()
    .map(|(verb, (line, future))| ((verb.to_owned(), line), future))
    .unzip();
    let names = ["1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th"];
    assert_eq!(waits(&names, futures), expected);
}
