//! Statistics as Python sees them.

use crate::report::{DowntrackReport, Snapshot, SourceReport, TransportReport};
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
    bandwidth_bps: i64,
    padding_bytes: u64,
    retransmitted: u64,
    nacks_received: u64,
    plis_received: u64,
    memory_bytes: u64,
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
            bandwidth_bps: report.bandwidth_bps,
            padding_bytes: report.padding_bytes,
            retransmitted: report.retransmitted,
            nacks_received: report.nacks_received,
            plis_received: report.plis_received,
            memory_bytes: report.memory_bytes,
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
    bitrate_bps: u64,
    layer_bps: Vec<(u64, u64, u64)>,
    frames_per_second: f64,
    width: u16,
    height: u16,
    nacks_sent: u64,
    recovered: u64,
    frames: u64,
    frames_expected: u64,
    muted_dropped: u64,
    silent_dropped: u64,
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
            bitrate_bps: report.layer_bps.last().map_or(0, |row| row[2]),
            layer_bps: report.layer_bps.into_iter().map(Into::into).collect(),
            frames_per_second: report.frames_per_second,
            width: report.width,
            height: report.height,
            nacks_sent: report.nacks_sent,
            recovered: report.recovered,
            frames: report.frames,
            frames_expected: report.frames_expected,
            muted_dropped: report.muted_dropped,
            silent_dropped: report.silent_dropped,
        }
    }
}

/// What one receiver gets of one source.
#[pyclass(frozen, get_all, module = "octoengine")]
pub struct DowntrackStats {
    transport: u64,
    out_ssrc: u32,
    sender: u64,
    ssrc: u32,
    target_encoding: i32,
    target_spatial: u8,
    target_temporal: u8,
    encoding: i32,
    spatial: u8,
    temporal: u8,
    packets: u64,
    bytes: u64,
    bitrate_bps: u64,
    retransmitted: u64,
    keyframe_requests: u64,
    switches: u64,
}

impl From<DowntrackReport> for DowntrackStats {
    fn from(report: DowntrackReport) -> Self {
        Self {
            transport: report.id,
            out_ssrc: report.out_ssrc,
            sender: report.sender,
            ssrc: report.ssrc,
            target_encoding: report.aim.encoding.map_or(-1, i32::from),
            target_spatial: report.aim.spatial,
            target_temporal: report.aim.temporal,
            encoding: report.encoding.map_or(-1, i32::from),
            spatial: report.spatial,
            temporal: report.temporal,
            packets: report.packets,
            bytes: report.bytes,
            bitrate_bps: report.bitrate_bps,
            retransmitted: report.retransmitted,
            keyframe_requests: report.keyframe_requests,
            switches: report.switches,
        }
    }
}
