//! The numbers in a payload descriptor, and what a copy of the packet gets in their place.
//!
//! VP8's picture id and TL0PICIDX look the same as VP9's (RFC 7741 §4.2, RFC 9628 §4.2).

/// The numbers as the sender wrote them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub picture_id: Option<u16>,
    /// The picture id has 15 bits, not 7.
    pub wide: bool,
    pub tl0_picture_index: Option<u8>,
    picture_id_at: u8,
    tl0_at: u8,
}

impl Numbers {
    /// Read a picture id; where in the payload what follows it begins, `None` when it doesn't fit.
    #[inline]
    pub fn read_picture_id(&mut self, payload: &[u8], at: usize) -> Option<usize> {
        let high = *payload.get(at)?;
        self.picture_id_at = at as u8;
        self.wide = high & 0x80 != 0;
        let high = u16::from(high & 0x7f);
        if !self.wide {
            self.picture_id = Some(high);
            return Some(at + 1);
        }
        self.picture_id = Some(high << 8 | u16::from(*payload.get(at + 1)?));
        Some(at + 2)
    }

    /// Read a TL0PICIDX likewise.
    #[inline]
    pub fn read_tl0(&mut self, payload: &[u8], at: usize) -> Option<usize> {
        self.tl0_picture_index = Some(*payload.get(at)?);
        self.tl0_at = at as u8;
        Some(at + 1)
    }

    /// The change that gives this payload another picture id and TL0PICIDX.
    #[inline]
    pub fn patch(&self, picture_id: u16, tl0_picture_index: u8) -> Patch {
        Patch {
            picture_id_at: self.picture_id_at,
            wide: self.wide,
            picture_id,
            tl0_at: self.tl0_at,
            tl0_picture_index,
            marker: false,
        }
    }
}

/// New numbers for a payload descriptor, and the marker; positions of 0 mean that there is nothing
/// to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    picture_id_at: u8,
    tl0_at: u8,
    wide: bool,
    /// Set the RTP header's marker: nothing more is sent of this picture.
    pub marker: bool,
    pub tl0_picture_index: u8,
    pub picture_id: u16,
}

impl Patch {
    /// Write the numbers into a copy of the payload.
    #[inline]
    pub fn apply(&self, payload: &mut [u8]) {
        let at = usize::from(self.picture_id_at);
        if at != 0 && self.wide && at + 1 < payload.len() {
            payload[at..at + 2].copy_from_slice(&(0x8000 | self.picture_id).to_be_bytes());
        } else if at != 0 && at < payload.len() {
            payload[at] = self.picture_id as u8 & 0x7f;
        }
        let at = usize::from(self.tl0_at);
        if at != 0 && at < payload.len() {
            payload[at] = self.tl0_picture_index;
        }
    }
}
