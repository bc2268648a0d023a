//! What lines carry: feedback both ways, padding and probes, and news of it for Python.

use super::Worker;
use super::line::Line;
use crate::congestion::Padding;
use crate::counter::Counter;
use crate::egress::Outgoing;
use crate::rtcp::transport_cc::Feedback;
use crate::rtcp::{self, Builder, Packet};
use crate::rtp::Patch;
use crate::rtp::extension::Values;
use crate::shared::Notice;

const COMPOUND: usize = 1_200;
/// Feedback packets in a row; what is left waits for the next round.
const MOST_FEEDBACK: usize = 4;
const MOST_PADDING: usize = 64;
/// The last byte of padding counts all of it (RFC 3550 §5.1).
const LONGEST_PADDING: usize = 255;
const HEADER: usize = 12;
/// Recent packets of a stream that are repeated in turn.
const REPEATED: u64 = 64;

impl Worker {
    /// A peer tells what arrived of what it was sent; false when that wasn't negotiated.
    pub(super) fn take_transport_wide(&mut self, slot: usize, packet: &Packet) -> bool {
        self.ledger.one(Counter::TransportFeedbackReceived);
        let transport = &mut self.table.transports[slot];
        // Each may tell of 65,535 packets; browsers send twenty a second.
        if !transport.limits.arrivals.take(self.now_ns) {
            self.ledger.one(Counter::FeedbackLimited);
            return true;
        }
        let Some(feedback) = Feedback::parse(packet) else {
            self.ledger.one(Counter::TransportFeedbackMalformed);
            return true;
        };
        transport.congestion.feedback(&feedback, &mut self.scratch.acked, self.now_ns)
    }

    /// A peer tells in REMB what its line carries; false when it isn't REMB.
    pub(super) fn take_bandwidth(&mut self, slot: usize, packet: &Packet) -> bool {
        let Some(bps) = rtcp::bandwidth(packet) else {
            return false;
        };
        self.ledger.one(Counter::BandwidthReceived);
        self.table.transports[slot].congestion.remb_received(bps as f64, self.now_ns);
        true
    }

    /// Tell a sender what arrived, and Python what this peer's line carries.
    pub(super) fn watch_bandwidth(&mut self, slot: usize) {
        for _ in 0..MOST_FEEDBACK {
            if !self.tell_arrivals(slot) {
                break;
            }
        }
        let transport = &mut self.table.transports[slot];
        let rtt_ns = transport.rtt_ns();
        if let Some(line) = transport.congestion.process(rtt_ns, self.now_ns) {
            self.notices.push(Notice::Bandwidth {
                transport: transport.id,
                bits_per_second: line.bps as u64,
                loss: line.loss,
                rtt_ms: line.rtt.map_or(-1.0, |rtt| rtt as f64 / 1e3),
            });
        }
    }

    fn tell_arrivals(&mut self, slot: usize) -> bool {
        let transport = &mut self.table.transports[slot];
        if transport.send.is_none() || !transport.congestion.is_due(self.now_ns) {
            return false;
        }
        let from = transport.local_ssrc;
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        builder.receiver_report(from, &[]);
        let more = transport.congestion.tell(&mut builder, from, self.now_ns);
        if more {
            self.ledger.one(Counter::TransportFeedbackSent);
            self.send_rtcp(slot, builder.bytes());
        }
        more
    }

    /// Send the padding that is due.
    pub(super) fn pad(&mut self, slot: usize) {
        let transport = &mut self.table.transports[slot];
        let Some(Padding { bytes, largest }) = transport.congestion.padding(self.now_ns) else {
            return;
        };
        let Some(key) = self.padded_downtrack(slot) else {
            return;
        };
        let mut left = bytes;
        for _ in 0..MOST_PADDING {
            let sent = match self.repeat(slot, key, largest.max(left.min(LONGEST_PADDING))) {
                0 => self.pad_only(slot, key, left.min(largest)),
                sent => sent,
            };
            let transport = &mut self.table.transports[slot];
            transport.tally.padding_bytes += sent as u64;
            transport.congestion.sent_padding(sent);
            left = left.saturating_sub(sent);
            if sent == 0 || left == 0 {
                return;
            }
        }
    }

    // Padding goes where repairs go: best of a video that has sent something to repeat.
    fn padded_downtrack(&self, slot: usize) -> Option<usize> {
        let downtracks = self.table.transports[slot].downtracks.iter();
        let able = downtracks
            .filter(|(_, downtrack)| downtrack.slot.rtx_ssrc != 0 && downtrack.history.is_some());
        able.max_by_key(|(_, downtrack)| downtrack.packets > 0).map(|(key, _)| key)
    }

    // Send a recent packet once more; who lost it can use it. The bytes sent.
    fn repeat(&mut self, slot: usize, key: usize, largest: usize) -> usize {
        let transport = &mut self.table.transports[slot];
        let Some(downtrack) = transport.downtracks.get_mut(key) else {
            return 0;
        };
        let sender = downtrack.sender;
        downtrack.repeated = (downtrack.repeated + 1) % REPEATED;
        let wanted = downtrack
            .projection
            .highest()
            .and_then(|highest| highest.checked_sub(downtrack.repeated));
        let departed = wanted.and_then(|index| downtrack.departed(index as u16).copied());
        let Some(departed) = departed else {
            return 0;
        };
        let Some((to, from)) = self.table.transports.get2_mut(slot, sender) else {
            return 0;
        };
        let Some(packet) = super::repair::cached(from, &departed, self.now_ns) else {
            return 0;
        };
        // Only as RTX: the very same packet again has no number of its own, so nobody tells of it.
        let types = to.payload_types.as_ref();
        let rtx = types.and_then(|types| types.repairing(*packet.get(1)?));
        if packet.len() > largest || rtx.is_none() {
            return 0;
        }
        let (outbox, sockets) = (&mut self.outbox, &mut self.sockets);
        let line = Line::new(to, slot, outbox, sockets, &mut self.ledger, self.now_ns);
        let values = from.extensions.unwrap_or_default();
        let Some(mut line) = line else {
            return 0;
        };
        if !line.repair(key, &departed, packet, &values) {
            return 0;
        }
        line.ledger.one(Counter::PaddingRepeats);
        packet.len()
    }

    // Send a packet of nothing but padding on the RTX SSRC. The bytes sent.
    fn pad_only(&mut self, slot: usize, key: usize, bytes: usize) -> usize {
        let transport = &mut self.table.transports[slot];
        let types = transport.payload_types.as_ref();
        let payload_type = types.and_then(|types| types.any_rtx());
        let (Some(payload_type), Some(downtrack)) =
            (payload_type, transport.downtracks.get_mut(key))
        else {
            return 0;
        };
        let padding = bytes.clamp(1, LONGEST_PADDING);
        let mut packet = [0; HEADER + LONGEST_PADDING];
        packet[..2].copy_from_slice(&[0xa0, payload_type]);
        packet[HEADER + padding - 1] = padding as u8;
        let (index, seat) = (downtrack.take_rtx_index(), downtrack.slot);
        let outgoing = Outgoing {
            packet: &packet[..HEADER + padding],
            header_len: HEADER,
            ssrc: seat.rtx_ssrc,
            sequence: index as u16,
            timestamp: downtrack.projection.timestamp(),
            patch: Patch::default(),
            repair: None,
            whole: false,
        };
        let (outbox, sockets) = (&mut self.outbox, &mut self.sockets);
        let line = Line::new(transport, slot, outbox, sockets, &mut self.ledger, self.now_ns);
        let Some(mut line) = line else {
            return 0;
        };
        line.send(&outgoing, index, &Values::default(), seat.mid.bytes(), None);
        line.ledger.one(Counter::PaddingPackets);
        HEADER + padding
    }
}
