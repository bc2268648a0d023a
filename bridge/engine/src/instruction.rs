//! What Python may ask of the engine's thread, already validated.

use crate::net::UdpSocket;
use crate::report::{DowntrackReport, Snapshot, SourceReport, TransportReport};
use crate::rtp::extension::LONGEST_MID;
use crate::rtp::{Extensions, PayloadTypes};
use crate::srtp::Keys;
use crate::stream::Shape;
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use zeroize::Zeroizing;

/// A transport's number, chosen by Python.
pub type TransportId = u64;

/// The CNAME of a transport's sources: what one person sends shares a clock, nothing else does.
pub fn cname(id: TransportId) -> [u8; 16] {
    let digit = |at: usize| b"0123456789abcdef"[(id >> (60 - 4 * at)) as usize & 0xf];
    std::array::from_fn(digit)
}

/// What a source carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
    Rtx,
    Fec,
}

impl Kind {
    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "audio" => Some(Self::Audio),
            "video" => Some(Self::Video),
            "rtx" => Some(Self::Rtx),
            "fec" => Some(Self::Fec),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Rtx => "rtx",
            Self::Fec => "fec",
        }
    }
}

/// A remote address as seen from one of our sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    pub socket: u32,
    pub peer: SocketAddr,
}

/// Session keys of both directions, and a digest that tells the same ones apart from new ones.
pub struct KeyPair {
    pub receive: Keys,
    pub send: Keys,
    pub digest: [u8; 32],
}

/// Which feedback a peer negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub transport_cc: bool,
    pub remb: bool,
    pub nack: bool,
}

/// How a receiver gets a source: the SSRCs it sees, and the mid stamped on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// 0 = the source's own.
    pub ssrc: u32,
    /// 0 = repairs are sent plain.
    pub rtx_ssrc: u32,
    pub mid: Mid,
    /// This one SSRC as it comes, whatever picture it belongs to: for relays.
    pub whole: bool,
}

/// A media identification tag; empty = none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mid {
    bytes: [u8; LONGEST_MID],
    len: u8,
}

impl Mid {
    /// The tag of this text; `None` when it is too long to be stamped.
    pub fn new(text: &str) -> Option<Self> {
        let mut mid = Self { len: u8::try_from(text.len()).ok()?, ..Self::default() };
        mid.bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(mid)
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// What a receiver is to get of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// Index of the encoding; `None` = send nothing.
    pub encoding: Option<u8>,
    /// Highest spatial layer, of a stream that has several.
    pub spatial: u8,
    /// Highest temporal layer.
    pub temporal: u8,
}

impl Default for Aim {
    fn default() -> Self {
        Self { encoding: Some(0), spatial: ALL_SPATIAL, temporal: ALL_TEMPORAL }
    }
}

/// No spatial layer is higher.
pub const ALL_SPATIAL: u8 = 2;
/// No temporal layer is higher.
pub const ALL_TEMPORAL: u8 = 2;

/// One command for the engine's thread; `boundary::command` makes them.
pub enum Instruction {
    AddSocket { socket: u32, udp: UdpSocket },
    RemoveSocket { socket: u32, done: SyncSender<()> },
    AddTransport { id: TransportId, group: u64, mesh: u64, sink: bool, rtcp_ssrc: u32 },
    RemoveTransport { id: TransportId },
    SetIce { id: TransportId, ufrag: String, password: Zeroizing<String> },
    Bind { id: TransportId, path: Path },
    Select { id: TransportId, path: Path },
    SetKeys { id: TransportId, keys: Box<KeyPair> },
    SetPayloadTypes { id: TransportId, payload_types: Box<PayloadTypes> },
    SetExtensions { id: TransportId, extensions: Extensions },
    SetFeedback { id: TransportId, feedback: Feedback },
    AddSource { id: TransportId, ssrc: u32, kind: Kind, repairs: u32 },
    SetEncodings { id: TransportId, ssrcs: Vec<u32> },
    RemoveSource { id: TransportId, ssrc: u32 },
    Subscribe { receiver: TransportId, sender: TransportId, ssrc: u32, slot: Slot },
    SetTarget { receiver: TransportId, sender: TransportId, ssrc: u32, aim: Aim },
    RequestKeyframe { id: TransportId, ssrc: u32 },
    SetProbing { id: TransportId, bits_per_second: u64 },
    Unsubscribe { receiver: TransportId, sender: TransportId, ssrc: u32 },
    SetMuted { id: TransportId, ssrc: u32, muted: bool },
    SendDatagram { path: Path, data: Vec<u8> },
    SendData { id: TransportId, data: Vec<u8> },
    SendRtcp { id: TransportId, data: Vec<u8> },
    StartStream { id: TransportId, ssrc: u32, shape: Shape },
    StopStream { id: TransportId, ssrc: u32 },
    ReportEngine { reply: SyncSender<Snapshot> },
    ReportTransports { ids: Vec<TransportId>, reply: SyncSender<Vec<TransportReport>> },
    ReportDowntracks { ids: Vec<TransportId>, reply: SyncSender<Vec<DowntrackReport>> },
    ReportSources { ids: Vec<TransportId>, reply: SyncSender<Vec<SourceReport>> },
}

impl Instruction {
    /// The transport that a command is about, where it is about exactly one.
    pub fn transport(&self) -> Option<TransportId> {
        match self {
            Self::RemoveTransport { id }
            | Self::SetIce { id, .. }
            | Self::Bind { id, .. }
            | Self::Select { id, .. }
            | Self::SetKeys { id, .. }
            | Self::SetPayloadTypes { id, .. }
            | Self::SetExtensions { id, .. }
            | Self::SetFeedback { id, .. }
            | Self::AddSource { id, .. }
            | Self::SetEncodings { id, .. }
            | Self::RequestKeyframe { id, .. }
            | Self::SetProbing { id, .. }
            | Self::RemoveSource { id, .. }
            | Self::SetMuted { id, .. }
            | Self::SendData { id, .. }
            | Self::SendRtcp { id, .. }
            | Self::StartStream { id, .. }
            | Self::StopStream { id, .. } => Some(*id),
            _ => None,
        }
    }
}
