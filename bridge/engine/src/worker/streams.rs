//! The clock's work: synthetic streams, sinks' requests, periodic reports.

use super::{WATCH_NS, Worker};
use crate::clock;
use crate::counter::Counter;
use crate::rtcp::{self, Packet};
use crate::srtp::MAX_OVERHEAD;
use crate::stream::Plan;
use crate::transport::Transport;

const PACING_NS: u64 = 2_000_000;
const HOUSEKEEPING_NS: u64 = 20_000_000;

impl Worker {
    /// Tick as often as the work at hand needs, and not at all without any.
    pub(super) fn set_timer(&mut self) {
        let transports = &self.table.transports;
        let streaming = transports.iter().any(|(_, transport)| !transport.streams.is_empty());
        let period = match (streaming, transports.is_empty()) {
            (true, _) => PACING_NS,
            (false, false) => HOUSEKEEPING_NS,
            (false, true) => 0,
        };
        self.timer.set(period);
    }

    /// The timer fired.
    pub(super) fn tick(&mut self) {
        self.timer.clear();
        self.now_ns = clock::monotonic_ns();
        let mut slots = std::mem::take(&mut self.scratch.slots);
        slots.clear();
        slots.extend(self.table.transports.iter().map(|(slot, _)| slot));
        for &slot in &slots {
            self.pace(slot);
        }
        if self.now_ns >= self.housekeeping_ns + HOUSEKEEPING_NS {
            self.housekeeping_ns = self.now_ns;
            let watch = self.now_ns >= self.watched_ns + WATCH_NS;
            if watch {
                self.watched_ns = self.now_ns;
            }
            for &slot in &slots {
                self.ask(slot);
                self.ask_for_missing(slot);
                self.report(slot);
                if watch {
                    self.watch_encodings(slot);
                }
            }
        }
        self.scratch.slots = slots;
    }

    fn pace(&mut self, slot: usize) {
        let transport = &mut self.table.transports[slot];
        if transport.streams.is_empty() || transport.send.is_none() || transport.selected.is_none()
        {
            return;
        }
        let mut plans = std::mem::take(&mut self.scratch.plans);
        for at in 0..self.table.transports[slot].streams.len() {
            let stream = &mut self.table.transports[slot].streams[at];
            let keyframes = stream.keyframes();
            let skipped = stream.advance(self.now_ns, &mut plans);
            self.ledger.add(Counter::StreamSkipped, skipped);
            self.ledger.add(Counter::StreamKeyframes, stream.keyframes() - keyframes);
            self.ledger.add(Counter::StreamPackets, plans.len() as u64);
            for plan in plans.drain(..) {
                self.send_plan(slot, at, &plan, false);
            }
        }
        self.scratch.plans = plans;
    }

    fn send_plan(&mut self, slot: usize, stream: usize, plan: &Plan, repair: bool) {
        let room = plan.rtx_len() + MAX_OVERHEAD;
        self.make_room(room);
        let transport = &mut self.table.transports[slot];
        let (Some(selected), Some(send)) = (transport.selected, &transport.send) else {
            return self.ledger.one(Counter::DroppedNoPath);
        };
        let stream = &mut transport.streams[stream];
        let gso = self.sockets.get(&selected.path.socket).is_some_and(|socket| socket.gso);
        let out = self.outbox.space(room);
        let len = if repair && stream.shape.rtx_ssrc != 0 {
            let (index, ssrc) = (stream.take_repair(), stream.shape.rtx_ssrc);
            let header_len = plan.write_rtx(index, &stream.shape, out);
            send.keys().protect_rtp(out, header_len, plan.rtx_len(), ssrc, index)
        } else {
            let ssrc = stream.ssrc;
            let header_len = plan.write(ssrc, &stream.shape, out);
            send.keys().protect_rtp(out, header_len, plan.len(), ssrc, plan.index)
        };
        self.outbox.commit(selected.path.socket, &selected.raw, slot, len, gso);
        transport.tally.packets_sent += 1;
        transport.tally.bytes_sent += len as u64;
        self.ledger.one(Counter::PacketsSent);
    }

    /// Send what a NACK about a stream names once more.
    pub(super) fn resend(&mut self, slot: usize, ssrc: u32, packet: &Packet) {
        let streams = &self.table.transports[slot].streams;
        let Some(at) = streams.iter().position(|stream| stream.ssrc == ssrc) else {
            return;
        };
        for sequence in rtcp::nacks(packet).flat_map(rtcp::Nack::sequences) {
            let stream = &mut self.table.transports[slot].streams[at];
            if let Some(plan) = stream.resend(sequence, self.now_ns) {
                self.ledger.one(Counter::StreamRetransmissions);
                self.send_plan(slot, at, &plan, true);
            }
        }
    }

    /// Ask for what a sink misses: lost packets, keyframes.
    fn ask(&mut self, slot: usize) {
        let mut ssrcs = std::mem::take(&mut self.table.transports[slot].wanting);
        ssrcs.retain(|ssrc| self.ask_about(slot, *ssrc));
        self.table.transports[slot].wanting = ssrcs;
    }

    /// Ask about one source; false when nothing more is wanted of it.
    fn ask_about(&mut self, slot: usize, ssrc: u32) -> bool {
        let Transport { sources, local_ssrc, .. } = &mut self.table.transports[slot];
        let Some(sink) = sources.get_mut(&ssrc).and_then(|source| source.sink.as_mut()) else {
            return false;
        };
        sink.nacks(self.now_ns, &mut self.scratch.entries);
        let pli = sink.take_pli(self.now_ns);
        sink.listed = sink.wants();
        let listed = sink.listed;
        if self.scratch.entries.is_empty() && !pli {
            return listed;
        }
        let mut buffer = [0; 1_100];
        let mut builder = rtcp::Builder::new(&mut buffer);
        builder.receiver_report(*local_ssrc, &[]);
        if !self.scratch.entries.is_empty()
            && builder.nack(*local_ssrc, ssrc, &self.scratch.entries)
        {
            self.ledger.one(Counter::SinkNacks);
        }
        if pli && builder.picture_loss(*local_ssrc, ssrc) {
            self.ledger.one(Counter::SinkPlis);
        }
        self.send_rtcp(slot, builder.bytes());
        listed
    }
}
