//! RTCP: a total parser of compound packets and builders of the few packets we send.

mod build;
mod parse;
pub mod transport_cc;

pub use build::{Builder, Sent};
pub use parse::{
    Malformed, Nack, Packet, Packets, ReportBlock, bandwidth, fir_targets, nacks, words,
};

/// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
pub mod kind {
    pub const SENDER_REPORT: u8 = 200;
    pub const RECEIVER_REPORT: u8 = 201;
    pub const DESCRIPTION: u8 = 202;
    pub const GOODBYE: u8 = 203;
    pub const TRANSPORT_FEEDBACK: u8 = 205;
    pub const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Formats of the feedback packets (RFC 4585 §6.2.1 and 6.3, RFC 5104 §4.3.1).
pub mod format {
    pub const NACK: u8 = 1;
    pub const PICTURE_LOSS: u8 = 1;
    pub const FULL_INTRA: u8 = 4;
    pub const APPLICATION: u8 = 15;
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1
    pub const TRANSPORT_WIDE: u8 = 15;
}
