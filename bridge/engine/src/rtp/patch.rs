//! The changes that a copy of a packet gets inside what its sender wrote.

/// New numbers for a payload descriptor, and the marker; positions of 0 mean that there is nothing
/// to change.
///
/// VP8's picture id and TL0PICIDX look the same as VP9's (RFC 7741 §4.2, RFC 9628 §4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    pub picture_id_at: u8,
    pub tl0_at: u8,
    /// The picture id has 15 bits, not 7.
    pub wide: bool,
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
