//! Statistics as Python sees them.

use crate::report::{Snapshot, SourceReport, TransportReport};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Engine-wide numbers.
#[pyclass(frozen, get_all, module = "octoengine")]
pub struct EngineStats {
    counters: BTreeMap<&'static str, u64>,
    thread_cpu_ns: u64,
    uptime_ns: u64,
    queue_fill: f64,
}

impl EngineStats {
    /// From the thread's snapshot and the queues' fill.
    pub fn new(snapshot: &Snapshot, queue_fill: f64) -> Self {
        Self {
            counters: snapshot.ledger.iter().collect(),
            thread_cpu_ns: snapshot.thread_cpu_ns,
            uptime_ns: snapshot.uptime_ns,
            queue_fill,
        }
    }
}

/// Counters of one transport.
#[pyclass(frozen, get_all, module = "octoengine")]
pub struct TransportStats {
    transport: u64,
    packets_received: u64,
    bytes_received: u64,
    packets_sent: u64,
    bytes_sent: u64,
    packets_lost: i64,
    remote_packets_lost: i64,
    remote_fraction_lost: f64,
    rtt_ms: f64,
    received_age_ms: i64,
    media_age_ms: i64,
    consent_age_ms: i64,
}

impl From<TransportReport> for TransportStats {
    fn from(report: TransportReport) -> Self {
        Self {
            transport: report.id,
            packets_received: report.packets_received,
            bytes_received: report.bytes_received,
            packets_sent: report.packets_sent,
            bytes_sent: report.bytes_sent,
            packets_lost: report.packets_lost,
            remote_packets_lost: report.remote_packets_lost,
            remote_fraction_lost: report.remote_fraction_lost,
            rtt_ms: report.rtt_ms,
            received_age_ms: report.received_age_ms,
            media_age_ms: report.media_age_ms,
            consent_age_ms: report.consent_age_ms,
        }
    }
}

/// What one transport received from one SSRC.
#[pyclass(frozen, get_all, module = "octoengine")]
pub struct SourceStats {
    transport: u64,
    ssrc: u32,
    kind: &'static str,
    packets: u64,
    bytes: u64,
    lost: i64,
    duplicates: u64,
    reordered: u64,
    gap_ms: i64,
    age_ms: i64,
    delay_ms_mean: f64,
    delay_ms_max: f64,
    keyframes: u64,
}

impl From<SourceReport> for SourceStats {
    fn from(report: SourceReport) -> Self {
        Self {
            transport: report.id,
            ssrc: report.ssrc,
            kind: report.kind,
            packets: report.packets,
            bytes: report.bytes,
            lost: report.lost,
            duplicates: report.duplicates,
            reordered: report.reordered,
            gap_ms: report.gap_ms,
            age_ms: report.age_ms,
            delay_ms_mean: report.delay_ms_mean,
            delay_ms_max: report.delay_ms_max,
            keyframes: report.keyframes,
        }
    }
}
