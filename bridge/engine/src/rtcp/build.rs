//! Writing RTCP into a fixed buffer: what doesn't fit is refused, never cut.

use super::parse::{Nack, ReportBlock};
use super::{format, kind, transport_cc};

/// Builds one compound packet in place.
pub struct Builder<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Builder<'a> {
    /// An empty compound in `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What has been written.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// A receiver report with up to 31 blocks; no blocks make the empty one that must come first.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> bool {
        let blocks = &blocks[..blocks.len().min(31)];
        if !self.begin(kind::RECEIVER_REPORT, blocks.len() as u8, 1 + 6 * blocks.len()) {
            return false;
        }
        self.word(ssrc);
        for block in blocks {
            self.report(block);
        }
        true
    }

    /// A sender report; `ntp` is 32.32, `blocks` at most 31.
    pub fn sender_report(
        &mut self,
        ssrc: u32,
        ntp: u64,
        sent: &Sent,
        blocks: &[ReportBlock],
    ) -> bool {
        let blocks = &blocks[..blocks.len().min(31)];
        if !self.begin(kind::SENDER_REPORT, blocks.len() as u8, 6 + 6 * blocks.len()) {
            return false;
        }
        for word in
            [ssrc, (ntp >> 32) as u32, ntp as u32, sent.rtp_timestamp, sent.packets, sent.bytes]
        {
            self.word(word);
        }
        for block in blocks {
            self.report(block);
        }
        true
    }

    /// A picture loss indication (RFC 4585 §6.3.1).
    pub fn picture_loss(&mut self, sender: u32, media: u32) -> bool {
        self.begin(kind::PAYLOAD_FEEDBACK, format::PICTURE_LOSS, 2) && {
            self.word(sender);
            self.word(media);
            true
        }
    }

    /// A full intra request (RFC 5104 §4.3.1).
    pub fn full_intra(&mut self, sender: u32, media: u32, number: u8) -> bool {
        self.begin(kind::PAYLOAD_FEEDBACK, format::FULL_INTRA, 4) && {
            for word in [sender, 0, media, u32::from(number) << 24] {
                self.word(word);
            }
            true
        }
    }

    /// A generic NACK (RFC 4585 §6.2.1).
    pub fn nack(&mut self, sender: u32, media: u32, entries: &[Nack]) -> bool {
        self.begin(kind::TRANSPORT_FEEDBACK, format::NACK, 2 + entries.len()) && {
            self.word(sender);
            self.word(media);
            for entry in entries {
                self.word(u32::from(entry.first) << 16 | u32::from(entry.following));
            }
            true
        }
    }

    /// A REMB (draft-alvestrand-rmcat-remb-03 §2.2) about up to 255 sources.
    pub fn bandwidth(&mut self, sender: u32, bits_per_second: u64, sources: &[u32]) -> bool {
        let sources = &sources[..sources.len().min(255)];
        let exponent = 64 - (bits_per_second >> 18).leading_zeros();
        let mantissa = (bits_per_second >> exponent) as u32;
        self.begin(kind::PAYLOAD_FEEDBACK, format::APPLICATION, 4 + sources.len()) && {
            self.word(sender);
            self.word(0);
            self.word(u32::from_be_bytes(*b"REMB"));
            self.word((sources.len() as u32) << 24 | exponent << 18 | mantissa);
            for &ssrc in sources {
                self.word(ssrc);
            }
            true
        }
    }

    /// Transport-wide feedback about the packets from `first` on; see `transport_cc`.
    pub fn transport_wide(
        &mut self,
        sender: u32,
        media: u32,
        first: &transport_cc::Base,
        ticks: &[Option<i32>],
    ) -> bool {
        let len = 16 + transport_cc::body_len(ticks);
        let words = len.div_ceil(4);
        let count = ticks.len().min(usize::from(u16::MAX));
        if !self.begin(kind::TRANSPORT_FEEDBACK, format::TRANSPORT_WIDE, words) {
            return false;
        }
        let start = self.len - 4;
        for word in [
            sender,
            media,
            u32::from(first.sequence) << 16 | count as u32,
            (first.reference as u32) << 8 | u32::from(first.number),
        ] {
            self.word(word);
        }
        let end = start + 4 + 4 * words;
        self.buffer[self.len..end].fill(0);
        transport_cc::write(&mut self.buffer[self.len..end], ticks);
        let padding = 4 * words - len;
        if padding > 0 {
            self.buffer[start] |= 0x20;
            self.buffer[end - 1] = padding as u8;
        }
        self.len = end;
        true
    }

    /// A source description with nothing but a CNAME of at most 32 bytes.
    pub fn description(&mut self, ssrc: u32, cname: &[u8]) -> bool {
        let cname = &cname[..cname.len().min(32)];
        // SSRC, type and length, text, and at least one zero to end the list.
        let words = (4 + 2 + cname.len() + 1).div_ceil(4);
        self.begin(kind::DESCRIPTION, 1, words) && {
            let end = self.len + 4 * words;
            self.word(ssrc);
            self.buffer[self.len..end].fill(0);
            self.buffer[self.len] = 1;
            self.buffer[self.len + 1] = cname.len() as u8;
            self.buffer[self.len + 2..self.len + 2 + cname.len()].copy_from_slice(cname);
            self.len = end;
            true
        }
    }

    fn begin(&mut self, kind: u8, count: u8, words: usize) -> bool {
        if self.buffer.len() - self.len < 4 + 4 * words {
            return false;
        }
        self.word(u32::from(0x80 | count) << 24 | u32::from(kind) << 16 | words as u32);
        true
    }

    fn report(&mut self, block: &ReportBlock) {
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        for word in [
            block.ssrc,
            u32::from(block.fraction_lost) << 24 | lost,
            block.highest,
            block.jitter,
            block.last_sr,
            block.delay,
        ] {
            self.word(word);
        }
    }

    fn word(&mut self, word: u32) {
        self.buffer[self.len..self.len + 4].copy_from_slice(&word.to_be_bytes());
        self.len += 4;
    }
}

/// What a sender report says was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub rtp_timestamp: u32,
    pub packets: u32,
    pub bytes: u32,
}

#[cfg(test)]
mod tests {
    use super::super::parse::{Nack, Packets, ReportBlock, bandwidth, fir_targets, nacks};
    use super::{Builder, Sent};

    #[test]
    fn what_is_built_is_read_back() {
        let block = ReportBlock {
            ssrc: 9,
            fraction_lost: 3,
            lost: -2,
            highest: 70_000,
            jitter: 4,
            last_sr: 5,
            delay: 6,
        };
        let entries = [Nack { first: 7, following: 5 }];
        let mut buffer = [0; 512];
        let mut builder = Builder::new(&mut buffer);
        assert!(builder.sender_report(1, 2 << 32 | 3, &Sent::default(), &[block]));
        assert!(builder.receiver_report(1, &[block, block]));
        assert!(builder.description(1, b"octofleet"));
        assert!(builder.picture_loss(1, 9));
        assert!(builder.full_intra(1, 9, 4));
        assert!(builder.nack(1, 9, &entries));
        assert!(builder.bandwidth(1, 3_000_000, &[9]));
        let packets: Vec<_> = Packets::new(builder.bytes()).map(Result::unwrap).collect();
        assert_eq!(packets.len(), 7);
        assert_eq!(packets[0].reports().collect::<Vec<_>>(), [block]);
        assert_eq!(packets[1].reports().collect::<Vec<_>>(), [block, block]);
        assert_eq!(fir_targets(&packets[4]).collect::<Vec<_>>(), [9]);
        assert_eq!(nacks(&packets[5]).collect::<Vec<_>>(), entries);
        assert_eq!(bandwidth(&packets[6]), Some(3_000_000));
    }

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let mut buffer = [0; 11];
        let mut builder = Builder::new(&mut buffer);
        assert!(!builder.picture_loss(1, 2));
        assert!(builder.is_empty());
    }
}
