//! What a video payload tells of its place in the stream, read once for all its receivers.

use super::payload_types::Codec;
use super::{h264, vp8, vp9};

/// What a projection needs to know of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub codec: Codec,
    /// No media at all: the packet only fills the line.
    pub padding: bool,
    /// A keyframe begins with this packet.
    pub keyframe: bool,
    /// VP8 only.
    pub vp8: vp8::Descriptor,
    /// VP9 only.
    pub vp9: vp9::Descriptor,
    /// Size of the picture in its highest spatial layer, where the packet tells.
    pub size: Option<(u16, u16)>,
}

impl Facts {
    /// Read a payload of `codec`; what can't be read tells nothing.
    #[inline]
    pub fn read(codec: Codec, payload: &[u8]) -> Self {
        let mut facts = Self { codec, padding: payload.is_empty(), ..Self::default() };
        match codec {
            Codec::Vp8 => {
                if let Some(descriptor) = vp8::parse(payload) {
                    facts.vp8 = descriptor;
                    facts.keyframe = descriptor.keyframe;
                    facts.size = vp8::size(payload, &descriptor);
                }
            }
            Codec::H264 => {
                facts.keyframe = h264::is_keyframe(payload);
                facts.size = if facts.keyframe { h264::size(payload) } else { None };
            }
            Codec::Vp9 => {
                if let Some((descriptor, size)) = vp9::parse(payload) {
                    facts.vp9 = descriptor;
                    facts.keyframe = descriptor.keyframe();
                    facts.size = size;
                }
            }
            // A new coded video sequence starts with this packet (AV1 RTP §4.4, bit N).
            Codec::Av1 => facts.keyframe = payload.first().is_some_and(|head| head & 0x08 != 0),
            Codec::Other | Codec::Rtx => {}
        }
        facts
    }

    /// The temporal layer, 0 where the payload doesn't tell.
    pub fn temporal_layer(&self) -> u8 {
        match self.codec {
            Codec::Vp9 => self.vp9.temporal_layer,
            _ => self.vp8.temporal_layer,
        }
    }

    /// The spatial layer, 0 where the payload doesn't tell.
    pub fn spatial_layer(&self) -> u8 {
        self.vp9.spatial_layer
    }

    /// How many spatial layers the stream has from here on; 0 = isn't told.
    pub fn spatial_layers(&self) -> u8 {
        self.vp9.layers
    }
}

#[cfg(test)]
mod tests {
    use super::Facts;
    use crate::rtp::Codec;
    use proptest::prelude::*;

    #[test]
    fn vp9_keyframes_are_told_by_their_lowest_layer() {
        // I, L, B: picture id of 15 bits, then the layer indices.
        assert!(Facts::read(Codec::Vp9, &[0xa8, 0x80, 1, 0x00, 0]).keyframe);
        assert!(!Facts::read(Codec::Vp9, &[0xa8, 0x80, 1, 0x02, 0]).keyframe);
        assert!(!Facts::read(Codec::Vp9, &[0xe8, 0x80, 1, 0x00, 0]).keyframe);
        assert!(!Facts::read(Codec::Vp9, &[0xa0, 0x80, 1, 0x00, 0]).keyframe);
    }

    proptest! {
        #[test]
        fn any_payload_of_any_codec_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for codec in [Codec::Other, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1, Codec::Rtx] {
                let facts = Facts::read(codec, &bytes);
                prop_assert!(facts.vp8.len <= bytes.len());
            }
        }
    }
}
