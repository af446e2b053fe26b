//! Byte streams, listeners and connectables as trait objects and behind pointers.

use std::{future::Future, io, panic::Location, sync::Arc};

use anyio_cancel_scope::checkpoint;
use anyio_streams::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ByteStreamConnectable,
    DynByteListener, DynByteReceiveStream, DynByteSendStream, DynByteStream, DynByteStreamConnectable, DynListener,
    DynSocketStream, Listener, ReceiveError, SendReason, SocketStream,
};
use anyio_typed_attrs::TypedAttributeExt;
use futures_lite::future::block_on;

use crate::script::{Name, Script};

/// Generic, as code of users is.
async fn use_up(stream: &(impl ByteStream + ?Sized)) {
    let mut buf = [0; 8];
    assert_eq!(stream.receive(&mut buf).await.unwrap(), 5);
    stream.send(&buf[..5]).await.unwrap();
    stream.send_eof().await.unwrap();
    stream.aclose().await.unwrap();
    assert!(stream.receive(&mut buf).await.unwrap_err().is_closed());
    stream.close();
}

fn script() -> Arc<Script> {
    Arc::new(Script::of(&[b"hello"]))
}

#[test]
fn trait_objects_and_pointers_are_streams() {
    let uses: [fn(Arc<Script>); 6] = [
        |script| block_on(use_up(&script)),
        |script| block_on(use_up(&&*script)),
        |script| block_on(use_up(&Box::new(script))),
        |script| block_on(use_up(&script as &dyn DynByteStream)),
        |script| block_on(use_up(&(Box::new(script) as Box<dyn DynSocketStream>))),
        |script| block_on(use_up(&(Arc::new(script) as Arc<dyn DynByteStream>))),
    ];
    for use_it in uses {
        let script = script();
        use_it(script.clone());
        assert_eq!((script.sent(), script.counts()), (b"hello".to_vec(), [1, 1, 1]));
    }
}

#[test]
fn each_direction_is_a_trait_object_alone() {
    let script = script();
    let receives: &dyn DynByteReceiveStream = &script;
    let sends: &dyn DynByteSendStream = &script;
    block_on(async {
        let mut buf = [0; 8];
        assert_eq!(receives.receive(&mut buf).await.unwrap(), 5);
        sends.send(b"x").await.unwrap();
        receives.close();
        sends.aclose().await.unwrap();
    });
    assert_eq!(script.counts(), [1, 1, 0]);
}

#[test]
fn a_socket_stream_is_a_byte_stream_too() {
    let socket: Box<dyn DynSocketStream> = Box::new(script());
    assert_eq!(socket.extra::<Name>().unwrap(), "script");
    fn is_socket(_: &impl SocketStream) {}
    is_socket(&socket);
    let stream: Box<dyn DynByteStream> = socket;
    block_on(use_up(&stream));
}

/// Accepts, or is connected to, once.
struct Once(Script);

impl AsyncResource for Once {
    async fn aclose(&self) -> io::Result<()> {
        self.0.aclose().await
    }
    fn close(&self) {
        self.0.close();
    }
}

impl Listener for Once {
    type Stream = Script;
    async fn accept(&self) -> Result<Script, ReceiveError> {
        checkpoint().await?;
        Ok(Script::of(&[b"hello"]))
    }
}

impl ByteStreamConnectable for Once {
    type Stream = Script;
    async fn connect(&self) -> io::Result<Script> {
        checkpoint().await?;
        Ok(Script::of(&[b"hello"]))
    }
}

async fn serve(listener: &(impl Listener<Stream: ByteStream> + ?Sized)) {
    use_up(&listener.accept().await.unwrap()).await;
    listener.close();
    listener.aclose().await.unwrap();
}

#[test]
fn listeners_and_connectables_are_behind_pointers_what_they_are() {
    let once = Arc::new(Once(Script::of(&[])));
    block_on(async {
        serve(&once).await;
        serve(&&*once).await;
        serve(&Box::new(once.clone())).await;
        serve(&(Box::new(once.clone()) as Box<dyn DynByteListener>)).await;
        serve(&once as &dyn DynListener<Script>).await;
        use_up(&once.connect().await.unwrap()).await;
        use_up(&(&&*once).connect().await.unwrap()).await;
        let boxed: Box<dyn DynByteStreamConnectable> = Box::new(once.clone());
        use_up(&boxed.connect().await.unwrap()).await;
    });
    assert_eq!(once.0.counts(), [5, 5, 0]);
}

/// Tells, as what it has sent, in which line it was called.
struct Here;

impl AsyncResource for Here {
    async fn aclose(&self) -> io::Result<()> {
        Ok(())
    }
    fn close(&self) {}
}

impl ByteReceiveStream for Here {
    #[track_caller]
    fn receive(&self, _: &mut [u8]) -> impl Future<Output = Result<usize, ReceiveError>> + Send {
        std::future::ready(Ok(Location::caller().line() as usize))
    }
}

impl ByteSendStream for Here {
    #[track_caller]
    fn send(&self, _: &[u8]) -> impl Future<Output = Result<(), ByteSendError>> + Send {
        let line = Location::caller().line() as usize;
        std::future::ready(Err(ByteSendError::new(line, SendReason::Closed)))
    }
}

#[test]
fn pointers_pass_on_where_they_were_used() {
    let stream = Arc::new(&Here);
    let line = line!() as usize;
    let receive = block_on(stream.receive(&mut [])).unwrap();
    let send = block_on(stream.send(&[])).unwrap_err().sent;
    assert_eq!((receive, send), (line + 1, line + 2));
}
