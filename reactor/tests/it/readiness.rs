//! Waiting for sockets and pipes.

use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::task::{Context, Poll};
use std::thread;

use anyio_reactor::{Readiness, block_on};

use crate::common::{Call, Recorder, in_millis, wait_until};

fn pair() -> (UnixStream, Readiness<UnixStream>) {
    let (near, far) = UnixStream::pair().unwrap();
    (near, Readiness::new(far).unwrap())
}

async fn read_byte(from: &Readiness<UnixStream>) -> io::Result<u8> {
    let mut byte = [0];
    loop {
        match from.get_ref().read(&mut byte) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(byte[0]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => from.readable().await?,
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn two_threads_echo_over_a_socket_pair() {
    let (near, far) = UnixStream::pair().unwrap();
    let (near, far) = (Readiness::new(near).unwrap(), Readiness::new(far).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                for _ in 0..200u8 {
                    let byte = read_byte(&far).await.unwrap();
                    far.get_ref().write_all(&[byte + 1]).unwrap();
                }
            });
        });
        block_on(async {
            for n in 0..200u8 {
                near.get_ref().write_all(&[n]).unwrap();
                assert_eq!(read_byte(&near).await.unwrap(), n + 1);
            }
        });
    });
}

#[test]
fn the_helper_thread_delivers_events_to_any_executor() {
    let (mut near, far) = pair();
    let writer = thread::spawn(move || {
        thread::yield_now();
        near.write_all(b"x").unwrap();
        near
    });
    assert_eq!(futures_lite::future::block_on(read_byte(&far)).unwrap(), b'x');
    drop(writer.join().unwrap());
    assert_eq!(futures_lite::future::block_on(read_byte(&far)).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_pipe_is_writable_until_it_is_full_and_again_when_it_was_read() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let writer = Readiness::new(writer).unwrap();
    block_on(writer.writable()).unwrap();
    let chunk = [7; 4096];
    let mut written = 0;
    loop {
        match rustix::io::write(&writer, &chunk) {
            Ok(n) => written += n,
            Err(rustix::io::Errno::AGAIN) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let (recorder, waker) = Recorder::new();
    let mut cx = Context::from_waker(&waker);
    let mut writable = pin!(writer.writable());
    assert!(writable.as_mut().poll(&mut cx).is_pending());
    let mut sink = vec![0; written];
    let mut read = 0;
    while read < written {
        read += rustix::io::read(&reader, &mut sink[read..]).unwrap();
    }
    recorder.wait();
    assert!(matches!(writable.poll(&mut cx), Poll::Ready(Ok(()))));
}

#[test]
fn every_waiting_task_sees_the_event_and_one_that_left_does_not() {
    let (mut near, far) = pair();
    let (first, first_waker) = Recorder::new();
    let (second, second_waker) = Recorder::new();
    let (polled, polled_waker) = Recorder::new();
    let (gone, gone_waker) = Recorder::new();
    let mut one = pin!(far.readable());
    let mut two = pin!(far.readable());
    let mut left = Box::pin(far.readable());
    assert!(one.as_mut().poll(&mut Context::from_waker(&first_waker)).is_pending());
    assert!(two.as_mut().poll(&mut Context::from_waker(&second_waker)).is_pending());
    assert!(left.as_mut().poll(&mut Context::from_waker(&gone_waker)).is_pending());
    assert!(far.poll_readable(&mut Context::from_waker(&polled_waker)).is_pending());
    drop(left);
    near.write_all(b"x").unwrap();
    for (recorder, waker, wait) in [(first, first_waker, one), (second, second_waker, two)] {
        recorder.wait();
        assert!(matches!(wait.poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok(()))));
    }
    polled.wait();
    assert!(far.poll_readable(&mut Context::from_waker(&polled_waker)).is_ready());
    assert_eq!(gone.wakes(), 0);
}

#[test]
fn a_wait_does_not_end_with_an_event_from_before_it_began() {
    let (mut near, far) = pair();
    for _ in 0..20 {
        near.write_all(b"x").unwrap();
        block_on(far.readable()).unwrap();
        far.get_ref().read_exact(&mut [0]).unwrap();
        let (recorder, waker) = Recorder::new();
        let mut wait = Box::pin(far.readable());
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let (passed, pass) = Recorder::new();
        let _ = anyio_reactor::timer::arm(in_millis(1), pass);
        passed.wait();
        assert_eq!(recorder.wakes(), 0);
    }
}

#[test]
fn what_was_there_before_the_wait_ends_it() {
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    block_on(far.readable()).unwrap();
    block_on(far.readable()).unwrap();
}

#[test]
fn a_task_that_loses_its_place_in_the_poll_function_is_woken() {
    let (mut near, far) = pair();
    let (first, first_waker) = Recorder::new();
    let (second, second_waker) = Recorder::new();
    assert!(far.poll_readable(&mut Context::from_waker(&first_waker)).is_pending());
    assert!(far.poll_readable(&mut Context::from_waker(&first_waker)).is_pending());
    assert_eq!(first.wakes(), 0);
    assert!(far.poll_readable(&mut Context::from_waker(&second_waker)).is_pending());
    assert_eq!(first.wakes(), 1);
    near.write_all(b"x").unwrap();
    second.wait();
    assert_eq!(first.wakes(), 1);
}

#[test]
fn a_waker_may_poll_the_descriptor_it_was_woken_for() {
    let (mut near, far) = pair();
    let far = std::sync::Arc::new(far);
    let (recorder, again) = Recorder::new();
    let inner = std::sync::Arc::clone(&far);
    let waker = Call::waker(move || {
        // The first call takes the event, the second registers anew.
        while inner.poll_readable(&mut Context::from_waker(&again)).is_ready() {}
    });
    assert!(far.poll_readable(&mut Context::from_waker(&waker)).is_pending());
    near.write_all(b"x").unwrap();
    wait_until(|| recorder.wakes() > 0);
}

#[test]
fn it_comes_out_of_the_reactor_and_can_go_in_again() {
    let (mut near, far) = pair();
    let far = Readiness::new(far.into_inner().unwrap()).unwrap();
    near.write_all(b"y").unwrap();
    assert_eq!(block_on(read_byte(&far)).unwrap(), b'y');
}
