use std::collections::BTreeMap;
use std::fmt;

use crate::cap::{Completion, Connection, Datagrams, Failure};

/// Handles that one run can have open at a time.
const MOST: usize = 64;

/// What a guest has open, known to it by numbers. All of it is closed with the run.
#[derive(Default)]
pub(crate) struct Handles {
    pub(crate) tcp: Slab<Box<dyn Connection>>,
    pub(crate) tls: Slab<Box<dyn Connection>>,
    pub(crate) udp: Slab<Box<dyn Datagrams>>,
    pub(crate) llm: Slab<Box<dyn Completion>>,
}

impl Handles {
    /// Fails when nothing further may be opened.
    pub(crate) fn check_room(&self) -> Result<(), Failure> {
        let open = self.tcp.len() + self.tls.len() + self.udp.len() + self.llm.len();
        if open < MOST {
            return Ok(());
        }
        Err(Failure::limit(format!(
            "{open} connections and answers are open, at most {MOST} allowed"
        )))
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handles")
            .field("tcp", &self.tcp.len())
            .field("tls", &self.tls.len())
            .field("udp", &self.udp.len())
            .field("llm", &self.llm.len())
            .finish()
    }
}

/// Things by number. The number of a closed one does not come again, so that a guest
/// that goes on using it reaches nothing else by it.
pub(crate) struct Slab<T> {
    open: BTreeMap<u32, T>,
    next: u32,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> Slab<T> {
    fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn insert(&mut self, thing: T) -> u32 {
        let handle = self.next;
        // Below zero a result is an error. No run opens so many that they begin anew.
        self.next = (handle + 1) & i32::MAX.cast_unsigned();
        self.open.insert(handle, thing);
        handle
    }

    pub(crate) fn get(&mut self, handle: u32) -> Result<&mut T, Failure> {
        self.open.get_mut(&handle).ok_or_else(|| not_open(handle))
    }

    /// Closes a handle.
    pub(crate) fn remove(&mut self, handle: u32) -> Result<T, Failure> {
        self.open.remove(&handle).ok_or_else(|| not_open(handle))
    }
}

fn not_open(handle: u32) -> Failure {
    Failure::bad_request(format!("handle {handle} is not open"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_closed_handle_does_not_come_again() {
        let mut slab = Slab::default();
        assert_eq!((slab.insert('a'), slab.insert('b')), (0, 1));
        assert_eq!(slab.remove(0).unwrap(), 'a');
        assert!(slab.get(0).is_err());
        assert!(slab.remove(0).is_err());
        assert!(slab.get(u32::MAX).is_err());
        assert_eq!(slab.insert('c'), 2);
        assert!(slab.get(0).is_err());
        assert_eq!((*slab.get(2).unwrap(), slab.len()), ('c', 2));
    }
}
