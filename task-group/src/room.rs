//! How lists grow, so that they take little and glibc's `malloc` stays fast.
//!
//! It has fast lists for small pieces, and merges what is in them as soon as a large piece is asked for or one of a middle size
//! is given back, unless that goes to the few of its size which each thread keeps. A list that `realloc` made grow takes none
//! of these, but goes to them when it is dropped, until there is no room left. So small lists are moved as they grow.

/// The largest piece that a thread keeps some of.
const KEPT: usize = 1024;

/// Makes room for one more: a large list grows by an eighth, so that it does not take twice of what it needs.
#[inline]
pub(crate) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        grow(list, (list.len() / 8).max(list.len().min(1024)).max(4));
    }
}

/// Makes room for so many more.
#[inline]
pub(crate) fn make_room_for<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        grow(list, more);
    }
}

#[cold]
fn grow<T>(list: &mut Vec<T>, more: usize) {
    let wanted = list.len() + more;
    if wanted * size_of::<T>() <= KEPT {
        let small = std::mem::replace(list, Vec::with_capacity(wanted));
        list.extend(small);
    } else {
        list.reserve_exact(more);
    }
}
