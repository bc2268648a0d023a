//! Retransmission payloads (RFC 4588 §4): the original sequence number in front of the original.

use super::Header;

/// Length of the original sequence number.
pub const OSN: usize = 2;

/// Turn a plain RTX packet into the packet it repairs, in place.
///
/// The packet then begins `OSN` bytes further on; its header has the new payload type, sequence
/// number and SSRC. `None` for packets without an original: padding that probes the path.
pub fn restore(packet: &mut [u8], header: &Header, payload_type: u8, ssrc: u32) -> Option<Header> {
    let payload = super::payload(packet, header)?;
    // The original sequence number alone repairs nothing either.
    if payload.len() <= OSN {
        return None;
    }
    let sequence = u16::from_be_bytes([payload[0], payload[1]]);
    packet.copy_within(..header.len, OSN);
    let restored = &mut packet[OSN..];
    restored[1] = restored[1] & 0x80 | payload_type & 0x7f;
    Header::rewrite(restored, ssrc, sequence, header.timestamp);
    Some(Header { payload_type: payload_type & 0x7f, sequence, ssrc, ..*header })
}

#[cfg(test)]
mod tests {
    use super::{OSN, restore};
    use crate::rtp::{Header, payload};
    use proptest::prelude::*;

    #[test]
    fn the_original_comes_back() {
        let mut packet = vec![0x90, 0xe0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7];
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0]);
        packet.extend_from_slice(&[0x12, 0x34, b'b', b'o', b'd', b'y']);
        let header = Header::parse(&packet).unwrap();
        let restored = restore(&mut packet, &header, 100, 99).unwrap();
        let packet = &packet[OSN..];
        assert_eq!(Header::parse(packet), Some(restored));
        assert_eq!((restored.sequence, restored.ssrc, restored.payload_type), (0x1234, 99, 100));
        assert!(restored.marker);
        assert_eq!(payload(packet, &restored), Some(&b"body"[..]));
        assert_eq!(packet[17], 0x55);
    }

    #[test]
    fn padding_repairs_nothing() {
        let mut packet = vec![0xa0, 96, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 3];
        let header = Header::parse(&packet).unwrap();
        assert_eq!(restore(&mut packet, &header, 100, 99), None);
        let mut packet = vec![0x80, 96, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2];
        let header = Header::parse(&packet).unwrap();
        assert_eq!(restore(&mut packet, &header, 100, 99), None);
    }

    proptest! {
        #[test]
        fn any_packet_is_restored_or_not(mut bytes in proptest::collection::vec(any::<u8>(), 12..80)) {
            bytes[0] = bytes[0] & 0x3f | 0x80;
            if let Some(header) = Header::parse(&bytes)
                && let Some(restored) = restore(&mut bytes, &header, 100, 99)
            {
                prop_assert_eq!(Header::parse(&bytes[OSN..]), Some(restored));
            }
        }
    }
}
