//! Reading compound RTCP (RFC 3550 §6, RFC 4585 §6). Total on any input.

/// The compound packet isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A 32-bit word of a packet.
pub type Word = u32;

/// One packet of a compound, padding removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub kind: u8,
    /// Count of report blocks, or feedback format.
    pub count: u8,
    /// What follows the 4-byte header; whole words, but for oddly padded packets.
    pub body: &'a [u8],
}

/// Iterator over the packets of a compound; stops after the first malformed one.
pub struct Packets<'a>(&'a [u8]);

impl<'a> Packets<'a> {
    /// The packets of `compound`.
    pub fn new(compound: &'a [u8]) -> Self {
        Self(compound)
    }

    fn split(&mut self) -> Option<Packet<'a>> {
        let header: &[u8; 4] = self.0.first_chunk()?;
        let len = 4 * (1 + usize::from(u16::from_be_bytes([header[2], header[3]])));
        if header[0] >> 6 != 2 || len > self.0.len() {
            return None;
        }
        let (packet, rest) = self.0.split_at(len);
        let padding = if header[0] & 0x20 != 0 { usize::from(packet[len - 1]) } else { 0 };
        // RFC 3550 wants whole words of padding; libwebrtc's transport-wide feedback pads with fewer.
        if padding > len - 4 || (header[0] & 0x20 != 0 && padding == 0) {
            return None;
        }
        self.0 = rest;
        Some(Packet { kind: header[1], count: header[0] & 0x1f, body: &packet[4..len - padding] })
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        match self.split() {
            Some(packet) => Some(Ok(packet)),
            None => {
                self.0 = &[];
                Some(Err(Malformed))
            }
        }
    }
}

/// What a receiver says of one stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: u32,
    pub fraction_lost: u8,
    pub lost: i32,
    pub highest: u32,
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last SR.
    pub last_sr: u32,
    /// Since that SR, 1/65536 s.
    pub delay: u32,
}

impl<'a> Packet<'a> {
    /// The word at `at`, counted in words after the header.
    pub fn word(&self, at: usize) -> Option<Word> {
        self.body.get(4 * at..)?.first_chunk().map(|bytes| Word::from_be_bytes(*bytes))
    }

    /// The report blocks of an SR or RR, as far as they fit.
    pub fn reports(&self) -> impl Iterator<Item = ReportBlock> + 'a {
        let start = if self.kind == super::kind::SENDER_REPORT { 24 } else { 4 };
        let body = self.body.get(start..).unwrap_or_default();
        body.chunks_exact(24).take(self.count.into()).map(report)
    }
}

fn report(block: &[u8]) -> ReportBlock {
    let word = |at: usize| words(block).nth(at).unwrap_or_default();
    ReportBlock {
        ssrc: word(0),
        fraction_lost: block[4],
        // A signed number of 24 bits.
        lost: ((word(1) << 8) as i32) >> 8,
        highest: word(2),
        jitter: word(3),
        last_sr: word(4),
        delay: word(5),
    }
}

/// The whole words of `body`.
pub fn words(body: &[u8]) -> impl Iterator<Item = Word> + '_ {
    body.chunks_exact(4).map(|word| Word::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

/// One entry of a generic NACK: a sequence number and a bitmap of the 16 after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    pub first: u16,
    pub following: u16,
}

impl Nack {
    /// All sequence numbers named.
    pub fn sequences(self) -> impl Iterator<Item = u16> {
        let following = (0..16).filter(move |bit| self.following & 1 << bit != 0);
        std::iter::once(self.first)
            .chain(following.map(move |bit| self.first.wrapping_add(bit + 1)))
    }

    /// Add a sequence number to entries in ascending order: 17 in a row share one.
    pub fn append(entries: &mut Vec<Self>, sequence: u16) {
        if let Some(last) = entries.last_mut() {
            let distance = sequence.wrapping_sub(last.first);
            if (1..=16).contains(&distance) {
                last.following |= 1 << (distance - 1);
                return;
            }
        }
        entries.push(Self { first: sequence, following: 0 });
    }
}

/// The entries of a generic NACK.
pub fn nacks<'a>(packet: &Packet<'a>) -> impl Iterator<Item = Nack> + 'a {
    words(packet.body.get(8..).unwrap_or_default())
        .map(|word| Nack { first: (word >> 16) as u16, following: word as u16 })
}

/// Bits a second that a REMB tells (draft-alvestrand-rmcat-remb-03 §2.2); `None` if it isn't one.
pub fn bandwidth(packet: &Packet<'_>) -> Option<u64> {
    if packet.word(2)? != u32::from_be_bytes(*b"REMB") {
        return None;
    }
    let word = packet.word(3)?;
    let (exponent, mantissa) = (word >> 18 & 0x3f, u64::from(word & 0x3_ffff));
    Some(
        mantissa
            .checked_shl(exponent)
            .filter(|bps| bps >> exponent == mantissa)
            .unwrap_or(u64::MAX),
    )
}

/// The SSRCs that a FIR names.
pub fn fir_targets<'a>(packet: &Packet<'a>) -> impl Iterator<Item = u32> + 'a {
    words(packet.body.get(8..).unwrap_or_default()).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::{Nack, Packets, bandwidth, fir_targets, nacks};
    use proptest::prelude::*;

    #[test]
    fn a_nack_names_its_followers() {
        let nack = Nack { first: 65_535, following: 0b1000_0000_0000_0001 };
        assert_eq!(nack.sequences().collect::<Vec<_>>(), [65_535, 0, 15]);
    }

    #[test]
    fn padding_is_taken_off() {
        let compound = [0xa0, 201, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
        let packet = Packets::new(&compound).next().unwrap().unwrap();
        assert_eq!(packet.body, [0, 0, 0, 7]);
        let odd = [0xaf, 205, 0, 2, 0, 0, 0, 7, 9, 0, 0, 3];
        assert_eq!(Packets::new(&odd).next().unwrap().unwrap().body, [0, 0, 0, 7, 9]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for packet in Packets::new(&bytes).flatten() {
                let _ = (packet.reports().count(), nacks(&packet).count(), bandwidth(&packet));
                prop_assert!(fir_targets(&packet).count() <= bytes.len());
            }
        }

        #[test]
        fn nearly_right_packets_are_read_to_the_end(
            kind in 200u8..=207, count in 0u8..32, words in 0u16..12,
            body in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut bytes = vec![0x80 | count, kind, (words >> 8) as u8, words as u8];
            bytes.extend_from_slice(&body);
            for packet in Packets::new(&bytes).flatten() {
                let _ = (packet.reports().count(), nacks(&packet).count(), fir_targets(&packet).count());
            }
        }
    }
}
