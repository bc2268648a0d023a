//! RTCP from peers: reports end here or go on to receivers, requests go to the source they name.

use super::Worker;
use crate::counter::Counter;
use crate::instruction::{TransportId, cname};
use crate::net::Batch;
use crate::projection::SenderTime;
use crate::rtcp::{self, Builder, Packet, Packets, Sent, format, kind};
use crate::shared::Notice;
use crate::source::Target;
use crate::srtp::Refusal;

const COMPOUND: usize = 512;

impl Worker {
    /// Unprotect a compound packet and act on its parts.
    pub(super) fn take_rtcp(&mut self, slot: usize, batch: &mut Batch, at: usize, len: usize) {
        let transport = &mut self.table.transports[slot];
        let Some(receive) = &mut transport.receive else {
            return self.ledger.one(Counter::DroppedNoKeys);
        };
        let len = match receive.rtcp(batch.data_mut(at, len)) {
            Ok(len) => len,
            Err(Refusal::NotAuthentic) => return self.ledger.one(Counter::DroppedSrtcpAuth),
            Err(Refusal::TooManyStreams) => return self.ledger.one(Counter::DroppedSourceLimit),
            Err(_) => return self.ledger.one(Counter::DroppedReplayed),
        };
        self.ledger.one(Counter::RtcpReceived);
        let compound = batch.data(at, len);
        if Packets::new(compound).any(|packet| packet.is_err()) {
            return self.ledger.one(Counter::DroppedMalformedRtcp);
        }
        // Reports and descriptions that name nobody are routine; anything else may be policy's.
        let (mut known, mut telling) = (false, false);
        for packet in Packets::new(compound).flatten() {
            known |= self.take_packet(slot, &packet);
            telling |= packet.kind > kind::GOODBYE;
        }
        if telling && !known {
            self.report_rtcp(slot, compound);
        }
    }

    fn report_rtcp(&mut self, slot: usize, compound: &[u8]) {
        let transport = &mut self.table.transports[slot];
        if !transport.limits.rtcp_events.take(self.now_ns) {
            return self.ledger.one(Counter::FeedbackLimited);
        }
        self.ledger.one(Counter::RtcpReported);
        self.notices.push(Notice::Rtcp { transport: transport.id, data: compound.to_vec() });
    }

    /// Act on one packet; false when it named nothing we know.
    fn take_packet(&mut self, slot: usize, packet: &Packet) -> bool {
        match (packet.kind, packet.count) {
            (kind::SENDER_REPORT, _) => {
                self.take_sender_report(slot, packet) | self.take_reports(slot, packet)
            }
            (kind::RECEIVER_REPORT, _) => self.take_reports(slot, packet),
            (kind::GOODBYE, _) => {
                self.ledger.one(Counter::ByesReceived);
                // Sources end when signalling says so; a BYE alone changes nothing.
                true
            }
            (kind::TRANSPORT_FEEDBACK, format::NACK) => self.take_nack(slot, packet),
            (kind::TRANSPORT_FEEDBACK, format::TRANSPORT_WIDE) => {
                self.take_transport_wide(slot, packet)
            }
            (kind::PAYLOAD_FEEDBACK, format::APPLICATION) => self.take_bandwidth(slot, packet),
            (kind::PAYLOAD_FEEDBACK, format::PICTURE_LOSS) => {
                self.ledger.one(Counter::PliReceived);
                packet.word(1).is_some_and(|ssrc| self.want_keyframe(slot, ssrc))
            }
            (kind::PAYLOAD_FEEDBACK, format::FULL_INTRA) => {
                self.ledger.one(Counter::FirReceived);
                let mut known = false;
                for ssrc in rtcp::fir_targets(packet) {
                    known |= self.want_keyframe(slot, ssrc);
                }
                known
            }
            _ => false,
        }
    }

    fn take_reports(&mut self, slot: usize, packet: &Packet) -> bool {
        let transport = &mut self.table.transports[slot];
        let mut known = false;
        for block in packet.reports() {
            let downtrack = transport.by_out_ssrc.get(&block.ssrc).copied();
            let stream = transport.streams.iter_mut().find(|stream| stream.ssrc == block.ssrc);
            if let Some(downtrack) = downtrack.and_then(|key| transport.downtracks.get_mut(key)) {
                downtrack.remote.report(&block, self.now_ns);
                known = true;
            } else if let Some(stream) = stream {
                stream.remote.report(&block, self.now_ns);
                known = true;
            }
        }
        known
    }

    /// Note a sender's report and pass it on to the source's receivers.
    fn take_sender_report(&mut self, slot: usize, packet: &Packet) -> bool {
        let words = [0, 1, 2, 3].map(|at| packet.word(at));
        let [Some(ssrc), Some(high), Some(low), Some(rtp_timestamp)] = words else {
            return false;
        };
        let transport = &mut self.table.transports[slot];
        let origin = transport.id;
        let Some(source) = transport.sources.get_mut(&ssrc) else {
            return false;
        };
        let ntp = u64::from(high) << 32 | u64::from(low);
        source.reception.sender_report((ntp >> 16) as u32, self.now_ns);
        source.sender_time = Some(SenderTime { ntp, timestamp: rtp_timestamp });
        let place = source.place;
        if source.silence.muted || !source.take_sender_report(self.now_ns) {
            return true;
        }
        let mut targets = std::mem::take(&mut self.scratch.targets);
        targets.clear();
        targets.extend(source.all_targets());
        for target in &targets {
            self.pass_sender_report(*target, place, origin, ntp, rtp_timestamp);
        }
        self.scratch.targets = targets;
        true
    }

    fn pass_sender_report(
        &mut self,
        target: Target,
        place: u8,
        origin: TransportId,
        ntp: u64,
        rtp_timestamp: u32,
    ) {
        let Target { receiver, downtrack: key } = target;
        let Some(transport) = self.table.transports.get_mut(receiver) else {
            return;
        };
        let Some(downtrack) = transport.downtracks.get_mut(key) else {
            return;
        };
        let cname = cname(origin);
        // Only the encoding that is shown tells the time of the picture.
        let Some(shift) = downtrack.projection.shift(place) else {
            return;
        };
        downtrack.remote.sent_sender_report(ntp, self.now_ns);
        let sent = Sent {
            rtp_timestamp: rtp_timestamp.wrapping_add(shift),
            packets: downtrack.packets as u32,
            bytes: downtrack.bytes as u32,
        };
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        builder.sender_report(downtrack.slot.ssrc, ntp, &sent, &[]);
        builder.description(downtrack.slot.ssrc, &cname);
        self.ledger.one(Counter::SenderReportsForwarded);
        self.send_rtcp(receiver, builder.bytes());
    }

    pub(super) fn may_ask(&mut self, slot: usize) -> bool {
        let granted = self.table.transports[slot].limits.feedback.take(self.now_ns);
        if !granted {
            self.ledger.one(Counter::FeedbackLimited);
        }
        granted
    }
}
