//! Counters as they are handed to Python.

use crate::counter::Ledger;
use crate::instruction::TransportId;

/// Engine-wide numbers.
pub struct Snapshot {
    pub ledger: Ledger,
    pub thread_cpu_ns: u64,
    pub uptime_ns: u64,
    /// How full the fullest socket's receive buffer is, 0..1.
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
}

/// Milliseconds since `then`, or -1 when there was no such time.
pub fn age_ms(then: Option<u64>, now_ns: u64) -> i64 {
    then.map_or(-1, |then| (now_ns.saturating_sub(then) / 1_000_000) as i64)
}
