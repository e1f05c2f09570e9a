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

/// Things by the smallest number that was free.
pub(crate) struct Slab<T>(Vec<Option<T>>);

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Slab<T> {
    fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    pub(crate) fn insert(&mut self, thing: T) -> u32 {
        let free = self.0.iter().position(Option::is_none);
        let handle = free.unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        });
        self.0[handle] = Some(thing);
        handle as u32
    }

    pub(crate) fn get(&mut self, handle: u32) -> Result<&mut T, Failure> {
        let slot = self.0.get_mut(handle as usize).and_then(Option::as_mut);
        slot.ok_or_else(|| not_open(handle))
    }

    /// Closes a handle; its number may come again.
    pub(crate) fn remove(&mut self, handle: u32) -> Result<T, Failure> {
        let slot = self.0.get_mut(handle as usize).and_then(Option::take);
        slot.ok_or_else(|| not_open(handle))
    }
}

fn not_open(handle: u32) -> Failure {
    Failure::bad_request(format!("handle {handle} is not open"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_handle_is_not_open_and_its_number_comes_again() {
        let mut slab = Slab::default();
        assert_eq!((slab.insert('a'), slab.insert('b')), (0, 1));
        assert_eq!(slab.remove(0).unwrap(), 'a');
        assert!(slab.get(0).is_err());
        assert!(slab.remove(0).is_err());
        assert!(slab.get(u32::MAX).is_err());
        assert_eq!(slab.insert('c'), 0);
        assert_eq!((*slab.get(0).unwrap(), slab.len()), ('c', 2));
    }
}
