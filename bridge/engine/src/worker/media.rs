//! RTP in: unprotected, counted, cached, and its copies noted.

use super::fanout::Arrived;
use super::{MOST_LEVELS, Worker, sinks};
use crate::congestion::Arrival;
use crate::counter::Counter;
use crate::encoding::Encoding;
use crate::instruction::Kind;
use crate::net::Batch;
use crate::rtp::extension::Values;
use crate::rtp::{self, Codec, Facts, Header, rtx};
use crate::shared::Notice;
use crate::silence::Unheard;
use crate::source::Source;
use crate::srtp::Refusal;

/// A plain packet in the batch.
#[derive(Clone, Copy)]
pub struct Plain {
    /// Its datagram's place in the batch.
    pub at: usize,
    /// Where in the datagram it begins.
    pub start: usize,
    pub len: usize,
    pub header: Header,
    pub index: u64,
    pub values: Values,
    /// Sent again by its sender, as RTX.
    pub recovered: bool,
}

impl Worker {
    /// Unprotect a packet and hand it on by its kind.
    pub(super) fn take_rtp(&mut self, slot: usize, batch: &mut Batch, at: usize, len: usize) {
        let Some(header) = Header::parse(batch.data(at, len)) else {
            return self.ledger.one(Counter::DroppedMalformedRtp);
        };
        let transport = &mut self.table.transports[slot];
        let Some(receive) = &mut transport.receive else {
            return self.ledger.one(Counter::DroppedNoKeys);
        };
        let mut known = transport.sources.get_mut(&header.ssrc);
        if known.is_none() && !transport.sink {
            return self.ledger.one(Counter::DroppedUnknownSource);
        }
        let packet = batch.data_mut(at, len);
        let extensions = transport.extensions.unwrap_or_default();
        let values = extensions.read(&packet[..header.len]);
        if let Some(source) = &mut known
            && let Some(why) = source.silence.unread(values.audio_level)
        {
            source.reception.unread();
            // Its sender must not take it for lost.
            transport.congestion.unread(values.transport_cc, header.ssrc, self.now_ns);
            return self.ledger.one(unheard_counter(why));
        }
        let (len, index) = match receive.rtp(packet, header.len, header.ssrc, header.sequence) {
            Ok(plain) => plain,
            Err(refusal) => {
                if let (Some(source), Refusal::Replayed) = (known, refusal) {
                    source.reception.duplicates += 1;
                }
                return self.ledger.one(refusal_counter(refusal));
            }
        };
        self.ledger.one(Counter::PacketsReceived);
        transport.tally.packets_received += 1;
        transport.tally.bytes_received += len as u64;
        transport.tally.media_ns = Some(self.now_ns);
        let arrival = Arrival {
            transport_cc: values.transport_cc,
            abs_send_time: values.abs_send_time,
            ssrc: header.ssrc,
            marker: header.marker,
            size: len,
        };
        transport.congestion.arrived(&arrival, self.now_ns);
        if known.is_none() && transport.sources.len() >= transport.limits.sources {
            return self.ledger.one(Counter::DroppedSourceLimit);
        }
        let plain = Plain { at, start: 0, len, header, index, values, recovered: false };
        let source = transport
            .sources
            .entry(header.ssrc)
            .or_insert_with(|| Source::new(header.ssrc, None, 0, true));
        if source.sink.is_some() {
            sinks::note(transport, &plain, &packet[..len], &mut self.ledger, self.now_ns);
        } else if source.kind == Some(Kind::Rtx) && source.repairs != 0 {
            self.take_repair(slot, batch, plain);
        } else {
            self.take_media_packet(slot, batch, plain);
        }
    }

    /// Put a repair back in its place in the stream it belongs to.
    fn take_repair(&mut self, slot: usize, batch: &mut Batch, plain: Plain) {
        let transport = &mut self.table.transports[slot];
        let Some(source) = transport.sources.get_mut(&plain.header.ssrc) else {
            return;
        };
        let Plain { at, len, header, index, .. } = plain;
        let rate = source.clock_rate().into();
        source.reception.packet(index, len, header.timestamp, rate, self.now_ns);
        source.rate.add(len, self.now_ns);
        let repairs = source.repairs;
        let types = transport.payload_types.as_ref();
        let Some(media) = types.and_then(|types| types.repaired(header.payload_type)) else {
            return self.ledger.one(Counter::RepairsUnknown);
        };
        let Some(restored) = rtx::restore(batch.data_mut(at, len), &header, media, repairs) else {
            return self.ledger.one(Counter::PaddingReceived);
        };
        let claimed =
            transport.receive.as_mut().map(|receive| receive.claim(repairs, restored.sequence));
        match claimed {
            Some(Ok(index)) => {
                self.ledger.one(Counter::Recovered);
                let start = rtx::OSN;
                let len = len - start;
                let recovered = true;
                let plain = Plain { start, len, header: restored, index, recovered, ..plain };
                self.take_media_packet(slot, batch, plain);
            }
            // It came after all, or was repaired before.
            Some(Err(_)) => self.ledger.one(Counter::RecoveredInVain),
            None => {}
        }
    }

    /// Count a media packet, keep it for repair, and note its copies.
    fn take_media_packet(&mut self, slot: usize, batch: &Batch, plain: Plain) {
        let Plain { at, start, len, header, index, values, recovered } = plain;
        let transport = &mut self.table.transports[slot];
        let Some(source) = transport.sources.get_mut(&header.ssrc) else {
            return;
        };
        if !recovered {
            let rate = source.clock_rate().into();
            source.reception.packet(index, len, header.timestamp, rate, self.now_ns);
        }
        source.rate.add(len, self.now_ns);
        if let Some(why) = source.silence.unheard(values.audio_level) {
            return self.ledger.one(unheard_counter(why));
        }
        if let Some(level) = values.audio_level
            && source.kind == Some(Kind::Audio)
        {
            let now_ms = self.now_ns / 1_000_000;
            if self.levels.len() < MOST_LEVELS {
                self.levels.push((transport.id, header.ssrc, level & 0x7f, now_ms));
            } else {
                self.ledger.one(Counter::DroppedLevels);
            }
        }
        let packet = &batch.data(at, start + len)[start..];
        let mut seen = Seen::default();
        let wanted = source.is_watched();
        if let Some(encoding) = &mut source.encoding {
            let types = transport.payload_types.as_ref();
            let codec = types.map_or(Codec::Other, |types| types.codec(header.payload_type));
            let times = (self.now_ns, self.dropped_late_ns);
            seen = look(encoding, codec, packet, &plain, wanted, times);
            if encoding.missing.is_wanting() && !encoding.missing.listed {
                encoding.missing.listed = true;
                transport.lacking.push(header.ssrc);
            }
        }
        self.fanout.arrived.push(Arrived {
            at,
            start,
            len,
            header,
            index,
            epoch: transport.epoch,
            place: source.place,
            facts: seen.facts,
            values,
            left_out: source.silence.left_out,
            sender_time: source.sender_time,
        });
        for target in source.all_targets() {
            self.fanout.push(target.receiver, target.downtrack);
        }
        if let Some((width, height)) = seen.resized {
            let (transport, ssrc) = (transport.id, header.ssrc);
            self.notices.push(Notice::Keyframe { transport, ssrc, width, height });
        }
        if seen.appeared {
            self.encoding_appeared(slot, header.ssrc);
        }
    }
}

/// What a look into a video packet showed.
#[derive(Default)]
struct Seen {
    facts: Facts,
    resized: Option<(u16, u16)>,
    /// It is the encoding's first packet, or the first after a break.
    appeared: bool,
}

// Read a video packet, count it, and keep it if somebody may ask for it.
fn look(
    encoding: &mut Encoding,
    codec: Codec,
    packet: &[u8],
    plain: &Plain,
    wanted: bool,
    (now_ns, dropped_late_ns): (u64, u64),
) -> Seen {
    let Plain { len, header, index, recovered, .. } = *plain;
    let payload = rtp::payload(packet, &header).unwrap_or_default();
    let mut facts = Facts::read(codec, payload);
    // Where parameter sets come with the pictures, nothing can be decoded without them.
    if codec == Codec::H264 && facts.size.is_none() && encoding.size != (0, 0) {
        facts.keyframe = false;
    }
    let resized = encoding.packet(len, header.timestamp, &facts, now_ns);
    encoding.missing.arrived(index, now_ns, dropped_late_ns);
    encoding.recovered += u64::from(recovered);
    if wanted && !facts.padding {
        encoding.cache.store(index, packet, now_ns);
    }
    let appeared = !std::mem::replace(&mut encoding.active, true);
    Seen { facts, resized: resized.then_some(encoding.size), appeared }
}

fn unheard_counter(why: Unheard) -> Counter {
    match why {
        Unheard::Muted => Counter::DroppedMuted,
        Unheard::Silent => Counter::DroppedSilent,
    }
}

fn refusal_counter(refusal: Refusal) -> Counter {
    match refusal {
        Refusal::NotAuthentic => Counter::DroppedSrtpAuth,
        Refusal::Replayed => Counter::DroppedReplayed,
        Refusal::TooOld => Counter::DroppedTooOld,
        Refusal::TooManyStreams => Counter::DroppedSourceLimit,
    }
}
