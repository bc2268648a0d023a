//! What a peer's payload type numbers mean, as signalling negotiated them.

/// Codecs whose payloads the engine looks into, and those it tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    #[default]
    Other,
    Vp8,
    H264,
    Vp9,
    Av1,
    Rtx,
}

impl Codec {
    /// The codec of this upper-case name.
    pub fn parse(name: &str) -> Self {
        match name {
            "VP8" => Self::Vp8,
            "H264" => Self::H264,
            "VP9" => Self::Vp9,
            "AV1" => Self::Av1,
            "RTX" => Self::Rtx,
            _ => Self::Other,
        }
    }
}

const NONE: u8 = 0xff;

/// One peer's payload types.
#[derive(Clone, Debug)]
pub struct PayloadTypes {
    codecs: [Codec; 128],
    /// Of an RTX payload type, what it repairs.
    repaired: [u8; 128],
    /// Of a media payload type, the RTX payload type that repairs it.
    repairing: [u8; 128],
}

impl Default for PayloadTypes {
    fn default() -> Self {
        Self { codecs: [Codec::Other; 128], repaired: [NONE; 128], repairing: [NONE; 128] }
    }
}

impl PayloadTypes {
    /// Give number `payload_type` a meaning; `apt` is what an RTX payload type repairs.
    pub fn set(&mut self, payload_type: u8, codec: Codec, apt: Option<u8>) {
        let number = usize::from(payload_type & 0x7f);
        self.codecs[number] = codec;
        if let (Codec::Rtx, Some(apt)) = (codec, apt) {
            self.repaired[number] = apt & 0x7f;
            self.repairing[usize::from(apt & 0x7f)] = payload_type & 0x7f;
        }
    }

    /// The codec of a payload type.
    #[inline]
    pub fn codec(&self, payload_type: u8) -> Codec {
        self.codecs[usize::from(payload_type & 0x7f)]
    }

    /// The payload type that an RTX payload type repairs.
    pub fn repaired(&self, rtx: u8) -> Option<u8> {
        Some(self.repaired[usize::from(rtx & 0x7f)]).filter(|&number| number != NONE)
    }

    /// A payload type that repairs something.
    pub fn any_rtx(&self) -> Option<u8> {
        self.repairing.iter().copied().find(|&number| number != NONE)
    }

    /// The RTX payload type that repairs `media`.
    pub fn repairing(&self, media: u8) -> Option<u8> {
        Some(self.repairing[usize::from(media & 0x7f)]).filter(|&number| number != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::{Codec, PayloadTypes};

    #[test]
    fn repair_is_known_both_ways() {
        let mut types = PayloadTypes::default();
        types.set(100, Codec::Vp8, None);
        types.set(96, Codec::Rtx, Some(100));
        assert_eq!((types.codec(100), types.codec(99)), (Codec::Vp8, Codec::Other));
        assert_eq!((types.repaired(96), types.repairing(100)), (Some(100), Some(96)));
        assert_eq!((types.repaired(100), types.repairing(96)), (None, None));
        assert_eq!((types.any_rtx(), PayloadTypes::default().any_rtx()), (Some(96), None));
    }
}
