//! Engine-wide counters, one name each; whatever is dropped is counted here by its reason.

macro_rules! counters {
    ($($variant:ident => $name:literal),* $(,)?) => {
        /// Index of one engine-wide counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Counter { $($variant),* }

        /// Names as Python sees them, in the order of `Counter`.
        pub const NAMES: &[&str] = &[$($name),*];
    };
}

counters! {
    DatagramsReceived => "datagrams_received",
    DatagramsSent => "datagrams_sent",
    BytesReceived => "bytes_received",
    BytesSent => "bytes_sent",
    PacketsReceived => "packets_received",
    PacketsSent => "packets_sent",
    RtcpReceived => "rtcp_received",
    RtcpSent => "rtcp_sent",
    ReceiveBatches => "receive_batches",
    SendCalls => "send_calls",
    GsoRuns => "gso_runs",
    GsoFallbacks => "gso_fallbacks",
    DroppedByKernel => "datagrams_dropped_kernel",
    DroppedTruncated => "datagrams_dropped_truncated",
    DroppedEmpty => "datagrams_dropped_empty",
    DroppedUnbound => "datagrams_dropped_unbound",
    DroppedUnknownKind => "datagrams_dropped_unknown_kind",
    DroppedNoKeys => "datagrams_dropped_no_keys",
    DroppedMalformedRtp => "datagrams_dropped_malformed_rtp",
    DroppedMalformedRtcp => "datagrams_dropped_malformed_rtcp",
    DroppedMalformedStun => "datagrams_dropped_malformed_stun",
    DroppedStunIntegrity => "datagrams_dropped_stun_integrity",
    DroppedStunRate => "datagrams_dropped_stun_rate",
    DroppedDtlsRate => "datagrams_dropped_dtls_rate",
    DroppedUnknownSource => "datagrams_dropped_unknown_source",
    DroppedSrtpAuth => "datagrams_dropped_srtp_auth",
    DroppedSrtcpAuth => "datagrams_dropped_srtcp_auth",
    DroppedReplayed => "datagrams_dropped_replayed",
    DroppedTooOld => "datagrams_dropped_too_old",
    DroppedLate => "datagrams_dropped_late",
    DroppedMuted => "datagrams_dropped_muted",
    DroppedSilent => "datagrams_dropped_silent",
    DroppedSourceLimit => "datagrams_dropped_source_limit",
    DroppedEventQueue => "datagrams_dropped_event_queue",
    DroppedSendBlocked => "datagrams_dropped_send_blocked",
    DroppedSendFailed => "datagrams_dropped_send_failed",
    DroppedNoPath => "datagrams_dropped_no_path",
    DroppedBeforeStart => "packets_dropped_before_start",
    LeftOut => "packets_left_out",
    DroppedLevels => "audio_levels_dropped",
    DroppedTooLarge => "datagrams_dropped_too_large",
    StunAnswered => "stun_answered",
    StunReported => "stun_reported",
    DtlsReported => "dtls_reported",
    PliReceived => "pli_received",
    PliForwarded => "pli_forwarded",
    FirReceived => "fir_received",
    FirForwarded => "fir_forwarded",
    KeyframeRequestsCoalesced => "keyframe_requests_coalesced",
    NackReceived => "nack_received",
    NacksSent => "nacks_sent",
    KeyframesAsked => "keyframes_asked",
    Retransmitted => "packets_retransmitted",
    RetransmissionsSuppressed => "retransmissions_suppressed",
    RetransmissionsUnknown => "retransmissions_unknown",
    RetransmissionsLimited => "retransmissions_limited",
    Recovered => "packets_recovered",
    RecoveredInVain => "packets_recovered_in_vain",
    RepairsUnknown => "repairs_unknown",
    PaddingReceived => "padding_received",
    FeedbackLimited => "feedback_dropped_rate",
    FeedbackUnknown => "feedback_unknown_source",
    SenderReportsForwarded => "sender_reports_forwarded",
    ReceiverReportsSent => "receiver_reports_sent",
    TransportFeedbackReceived => "transport_feedback_received",
    TransportFeedbackSent => "transport_feedback_sent",
    TransportFeedbackMalformed => "transport_feedback_malformed",
    BandwidthReceived => "remb_received",
    PaddingPackets => "padding_packets",
    PaddingRepeats => "padding_repeats",
    ByesReceived => "byes_received",
    RtcpReported => "rtcp_reported",
    StreamPackets => "stream_packets",
    StreamRetransmissions => "stream_retransmissions",
    StreamKeyframes => "stream_keyframes",
    StreamSkipped => "stream_skipped",
    SinkNacks => "sink_nacks",
    SinkRepaired => "sink_repaired",
    SinkPlis => "sink_plis",
    CommandsApplied => "commands_applied",
    CommandsUnknownTransport => "commands_ignored_unknown_transport",
    CommandsUnknownSource => "commands_ignored_unknown_source",
    CommandsUnknownSocket => "commands_ignored_unknown_socket",
    CommandsDuplicate => "commands_ignored_duplicate",
    CommandsRefusedRoute => "commands_refused_route",
    CommandsRefusedLimit => "commands_refused_limit",
}

/// The values of all counters; owned by the engine's thread.
#[derive(Clone)]
pub struct Ledger([u64; NAMES.len()]);

impl Default for Ledger {
    fn default() -> Self {
        Self([0; NAMES.len()])
    }
}

impl Ledger {
    /// Count one.
    #[inline]
    pub fn one(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Count `amount`.
    #[inline]
    pub fn add(&mut self, counter: Counter, amount: u64) {
        self.0[counter as usize] = self.0[counter as usize].wrapping_add(amount);
    }

    /// The value of one counter.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Names and values of all counters.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        NAMES.iter().copied().zip(self.0.iter().copied())
    }
}
