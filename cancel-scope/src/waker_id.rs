use std::task::Waker;

/// Which waker it is: compared, never cloned, never followed.
///
/// It stands for the waker only while someone holds that waker or a clone of it; a wrong "no" costs a registration, and a
/// wrong "yes" cannot happen while the waker is alive. (A `Wake` implementation may have its vtable twice in a program.)
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct WakerId {
    pub(crate) data: usize,
    pub(crate) vtable: usize,
}

impl WakerId {
    /// No waker at all.
    pub(crate) const NONE: Self = Self { data: 0, vtable: 0 };

    #[inline]
    pub(crate) fn of(waker: &Waker) -> Self {
        Self { data: waker.data() as usize, vtable: std::ptr::from_ref(waker.vtable()) as usize }
    }
}
