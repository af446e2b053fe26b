//! One thread, with futures that are polled by hand: every outcome, every wake-up and every count is that of the model.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::Polled;
use anyio_memstream::{
    MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream, memory_object_stream_unbounded,
};
use anyio_streams::TryReceiveError;
use proptest::prelude::*;

use super::cases;
use crate::support::{Grave, Item, Steps};

/// A step of a program; a number chooses among what is there.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Makes one, and polls it, if the flag says so.
    Send(u8, bool),
    Receive(u8, bool),
    TrySend(u8),
    TryReceive(u8),
    Poll(u8),
    PollWoken(u8),
    /// The task of a future moves.
    Move(u8),
    Drop(u8),
    Cancel(u8),
    CloneSend(u8),
    CloneReceive(u8),
    CloseSend(u8),
    CloseReceive(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<u8>;
    let polled = || prop::bool::weighted(0.9);
    prop_oneof![
        8 => (which(), polled()).prop_map(|(which, polled)| Step::Send(which, polled)),
        8 => (which(), polled()).prop_map(|(which, polled)| Step::Receive(which, polled)),
        3 => which().prop_map(Step::TrySend),
        3 => which().prop_map(Step::TryReceive),
        5 => which().prop_map(Step::Poll),
        5 => which().prop_map(Step::PollWoken),
        2 => which().prop_map(Step::Move),
        5 => which().prop_map(Step::Drop),
        3 => which().prop_map(Step::Cancel),
        1 => which().prop_map(Step::CloneSend),
        1 => which().prop_map(Step::CloneReceive),
        1 => which().prop_map(Step::CloseSend),
        1 => which().prop_map(Step::CloseReceive),
    ]
}

fn capacity() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(Some(0)), Just(Some(1)), Just(Some(2)), Just(Some(5)), Just(None)]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    Cancelled,
    Closed,
    /// The other side has no end left.
    Gone,
}

/// What came out: of a send, the item that came back; of a receive, the item.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Came {
    Sent,
    Back(usize, Why),
    Received(usize),
    Nothing(Why),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Ahead,
    Waiting,
    Granted(Came),
}

/// What the model knows of an operation.
#[derive(Clone, Copy)]
struct Seen {
    name: usize,
    /// The item of a send.
    sends: Option<usize>,
    end: usize,
    stage: Stage,
    cancelled: bool,
    woken: bool,
}

/// The rules, in the plainest words.
#[derive(Default)]
struct Model {
    capacity: Option<usize>,
    buffer: VecDeque<usize>,
    operations: Vec<Seen>,
    /// The names of who waits, in order.
    senders: Vec<usize>,
    receivers: Vec<usize>,
    send_ends: Vec<bool>,
    receive_ends: Vec<bool>,
    peak: usize,
    dropped: usize,
    destroyed: usize,
}

impl Model {
    fn open(ends: &[bool]) -> usize {
        ends.iter().filter(|open| **open).count()
    }

    fn at(&mut self, name: usize) -> &mut Seen {
        self.operations.iter_mut().find(|seen| seen.name == name).expect("it is there")
    }

    fn grant(&mut self, name: usize, came: Came) {
        self.senders.retain(|waiting| *waiting != name);
        self.receivers.retain(|waiting| *waiting != name);
        let seen = self.at(name);
        assert_eq!(seen.stage, Stage::Waiting);
        (seen.stage, seen.woken) = (Stage::Granted(came), true);
    }

    fn has_room(&self) -> bool {
        self.capacity.is_none_or(|capacity| self.buffer.len() < capacity)
    }

    fn peaks(&mut self) {
        self.peak = self.peak.max(self.buffer.len());
    }

    /// `None` if it would have to wait.
    fn send(&mut self, end: usize, item: usize) -> Option<Came> {
        if !self.send_ends[end] {
            return Some(Came::Back(item, Why::Closed));
        }
        if Self::open(&self.receive_ends) == 0 {
            return Some(Came::Back(item, Why::Gone));
        }
        if let Some(first) = self.receivers.first().copied() {
            self.grant(first, Came::Received(item));
        } else if self.has_room() {
            self.buffer.push_back(item);
            self.peaks();
        } else {
            return None;
        }
        Some(Came::Sent)
    }

    fn receive(&mut self, end: usize) -> Option<Came> {
        if !self.receive_ends[end] {
            return Some(Came::Nothing(Why::Closed));
        }
        let item = self.buffer.pop_front();
        if (item.is_none() || self.has_room())
            && let Some(first) = self.senders.first().copied()
        {
            let sent = self.at(first).sends.expect("it sends");
            self.grant(first, Came::Sent);
            if item.is_none() {
                return Some(Came::Received(sent));
            }
            self.buffer.push_back(sent);
        }
        match item {
            Some(item) => Some(Came::Received(item)),
            None if Self::open(&self.send_ends) == 0 => Some(Came::Nothing(Why::Gone)),
            None => None,
        }
    }

    fn cancelled(sends: Option<usize>) -> Came {
        sends.map_or(Came::Nothing(Why::Cancelled), |item| Came::Back(item, Why::Cancelled))
    }

    fn poll(&mut self, name: usize) -> Option<Came> {
        self.at(name).woken = false;
        let Seen { sends, end, stage, cancelled, .. } = *self.at(name);
        let came = match stage {
            Stage::Ahead if cancelled => Some(Self::cancelled(sends)),
            Stage::Ahead => match sends {
                Some(item) => self.send(end, item),
                None => self.receive(end),
            },
            Stage::Waiting if cancelled => Some(Self::cancelled(sends)),
            Stage::Waiting => None,
            Stage::Granted(Came::Nothing(Why::Gone)) if self.receive_ends[end] && !self.buffer.is_empty() => {
                self.buffer.pop_front().map(Came::Received)
            }
            Stage::Granted(Came::Back(..) | Came::Nothing(_)) if cancelled => Some(Self::cancelled(sends)),
            Stage::Granted(came) => Some(came),
        };
        if came.is_some() {
            self.forget(name);
        } else if stage == Stage::Ahead {
            self.at(name).stage = Stage::Waiting;
            if sends.is_some() { &mut self.senders } else { &mut self.receivers }.push(name);
        }
        came
    }

    fn forget(&mut self, name: usize) {
        self.operations.retain(|seen| seen.name != name);
        self.senders.retain(|waiting| *waiting != name);
        self.receivers.retain(|waiting| *waiting != name);
    }

    fn drop(&mut self, name: usize) {
        let Seen { sends, stage, .. } = *self.at(name);
        self.forget(name);
        match stage {
            Stage::Granted(Came::Received(item)) => {
                if Self::open(&self.receive_ends) == 0 {
                    self.dropped += 1;
                    self.destroyed += 1;
                } else if let Some(first) = self.receivers.first().copied() {
                    self.grant(first, Came::Received(item));
                } else {
                    self.buffer.push_front(item);
                    self.peaks();
                }
            }
            Stage::Granted(Came::Sent | Came::Nothing(_)) => {}
            Stage::Granted(Came::Back(..)) => self.destroyed += 1,
            Stage::Ahead | Stage::Waiting => self.destroyed += usize::from(sends.is_some()),
        }
    }

    fn close_send(&mut self, end: usize) {
        if !std::mem::replace(&mut self.send_ends[end], false) {
            return;
        }
        for name in self.senders.clone() {
            let Seen { sends, end: own, .. } = *self.at(name);
            if own == end {
                self.grant(name, Came::Back(sends.expect("it sends"), Why::Closed));
            }
        }
        if Self::open(&self.send_ends) == 0 {
            for name in self.receivers.clone() {
                self.grant(name, Came::Nothing(Why::Gone));
            }
        }
    }

    fn close_receive(&mut self, end: usize) {
        if !std::mem::replace(&mut self.receive_ends[end], false) {
            return;
        }
        for name in self.receivers.clone() {
            if self.at(name).end == end {
                self.grant(name, Came::Nothing(Why::Closed));
            }
        }
        if Self::open(&self.receive_ends) == 0 {
            self.dropped += self.buffer.len();
            self.destroyed += self.buffer.drain(..).count();
            for name in self.senders.clone() {
                let item = self.at(name).sends.expect("it sends");
                self.grant(name, Came::Back(item, Why::Gone));
            }
        }
    }
}

type Running = Polled<Pin<Box<dyn Future<Output = Came>>>>;

struct Operation {
    name: usize,
    scope: CancelScope,
    future: Running,
}

struct Run {
    model: Model,
    grave: Grave,
    next_name: usize,
    operations: Vec<Operation>,
    send_ends: Vec<Arc<MemoryObjectSendStream<Item>>>,
    receive_ends: Vec<Arc<MemoryObjectReceiveStream<Item>>>,
}

/// Enough clones to matter.
const MOST_ENDS: usize = 5;

fn choose(which: u8, among: usize) -> Option<usize> {
    (among > 0).then(|| usize::from(which) % among)
}

impl Run {
    fn new(capacity: Option<usize>) -> Self {
        let (send, receive) = capacity.map_or_else(memory_object_stream_unbounded, memory_object_stream);
        Self {
            model: Model { capacity, send_ends: vec![true], receive_ends: vec![true], ..Model::default() },
            grave: Grave::default(),
            next_name: 0,
            operations: Vec::new(),
            send_ends: vec![Arc::new(send)],
            receive_ends: vec![Arc::new(receive)],
        }
    }

    fn start(
        &mut self,
        sends: Option<usize>,
        end: usize,
        future: Pin<Box<dyn Future<Output = Came>>>,
        scope: CancelScope,
    ) {
        self.model.operations.push(Seen {
            name: self.next_name,
            sends,
            end,
            stage: Stage::Ahead,
            cancelled: false,
            woken: false,
        });
        self.operations.push(Operation { name: self.next_name, scope, future: Polled::new(future) });
        self.next_name += 1;
    }

    fn send(&mut self, end: usize) {
        let (number, scope) = (self.next_name, CancelScope::new());
        let (stream, item, entered) = (self.send_ends[end].clone(), self.grave.item(number), scope.clone());
        let future = async move {
            match entered.enter(stream.send(item)).await {
                Ok(()) => Came::Sent,
                Err(error) if error.is_cancelled() => Came::Back(error.item.0, Why::Cancelled),
                Err(error) if error.is_closed() => Came::Back(error.item.0, Why::Closed),
                Err(error) => {
                    assert!(error.is_broken());
                    Came::Back(error.item.0, Why::Gone)
                }
            }
        };
        self.start(Some(number), end, Box::pin(future), scope);
    }

    fn receive(&mut self, end: usize) {
        let (stream, scope) = (self.receive_ends[end].clone(), CancelScope::new());
        let entered = scope.clone();
        let future = async move {
            match entered.enter(stream.receive()).await {
                Ok(item) => Came::Received(item.0),
                Err(error) if error.is_cancelled() => Came::Nothing(Why::Cancelled),
                Err(error) if error.is_closed() => Came::Nothing(Why::Closed),
                Err(error) => {
                    assert!(error.is_end_of_stream());
                    Came::Nothing(Why::Gone)
                }
            }
        };
        self.start(None, end, Box::pin(future), scope);
    }

    fn poll(&mut self, index: usize) {
        let operation = &mut self.operations[index];
        let expected = self.model.poll(operation.name);
        let polled = operation.future.step();
        let came = if let std::task::Poll::Ready(came) = polled { Some(came) } else { None };
        assert_eq!(came, expected, "what operation {} came to", operation.name);
        if let Some(came) = came {
            // What came out was dropped here.
            self.model.destroyed += usize::from(matches!(came, Came::Received(_) | Came::Back(..)));
            drop(self.operations.swap_remove(index));
        }
    }

    fn try_send(&mut self, end: usize) {
        let number = self.next_name;
        self.next_name += 1;
        let expected = self.model.send(end, number);
        let sent = self.send_ends[end].try_send(self.grave.item(number));
        let came = match sent {
            Ok(()) => Some(Came::Sent),
            Err(error) => {
                self.model.destroyed += 1;
                assert_eq!(error.item.0, number);
                match () {
                    () if error.would_block() => None,
                    () if error.is_closed() => Some(Came::Back(number, Why::Closed)),
                    () => Some(Came::Back(number, Why::Gone)),
                }
            }
        };
        assert_eq!(came, expected);
    }

    fn try_receive(&mut self, end: usize) {
        let expected = self.model.receive(end);
        let came = match self.receive_ends[end].try_receive() {
            Ok(item) => {
                self.model.destroyed += 1;
                Some(Came::Received(item.0))
            }
            Err(TryReceiveError::WouldBlock) => None,
            Err(TryReceiveError::Closed) => Some(Came::Nothing(Why::Closed)),
            Err(_) => Some(Came::Nothing(Why::Gone)),
        };
        assert_eq!(came, expected);
    }

    fn step(&mut self, step: Step) {
        let (operations, sends, receives) = (self.operations.len(), self.send_ends.len(), self.receive_ends.len());
        match step {
            Step::Send(which, polled) | Step::Receive(which, polled) => {
                if matches!(step, Step::Send(..)) {
                    self.send(usize::from(which) % sends);
                } else {
                    self.receive(usize::from(which) % receives);
                }
                if polled {
                    self.poll(operations);
                }
            }
            Step::TrySend(which) => self.try_send(usize::from(which) % sends),
            Step::TryReceive(which) => self.try_receive(usize::from(which) % receives),
            Step::Poll(which) => choose(which, operations).into_iter().for_each(|index| self.poll(index)),
            Step::PollWoken(which) => {
                let woken: Vec<_> = (0..operations).filter(|index| self.operations[*index].future.is_woken()).collect();
                choose(which, woken.len()).into_iter().for_each(|index| self.poll(woken[index]));
            }
            Step::Move(which) => {
                if let Some(index) = choose(which, operations) {
                    // A wake-up that came before is not told again, so it polls.
                    self.operations[index].future.replace_waker();
                    self.poll(index);
                }
            }
            Step::Drop(which) => {
                if let Some(index) = choose(which, operations) {
                    let operation = self.operations.swap_remove(index);
                    self.model.drop(operation.name);
                    drop(operation);
                }
            }
            Step::Cancel(which) => {
                if let Some(index) = choose(which, operations) {
                    let operation = &self.operations[index];
                    let seen = self.model.at(operation.name);
                    seen.woken |= !seen.cancelled && seen.stage != Stage::Ahead;
                    seen.cancelled = true;
                    operation.scope.cancel();
                }
            }
            Step::CloneSend(which) if sends < MOST_ENDS => {
                let from = usize::from(which) % sends;
                self.send_ends.push(Arc::new((*self.send_ends[from]).clone()));
                self.model.send_ends.push(self.model.send_ends[from]);
            }
            Step::CloneReceive(which) if receives < MOST_ENDS => {
                let from = usize::from(which) % receives;
                self.receive_ends.push(Arc::new((*self.receive_ends[from]).clone()));
                self.model.receive_ends.push(self.model.receive_ends[from]);
            }
            Step::CloseSend(which) => {
                let end = usize::from(which) % sends;
                self.send_ends[end].close();
                self.model.close_send(end);
            }
            Step::CloseReceive(which) => {
                let end = usize::from(which) % receives;
                self.receive_ends[end].close();
                self.model.close_receive(end);
            }
            Step::CloneSend(_) | Step::CloneReceive(_) => {}
        }
        self.compare();
    }

    fn compare(&self) {
        let (model, statistics) = (&self.model, self.send_ends[0].statistics());
        assert_eq!(statistics, self.receive_ends[0].statistics());
        assert_eq!(statistics.current_buffer_used, model.buffer.len(), "buffered");
        assert_eq!(statistics.max_buffer_size, model.capacity);
        assert_eq!(statistics.tasks_waiting_send, model.senders.len(), "waiting sends");
        assert_eq!(statistics.tasks_waiting_receive, model.receivers.len(), "waiting receives");
        assert_eq!(statistics.open_send_streams, Model::open(&model.send_ends), "open send ends");
        assert_eq!(statistics.open_receive_streams, Model::open(&model.receive_ends), "open receive ends");
        assert_eq!(statistics.peak_buffer_used, model.peak, "peak");
        assert_eq!(statistics.dropped, model.dropped, "dropped");
        assert_eq!(self.grave.count(), model.destroyed, "items that are gone");
        for operation in &self.operations {
            let seen = model.operations.iter().find(|seen| seen.name == operation.name).expect("both know it");
            assert_eq!(operation.future.is_woken(), seen.woken, "whether operation {} is woken", seen.name);
        }
    }

    /// Every operation is polled or dropped, what is left is received, and nothing else is.
    fn finish(mut self) {
        while !self.operations.is_empty() {
            self.step(if self.operations[0].future.is_woken() { Step::Poll(0) } else { Step::Drop(0) });
        }
        for end in 0..self.receive_ends.len() {
            while !self.model.buffer.is_empty() && self.model.receive_ends[end] {
                self.step(Step::TryReceive(end as u8));
            }
        }
        for end in 0..self.receive_ends.len() {
            self.step(Step::CloseReceive(end as u8));
        }
        let model = std::mem::take(&mut self.model);
        assert_eq!(model.buffer.len(), 0);
        let grave = self.grave.clone();
        drop(self);
        assert_eq!(grave.count(), model.destroyed, "nothing was left");
    }
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn a_program_does_what_the_model_does(capacity in capacity(), steps in prop::collection::vec(step(), 0..80)) {
        let mut run = Run::new(capacity);
        for step in steps {
            run.step(step);
        }
        run.finish();
    }
}
