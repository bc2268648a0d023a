//! One transport: its addresses, keys, sources, and the downtracks and streams it sends.

use crate::congestion::Congestion;
use crate::downtrack::Downtrack;
use crate::instruction::{Feedback, KeyPair, Path, TransportId};
use crate::limits::Limits;
use crate::net::RawAddress;
use crate::prefetch::{prefetch, prefetch_all};
use crate::projection::LeftOff;
use crate::remote::RemoteView;
use crate::report::{TransportReport, age_ms};
use crate::rtp::{Extension, Extensions, PayloadTypes};
use crate::source::Source;
use crate::srtp::{Receiver, Sender};
use crate::stream::Stream;
use ahash::AHashMap;
use slab::Slab;
use zeroize::Zeroizing;

/// Addresses a transport may have bound; the oldest goes first.
pub const MOST_PATHS: usize = 32;

/// ICE credentials of our side.
pub struct Ice {
    pub ufrag: String,
    pub password: Zeroizing<String>,
}

/// Where a transport's packets go.
#[derive(Clone, Copy)]
pub struct Selected {
    pub path: Path,
    pub raw: RawAddress,
}

/// A peer, as far as media goes.
pub struct Transport {
    pub id: TransportId,
    pub group: u64,
    pub mesh: u64,
    pub sink: bool,
    /// The SSRC of our own RTCP to this peer.
    pub local_ssrc: u32,
    pub ice: Option<Ice>,
    pub paths: Vec<Path>,
    pub selected: Option<Selected>,
    pub receive: Option<Receiver>,
    pub send: Option<Sender>,
    /// Counts the receive sessions: indexes of different ones don't compare.
    pub epoch: u32,
    pub sources: AHashMap<u32, Source>,
    pub downtracks: Slab<Downtrack>,
    pub by_out_ssrc: AHashMap<u32, usize>,
    /// Downtracks by the SSRC their repairs go out with.
    pub by_rtx_ssrc: AHashMap<u32, usize>,
    /// Where outgoing streams stopped whose downtracks are gone.
    left_off: AHashMap<u32, LeftOff>,
    pub payload_types: Option<Box<PayloadTypes>>,
    /// `None` until negotiated: extensions are passed on as they came.
    pub extensions: Option<Extensions>,
    pub feedback: Option<Feedback>,
    pub congestion: Congestion,
    /// Sources with packets missing.
    pub lacking: Vec<u32>,
    pub streams: Vec<Stream>,
    /// SSRCs that a sink has something to ask about.
    pub wanting: Vec<u32>,
    pub tally: Tally,
    pub limits: Limits,
    pub next_report_ns: u64,
    keys_digest: Option<[u8; 32]>,
}

/// A transport's own counters.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub packets_received: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub bytes_sent: u64,
    pub received_ns: Option<u64>,
    pub media_ns: Option<u64>,
    pub consent_ns: Option<u64>,
    pub padding_bytes: u64,
    pub retransmitted: u64,
    pub nacks_received: u64,
    pub plis_received: u64,
    /// Losses of sources and downtracks that are gone.
    lost_before: i64,
    remote_lost_before: i64,
}

impl Transport {
    /// A transport without addresses or keys.
    pub fn new(
        id: TransportId,
        group: u64,
        mesh: u64,
        sink: bool,
        local_ssrc: u32,
        now_ns: u64,
    ) -> Self {
        Self {
            id,
            group,
            mesh,
            sink,
            local_ssrc,
            ice: None,
            paths: Vec::new(),
            selected: None,
            receive: None,
            send: None,
            epoch: 0,
            sources: AHashMap::new(),
            downtracks: Slab::new(),
            by_out_ssrc: AHashMap::new(),
            by_rtx_ssrc: AHashMap::new(),
            left_off: AHashMap::new(),
            payload_types: None,
            extensions: None,
            feedback: None,
            congestion: Congestion::default(),
            lacking: Vec::new(),
            streams: Vec::new(),
            wanting: Vec::new(),
            tally: Tally::default(),
            limits: Limits::new(mesh != 0, now_ns),
            next_report_ns: now_ns + 1_000_000_000,
            keys_digest: None,
        }
    }

    /// Whether media may go from `sender` to this transport.
    pub fn may_receive_from(&self, sender: &Self) -> bool {
        self.group == sender.group
            && self.id != sender.id
            && (self.mesh == 0 || self.mesh != sender.mesh)
    }

    /// Install keys; the same ones again change nothing, since that would use nonces twice.
    pub fn set_keys(&mut self, keys: KeyPair) {
        if self.keys_digest == Some(keys.digest) {
            return;
        }
        self.keys_digest = Some(keys.digest);
        self.receive = Some(Receiver::new(keys.receive, self.limits.sources));
        self.send = Some(Sender::new(keys.send));
        self.epoch += 1;
        self.congestion.rekeyed();
        for (_, downtrack) in &mut self.downtracks {
            downtrack.rekeyed();
        }
        self.sources.values_mut().for_each(Source::rekeyed);
        self.streams.iter_mut().for_each(Stream::rekeyed);
    }

    /// Fetch what sending to it needs of itself: the first step.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(&self.congestion);
        prefetch(&self.tally);
        prefetch(&self.send);
        prefetch(&self.downtracks);
        prefetch(&self.selected);
        prefetch(&self.extensions);
    }

    /// Fetch what that leads to for a downtrack: the second step.
    #[inline]
    pub fn prefetch_downtrack(&self, key: usize) {
        if let Some(downtrack) = self.downtracks.get(key) {
            prefetch_all(downtrack);
        }
        if let Some(send) = &self.send {
            send.keys().prefetch();
        }
        self.congestion.prefetch();
    }

    /// The transport-wide number of a packet that leaves now; 0 without the extension.
    #[inline]
    pub fn number(&mut self, size: usize, now_ns: u64) -> u16 {
        let negotiated =
            self.extensions.is_some_and(|known| known.id(Extension::TransportCc).is_some());
        if negotiated { self.congestion.leaving(size, now_ns) } else { 0 }
    }

    /// Negotiate header extensions.
    ///
    /// What was sent before can't be made again bit for bit, nor what came before be read again as
    /// it was; and no index may be used for two different packets.
    pub fn set_extensions(&mut self, extensions: Extensions) {
        if self.extensions.replace(extensions) == Some(extensions) {
            return;
        }
        for (_, downtrack) in &mut self.downtracks {
            downtrack.forget();
        }
        for source in self.sources.values_mut() {
            if let Some(encoding) = &mut source.encoding {
                encoding.cache.clear();
            }
        }
    }

    /// Where an outgoing stream stands, when its SSRC was used before.
    pub fn left_off(&self, out_ssrc: u32) -> LeftOff {
        self.left_off.get(&out_ssrc).copied().unwrap_or_default()
    }

    /// Take a downtrack out; its SSRCs' numbering is remembered.
    pub fn remove_downtrack(&mut self, key: usize) -> Option<Downtrack> {
        let downtrack = self.downtracks.try_remove(key)?;
        let slot = &downtrack.slot;
        self.by_out_ssrc.remove(&slot.ssrc);
        self.by_rtx_ssrc.remove(&slot.rtx_ssrc);
        self.tally.remote_lost_before += i64::from(downtrack.remote.lost);
        // Beyond the bound, a stream used again only jumps in time once.
        if self.left_off.len() < self.limits.sources {
            self.left_off.insert(slot.ssrc, downtrack.projection.left_off());
        }
        if let Some(send) = &mut self.send {
            if let Some(highest) = downtrack.projection.highest() {
                send.remember(slot.ssrc, highest);
            }
            if slot.rtx_ssrc != 0 {
                send.remember(slot.rtx_ssrc, downtrack.rtx_index.saturating_sub(1));
            }
        }
        Some(downtrack)
    }

    /// Take a source out.
    pub fn remove_source(&mut self, ssrc: u32) -> Option<Source> {
        let source = self.sources.remove(&ssrc)?;
        self.tally.lost_before += source.reception.lost();
        Some(source)
    }

    /// Take a synthetic stream out; its SSRC's numbering is remembered.
    pub fn remove_stream(&mut self, ssrc: u32) -> Option<Stream> {
        let at = self.streams.iter().position(|stream| stream.ssrc == ssrc)?;
        let stream = self.streams.swap_remove(at);
        self.tally.remote_lost_before += i64::from(stream.remote.lost);
        if let Some(send) = &mut self.send {
            send.remember(ssrc, stream.next_index().saturating_sub(1));
            if stream.shape.rtx_ssrc != 0 {
                send.remember(stream.shape.rtx_ssrc, stream.next_repair().saturating_sub(1));
            }
        }
        Some(stream)
    }

    /// The round trip to this peer, as its reports tell.
    pub fn rtt_ns(&self) -> Option<u64> {
        RemoteView::rtt_ns(self.remote_views())
    }

    // What the peer's reports say of each stream sent to it.
    fn remote_views(&self) -> impl Iterator<Item = &RemoteView> {
        let downtracks = self.downtracks.iter().map(|(_, downtrack)| &downtrack.remote);
        downtracks.chain(self.streams.iter().map(|stream| &stream.remote))
    }

    /// Memory held for it, caches included.
    pub fn memory(&self) -> usize {
        let sources = self.sources.values().map(Source::memory).sum::<usize>();
        let downtracks = self.downtracks.iter().map(|(_, downtrack)| downtrack.memory());
        let left_off = self.left_off.capacity() * size_of::<(u32, LeftOff)>();
        let congestion = self.congestion.memory();
        size_of::<Self>() + sources + downtracks.sum::<usize>() + left_off + congestion
    }

    /// Its counters.
    pub fn report(&self, now_ns: u64) -> TransportReport {
        let (mut lost, mut fraction, mut reports) = (self.tally.remote_lost_before, 0.0, 0);
        for view in self.remote_views() {
            lost += i64::from(view.lost);
            fraction += view.fraction_lost;
            reports += 1;
        }
        let sources = self.sources.values().map(|source| source.reception.lost());
        TransportReport {
            id: self.id,
            packets_received: self.tally.packets_received,
            bytes_received: self.tally.bytes_received,
            packets_sent: self.tally.packets_sent,
            bytes_sent: self.tally.bytes_sent,
            packets_lost: self.tally.lost_before + sources.sum::<i64>(),
            remote_packets_lost: lost,
            remote_fraction_lost: fraction / f64::from(reports.max(1)),
            rtt_ms: self.rtt_ns().map_or(-1.0, |ns| ns as f64 / 1e6),
            received_age_ms: age_ms(self.tally.received_ns, now_ns),
            media_age_ms: age_ms(self.tally.media_ns, now_ns),
            consent_age_ms: age_ms(self.tally.consent_ns, now_ns),
            bandwidth_bps: self.congestion.estimate(now_ns).map_or(-1, |line| line.bps as i64),
            padding_bytes: self.tally.padding_bytes,
            retransmitted: self.tally.retransmitted,
            nacks_received: self.tally.nacks_received,
            plis_received: self.tally.plis_received,
            memory_bytes: self.memory() as u64,
        }
    }
}
