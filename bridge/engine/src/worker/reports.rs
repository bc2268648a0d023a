//! The RTCP we originate: receiver reports and REMB to senders, sender reports of own streams.

use super::Worker;
use crate::clock;
use crate::congestion::Remb;
use crate::counter::Counter;
use crate::instruction::cname;
use crate::rtcp::{Builder, ReportBlock, Sent};
use crate::transport::Transport;

const EVERY_NS: u64 = 500_000_000;
/// What senders without negotiated feedback are told; layers are limited by policy elsewhere.
const BANDWIDTH_BPS: u64 = 10_000_000;
const BLOCKS: usize = 31;
const VIDEOS: usize = 8;
const COMPOUND: usize = 1_200;

impl Worker {
    /// Send this transport's periodic reports when they are due.
    pub(super) fn report(&mut self, slot: usize) {
        let transport = &mut self.table.transports[slot];
        if self.now_ns < transport.next_report_ns {
            return;
        }
        transport.next_report_ns = self.now_ns + EVERY_NS;
        if transport.send.is_none() || transport.selected.is_none() {
            return;
        }
        self.report_streams(slot);
        self.report_sources(slot);
    }

    fn report_streams(&mut self, slot: usize) {
        let cname = cname(self.table.transports[slot].id);
        for at in 0..self.table.transports[slot].streams.len() {
            let stream = &mut self.table.transports[slot].streams[at];
            if stream.packets == 0 {
                continue;
            }
            let ntp = clock::ntp();
            stream.remote.sent_sender_report(ntp, self.now_ns);
            let sent = Sent {
                rtp_timestamp: stream.timestamp_at(self.now_ns),
                packets: stream.packets as u32,
                bytes: stream.bytes as u32,
            };
            let mut buffer = [0; COMPOUND];
            let mut builder = Builder::new(&mut buffer);
            builder.sender_report(stream.ssrc, ntp, &sent, &[]);
            builder.description(stream.ssrc, &cname);
            self.send_rtcp(slot, builder.bytes());
        }
    }

    fn report_sources(&mut self, slot: usize) {
        let transport = &mut self.table.transports[slot];
        let mut blocks = std::mem::take(&mut self.scratch.blocks);
        blocks.clear();
        for (ssrc, source) in &mut transport.sources {
            blocks.extend(source.reception.report(*ssrc, self.now_ns));
        }
        for (at, chunk) in blocks.chunks(BLOCKS).enumerate() {
            self.send_report(slot, chunk, at == 0);
        }
        self.scratch.blocks = blocks;
    }

    fn send_report(&mut self, slot: usize, blocks: &[ReportBlock], with_bandwidth: bool) {
        let transport = &self.table.transports[slot];
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        builder.receiver_report(transport.local_ssrc, blocks);
        builder.description(transport.local_ssrc, &cname(transport.id));
        if with_bandwidth {
            let (videos, count) = videos(transport);
            let bps = match transport.congestion.remb(self.now_ns) {
                Remb::None => None,
                Remb::Fixed => Some(BANDWIDTH_BPS),
                Remb::Bps(bps) => Some(bps as u64),
            };
            if let (Some(bps), 1..) = (bps, count) {
                builder.bandwidth(transport.local_ssrc, bps, &videos[..count]);
            }
        }
        self.ledger.one(Counter::ReceiverReportsSent);
        self.send_rtcp(slot, builder.bytes());
    }
}

fn videos(transport: &Transport) -> ([u32; VIDEOS], usize) {
    let mut videos = [0; VIDEOS];
    let sources = transport.sources.iter().filter(|(_, source)| source.is_video());
    let mut count = 0;
    for (place, (ssrc, _)) in videos.iter_mut().zip(sources) {
        *place = *ssrc;
        count += 1;
    }
    (videos, count)
}
