/// Part of an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// Where frames start: the length of a cache line, and of any vector.
const ALIGN: u32 = 64;

/// The free parts of an arena, ordered by where they start. First fit: frames of a
/// graph are few, and the one given back last is still in the cache.
#[derive(Debug)]
pub(crate) struct Regions {
    len: u32,
    free: Vec<Region>,
}

impl Regions {
    pub(crate) fn new(len: u32) -> Self {
        let mut regions = Self {
            len,
            free: Vec::new(),
        };
        regions.clear();
        regions
    }

    /// Everything is free again.
    pub(crate) fn clear(&mut self) {
        self.free.clear();
        self.free.push(Region {
            start: 0,
            len: self.len,
        });
    }

    /// A region of `len` bytes, if there is one.
    pub(crate) fn take(&mut self, len: u32) -> Option<Region> {
        let room = room(len)?;
        let index = self.free.iter().position(|free| free.len >= room)?;
        let free = &mut self.free[index];
        let start = free.start;
        free.start += room;
        free.len -= room;
        if free.len == 0 {
            self.free.remove(index);
        }
        Some(Region { start, len })
    }

    /// Frees a region that [`take`](Self::take) gave.
    pub(crate) fn give_back(&mut self, region: Region) {
        let Some(len) = room(region.len) else { return };
        let start = region.start;
        let index = self.free.partition_point(|free| free.start < start);
        self.free.insert(index, Region { start, len });
        // With the neighbour behind, then with the one before.
        for left in [index, index.wrapping_sub(1)] {
            if let (Some(&one), Some(&two)) =
                (self.free.get(left), self.free.get(left.wrapping_add(1)))
                && one.start + one.len == two.start
            {
                self.free[left].len += two.len;
                self.free.remove(left + 1);
            }
        }
    }
}

/// What a frame takes up; even an empty one has a place of its own.
fn room(len: u32) -> Option<u32> {
    len.max(1).checked_next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn regions_never_overlap_and_all_come_back(
            steps in prop::collection::vec((any::<bool>(), 0_u32..5000), 1..80),
        ) {
            let whole = Region { start: 0, len: 1 << 16 };
            let mut regions = Regions::new(whole.len);
            let mut held: Vec<Region> = Vec::new();
            for (take, size) in steps {
                if take || held.is_empty() {
                    let Some(region) = regions.take(size) else { continue };
                    prop_assert!(region.start.is_multiple_of(ALIGN));
                    prop_assert!(region.start + region.len <= whole.len);
                    for other in &held {
                        let apart = region.start + region.len <= other.start
                            || other.start + other.len <= region.start;
                        prop_assert!(apart && region.start != other.start);
                    }
                    held.push(region);
                } else {
                    regions.give_back(held.swap_remove(size as usize % held.len()));
                }
            }
            for region in held {
                regions.give_back(region);
            }
            prop_assert_eq!(regions.free, [whole]);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut regions = Regions::new(128);
        assert_eq!(regions.take(129), None);
        assert_eq!(regions.take(u32::MAX), None);
        assert!(regions.take(65).is_some());
        assert_eq!(regions.take(0), None);
    }
}
