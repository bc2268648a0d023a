//! VP9's payload descriptor (RFC 9628 §4.2), as far as a projection needs it.

use super::Numbers;

/// Most earlier pictures that one refers to.
pub const REFERENCES: usize = 3;

/// What a payload says of its place in the stream. A *picture* has a *frame* in each spatial layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    pub numbers: Numbers,
    /// First and last packet of a frame.
    pub start: bool,
    pub end: bool,
    /// The frame refers to earlier pictures.
    pub predicted: bool,
    /// The references are told with each frame.
    pub flexible: bool,
    pub spatial_layer: u8,
    pub temporal_layer: u8,
    /// Later pictures of higher temporal layers refer to no such picture before this one.
    pub switches_up: bool,
    /// How many pictures back each reference lies; 0 = none.
    pub references: [u8; REFERENCES],
    /// How many spatial layers the stream has from here on; 0 = isn't told.
    pub layers: u8,
}

/// Parse a payload: its descriptor and, where it is told, the size of the highest spatial layer.
///
/// `None` when the descriptor doesn't fit.
#[inline]
pub fn parse(payload: &[u8]) -> Option<(Descriptor, Option<(u16, u16)>)> {
    let first = *payload.first()?;
    let mut read = Descriptor {
        predicted: first & 0x40 != 0,
        flexible: first & 0x10 != 0,
        start: first & 0x08 != 0,
        end: first & 0x04 != 0,
        ..Descriptor::default()
    };
    let mut rest = Rest { payload, at: 1 };
    if first & 0x80 != 0 {
        rest.at = read.numbers.read_picture_id(payload, rest.at)?;
    }
    if first & 0x20 != 0 {
        let layer = rest.byte()?;
        read.temporal_layer = layer >> 5;
        read.switches_up = layer & 0x10 != 0;
        read.spatial_layer = layer >> 1 & 0x07;
        if !read.flexible {
            rest.at = read.numbers.read_tl0(payload, rest.at)?;
        }
    }
    if read.flexible && read.predicted {
        for reference in &mut read.references {
            let byte = rest.byte()?;
            *reference = byte >> 1;
            if byte & 0x01 == 0 {
                break;
            }
        }
    }
    let size = if first & 0x02 != 0 { rest.structure(&mut read)? } else { None };
    Some((read, size))
}

impl Descriptor {
    /// A picture that refers to none before it begins with this packet.
    pub fn keyframe(&self) -> bool {
        self.start && !self.predicted && self.spatial_layer == 0
    }
}

struct Rest<'a> {
    payload: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    // The scalability structure, without the group of pictures at its end.
    fn structure(&mut self, read: &mut Descriptor) -> Option<Option<(u16, u16)>> {
        let head = self.byte()?;
        read.layers = (head >> 5) + 1;
        if head & 0x10 == 0 {
            return Some(None);
        }
        let mut size = None;
        for _ in 0..read.layers {
            size = Some((self.number()?, self.number()?));
        }
        Some(size)
    }
}

#[cfg(test)]
mod tests {
    use super::{Descriptor, parse};
    use proptest::prelude::*;

    #[test]
    fn a_keyframe_tells_of_its_layers() {
        // I, L, F, B, V; picture 0x1234; base layer; three layers of which the last is 1280x720.
        let payload =
            [0xba, 0x92, 0x34, 0x00, 0x50, 1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208, 0xff];
        let (read, size) = parse(&payload).unwrap();
        assert_eq!(
            (read.numbers.picture_id, read.numbers.wide, read.layers),
            (Some(0x1234), true, 3)
        );
        assert_eq!(size, Some((1280, 720)));
        assert!(read.keyframe());
    }

    #[test]
    fn references_and_layers_are_read() {
        // I, P, L, F, E; picture 5; temporal 2, up-switch, spatial 1, inter-layer; 1 and 4 back.
        let (read, _) = parse(&[0xf4, 0x05, 0x53, 0x03, 0x08, 0xff]).unwrap();
        assert_eq!((read.temporal_layer, read.spatial_layer, read.switches_up), (2, 1, true));
        assert_eq!(read.references, [1, 4, 0]);
        assert!(read.end && !read.start && !read.keyframe());
    }

    #[test]
    fn a_patch_changes_the_numbers_it_read() {
        // I, P, L, B: 7 bits of picture id, TL0PICIDX.
        let mut payload = [0xe8, 0x05, 0x20, 9, 0xff];
        let (read, _) = parse(&payload).unwrap();
        read.numbers.patch(0x1fe, 44).apply(&mut payload);
        assert_eq!(payload, [0xe8, 0x7e, 0x20, 44, 0xff]);
    }

    proptest! {
        #[test]
        fn what_doesnt_fit_isnt_read(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some((read, _)) = parse(&bytes) {
                prop_assert!(read.spatial_layer < 8 && read.temporal_layer < 8 && read.layers <= 8);
                let mut copy = bytes.clone();
                let numbers = read.numbers;
                let id = numbers.picture_id.unwrap_or_default();
                let tl0 = numbers.tl0_picture_index.unwrap_or_default();
                numbers.patch(id, tl0).apply(&mut copy);
                prop_assert_eq!(copy, bytes);
            } else {
                prop_assert_ne!(parse(&bytes), Some((Descriptor::default(), None)));
            }
        }
    }
}
