//! A received source: its reception state and the downtracks it feeds.

use crate::encoding::Encoding;
use crate::instruction::{Kind, TransportId};
use crate::projection::SenderTime;
use crate::rate::Rate;
use crate::reception::Reception;
use crate::report::{SourceReport, age_ms};
use crate::silence::Silence;
use crate::sink::Sink;

/// At most one keyframe request goes to a source in this time.
pub const KEYFRAME_REQUEST_NS: u64 = 200_000_000;

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
    /// Of repairs (RTX, FEC): the SSRC they belong to; 0 = none.
    pub repairs: u32,
    /// The SSRC that names its picture: its own, or that of the picture's lowest encoding.
    pub picture: u32,
    /// Its place among the picture's encodings.
    pub place: u8,
    /// All encodings of the picture, lowest first, when this is the lowest of several.
    pub encodings: Vec<u32>,
    pub silence: Silence,
    pub reception: Reception,
    /// Of all its picture.
    pub targets: Vec<Target>,
    /// Those that get this one stream whole.
    pub relayed: Vec<Target>,
    pub sink: Option<Box<Sink>>,
    /// Of video that isn't a sink's.
    pub encoding: Option<Box<Encoding>>,
    pub sender_time: Option<SenderTime>,
    pub rate: Rate,
    pub fir_number: u8,
    requested_ns: Option<u64>,
    reported_ns: Option<u64>,
}

impl Source {
    /// A source that has received nothing yet.
    pub fn new(ssrc: u32, kind: Option<Kind>, repairs: u32, sink: bool) -> Self {
        let mut source = Self {
            kind: None,
            repairs,
            picture: ssrc,
            place: 0,
            encodings: Vec::new(),
            silence: Silence::default(),
            reception: Reception::default(),
            targets: Vec::new(),
            relayed: Vec::new(),
            sink: sink.then(Box::default),
            encoding: None,
            sender_time: None,
            rate: Rate::default(),
            fir_number: 0,
            requested_ns: None,
            reported_ns: None,
        };
        source.set_kind(kind, repairs);
        source
    }

    /// What it carries, as signalling says.
    pub fn set_kind(&mut self, kind: Option<Kind>, repairs: u32) {
        self.kind = kind;
        self.repairs = repairs;
        let encodes = kind == Some(Kind::Video) && self.sink.is_none();
        if !encodes {
            self.encoding = None;
        } else if self.encoding.is_none() {
            self.encoding = Some(Box::default());
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
    pub fn clock_rate(&self) -> u32 {
        if self.is_video() || matches!(self.kind, Some(Kind::Rtx | Kind::Fec)) {
            90_000
        } else {
            48_000
        }
    }

    /// The sender has new keys.
    pub fn rekeyed(&mut self) {
        self.reception.rekeyed();
        if let Some(sink) = &mut self.sink {
            sink.rekeyed();
        }
        if let Some(encoding) = &mut self.encoding {
            encoding.rekeyed();
        }
    }

    /// All that its packets go to.
    #[inline]
    pub fn all_targets(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().chain(&self.relayed)
    }

    /// Whether its packets go to anybody.
    #[inline]
    pub fn is_watched(&self) -> bool {
        !self.targets.is_empty() || !self.relayed.is_empty()
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

    /// Memory held for it.
    pub fn memory(&self) -> usize {
        let targets = self.targets.capacity() + self.relayed.capacity();
        let lists = 4 * self.encodings.capacity() + size_of::<Target>() * targets;
        let encoding = self.encoding.as_ref();
        size_of::<Self>()
            + lists
            + encoding.map_or(0, |encoding| size_of::<Encoding>() + encoding.memory())
            + if self.sink.is_some() { size_of::<Sink>() } else { 0 }
    }

    /// Its counters.
    pub fn report(&self, id: TransportId, ssrc: u32, now_ns: u64) -> SourceReport {
        let sink = self.sink.as_deref();
        let inferred = sink.filter(|sink| sink.marked).map_or("", Sink::kind_name);
        let encoding = self.encoding.as_deref();
        let size = encoding.map(|encoding| encoding.size).or(sink.map(|sink| sink.size));
        let size = size.unwrap_or_default();
        let all = self.rate.bits_per_second(now_ns);
        SourceReport {
            id,
            ssrc,
            kind: self.kind.map_or(inferred, Kind::name),
            packets: self.reception.packets,
            bytes: self.reception.bytes,
            lost: self.reception.lost() - sink.map_or(0, |sink| sink.recovered as i64),
            duplicates: self.reception.duplicates,
            reordered: self.reception.reordered,
            gap_ms: (self.reception.longest_gap_ns / 1_000_000) as i64,
            age_ms: age_ms(self.reception.last_ns, now_ns),
            delay_ms_mean: sink.map_or(-1.0, Sink::delay_ms_mean),
            delay_ms_max: sink.map_or(-1.0, Sink::delay_ms_max),
            keyframes: encoding.map_or(0, |encoding| encoding.keyframes)
                + sink.map_or(0, |sink| sink.keyframes),
            layer_bps: encoding
                .map_or_else(|| vec![[all; 3]], |encoding| encoding.layer_bps(now_ns)),
            frames_per_second: encoding.map_or(0.0, |encoding| encoding.frames_per_second(now_ns)),
            width: size.0,
            height: size.1,
            nacks_sent: encoding.map_or(0, |encoding| encoding.nacks_sent),
            recovered: encoding.map_or(0, |encoding| encoding.recovered)
                + sink.map_or(0, |sink| sink.recovered),
            frames: sink.map_or(0, |sink| sink.pictures.complete),
            frames_expected: sink.map_or(0, |sink| sink.pictures.expected()),
            muted_dropped: self.silence.muted_dropped,
            silent_dropped: self.silence.silent_dropped,
        }
    }
}
