//! Which pictures of a video reached a sink whole, by the continuity of their ids.

/// Pictures that may be on their way at once.
const RECENT: usize = 64;
/// A step of ids beyond this is a new stream, not a loss.
const JUMP: i64 = 3_000;

#[derive(Clone, Copy)]
struct Picture {
    id: i64,
    first: Option<u64>,
    last: Option<u64>,
    packets: u64,
}

const NONE: Picture = Picture { id: -1, first: None, last: None, packets: 0 };

/// Counts pictures by their VP8 ids.
pub struct Pictures {
    recent: [Picture; RECENT],
    range: Option<(i64, i64)>,
    /// Expected of streams before the current one.
    before: u64,
    /// Pictures of which every packet came.
    pub complete: u64,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { recent: [NONE; RECENT], range: None, before: 0, complete: 0 }
    }
}

impl Pictures {
    /// Take in a packet that comes for the first time: its picture's id of 15 bits, whether it
    /// starts or ends the picture, and its index.
    pub fn packet(&mut self, id: u16, start: bool, end: bool, index: u64) {
        let id = self.unwrap(id);
        let picture = &mut self.recent[id.rem_euclid(RECENT as i64) as usize];
        if picture.id != id {
            // Later than its successors by the length of the ring.
            if picture.id > id {
                return;
            }
            *picture = Picture { id, ..NONE };
        }
        picture.packets += 1;
        if start {
            picture.first = Some(index);
        }
        if end {
            picture.last = Some(index);
        }
        if let (Some(first), Some(last)) = (picture.first, picture.last)
            && last.checked_sub(first).is_some_and(|more| more + 1 == picture.packets)
        {
            self.complete += 1;
        }
    }

    fn unwrap(&mut self, id: u16) -> i64 {
        let id = i64::from(id & 0x7fff);
        let Some((first, newest)) = self.range else {
            return self.start(id);
        };
        // The nearest number that ends in these 15 bits.
        let step = (id - newest + 0x4000).rem_euclid(0x8000) - 0x4000;
        if step.abs() > JUMP {
            self.before = self.expected();
            return self.start(id);
        }
        let id = newest + step;
        self.range = Some((first.min(id), newest.max(id)));
        id
    }

    fn start(&mut self, id: i64) -> i64 {
        self.recent = [NONE; RECENT];
        self.range = Some((id, id));
        id
    }

    /// Pictures that should have come.
    pub fn expected(&self) -> u64 {
        self.before + self.range.map_or(0, |(first, newest)| (newest - first + 1) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Pictures;
    use proptest::prelude::*;

    fn receive(pictures: &mut Pictures, id: u16, from: u64, packets: &[u64], of: u64) {
        for &at in packets {
            pictures.packet(id, at == 0, at + 1 == of, from + at);
        }
    }

    #[test]
    fn a_picture_counts_once_all_of_it_has_come() {
        let mut pictures = Pictures::default();
        receive(&mut pictures, 0x7fff, 10, &[0, 1, 2], 3);
        receive(&mut pictures, 0, 13, &[0, 2], 3);
        receive(&mut pictures, 2, 17, &[0], 1);
        assert_eq!((pictures.complete, pictures.expected()), (2, 4));
        receive(&mut pictures, 0, 13, &[1], 3);
        assert_eq!((pictures.complete, pictures.expected()), (3, 4));
    }

    #[test]
    fn a_jump_is_another_stream() {
        let mut pictures = Pictures::default();
        receive(&mut pictures, 5, 0, &[0], 1);
        receive(&mut pictures, 20_000, 1, &[0], 1);
        assert_eq!((pictures.complete, pictures.expected()), (2, 2));
    }

    proptest! {
        #[test]
        fn no_more_come_than_are_expected(
            ids in proptest::collection::vec((any::<u16>(), any::<bool>(), any::<bool>()), 0..200),
        ) {
            let mut pictures = Pictures::default();
            for (index, (id, start, end)) in ids.into_iter().enumerate() {
                pictures.packet(id, start, end, index as u64);
                prop_assert!(pictures.expected() > 0);
            }
        }
    }
}
