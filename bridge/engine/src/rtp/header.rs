//! The RTP header (RFC 3550 §5.1), CSRC list and extension included. Total on any input.

const FIXED: usize = 12;

/// What the forwarder needs to know of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bytes up to the payload: fixed part, CSRCs, extension.
    pub len: usize,
    pub padding: bool,
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl Header {
    /// Parse the header of a (protected or plain) packet.
    #[inline]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; FIXED] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut len = FIXED + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let words: &[u8; 2] = packet.get(len + 2..)?.first_chunk()?;
            len += 4 + 4 * usize::from(u16::from_be_bytes(*words));
        }
        (len <= packet.len()).then_some(Self {
            len,
            padding: fixed[0] & 0x20 != 0,
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        })
    }

    /// Length of the part before the extension: fixed part and CSRCs.
    #[inline]
    pub fn base_len(packet: &[u8]) -> usize {
        FIXED + 4 * usize::from(packet.first().map_or(0, |first| first & 0x0f))
    }

    /// Overwrite what forwarding changes.
    #[inline]
    pub fn rewrite(packet: &mut [u8], ssrc: u32, sequence: u16, timestamp: u32) {
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    }
}

/// The payload of a decrypted packet without its padding; `None` when the padding lies.
pub fn payload<'a>(packet: &'a [u8], header: &Header) -> Option<&'a [u8]> {
    let body = packet.get(header.len..)?;
    if !header.padding {
        return Some(body);
    }
    let padding = usize::from(*body.last()?);
    if padding == 0 {
        return None;
    }
    body.get(..body.len().checked_sub(padding)?)
}

#[cfg(test)]
mod tests {
    use super::{Header, payload};
    use proptest::prelude::*;

    #[test]
    fn csrcs_and_extension_belong_to_the_header() {
        let mut packet = vec![0x92, 0xe0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7];
        packet.extend_from_slice(&[0; 8]);
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0, 0, 0]);
        packet.extend_from_slice(b"body");
        let header = Header::parse(&packet).unwrap();
        assert_eq!((header.len, header.sequence, header.ssrc), (28, 5, 7));
        assert!(header.marker);
        assert_eq!(payload(&packet, &header), Some(&b"body"[..]));
    }

    #[test]
    fn an_extension_beyond_the_packet_is_refused() {
        let packet = [0x90, 96, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7, 0xbe, 0xde, 0, 1];
        assert_eq!(Header::parse(&packet), None);
    }

    #[test]
    fn padding_longer_than_the_payload_is_refused() {
        let packet = [0xa0, 96, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7, 1, 9];
        let header = Header::parse(&packet).unwrap();
        assert_eq!(payload(&packet, &header), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_not_but_never_beyond_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(header) = Header::parse(&bytes) {
                prop_assert!(header.len <= bytes.len());
                let _ = payload(&bytes, &header);
            }
        }
    }
}
