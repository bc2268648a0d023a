//! VP8's payload descriptor (RFC 7741 §4.2) and the first byte of its payload header (§4.3).

use super::Numbers;

/// What a payload says of its place in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Bytes before the VP8 payload.
    pub len: usize,
    /// First packet of partition 0: the packet that carries the payload header.
    pub frame_start: bool,
    pub keyframe: bool,
    pub numbers: Numbers,
    /// 0 when the payload doesn't tell.
    pub temporal_layer: u8,
    /// The frame refers to the base layer only.
    pub layer_sync: bool,
}

/// Parse a payload; `None` when the descriptor doesn't fit.
#[inline]
pub fn parse(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let mut read = Descriptor { len: 1, ..Descriptor::default() };
    if first & 0x80 != 0 {
        let extension = *payload.get(1)?;
        read.len = 2;
        if extension & 0x80 != 0 {
            read.len = read.numbers.read_picture_id(payload, read.len)?;
        }
        if extension & 0x40 != 0 {
            read.len = read.numbers.read_tl0(payload, read.len)?;
        }
        if extension & 0x30 != 0 {
            let layer = *payload.get(read.len)?;
            if extension & 0x20 != 0 {
                read.temporal_layer = layer >> 6;
                read.layer_sync = layer & 0x20 != 0;
            }
            read.len += 1;
        }
    }
    // Reserved bits aside: start of a partition, and that partition the first.
    read.frame_start = first & 0x17 == 0x10;
    read.keyframe = read.frame_start && payload.get(read.len)? & 0x01 == 0;
    (read.len <= payload.len()).then_some(read)
}

/// Width and height of a keyframe, from its payload header (RFC 6386 §9.1).
pub fn size(payload: &[u8], descriptor: &Descriptor) -> Option<(u16, u16)> {
    let header: &[u8; KEY_HEADER] = payload.get(descriptor.len..)?.first_chunk()?;
    if !descriptor.keyframe || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    // Two bits of scaling stand above each.
    let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]) & 0x3fff;
    Some((number(6), number(8)))
}

/// Length of the descriptors that `write` makes.
pub const WRITTEN: usize = 6;
/// Length of a keyframe's payload header: frame tag, start code, dimensions.
pub const KEY_HEADER: usize = 10;
/// Length of another frame's payload header: the frame tag.
pub const DELTA_HEADER: usize = 3;

/// Where a synthetic packet stands in its stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    pub start: bool,
    pub keyframe: bool,
    pub picture_id: u16,
    pub tl0_picture_index: u8,
    pub temporal_layer: u8,
    /// Width and height, as keyframes tell them.
    pub size: (u16, u16),
}

/// Write descriptor (and, at a frame's start, payload header); return the bytes written.
///
/// `frame_len` is the length of the frame's first partition, bytes.
pub fn write(out: &mut [u8], place: &Place, frame_len: usize) -> usize {
    out[0] = if place.start { 0x90 } else { 0x80 };
    out[1] = 0xe0;
    out[2..4].copy_from_slice(&(0x8000 | place.picture_id).to_be_bytes());
    out[4] = place.tl0_picture_index;
    out[5] = place.temporal_layer << 6 | 0x20;
    if !place.start {
        return WRITTEN;
    }
    let size = (frame_len as u32 & 0x7_ffff) << 5;
    let tag = size | 0x10 | u32::from(!place.keyframe);
    out[6..9].copy_from_slice(&tag.to_le_bytes()[..3]);
    if !place.keyframe {
        return WRITTEN + DELTA_HEADER;
    }
    out[9..12].copy_from_slice(&[0x9d, 0x01, 0x2a]);
    out[12..14].copy_from_slice(&place.size.0.to_le_bytes());
    out[14..16].copy_from_slice(&place.size.1.to_le_bytes());
    WRITTEN + KEY_HEADER
}

#[cfg(test)]
mod tests {
    use super::{Place, parse, size, write};
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_back() {
        for (start, keyframe) in [(true, true), (true, false), (false, true), (false, false)] {
            let place = Place {
                start,
                keyframe,
                picture_id: 0x1234,
                tl0_picture_index: 7,
                temporal_layer: 0,
                size: (1280, 720),
            };
            let mut out = [0; 32];
            assert!(write(&mut out, &place, 900) <= 32);
            let read = parse(&out).unwrap();
            assert_eq!((read.len, read.frame_start), (6, start));
            assert_eq!(read.keyframe, start && keyframe);
            assert_eq!(read.numbers.picture_id, Some(0x1234));
            assert_eq!(read.numbers.tl0_picture_index, Some(7));
            assert_eq!(size(&out, &read), (start && keyframe).then_some((1280, 720)));
            read.numbers.patch(0x7fff, 9).apply(&mut out);
            let patched = parse(&out).unwrap();
            assert_eq!(patched.numbers.picture_id, Some(0x7fff));
            assert_eq!(patched.numbers.tl0_picture_index, Some(9));
        }
    }

    #[test]
    fn a_short_picture_id_stays_short() {
        let mut payload = [0x90, 0xa0, 0x05, 0x60, 0x01];
        let read = parse(&payload).unwrap();
        assert_eq!(
            (read.numbers.picture_id, read.numbers.wide, read.temporal_layer),
            (Some(5), false, 1)
        );
        assert!(read.layer_sync);
        read.numbers.patch(0x1ff, 0).apply(&mut payload);
        assert_eq!(payload, [0x90, 0xa0, 0x7f, 0x60, 0x01]);
    }

    proptest! {
        #[test]
        fn any_payload_parses_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Some(read) = parse(&bytes) {
                prop_assert!(read.len <= bytes.len());
                let _ = size(&bytes, &read);
                let mut copy = bytes.clone();
                read.numbers.patch(0x7fff, 0xff).apply(&mut copy);
                prop_assert_eq!(&copy[read.len..], &bytes[read.len..]);
            }
        }
    }
}
