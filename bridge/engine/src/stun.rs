//! The part of STUN (RFC 8489) that keeps consent alive: check a Binding request, answer it.

use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::net::{IpAddr, SocketAddr};

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// Room an answer needs: header, XOR-MAPPED-ADDRESS (v6), MESSAGE-INTEGRITY, FINGERPRINT.
pub const MAX_ANSWER: usize = HEADER + 24 + 24 + 8;

/// What a well-formed message says, as far as consent needs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub kind: u16,
    pub transaction: [u8; 12],
    pub username: Option<&'a [u8]>,
    pub use_candidate: bool,
    /// Where MESSAGE-INTEGRITY starts, and its value.
    integrity: Option<(usize, &'a [u8])>,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parse a datagram; `None` unless it is exactly one well-formed message.
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = data.first_chunk()?;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let cookie = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if header[0] > 3 || cookie != COOKIE || len % 4 != 0 || HEADER + len != data.len() {
            return None;
        }
        let mut message = Self {
            kind: u16::from_be_bytes([header[0], header[1]]),
            transaction: header[8..].try_into().ok()?,
            username: None,
            use_candidate: false,
            integrity: None,
            data,
        };
        message.attributes()?;
        Some(message)
    }

    fn attributes(&mut self) -> Option<()> {
        let mut at = HEADER;
        while at < self.data.len() {
            let head: &[u8; 4] = self.data[at..].first_chunk()?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = self.data.get(at + 4..at + 4 + len)?;
            match kind {
                FINGERPRINT => return self.check_fingerprint(at, value),
                // Whatever follows the integrity is not covered by it.
                _ if self.integrity.is_some() => {}
                USERNAME => self.username = Some(value),
                USE_CANDIDATE => self.use_candidate = true,
                MESSAGE_INTEGRITY if len == 20 => self.integrity = Some((at, value)),
                MESSAGE_INTEGRITY => return None,
                _ => {}
            }
            at += 4 + len.next_multiple_of(4);
        }
        Some(())
    }

    fn check_fingerprint(&self, at: usize, value: &[u8]) -> Option<()> {
        let wanted = crc32(&self.data[..at]) ^ FINGERPRINT_XOR;
        (at + 8 == self.data.len() && value == wanted.to_be_bytes()).then_some(())
    }

    /// Whether this is a Binding request.
    pub fn is_binding_request(&self) -> bool {
        self.kind == BINDING_REQUEST
    }

    /// Whether USERNAME is addressed to this local fragment.
    pub fn is_for(&self, local_ufrag: &str) -> bool {
        self.username
            .and_then(|name| name.strip_prefix(local_ufrag.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&b':'))
    }

    /// Whether MESSAGE-INTEGRITY is there and right, in constant time.
    pub fn is_authentic(&self, key: &[u8]) -> bool {
        let Some((at, value)) = self.integrity else {
            return false;
        };
        let mut mac = hmac(key);
        mac.update(&self.data[..2]);
        // The length field as it was when only the integrity followed (RFC 8489 §14.5).
        mac.update(&((at + 24 - HEADER) as u16).to_be_bytes());
        mac.update(&self.data[4..at]);
        mac.verify_slice(value).is_ok()
    }
}

/// Write the success response to a Binding request; return its length.
///
/// `out` must have `MAX_ANSWER` bytes.
pub fn answer(out: &mut [u8], transaction: &[u8; 12], peer: SocketAddr, key: &[u8]) -> usize {
    out[..2].copy_from_slice(&BINDING_SUCCESS.to_be_bytes());
    out[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    out[8..HEADER].copy_from_slice(transaction);
    let mut len = HEADER + write_mapped(&mut out[HEADER..], transaction, peer);
    set_length(out, len + 24);
    let mut mac = hmac(key);
    mac.update(&out[..len]);
    put_head(&mut out[len..], MESSAGE_INTEGRITY, 20);
    out[len + 4..len + 24].copy_from_slice(&mac.finalize().into_bytes());
    len += 24;
    set_length(out, len + 8);
    let fingerprint = crc32(&out[..len]) ^ FINGERPRINT_XOR;
    put_head(&mut out[len..], FINGERPRINT, 4);
    out[len + 4..len + 8].copy_from_slice(&fingerprint.to_be_bytes());
    len + 8
}

fn write_mapped(out: &mut [u8], transaction: &[u8; 12], peer: SocketAddr) -> usize {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    let mut address = [0; 16];
    let (family, len) = match peer.ip() {
        IpAddr::V4(ip) => {
            address[..4].copy_from_slice(&ip.octets());
            (1, 4)
        }
        IpAddr::V6(ip) => {
            address = ip.octets();
            (2, 16)
        }
    };
    put_head(out, XOR_MAPPED_ADDRESS, 4 + len as u16);
    out[4..6].copy_from_slice(&[0, family]);
    out[6..8].copy_from_slice(&(peer.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    for (at, (byte, with)) in address.iter().zip(mask).take(len).enumerate() {
        out[8 + at] = byte ^ with;
    }
    8 + len
}

fn put_head(out: &mut [u8], kind: u16, len: u16) {
    out[..2].copy_from_slice(&kind.to_be_bytes());
    out[2..4].copy_from_slice(&len.to_be_bytes());
}

fn set_length(out: &mut [u8], len: usize) {
    out[2..4].copy_from_slice(&((len - HEADER) as u16).to_be_bytes());
}

fn hmac(key: &[u8]) -> Hmac<Sha1> {
    <Hmac<Sha1> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn crc32(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in data {
        crc = (crc >> 8) ^ CRC_TABLE[usize::from(crc as u8 ^ byte)];
    }
    !crc
}

const CRC_TABLE: [u32; 256] = crc_table();

const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{MAX_ANSWER, Message, answer};
    use proptest::prelude::*;

    /// RFC 5769 §2.1, the sample request.
    const REQUEST: [u8; 108] = [
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6,
        0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74,
        0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e,
        0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
        0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20,
        0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
        0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5,
        0x7a, 0x3b, 0xcf,
    ];
    const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_sample_request_of_the_rfc_is_authentic() {
        let message = Message::parse(&REQUEST).unwrap();
        assert!(message.is_binding_request() && !message.use_candidate);
        assert!(message.is_for("evtj") && !message.is_for("evt") && !message.is_for("evtj:h"));
        assert!(message.is_authentic(PASSWORD));
        assert!(!message.is_authentic(b"wrong"));
    }

    #[test]
    fn answers_are_authentic_messages() {
        for peer in ["192.0.2.1:32853", "[2001:db8::1]:32853"] {
            let mut out = [0; MAX_ANSWER];
            let len = answer(&mut out, &[7; 12], peer.parse().unwrap(), PASSWORD);
            let message = Message::parse(&out[..len]).unwrap();
            assert_eq!((message.kind, message.transaction), (0x0101, [7; 12]));
            assert!(message.is_authentic(PASSWORD));
        }
    }

    proptest! {
        #[test]
        fn mutated_messages_are_not_authentic(at in 0usize..100, byte: u8, cut in 0usize..108) {
            let mut data = REQUEST.to_vec();
            data[at] = byte;
            if let Some(message) = Message::parse(&data) {
                prop_assert!(data == REQUEST || !message.is_authentic(PASSWORD));
            }
            let _ = Message::parse(&data[..cut]);
        }

        #[test]
        fn noise_behind_a_good_header_parses_or_not(words in proptest::collection::vec(any::<u32>(), 0..30)) {
            let mut data = REQUEST[..20].to_vec();
            data[3] = 4 * words.len() as u8;
            data.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            if let Some(message) = Message::parse(&data) {
                prop_assert!(!message.is_authentic(PASSWORD));
            }
        }
    }
}
