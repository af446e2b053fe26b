/// What is going on in a memory object stream at one moment. Both ends give the same.
///
/// Mirrors AnyIO's
/// [`MemoryObjectStreamStatistics`](https://anyio.readthedocs.io/en/stable/api.html#anyio.streams.memory.MemoryObjectStreamStatistics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryObjectStreamStatistics {
    /// How many items are in the buffer. It may be more than `max_buffer_size` after a receive that was dropped gave its item
    /// back.
    pub current_buffer_used: usize,
    /// How many items the buffer takes; `None` if there is no bound.
    pub max_buffer_size: Option<usize>,
    /// How many send ends are open.
    pub open_send_streams: usize,
    /// How many receive ends are open.
    pub open_receive_streams: usize,
    /// How many sends wait for room, or for a receiver.
    pub tasks_waiting_send: usize,
    /// How many receives wait for an item.
    pub tasks_waiting_receive: usize,
    /// The most items that were in the buffer at any time.
    pub peak_buffer_used: usize,
    /// How many items were dropped because the last receive end had closed before anyone took them.
    pub dropped: usize,
}
