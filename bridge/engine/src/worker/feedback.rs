//! RTCP from peers: reports end here or go on to receivers, requests go to the source they name.

use super::Worker;
use crate::counter::Counter;
use crate::instruction::{TransportId, cname};
use crate::net::Batch;
use crate::rtcp::{self, Builder, Nack, Packet, Packets, Sent, format, kind};
use crate::shared::Notice;
use crate::source::Target;
use crate::srtp::Refusal;

/// Entries of one NACK that are passed on; more name packets that are long gone.
const MOST_ENTRIES: usize = 64;
const COMPOUND: usize = 512;

/// What kind of keyframe request a receiver made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    PictureLoss,
    FullIntra,
}

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
            (kind::PAYLOAD_FEEDBACK, format::PICTURE_LOSS) => {
                self.ledger.one(Counter::PliReceived);
                packet
                    .word(1)
                    .is_some_and(|ssrc| self.want_keyframe(slot, ssrc, Request::PictureLoss))
            }
            (kind::PAYLOAD_FEEDBACK, format::FULL_INTRA) => {
                self.ledger.one(Counter::FirReceived);
                let mut known = false;
                for ssrc in rtcp::fir_targets(packet) {
                    known |= self.want_keyframe(slot, ssrc, Request::FullIntra);
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
        if source.muted || !source.take_sender_report(self.now_ns) {
            return true;
        }
        let mut targets = std::mem::take(&mut self.scratch.targets);
        targets.clone_from(&source.targets);
        for target in &targets {
            self.pass_sender_report(*target, origin, ntp, rtp_timestamp);
        }
        self.scratch.targets = targets;
        true
    }

    fn pass_sender_report(
        &mut self,
        target: Target,
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
        if downtrack.packets == 0 {
            return;
        }
        downtrack.remote.sent_sender_report(ntp, self.now_ns);
        let sent = Sent {
            rtp_timestamp: rtp_timestamp.wrapping_add(downtrack.timestamp_offset),
            packets: downtrack.packets as u32,
            bytes: downtrack.bytes as u32,
        };
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        builder.sender_report(downtrack.out_ssrc, ntp, &sent, &[]);
        builder.description(downtrack.out_ssrc, &cname);
        self.ledger.one(Counter::SenderReportsForwarded);
        self.send_rtcp(receiver, builder.bytes());
    }

    /// The source behind an SSRC that this peer receives: its transport's slot and its own SSRC.
    fn origin(&self, slot: usize, out_ssrc: u32) -> Option<(usize, u32)> {
        let transport = &self.table.transports[slot];
        let downtrack = transport.downtracks.get(*transport.by_out_ssrc.get(&out_ssrc)?)?;
        Some((downtrack.sender, downtrack.ssrc))
    }

    fn may_ask(&mut self, slot: usize) -> bool {
        let granted = self.table.transports[slot].limits.feedback.take(self.now_ns);
        if !granted {
            self.ledger.one(Counter::FeedbackLimited);
        }
        granted
    }

    fn want_keyframe(&mut self, slot: usize, ssrc: u32, request: Request) -> bool {
        let streams = &mut self.table.transports[slot].streams;
        if let Some(stream) = streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.want_keyframe(self.now_ns);
            return true;
        }
        let Some((sender, ssrc)) = self.origin(slot, ssrc) else {
            self.ledger.one(Counter::FeedbackUnknown);
            return false;
        };
        if self.may_ask(slot) {
            self.request_keyframe(sender, ssrc, request);
        }
        true
    }

    fn request_keyframe(&mut self, sender: usize, ssrc: u32, request: Request) {
        let Some(transport) = self.table.transports.get_mut(sender) else {
            return;
        };
        let Some(source) = transport.sources.get_mut(&ssrc) else {
            return;
        };
        if !source.take_keyframe_request(self.now_ns) {
            return self.ledger.one(Counter::KeyframeRequestsCoalesced);
        }
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        let from = transport.local_ssrc;
        builder.receiver_report(from, &[]);
        match request {
            Request::PictureLoss => {
                builder.picture_loss(from, ssrc);
                self.ledger.one(Counter::PliForwarded);
            }
            Request::FullIntra => {
                source.fir_number = source.fir_number.wrapping_add(1);
                builder.full_intra(from, ssrc, source.fir_number);
                self.ledger.one(Counter::FirForwarded);
            }
        }
        self.send_rtcp(sender, builder.bytes());
    }

    fn take_nack(&mut self, slot: usize, packet: &Packet) -> bool {
        self.ledger.one(Counter::NackReceived);
        let Some(ssrc) = packet.word(1) else {
            return false;
        };
        if self.table.transports[slot].streams.iter().any(|stream| stream.ssrc == ssrc) {
            self.resend(slot, ssrc, packet);
            return true;
        }
        let Some((sender, source)) = self.origin(slot, ssrc) else {
            self.ledger.one(Counter::FeedbackUnknown);
            return false;
        };
        if self.may_ask(slot) {
            self.pass_nack(slot, ssrc, sender, source, packet);
        }
        true
    }

    fn pass_nack(&mut self, slot: usize, out_ssrc: u32, sender: usize, ssrc: u32, packet: &Packet) {
        let receiver = &self.table.transports[slot];
        let Some(downtrack) =
            receiver.by_out_ssrc.get(&out_ssrc).and_then(|key| receiver.downtracks.get(*key))
        else {
            return;
        };
        let mut entries = [Nack { first: 0, following: 0 }; MOST_ENTRIES];
        let mut count = 0;
        for (entry, nack) in entries.iter_mut().zip(rtcp::nacks(packet)) {
            *entry = Nack { first: downtrack.source_sequence(nack.first), ..nack };
            count += 1;
        }
        let from = self.table.transports[sender].local_ssrc;
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        builder.receiver_report(from, &[]);
        builder.nack(from, ssrc, &entries[..count]);
        self.ledger.one(Counter::NackForwarded);
        self.send_rtcp(sender, builder.bytes());
    }
}
