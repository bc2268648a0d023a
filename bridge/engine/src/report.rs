//! Counters as they are handed to Python.

use crate::counter::Ledger;
use crate::instruction::{Aim, TransportId};

/// Engine-wide numbers.
pub struct Snapshot {
    pub ledger: Ledger,
    pub thread_cpu_ns: u64,
    pub uptime_ns: u64,
    /// How full the fullest socket's receive buffer is, or how near its oldest came to being too
    /// late, 0..1.
    pub socket_fill: f64,
}

/// One transport's numbers; ages in milliseconds, -1 = never.
#[derive(Clone, Debug)]
pub struct TransportReport {
    pub id: TransportId,
    pub packets_received: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub bytes_sent: u64,
    pub packets_lost: i64,
    pub remote_packets_lost: i64,
    pub remote_fraction_lost: f64,
    pub rtt_ms: f64,
    pub received_age_ms: i64,
    pub media_age_ms: i64,
    pub consent_age_ms: i64,
    /// Estimate of its downlink; -1 = unknown.
    pub bandwidth_bps: i64,
    pub padding_bytes: u64,
    pub retransmitted: u64,
    pub nacks_received: u64,
    pub plis_received: u64,
    pub memory_bytes: u64,
}

/// One source's numbers.
#[derive(Clone, Debug)]
pub struct SourceReport {
    pub id: TransportId,
    pub ssrc: u32,
    pub kind: &'static str,
    pub packets: u64,
    pub bytes: u64,
    pub lost: i64,
    pub duplicates: u64,
    pub reordered: u64,
    pub gap_ms: i64,
    pub age_ms: i64,
    pub delay_ms_mean: f64,
    pub delay_ms_max: f64,
    pub keyframes: u64,
    /// Of temporal layers up to 0, up to 1, all, in the last second; a row for each spatial layer,
    /// which counts those below it.
    pub layer_bps: Vec<[u64; 3]>,
    pub frames_per_second: f64,
    /// 0 = unknown.
    pub width: u16,
    pub height: u16,
    pub nacks_sent: u64,
    pub recovered: u64,
    /// At a sink: pictures that came whole, and those that should have.
    pub frames: u64,
    pub frames_expected: u64,
    pub muted_dropped: u64,
    pub silent_dropped: u64,
}

/// What one receiver gets of one source.
#[derive(Clone, Debug)]
pub struct DowntrackReport {
    pub id: TransportId,
    pub out_ssrc: u32,
    pub sender: TransportId,
    pub ssrc: u32,
    pub aim: Aim,
    pub encoding: Option<u8>,
    pub spatial: u8,
    pub temporal: u8,
    pub packets: u64,
    pub bytes: u64,
    pub bitrate_bps: u64,
    pub retransmitted: u64,
    pub keyframe_requests: u64,
    pub switches: u64,
}

/// Milliseconds since `then`, or -1 when there was no such time.
pub fn age_ms(then: Option<u64>, now_ns: u64) -> i64 {
    then.map_or(-1, |then| (now_ns.saturating_sub(then) / 1_000_000) as i64)
}
