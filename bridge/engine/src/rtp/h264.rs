//! H.264 payloads (RFC 6184): where a keyframe begins, and the size its SPS tells.

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Picture sizes beyond this are no picture of ours.
const LARGEST: u32 = 16_384;

/// Whether a keyframe begins with this payload: parameter sets or the start of an IDR slice.
#[inline]
pub fn is_keyframe(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    match first & 0x1f {
        IDR | SPS => true,
        STAP_A => units(&payload[1..]).any(|unit| matches!(unit[0] & 0x1f, IDR | SPS)),
        FU_A => payload.get(1).is_some_and(|head| head & 0x80 != 0 && head & 0x1f == IDR),
        _ => false,
    }
}

/// Width and height, when this payload carries an SPS.
pub fn size(payload: &[u8]) -> Option<(u16, u16)> {
    match payload.first()? & 0x1f {
        SPS => sps_size(&payload[1..]),
        STAP_A => {
            let sps = units(&payload[1..]).find(|unit| unit[0] & 0x1f == SPS)?;
            sps_size(&sps[1..])
        }
        _ => None,
    }
}

// The units of an aggregation packet; none of them is empty.
fn units(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = data.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let unit = rest.get(..len).filter(|unit| !unit.is_empty())?;
        data = &rest[len..];
        Some(unit)
    })
}

// ISO/IEC 14496-10 §7.3.2.1.1, as far as the size.
fn sps_size(data: &[u8]) -> Option<(u16, u16)> {
    let profile = *data.first()?;
    let mut bits = Bits { data: data.get(3..)?, at: 0, zeros: 0 };
    bits.golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.golomb()?;
        skip_high_profile(&mut bits, chroma)?;
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => drop(bits.golomb()?),
        1 => skip_order_cycle(&mut bits)?,
        _ => {}
    }
    bits.golomb()?;
    bits.bit()?;
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let height = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.bit()?;
    }
    bits.bit()?;
    let height = if frames_only { height } else { height.checked_mul(2)? };
    let (cut_width, cut_height) = cropping(&mut bits, chroma, frames_only)?;
    let (width, height) = (width.checked_sub(cut_width)?, height.checked_sub(cut_height)?);
    let sane = (1..=LARGEST).contains(&width) && (1..=LARGEST).contains(&height);
    sane.then_some((width as u16, height as u16))
}

fn skip_high_profile(bits: &mut Bits<'_>, chroma: u32) -> Option<()> {
    if chroma == 3 {
        bits.bit()?;
    }
    bits.golomb()?;
    bits.golomb()?;
    bits.bit()?;
    if bits.bit()? {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if bits.bit()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

fn skip_scaling_list(bits: &mut Bits<'_>, len: u32) -> Option<()> {
    let mut next: i64 = 8;
    for _ in 0..len {
        if next != 0 {
            next = (next + bits.signed_golomb()?).rem_euclid(256);
        }
    }
    Some(())
}

fn skip_order_cycle(bits: &mut Bits<'_>) -> Option<()> {
    bits.bit()?;
    bits.golomb()?;
    bits.golomb()?;
    // Each costs at least a bit, so a lie ends with the data.
    for _ in 0..bits.golomb()? {
        bits.golomb()?;
    }
    Some(())
}

fn cropping(bits: &mut Bits<'_>, chroma: u32, frames_only: bool) -> Option<(u32, u32)> {
    if !bits.bit()? {
        return Some((0, 0));
    }
    let [left, right, top, bottom] =
        [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    let unit_x = if chroma == 1 || chroma == 2 { 2 } else { 1 };
    let unit_y = if chroma == 1 { 2 } else { 1 } * if frames_only { 1 } else { 2 };
    Some((
        left.checked_add(right)?.checked_mul(unit_x)?,
        top.checked_add(bottom)?.checked_mul(unit_y)?,
    ))
}

/// Bits of a NAL unit, emulation prevention (00 00 03) taken out.
struct Bits<'a> {
    data: &'a [u8],
    at: u32,
    zeros: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<bool> {
        let (&byte, rest) = self.data.split_first()?;
        let bit = byte & (0x80 >> self.at) != 0;
        self.at += 1;
        if self.at == 8 {
            self.at = 0;
            self.zeros = if byte == 0 { self.zeros + 1 } else { 0 };
            self.data = rest;
            if self.zeros >= 2 && rest.first() == Some(&3) {
                self.data = &rest[1..];
                self.zeros = 0;
            }
        }
        Some(bit)
    }

    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let mut value = 1u64;
        for _ in 0..zeros {
            value = value << 1 | u64::from(self.bit()?);
        }
        u32::try_from(value - 1).ok()
    }

    fn signed_golomb(&mut self) -> Option<i64> {
        let value = i64::from(self.golomb()?);
        Some(if value % 2 == 0 { -value / 2 } else { (value + 1) / 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::{is_keyframe, size};
    use proptest::prelude::*;

    // 1280x720 in constrained baseline, as libx264 writes it.
    const SPS_720P: [u8; 24] = [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xba, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
        0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24, 0x80,
    ];
    // 320x180: coded as 192 lines, and cut.
    const SPS_180P: [u8; 10] = [0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9e, 0x10];
    const SPS_1080P_HIGH: [u8; 12] =
        [0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84];

    fn aggregated(units: &[&[u8]]) -> Vec<u8> {
        let mut payload = vec![24];
        for unit in units {
            payload.extend_from_slice(&(unit.len() as u16).to_be_bytes());
            payload.extend_from_slice(unit);
        }
        payload
    }

    #[test]
    fn keyframes_begin_in_every_packing() {
        assert!(is_keyframe(&SPS_720P));
        assert!(is_keyframe(&[0x65, 0x88]));
        assert!(is_keyframe(&aggregated(&[&[0x68, 1], &SPS_720P])));
        assert!(is_keyframe(&[0x7c, 0x85, 0]));
        // The middle of an IDR, another slice, parameter sets of pictures alone.
        assert!(!is_keyframe(&[0x7c, 0x05, 0]));
        assert!(!is_keyframe(&[0x41, 0x9a]));
        assert!(!is_keyframe(&[0x68, 0xce]));
        assert!(!is_keyframe(&aggregated(&[&[0x68, 1], &[0x41, 2]])));
    }

    #[test]
    fn the_size_is_read_from_the_parameter_set() {
        assert_eq!(size(&SPS_720P), Some((1280, 720)));
        assert_eq!(size(&aggregated(&[&SPS_720P, &[0x68, 1]])), Some((1280, 720)));
        assert_eq!(size(&SPS_180P), Some((320, 180)));
        assert_eq!(size(&SPS_1080P_HIGH), Some((1920, 1080)));
    }

    proptest! {
        #[test]
        fn any_payload_is_judged(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), kind in 0u8..32) {
            if let Some(first) = bytes.first_mut() {
                *first = kind;
            }
            let _ = (is_keyframe(&bytes), size(&bytes));
        }
    }
}
