//! A received source: its reception state and the downtracks it feeds.

use crate::instruction::{Kind, TransportId};
use crate::reception::Reception;
use crate::report::{SourceReport, age_ms};
use crate::sink::Sink;

/// At most one keyframe request goes to a source in this time.
pub const KEYFRAME_REQUEST_NS: u64 = 100_000_000;

/// At most one sender report of a source is passed on in this time.
const SENDER_REPORT_NS: u64 = 100_000_000;

/// One downtrack fed by a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Slot of the receiving transport.
    pub receiver: usize,
    /// Key of the downtrack there.
    pub downtrack: usize,
}

/// A source of one transport.
pub struct Source {
    /// `None` for what a sink received unannounced.
    pub kind: Option<Kind>,
    pub muted: bool,
    pub reception: Reception,
    pub targets: Vec<Target>,
    pub sink: Option<Box<Sink>>,
    pub fir_number: u8,
    requested_ns: Option<u64>,
    reported_ns: Option<u64>,
}

impl Source {
    /// A source that has received nothing yet.
    pub fn new(kind: Option<Kind>, sink: bool) -> Self {
        Self {
            kind,
            muted: false,
            reception: Reception::default(),
            targets: Vec::new(),
            sink: sink.then(Box::default),
            fir_number: 0,
            requested_ns: None,
            reported_ns: None,
        }
    }

    /// Whether it carries pictures, as far as known.
    pub fn is_video(&self) -> bool {
        match self.kind {
            Some(kind) => kind == Kind::Video,
            None => self.sink.as_ref().is_some_and(|sink| sink.video),
        }
    }

    /// RTP clock rate: Opus's or that of all video.
    #[inline]
    pub fn clock_rate(&self) -> f64 {
        if self.is_video() || self.kind == Some(Kind::Rtx) { 90_000.0 } else { 48_000.0 }
    }

    /// The sender has new keys.
    pub fn rekeyed(&mut self) {
        self.reception.rekeyed();
        if let Some(sink) = &mut self.sink {
            sink.rekeyed();
        }
    }

    /// Whether a keyframe may be asked for now; taking the chance.
    pub fn take_keyframe_request(&mut self, now_ns: u64) -> bool {
        let due = self.requested_ns.is_none_or(|at| now_ns >= at + KEYFRAME_REQUEST_NS);
        if due {
            self.requested_ns = Some(now_ns);
        }
        due
    }

    /// Whether a sender report may be passed on now; taking the chance.
    pub fn take_sender_report(&mut self, now_ns: u64) -> bool {
        let due = self.reported_ns.is_none_or(|at| now_ns >= at + SENDER_REPORT_NS);
        if due {
            self.reported_ns = Some(now_ns);
        }
        due
    }

    /// Its counters.
    pub fn report(&self, id: TransportId, ssrc: u32, now_ns: u64) -> SourceReport {
        let sink = self.sink.as_deref();
        let inferred = sink.filter(|sink| sink.marked).map_or("", Sink::kind_name);
        SourceReport {
            id,
            ssrc,
            kind: self.kind.map_or(inferred, Kind::name),
            packets: self.reception.packets,
            bytes: self.reception.bytes,
            lost: self.reception.lost(),
            duplicates: self.reception.duplicates,
            reordered: self.reception.reordered,
            gap_ms: (self.reception.longest_gap_ns / 1_000_000) as i64,
            age_ms: age_ms(self.reception.last_ns, now_ns),
            delay_ms_mean: sink.map_or(-1.0, Sink::delay_ms_mean),
            delay_ms_max: sink.map_or(-1.0, Sink::delay_ms_max),
            keyframes: sink.map_or(0, |sink| sink.keyframes),
        }
    }
}
