//! Making an outgoing packet of a plain one: header, extensions, the payload's numbers.

use crate::rtp::Patch;
use crate::rtp::extension::{self, Span, Stamps, Values};
use crate::rtp::{Extensions, Header, rtx};
use crate::srtp::MAX_OVERHEAD;

/// What a packet may grow by on its way: extensions, original sequence number, protection.
pub const GROWTH: usize = extension::MOST_WRITTEN + rtx::OSN + MAX_OVERHEAD;

/// What a packet was stamped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamped {
    pub abs_send_time: u32,
    pub transport_cc: u16,
}

/// One packet to be written.
pub struct Outgoing<'a> {
    /// The plain packet as it came.
    pub packet: &'a [u8],
    /// Bytes of it up to the payload.
    pub header_len: usize,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub patch: Patch,
    /// Of a repair: its payload type, and the original sequence number.
    pub repair: Option<(u8, u16)>,
    /// To a relay: what the sender says of its layers goes along.
    pub whole: bool,
}

impl Outgoing<'_> {
    /// Write the packet to the front of `out`; return the lengths of header and whole.
    ///
    /// Without negotiated extensions, those of the packet are kept as they are. `out` must have
    /// `GROWTH` bytes more than the packet.
    #[inline]
    pub fn write(
        &self,
        out: &mut [u8],
        extensions: Option<&Extensions>,
        stamps: &Stamps<'_>,
    ) -> (usize, usize) {
        let mut at = match extensions {
            None => {
                out[..self.header_len].copy_from_slice(&self.packet[..self.header_len]);
                self.header_len
            }
            Some(extensions) => self.write_header(out, extensions, stamps),
        };
        Header::rewrite(out, self.ssrc, self.sequence, self.timestamp);
        if self.patch.marker {
            out[1] |= 0x80;
        }
        let header_len = at;
        if let Some((payload_type, original)) = self.repair {
            out[1] = out[1] & 0x80 | payload_type;
            out[at..at + rtx::OSN].copy_from_slice(&original.to_be_bytes());
            at += rtx::OSN;
        }
        let payload = &self.packet[self.header_len..];
        let len = at + payload.len();
        out[at..len].copy_from_slice(payload);
        self.patch.apply(&mut out[at..len]);
        (header_len, len)
    }

    #[inline]
    fn write_header(&self, out: &mut [u8], extensions: &Extensions, stamps: &Stamps<'_>) -> usize {
        let base = Header::base_len(self.packet);
        out[..base].copy_from_slice(&self.packet[..base]);
        let block = extension::write(&mut out[base..], extensions, stamps);
        out[0] = if block == 0 { out[0] & !0x10 } else { out[0] | 0x10 };
        base + block
    }
}

/// The stamps of a packet: what it carried itself, and what every packet to this peer gets.
#[inline]
pub fn stamps<'a>(
    outgoing: &Outgoing<'a>,
    values: &Values,
    mid: &'a [u8],
    stamped: Stamped,
) -> Stamps<'a> {
    let copied = |span: Span| if outgoing.whole { span.within(outgoing.packet) } else { &[] };
    Stamps {
        audio_level: values.audio_level,
        video_orientation: values.video_orientation,
        abs_send_time: Some(stamped.abs_send_time),
        transport_cc: Some(stamped.transport_cc),
        mid,
        descriptor: copied(values.descriptor),
        layers: copied(values.layers),
    }
}

#[cfg(test)]
mod tests {
    use super::{GROWTH, Outgoing, Stamped, stamps};
    use crate::rtp::Patch;
    use crate::rtp::extension::Values;
    use crate::rtp::{Extension, Extensions, Header, payload};

    fn packet() -> Vec<u8> {
        let mut packet = vec![0x91, 0xe0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7, 1, 1, 1, 1];
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0]);
        packet.extend_from_slice(b"body");
        packet
    }

    fn outgoing(packet: &[u8], repair: Option<(u8, u16)>) -> Outgoing<'_> {
        let header_len = Header::parse(packet).unwrap().len;
        Outgoing {
            packet,
            header_len,
            ssrc: 99,
            sequence: 600,
            timestamp: 70,
            patch: Patch::default(),
            repair,
            whole: false,
        }
    }

    fn stamped(transport_cc: u16) -> Stamped {
        Stamped { abs_send_time: 77, transport_cc }
    }

    #[test]
    fn only_what_was_negotiated_is_stamped() {
        let packet = packet();
        let mut extensions = Extensions::default();
        extensions.set(Extension::AudioLevel, 3);
        extensions.set(Extension::TransportCc, 4);
        let values = Values { audio_level: Some(0x80 | 20), ..Values::default() };
        let mut out = vec![0; packet.len() + GROWTH];
        let media = outgoing(&packet, None);
        let stamps = stamps(&media, &values, b"v0", stamped(0x1234));
        let (header_len, len) = media.write(&mut out, Some(&extensions), &stamps);
        let header = Header::parse(&out[..len]).unwrap();
        assert_eq!((header.len, header.ssrc, header.sequence), (header_len, 99, 600));
        assert_eq!(payload(&out[..len], &header), Some(&b"body"[..]));
        let read = extensions.read(&out[..header_len]);
        assert_eq!((read.audio_level, read.transport_cc), (Some(0x80 | 20), Some(0x1234)));
        assert_eq!(out[12..16], [1; 4]);
    }

    #[test]
    fn a_peer_without_extensions_gets_none() {
        let packet = packet();
        let mut out = vec![0; packet.len() + GROWTH];
        let stamps = stamps(&outgoing(&packet, None), &Values::default(), b"", stamped(1));
        let none = Extensions::default();
        let (header_len, len) = outgoing(&packet, None).write(&mut out, Some(&none), &stamps);
        assert_eq!((header_len, len, out[0]), (16, 20, 0x81));
        let (header_len, len) = outgoing(&packet, None).write(&mut out, None, &stamps);
        assert_eq!((header_len, len, out[0]), (24, 28, 0x91));
    }

    #[test]
    fn a_repair_carries_the_original_number() {
        let packet = packet();
        let mut out = vec![0; packet.len() + GROWTH];
        let repair = outgoing(&packet, Some((97, 0xabcd)));
        let stamps = stamps(&repair, &Values::default(), b"", stamped(1));
        let (header_len, len) = repair.write(&mut out, Some(&Extensions::default()), &stamps);
        assert_eq!(&out[header_len..len], b"\xab\xcdbody");
        assert_eq!(out[1], 0x80 | 97);
    }
}
